"""Curves over the share of labels: draws by patient, resuming, where lines cross, what is written."""

import csv
import itertools
import json
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.errors import UserError
from training import few_labels, label_curves
from training.data import index
from training.embeddings import random_encoder, resized_encoder
from training.label_plot import draw
from training.measures import auroc, resamples
from training.supervised import Learnt, Recipe, learn_until_level

# --- draws -----------------------------------------------------------------------------------------------------------


def field_of(patients=60, films=2, test=20, truth=None):
    """So many films a patient; the last patients are held out."""
    numbers = np.repeat(np.arange(patients), films)
    truth = numbers % 2 == 0 if truth is None else truth
    question = SimpleNamespace(name="Effusion", truth=truth, finding=True)
    return few_labels.Field("nih", (), numbers >= patients - test, numbers, (question,))


def test_a_smaller_share_of_one_draw_lies_within_a_larger_and_draws_differ():
    field = field_of()
    shares = [0.02, 0.05, 0.1, 0.5, 1.0]
    rows = [few_labels.draw_rows(field, share, 3) for share in shares]
    for small, large in itertools.pairwise(rows):
        assert not (small & ~large).any()
    assert [int(one.sum()) for one in rows] == [4, 4, 8, 40, 80]
    assert (few_labels.draw_rows(field, 0.5, 0) != few_labels.draw_rows(field, 0.5, 1)).any()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_no_patient_is_in_two_parts(share):
    field = field_of()
    drawn = few_labels.draw_rows(field, share, 0)
    train, check = few_labels.split_drawn(field, drawn, 0)
    parts = [set(field.patients[rows].tolist()) for rows in (train, check, np.flatnonzero(field.test))]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert len(train) + len(check) == drawn.sum()
    assert len(parts[1]) == (8 if share == 1 else 4 if share == 0.5 else 0)  # too few drawn: none is kept apart


def test_a_draw_takes_patients_with_all_their_films():
    field = field_of(films=3)
    drawn = few_labels.draw_rows(field, 0.2, 1)
    assert set(drawn.reshape(-1, 3).sum(axis=1)) == {0, 3}


# --- what the points say ---------------------------------------------------------------------------------------------

HELD = np.repeat(np.arange(100), 2)
TRUTH = np.random.default_rng(0).random(200) < 0.4


def point(method, share, draw, strength, question="Effusion", finding=True):
    random = np.random.default_rng((draw, round(100 * share), len(method)))
    scores = random.standard_normal(200) + strength * TRUTH
    stored = {
        "patients": 10,
        "films": 20,
        "positives": {question: 5},
        "seconds": 1.0,
        "scores": {question: scores.tolist()},
    }
    asked = SimpleNamespace(name=question, truth=TRUTH, finding=finding)
    return label_curves.Point.of("nih", asked, np.ones(200, bool), HELD, method, share, draw, stored)


def result_of(strengths, draws=2, question="Effusion", finding=True):
    points = [
        point(method, share, number, strength, question, finding)
        for method, by_share in strengths.items()
        for share, strength in by_share.items()
        for number in range(draws)
    ]
    return label_curves.summarise(points, ["ours", "theirs"], 200)


def test_lines_cross_at_the_first_share_at_which_the_other_is_no_longer_below():
    result = result_of({"ours": dict.fromkeys((0.1, 0.5, 1.0), 3.0), "theirs": {0.1: 0.2, 0.5: 0.5, 1.0: 3.2}})
    task = result["tasks"]["nih: Effusion"]
    assert task["crossings"]["theirs"] == {"below_at": 0.5, "level_from": 1.0, "above_from": None}
    assert task["enough"]["theirs"]["share"] == 0.1


def test_a_line_that_stays_below_does_not_cross_and_one_above_says_from_where():
    flat = dict.fromkeys((0.1, 1.0), 1.0)
    below = result_of({"ours": dict.fromkeys((0.1, 1.0), 3.0), "theirs": dict.fromkeys((0.1, 1.0), 0.2)})
    above = result_of({"ours": flat, "theirs": {0.1: 1.0, 1.0: 4.0}})
    crossings = [each["tasks"]["nih: Effusion"]["crossings"]["theirs"] for each in (below, above)]
    assert crossings[0] == {"below_at": 1.0, "level_from": None, "above_from": None}
    assert crossings[1]["below_at"] is None and crossings[1]["above_from"] == 1.0
    assert above["tasks"]["nih: Effusion"]["enough"]["theirs"] == {"share": None}
    assert "below ours up to 100%, the most measured" in label_curves.to_text(below)


def test_a_share_that_is_level_by_chance_before_one_below_is_no_crossing():
    apart = {
        0.01: {"low": -0.1, "high": 0.1},
        0.1: {"low": -0.2, "high": -0.1},
        0.5: None,
        1.0: {"low": -0.1, "high": 0.01},
    }
    assert label_curves.crossing(apart) == {"below_at": 0.1, "level_from": 1.0, "above_from": None}


def test_differences_are_paired_on_the_draws_that_both_have():
    figures = {number: auroc(np.arange(200) % (7 + number), TRUTH, resamples(HELD, 50)) for number in range(3)}
    same = label_curves.paired(figures, {1: figures[1]})
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0, "draws": 1}
    assert label_curves.paired({0: figures[0]}, {1: figures[1]}) is None


def test_the_mean_over_draws_is_that_of_all_draws_and_its_interval_widens_with_them():
    weights = resamples(HELD, 400)
    alike = {0: auroc(TRUTH + np.random.default_rng(0).standard_normal(200), TRUTH, weights)}
    alike[1] = alike[0]
    apart = {0: alike[0] - 0.2, 1: alike[0] + 0.2}
    one, two = (label_curves.over_draws(each) for each in (alike, apart))
    assert one[0] == pytest.approx(two[0]) == pytest.approx(alike[0][0])
    assert np.ptp(two) > np.ptp(one) + 0.2


def test_findings_have_a_mean_of_their_own_which_the_picture_shows_in_their_place():
    strengths = {"ours": {0.1: 1.0, 1.0: 2.0}, "theirs": {0.1: 0.5, 1.0: 2.0}}
    points = [
        point(method, share, 0, strength, question)
        for method, by_share in strengths.items()
        for share, strength in by_share.items()
        for question in ("Effusion", "Mass")
    ]
    result = label_curves.summarise(points, ["ours", "theirs"], 50)
    mean = result["tasks"]["nih: mean of 2 findings"]["points"][0]["auroc"]["value"]
    single = [result["tasks"][f"nih: {name}"]["points"][0]["auroc"]["value"] for name in ("Effusion", "Mass")]
    assert mean == pytest.approx(np.mean(single))
    texts = {node.text for node in ElementTree.fromstring(draw(result)).iter() if node.tag.endswith("text")}
    assert "nih: mean of 2 findings" in texts and "nih: Effusion" not in texts
    assert {"10 %", "100 %", "probe on ours"} <= texts


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    truth = random.random(64) < 0.5
    return (random.random((64, 32, 32)) * 100 + 120 * truth[:, None, None]).astype(np.uint8), truth


def test_a_network_stops_once_the_rows_kept_apart_see_nothing_get_better(narrow, pictures):
    pixels, _ = pictures
    chance = np.random.default_rng(1).random(64) < 0.5  # not to be learnt
    rows = np.arange(64)
    recipe = Recipe(least_steps=200, most_epochs=1, checks=100, patience=3, learning_rate=3e-3)
    learnt = learn_until_level(pixels, chance[:, None], rows[:32], rows[32:44], rows[44:], recipe)
    assert learnt.steps == learnt.best[0] + 6 < learnt.planned == 200  # a look every second step


def test_each_question_keeps_the_weights_that_were_best_for_it(narrow, pictures):
    pixels, truth = pictures
    asked = np.stack([truth, np.random.default_rng(1).random(64) < 0.5], axis=1)  # the second is not to be learnt
    rows = np.arange(64)
    recipe = Recipe(least_steps=20, most_epochs=1, learning_rate=3e-3)
    learnt = learn_until_level(pixels, asked, rows[:32], rows[32:44], rows[44:], recipe)
    assert learnt.best[0] > learnt.best[1]
    assert auroc(learnt.scores[:, 0], truth[44:], np.ones((1, 20), np.float32))[0] > 0.9


def test_without_rows_kept_apart_all_steps_are_taken_and_a_checkpoint_is_trained_on(narrow, pictures, tmp_path):
    pixels, truth = pictures
    weights = random_encoder(tmp_path / "start", 32).directory
    rows = np.arange(64)
    recipe = Recipe(weights=weights, least_steps=12, most_epochs=1, learning_rate=3e-3)
    learnt = learn_until_level(pixels, truth[:, None], rows[:40], rows[:0], rows[40:], recipe)
    assert learnt.steps == learnt.planned == 12
    assert auroc(learnt.scores[:, 0], truth[40:], np.ones((1, 24), np.float32))[0] > 0.9
    with pytest.raises(ValueError, match="fewer than two"):
        learn_until_level(pixels, truth[:, None], rows[:1], rows[:0], rows[40:], recipe)


# --- the command -----------------------------------------------------------------------------------------------------


def write_set(folder, count=160):
    random = np.random.default_rng(0)
    lines = ["file,source,patient,labels,view,age,sex"]
    for i in range(count):
        sick = random.random() < 0.5
        picture = (random.random((24, 24)) * 90 + (140 if sick else 0)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{i}.png")
        lines.append(f"{i}.png,nih,p{i // 2},{'Effusion' if sick else 'No Finding'},{'AP' if i % 3 else 'PA'},50,F")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def command(tmp_path, monkeypatch, narrow):
    """Runs it on a small set with encoders that are told the answers, somewhat, and networks that only note that they
    were asked; returns what its networks learnt from."""
    (tmp_path / "films").mkdir()
    write_set(tmp_path / "films")
    small = resized_encoder(random_encoder(tmp_path / "random", 32).directory, 48, tmp_path / "small").directory
    monkeypatch.setattr(few_labels, "asset", lambda *_: small)

    def embed(items, *_):
        rows = np.random.default_rng(0).standard_normal((len(items), 8)).astype(np.float32)
        rows[:, 0] += [2.0 * ("Effusion" in item.labels) for item in items]
        return SimpleNamespace(vectors=rows)

    monkeypatch.setattr(few_labels, "embed_items", embed)
    asked = []

    def learn(pixels, targets, train, check, held, recipe, seed):
        asked.append((len(train), len(check), seed))
        scores = targets[held] * 0.5 + np.random.default_rng(seed).random((len(held), 1)) * 0.9
        return Learnt(scores, 5, 10, np.full(targets.shape[1], 5))

    monkeypatch.setattr(few_labels, "learn_until_level", learn)

    def run(*more):
        before = len(asked)
        arguments = ["--data", str(tmp_path / "films"), "--encoder", str(small), "--out", str(tmp_path / "run")]
        assert few_labels.main([*arguments, "--shares", "0.1", "1", "--size", "24", "--device", "cpu", *more]) == 0
        return asked[before:]

    return run


def test_a_run_that_was_stopped_goes_on_and_changed_settings_begin_anew(command, tmp_path):
    assert command("--draws", "1", "--hours", "0") == []
    assert len(command("--draws", "1")) == 4  # two networks, two shares
    points = sorted((tmp_path / "run" / "points").rglob("*.json"))
    assert command("--draws", "1") == []
    points[-1].write_text("cut sho")
    assert len(command("--draws", "1")) == 1
    assert {seed for _, _, seed in command("--draws", "2")} == {1}
    assert len(command("--draws", "1", "--bfloat16")) == 2  # the ResNet alone
    assert not list((tmp_path / "run").rglob("*.part"))


def test_what_is_written_has_every_method_share_and_draw(command, tmp_path, capsys):
    command("--draws", "2", "--json")
    out = capsys.readouterr().out
    result = json.loads(out.splitlines()[-1])
    assert result == json.loads((tmp_path / "run" / "results.json").read_text())
    ours = "random-resnet18-48px"
    assert result["methods"] == [ours, f"{ours}, linear", "random-resnet18", "scratch", "imagenet"]
    task = result["tasks"]["nih: Normal"]
    assert {(row["method"], row["share"], row["draws"]) for row in task["points"]} == {
        (method, share, 2) for method in result["methods"] for share in (0.1, 1.0)
    }
    for row in task["points"]:
        assert row["auroc"]["low"] <= row["auroc"]["value"] <= row["auroc"]["high"]
        assert (row["minus_ours"] is None) == (row["method"] == result["ours"])
    assert set(task["crossings"]) == set(task["enough"]) == set(result["methods"][1:])
    with (tmp_path / "run" / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == label_curves.COLUMNS
    assert len(rows) == len(task["points"]) * len(result["tasks"])
    assert (tmp_path / "run" / "few-labels.svg").read_text().startswith("<svg")


def test_methods_and_films_can_be_limited(command, tmp_path, capsys):
    assert command("--draws", "1", "--methods", "scratch", "--most-films", "40")[-1][:2] == (32, 8)
    places = ["--data", str(tmp_path / "films"), "--encoder", str(tmp_path / "small"), "--out", str(tmp_path / "run")]
    assert few_labels.main([*places, "--methods", "nobody"]) == 1
    assert "'nobody'" in capsys.readouterr().err


def test_only_the_view_and_frequent_findings_are_asked_for(tmp_path):
    write_set(tmp_path)
    items = index(tmp_path)
    (field,) = few_labels.lay_out(items)
    assert [question.name for question in field.questions] == ["Normal", "view AP"]  # no finding has 50 on either side
    (small,) = few_labels.lay_out(items, 20)
    assert (~small.test).sum() == 20 and small.test.sum() == field.test.sum()
    with pytest.raises(UserError, match="Choose other data"):
        few_labels.lay_out(items[:4])
