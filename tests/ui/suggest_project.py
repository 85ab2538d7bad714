"""A project on which suggestions can be right: small pictures whose embeddings tell the first finding."""

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import read
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project

COUNT = 72
LOOKS = 34
"""Images drawn at random and read, of projects that have such."""


def truth(image_id: int) -> Value:
    return Value.PRESENT if image_id % 3 == 0 else Value.ABSENT


def make_suggest_project(home: Path, read_first: int = 0, looks: int = 0) -> Path:
    """COUNT images and `looks` more in four clusters; `read_first` of them were read one by one for the first finding,
    and the last ones were drawn at random and read."""
    count = COUNT + looks
    folder = home / "images"
    folder.mkdir()
    pixels = np.zeros((24, 20), np.uint8)
    for number in range(count):
        pixels[:] = 2 * number
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    encoder = default_encoder()
    random = np.random.default_rng(0)
    path = home / "suggest.cxr"
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(list(scan(folder)), [])
        items = []
        for source in project.pending(encoder.key):
            vector = random.standard_normal(encoder.dimension).astype(np.float32) * 0.3
            vector[:20] += 2 if truth(source.image_id) == Value.PRESENT else -1
            jpeg = thumbnail_jpeg(read(source.path))
            items.append(Embedded(source.image_id, vector, jpeg, "digest", 24, 20, {"view": "PA"}, ()))
        project.store_batch(encoder, Batch(tuple(items), ()))
        ids, vectors = project.embeddings(encoder.key)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        near = np.argsort(-unit @ unit.T, axis=1, kind="stable")[:, :15].astype(np.int32)  # spares the child torch
        clusters = (np.arange(count) % 4).astype(np.int32)
        one = np.ones(count, np.float32)
        xy = np.stack([5 * np.cos(np.arange(count)), np.arange(count) % 9], axis=1).astype(np.float32)
        map_id = project.store_map(
            encoder,
            MapParameters().to_dict(),
            ids,
            BuiltMap(xy, clusters, one, 0 * one, one, neighbours=Neighbours(near, near * np.float32(0))),
        )
        finding = project.vocabulary.findings[0]
        for image_id in [*ids[:read_first].tolist(), *ids[COUNT:].tolist()]:
            how: How = "single" if image_id <= COUNT else "random"
            said = Judgement(finding, truth(image_id), "reader 1", how, map_id=map_id)
            labelling.label(project, np.array([image_id]), said)
    return path
