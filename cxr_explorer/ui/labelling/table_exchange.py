"""Labels in and out, with their dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.exchange.folder import check_new
from cxr_explorer.exchange.forms import exported
from cxr_explorer.labels.reader_names import ADJUDICATED, is_reserved, ordinary
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.label_columns import label_count
from cxr_explorer.project.notes import note_readers, notes_text
from cxr_explorer.project.readers.agreement import reader_names
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.ui.frame.recent_list import project_title
from cxr_explorer.ui.labelling.export_dialog import ExportDialog, Whose
from cxr_explorer.ui.labelling.export_progress import ExportProgress
from cxr_explorer.ui.labelling.import_dialog import ImportDialog
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted

READ = (
    ("CSV: long, NIH ChestX-ray14 or CheXpert", "*.csv *.tsv *.txt *.csv.gz"),
    ("Parquet: the columns of these", "*.parquet"),
    ("Label Studio: exported as JSON", "*.json"),
)
"""Files with labels, as the file dialog offers them; what a file is its content decides."""

MOST_PARTS = 20
"""A fact with more values than this divides no data set."""


def import_table(parent: QWidget, session: Session, folder: str) -> None:
    """Asks for a file, shows what it would bring, and takes it in."""
    kinds = [f"{title} ({endings})" for title, endings in READ]
    kinds = [f"Labels ({' '.join(endings for _, endings in READ)})", *kinds, "All files (*)"]
    chosen, _ = QFileDialog.getOpenFileName(parent, "Import labels", folder, ";;".join(kinds))
    if not chosen or session.project is None:
        return
    dialog = ImportDialog(parent, session.project, Path(chosen), session.preferences.own_reader, session.reader)
    if accepted(dialog):
        session.acts.tell(dialog.change, "All of these labels are here already.")


def export_table(parent: QWidget, session: Session, folder: str, errand: Errand) -> None:
    """Asks whose labels, the form and the file, and has them written while the window goes on.

    Raises:
        UserError: There are no labels.
    """
    assert session.project is not None
    if errand.active or any(one.errand.active for one in parent.findChildren(ExportProgress)):
        session.said.emit("An export is still being written.")
        return
    labels, noting = label_count(session.project), note_readers(session.project)
    if not labels and not noting:
        raise UserError("There are no labels to export yet: label a cluster or some images first.")
    names_kept = sorted({*reader_names(session.project), *noting})
    whose = whose_labels(names_kept, session.preferences.own_reader)
    names = [entry.reader for entry in whose]
    chosen = (
        names.index(session.preferences.own_reader) if session.preferences.own_reader in names else names.index(None)
    )
    facts = [column.name for column in session.known_facts.columns if 1 < len(column.values) <= MOST_PARTS]
    dialog = ExportDialog(parent, labels, whose, chosen, facts)
    if not accepted(dialog):
        return
    form, wanted, holds = dialog.form, dialog.wanted, dialog.whose
    start = Path(folder) / f"{project_title(session.project.path)}-{form.name if form.is_folder else 'labels'}"
    start = start.with_name(start.name + form.suffix)
    kind = "New folder (*)" if form.is_folder else f"{form.title.replace('(', '').replace(')', '')} (*{form.suffix})"
    chosen_path, _ = QFileDialog.getSaveFileName(parent, "Export labels", str(start), kind)
    if not chosen_path:
        return
    out = Path(chosen_path)

    def tell(report: WriteReport) -> None:
        session.said.emit(_written(report, holds, str(out)))

    if form.is_folder:
        check_new(out)
        ExportProgress(parent, tell, session.failed.emit).run(session.project.path, out, form, wanted)
        return
    session.said.emit(f"Writing {out}…")
    errand.run(exported, session.project.path, out, form.name, wanted, done=tell, failed=session.failed.emit)


def whose_labels(names: Sequence[str], reader: str) -> list[Whose]:
    """What an export may hold: each name with labels, what came out of several readers, everybody's."""
    people = ordinary(names)
    others = [name for name in names if is_reserved(name) and name != ADJUDICATED]
    found = [Whose(f"{name} (now)" if name == reader else name, name) for name in (*people, *others)]
    if len(people) > 1:
        found.append(Whose("Majority of the readers", rule="majority"))
    if len(people) > 1 or ADJUDICATED in names:
        found.append(Whose("Adjudicated, else unanimous", rule="adjudicated"))
    return [*found, Whose("Everybody's")]


def _written(report: WriteReport, whose: Whose, out: str) -> str:
    by = f" by {whose.reader}" if whose.reader is not None else f" ({whose.rule})" if whose.rule is not None else ""
    notes = f" and {notes_text(report.notes)}" if report.notes else ""
    parts = [f"{report.labels:,} labels{notes}{by} on {images_text(report.images)} written to {out}"]
    if report.left_out:
        parts.append(f"{report.left_out:,} have no place in this form")
    if report.unresolved:
        parts.append(f"{report.unresolved:,} left blank, readers differ and nothing decides")
    if report.one_reader:
        parts.append(f"{report.one_reader:,} rest on one reader alone")
    return "; ".join([*parts, *report.remarks])
