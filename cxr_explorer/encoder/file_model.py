"""A model that is not here: only its embeddings came, in a file."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

NO_ENCODER = (
    "The map was made of embeddings that came in a file: no encoder of theirs is here to look at another picture. "
    "Compare with an image of the project, or put the picture into its folder and make the file anew with it."
)
"""What is said where a picture outside the project is to be compared."""

_PREFIX = "file-"

KEYS_LIKE = f"{_PREFIX}%"
"""What the keys are LIKE, for SQL; `is_of_file` for one."""


@dataclass(frozen=True)
class FileModel:
    """Whose embeddings a file holds. It can embed nothing: no network of it is here.

    Attributes:
        key: "file-", the model's name and 12 hex digits over name and D: embeddings with the same key are comparable.
        file: Name of the file they came in first.
        dimension: D, the length of an embedding.
    """

    key: str
    file: str
    dimension: int

    @property
    def name(self) -> str:
        """In words, as it is stored and shown where an encoder's name is."""
        return f"embeddings from {self.file}"


def file_model(name: str, file: str, dimension: int) -> FileModel:
    """The model of that name whose embeddings have that length; blanks and signs in the name become dashes."""
    plain = re.sub(r"[^\w.+]+", "-", name).strip("-") or "model"
    digits = hashlib.sha256(json.dumps([plain, dimension]).encode()).hexdigest()[:12]
    return FileModel(f"{_PREFIX}{plain}-{digits}", file, dimension)


def is_of_file(encoder_key: str) -> bool:
    """Whether the embeddings of this key came in a file."""
    return encoder_key.startswith(_PREFIX)
