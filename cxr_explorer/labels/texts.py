"""How labels and counts are put into words, everywhere alike."""

from __future__ import annotations

from collections.abc import Mapping

from cxr_explorer.labels.label import Value

VALUE_WORDS = {Value.PRESENT: "present", Value.ABSENT: "absent", Value.UNCERTAIN: "uncertain"}
VALUES_BY_WORD = {word: value for value, word in VALUE_WORDS.items()}


def finding_text(finding: str) -> str:
    """A finding as it is shown: "Pleural Thickening" of "Pleural_Thickening"."""
    return finding.replace("_", " ")


def images_text(count: int) -> str:
    """ "1 image", "1,204 images"."""
    return f"{count:,} image{'' if count == 1 else 's'}"


def keys_text(changed: Mapping[int, str]) -> str:
    """Which number keys stand for other findings than before; see `vocabulary.changed_keys`."""
    now = ", ".join(f"{number} {finding_text(one) or 'nothing'}" for number, one in changed.items())
    return f"Keys stand for other findings now: {now}"
