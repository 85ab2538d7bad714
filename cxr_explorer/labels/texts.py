"""How labels and counts are put into words, everywhere alike."""

from __future__ import annotations

from cxr_explorer.labels.label import Value

VALUE_WORDS = {Value.PRESENT: "present", Value.ABSENT: "absent", Value.UNCERTAIN: "uncertain"}
VALUES_BY_WORD = {word: value for value, word in VALUE_WORDS.items()}


def finding_text(finding: str) -> str:
    """A finding as it is shown: "Pleural Thickening" of "Pleural_Thickening"."""
    return finding.replace("_", " ")


def images_text(count: int) -> str:
    """ "1 image", "1,204 images"."""
    return f"{count:,} image{'' if count == 1 else 's'}"
