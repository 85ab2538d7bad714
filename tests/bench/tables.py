"""How long tables and the report take at 112,120 images x 14 findings.

    python -m tests.bench.tables --json
    python -m tests.bench.tables --images 10000 --forms long --json

Tables are written from a project in which a reader has judged every finding on every image, in each form, and by the
side of it label by label with `csv.DictWriter`, which must come to the same bytes: `ratio` is the most of ours / theirs
over the forms, in processor time. The table that is read has the columns and the mix of the NIH release's
(`Data_Entry_2017`), of that many rows: in a child, then taken in by the import dialog as in the window. The report is
written in a child.

The last line is JSON: `ratio`, `export_s`, `import_s`, `report_s` by the clock, the processes' start included, and the
same as processor time (`..._cpu_s`); `import_block_ms` is the longest turn of the window's event loop from the opening
of the dialog to its end, in processor time of its thread. `held` says whether 2 s, 5 s and 60 s of processor time were
held, which is what they take by the clock where nothing else runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_explorer.project.project import Project

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# What takes long to import is imported where it is used: a child process imports this file again, but the window's does
# not.

FORMS = ("long", "nih", "chexpert")
LIMITS_S = {"export_s": 2.0, "import_s": 5.0, "report_s": 60.0}

# Shares of the NIH release's rows with each finding (112,120 rows, 15 names, 0.26 findings beyond one a row).
NIH_SHARES = {
    "Infiltration": 0.1774, "Effusion": 0.1188, "Atelectasis": 0.1031, "Nodule": 0.0565, "Mass": 0.0516,
    "Pneumothorax": 0.0473, "Consolidation": 0.0416, "Pleural_Thickening": 0.0302, "Cardiomegaly": 0.0248,
    "Emphysema": 0.0224, "Edema": 0.0205, "Fibrosis": 0.0150, "Pneumonia": 0.0128, "Hernia": 0.0020,
}  # fmt: skip


HEADER = (
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender"),
    *("View Position", "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]"),
)


def label_everything(project: Project) -> None:
    """Judges what has no label yet: every finding on every image, as clusters are."""
    import numpy as np

    from cxr_explorer.labels.label import Judgement, Value
    from cxr_explorer.project import labelling
    from tests.bench.big_project import READER

    random = np.random.default_rng(1)
    atlas_map = project.latest_map()
    assert atlas_map is not None
    for finding in project.vocabulary.findings:
        values = random.choice(np.array(list(Value)), len(atlas_map.image_ids), p=[0.1, 0.87, 0.03])
        rows = project.db.execute("SELECT image_id FROM labels WHERE finding = ? AND reader = ?", [finding, READER])
        left = ~np.isin(atlas_map.image_ids, [row[0] for row in rows])
        for value in Value:
            judgement = Judgement(finding, value, READER, "cluster", int(random.integers(100)), atlas_map.map_id)
            labelling.label(project, atlas_map.image_ids[left & (values == value)], judgement)


def write_nih_like(project: Project, out: Path) -> None:
    """A table as that of the NIH release, of the project's images."""
    import numpy as np

    random = np.random.default_rng(2)
    names = [path.rpartition("/")[2] for path in project.paths().values()]
    there = random.random((len(names), len(NIH_SHARES))) < np.array(list(NIH_SHARES.values()))
    findings = np.array(list(NIH_SHARES), object)
    with out.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(HEADER)
        for number, (name, present) in enumerate(zip(names, there, strict=True)):
            said = "|".join(findings[present]) or "No Finding"
            person = number // 4, 20 + number % 70, "MF"[number % 2], ("PA", "AP")[number % 5 == 0]
            table.writerow([name, said, number % 9, *person, 2500, 2048, 0.168, 0.168])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor, those of children that have ended included."""

    def cpu() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    begun, cpu_begun = time.perf_counter(), cpu()
    work()
    return round(time.perf_counter() - begun, 2), round(cpu() - cpu_begun, 2)


def in_a_child(function: Callable[..., Any], *arguments: Any) -> None:
    """Runs a generator function as the window does."""
    from cxr_explorer.worker import Job

    job = Job(function, *arguments)
    while not job.finished:
        job.receive(0.1)


def take_in(path: Path, table: Path) -> dict[str, float]:
    """Seconds and longest turn of the event loop of an import by its dialog; the labels are taken back afterwards."""
    from PySide6.QtCore import QElapsedTimer, QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication, QWidget

    from cxr_explorer.project import acts
    from cxr_explorer.project.project import Project
    from cxr_explorer.ui.labelling.import_dialog import ImportDialog

    QApplication.instance() or QApplication([])
    parent, loop, clock = QWidget(), QEventLoop(), QElapsedTimer()
    turn, longest = time.thread_time(), 0.0
    asked_s = 0.0
    with Project.open(path, back_up=False) as project:

        def tick() -> None:
            nonlocal turn, longest, asked_s
            now = time.thread_time()
            turn, longest = now, max(longest, now - turn)
            if dialog._preview is not None and not asked_s:
                asked_s = clock.elapsed() / 1e3
                dialog.accept()

        ticks = QTimer(interval=1)  # 0 would keep a processor busy
        ticks.timeout.connect(tick)
        clock.start()
        dialog = ImportDialog(parent, project, table, "table", "table")
        dialog.finished.connect(loop.quit)
        dialog.open()
        ticks.start()
        loop.exec()
        ticks.stop()
        longest = max(longest, time.thread_time() - turn)  # the turn in which the dialog closed
        whole_s = clock.elapsed() / 1e3
        assert dialog.change is not None
        acts.undo(project)
    return {"import_s": round(whole_s, 2), "examine_s": round(asked_s, 2), "import_block_ms": round(1e3 * longest, 1)}


def write_out(path: Path, folder: Path, form: str) -> dict[str, float]:
    """A form written in a child as the window does it, here, and label by label."""
    from cxr_explorer.exchange import forms
    from cxr_explorer.exchange.form import Wanted
    from cxr_explorer.project import exporting
    from cxr_explorer.project.project import Project
    from tests.project.plain_export import export_plainly

    ours, plain = folder / "ours.csv", folder / "plain.csv"
    seconds, child_cpu = timed(lambda: in_a_child(forms.exported, path, ours, form, Wanted()))
    with Project.open_read_only(path) as project:
        _, cpu = timed(lambda: exporting.export_labels(project, ours, form))
        _, plain_cpu = timed(lambda: export_plainly(project, plain, form))
    assert ours.read_bytes() == plain.read_bytes(), f"{form}: other bytes than label by label"
    return {"ratio": round(cpu / plain_cpu, 3), "export_s": seconds, "export_cpu_s": child_cpu}


def report(path: Path, out: Path) -> tuple[float, float]:
    """Seconds and processor seconds of the report in a child."""
    from cxr_explorer.colours import ON_PAPER
    from cxr_explorer.report.write import Choices, write_report

    return timed(lambda: in_a_child(write_report, path, out, ON_PAPER, Choices()))


def run(images: int, forms: list[str]) -> dict[str, Any]:
    """Everything that the last line says."""
    from cxr_explorer.project.project import Project
    from tests.bench.big_project import make_big_project

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        path, table = Path(name) / "big.cxr", Path(name) / "table.csv"
        make_big_project(path, images)
        with Project.open(path, back_up=False) as project:
            write_nih_like(project, table)
        taken: dict[str, float] = {}
        _, taken["import_cpu_s"] = timed(lambda: taken.update(take_in(path, table)))
        with Project.open(path, back_up=False) as project:
            label_everything(project)
        exports = {form: write_out(path, Path(name), form) for form in forms}
        report_s, report_cpu_s = report(path, Path(name) / "report.html")
    result: dict[str, Any] = {"ratio": max(one["ratio"] for one in exports.values()), "images": images}
    result |= {"export_s": max(one["export_s"] for one in exports.values())}
    result |= {"export_cpu_s": max(one["export_cpu_s"] for one in exports.values()), **taken}
    result |= {"report_s": report_s, "report_cpu_s": report_cpu_s, "forms": exports}
    cpu = {name: result[name.replace("_s", "_cpu_s")] for name in LIMITS_S}
    return {**result, "held": {name: cpu[name] <= limit for name, limit in LIMITS_S.items()}}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    chosen = parser.parse_args()
    result = run(chosen.images, chosen.forms)
    if not chosen.json:
        for name, value in result.items():
            print(f"{name:16} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
