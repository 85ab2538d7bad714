"""Label tables in and out, with their dialogs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.labels.tables import match_files, read_labels
from cxr_explorer.project import labelling
from cxr_explorer.ui import dialogs
from cxr_explorer.ui.session import Session
from cxr_explorer.ui.welcome import project_title


def import_table(parent: QWidget, session: Session, folder: str) -> None:
    """Asks for a table, shows what it would bring, and takes it in. Raises UserError for an unreadable table."""
    chosen, _ = QFileDialog.getOpenFileName(
        parent, "Import labels", folder, "Label tables (*.csv *.tsv *.txt *.csv.gz);;All files (*)"
    )
    if not chosen or session.project is None:
        return
    table = read_labels(Path(chosen))
    matching = match_files(table.files, session.project.paths().values())
    dialog = dialogs.ImportDialog(parent, Path(chosen), table, matching, session.reader)
    if dialog.exec() == QDialog.DialogCode.Accepted:
        session.import_rows(labelling.rows_to_import(table, matching, dialog.reader))


def export_table(parent: QWidget, session: Session, folder: str) -> str:
    """Asks for the form and the file, and writes it.

    Returns:
        What was written, in words; empty when the reader thought better of it.

    Raises:
        UserError: There are no labels, or the file cannot be written.
    """
    assert session.project is not None
    rows = list(labelling.label_rows(session.project))
    if not rows:
        raise UserError("There are no labels to export yet: label a cluster or some images first.")
    dialog = dialogs.ExportDialog(parent, len({row.file for row in rows}), len(rows))
    if dialog.exec() != QDialog.DialogCode.Accepted:
        return ""
    start = Path(folder) / f"{project_title(session.project.path)}-labels.csv"
    chosen, _ = QFileDialog.getSaveFileName(parent, "Export labels", str(start), "CSV (*.csv)")
    if not chosen:
        return ""
    report = labelling.export_labels(session.project, Path(chosen), dialog.format)
    left_out = f"; {report.left_out:,} have no place in this form" if report.left_out else ""
    return f"{report.labels:,} labels on {labelling.images_text(report.images)} written to {chosen}{left_out}"
