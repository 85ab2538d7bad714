"""`open` and `demo`: the two commands that may show the window."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import sys
from pathlib import Path

from cxr_explorer.cli.arguments import DONE, Command, add_encoder, add_json, encoder_of
from cxr_explorer.errors import UserError
from cxr_explorer.project.file import SUFFIX, demo_home
from cxr_explorer.system_libraries import has_screen, why_no_window


def add_commands(command: Command) -> None:
    opened = command("open", _open, "Open the window on an image folder or a project.")
    opened.add_argument("path", nargs="?", type=Path, help="image folder or project file (.cxr)")
    opened.add_argument("--project", type=Path, help="project file to use for the folder")
    add_encoder(opened)

    demo = command("demo", _demo, "Open the simulated demo set; without a screen, run the whole way headless.")
    demo.add_argument("--headless", action="store_true", help="do not open a window")
    demo.add_argument("--folder", type=Path, help="where to keep the demo (default: the user's data folder)")
    demo.add_argument("--count", type=int, default=360, help="number of simulated images (default: 360)")
    add_json(demo)


def _open(chosen: argparse.Namespace) -> int:
    if not has_screen() and "QT_QPA_PLATFORM" not in os.environ:
        raise UserError(
            "Cannot open a window: there is no screen here (DISPLAY is not set). Use `cxr-explorer index`, `map`, "
            "`label` and `export` instead, or connect with a desktop."
        )
    _check_libraries()
    gc.disable()  # nothing of what starting makes is garbage: looking for some takes a tenth of the time; see app
    from cxr_explorer.ui.app import run as run_window

    encoder = encoder_of(chosen.encoder).directory if chosen.encoder else None
    return run_window(chosen.path, chosen.project, encoder, chosen.device)


def _check_libraries() -> None:
    """Says the line that installs what is missing, before Qt ends the process with a text of its own."""
    found = importlib.util.find_spec("PySide6")
    if found is not None and found.origin is not None and (why := why_no_window(Path(found.origin).parent / "Qt")):
        raise UserError(why)


def _demo(chosen: argparse.Namespace) -> int:
    home = chosen.folder or demo_home()
    if has_screen() and not chosen.headless:
        _check_libraries()
        gc.disable()  # as above
        from cxr_explorer.ui.app import run_demo

        return run_demo(home, chosen.count)
    return _run_headless(home, chosen)


def _run_headless(home: Path, chosen: argparse.Namespace) -> int:
    """The whole way from a folder to labels, without a window."""
    # Who opens the window does not wait for these.
    import numpy as np

    from cxr_explorer.cli.index import run, tell
    from cxr_explorer.colours import ON_PAPER
    from cxr_explorer.demo import write_demo
    from cxr_explorer.encoder.checkpoint import default_encoder
    from cxr_explorer.labels.label import Judgement, Value
    from cxr_explorer.labels.vocabulary import bundled_vocabularies
    from cxr_explorer.project import exporting, labelling
    from cxr_explorer.project.project import Project
    from cxr_explorer.report.write import draw_clusters

    images, path = home / "images", home / f"demo{SUFFIX}"
    print("Simulating radiographs…", file=sys.stderr)
    write_demo(images, chosen.count)
    with Project.of_folder(images, path, bundled_vocabularies()[0]) as project:
        report = run(project, default_encoder())
        latest = project.latest_map()
        assert latest is not None
        cluster = int(np.bincount(latest.clusters[latest.clusters >= 0]).argmax()) if report.clusters else -1
        ids = latest.image_ids[latest.clusters == cluster]
        finding = project.vocabulary.findings[0]
        identity = latest.identity(cluster)
        judgement = Judgement(finding, Value.PRESENT, "demo", "cluster", identity, latest.map_id)
        labelling.label(project, ids, judgement)
        csv = home / "demo-labels.csv"
        exporting.export_labels(project, csv, "long")
        picture = home / "demo-map.png"
        picture.write_bytes(draw_clusters(latest, ON_PAPER))
    tell(chosen, report, {"project": str(path), "labels": str(csv), "picture": str(picture)})
    if not chosen.json:
        print("There is no screen here, so the demo ran without a window:" if not has_screen() else "The demo ran:")
        print(f"  images   {images}\n  project  {path}\n  labels   {csv} ({latest.cluster_name(cluster)} = {finding})")
        print(f"  map      {picture}")
    return DONE
