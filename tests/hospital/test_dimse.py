"""What is asked by DICOM's own protocol is answered to the one who asked."""

from __future__ import annotations

import queue
from types import SimpleNamespace

from cxr_explorer.hospital.dimse import _keep_answers_for_the_asker


def test_no_answer_is_lost_to_the_associations_own_thread() -> None:
    """It took single answers of 300 away, four to eight a search on a busy computer: films were not found."""
    answers: queue.Queue[tuple[int, str]] = queue.Queue()

    def get_msg(block: bool = False) -> tuple[int, str] | tuple[None, None]:
        return answers.get(block=block)

    association = SimpleNamespace(dimse=SimpleNamespace(get_msg=get_msg))
    _keep_answers_for_the_asker(association)
    answers.put((1, "found"))
    assert association.dimse.get_msg(block=False) == (None, None)
    assert association.dimse.get_msg() == (None, None)
    assert association.dimse.get_msg(block=True) == (1, "found")
