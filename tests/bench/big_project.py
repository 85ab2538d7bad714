"""A project as large as a public collection, made in the project file alone: there are no image files behind it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.atlas.clusters import find_clusters, typicality
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.images.preprocess import THUMBNAIL_PX
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies
from cxr_explorer.project import labelling, partitions
from cxr_explorer.project.project import Project

READER = "reader 1"
BLOBS = 120
"""Groups of images on the map, some of them large, most of them small."""

NEIGHBOURS = 15
THUMBNAILS = 64
"""Different pictures; the images share them."""


def make_big_project(path: Path, images: int, findings: int = 14) -> None:
    """Makes a project with embeddings, thumbnails, a map with its tree, facts, and labels of most findings.

    What is known of the images came with a table, as it does with the NIH release: view, sex, age, visit and patient
    of each. Two findings are labelled on all images cluster by cluster, three on a third of them, one was read one by
    one on up to 3,000; the first one and the rest carry no label.

    Args:
        path: The project file, which is not there yet.
        images: How many.
        findings: How many the vocabulary has.
    """
    random = np.random.default_rng(0)
    folder = path.with_name("images")
    folder.mkdir(exist_ok=True)
    encoder = default_encoder()
    names = [*bundled_vocabularies()[0].findings, *(f"Finding {number}" for number in range(findings))][:findings]
    group, xy = _layout(random, images)
    with Project.create(path, folder, Vocabulary("Bench", tuple(names))) as project:
        _store_images(project, random, images)
        vectors = _store_embeddings(project, random, group)
        found = find_clusters(xy, MapParameters().clusters)
        distances, nearest = cKDTree(xy).query(xy, k=min(NEIGHBOURS, images))
        built = BuiltMap(
            xy,
            found.labels,
            found.strength,
            found.outlier,
            typicality(vectors, found.labels),
            found.tree,
            Neighbours(nearest.astype(np.int32), distances.astype(np.float32)),
        )
        project.store_map(encoder, MapParameters().to_dict(), np.arange(1, images + 1), built)
        atlas_map = project.latest_map()
        assert atlas_map is not None
        with project.db.atomic():
            partitions.begin(project, atlas_map, None)
        _label(project, random)


def _layout(random: np.random.Generator, images: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The group of each image, and (N, 2) its place."""
    shares = random.dirichlet(np.full(BLOBS, 0.7))
    group = np.sort(random.choice(BLOBS, images, p=shares))
    middles = random.uniform(-12, 12, (BLOBS, 2))
    spread = random.uniform(0.15, 0.9, BLOBS)
    xy = middles[group] + spread[group, None] * random.normal(size=(images, 2))
    order = random.permutation(images)  # images of a group do not follow each other in the folder
    return group[order], xy[order].astype(np.float32)


def _store_images(project: Project, random: np.random.Generator, images: int) -> None:
    pictures = [_thumbnail(random) for _ in range(THUMBNAILS)]
    makers = [json.dumps({"maker": f"Maker {number}"}) for number in range(11)]
    patient = np.sort(random.integers(1, max(images // 4, 2), images)).tolist()
    ages, sexes, views = (random.integers(0, most, images).tolist() for most in (95, 2, 3))
    with project.db.atomic():
        execute_many = project.db.conn.executemany
        execute_many(
            """INSERT INTO images (path, size_bytes, mtime_ns, state, digest, height_px, width_px, facts)
               VALUES (?, 400000, 1, 'read', ?, 1024, 1024, ?)""",
            ((f"images_{n // 10_000:03}/{n:08}_{n % 7:03}.png", f"{n:032x}", makers[n % 11]) for n in range(images)),
        )
        execute_many("INSERT INTO thumbnails VALUES (?, ?)", ((n + 1, pictures[n % THUMBNAILS]) for n in range(images)))
        for name, values in (
            ("age", [str(age) for age in ages]),
            ("patient", [str(number) for number in patient]),
            ("sex", ["FM"[sex] for sex in sexes]),
            ("view", [("PA", "PA", "AP")[view] for view in views]),
            ("visit", [str(n % 7) for n in range(images)]),
        ):
            rows = zip(range(1, images + 1), [name] * images, values, strict=True)
            execute_many("INSERT INTO metadata VALUES (?, ?, ?)", rows)


def _thumbnail(random: np.random.Generator) -> bytes:
    """Square, gray, some kilobytes as JPEG."""
    small = Image.fromarray(random.integers(30, 220, (12, 12), dtype=np.uint8))
    out = io.BytesIO()
    small.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
    return out.getvalue()


def _store_embeddings(project: Project, random: np.random.Generator, group: NDArray[np.int64]) -> NDArray[np.float32]:
    """Stores and returns (N, D) embeddings, those of a group near each other."""
    encoder = default_encoder()
    vectors = random.normal(size=(BLOBS, encoder.dimension)).astype(np.float32)[group]
    vectors += 0.7 * random.standard_normal(vectors.shape, np.float32)
    with project.db.atomic():
        project.db.execute(
            "INSERT INTO encoders (key, name, dimension) VALUES (?, ?, ?)",
            [encoder.key, encoder.name, encoder.dimension],
        )
        project.db.conn.executemany(
            "INSERT INTO embeddings VALUES (1, ?, ?)", ((n + 1, vector.tobytes()) for n, vector in enumerate(vectors))
        )
    return vectors


def _label(project: Project, random: np.random.Generator) -> None:
    atlas_map = project.latest_map()
    assert atlas_map is not None
    ids, clusters = atlas_map.image_ids, atlas_map.clusters
    names = project.vocabulary.findings
    for finding in names[1:3]:
        for value, part in ((Value.PRESENT, clusters % 3 == 0), (Value.ABSENT, clusters % 3 != 0)):
            labelling.label(project, ids[part], Judgement(finding, value, READER, "cluster", map_id=atlas_map.map_id))
    for finding in names[3:6]:
        some = ids[random.random(len(ids)) < 1 / 3]
        labelling.label(project, some, Judgement(finding, Value.ABSENT, READER, "lasso", map_id=atlas_map.map_id))
    for finding in names[6:7]:
        some = np.sort(random.choice(ids, min(len(ids) // 2, 3000), replace=False))
        half = len(some) // 2
        for value, part in ((Value.PRESENT, some[:half]), (Value.ABSENT, some[half:])):
            labelling.label(project, part, Judgement(finding, value, READER, "single", map_id=atlas_map.map_id))
