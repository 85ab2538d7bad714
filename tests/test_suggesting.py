"""Suggestions of a whole project: the way of the simulated reader, on a real project file."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.cli import main as cli
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.labels.label import How, Judgement, LabelBound, Value
from cxr_explorer.probes.evidence import drawing_order, mixed
from cxr_explorer.probes.features import prepare
from cxr_explorer.probes.probe import batch_size, fit_probe, next_to_read
from cxr_explorer.probes.probe_set import load_probes
from cxr_explorer.project import acts, exporting, label_columns, labelling
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.project import Project
from cxr_explorer.project.suggestions import PROBES_SETTING, AcceptedWith, accept
from cxr_explorer.suggesting import Question, Suggester, converse, save_probe_set
from cxr_explorer.worker import Conversation, Job
from tests.project import projects
from tests.project.projects import FINDINGS, files

DIMENSION = 12
ENCODER = replace(projects.ENCODER, dimension=DIMENSION)  # embeddings of another length count as damaged

COUNT = 240
ASKED = Question("Effusion", "ann")


def truth_of(count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(7).random(count) < 0.4


def make_project(home: Path, name: str = "test", seed: int = 0, apart: float = 3) -> Path:
    """Images in two groups that differ in the finding, and overlap unless they lie far apart."""
    (home / "images").mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((COUNT, DIMENSION)).astype(np.float32)
    vectors[:, 0] += apart * truth_of()
    with Project.create(home / f"{name}.cxr", home / "images", FINDINGS) as project:
        project.update_files(files(*(f"{number:03}.png" for number in range(COUNT))), [])
        ids = [source.image_id for source in project.pending(ENCODER.key)]
        items = [
            Embedded(image_id, vector, b"jpeg", "d", 20, 30, {}, ())
            for image_id, vector in zip(ids, vectors, strict=True)
        ]
        project.store_batch(ENCODER, Batch(tuple(items), ()))
        clusters = (np.arange(COUNT) % 5 - 1).astype(np.int32)
        one = np.ones(COUNT, np.float32)
        xy = random.standard_normal((COUNT, 2)).astype(np.float32)
        project.store_map(ENCODER, MapParameters().to_dict(), np.array(ids), BuiltMap(xy, clusters, one, one, one))
        return project.path


def read(project: Project, ids: np.ndarray, finding: str = "Effusion", drawn: np.ndarray | None = None) -> None:
    """The reader's answers, of which some were drawn at random by Read next."""
    right = truth_of()
    map_id = project.latest_map().map_id  # type: ignore[union-attr]
    for image_id in ids.tolist():
        value = Value.PRESENT if right[image_id - 1] else Value.ABSENT
        how: How = "random" if drawn is not None and image_id in drawn else "single"
        labelling.label(project, np.array([image_id]), Judgement(finding, value, "ann", how, map_id=map_id))


def read_with_looks(project: Project, others: int = 60, looks: int = 40) -> None:
    read(project, np.arange(1, others + 1))
    read(project, np.arange(others + 1, others + looks + 1), drawn=np.arange(others + 1, others + looks + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture
def project(path: Path):
    with Project.open(path) as opened:
        yield opened


def test_reading_what_is_queued_reads_what_the_simulated_reader_reads(project: Project):
    """Image by image, the sequence `training.simulated_reader` plays: no probe learns from what was drawn at random."""
    suggester = Suggester(project)
    done: list[int] = []
    while len(done) < 60:
        found = suggester.suggest(ASKED)
        read(project, found.queue, drawn=found.drawn)
        done += (found.queue - 1).tolist()
    _, embeddings = project.embeddings(ENCODER.key)
    features, clusters, truth = prepare(embeddings), np.arange(COUNT) % 5 - 1, truth_of()
    order = drawing_order(np.arange(1, COUNT + 1), "Effusion") - 1
    mask = np.zeros(COUNT, bool)
    rows, drawn = mixed(next_to_read(features, clusters, mask, None, COUNT), order)
    learnt = rows[~drawn]
    while len(rows) < len(done):
        mask[rows] = True
        probe = fit_probe(features, np.sort(learnt), truth[np.sort(learnt)])
        queue = next_to_read(features, clusters, mask, probe, batch_size(COUNT))
        more, drawn = mixed(queue, order[~mask[order]])
        rows, learnt = np.append(rows, more), np.append(learnt, more[~drawn])
    assert done == rows.tolist()


def test_before_any_answer_contact_sheets_are_queued_and_nothing_is_suggested(project: Project):
    found = Suggester(project).suggest(ASKED)
    assert found.sheets
    assert len(set(found.queue.tolist()) - set(found.drawn.tolist())) in range(8, 13) and len(found.drawn) == 4
    assert found.probabilities is None
    assert not found.enough
    assert (found.present, found.absent, found.left) == (0, 0, COUNT)


def test_a_sheet_begun_is_read_to_its_end_before_single_images(project: Project):
    suggester = Suggester(project)
    found = suggester.suggest(ASKED)
    chosen = found.queue[~np.isin(found.queue, found.drawn)]
    read(project, chosen[:5])
    rest = suggester.suggest(ASKED)
    assert rest.sheets
    assert rest.queue[~np.isin(rest.queue, rest.drawn)].tolist() == chosen[5:].tolist()
    read(project, rest.queue)
    assert not suggester.suggest(ASKED).sheets


def test_with_answers_enough_the_suggestions_are_mostly_right(project: Project):
    read(project, np.arange(1, 61))
    found = Suggester(project).suggest(ASKED)
    assert found.enough and not found.in_numbers
    assert "only images drawn at random and read can tell. There are 0 of these; 30 are needed" in found.reason
    assert found.probabilities is not None
    assert ((found.probabilities > 0.5) == truth_of()).mean() > 0.85
    assert found.left == COUNT - 60
    assert not np.isin(found.queue, np.arange(1, 61)).any()


def test_few_answers_of_a_kind_are_not_enough(project: Project):
    right = truth_of()
    read(project, np.flatnonzero(right)[:20] + 1)
    read(project, np.flatnonzero(~right)[:3] + 1)
    found = Suggester(project).suggest(ASKED)
    assert (found.present, found.absent) == (20, 3)
    assert found.probabilities is None and not found.enough
    assert "8 of each are needed" in found.reason


def test_labels_given_in_bulk_never_bring_a_figure(project: Project):
    right = truth_of()
    map_id = project.latest_map().map_id  # type: ignore[union-attr]
    for value in Value.PRESENT, Value.ABSENT:
        ids = np.flatnonzero(right == bool(value))[:70] + 1
        labelling.label(project, ids, Judgement("Effusion", value, "ann", "cluster", 3, map_id))
    found = Suggester(project).suggest(ASKED)
    assert found.enough and not found.in_numbers
    assert len(found.looks) == 0
    assert "30 are needed" in found.reason


def test_looks_are_predicted_by_a_probe_that_has_not_learnt_from_them(project: Project):
    read(project, np.arange(1, 61))
    before = Suggester(project).suggest(ASKED).probabilities
    read(project, np.arange(61, 90), drawn=np.arange(61, 90))
    found = Suggester(project).suggest(ASKED)
    assert len(found.looks) == 29 and not found.in_numbers
    np.testing.assert_array_equal(found.probabilities, before)
    assert found.look_ids.tolist() == list(range(61, 90))
    np.testing.assert_array_equal(found.looks.probabilities, before[60:89])  # type: ignore[index]
    read(project, np.arange(90, 101), drawn=np.arange(90, 101))
    found = Suggester(project).suggest(ASKED)
    assert found.in_numbers and found.reason == ""
    assert found.probabilities is not None and found.probabilities.max() < 1
    assert (found.present + found.absent, found.read) == (100, 100)


def test_looks_are_learnt_from_while_nothing_could_be_suggested_without_them(project: Project):
    read(project, np.arange(1, 41), drawn=np.arange(1, 41))
    found = Suggester(project).suggest(ASKED)
    assert found.enough and not found.in_numbers and len(found.looks) == 0


def test_looks_stand_for_what_is_left_until_something_is_labelled_in_bulk(project: Project):
    read_with_looks(project)
    assert len(Suggester(project).suggest(ASKED).looks) == 40
    map_id = project.latest_map().map_id  # type: ignore[union-attr]
    said = Judgement("Effusion", Value.ABSENT, "ann", "lasso", map_id=map_id)
    labelling.label(project, np.arange(110, 130), said)
    found = Suggester(project).suggest(ASKED)
    assert len(found.looks) == 0 and not found.in_numbers
    acts.undo(project)
    assert len(Suggester(project).suggest(ASKED).looks) == 40
    labelling.label(project, np.arange(110, 130), Judgement("Nodule", Value.ABSENT, "ann", "lasso"))  # another finding
    labelling.label(project, np.arange(110, 130), Judgement("Effusion", Value.ABSENT, "bob", "lasso"))  # another reader
    assert len(Suggester(project).suggest(ASKED).looks) == 40


def test_a_look_that_the_reader_thinks_better_of_stays_a_look(project: Project):
    read_with_looks(project)
    map_id = project.latest_map().map_id  # type: ignore[union-attr]
    labelling.label(project, np.array([70]), Judgement("Effusion", Value.UNCERTAIN, "ann", "single", map_id=map_id))
    found = Suggester(project).suggest(ASKED)
    assert len(found.looks) == 40
    assert not found.looks.right[found.look_ids.tolist().index(70)]


def test_the_same_answers_are_not_fitted_twice(project: Project, monkeypatch: pytest.MonkeyPatch):
    read(project, np.arange(1, 31))
    suggester = Suggester(project)
    first = suggester.suggest(ASKED)
    monkeypatch.setattr("cxr_explorer.suggesting.fit_probe", None)
    assert suggester.suggest(ASKED).probabilities is first.probabilities


def test_accepted_suggestions_are_settled_and_teach_nothing(project: Project):
    read(project, np.arange(1, 61))
    suggester = Suggester(project)
    before = suggester.suggest(ASKED)
    accept(project, np.arange(61, 121), np.array([], int), "Effusion", "ann")
    after = suggester.suggest(ASKED)
    assert (after.present, after.absent, after.left) == (before.present, before.absent, before.left - 60)
    assert after.accepted == 60
    np.testing.assert_array_equal(after.probabilities, before.probabilities)


def test_an_image_whose_file_is_gone_is_neither_suggested_nor_queued(project: Project):
    read(project, np.arange(1, 61))
    project.db.execute("UPDATE images SET missing = 1 WHERE id = 100")
    found = Suggester(project).suggest(ASKED)
    assert found.probabilities is not None
    assert np.flatnonzero(np.isnan(found.probabilities)).tolist() == [99]
    assert found.left == COUNT - 61


def test_a_child_process_answers_from_the_project_as_it_is_when_asked(project: Project):
    talk = Conversation(converse, project.path)
    counts = []
    for end in (20, 40):
        read(project, np.arange(1, end + 1))
        talk.send(ASKED)
        while not (items := talk.receive(10)):
            pass
        counts.append(items[0].present + items[0].absent)
    talk.cancel()
    assert counts == [20, 40]


def test_saved_probes_serve_a_project_without_labels(project: Project, tmp_path: Path):
    read(project, np.arange(1, 101))
    job = Job(save_probe_set, project.path, tmp_path, "mine", "ann")
    items = []
    while not job.finished:
        items += job.receive(10)
    ((saved, probes),) = items
    assert [one.finding for one in probes.probes] == ["Effusion"]
    with Project.open(make_project(tmp_path, "other", seed=5)) as other:
        assert not Suggester(other).suggest(ASKED).enough
        other.set(PROBES_SETTING, str(saved))
        found = Suggester(other).suggest(ASKED)
        assert found.enough and not found.in_numbers
        assert found.source == "mine"
        assert found.probabilities is not None
        assert ((found.probabilities > 0.5) == truth_of()).mean() > 0.85
        read(other, np.arange(1, 61))
        assert Suggester(other).suggest(ASKED).source == ""


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    assert cli.main([*map(str, arguments), "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_suggest_and_accept_without_a_window(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with Project.open(path) as project:
        read_with_looks(project, looks=80)
    out = tmp_path / "out.csv"
    asked = ("suggest", path, "--finding", "effusion", "--reader", "ann", "--out", out)
    (found,) = run(capsys, *asked)["findings"]  # type: ignore[misc]
    assert (found["present"] + found["absent"], found["without_label"], found["enough"]) == (140, 100, True)
    assert (found["calibrated"], found["reason"], found["looks"]) == (True, "", 80)
    assert set(found["drawn_at_random"]) < set(found["read_next"])
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == COUNT
    assert 0 <= float(rows[0]["Effusion"]) <= 1
    (accepted,) = run(capsys, *asked, "--accept", "0.3")["findings"]  # type: ignore[misc]
    done = accepted["accepted"]
    assert accepted["standing"]["never_audited"] == done["present"] + done["absent"]
    assert accepted["standing"]["sure"] == 0
    assert done["present"] > 0 and done["absent"] > 0
    assert 0 < done["error_bound"] <= 0.3 and done["confidence"] == 0.9
    exported = tmp_path / "labels.csv"
    with Project.open(path) as project:
        labels = label_columns.label_column(project, "Effusion", "ann")
        assert len(labels.image_ids) == 140 + done["present"] + done["absent"]
        exporting.export_labels(project, exported, "long")
        bounds = {row.how: row.bound for row in exporting.label_rows(project)}
        assert bounds["suggestion"] == LabelBound(None, pytest.approx(done["error_bound"], abs=1e-6), 0.9, "valid")
        assert bounds["single"] is bounds["random"] is None
        acts.undo(project)
        assert all(row.bound is None for row in exporting.label_rows(project))
    rows = [row for row in csv.DictReader(exported.read_text().splitlines()) if row["how"] == "suggestion"]
    assert len(rows) == done["present"] + done["absent"]
    assert {(row["audit"], row["confidence"], row["audit_state"]) for row in rows} == {("", "0.9", "valid")}
    assert 0 < float(rows[0]["error_bound"]) <= 0.3


def test_where_looks_are_too_few_nothing_is_accepted_and_it_says_why(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with Project.open(path) as project:
        read_with_looks(project, looks=10)
    out = tmp_path / "out.csv"
    asked = ("suggest", path, "--finding", "effusion", "--reader", "ann", "--accept", "0.05", "--out", out)
    (found,) = run(capsys, *asked)["findings"]  # type: ignore[misc]
    assert (found["calibrated"], found["came_true"]) == (False, None)
    assert "There are 10 of these; 30 are needed" in found["reason"]
    done = found["accepted"]
    assert (done["present"], done["absent"], done["error_bound"]) == (0, 0, None)
    assert done["more_looks"] > 20
    assert out.read_text().splitlines()[0] == "file"  # no figures, no column


def test_the_bound_goes_stale_when_others_of_the_accepted_labels_change_unread(project: Project):
    known = AcceptedWith(0.04, 0.9, 60, 0)
    accept(project, np.arange(101, 121), np.arange(121, 141), "Effusion", "ann", None, known)

    def states() -> dict[str, int]:
        bounds = label_bounds(project).get(("Effusion", "ann"), {})
        return Counter(bound.state for bound in bounds.values())

    assert states() == {"valid": 40}
    read(project, np.array([101, 130]))
    assert states()["stale"] == 0
    labelling.label(project, np.arange(110, 113), Judgement("Effusion", Value.ABSENT, "ann", "lasso"))
    assert states()["valid"] == 0 and states()["stale"] > 30


def test_without_labels_enough_suggest_says_so(path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["suggest", str(path), "--accept", "0.05"]) == 0
    assert capsys.readouterr().out.count("Too few labels") == 2


@pytest.mark.parametrize("arguments", [("--accept", "0.6"), ("--accept", "much"), ("--confidence", "0.2")])
def test_a_limit_that_is_none_is_wrong_usage(path: Path, arguments: tuple[str, str]):
    assert cli.main(["suggest", str(path), *arguments]) == 2


def test_an_unknown_finding_is_named(path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["suggest", str(path), "--finding", "Gout"]) == 1
    assert "Effusion, Nodule" in capsys.readouterr().err


def test_probes_are_saved_and_applied_without_a_window(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with Project.open(path) as project:
        read(project, np.arange(1, 101))
        read(project, np.arange(1, 4), "Nodule")
    saved = run(capsys, "probes", "save", path, "mine", "--folder", tmp_path / "probes", "--reader", "ann")
    assert load_probes(Path(str(saved["path"]))).encoder_key == ENCODER.key
    assert list(saved["too_few"]) == ["Nodule"]  # type: ignore[call-overload]
    other, out = make_project(tmp_path, "other", seed=5), tmp_path / "out.csv"
    assert run(capsys, "probes", "apply", other, saved["path"], out)["findings"] == ["Effusion"]
    chances = [float(row["Effusion"]) for row in csv.DictReader(out.read_text(encoding="utf-8").splitlines())]
    assert ((np.array(chances) > 0.5) == truth_of()).mean() > 0.85


def test_probes_of_another_encoder_are_refused(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with Project.open(path) as project:
        read(project, np.arange(1, 101))
        project.db.execute("UPDATE encoders SET key = 'other-2'")
    run(capsys, "probes", "save", path, "mine", "--folder", tmp_path, "--reader", "ann")
    with Project.open(path) as project:
        project.db.execute("UPDATE encoders SET key = 'toy-1'")
    assert cli.main(["probes", "apply", str(path), str(tmp_path / "probes-mine.json"), str(tmp_path / "o.csv")]) == 1
    told = capsys.readouterr().err
    assert "other-2" in told and "is not here" in told and "save probes anew" in told


def test_probes_of_another_encoder_that_is_here_say_to_index_with_it(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with Project.open(path) as project:
        read(project, np.arange(1, 101))
        project.db.execute("UPDATE encoders SET key = ?", [default_encoder().key])
    run(capsys, "probes", "save", path, "mine", "--folder", tmp_path, "--reader", "ann")
    with Project.open(path) as project:
        project.db.execute("UPDATE encoders SET key = 'toy-1'")
    assert cli.main(["probes", "apply", str(path), str(tmp_path / "probes-mine.json"), str(tmp_path / "o.csv")]) == 1
    assert "Index the folder with that encoder first" in capsys.readouterr().err
