"""A project of small pictures whose first encoder tells a finding; the second one knows nothing, or is to come."""

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.atlas.layout import LayoutParameters
from cxr_explorer.atlas.neighbours import find_neighbours
from cxr_explorer.comparing import store_beside
from cxr_explorer.encoder.checkpoint import EncoderInfo, bundled_encoders, default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import digest_of, read
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project

FINDING = "Effusion"


def truth(image_id: int) -> Value:
    return Value.PRESENT if image_id % 2 == 0 else Value.ABSENT


def other_encoder() -> EncoderInfo:
    return next(info for info in bundled_encoders() if info.key != default_encoder().key)


def embedded(path: Path, image_id: int, vector: np.ndarray) -> Embedded:
    jpeg = thumbnail_jpeg(read(path))
    return Embedded(image_id, vector.astype(np.float32), jpeg, digest_of(path), 24, 20, {"view": "PA"}, ())


def make_two_encoders(home: Path, count: int = 40, second: bool = False, how: How | None = "single") -> Path:
    """`second`: whether the other encoder's embeddings are there; `how`: how films were read, None for not at all."""
    folder = home / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(random.integers(0, 255, (24, 20), np.uint8)).save(folder / f"{number:02}.png")
    encoder, other = default_encoder(), other_encoder()
    path = home / "two.cxr"
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(list(scan(folder)), [])
        sources = project.pending(encoder.key)
        items, others = [], []
        for source in sources:
            vector = random.standard_normal(encoder.dimension) * 0.3
            vector[:20] += 2 if truth(source.image_id) == Value.PRESENT else -1
            items.append(embedded(source.path, source.image_id, vector))
            others.append(embedded(source.path, source.image_id, random.standard_normal(other.dimension)))
        project.store_batch(encoder, Batch(tuple(items), ()))
        if second:
            store_beside(project, other, Batch(tuple(others), ()))
        ids, vectors = project.embeddings(encoder.key)
        clusters = (np.arange(count) % 3).astype(np.int32)
        one = np.ones(count, np.float32)
        xy = random.standard_normal((count, 2)).astype(np.float32)
        built = BuiltMap(xy, clusters, one, 0 * one, one, neighbours=find_neighbours(vectors, 15))
        few = MapParameters(LayoutParameters(n_neighbours=count))  # so few need no UMAP, which takes seconds to import
        map_id = project.store_map(encoder, few.to_dict(), ids, built)
        for image_id in ids.tolist() if how is not None else ():
            said = Judgement(FINDING, truth(image_id), "reader 1", how or "single", map_id=map_id)
            labelling.label(project, np.array([image_id]), said)
    return path
