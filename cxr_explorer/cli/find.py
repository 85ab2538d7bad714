"""The command line's share of finding: `similar` and `search`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from cxr_explorer.cli.arguments import Command, add_encoder, add_json, latest_map
from cxr_explorer.encoder.checkpoint import EncoderInfo, encoder_of, encoder_with_key
from cxr_explorer.encoder.file_model import NO_ENCODER, is_of_file
from cxr_explorer.errors import UserError
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.project.redrawn import shown_frame
from cxr_explorer.search.similar import UnitEmbeddings, embed_file, image_named
from cxr_explorer.search.words import Search

LISTED = 50
"""Files that `search` prints; --json has all."""


def add_commands(command: Command) -> None:
    """Adds `similar` and `search` to the parser."""
    similar = command("similar", _similar, "List the images most like one, the most alike first.")
    similar.add_argument("project", type=Path)
    similar.add_argument("--to", required=True, metavar="IMAGE", help="an image of the project, or any image file")
    similar.add_argument("--count", type=int, default=20, metavar="N", help="how many (default: 20)")
    add_encoder(similar)
    add_json(similar)

    search = command("search", _search, "List the images whose file name, labels, notes or facts hold all words.")
    search.add_argument("project", type=Path)
    search.add_argument("words", nargs="+", metavar="WORD", help="a word, view:AP, label:Effusion, note:old, …")
    search.add_argument("--reader", default="reader 1", help="whose labels and notes (default: reader 1)")
    add_json(search)


def _similar(chosen: argparse.Namespace) -> int:
    if chosen.count < 1:
        raise UserError(f"--count {chosen.count} makes no sense: ask for at least 1 image.")
    with Project.open_read_only(chosen.project) as project:
        atlas_map = latest_map(project)
        embeddings = UnitEmbeddings(project, atlas_map)
        for _ in embeddings.load():
            pass
        image_id = image_named(project, chosen.to)
        if image_id is not None:
            try:
                vector = embeddings.vector(image_id)
            except KeyError:
                raise UserError(
                    f"{chosen.to} is not on the map: it could not be read, or is new. Run `cxr-explorer index` again."
                ) from None
        elif Path(chosen.to).is_file():
            encoder = _encoder_of(atlas_map, chosen.encoder)
            (embedded,) = embed_file(Path(chosen.to), encoder.directory, chosen.device, shown_frame(project))
            vector = embedded.embedding
        else:
            raise UserError(f"{chosen.to} is neither an image of the project nor a file. Check its name.")
        itself = np.array([image_id] if image_id is not None else [], np.int64)
        found = embeddings.alike(vector, chosen.count, leave_out=itself)
        paths = project.paths()
    identities = atlas_map.identities()[np.searchsorted(atlas_map.image_ids, found.image_ids)]
    rows = [
        {"file": paths[found_id], "likeness": round(likeness, 4), "cluster": identity + 1}
        for found_id, likeness, identity in zip(
            found.image_ids.tolist(), found.likeness.tolist(), identities.tolist(), strict=True
        )
    ]
    if chosen.json:
        print(json.dumps({"to": chosen.to, "encoder": atlas_map.encoder_key, "images": rows}))
        return 0
    for row in rows:
        print(f"{row['likeness']:.3f}  {row['file']}")
    return 0


def _search(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        search = Search(project, latest_map(project).image_ids, project.facts(), chosen.reader)
        query = " ".join(_requoted(word) for word in chosen.words)
        found = search.find(query)
        if found.unknown:
            known = ", ".join(["label", "file", "note", *search.fact_names])
            raise UserError(f"Nothing is known of {', '.join(found.unknown)}. What can be asked for: {known}.")
        paths = project.paths()
    files = [paths[image_id] for image_id in found.image_ids.tolist()]
    if chosen.json:
        print(json.dumps({"query": query, "images": len(files), "files": files}))
        return 0
    print(f"{len(files):,} image{'' if len(files) == 1 else 's'}")
    for file in files[:LISTED]:
        print(f"  {file}")
    if len(files) > LISTED:
        print(f"  … and {len(files) - LISTED:,} more (--json lists all)")
    return 0


def _encoder_of(atlas_map: AtlasMap, chosen: str | None) -> EncoderInfo:
    """The encoder the map was made with: the only one whose embeddings can be compared with the map's."""
    if is_of_file(atlas_map.encoder_key):
        raise UserError(NO_ENCODER)
    encoder = encoder_with_key(atlas_map.encoder_key) if chosen is None else encoder_of(chosen)
    if encoder is not None and encoder.key == atlas_map.encoder_key:
        return encoder
    raise UserError(f"The map was made with the encoder {atlas_map.encoder_key}. Name that one with --encoder DIR.")


def _requoted(word: str) -> str:
    """A word of the command line with blanks in it, whose quotes the shell has taken off."""
    if " " not in word or '"' in word:
        return word
    field, colon, text = word.partition(":")
    return f'{field}:"{text}"' if colon and " " not in field else f'"{word}"'
