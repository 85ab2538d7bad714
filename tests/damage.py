"""Damages a project's file in many ways, and sees whether window and commands get along with each.

    python -m tests.damage

prints a line a kind of damage, and as its last line a JSON object: `kinds`, `tracebacks`, `labels_lost` (of labels that
the damage itself left whole), `not_repaired`. No window may die, no command may show a traceback, and after
`doctor --repair` the project is sound and holds its labels.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PIL import Image

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.atlas.clusters import find_clusters
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.cli.main import main as command
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.errors import UserError
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import acts, exporting, labelling, looks, notes, partitions
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_record
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers import rereads

IMAGES = 300
PAGE = 4096


@dataclass(frozen=True)
class Kind:
    """A kind of damage.

    Attributes:
        name: What is damaged.
        do: Damages the file.
        takes: Number of labels the damage itself destroys beyond recovery.
        refused: Whether the file is no project of this version any more, and to be left alone.
    """

    name: str
    do: Callable[[Path], None]
    takes: int = 0
    refused: bool = False


@dataclass
class Outcome:
    """What became of a damaged project."""

    kind: str
    traces: list[str] = field(default_factory=list)
    opened: bool = False
    lost: int = 0
    repaired: bool = False
    told: str = ""


def make_base(home: Path) -> Path:
    """A project in which everything there is in one occurs: maps, partitions, labels of two readers, audits, looks."""
    folder = home / "images"
    folder.mkdir(parents=True)
    path = home / "base.cxr"
    jpeg = io.BytesIO()
    Image.fromarray(np.full((32, 32), 90, np.uint8)).save(jpeg, "JPEG")
    rng = np.random.default_rng(0)
    encoder = EncoderInfo(Path("nowhere"), "toy", "Toy", "toy", 64, None, "0" * 64, "toy-1", "For tests")  # type: ignore[arg-type]
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files([ScannedFile(f"{number:03}.png", 10, 1) for number in range(IMAGES)], [])
        vectors = rng.normal(size=(IMAGES, 64)).astype(np.float32)
        results = [
            Embedded(
                number + 1,
                vectors[number],
                jpeg.getvalue(),
                f"d{number}",
                60,
                50,
                {"view": "PA", "age": "40"},
                ("note",),
            )
            for number in range(IMAGES)
        ]
        project.store_batch(encoder, Batch(tuple(results), ()))
        ids = np.arange(1, IMAGES + 1)
        xy = (rng.normal(size=(IMAGES, 2)) + 12 * (np.arange(IMAGES) % 4)[:, None]).astype(np.float32)
        found = find_clusters(xy, MapParameters().clusters)
        indices = rng.integers(0, IMAGES, size=(IMAGES, 5)).astype(np.int32)
        project.store_map(
            encoder,
            MapParameters().to_dict(),
            ids,
            BuiltMap(
                xy,
                found.labels,
                found.strength,
                found.outlier,
                np.ones(IMAGES, np.float32),
                found.tree,
                Neighbours(indices, np.ones((IMAGES, 5), np.float32)),
                seconds={"Laying out": 1.0},
            ),
        )
        stored = project.latest_map()
        assert stored is not None
        partitions.begin(project, stored, None)
        partitions.rename(project, 0, "Clear lungs", "ann")
        for reader in ("ann", "bob"):
            labelling.label(project, ids, Judgement("Effusion", Value.ABSENT, reader, "cluster", 0, stored.map_id))
        for image_id in range(1, 41):
            labelling.label(
                project, np.array([image_id]), Judgement("Nodule", Value.PRESENT, "ann", "single", None, stored.map_id)
            )
        labelling.label(project, ids, Judgement("Mass", Value.PRESENT, "ann", "cluster", 0, stored.map_id))
        acts.undo(project)
        chosen = lot_of(project, "Effusion", "ann", None)
        audit = audit_record(project, conduct.start(project, chosen, 0.1, 0.95, 0, 7))
        for image_id in audit.sample[:3].tolist():
            conduct.answer(project, audit, image_id, Value.ABSENT)
        notes.write_note(project, 1, "Rotated", "ann")
        notes.set_flag(project, 2, True, "ann")
        looks.record_looks(project, "0", stored.map_id, ids[:20], "ann")
        rereads.draw_rereads(project, "ann", "Nodule", 5, 1)
        with project.db.atomic():
            rows = [(image_id, "patient", str(image_id // 2)) for image_id in range(1, IMAGES + 1)]
            project.db.conn.executemany("INSERT INTO metadata VALUES (?, ?, ?)", rows)
    Project.open(path).close()  # makes the backup of the day
    return path


def labels_of(path: Path) -> set[tuple[str, str, str, int]]:
    """File, finding, reader and value of every label that can be exported."""
    with Project.open_read_only(path) as project:
        return {(row.file, row.finding, row.reader, int(row.value)) for row in exporting.label_rows(project)}


# -- kinds -------------------------------------------------------------------------------------------------------------


def sql(*statements: str) -> Callable[[Path], None]:
    """Damage done by statements, past all checks."""

    def do(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = on")
            connection.execute("PRAGMA writable_schema = on")
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return do


def unique_away(path: Path) -> None:
    """A second encoder of one key: its table without the constraint, then the row."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """CREATE TABLE twice (id INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL,
                                   dimension INTEGER NOT NULL) STRICT;
               INSERT INTO twice SELECT * FROM encoders; DROP TABLE encoders; ALTER TABLE twice RENAME TO encoders;
               INSERT INTO encoders SELECT 99, key, name, dimension FROM encoders;
               UPDATE embeddings SET encoder_id = 99 WHERE image_id % 2"""
        )


def pages(table: str, which: str = "all", header_only: bool = False) -> Callable[[Path], None]:
    """Noise over pages of a table's tree: "root", "leaf" (one in the middle), "ends" (one near each end) or "all" but
    the root."""

    def do(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
        data = bytearray(path.read_bytes())
        below = _children(data, root)
        below = [below[3], below[-3]] if which == "ends" else below
        chosen = [root] if which == "root" or not below else [below[len(below) // 2]] if which == "leaf" else below
        for page in chosen:
            start = (page - 1) * PAGE
            length = 8 if header_only else PAGE
            data[start : start + length] = np.random.default_rng(page).bytes(length)
        path.write_bytes(data)

    return do


def _children(data: bytes, page: int) -> list[int]:
    """Pages right below an inner page; see https://www.sqlite.org/fileformat2.html#b_tree_pages."""
    start = (page - 1) * PAGE
    if data[start] not in (2, 5):
        return []
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    found = [int.from_bytes(data[start + 8 : start + 12], "big")]
    for number in range(cells):
        place = start + 12 + 2 * number
        cell = start + int.from_bytes(data[place : place + 2], "big")
        found.append(int.from_bytes(data[cell : cell + 4], "big"))
    return found


def overwrite(start: int, data: bytes) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        with path.open("r+b") as stream:
            stream.seek(start)
            stream.write(data)

    return do


def shorten(share: float) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        os.truncate(path, int(path.stat().st_size * share) // PAGE * PAGE + (100 if share < 1 else -PAGE))

    return do


def noise_beside(ending: str) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        path.with_name(path.name + ending).write_bytes(np.random.default_rng(1).bytes(5 * PAGE))

    return do


NAN = "X'0000C07F'"
KINDS: tuple[Kind, ...] = (
    Kind("vocabulary is no JSON", sql("UPDATE settings SET value = '{broken' WHERE key = 'vocabulary'")),
    Kind("vocabulary is another shape", sql("UPDATE settings SET value = '[1, 2]' WHERE key = 'vocabulary'")),
    Kind("vocabulary is gone", sql("DELETE FROM settings WHERE key = 'vocabulary'")),
    Kind("folder is gone", sql("DELETE FROM settings WHERE key = 'folder'")),
    Kind("all settings are gone", sql("DELETE FROM settings")),
    Kind("changed files make no sense", sql("INSERT OR REPLACE INTO settings VALUES ('map outdated', '[\"x\"')")),
    Kind("what was left out is no JSON", sql("INSERT OR REPLACE INTO settings VALUES ('left out', '[{')")),
    Kind("an audit's target is no number", sql("INSERT INTO settings VALUES ('target Effusion', 'many')")),
    Kind("facts are no JSON", sql("UPDATE images SET facts = '{' WHERE id % 3 = 0")),
    Kind("facts are a list", sql("UPDATE images SET facts = '[1]'")),
    Kind("facts hold numbers", sql('UPDATE images SET facts = \'{"age": 5, "sex": null}\'')),
    Kind("notes are no JSON", sql("UPDATE images SET notes = 'x'")),
    Kind("notes are a number", sql("UPDATE images SET notes = '5'")),
    Kind("paths and facts are no text", sql("UPDATE images SET facts = CAST(X'7b22ff227d' AS TEXT) WHERE id = 5")),
    Kind("vectors are short", sql("UPDATE embeddings SET vector = substr(vector, 1, 60) WHERE image_id % 2")),
    Kind("vectors are empty", sql("UPDATE embeddings SET vector = X''")),
    Kind("vectors are of odd length", sql("UPDATE embeddings SET vector = substr(vector, 1, 255) WHERE image_id = 7")),
    Kind(
        "vectors are NaN",
        sql(f"UPDATE embeddings SET vector = CAST({NAN} || substr(vector, 5) AS BLOB) WHERE image_id = 3"),
    ),
    Kind("thumbnails are no JPEG", sql("UPDATE thumbnails SET jpeg = X'00112233'")),
    Kind("thumbnails are cut", sql("UPDATE thumbnails SET jpeg = substr(jpeg, 1, 100)")),
    Kind("an encoder is there twice", unique_away),
    Kind("encoders are gone", sql("DELETE FROM encoders")),
    Kind("a dimension makes no sense", sql("UPDATE encoders SET dimension = 0")),
    Kind("places are short", sql("UPDATE maps SET xy = substr(xy, 1, 100)")),
    Kind("places are NaN", sql(f"UPDATE maps SET xy = CAST({NAN} || substr(xy, 5) AS BLOB)")),
    Kind("image ids of a map are short", sql("UPDATE maps SET image_ids = substr(image_ids, 1, 801)")),
    Kind("image ids of a map do not ascend", sql("UPDATE maps SET image_ids = zeroblob(length(image_ids))")),
    Kind("clusters of a map are short", sql("UPDATE maps SET clusters = substr(clusters, 1, 40)")),
    Kind("a map's strengths are short", sql("UPDATE maps SET strength = X'', outlier = X'00'")),
    Kind("a map's parameters are no JSON", sql("UPDATE maps SET parameters = '{{', seconds = ']'")),
    Kind("a map's parameters are another shape", sql("UPDATE maps SET parameters = '{\"layout\": 3}'")),
    Kind("names of clusters are no JSON", sql("UPDATE partitions SET groups = '['")),
    Kind("names of clusters are another shape", sql("UPDATE partitions SET groups = '[{\"identity\": null}]'")),
    Kind("a partition is short", sql("UPDATE partitions SET clusters = substr(clusters, 1, 10)")),
    Kind("a partition names clusters there are not", sql("UPDATE partitions SET groups = '[]' WHERE id > 1")),
    Kind("a flag is neither", sql("UPDATE reader_notes SET flagged = 5")),
    Kind("notes are gone", sql("DROP TABLE reader_notes")),
    Kind("the record of notes is gone", sql("DROP TABLE note_changes")),
    Kind("the partition in use is unknown", sql("UPDATE state SET value = 'x' WHERE kind = 'partition'")),
    Kind("looks are no JSON", sql("UPDATE state SET value = '[1,' WHERE kind = 'looked'")),
    Kind("looks hold words", sql("UPDATE state SET value = '[\"a\"]' WHERE kind = 'looked'")),
    Kind("draws for re-reading make no sense", sql("UPDATE state SET value = '[{}]' WHERE kind = 'reread'")),
    Kind("an audit's answers make no sense", sql("UPDATE state SET value = 'yes' WHERE kind = 'audit'")),
    Kind("an audit's answers are of no image", sql("UPDATE state SET key = key || '999' WHERE kind = 'audit'")),
    Kind("an audit's answers have no number", sql("UPDATE state SET key = 'x/' || key WHERE kind = 'audit'")),
    Kind("an audit's plan is no JSON", sql("UPDATE audits SET plan = ''")),
    Kind("an audit's plan lacks its size", sql("UPDATE audits SET plan = json_remove(plan, '$.units')")),
    Kind("an audit's population is short", sql("UPDATE audits SET population = substr(population, 1, 13)")),
    Kind("an audit's sample is of other images", sql("UPDATE audits SET sample = X'ffffff0000000000'")),
    Kind("a tree is short", sql("UPDATE trees SET child = substr(child, 1, 8)")),
    Kind("neighbours are short", sql("UPDATE neighbours SET distances = X'0000'")),
    Kind("neighbours are no rows", sql("UPDATE neighbours SET indices = randomblob(length(indices))")),
    Kind("neighbours' number makes no sense", sql("UPDATE neighbours SET k = -3")),
    Kind("patients make no sense", sql("UPDATE metadata SET value = 'x' WHERE image_id < 10")),
    Kind("a label's value means nothing", sql("UPDATE labels SET value = 7 WHERE image_id = 1"), takes=3),
    Kind("how a label came about means nothing", sql("UPDATE labels SET how = 'dreamt', at = 'then'")),
    Kind("entries of labelled images are gone", sql("DELETE FROM images WHERE id < 20")),
    Kind("the record of acts makes no sense", sql("UPDATE label_changes SET before_value = 9, after_value = 9")),
    Kind("acts are gone", sql("DELETE FROM acts")),
    Kind("thumbnails' table is gone", sql("DROP TABLE thumbnails")),
    Kind("maps' table is gone", sql("DROP TABLE maps")),
    Kind("labels' table is gone", sql("DROP TABLE labels")),
    Kind("state's table is gone", sql("DROP TABLE state")),
    Kind("acts' table is gone", sql("DROP TABLE acts")),
    Kind("the table of migrations is gone", sql("DROP TABLE _sqlite_migrations")),
    Kind("that and the version are gone", sql("DROP TABLE _sqlite_migrations", "PRAGMA user_version = 0")),
    Kind("a column is gone", sql("ALTER TABLE images DROP COLUMN notes")),
    Kind("a column of labels is gone", sql("ALTER TABLE labels DROP COLUMN at")),
    Kind("an index is noise", pages("sqlite_autoindex_embeddings_1", "all")),
    Kind("a page of labels is noise", pages("labels", "leaf")),
    Kind("the first page of labels is noise", pages("labels", "root")),
    Kind("all pages of labels are noise", pages("labels", "all")),
    Kind("headers of labels' pages are noise", pages("labels", "all", header_only=True)),
    Kind("a page of images is noise", pages("images", "leaf")),
    Kind("all pages of images are noise", pages("images", "all")),
    Kind("pages of embeddings are noise", pages("embeddings", "all")),
    Kind("pages of the record of acts are noise", pages("label_changes", "all")),
    Kind("a page of the map is noise", pages("maps", "root")),
    Kind("settings are noise", pages("settings", "root")),
    Kind("state is noise", pages("state", "root")),
    Kind("the header's mark is noise", overwrite(0, b"no database file")),
    Kind("the header is noise", overwrite(0, np.random.default_rng(2).bytes(100))),
    Kind("the project's mark is gone", overwrite(68, bytes(4))),
    Kind("the first page is zeros", overwrite(0, bytes(PAGE))),
    Kind("the list of tables is noise", overwrite(100, np.random.default_rng(3).bytes(PAGE - 100))),
    Kind("a statement of a table is noise", sql("UPDATE sqlite_master SET sql = 'CREATE x' WHERE name = 'trees'")),
    Kind("the last page is gone", shorten(1.0)),
    Kind("half of the file is gone", shorten(0.5)),
    Kind("all but the first page is gone", lambda path: os.truncate(path, PAGE)),
    Kind("the file is zeros", lambda path: path.write_bytes(bytes(path.stat().st_size)) and None),
    Kind("the file is empty", lambda path: os.truncate(path, 0)),
    Kind("a WAL of noise lies beside", noise_beside("-wal")),
    Kind("a journal of noise lies beside", noise_beside("-journal")),
    Kind("a newer version made it", sql("PRAGMA user_version = 99"), refused=True),
)


# -- what becomes of it ------------------------------------------------------------------------------------------------


COMMANDS = ("export", "similar", "embeddings", "report", "doctor")


def examine(kind: Kind, base: Path, home: Path, window: Any = None, commands: tuple[str, ...] = COMMANDS) -> Outcome:
    """Damages a copy of the project, opens it in every way, repairs it, and counts what is lost."""
    shutil.copytree(base.parent, home)
    path = home / base.name
    expected = labels_of(path)
    kind.do(path)
    outcome = Outcome(kind.name)
    if window is not None:
        with watched(outcome):
            window.files.open_path(path)
            window.runs.opening.finish()
            outcome.told = window.notice._text.text()
            window.session.select_all()
            window.session.acts.undo()
            window.session.acts.redo()
        window.session.close()
        window.files._on_project()
        window._on_current()
    out = home / "out.csv"
    for arguments in (
        ["export", str(path), str(out)],
        ["similar", str(path), "--to", "005.png"],
        ["embeddings", str(path), str(home / "out.npz")],
        ["report", str(path), str(home / "out.html")],
        ["doctor", str(path), "--json"],
    ):
        if arguments[0] not in commands:
            continue
        with watched(outcome):
            outcome.opened |= run(arguments) == 0 and arguments[0] == "export"
    with watched(outcome):
        run(["doctor", str(path), "--repair", "--json"])
        outcome.repaired = run(["doctor", str(path), "--json"]) == 0
    with watched(outcome), contextlib.suppress(UserError):
        found = labels_of(path)
        names = {(finding, reader, value) for _, finding, reader, value in expected}
        kept = {entry for entry in found if entry[1:] in names}
        outcome.lost = max(len(expected) - len(kept) - kind.takes, 0)
        return outcome
    outcome.lost = 0 if kind.refused else len(expected)
    return outcome


def run(arguments: list[str]) -> int:
    """A command, with what it prints kept off the screen."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return command(arguments)


@contextlib.contextmanager
def watched(outcome: Outcome) -> Iterator[None]:
    """An exception that is no UserError is a traceback somebody would have seen."""
    try:
        yield
    except UserError:
        pass
    except Exception:  # noqa: BLE001 - that is what is looked for
        outcome.traces.append(traceback.format_exc())


def judge(kind: Kind, outcome: Outcome) -> str:
    """What is wrong with an outcome, in words; empty where nothing is."""
    if outcome.traces:
        return f"traceback: {outcome.traces[0].splitlines()[-1]}"
    if outcome.lost:
        return f"{outcome.lost} labels lost"
    return "" if outcome.repaired or kind.refused else "not repaired"


def main() -> int:
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from cxr_explorer.ui.main_window import MainWindow

    application = QApplication.instance() or QApplication([])
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        base = make_base(home / "base")
        window = MainWindow(QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat))
        window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
        window.show()
        hooked: list[str] = []
        sys.excepthook = lambda kind, error, trace: hooked.append(
            "" if isinstance(error, UserError) else "".join(traceback.format_exception(kind, error, trace))
        )
        for number, kind in enumerate(KINDS):
            hooked.clear()
            outcome = examine(kind, base, home / str(number), window)
            application.processEvents()
            outcome.traces += [text for text in hooked if text]
            outcomes.append(outcome)
            wrong = judge(kind, outcome)
            right = "opened" if outcome.opened else "refused until it was repaired"
            print(f"{'FAIL' if wrong else 'ok  '} {kind.name}: {wrong or right}", flush=True)
            for text in outcome.traces[:1]:
                print(text)
            shutil.rmtree(home / str(number))
        window.close()
    summary = {
        "kinds": len(KINDS),
        "opened": sum(outcome.opened for outcome in outcomes),
        "tracebacks": sum(len(outcome.traces) for outcome in outcomes),
        "labels_lost": sum(outcome.lost for outcome in outcomes),
        "not_repaired": [o.kind for k, o in zip(KINDS, outcomes, strict=True) if not o.repaired and not k.refused],
    }
    print(json.dumps(summary))
    return int(bool(summary["tracebacks"] or summary["labels_lost"] or summary["not_repaired"]))


if __name__ == "__main__":
    sys.exit(main())
