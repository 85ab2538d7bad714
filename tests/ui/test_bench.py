"""The acts of `tests.bench.window` can all be done, whatever they take."""

from pathlib import Path

from tests.bench.big_project import make_big_project
from tests.bench.window import ACTS, Watch, play


def test_every_act_of_the_bench_is_done_and_told_of(qapp: object, tmp_path: Path) -> None:
    project = tmp_path / "big.cxr"
    make_big_project(project, 2000)
    result = play(project, tmp_path, watch=Watch(quiet_s=0.02, rest_s=0.03))
    assert not result["errors"]
    assert list(result["acts"]) == list(ACTS)
    assert {"longest_block_ms", "open_s", "label_all_s", "undo_s", "redo_s"} <= result.keys()
