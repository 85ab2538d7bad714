"""Probes that are taken to another folder."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.probes.probe_set import Given, fit_probe_set, load_probes, save_probes


def folder_of_images(seed, count=600, shift=0.0, dimension=20):
    """Embeddings of a folder in which component 0 tells one finding and component 1 another."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, dimension)).astype(np.float32) + np.float32(shift)
    truth = random.random((2, count)) < np.array([[0.4], [0.1]])
    rows[:, :2] += 4 * truth.T
    return rows * random.uniform(0.5, 20, (count, 1)).astype(np.float32), truth  # their lengths say nothing


def read(rows, present):
    return Given(rows, present, np.ones(len(rows), np.float32))


@pytest.fixture(scope="module")
def probes():
    rows, truth = folder_of_images(0)
    some = np.arange(300)
    answers = {
        "Effusion": read(some, truth[0][some]),
        "Nodule": read(some, truth[1][some]),
        "Mass": read(np.array([0, 1, 2]), np.array([True, True, False])),
        "Hernia": read(np.array([], int), np.array([], bool)),
    }
    return fit_probe_set("mine", "toy-1", "2026-01-01T00:00:00Z", rows, answers)


def test_probes_tell_findings_in_a_folder_they_were_not_fitted_in(probes):
    rows, truth = folder_of_images(1)
    found = probes.probabilities(rows)
    assert list(found) == ["Effusion", "Nodule"]
    for name, right in zip(found, truth, strict=True):
        assert found[name].dtype == np.float32
        assert ((found[name] > 0.5) == right).mean() > 0.9
        assert found[name][right].mean() == pytest.approx(1, abs=0.25)


def test_what_is_known_of_a_probe_is_how_it_does_on_answers_it_has_not_seen(probes):
    effusion, nodule = probes.probes
    assert (effusion.present + effusion.absent, nodule.present + nodule.absent) == (300, 300)
    assert 0.9 < effusion.auroc <= 1


def test_a_probe_of_noise_does_not_boast():
    random = np.random.default_rng(0)
    rows = random.standard_normal((400, 50)).astype(np.float32)
    answers = {"Nothing": read(np.arange(400), random.random(400) < 0.5)}
    (facts,) = fit_probe_set("n", "toy-1", "", rows, answers).probes
    assert 0.35 < facts.auroc < 0.65


def test_a_patients_images_are_held_out_together():
    """Twins of noise: told apart by memory alone. With patients known, the probe admits that it knows nothing."""
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(60), 4)
    rows = (random.standard_normal((60, 64)).astype(np.float32))[people]
    answers = {"Nothing": read(np.arange(240), (random.random(60) < 0.5)[people])}
    (boasting,) = fit_probe_set("n", "toy-1", "", rows, answers).probes
    (honest,) = fit_probe_set("n", "toy-1", "", rows, answers, people).probes
    assert boasting.auroc > 0.95 and honest.auroc < 0.65


def test_labels_given_in_bulk_help_to_fit_and_are_no_evidence():
    rows, truth = folder_of_images(0)
    some = np.arange(300)
    bulk = Given(some, truth[0][some], np.full(300, 0.5, np.float32))
    with pytest.raises(UserError, match="read one by one"):
        fit_probe_set("n", "toy-1", "", rows, {"Effusion": bulk})
    counts = np.where(some < 30, 1, 0.5).astype(np.float32)
    wrong = np.where(some < 30, truth[0][some], ~truth[0][some])  # bulk labels that are all wrong
    (facts,) = fit_probe_set("n", "toy-1", "", rows, {"Effusion": Given(some, wrong, counts)}).probes
    assert facts.present + facts.absent == 30
    assert facts.auroc > 0.8


def test_findings_with_too_few_labels_are_named_instead_of_guessed(probes):
    assert probes.too_few == {"Mass": (2, 1)}


def test_without_labels_enough_there_is_nothing_to_save():
    with pytest.raises(UserError, match="too few labels"):
        fit_probe_set("n", "toy-1", "", np.ones((4, 3), np.float32), {"Mass": read(np.arange(4), np.arange(4) < 2)})


def test_saved_and_loaded_they_are_the_same(probes, tmp_path: Path):
    path = save_probes(probes, tmp_path / "new")
    assert sorted(file.name for file in path.parent.iterdir()) == ["probes-mine.json", "probes-mine.safetensors"]
    again = load_probes(path)
    assert (again.name, again.encoder_key, again.probes, again.too_few) == (
        "mine",
        "toy-1",
        probes.probes,
        probes.too_few,
    )
    rows, _ = folder_of_images(2, 50)
    for name, values in probes.probabilities(rows).items():
        np.testing.assert_allclose(again.probabilities(rows)[name], values, atol=1e-6)


@pytest.mark.parametrize("name", ["", "a/b", "..\\up", "x" * 100])
def test_a_name_that_is_no_file_name_is_refused(probes, tmp_path: Path, name):
    with pytest.raises(UserError, match="no file name"):
        save_probes(replace(probes, name=name), tmp_path)


def test_files_that_do_not_belong_together_are_refused(probes, tmp_path: Path):
    path = save_probes(probes, tmp_path)
    weights = path.with_suffix(".safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError, match="damaged"):
        load_probes(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(format=99), "newer version"),
        (lambda d: d.pop("encoder"), "damaged"),
        (lambda d: d.update(dimension=3), "damaged"),
    ],
)
def test_what_cannot_be_applied_is_refused(probes, tmp_path: Path, change, words):
    path = save_probes(probes, tmp_path)
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match=words):
        load_probes(path)


def test_nothing_there_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="No probes at"):
        load_probes(tmp_path / "probes-none.json")
