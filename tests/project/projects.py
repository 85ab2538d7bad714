"""Projects for tests: images that exist in the database only."""

from pathlib import Path

import numpy as np

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Embedded, Unreadable
from cxr_explorer.images.preprocess import InputSpec
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project.project import Project

ENCODER = EncoderInfo(Path("nowhere"), "toy", "Toy", "toy", 3, InputSpec(32), "0" * 64, "toy-1", "For tests")
FINDINGS = Vocabulary("Test", ("Effusion", "Nodule"))


def files(*paths: str, size: int = 10, mtime: int = 1) -> list[ScannedFile]:
    return [ScannedFile(path, size, mtime) for path in paths]


def new_project(tmp_path: Path, count: int = 6) -> Project:
    folder = tmp_path / "images"
    folder.mkdir(exist_ok=True)
    project = Project.create(tmp_path / "test.cxr", folder, FINDINGS)
    project.update_files(files(*(f"{number:02}.png" for number in range(count))), [])
    return project


def embedded(image_id: int, digest: str = "d") -> Embedded:
    vector = np.array([image_id, 1, 0], np.float32)
    return Embedded(image_id, vector, b"jpeg", f"{digest}{image_id}", 20, 30, {"view": "PA"}, ("a note",))


def embed_all(project: Project, failing: tuple[int, ...] = ()) -> None:
    ids = [source.image_id for source in project.pending(ENCODER.key)]
    good = tuple(embedded(image_id) for image_id in ids if image_id not in failing)
    bad = tuple(Unreadable(image_id, "broken", f"d{image_id}") for image_id in ids if image_id in failing)
    project.store_batch(ENCODER, Batch(good, bad))
