"""A table to read, of which one line is chosen at a time."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QTableWidget


def line_table(rows: int, columns: int) -> QTableWidget:
    """A table without grid and numbers, of which nothing is edited; Tab leaves it."""
    table = QTableWidget(rows, columns)
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    return table
