"""The report: one file that fetches nothing, tells how sure it is, and says nothing of who patients are."""

import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_record
from cxr_explorer.project.labelling import label
from cxr_explorer.project.project import Project
from cxr_explorer.report.page import duration
from cxr_explorer.report.pictures import draw_map, draw_montage
from cxr_explorer.report.progress import count_work
from cxr_explorer.report.write import Choices, Written, write_report
from tests.project.projects import ENCODER, new_project
from tests.project.projects import embed_all as embed

SHADES = ("#0573D0", "#87170D", "#888329")


def jpeg(grey: int = 90) -> bytes:
    file = BytesIO()
    Image.new("L", (40, 30), grey).save(file, format="JPEG")
    return file.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Sixty images in two clusters, one labelled at once, partly audited; patients known."""
    with new_project(tmp_path, 60) as opened:
        embed(opened)
        ids = np.arange(1, 61)
        with opened.db.atomic():
            opened.db.execute("UPDATE thumbnails SET jpeg = ?", [jpeg()])
            opened.db.execute("""UPDATE images SET facts = '{"view": "AP"}' WHERE id <= 30""")
            opened.db.conn.executemany(
                "INSERT INTO metadata VALUES (?, 'patient', ?)", ((int(n), str(int(n) // 2)) for n in ids)
            )
        clusters = np.repeat([0, 1], 30).astype(np.int32)
        generator = np.random.default_rng(0)
        xy = generator.normal(size=(60, 2)).astype(np.float32) + 8 * clusters[:, None]
        one = np.ones(60, np.float32)
        opened.store_map(ENCODER, {}, ids, BuiltMap(xy, clusters, one, one, generator.random(60).astype(np.float32)))
        label(opened, ids[:30], Judgement("Effusion", Value.ABSENT, "ann", "cluster", 0, 1))
        label(opened, ids[40:41], Judgement("Effusion", Value.PRESENT, "ann", "single"))
        return opened.path


def written(project: Path, choices: Choices | None = None) -> str:
    out = project.with_name("report.html")
    *_, last = write_report(project, out, SHADES, choices or Choices())
    assert isinstance(last, Written)
    return out.read_text(encoding="utf-8")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.alone = {"img", "meta", "circle", "path", "br"}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "action")]
        if tag not in self.alone:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_file_is_whole_and_fetches_nothing(project: Path) -> None:
    html = written(project)
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.addresses and all(address.startswith("data:image/") for address in tags.addresses)
    assert "<script" not in html and "http://" not in html and "https://" not in html and "url(" not in html


def test_it_tells_counts_work_labels_and_where_they_come_from(project: Path) -> None:
    text = re.sub(r"<[^>]*>", " ", written(project))
    assert "of 60 images labelled (52 %)" in text
    assert "decisions for 31 judgements" in text
    assert "ENCODER" not in text and ENCODER.key in text
    assert "not a medical device" in text
    for heading in ("Map", "Labels", "Audits", "Clusters", "Provenance", "Limits"):
        assert heading in text


def test_files_folders_and_patients_are_not_named_unless_asked_for(project: Path) -> None:
    html = written(project)
    assert ".png" not in html and str(project.parent) not in html
    assert "30, known of 60 images" in html or "31, known of 60 images" in html
    named = written(project, Choices(file_names=True))
    assert "00.png" in named and str(project.parent / "images") in named


def test_thumbnails_can_be_left_out(project: Path) -> None:
    assert "data:image/jpeg" in written(project)
    assert "data:image/jpeg" not in written(project, Choices(images=False))


def test_pictures_with_text_burned_in_are_not_shown(project: Path) -> None:
    with Project.open(project) as opened, opened.db.atomic():
        opened.db.execute("""UPDATE images SET facts = '{"burned-in annotation": "YES"}' WHERE id < 60""")
    named = written(project, Choices(file_names=True))
    assert "59.png" in named and "00.png" not in named and "58.png" not in named


def test_a_cluster_of_one_view_is_said_to_be(project: Path) -> None:
    assert "⚠ 100 % of Cluster 1 is AP (collection: 50 %)" in written(project)


def test_without_an_audit_it_says_that_nothing_is_known_of_the_error(project: Path) -> None:
    assert "nothing is known of how many labels" in written(project)


def test_every_audit_is_listed_with_what_became_of_it(project: Path) -> None:
    with Project.open(project) as opened:
        audit_id = conduct.start(opened, lot_of(opened, "Effusion", "ann", np.arange(1, 31)), 0.2, 0.9, seed=1)
        audit = audit_record(opened, audit_id)
        for image_id in audit.sample.tolist():
            conduct.answer(opened, audit, image_id, Value.ABSENT)
    text = re.sub(r"<[^>]*>", " ", written(project))
    assert "passed: error ≤ " in text
    with Project.open(project) as opened:
        label(opened, np.array([1, 2]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
    assert "no longer holds" in written(project)


def test_names_cannot_become_markup(project: Path) -> None:
    with Project.open(project) as opened:
        label(opened, np.array([50]), Judgement("<b>Mass & more</b>", Value.PRESENT, "<i>eve</i>", "single"))
    html = written(project)
    assert "<b>Mass" not in html and "<i>eve" not in html
    assert "&lt;b&gt;Mass &amp; more&lt;/b&gt;" in html


def test_one_reader_can_be_reported_alone_and_an_unknown_one_is_refused(project: Path) -> None:
    with Project.open(project) as opened:
        label(opened, np.array([50]), Judgement("Nodule", Value.PRESENT, "ben", "single"))
    assert "Nodule" in re.sub(r"<tr><td>Findings.*?</tr>", "", written(project))
    alone = re.sub(r"<tr><td>Findings.*?</tr>", "", written(project, Choices(reader="ann")))
    assert "Nodule" not in alone
    with pytest.raises(UserError, match="eve has no labels here"):
        written(project, Choices(reader="eve"))


def test_two_readers_agreement_is_told(project: Path) -> None:
    assert "Agreement" not in written(project)
    with Project.open(project) as opened:
        for image_id in range(1, 11):
            value = Value.PRESENT if image_id < 6 else Value.ABSENT
            for reader, given in (("ben", value), ("cat", Value.PRESENT if image_id < 5 else Value.ABSENT)):
                label(opened, np.array([image_id]), Judgement("Nodule", given, reader, "single"))
    text = re.sub(r"<[^>]*>", " ", written(project))
    assert re.search(r"Nodule\s+ben, cat\s+10\s+0\s+90 %\s+0\.80 \[0\.\d\d, 1\.00\]", text)


def test_a_project_without_map_or_labels_has_a_report_too(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as opened:
        embed(opened)
        path = opened.path
    assert "3 images. Nobody has labelled any of them yet." in written(path)


def test_the_numbers_are_those_of_the_window(project: Path) -> None:
    with Project.open(project) as opened:
        work = count_work(opened, "ann")
    assert f"<b>{work.unread:,}</b>labels given without reading each image" in written(project)


def test_labels_differ_on_the_map_in_shape_not_in_colour_alone() -> None:
    rows = np.zeros(1, np.int64)
    grey = []
    for mark in ("disc", "ring", "cross", "dot"):
        png = draw_map(np.zeros((1, 2), np.float32), [(rows, "#000000", mark)], size_px=60)
        grey.append(np.asarray(Image.open(BytesIO(png)).convert("L")))
    assert all((one != other).any() for place, one in enumerate(grey) for other in grey[place + 1 :])


def test_a_map_is_drawn_upright_and_whole() -> None:
    xy = np.array([[0, 0], [10, 5]], np.float32)
    layers = [(np.array([0]), "#ff0000", "disc"), (np.array([1]), "#0000ff", "disc")]
    picture = np.asarray(Image.open(BytesIO(draw_map(xy, layers, size_px=100))).convert("RGB")).astype(int)  # type: ignore[arg-type]
    red = np.argwhere((picture[..., 0] > 200) & (picture[..., 2] < 80)).mean(axis=0)
    blue = np.argwhere((picture[..., 2] > 200) & (picture[..., 0] < 80)).mean(axis=0)
    assert red[0] > blue[0] and red[1] < blue[1]


def test_a_montage_leaves_out_what_has_no_thumbnail() -> None:
    tiles = {1: jpeg(), 3: jpeg()}
    sheet = np.asarray(Image.open(BytesIO(draw_montage(np.array([1, 2, 3]), tiles, 4))))
    assert sheet.shape == (112, 4 * 115 - 3)
    assert sheet[56, [56, 171]].max() < 128 and sheet[56, [286, 401]].min() > 250
    assert Image.open(BytesIO(draw_montage(np.array([1]), {}, 4))).size == (457, 112)


def test_times_are_said_as_exactly_as_they_are_known() -> None:
    assert [duration(seconds) for seconds in (48, 720, 7500)] == ["48 s", "12 min", "2 h 05 min"]
