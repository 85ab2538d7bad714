"""Files made to do harm and damaged ones, in the process that opens files: the short form of `tests.fuzz_files`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_explorer.encoder.embed import Batch, Source, embed
from cxr_explorer.errors import UserError
from cxr_explorer.images import limits
from cxr_explorer.images.read import decode
from tests.encoder.test_model import save, seeded
from tests.fuzz_files import Outcome, mutated, try_files
from tests.hostile_files import CRAFTED, LONG


def holds(outcome: Outcome) -> bool:
    """Within time and memory, an answer or a verdict for each, no bug and nothing on the terminal."""
    within = outcome.worst_s <= 20 and outcome.worst_mb <= 2048
    return within and not outcome.failures and outcome.images + outcome.refused == outcome.files


def test_crafted_files_give_a_picture_or_a_reason_within_the_limits() -> None:
    outcome = try_files((name, make()) for name, make in CRAFTED.items() if name not in LONG)
    assert outcome.files >= 100
    assert holds(outcome), outcome


def test_mutated_files_give_a_picture_or_a_reason_within_the_limits() -> None:
    outcome = try_files(mutated(60, seed=9))
    assert outcome.files == 60
    assert holds(outcome), outcome


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dicom-million-items-voi-defined", "sequence items"),
        ("dicom-million-items-private-undefined", "sequence items"),
        ("dicom-rle-million-fragments", "sequence items"),
        ("dicom-deflated-4000-mb-private", "inflates to over 512 MB"),
        ("jpeg-8000-of-500-scans", "scans in one JPEG"),
        ("dicom-jpeg-2000-of-500-scans", "scans in one JPEG"),
        ("png-says-100000x100000", "Too large"),
    ],
)
def test_what_is_too_much_is_refused_before_it_is_decoded(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        decode(CRAFTED[name]())


def test_of_many_windows_the_first_are_offered_and_it_is_said() -> None:
    radiograph = decode(CRAFTED["dicom-8000-windows-step-1"]())
    assert len(radiograph.alternatives) < limits.MAX_WINDOWS
    assert any("only the first 32 of" in note for note in radiograph.notes)


def test_a_chain_of_pages_is_not_followed_to_its_end() -> None:
    assert decode(CRAFTED["tiff-chain-of-100000"]()).notes == ("first of over 100 pictures in the file",)


def test_a_run_over_hostile_files_goes_on_and_names_each(tmp_path: Path) -> None:
    encoder = save(tmp_path / "encoder", seeded("resnet18"))
    names = [name for name in CRAFTED if name.startswith(("jpeg-", "bmp-", "dicom-says")) and name not in LONG]
    for name in names:
        (tmp_path / name).write_bytes(CRAFTED[name]())
    sources = [Source(number, tmp_path / name) for number, name in enumerate(names)]
    answered: list[int] = []
    for item in embed(sources, encoder.directory, "cpu", 4, tmp_path):
        if isinstance(item, Batch):
            assert not item.postponed
            answered += [one.image_id for one in (*item.embedded, *item.unreadable)]
    assert sorted(answered) == list(range(len(names)))
