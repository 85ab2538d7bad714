"""Evaluation: figures against slow references, no patient on both sides, tables that say what was left out."""

import itertools
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.errors import UserError
from training import embeddings, evaluate, probes, supervised
from training.data import Item
from training.embeddings import Embedded, beside, embed_items, pixel_components, random_encoder, resized_encoder
from training.grouping import agreement
from training.measures import auroc, average_precision, difference, interval, resamples, share_right
from training.report import plot_bars
from training.supervised import supervised_scores
from training.tasks import subjects

SINGLE = np.ones((1, 200), np.float32)


def scored(seed=0, ties=False):
    random = np.random.default_rng(seed)
    truth = random.random(200) < 0.3
    scores = random.standard_normal(200) + truth
    return (np.round(scores) if ties else scores), truth


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_and_average_precision_equal_scikit_learns(ties):
    scores, truth = scored(ties=ties)
    assert auroc(scores, truth, SINGLE)[0] == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(scores, truth, SINGLE)[0] == pytest.approx(average_precision_score(truth, scores))


@pytest.mark.parametrize("ties", [False, True])
def test_every_resample_equals_computing_it_alone(ties):
    scores, truth = scored(ties=ties)
    weights = resamples(np.arange(200) // 3, 20)
    for own, theirs in ((auroc, roc_auc_score), (average_precision, average_precision_score)):
        expected = [theirs(truth, scores, sample_weight=row) for row in weights]
        np.testing.assert_allclose(own(scores, truth, weights), expected)


def test_resamples_draw_patients_whole():
    patients = np.array([5, 5, 2, 9, 9, 9])
    weights = resamples(patients, 50)
    assert weights.shape == (51, 6)
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 3] == weights[:, 5]).all()
    np.testing.assert_array_equal(weights[1:][:, [0, 2, 3]].sum(axis=1), 3)


def test_an_interval_holds_its_figure_and_a_figure_of_one_class_is_unknown():
    scores, truth = scored()
    found = interval(auroc(scores, truth, resamples(np.arange(200), 200)))
    assert found.low < found.value < found.high
    assert np.isnan(interval(auroc(scores, np.zeros(200, bool), SINGLE)).value)
    assert np.isnan(average_precision(scores, np.zeros(200, bool), SINGLE)[0])


def test_a_paired_difference_with_itself_is_nothing():
    scores, truth = scored()
    figures = auroc(scores, truth, resamples(np.arange(200), 50))
    assert (difference(figures, figures).low, difference(figures, figures).high) == (0, 0)


def test_share_right_is_weighted():
    right = np.array([True, False])
    np.testing.assert_allclose(share_right(right, np.array([[1, 1], [3, 1]], np.float32)), [0.5, 0.75])


def items_of(count=240, source="nih", seed=0):
    """Two images a patient; two findings of which one is rare; views, sexes and ages."""
    random = np.random.default_rng(seed)
    made = []
    for i in range(count):
        patient = i // 2
        labels = {name for name, share in (("Effusion", 0.4), ("Hernia", 0.01)) if random.random() < share}
        made.append(
            Item(
                path=Path(f"{i}.png"),
                source=source,
                patient=f"p{patient}",
                study="",
                view="AP" if random.random() < 0.5 else "PA",
                sex="F" if patient % 2 else "M",
                age=float(20 + patient % 50) if patient % 7 else None,
                labels=frozenset(labels or {"No Finding"}),
                split="test" if patient % 5 < 2 else "train",
            )
        )
    return made


def vectors_of(items, names=("Effusion",), seed=0):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((len(items), 16)).astype(np.float32)
    for column, name in enumerate(names):
        rows[:, column] += [3.0 * (name in item.labels) for item in items]
    return rows


def test_questions_are_findings_with_enough_images_then_normal_and_view():
    (subject,) = subjects(items_of())
    assert [question.name for question in subject.questions] == ["Effusion", "No Finding", "view AP"]
    assert [question.finding for question in subject.questions] == [True, False, False]
    assert subject.left_out == ("Hernia",)
    assert subject.classes is None
    assert (subject.facts["age by decade"] == -1).any()


def test_one_label_an_image_and_three_names_are_classes():
    items = items_of()
    names = ("Normal", "Pneumonia (bacterial)", "Pneumonia (viral)")
    items = [Item(**{**vars(item), "labels": frozenset({names[i % 3]})}) for i, item in enumerate(items)]
    (subject,) = subjects(items)
    assert subject.class_names == names
    assert subject.classes is not None
    assert "Normal" in [question.name for question in subject.questions]


def test_a_patient_on_both_sides_is_an_error():
    items = items_of()
    items[0] = Item(**{**vars(items[0]), "split": "train"})
    with pytest.raises(UserError, match="p0"):
        subjects(items)
    test = np.array([True, False])
    with pytest.raises(ValueError, match="both held out and trained on"):
        ones = np.ones((2, 2), np.float32)
        probes.judge(ones, np.zeros((1, 1), int), np.array([True, False]), test, np.array([3, 3]), ones[:, :1])


def test_nothing_held_out_cannot_be_judged():
    items = [Item(**{**vars(item), "split": "train"}) for item in items_of(10)]
    with pytest.raises(UserError, match="nothing can be judged"):
        subjects(items)


def test_neighbours_are_training_images_of_other_patients():
    rows = np.eye(6, dtype=np.float32)
    rows[1] = rows[0]
    near = probes.neighbour_rows(rows, np.array([1, 0, 0, 0, 0, 0]) > 0, np.array([0, 0, 1, 2, 3, 4]))
    assert set(near[0][:4]) == {2, 3, 4, 5}


def test_neighbours_are_those_of_a_plain_sort_also_where_cosines_are_equal():
    random = np.random.default_rng(0)
    rows = np.repeat(
        random.standard_normal((40, 5)).astype(np.float32), 30, axis=0
    )  # 30 of each alike: ties at the k-th
    test, patients = random.random(1200) < 0.3, random.integers(0, 200, 1200)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    train = np.flatnonzero(~test)
    cosines = unit[test] @ unit[train].T
    cosines[patients[test][:, None] == patients[train]] = -2
    expected = train[np.argsort(-cosines, axis=1, kind="stable")[:, : probes.NEIGHBOURS]]
    found = probes.neighbour_rows(rows, test, patients)
    np.testing.assert_allclose(
        np.einsum("td,tkd->tk", unit[test], unit[found]), np.einsum("td,tkd->tk", unit[test], unit[expected]), atol=1e-6
    )
    assert not (patients[found] == patients[test][:, None]).any()


def test_neighbours_of_a_whole_release_do_not_need_all_its_cosines_at_once():
    count, held = 40_000, 3_000  # all cosines are 0.4 GB, sorted with their numbers four times that
    rows = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    test = np.arange(count) < held
    tracemalloc.start()
    try:
        near = probes.neighbour_rows(rows, test, np.arange(count))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert near.shape == (held, probes.NEIGHBOURS) and (near >= held).all()
    assert most < 200e6


def test_draws_take_patients_whole():
    patients = np.repeat(np.arange(50), 3)
    drawn = probes.draw_patients(patients, 0.1, seed=1)
    assert drawn.sum() == 15
    assert set(drawn.reshape(-1, 3).sum(axis=1)) == {0, 3}
    folds = probes.draw_folds(patients, 3)
    assert (folds.reshape(-1, 3) == folds[::3, None]).all()


def test_a_probe_never_looks_at_held_out_images_to_make_its_features():
    items = items_of()
    rows = vectors_of(items)
    train = np.array([item.split == "train" for item in items])
    changed = rows.copy()
    changed[~train] += 100
    before, after = probes.probe_features(rows, train), probes.probe_features(changed, train)
    np.testing.assert_allclose(before[train], after[train], atol=1e-5)


@pytest.fixture(scope="module")
def results():
    items = items_of()
    judged = subjects(items)
    telling, mute = vectors_of(items), vectors_of(items, ())
    encoders = [Embedded(evaluate.IMAGENET, mute), Embedded("good", telling)]
    return items, judged, evaluate.evaluate(encoders, judged, 100, clusters=False)


def test_a_telling_encoder_beats_a_mute_one_with_an_interval_above_nothing(results):
    _, _, found = results
    good, mute = found["good"]["nih"], found[evaluate.IMAGENET]["nih"]
    assert good.macro_auroc.value > 0.9 > mute.macro_auroc.value
    assert good.macro_minus_reference.low > 0
    assert mute.macro_minus_reference is None
    effusion = good.questions["Effusion"]
    assert effusion.auroc_at_labels["0.1"]["mean"] <= effusion.auroc_at_labels["1"]["mean"] + 0.05
    assert effusion.majority_accuracy == pytest.approx(1 - effusion.prevalence)
    assert effusion.neighbours_auroc.value > 0.8


def test_encoders_are_compared_with_the_one_that_is_named(results, tmp_path):
    items, judged, _ = results
    encoders = [Embedded("mute", vectors_of(items, ())), Embedded("good", vectors_of(items))]
    found = evaluate.evaluate(encoders, judged, 50, clusters=False, against="good")
    assert found["mute"]["nih"].macro_minus_reference.high < 0
    assert found["good"]["nih"].macro_minus_reference is None
    evaluate.write(found, judged, tmp_path, "good")
    assert "| minus good |" in (tmp_path / "results.md").read_text()


def test_results_are_written_as_json_markdown_and_plots(results, tmp_path):
    _, judged, found = results
    evaluate.write(found, judged, tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["sources"]["nih"]["macro_findings"] == ["Effusion"]
    assert stored["encoders"]["good"]["nih"]["macro_auroc"]["value"] > 0.9
    text = (tmp_path / "results.md").read_text()
    assert "Left out for lack of images: Hernia." in text
    assert "minus imagenet-lite0" in text
    assert "the more frequent answer" in text
    with Image.open(tmp_path / "auroc-nih.png") as plot:
        assert plot.width > 400


def test_agreement_of_equal_and_of_unrelated_clusters():
    classes = np.repeat([0, 1], 50)
    same = agreement(1 - classes, classes)
    assert (same.accuracy, same.nmi, same.ari, same.purity) == pytest.approx((1, 1, 1, 1))
    one = agreement(np.zeros(100, int), classes)
    assert one.accuracy == one.one_cluster == one.purity == 0.5
    many = agreement(np.arange(100), classes)
    assert many.purity == 1.0 and many.accuracy == 0.02 and abs(many.ami) < 1e-6


def test_images_about_which_a_fact_is_unknown_do_not_count():
    assert agreement(np.array([0, 0, 1, 1]), np.array([0, -1, 1, -1])).accuracy == 1.0


def test_clusterings_hold_the_programs_own_and_k_means():
    from training.grouping import clusterings

    found = clusterings(vectors_of(items_of(60)))
    assert list(found) == ["HDBSCAN on the map", "k-means, 14", "k-means, 50"]
    assert len(set(found["k-means, 14"])) == 14


def test_what_is_embedded_is_written_once_and_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "PART", 3)
    items = []
    for number in range(7):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        items.append(Item(tmp_path / f"{number}.png", "s", f"p{number}", "", "", "", None, None, "train"))
    encoder = random_encoder(tmp_path / "encoder", 64).directory
    first = embed_items(items[:4], encoder, tmp_path / "kept", "cpu")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    every = embed_items(items, encoder, tmp_path / "kept", "cpu")
    np.testing.assert_array_equal(every.vectors[:4], first.vectors)
    assert before.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}.items()
    sizes = []
    for path in (tmp_path / "kept").iterdir():
        with np.load(path, allow_pickle=False) as stored:
            sizes.append(len(stored["files"]))
    assert sorted(sizes) == [1, 3, 3]
    np.testing.assert_array_equal(embed_items(items, encoder, tmp_path / "kept", "cpu").vectors, every.vectors)


def test_encoders_side_by_side_count_alike():
    rows = vectors_of(items_of(40))
    joined = beside("a+b", [Embedded("a", rows), Embedded("b", 1000 * rows[:, :4])])
    assert joined.vectors.shape == (40, 20)
    spread = [(joined.vectors[:, part] ** 2).sum(axis=1).mean() for part in (slice(16), slice(16, 20))]
    assert spread == pytest.approx([1, 1], rel=1e-4)


def test_pixel_components_are_found_on_training_images_alone():
    pictures = np.random.default_rng(0).random((30, 4, 4)).astype(np.float32)
    train = np.arange(30) < 20
    changed = pictures.copy()
    changed[25] = 1
    np.testing.assert_allclose(
        pixel_components(pictures, train).vectors[:20], pixel_components(changed, train).vectors[:20], atol=1e-5
    )


def test_another_input_size_is_another_key_with_the_same_weights(tmp_path):
    plain = random_encoder(tmp_path / "plain", 64)
    larger = resized_encoder(plain.directory, 96, tmp_path / "larger")
    assert (larger.spec.size_px, larger.weights_sha256) == (96, plain.weights_sha256)
    assert larger.key != plain.key
    assert read_encoder(tmp_path / "larger").name == "random-resnet18-96px"
    assert random_encoder(tmp_path / "again", 64).weights_sha256 == plain.weights_sha256


def test_the_supervised_baseline_learns_what_pixels_show_and_gives_back_the_generator(monkeypatch):
    import torch

    monkeypatch.setattr(supervised, "time", SimpleNamespace(monotonic=lambda: 0.0))  # there is all the time it needs
    random = np.random.default_rng(0)
    truth = random.random(48) < 0.5
    pixels = (random.random((48, 32, 32)) * 100 + 120 * truth[:, None, None]).astype(np.uint8)
    before = torch.get_rng_state()
    scores, epochs = supervised_scores(pixels, truth[:, None], np.arange(48) >= 32, minutes=0.5, most_epochs=6)
    assert scores.shape == (16, 1)
    assert epochs == 6
    assert roc_auc_score(truth[32:], scores[:, 0]) > 0.8
    assert torch.equal(before, torch.get_rng_state())


def test_the_supervised_baseline_ends_with_its_time(monkeypatch, narrow):
    ticks = itertools.count()  # a second passes with each look at the clock
    monkeypatch.setattr(supervised, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    pixels = np.zeros((48, 32, 32), np.uint8)
    _, epochs = supervised_scores(pixels, np.zeros((48, 1), bool), np.arange(48) >= 32, minutes=0.2, most_epochs=1000)
    assert 1 < epochs < 12
    assert next(ticks) < 16


def test_a_plot_leaves_out_figures_that_are_unknown():
    unknown = interval(np.array([np.nan]))
    assert plot_bars("t", {"a": {"q": unknown}, "b": {}}).width > 0


def write_set(folder):
    random = np.random.default_rng(0)
    lines = ["file,source,patient,labels,view,age,sex"]
    for i in range(120):
        sick = random.random() < 0.5
        picture = (random.random((24, 24)) * 90 + (140 if sick else 0)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{i}.png")
        lines.append(f"{i}.png,nih,p{i},{'Effusion' if sick else 'No Finding'},PA,50,F")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def test_the_command_judges_a_set_and_does_not_embed_twice(tmp_path, capsys, narrow):
    write_set(tmp_path)
    encoder = random_encoder(tmp_path / "mine", 32).directory
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--encoder", str(encoder), "--device", "cpu"]
    arguments += ["--supervised-minutes", "0.01", "--resamples", "20", "--no-clusters", "--size", "48"]
    arguments += ["--concat", "random-resnet18-48px+imagenet-lite0"]
    assert evaluate.main(arguments) == 0
    stored = json.loads((tmp_path / "out" / "results.json").read_text())
    expected = {"raw pixels, PCA", "random-resnet18", "imagenet-lite0", "random-resnet18-48px", evaluate.SUPERVISED}
    assert expected <= set(stored["encoders"])
    capsys.readouterr()
    assert evaluate.main([*arguments[:-4], "--supervised-minutes", "0"]) == 0
    assert "embedded" not in capsys.readouterr().err


def test_an_unknown_encoder_to_put_side_by_side_is_one_line_before_any_work(tmp_path, capsys):
    write_set(tmp_path)
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--concat", "imagenet-lite0+nobody"]
    assert evaluate.main(arguments) == 1
    assert "'nobody'" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.npz"))
