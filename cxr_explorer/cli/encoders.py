"""`encoder`: takes in encoders of other people, lists them, and takes them out again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cxr_explorer.cli.arguments import DONE, Command, add_json
from cxr_explorer.cli.compare_encoders import add_verb
from cxr_explorer.encoder.checkpoint import (
    CARD_FILE,
    EncoderInfo,
    added_folder,
    bundled_encoders,
    damaged_encoders,
    encoder_of,
    known_encoders,
)


def add_commands(command: Command) -> None:
    encoder = command("encoder", _list, "Add an encoder of your own, list, show or remove those there are.")
    verbs = encoder.add_subparsers(title="commands", required=True, metavar="add|list|show|compare|remove")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text)

    added = verb("add", "Make an encoder of weights, of a model's folder or of an ONNX file.")
    added.set_defaults(run=_add)
    added.add_argument(
        "where", metavar="FILE", type=Path, help="weights.safetensors, a folder with config.json, or a network.onnx"
    )
    added.add_argument("--timm", metavar="ARCHITECTURE", help="whose weights these are, by timm's name")
    added.add_argument("--name", help="short, without spaces (default: of the file)")
    added.add_argument("--title", help="as the window shows it (default: the name)")
    added.add_argument("--about", metavar="TEXT", help="how it was trained and how well it does, in a sentence")
    added.add_argument("--licence", metavar="TEXT", help="of the weights (default: as the folder's README.md says)")
    added.add_argument("--card", type=Path, metavar="FILE", help="its model card (default: the folder's README.md)")
    added.add_argument("--out", type=Path, metavar="DIR", help="write the checkpoint there instead of adding it")
    fed = added.add_argument_group("what the network is fed (default: as its own files say)")
    fed.add_argument("--size", type=int, metavar="PX", help="side of the square input")
    fed.add_argument("--fit", choices=("squash", "pad"), default="squash", help="stretch the film, or keep its shape")
    fed.add_argument("--mean", type=float, nargs="+", metavar="M", help="taken from pixels, which go from 0 to 1")
    fed.add_argument("--std", type=float, nargs="+", metavar="S", help="by what they are divided then")
    gives = added.add_argument_group("what becomes the embedding (default: what the network itself gives)")
    gives.add_argument("--pool", choices=("own", "cls", "mean"), help="the class token, or the mean over the picture")
    gives.add_argument("--output", metavar="NAME", help="of an ONNX file with several")
    added.add_argument("--half", action="store_true", help="store weights as float16, half the size")
    add_json(added)

    listed = verb("list", "List the encoders there are, with their size and speed.")
    listed.set_defaults(run=_list)
    add_json(listed)

    shown = verb("show", "Say all that is known of an encoder, and its model card.")
    shown.set_defaults(run=_show)
    shown.add_argument("name", metavar="NAME", help="a name of `encoder list`, or a checkpoint folder")
    add_json(shown)

    add_verb(verbs)  # compare

    removed = verb("remove", "Take an added encoder out; projects keep labels, maps and embeddings.")
    removed.set_defaults(run=_remove)
    removed.add_argument("name", metavar="NAME")
    add_json(removed)


def _add(chosen: argparse.Namespace) -> int:
    from cxr_explorer.encoder.adding import Wish, add

    added = add(
        chosen.where,
        Wish(
            timm=chosen.timm,
            name=chosen.name,
            title=chosen.title,
            about=chosen.about,
            licence=chosen.licence,
            card=chosen.card,
            size_px=chosen.size,
            fit=chosen.fit,
            mean=chosen.mean,
            std=chosen.std,
            pool=chosen.pool,
            output=chosen.output,
            half=chosen.half,
        ),
        chosen.out,
    )
    info = added.info
    if chosen.json:
        print(json.dumps({**_described(info), "cosine": added.cosine, "unused": added.unused}))
        return DONE
    print(f"Added {info.name}: {info.costs()}. It lies in {info.directory}")
    print(f"  tried on simulated films: its smallest cosine to the network it was made of is {added.cosine:.6f}")
    if added.unused:
        some = ", ".join(added.unused[:4])
        print(f"  {len(added.unused)} tensors of the file have no place in the network and were left out: {some}")
    named = info.name if chosen.out is None else info.directory
    print(f"  use it: cxr-explorer index FOLDER --encoder {named}, or choose it under Settings")
    return DONE


def _list(chosen: argparse.Namespace) -> int:
    known, damaged = known_encoders(), damaged_encoders()
    if chosen.json:
        entries = [{"name": folder.name, "directory": str(folder), "reason": reason} for folder, reason in damaged]
        print(json.dumps({"encoders": [_described(info) for info in known], "damaged": entries}))
        return DONE
    for info in known:
        print(f"{info.name}: {info.title}")
        print(f"  {info.costs()}; {_source(info)}; licence: {_licence(info)}")
    for folder, reason in damaged:
        print(f"{folder.name}: damaged. {reason} Or take it out: cxr-explorer encoder remove {folder.name}")
    return DONE


def _show(chosen: argparse.Namespace) -> int:
    info = encoder_of(chosen.name)
    try:
        card = (info.directory / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        card = ""
    if chosen.json:
        print(json.dumps({**_described(info), "card": card}))
        return DONE
    spec = info.spec
    print(f"{info.name}: {info.title}\n{info.description}\n")
    for field, text in (
        ("from", _source(info)),
        ("licence", _licence(info)),
        ("network", info.architecture),
        ("costs", info.costs()),
        ("is fed", f"{spec.size_px} x {spec.size_px} pixels, {spec.fit}"),
        ("key", info.key),
        ("lies in", str(info.directory)),
    ):
        print(f"{field + ':':<9} {text}")
    print(f"\n{card}" if card else "\nIt has no model card.")
    return DONE


def _remove(chosen: argparse.Namespace) -> int:
    from cxr_explorer.encoder.adding import remove

    folder = remove(chosen.name)
    if chosen.json:
        print(json.dumps({"removed": chosen.name, "directory": str(folder)}))
        return DONE
    print(
        f"Removed {chosen.name}: {folder} is deleted. Projects keep their labels, maps and embeddings of it; "
        "new films need it, or another encoder."
    )
    return DONE


def _described(info: EncoderInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "title": info.title,
        "bundled": info in bundled_encoders(),
        "source": _source(info),
        "licence": info.licence,
        "about": info.description,
        "architecture": info.architecture,
        "dimension": info.dimension,
        "input_px": info.spec.size_px,
        "fit": info.spec.fit,
        "key": info.key,
        "bytes": info.bytes_on_disk(),
        "films_per_second": info.films_per_second or None,
        "directory": str(info.directory),
    }


def _source(info: EncoderInfo) -> str:
    if info.source:
        return f"from {info.source}"
    return "added" if info.directory.parent == added_folder() else "ships with the program"


def _licence(info: EncoderInfo) -> str:
    return info.licence or ("see its card" if info in bundled_encoders() else "not named")
