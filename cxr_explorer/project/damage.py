"""What is damaged in a project's contents, and how it is mended: what is computed is made anew, labels are kept.

SQLite tells of pages it cannot read; these checks tell of rows that can be read and make no sense. Each finding names
its cure, so that looking (`doctor FILE`) and mending (opening for writing, `doctor FILE --repair`) cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import bundled_vocabularies, vocabulary_of
from cxr_explorer.pace import run_out
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.partition_rows import groups_from_json
from cxr_explorer.project.schema import migrations
from cxr_explorer.project.storage import Database

NONSENSE = (ValueError, TypeError, KeyError, IndexError, AttributeError)
"""What reading stored JSON raises when it is not what it should be."""

MIGRATIONS = "_sqlite_migrations"
"""Table that records which migrations the file has had."""

COMPUTED = ("embeddings", "thumbnails", "trees", "neighbours")
"""Tables that the next run over the folder fills again."""


@dataclass(frozen=True)
class Damage:
    """Something that makes no sense.

    Attributes:
        text: What, how much of it, and what becomes of it.
        human: Whether something a person did is lost by mending it; else it is made anew, or nothing is lost.
        cure: Statements that mend it; empty where only a repair can.
    """

    text: str
    human: bool
    cure: tuple[tuple[str, Sequence[Any]], ...] = ()


def find_damage(database: Database, thorough: bool = False) -> list[Damage]:
    """What is damaged in a file of the present version. Raises StorageError where pages cannot be read.

    Args:
        database: Open for reading.
        thorough: Also look at every embedding, picture and record of an act, which takes as long as reading the file.
    """
    return run_out(finding_damage(database, thorough))


def finding_damage(database: Database, thorough: bool = False) -> Generator[None, None, list[Damage]]:
    """`find_damage` in steps, each of some milliseconds where there are 100,000 images with labels."""
    found = list(_schema(database))
    if not found:
        for check in (_settings, _encoders, _maps, _partitions, _labels, _notes, _state, _audits, _metadata):
            yield
            for damage in check(database):
                if damage is None:
                    yield
                else:
                    found.append(damage)
        if thorough:
            found += [damage for check in (_orphans, _acts, _computed) for damage in check(database)]
    return found


def mend(database: Database, thorough: bool = False) -> list[Damage]:
    """Mends what has a cure, in one transaction, and returns what was found, the incurable first.

    Nothing is changed where something has no cure.
    """
    mended: list[Damage] = []
    with database.atomic():
        for _ in range(3):  # what is mended may lay bare what could not be looked at before
            found = find_damage(database, thorough)
            incurable = [damage for damage in found if not damage.cure]
            if incurable or not found:
                return incurable + mended
            for damage in found:
                for statement, values in damage.cure:
                    database.execute(statement, values)
            mended += found
    return mended


@cache
def reference() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The statements that make the present version's tables and indices, and each table's columns, by name."""
    database = Database(memory=True)
    migrations.apply(database)
    rows = database.execute("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != ?", ["x"])
    made = {name: (kind, sql) for name, kind, sql in rows if not name.startswith("sqlite_")}
    tables = [name for name, (kind, _) in made.items() if kind == "table"]
    return {name: sql for name, (_, sql) in made.items()}, {name: columns_of(database, name) for name in tables}


def columns_of(database: Database, table: str) -> tuple[str, ...]:
    """Names of a table's columns; none where it is not there."""
    return tuple(row[1] for row in database.execute(f'PRAGMA table_info("{table}")'))


def _schema(database: Database) -> Iterator[Damage]:
    statements, tables = reference()
    there = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    for name, statement in statements.items():
        if name in there:
            continue
        if name in tables and name not in (*COMPUTED, MIGRATIONS):
            yield Damage(f"The table “{name}” is missing.", human=True)
        else:
            record = tuple(
                (
                    f"INSERT INTO {MIGRATIONS} (migration_set, name, applied_at) VALUES (?, ?, '')",
                    [migrations.name, done],
                )
                for done in (migration.name for migration in migrations.pending(Database(memory=True)))
            )
            cure = ((statement, ()), *(record if name == MIGRATIONS else ()))
            yield Damage(f"The table or index “{name}” is missing: made anew.", False, cure)
    for name, columns in tables.items():
        missing = set(columns) - set(columns_of(database, name)) if name in there else set()
        if missing:
            yield Damage(f"The table “{name}” lacks {', '.join(sorted(missing))}.", human=True)


# -- settings, encoders, maps ------------------------------------------------------------------------------------------


def _settings(database: Database) -> Iterator[Damage]:
    stored = dict(database.execute("SELECT key, value FROM settings").fetchall())
    if "folder" not in stored:
        text = "Which image folder it belongs to is lost: open that folder with this project."
        yield Damage(text, False, _put("folder", ""))
    if not _makes_sense(_vocabulary, stored.get("vocabulary", "")):
        findings = [row[0] for row in database.execute("SELECT DISTINCT finding FROM labels ORDER BY finding")]
        bundled = bundled_vocabularies()[0]
        text = json.dumps({"name": bundled.name, "findings": list(dict.fromkeys((*bundled.findings, *findings)))})
        yield Damage(
            "The list of findings is lost: the usual ones and those with labels take its place.",
            True,
            _put("vocabulary", text),
        )
    outdated = stored.get("map outdated", "")
    if outdated not in ("", "yes") and not _makes_sense(_ids, outdated):
        yield Damage("Which images changed since the map was made is lost: it is made anew.", False, _outdated())
    tried = [row[0] for row in database.execute("SELECT key, value FROM settings WHERE key GLOB 'target *'")]
    bad = [key for key in tried if not _makes_sense(float, stored[key])]
    if bad:
        cure = tuple(("DELETE FROM settings WHERE key = ?", [key]) for key in bad)
        yield Damage(f"{len(bad)} targets of audits make no sense: forgotten.", True, cure)


def _vocabulary(text: str) -> None:
    vocabulary_of(json.loads(text))


def _put(key: str, value: str) -> tuple[tuple[str, Sequence[Any]], ...]:
    return (("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, value]),)


def _outdated() -> tuple[tuple[str, Sequence[Any]], ...]:
    return _put("map outdated", "yes")


def _encoders(database: Database) -> Iterator[Damage]:
    twice = database.execute("SELECT key, min(id) FROM encoders GROUP BY key HAVING count(*) > 1").fetchall()
    cure: list[tuple[str, Sequence[Any]]] = []
    for key, kept in twice:
        others = "(SELECT id FROM encoders WHERE key = ? AND id != ?)"
        cure += [
            (f"UPDATE OR IGNORE embeddings SET encoder_id = ? WHERE encoder_id IN {others}", [kept, key, kept]),
            (f"DELETE FROM embeddings WHERE encoder_id IN {others}", [key, kept]),
            (f"UPDATE maps SET encoder_id = ? WHERE encoder_id IN {others}", [kept, key, kept]),
            ("DELETE FROM encoders WHERE key = ? AND id != ?", [key, kept]),
        ]
    if twice:
        yield Damage("An encoder is there twice: taken together.", False, tuple(cure))


def _maps(database: Database) -> Iterator[Damage]:
    (newest,) = database.execute("SELECT max(id) FROM maps").fetchone()
    for row in database.execute(
        """SELECT maps.id, encoders.id, parameters, seconds, image_ids, xy, clusters, strength, outlier, typicality
           FROM maps LEFT JOIN encoders ON encoders.id = encoder_id"""
    ).fetchall():
        yield from _map(*row, is_newest=row[0] == newest)


def _map(
    map_id: int,
    encoder: int | None,
    parameters: str,
    seconds: str,
    image_ids: bytes,
    xy: bytes,
    clusters: bytes,
    *floats: bytes,
    is_newest: bool,
) -> Iterator[Damage]:
    which = "The map" if is_newest else "An earlier map"
    count = len(image_ids) // 8
    ids = np.frombuffer(image_ids[: 8 * count], "<i8")
    if len(image_ids) % 8 or len(clusters) != 4 * count or encoder is None or bool((np.diff(ids) <= 0).any()):
        cure = tuple(
            (f"DELETE FROM {table} WHERE {key} = ?", [map_id])
            for table, key in (("trees", "map_id"), ("neighbours", "map_id"), ("partitions", "map_id"), ("maps", "id"))
        )
        yield Damage(f"{which} cannot be read: made anew, without the names its clusters had.", True, cure)
        return
    broken: list[tuple[str, Any]] = []
    if not _makes_sense(_parameters, parameters):
        broken.append(("parameters", json.dumps(MapParameters().to_dict(), sort_keys=True)))
    if not _makes_sense(_object, seconds):
        broken.append(("seconds", "{}"))
    places = np.frombuffer(xy[: len(xy) // 4 * 4], "<f4")
    if places.size != 2 * count or not np.isfinite(places).all():
        # Any places, each its own, until the layout is made anew: they must not lie on one another.
        broken.append(("xy", np.random.default_rng(0).normal(size=(count, 2)).astype("<f4").tobytes()))
    for name, blob in zip(("strength", "outlier", "typicality"), floats, strict=True):
        if len(blob) != 4 * count or not np.isfinite(np.frombuffer(blob, "<f4")).all():
            broken.append((name, np.zeros(count, "<f4").tobytes()))
    if broken:
        names = ", ".join(name for name, _ in broken)
        sets = tuple((f"UPDATE maps SET {name} = ? WHERE id = ?", [value, map_id]) for name, value in broken)
        yield Damage(
            f"{which} is damaged ({names}): laid out anew by the next run over the folder.",
            False,
            (*sets, *(_outdated() if is_newest else ())),
        )


def _partitions(database: Database) -> Iterator[Damage]:
    rows = database.execute(
        """SELECT partitions.id, partitions.clusters, groups, ifnull(length(image_ids) / 8, -1)
           FROM partitions LEFT JOIN maps ON maps.id = map_id"""
    ).fetchall()
    bad = [partition_id for partition_id, *rest in rows if not _makes_sense(_check_partition, *rest)]
    if bad:
        cure = tuple(("DELETE FROM partitions WHERE id = ?", [partition_id]) for partition_id in bad)
        text = f"{len(bad)} divisions of a map into clusters cannot be read, with the names in them: "
        yield Damage(text + "the one the map began with is used.", True, cure)


def _check_partition(clusters: bytes, groups: str, images: int) -> None:
    numbers = np.frombuffer(clusters, "<i4")
    if len(numbers) != images or numbers.max(initial=-1) >= len(groups_from_json(groups)):
        raise ValueError("clusters")


def _parameters(text: str) -> None:
    MapParameters.from_dict(json.loads(text))


def _object(text: str) -> None:
    json.loads(text).items()


# -- what people did ---------------------------------------------------------------------------------------------------


def _labels(database: Database) -> Iterator[Damage | None]:
    """None between two steps: there may be millions."""
    wrong = "typeof(value) != 'integer' OR value NOT BETWEEN -1 AND 1"
    count = lost = 0
    for finding, names in labelled_by(database).items():
        for name in names:
            bad, alone = database.execute(
                f"""SELECT count(*) FILTER (WHERE {wrong}), count(*) FILTER (WHERE {_LOST}) FROM labels
                    WHERE finding = ? AND reader = ?""",
                [finding, name],
            ).fetchone()
            count, lost = count + bad, lost + alone
            yield None
    if count:
        cure = ((f"DELETE FROM labels WHERE {wrong}", ()),)
        yield Damage(f"{count:,} labels have no value that means anything: left out.", True, cure)
    if lost:
        yield from _of_lost_images(database, "labels", "labels are of")


def _notes(database: Database) -> Iterator[Damage]:
    wrong = "typeof(flagged) != 'integer' OR flagged NOT IN (0, 1)"
    (count,) = database.execute(f"SELECT count(*) FROM reader_notes WHERE {wrong}").fetchone()
    if count:
        cure = ((f"UPDATE reader_notes SET flagged = 1 WHERE {wrong}", ()),)
        yield Damage(f"{count:,} notes do not say whether to come back to the image: they say so now.", True, cure)
    yield from _of_lost_images(database, "reader_notes", "notes are on")


_LOST = "image_id NOT IN (SELECT id FROM images)"


def _of_lost_images(database: Database, table: str, what: str) -> Iterator[Damage]:
    """What people said of images whose entries are gone: they get entries again."""
    (count,) = database.execute(f"SELECT count(*) FROM {table} WHERE {_LOST}").fetchone()
    if count:
        # A note and a label may be of the same image.
        statement = f"""INSERT OR IGNORE INTO images (id, path, size_bytes, mtime_ns, missing)
            SELECT DISTINCT image_id, '(lost image ' || image_id || ')', 0, 0, 1 FROM {table} WHERE {_LOST}"""
        text = f"{count:,} {what} images whose entries are lost: kept, under names like “(lost image 7)”."
        yield Damage(text, True, ((statement, ()),))


def _state(database: Database) -> Iterator[Damage]:
    checks = {
        "looked": _check_looked,
        "reread": _check_reread,
        "audit": _check_answer,
        "doubted": _check_doubted,
    }
    bad = [
        (kind, key)
        for kind, key, value in database.execute("SELECT kind, key, value FROM state").fetchall()
        if kind in checks and not _makes_sense(checks[kind], key, value)
    ]
    if bad:
        cure = tuple(("DELETE FROM state WHERE kind = ? AND key = ?", entry) for entry in bad)
        kinds = ", ".join(sorted({kind for kind, _ in bad}))
        yield Damage(f"{len(bad):,} notes of what was done ({kinds}) make no sense: left out.", True, cure)


def _check_looked(_: str, value: str) -> None:
    _ids(value)


def _check_reread(key: str, value: str) -> None:
    _, _ = json.loads(key)
    for entry in json.loads(value):
        if set(entry) != {"at", "seed", "population", "image_ids"}:
            raise ValueError(entry)
        np.array([entry["population"], entry["seed"], *entry["image_ids"]], np.int64)


def _check_answer(key: str, value: str) -> None:
    audit, _, image = key.partition("/")
    int(audit)
    if image and int(value) not in (1, 0, -1) and int(image) >= 0:
        raise ValueError(value)


def _check_doubted(key: str, value: str) -> None:
    finding, whose, image_id = json.loads(key)
    if not (isinstance(finding, str) and isinstance(whose, str) and isinstance(image_id, int)):
        raise ValueError("doubted")
    if int(value) not in (1, 0, -1):
        raise ValueError(value)


def _audits(database: Database) -> Iterator[Damage]:
    answers: dict[int, list[int]] = {}
    for (key,) in database.execute("SELECT key FROM state WHERE kind = 'audit' AND key LIKE '%/%'"):
        audit, _, image = key.partition("/")
        if audit.isdecimal() and image.isdecimal():
            answers.setdefault(int(audit), []).append(int(image))
    rows = database.execute("SELECT id, plan, population, covered, sample FROM audits").fetchall()
    bad = [row[0] for row in rows if not _makes_sense(_check_audit, *row[1:], answers.get(row[0], []))]
    if bad:
        cure = tuple(
            entry
            for audit_id in bad
            for entry in (
                ("DELETE FROM audits WHERE id = ?", [audit_id]),
                (
                    "DELETE FROM state WHERE kind = 'audit' AND (key = ? OR key GLOB ?)",
                    [str(audit_id), f"{audit_id}/*"],
                ),
            )
        )
        yield Damage(f"{len(bad)} audits cannot be read: left out; the labels stay.", True, cure)


def _check_audit(plan: str, population: bytes, covered: bytes, sample: bytes, answered: Sequence[int]) -> None:
    made = json.loads(plan)
    for name in ("units", "sample", "tolerated", "seed"):
        int(made[name])
    for name in ("error_limit", "confidence"):
        float(made[name])
    if made["unit"] not in ("image", "patient") or made["value"] not in (1, 0, -1, None) or "whole" not in made:
        raise ValueError(plan)
    np.array([*made["earlier"], *made["replaced"]], np.int64)
    ids, drawn = np.frombuffer(population, "<i8"), np.frombuffer(sample, "<i8")
    values = np.frombuffer(covered, "i1")
    if len(values) != len(ids) or (np.diff(ids) <= 0).any() or not np.isin([*drawn, *answered], ids).all():
        raise ValueError("population")
    if not np.isin(values, (1, 0, -1)).all():
        raise ValueError("covered")


def _metadata(database: Database) -> Iterator[Damage]:
    wrong = "name IN ('patient', 'study') AND (value = '' OR value GLOB '*[^0-9]*')"
    (count,) = database.execute(f"SELECT count(*) FROM metadata WHERE {wrong}").fetchone()
    if count:
        cure = ((f"DELETE FROM metadata WHERE {wrong}", ()),)
        yield Damage(f"Of {count:,} images the patient or study from a table makes no sense: left out.", True, cure)


# -- only when looking thoroughly --------------------------------------------------------------------------------------


def _orphans(database: Database) -> Iterator[Damage]:
    of_images = {"embeddings": False, "thumbnails": False, "metadata": True}
    where = [(table, "image_id", "images", human) for table, human in of_images.items()]
    where += [(table, "map_id", "maps", False) for table in ("trees", "neighbours")]
    where += [("embeddings", "encoder_id", "encoders", False)]
    changes = ("label_changes", "exclusion_changes", "note_changes", "state_changes")
    where += [(table, "act_id", "acts", True) for table in changes]
    for table, column, parent, human in where:
        lost = f"{column} NOT IN (SELECT id FROM {parent})"
        (count,) = database.execute(f"SELECT count(*) FROM {table} WHERE {lost}").fetchone()
        if count:
            cure = ((f"DELETE FROM {table} WHERE {lost}", ()),)
            yield Damage(f"{count:,} rows of “{table}” belong to nothing in “{parent}”: left out.", human, cure)


def _acts(database: Database) -> Iterator[Damage]:
    sides = " OR ".join(
        f"({side}_value IS NOT NULL AND (typeof({side}_value) != 'integer' OR {side}_value NOT IN (1, 0, -1)))"
        for side in ("before", "after")
    )
    wrong = f"SELECT act_id FROM label_changes WHERE {sides}"
    (count,) = database.execute(f"SELECT count(*) FROM acts WHERE id IN ({wrong})").fetchone()
    if count:
        cure = ((f"DELETE FROM acts WHERE id IN ({wrong})", ()),)
        yield Damage(f"{count:,} acts cannot be undone any more; their labels stay.", True, cure)


def _computed(database: Database) -> Iterator[Damage]:
    yield from (*damaged_rows(database), *_unfinite(database), *_no_jpeg(database))


def damaged_rows(database: Database) -> Iterator[Damage]:
    """Embeddings of a wrong length and facts that cannot be read: found in SQL, in a second for 100,000 images."""
    short = """SELECT embeddings.rowid FROM embeddings JOIN encoders ON encoders.id = encoder_id
        WHERE length(vector) != 4 * dimension"""
    (count,) = database.execute(f"SELECT count(*) FROM ({short})").fetchone()
    if count:
        cure = ((f"DELETE FROM embeddings WHERE rowid IN ({short})", ()),)
        yield Damage(f"{count:,} embeddings are too short or too long: made anew.", False, cure)
    unread = """NOT CASE WHEN json_valid(facts) THEN json_type(facts) = 'object' ELSE 0 END
        OR NOT CASE WHEN json_valid(notes) THEN json_type(notes) = 'array' ELSE 0 END"""
    rows = database.execute(f"SELECT id FROM images WHERE {unread}").fetchall()
    if rows:
        ids = [json.dumps([row[0] for row in rows])]
        of_them = "IN (SELECT value FROM json_each(?))"
        cure_facts = (
            (f"DELETE FROM embeddings WHERE image_id {of_them}", ids),
            (f"UPDATE images SET facts = '{{}}', notes = '[]' WHERE id {of_them}", ids),
        )
        yield Damage(f"What {len(rows):,} files say of themselves cannot be read: read again.", False, cure_facts)


def _unfinite(database: Database) -> Iterator[Damage]:
    bad = [
        row[0]
        for row in database.execute("SELECT rowid, vector FROM embeddings WHERE length(vector) % 4 = 0")
        if not np.isfinite(np.frombuffer(row[1], "<f4")).all()
    ]
    if bad:
        cure = (("DELETE FROM embeddings WHERE rowid IN (SELECT value FROM json_each(?))", [json.dumps(bad)]),)
        yield Damage(f"{len(bad):,} embeddings hold no numbers: made anew.", False, cure)


def _no_jpeg(database: Database) -> Iterator[Damage]:
    bad = [
        row[0]
        for row in database.execute("SELECT image_id, substr(jpeg, 1, 2) FROM thumbnails")
        if row[1] != b"\xff\xd8"
    ]
    if bad:
        ids = [json.dumps(bad)]
        cure = (("DELETE FROM thumbnails WHERE image_id IN (SELECT value FROM json_each(?))", ids),)
        yield Damage(f"{len(bad):,} small pictures cannot be read: made anew.", False, cure)


def _ids(text: str) -> None:
    stored = json.loads(text)
    if not isinstance(stored, list) or not all(isinstance(entry, int) for entry in stored):
        raise ValueError(text)


def _makes_sense(read: Callable[..., object], *arguments: Any) -> bool:
    try:
        read(*arguments)
    except (*NONSENSE, UserError):
        return False
    return True
