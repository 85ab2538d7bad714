"""How many pictures of something else are found, and how many chest films are taken for one.

    python -m tests.bench.strangers [--data FOLDER] [--encoder NAME] [--cache FOLDER] [--json]

Strangers are the files of STRANGERS; films are the other originals and DICOM files, and the films of `cxr` that took no
part in the encoder's reference (`training.chest_reference`): other patients of its sources, and all other sources.
The kind of distance was chosen with these strangers in view, from a dozen; its limit was chosen without them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.stats import binomtest

from cxr_explorer.cli.arguments import encoder_of
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.chest_reference import ChestReference, read_reference
from cxr_explorer.encoder.embed import Batch, Embedded, Source, embed
from cxr_explorer.search.header_kind import other_than_frontal_chest
from training.chest_reference import draw, part_of
from training.data import index
from training.embeddings import embed_items

STRANGERS = {
    "negative_CT_montage__": "CT montage",
    "negative_CT_slice__": "CT slice of the chest",
    "negative_mask__": "mask of the lungs",
    "negative_photo__": "photograph of a desk",
    "big_png_rgba__": "the word SAMPLE",
    "RG3_": "leg",
    "dinbe0527__anon_apct_CT_bigendian": "CT slice of the abdomen",
    "pydicom-data__HTJ2K_08_RGB": "photograph of a boat",
    "pydicom-data__JLSL_16_15_1_1F": "CT slice of the neck",
    "pydicom_pip__CT_small": "CT slice of the neck",
    "pydicom-data__OBXXXX1A_rle": "ultrasound",
    "pydicom-data__SC_ybr_full_uncompressed": "colour bars",
    "pydicom_pip__SC_rgb_rle": "colour bars",
    "pydicom-data__bad_sequence": "CT slice of the spine",
    "pydicom-data__vlut_04": "test pattern",
    "pydicom_pip__JPEG-lossy": "bone scintigram",
    "pydicom_pip__JPGExtended": "bone scintigram",
    "pydicom_pip__MR_small": "MRI of the spine",
    "pydicom_pip__SC_rgb_jpeg": "empty sheet",
    "pydicom_pip__examples_overlay": "MRI of the abdomen",
    "pydicom-data__emri_small": "MRI, of which part is not plain",
    "pydicom_pip__examples_ybr_color": "ultrasound of the heart",
    "pydicom_pip__image_dfl": "test pattern of squares",
}
"""Beginning of the name -> what it shows; all looked at. Equal words are one picture in several encodings."""


def embed_files(files: Sequence[Path], encoder: EncoderInfo) -> dict[Path, Embedded]:
    """What can be read of them."""
    done: dict[Path, Embedded] = {}
    for item in embed([Source(number, file) for number, file in enumerate(files)], encoder.directory, "cpu"):
        if isinstance(item, Batch):
            done.update({files[one.image_id]: one for one in item.embedded})
    return done


def shows(file: Path) -> str:
    """What a stranger shows; "" for a film."""
    return next((word for start, word in STRANGERS.items() if file.name.startswith(start)), "")


def share(count: int, of: int) -> dict[str, Any]:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    if not of:
        return {"share": None, "count": 0, "of": 0}
    low, high = binomtest(count, of).proportion_ci(0.95, "exact")
    return {"share": round(count / of, 4), "count": count, "of": of, "interval": [round(low, 4), round(high, 4)]}


def render(folder: Path) -> list[Path]:
    """Pictures of nothing: noise, ramps, empty sheets, pages of text, crops of photographs."""
    from sklearn.datasets import load_sample_image

    random = np.random.default_rng(0)
    pictures: dict[str, Image.Image] = {}
    for number in range(5):
        noise = Image.fromarray(random.integers(0, 256, (400, 400), dtype=np.uint8))
        pictures[f"noise {number}"] = noise
        pictures[f"cloud {number}"] = noise.filter(ImageFilter.GaussianBlur(3 + 5 * number))
    ramp = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (400, 1))
    pictures |= {"ramp": Image.fromarray(ramp), "ramp down": Image.fromarray(np.ascontiguousarray(ramp.T))}
    pictures |= {f"empty {gray}": Image.new("L", (400, 400), gray) for gray in (0, 128, 255)}
    lines = (__doc__ or "").splitlines()
    for size in range(12, 36, 4):
        page = Image.new("L", (700, 900), 255)
        for row in range(800 // size):
            ImageDraw.Draw(page).text((50, 50 + row * size), lines[row % len(lines)], 0, font_size=size)
        pictures[f"text {size}"] = page
    for name in ("china.jpg", "flower.jpg"):
        photograph = Image.fromarray(load_sample_image(name))
        for number in range(6):
            side = int(random.integers(150, 400))
            x, y = (int(random.integers(0, length - side)) for length in photograph.size)
            pictures[f"{name[:-4]} {number}"] = photograph.crop((x, y, x + side, y + side))
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return sorted(folder.glob("*.png"))


def judge_strangers(done: dict[Path, Embedded], reference: ChestReference) -> dict[str, Any]:
    """Of the strangers and films among originals and DICOM files."""
    vectors = np.stack([one.embedding for one in done.values()])
    looks = dict(zip(done, (reference.unlikeness(vectors) > 1).tolist(), strict=True))
    told = {file: bool(other_than_frontal_chest(one.facts)) for file, one in done.items()}
    strange = [file for file in done if shows(file)]
    found = [file for file in strange if looks[file] or told[file]]
    return {
        "found": share(len(found), len(strange)),
        "found_pictures": share(len(set(map(shows, found))), len(set(map(shows, strange)))),
        "found_by_look": share(sum(looks[file] for file in strange), len(strange)),
        "found_by_header": share(sum(told[file] for file in strange), len(strange)),
        "missed": [file.name for file in strange if file not in found],
        "films": {file: looks[file] or told[file] for file in done if not shows(file)},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints shares, counts and intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoder", help="name of a bundled encoder")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cxr-strangers")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    encoder = encoder_of(chosen.encoder)
    reference = read_reference(encoder)
    assert reference is not None, "the encoder has no reference of chest films"
    files = [path for folder in ("originals", "dicom") for path in sorted((chosen.data / folder).iterdir())]
    said = judge_strangers(embed_files(files, encoder), reference)
    alarms = [("originals and DICOM", alarm) for alarm in said["films"].values()]
    said["alarms_among_files"] = [file.name for file, alarm in said.pop("films").items() if alarm]

    films = [item for item in draw(index(chosen.data.resolve() / "cxr")) if part_of(item) == "test"]
    beyond = reference.unlikeness(embed_items(films, encoder.directory, chosen.cache).vectors) > 1
    lateral = np.array([item.view == "LATERAL" for item in films])
    alarms += [(item.source, bool(by)) for item, by, side in zip(films, beyond, lateral, strict=True) if not side]
    said["false_alarms"] = share(sum(alarm for _, alarm in alarms), len(alarms))
    said["false_alarms_by_source"] = {
        source: share(sum(alarm for of, alarm in alarms if of == source), sum(of == source for of, _ in alarms))
        for source in sorted({of for of, _ in alarms})
    }
    said["lateral_views_found_by_look"] = share(int(beyond[lateral].sum()), int(lateral.sum()))
    with tempfile.TemporaryDirectory() as folder:
        drawn = embed_files(render(Path(folder)), encoder)
    away = reference.unlikeness(np.stack([one.embedding for one in drawn.values()]))
    said["rendered_found_by_look"] = share(int((away > 1).sum()), len(drawn))
    said["rendered_missed"] = [file.stem for file, by in zip(drawn, away, strict=True) if by <= 1]
    said = {"encoder": encoder.key, **said}
    print(json.dumps(said) if chosen.json else "\n".join(f"{name}: {value}" for name, value in said.items()))


if __name__ == "__main__":
    main()
