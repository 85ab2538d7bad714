"""The project file's tables, as migrations that are committed together with their record."""

from __future__ import annotations

from cxr_explorer.project.storage import Database, Migrations

APPLICATION_ID = 0x43585245
"""SQLite's application_id ("CXRE"): tells a project from any other SQLite file."""

SCHEMA_VERSION = 5
"""Number of migrations below; SQLite's user_version holds it, and a file with a higher one is refused."""

migrations = Migrations("cxr_explorer")


@migrations()
def m001_images_maps_labels(db: Database) -> None:
    for statement in (
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        # state: 'new' (to be read), 'read', 'failed' (see reason). missing: no longer in the folder.
        """CREATE TABLE images (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            size_bytes INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'read', 'failed')),
            reason TEXT,
            digest TEXT,
            replaced INTEGER NOT NULL DEFAULT 0,
            missing INTEGER NOT NULL DEFAULT 0,
            excluded INTEGER NOT NULL DEFAULT 0,
            height_px INTEGER,
            width_px INTEGER,
            facts TEXT NOT NULL DEFAULT '{}',
            notes TEXT NOT NULL DEFAULT '[]'
        ) STRICT""",
        "CREATE TABLE thumbnails (image_id INTEGER PRIMARY KEY REFERENCES images, jpeg BLOB NOT NULL) STRICT",
        """CREATE TABLE encoders (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            dimension INTEGER NOT NULL
        ) STRICT""",
        # vector: float32, little-endian
        """CREATE TABLE embeddings (
            encoder_id INTEGER NOT NULL REFERENCES encoders,
            image_id INTEGER NOT NULL REFERENCES images,
            vector BLOB NOT NULL,
            PRIMARY KEY (encoder_id, image_id)
        ) STRICT""",
        # Parallel arrays, one entry an image: image_ids int64, xy float32 (N, 2), clusters int32, the rest float32
        """CREATE TABLE maps (
            id INTEGER PRIMARY KEY,
            encoder_id INTEGER NOT NULL REFERENCES encoders,
            created TEXT NOT NULL,
            parameters TEXT NOT NULL,
            seconds TEXT NOT NULL,
            image_ids BLOB NOT NULL,
            xy BLOB NOT NULL,
            clusters BLOB NOT NULL,
            strength BLOB NOT NULL,
            outlier BLOB NOT NULL,
            typicality BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE labels (
            image_id INTEGER NOT NULL REFERENCES images,
            finding TEXT NOT NULL,
            reader TEXT NOT NULL,
            value INTEGER NOT NULL CHECK (value IN (1, 0, -1)),
            at TEXT NOT NULL,
            how TEXT NOT NULL,
            cluster INTEGER,
            map_id INTEGER,
            PRIMARY KEY (image_id, finding, reader)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX labels_by_finding ON labels (finding, reader)",
        """CREATE TABLE acts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            reader TEXT NOT NULL,
            text TEXT NOT NULL,
            undone INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        # A NULL value means: no label before, or none after
        """CREATE TABLE label_changes (
            act_id INTEGER NOT NULL REFERENCES acts ON DELETE CASCADE,
            image_id INTEGER NOT NULL,
            finding TEXT NOT NULL,
            reader TEXT NOT NULL,
            before_value INTEGER, before_at TEXT, before_how TEXT, before_cluster INTEGER, before_map_id INTEGER,
            after_value INTEGER, after_at TEXT, after_how TEXT, after_cluster INTEGER, after_map_id INTEGER,
            PRIMARY KEY (act_id, image_id, finding, reader)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE exclusion_changes (
            act_id INTEGER NOT NULL REFERENCES acts ON DELETE CASCADE,
            image_id INTEGER NOT NULL,
            before INTEGER NOT NULL,
            after INTEGER NOT NULL,
            PRIMARY KEY (act_id, image_id)
        ) STRICT, WITHOUT ROWID""",
    ):
        db.execute(statement)


@migrations()
def m002_partitions_audits_metadata(db: Database) -> None:
    for statement in (
        # Small facts a reader's acts change, such as which partition is in use: undone with the act.
        """CREATE TABLE state (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID""",
        # A NULL value means: not there before, or not there after
        """CREATE TABLE state_changes (
            act_id INTEGER NOT NULL REFERENCES acts ON DELETE CASCADE,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            before TEXT,
            after TEXT,
            PRIMARY KEY (act_id, kind, key)
        ) STRICT, WITHOUT ROWID""",
        # Ways to divide a map into clusters. clusters: int32, parallel to the map's image_ids; groups: JSON, one entry
        # a cluster.
        """CREATE TABLE partitions (
            id INTEGER PRIMARY KEY,
            map_id INTEGER NOT NULL REFERENCES maps,
            clusters BLOB NOT NULL,
            groups TEXT NOT NULL,
            how TEXT NOT NULL,
            at TEXT NOT NULL
        ) STRICT""",
        # HDBSCAN's condensed tree of a map, parallel arrays: parent, child, size int32, density float32
        """CREATE TABLE trees (
            map_id INTEGER PRIMARY KEY REFERENCES maps,
            parent BLOB NOT NULL,
            child BLOB NOT NULL,
            density BLOB NOT NULL,
            size BLOB NOT NULL
        ) STRICT""",
        # (N, k) rows of the map's image_ids, int32, and distances, float32
        """CREATE TABLE neighbours (
            map_id INTEGER PRIMARY KEY REFERENCES maps,
            k INTEGER NOT NULL,
            indices BLOB NOT NULL,
            distances BLOB NOT NULL
        ) STRICT""",
        # What a table says of images; it goes before what the files say
        """CREATE TABLE metadata (
            image_id INTEGER NOT NULL REFERENCES images,
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (image_id, name)
        ) STRICT, WITHOUT ROWID""",
        # What was planned before anybody looked. population, sample: image ids, int64. What came of it is in `state`.
        """CREATE TABLE audits (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            reader TEXT NOT NULL,
            finding TEXT NOT NULL,
            expected INTEGER NOT NULL,
            title TEXT NOT NULL,
            plan TEXT NOT NULL,
            population BLOB NOT NULL,
            sample BLOB NOT NULL
        ) STRICT""",
    ):
        db.execute(statement)


@migrations()
def m003_audits_of_any_labels(db: Database) -> None:
    """An audit may cover labels of several values: `covered` holds them. No program before this one stored an audit."""
    db.execute("DROP TABLE audits")
    # What was planned before anybody looked. population, sample: image ids, int64; covered: int8, the labels of the
    # population. What came of it is in `state`.
    db.execute(
        """CREATE TABLE audits (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            reader TEXT NOT NULL,
            finding TEXT NOT NULL,
            title TEXT NOT NULL,
            plan TEXT NOT NULL,
            population BLOB NOT NULL,
            covered BLOB NOT NULL,
            sample BLOB NOT NULL
        ) STRICT"""
    )


@migrations()
def m004_notes(db: Database) -> None:
    for statement in (
        # What a reader wrote of an image, and whether they want to come back to it; no row where neither.
        """CREATE TABLE reader_notes (
            image_id INTEGER NOT NULL REFERENCES images,
            reader TEXT NOT NULL,
            text TEXT NOT NULL,
            flagged INTEGER NOT NULL CHECK (flagged IN (0, 1)),
            at TEXT NOT NULL,
            PRIMARY KEY (image_id, reader)
        ) STRICT, WITHOUT ROWID""",
        # A NULL flag means: no row before, or none after
        """CREATE TABLE note_changes (
            act_id INTEGER NOT NULL REFERENCES acts ON DELETE CASCADE,
            image_id INTEGER NOT NULL,
            reader TEXT NOT NULL,
            before_text TEXT, before_flagged INTEGER, before_at TEXT,
            after_text TEXT, after_flagged INTEGER, after_at TEXT,
            PRIMARY KEY (act_id, image_id, reader)
        ) STRICT, WITHOUT ROWID""",
    ):
        db.execute(statement)


@migrations()
def m005_labels_by_finding(db: Database) -> None:
    """Labels lie by finding and reader, as they are given and read: a finding given to all images is written and taken
    away in one place, without an index. Whoever looks for those of an image asks finding by finding, see `labelled_by`.
    """
    db.execute("ALTER TABLE labels RENAME TO labels_by_image")
    db.execute(
        """CREATE TABLE labels (
            image_id INTEGER NOT NULL REFERENCES images,
            finding TEXT NOT NULL,
            reader TEXT NOT NULL,
            value INTEGER NOT NULL CHECK (value IN (1, 0, -1)),
            at TEXT NOT NULL,
            how TEXT NOT NULL,
            cluster INTEGER,
            map_id INTEGER,
            PRIMARY KEY (finding, reader, image_id)
        ) STRICT, WITHOUT ROWID"""
    )
    # What makes no sense comes along: to mend it, and to tell of it, is no matter of this step.
    db.execute("PRAGMA ignore_check_constraints = on")
    db.execute(
        """INSERT INTO labels SELECT image_id, finding, reader, value, at, how, cluster, map_id FROM labels_by_image
           ORDER BY finding, reader, image_id"""
    )
    db.execute("PRAGMA ignore_check_constraints = off")
    db.execute("DROP TABLE labels_by_image")
