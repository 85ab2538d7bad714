"""The simulated reader: honest bookkeeping, and a command line that ends in one line of JSON."""

import json

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.probes.evidence import RANDOM_EVERY
from cxr_explorer.probes.features import prepare
from cxr_explorer.probes.probe import sheet_images
from cxr_explorer.project.project import Project
from training import simulated_reader
from training.reader_simulation import gather, main, read_truth, to_dict, to_text
from training.simulated_reader import simulate

ENCODER = EncoderInfo(".", "toy", "Toy", "toy", 8, InputSpec(32), "0" * 64, "toy-1", "For tests")


def two_groups(count=300, apart=2.5, seed=0):
    random = np.random.default_rng(seed)
    truth = random.random(count) < 0.4
    rows = random.standard_normal((count, 8)).astype(np.float32)
    rows[:, 0] += apart * truth
    return rows, truth, (rows[:, 0] > 1).astype(np.int32)


@pytest.fixture(scope="module")
def played():
    rows, truth, clusters = two_groups()
    return simulate(lambda seed: prepare(rows, seed=seed), clusters, truth, looked=(0.02, 0.1, 0.3, 1.0), seeds=(0, 1))


def test_exactly_the_share_is_looked_at_sheets_included(played):
    for run in (*played.chosen, *played.random):
        assert [point.looked for point in run] == [0.02, 0.1, 0.3, 1.0]


def test_what_was_looked_at_is_right(played):
    for run in (*played.chosen, *played.random):
        assert all(point.accuracy >= point.looked for point in run)
        assert run[-1].accuracy == 1.0


def test_choosing_beats_random_reading_and_the_majority_answer(played):
    chosen, random = (np.mean([run[2].accuracy for run in runs]) for runs in (played.chosen, played.random))
    assert chosen > random
    assert chosen > played.majority[2]


def test_the_majority_answer_is_right_on_what_was_read_and_on_its_share_of_the_rest(played):
    share = 1 - played.prevalence
    assert played.majority == pytest.approx([looked + (1 - looked) * share for looked in played.looked])


def test_a_contact_sheet_of_one_kind_is_one_decision_and_a_single_image_one_each():
    rows, _, clusters = two_groups()
    truth = clusters > 0  # every cluster is of one kind
    drawn = sheet_images(300) // (RANDOM_EVERY - 1)
    looked = ((sheet_images(300) + drawn) / 300, 0.1)
    result = simulate(lambda seed: prepare(rows), clusters, truth, looked=looked, seeds=(0,))
    sheets, later = result.chosen[0]
    assert sheets.decisions == 2 + drawn  # images drawn at random are looked at alone
    assert later.decisions == 2 + 30 - sheet_images(300)


def test_nothing_is_claimed_before_there_are_looks_enough(played):
    for run in played.chosen:
        few, more, *_ = (point for point in run if point.looked in (0.1, 0.3))
        assert np.isnan([few.sure, few.sure_precision, few.expected_accuracy]).all()
        assert more.looked < 0.4 or more.expected_accuracy < 1


def test_odd_images_on_a_sheet_cost_a_decision_each():
    decided = simulated_reader._sheet_decisions([np.array([0, 1, 2]), np.array([3, 4])], np.array([1, 1, 0, 0, 0]) > 0)
    assert decided == [1, 1, 2, 3, 3]


def test_the_same_seed_plays_the_same_run():
    rows, truth, clusters = two_groups(120)
    runs = [simulate(lambda seed: prepare(rows, seed=seed), clusters, truth, (0.2,), (7,)) for _ in range(2)]
    assert repr(runs[0]) == repr(runs[1])


def test_the_summary_is_plain_json_with_means_and_ranges(played):
    values = json.loads(json.dumps(to_dict(played), allow_nan=False))
    assert set(values["accuracy_at_looked"]) == {"0.02", "0.1", "0.3", "1"}
    spread = values["accuracy_range"]["0.1"]
    assert spread["min"] <= spread["mean"] <= spread["max"]
    assert values["precision_at_coverage"]["0.3"]["0.5"] >= values["precision_at_coverage"]["0.3"]["1"]
    assert "| 10% |" in to_text(played, "Effusion")


@pytest.fixture
def project(tmp_path):
    rows, truth, clusters = two_groups(80)
    folder = tmp_path / "images"
    folder.mkdir()
    made = Project.create(tmp_path / "p.cxr", folder, Vocabulary("Test", ("Effusion",)))
    made.update_files([ScannedFile(f"a/{i:03}.png", 1, 1) for i in range(80)], [])
    ids = sorted(made.paths())
    done = tuple(Embedded(i, rows[n], b"", f"d{n}", 2, 2, {}, ()) for n, i in enumerate(ids))
    made.store_batch(ENCODER, Batch(done, ()))
    zeros = np.zeros(80, np.float32)
    made.store_map(
        ENCODER, {}, np.array(ids, np.int64), BuiltMap(np.zeros((80, 2), np.float32), clusters, zeros, zeros, zeros)
    )
    made.close()
    table = tmp_path / "truth.csv"
    lines = [f"{i:03}.png,{int(truth[i])}," for i in range(70)] + ["071.png,,1", "elsewhere.png,1,"]
    table.write_text("file,Effusion,Nodule\n" + "\n".join(lines) + "\n")
    return tmp_path / "p.cxr", table, rows, truth


def test_the_command_plays_a_project_and_ends_with_json(project, capsys):
    path, table, _, truth = project
    assert main(["--project", str(path), "--truth", str(table), "--finding", "Effusion", "--seeds", "1", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"0.01", "0.02", "0.05", "0.1", "0.2", "0.3"} <= set(last["accuracy_at_looked"])
    assert last["images"] == 70
    assert last["prevalence"] == pytest.approx(truth[:70].mean(), abs=1e-6)


def test_the_command_reports_at_the_shares_that_are_asked_for(project, capsys):
    path, table, *_ = project
    asked = ["--project", str(path), "--truth", str(table), "--finding", "Effusion", "--seeds", "1", "--json"]
    assert main([*asked, "--looked", "0.4", "0.2"]) == 0
    assert list(json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy_at_looked"]) == ["0.2", "0.4"]
    with pytest.raises(SystemExit):
        main([*asked, "--looked", "8"])


def test_images_without_a_truth_are_left_out_and_the_rest_keeps_its_rows(project):
    path, table, rows, truth = project
    with Project.open_read_only(path) as opened:
        blocks, clusters, answers = gather(opened, read_truth(table, "Effusion"))
    np.testing.assert_array_equal(blocks[0], rows[:70])
    np.testing.assert_array_equal(answers, truth[:70])
    assert len(clusters) == 70


def test_a_project_plays_with_several_encoders(project):
    path, table, *_ = project
    with Project.open_read_only(path) as opened:
        blocks, *_ = gather(opened, read_truth(table, "Effusion"), ["toy-1", "toy-1"])
    assert len(blocks) == 2


@pytest.mark.parametrize(
    ("finding", "words"), [("Mass", "no column 'Mass'"), ("Nodule", "1 images with the finding and 0 without")]
)
def test_an_unusable_truth_is_one_line(project, capsys, finding, words):
    path, table, *_ = project
    assert main(["--project", str(path), "--truth", str(table), "--finding", finding]) == 1
    assert words in capsys.readouterr().err


def test_a_truth_with_other_answers_is_refused(tmp_path):
    table = tmp_path / "truth.csv"
    table.write_text("file,Effusion\na.png,maybe\n")
    with pytest.raises(UserError, match="'maybe'"):
        read_truth(table, "Effusion")


def test_an_encoder_without_these_images_is_refused(project):
    path, table, *_ = project
    with Project.open_read_only(path) as opened, pytest.raises(UserError, match="has not embedded"):
        gather(opened, read_truth(table, "Effusion"), ["other-2"])
