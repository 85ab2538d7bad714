"""Two encoders on one project: what is stored, what is read, what is said."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.cli.main import main
from cxr_explorer.comparing import (
    LabelComparison,
    SecondMap,
    compare_labels,
    embed_beside,
    figure,
    in_words,
    lacking,
    left_out_text,
    map_beside,
    store_beside,
    summary,
)
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.pace import Progress
from cxr_explorer.probes.encoder_comparison import Contest, FindingComparison
from cxr_explorer.project import labelling
from cxr_explorer.project.label_columns import looks_by_finding
from cxr_explorer.project.project import Project
from tests.project.two_encoders import FINDING, embedded, make_two_encoders, other_encoder, truth

NAMES = ("ours", "theirs")


def compared(path: Path) -> LabelComparison:
    *_, found = compare_labels(path, (default_encoder().key, other_encoder().key), "reader 1")
    assert isinstance(found, LabelComparison)
    return found


def everything_but_embeddings(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: db.execute(f"SELECT * FROM {name}").fetchall()
            for name in tables
            if name not in ("embeddings", "encoders")
        }


def test_the_second_encoder_is_stored_beside_and_changes_nothing_else(tmp_path: Path) -> None:
    path = make_two_encoders(tmp_path, count=10)
    before, other = everything_but_embeddings(path), other_encoder()
    with Project.open(path) as project:
        (settings_before,) = [dict(before["settings"])]
        batches = [item for item in embed_beside(path, other, "cpu") if isinstance(item, Batch)]
        assert sum(store_beside(project, other, batch) for batch in batches) == 10
        assert not lacking(project, other.key)
        assert len(project.embedded_ids(default_encoder().key)) == 10
        assert list(embed_beside(path, other, "cpu")) == []
    after = everything_but_embeddings(path)
    assert dict(after.pop("settings")).items() >= settings_before.items()
    before.pop("settings")
    assert after == before


def test_an_analysis_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    path, other = make_two_encoders(tmp_path, count=8), other_encoder()
    with Project.open(path) as project:
        first = lacking(project, other.key)[:3]
        items = tuple(embedded(one.path, one.image_id, np.ones(other.dimension)) for one in first)
        store_beside(project, other, Batch(items, ()))
        left = lacking(project, other.key)
        assert len(left) == 5 and not {one.image_id for one in left} & {one.image_id for one in first}


def test_a_file_with_another_content_than_the_map_shows_is_left_out(tmp_path: Path) -> None:
    path, other = make_two_encoders(tmp_path, count=4), other_encoder()
    with Project.open(path) as project:
        source = lacking(project, other.key)[0]
        source.path.write_bytes(source.path.with_name("01.png").read_bytes())
        item = embedded(source.path, source.image_id, np.ones(other.dimension))
        assert store_beside(project, other, Batch((item,), ())) == 0
        assert len(lacking(project, other.key)) == 4


def test_a_file_that_cannot_be_read_now_keeps_its_place_on_the_map(tmp_path: Path) -> None:
    path, other = make_two_encoders(tmp_path, count=4), other_encoder()
    with Project.open(path) as project:
        lacking(project, other.key)[0].path.write_bytes(b"no picture any more")
        for item in embed_beside(path, other, "cpu"):
            if isinstance(item, Batch):
                store_beside(project, other, item)
        assert len(project.embedded_ids(other.key)) == 3
        assert len(project.embedded_ids(default_encoder().key)) == 4
        assert not project.failures()


def test_only_answers_given_one_by_one_are_evidence(tmp_path: Path) -> None:
    path = make_two_encoders(tmp_path, count=12)
    with Project.open(path) as project:
        ids = project.embedded_ids(default_encoder().key)
        for how, finding in (("cluster", "Mass"), ("suggestion", "Nodule"), ("import", "Edema"), ("lasso", "Hernia")):
            labelling.label(project, ids, Judgement(finding, Value.PRESENT, "reader 1", how))  # type: ignore[arg-type]
        labelling.label(project, ids[:2], Judgement(FINDING, Value.UNCERTAIN, "reader 1", "single"))
        for value in (None, truth(int(ids[2]))):  # the same answer once more would keep how the first was given
            labelling.label(project, ids[2:3], Judgement(FINDING, value, "reader 1", "random"))
        labelling.exclude(project, ids[3:4], True, "reader 1")
        labelling.label(project, ids, Judgement("Fibrosis", Value.PRESENT, "reader 2", "single"))
        looks = looks_by_finding(project, "reader 1")
        assert list(looks) == [FINDING]
        assert looks[FINDING].image_ids.tolist() == [ids[2], *ids[4:].tolist()]
        assert looks[FINDING].present.tolist() == [truth(int(one)) == Value.PRESENT for one in (ids[2], *ids[4:])]
        assert looks[FINDING].drawn.tolist() == [True] + 8 * [False]


def test_the_encoder_that_knows_the_finding_is_the_better_one(tmp_path: Path) -> None:
    found = compared(make_two_encoders(tmp_path, second=True))
    (one,) = found.findings
    assert (one.finding, one.present, one.absent, found.read, found.drawn) == (FINDING, 20, 20, 40, (0, 40))
    assert one.contest is not None and one.contest.better == 0 and one.contest.aurocs[0] > 0.95
    assert in_words(one, NAMES).startswith("ours puts Effusion together better: ")
    assert "ours is better on 1, theirs on 0 of 1" in summary(found, NAMES)
    assert "0 of 40 answers are to films drawn at random" in summary(found, NAMES)


def test_films_of_one_patient_by_table_or_header_are_left_out_together(tmp_path: Path) -> None:
    path = make_two_encoders(tmp_path, second=True)
    with Project.open(path) as project, project.db.atomic():
        ids = project.embedded_ids(default_encoder().key).tolist()
        for image_id in ids[:20]:  # by a table
            project.db.execute("INSERT INTO metadata VALUES (?, 'patient', '1')", [image_id])
        for image_id in ids[20:]:  # by their headers
            project.db.execute("""UPDATE images SET facts = '{"patient mark": "ab"}' WHERE id = ?""", [image_id])
    (one,) = compared(path).findings
    assert one.lacking == (8, 8)


def test_the_second_map_is_the_one_the_folder_would_have(tmp_path: Path) -> None:
    path = make_two_encoders(tmp_path, second=True)
    *steps, made = map_beside(path, other_encoder().key, MapParameters(), "cpu")
    assert isinstance(made, SecondMap) and all(isinstance(step, Progress) for step in steps)
    assert made.xy.shape == (40, 2) and np.isfinite(made.xy).all()
    assert made.shared is not None and 0 < made.shared < 10  # nothing in common but by chance: about 10 * 10 / 39
    with Project.open_read_only(path) as project:
        atlas_map = project.latest_map()
        assert atlas_map is not None and atlas_map.encoder_key == default_encoder().key
    assert left_out_text(atlas_map.image_ids, made) == ""
    fewer = SecondMap(made.image_ids[1:], made.xy[1:], None)
    assert left_out_text(atlas_map.image_ids, fewer).startswith("1 image left out")


def test_an_encoder_shares_all_neighbours_with_itself(tmp_path: Path) -> None:
    path = make_two_encoders(tmp_path)
    *_, made = map_beside(path, default_encoder().key, MapParameters(), "cpu")
    assert isinstance(made, SecondMap) and made.shared == 10


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.934, ".93"), (1.0, "1.00"), (-0.021, "-.02"), (-0.001, ".00"), (0.999, "1.00"), (-1.0, "-1.00")],
)
def test_figures_are_short(value: float, text: str) -> None:
    assert figure(value) == text


def test_what_is_said_of_a_finding() -> None:
    def said(contest: Contest | None, lacking: tuple[int, int] = (0, 0)) -> str:
        return in_words(FindingComparison("Pleural_Thickening", 60, 150, lacking, contest), NAMES)

    assert said(Contest((0.93, 0.88), 0.02, 0.08, (0.9, 0.8), 210)) == (
        "ours puts Pleural Thickening together better: .93 against .88, difference .05 (.02 to .08), from 210 films "
        "read one by one."
    )
    assert said(Contest((0.8, 0.9), -0.15, -0.05, (0.7, 0.85), 210)) == (
        "theirs puts Pleural Thickening together better: .90 against .80, difference .10 (.05 to .15), from 210 films "
        "read one by one."
    )
    assert said(Contest((0.9, 0.88), -0.03, 0.07, (0.8, 0.8), 210)) == (
        "Pleural Thickening: no difference can be told from 210 films read one by one: .90 and .88, difference .02 "
        "(-.03 to .07)."
    )
    assert "neither encoder can be told from chance, which is .50: .55 and .30" in said(
        Contest((0.55, 0.3), 0.05, 0.45, (0.4, 0.2), 210)
    )
    assert said(None, (4, 0)).endswith("Read at least 4 more with it, each of another patient.")
    assert said(None, (4, 1)).endswith("Read at least 4 more with it and 1 more without it, each of another patient.")


def test_what_is_said_of_all_findings() -> None:
    won = Contest((0.9, 0.8), 0.05, 0.15, (0.8, 0.7), 100)
    none = FindingComparison("Mass", 3, 100, (7, 0), None)
    assert summary(LabelComparison((), 0, (0, 0)), NAMES).startswith("No film was read one by one yet")
    assert "too few of any finding" in summary(LabelComparison((none,), 103, (0, 103)), NAMES)
    many = tuple(FindingComparison(str(number), 50, 50, (0, 0), won) for number in range(5))
    assert "One interval in 20 misses the truth" in summary(LabelComparison(many, 100, (500, 500)), NAMES)
    assert "drawn at random" not in summary(LabelComparison(many, 100, (500, 500)), NAMES)
    assert "One interval in 20" not in summary(LabelComparison(many[:2], 100, (0, 0)), NAMES)


# -- the command line --------------------------------------------------------------------------------------------------


def test_the_command_analyses_what_is_missing_and_says_which_is_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_two_encoders(tmp_path)
    ask = ["encoder", "compare", default_encoder().name, other_encoder().name, "--project", str(path)]
    assert main(ask) == 0
    assert f"{default_encoder().name} puts Effusion together better" in capsys.readouterr().out
    assert main([*ask, "--json"]) == 0  # all is there now
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["encoders"] == [default_encoder().name, other_encoder().name]
    assert told["findings"][0]["finding"] == FINDING and told["findings"][0]["contest"]["aurocs"][0] > 0.9
    with Project.open_read_only(path) as project:
        assert len(project.embedded_ids(other_encoder().key)) == 40


def test_an_encoder_is_not_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = default_encoder().name
    assert main(["encoder", "compare", name, name, "--project", str(make_two_encoders(tmp_path, count=4))]) == 1
    assert "Name two different ones" in capsys.readouterr().err
