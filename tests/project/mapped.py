"""A project with a map that needs no encoder, on real picture files."""

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded, Unreadable
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import digest_of, read
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project

CLUSTER_SIZES = (5, 3, 2)


def make_project(home: Path) -> Path:
    """Ten images in three groups of 5, 3 and 2 (the last one noise), and one unreadable file."""
    folder = home / "images"
    folder.mkdir()
    for number in range(sum(CLUSTER_SIZES)):
        pixels = np.full((60, 50), 20 * number, np.uint8)
        pixels[10:20, 5:15] = 255
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    encoder = default_encoder()
    path = home / "test.cxr"
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(list(scan(folder)), [])
        results, broken = [], []
        for source in project.pending(encoder.key):
            if source.path.name == "broken.png":
                broken.append(Unreadable(source.image_id, "Not a known image.", digest_of(source.path)))
                continue
            radiograph = read(source.path)
            vector = np.zeros(encoder.dimension, np.float32)
            vector[source.image_id] = 1
            facts = {"view": "PA" if source.image_id % 2 else "AP", "age": str(30 + source.image_id)}
            results.append(Embedded(source.image_id, vector, thumbnail_jpeg(radiograph), "digest", 60, 50, facts, ()))
        project.store_batch(encoder, Batch(tuple(results), tuple(broken)))
        ids, _ = project.embeddings(encoder.key)
        groups = np.repeat([0, 1, -1], CLUSTER_SIZES).astype(np.int32)
        turn = np.arange(len(ids), dtype=np.float32)
        xy = np.stack([10.0 * groups + np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
        one = np.ones(len(ids), np.float32)
        project.store_map(encoder, MapParameters().to_dict(), ids, BuiltMap(xy, groups, one, 0 * one, turn / 10))
    return path
