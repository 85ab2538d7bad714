"""The dialog that combines conditions into a filter, and keeps filters by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.errors import UserError
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.project import Project
from cxr_explorer.search.conditions import (
    ANY_FINDING,
    EXCLUDED,
    FILE,
    SEEN,
    Column,
    Condition,
    Conditions,
    Images,
    OneOf,
)
from cxr_explorer.search.saved_filters import delete_filter, save_filter, saved_filters
from cxr_explorer.ui.facts.condition_editors import ConditionEditor
from cxr_explorer.ui.facts.condition_matches import matching_conditions
from cxr_explorer.ui.session.selection import Filter
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.messages import show_error
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_COUNTED = Qt.ItemDataRole.UserRole + 1
_MOVES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}

RULE = (
    "Only the images that pass can be selected and labelled. An image you label meanwhile stays in the filter until "
    "you press Update, beside the filter above the map."
)
HINT = "Enter takes the value and filters. Ctrl+Enter takes it and goes on. The arrows choose another one."


class FilterDialog(QDialog):
    """Type a value and press Enter; or tick values of several columns. All conditions together are the filter.

    Args:
        parent: The window.
        project: Where filters are kept by name.
        images: What can be asked.
        facts: Names of the facts that tell the images apart.
        before: The filter that holds now.
        fact: The column to start at, where it is one.
    """

    def __init__(
        self,
        parent: QWidget,
        project: Project,
        images: Images,
        facts: Sequence[str],
        before: Filter | None,
        fact: str,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Filter")
        give_room(self, 62, 32)
        self._project = project
        self._images = images
        findings = [Column("finding", finding) for finding in project.vocabulary.findings]
        self._columns = [*(Column("fact", name) for name in facts), SEEN, EXCLUDED, FILE, ANY_FINDING, *findings]
        self._chosen: dict[Column, Condition] = {}
        self._saved = saved_filters(project)
        self._name = ""
        self._ticked = False  # by hand: Enter then takes no further value
        self._build()
        self._take(before.conditions if before is not None else ())
        self._name = before.name if before is not None and before.name in self._saved else ""
        start = before.conditions[0].column if before is not None else Column("fact", fact)
        self._go_to(start if start in self._columns else self._columns[0])
        self._show()
        self.search.setFocus()

    # -- building --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Type a value: “PA”, “female”, “40-60”, “effusion not labelled”")
        self.search.setAccessibleName("Value to filter by")
        self.search.setToolTip(HINT)
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._list_matches)
        self.matches = _list("Values that fit", HINT)
        self.matches.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.matches.currentItemChanged.connect(self._count_match)
        self.matches.itemClicked.connect(lambda _item: self._take_match())
        self.columns = _list("What to filter by", "Facts, labels, and what was seen or excluded")
        self.columns.currentRowChanged.connect(self._show_column)
        self.columns.installEventFilter(self)
        self.editor: ConditionEditor = ConditionEditor(self._images)
        self.editor.changed.connect(self._on_edited)
        self.editor.values.installEventFilter(self)
        lists = QWidget()
        row = QHBoxLayout(lists)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.columns, 2)
        row.addWidget(self.editor, 3)
        self.pages = QStackedWidget()
        self.pages.addWidget(lists)
        self.pages.addWidget(self.matches)
        self.chips = FlowPanel(self)
        self.count = text_label("", "heading", wraps=True)
        self._rule = text_label(RULE, "dim", wraps=True)
        self.saved = QPushButton("&Saved filters")
        self.saved.setAutoDefault(False)
        self.saved.setToolTip("Choose a filter that was saved by name; save, rename or delete one")
        self._menu = QMenu(self.saved)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.saved.setMenu(self._menu)
        self._buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        below = QHBoxLayout()
        below.addWidget(self.saved)
        below.addStretch(1)
        below.addWidget(self._buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.chips)
        layout.addWidget(self.count)
        layout.addWidget(self._rule)
        layout.addLayout(below)

    def _fill_columns(self) -> None:
        """The columns, each with a mark where it has a condition; those of lost facts or findings too."""
        strangers = [column for column in self._chosen if column not in self._columns]
        self._columns += strangers
        if self.columns.count() < len(self._columns):
            self.columns.blockSignals(True)
            at = self.columns.currentRow()
            self.columns.clear()
            self.columns.addItems([column.title for column in self._columns])
            self.columns.setCurrentRow(at)
            self.columns.blockSignals(False)
        for place, column in enumerate(self._columns):
            item = self.columns.item(place)
            item.setText(f"{column.title}  ✓" if column in self._chosen else column.title)
            font = item.font()
            font.setBold(column in self._chosen)
            item.setFont(font)
            if column.kind == "finding":
                item.setToolTip(f"Labels of {self._images.reader}")

    # -- what is chosen --------------------------------------------------------------------------------------------

    @property
    def conditions(self) -> Conditions:
        """All that an image must pass, in the order of the columns; empty: no filter."""
        return tuple(self._chosen[column] for column in self._columns if column in self._chosen)

    @property
    def name(self) -> str:
        """What exactly these conditions are saved as; "" where they are not."""
        same = self._name and set(self._saved.get(self._name, ())) == set(self.conditions)
        return self._name if same else ""

    def _take(self, conditions: Conditions) -> None:
        self._chosen = {condition.column: condition for condition in conditions}
        self._fill_columns()

    def _set(self, condition: Condition) -> None:
        self._chosen[condition.column] = condition
        self._fill_columns()

    def remove(self, column: Column, _checked: bool = False) -> None:
        """Takes the condition on a column away."""
        self._chosen.pop(column, None)
        self._show()
        self.search.setFocus()  # the button that was pressed is gone

    def _on_edited(self) -> None:
        column, condition = self._column, self.editor.condition
        if condition is None:
            self._chosen.pop(column, None)
        else:
            self._chosen[column] = condition
        self._ticked = True
        self._show(fills_editor=False)

    # -- showing it ------------------------------------------------------------------------------------------------

    @property
    def _column(self) -> Column:
        return self._columns[self.columns.currentRow()]

    def _go_to(self, column: Column) -> None:
        self.columns.setCurrentRow(self._columns.index(column))

    def _show_column(self, _row: int) -> None:
        column = self._column
        others = self._images.passing(one for one in self._chosen.values() if one.column != column)
        self.editor.show_column(column, self._chosen.get(column), others)

    def _show(self, fills_editor: bool = True) -> None:
        self._fill_columns()
        if fills_editor:
            self._show_column(0)
        for chip in self.chips.findChildren(QPushButton):
            chip.hide()
            chip.deleteLater()
        gone = self._images.not_known(self.conditions)
        for condition in self.conditions:
            lost = "⚠ " if condition.column.kind == "fact" and condition.column.name in gone else ""
            chip = QPushButton(f"{lost}{_cut(condition.text)}  ×".replace("&", "&&"), self.chips)
            chip.setAutoDefault(False)
            chip.setAccessibleName(f"Remove {condition.text}")
            chip.setToolTip(f"Remove {condition.text}")
            chip.clicked.connect(partial(self.remove, condition.column))
            self.chips.add(chip)
        self.chips.setVisible(bool(self._chosen))
        passing = int(self._images.passing(self.conditions).sum())
        text = f"{passing:,} of {images_text(len(self._images.ids))}"
        if self.editor.trouble:
            text = self.editor.trouble
        elif gone:
            text = f"⚠ {' and '.join(gone)}: not known of these images any more. Remove the condition to go on."
        elif not passing:
            text += ". No image passes all of these."
        elif self.name:
            text += f"  ·  {self.name}"
        self.count.setText(text)
        button = self._buttons.button(_Buttons.Ok)
        button.setText("&Filter" if self._chosen else "&No filter")
        button.setEnabled(passing > 0 and not self.editor.trouble)

    # -- typing ----------------------------------------------------------------------------------------------------

    def _list_matches(self, typed: str) -> None:
        self.pages.setCurrentIndex(1 if typed.strip() else 0)
        self._rule.setText(HINT if typed.strip() else RULE)
        self.matches.blockSignals(True)
        self.matches.clear()
        for condition in matching_conditions(self._images, self._columns, typed):
            text = condition.text
            if isinstance(condition, OneOf) and condition.column.kind == "fact":
                text = f"{condition.column.title}: {text.removeprefix(f'{condition.column.title} ')}"
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, condition)
            self.matches.addItem(item)
            if condition.column.kind == "fact":
                self._count_match(item)
        self.matches.setCurrentRow(0)
        self.matches.blockSignals(False)
        self._count_match(self.matches.currentItem())

    def _count_match(self, item: QListWidgetItem | None) -> None:
        """Says how many images remain with it; of labels and file names, which take time to read, once it is marked."""
        if item is not None and item.data(_COUNTED) is None:
            condition = item.data(Qt.ItemDataRole.UserRole)
            others = self._images.passing(one for one in self._chosen.values() if one.column != condition.column)
            item.setData(_COUNTED, int((others & self._images.mask(condition)).sum()))
            item.setText(f"{item.text()}   {item.data(_COUNTED):,}")

    def _take_match(self) -> bool:
        """Takes the marked value, in place of what its column had."""
        if self.matches.currentRow() < 0:
            return False
        condition = self.matches.currentItem().data(Qt.ItemDataRole.UserRole)
        self._set(condition)
        self.search.clear()
        self._go_to(condition.column)
        self._show()
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter takes what is marked; the arrows move in the list while the reader types."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if watched is self.search:
            return self._on_search_key(event)
        if event.key() not in _ENTER:
            return False
        if not self._ticked and self._column not in self._chosen:
            if watched is self.columns:
                self.editor.setFocus()
                return True
            self.editor.tick_current()
        self.accept()
        return True

    def _on_search_key(self, event: QKeyEvent) -> bool:
        typed, key = bool(self.search.text().strip()), event.key()
        if key in _ENTER:
            goes_on = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if (not typed or self._take_match()) and not goes_on:
                self.accept()
            return True
        if key == Qt.Key.Key_Escape and typed:
            self.search.clear()
            return True
        if key not in _MOVES:
            return False
        if typed:
            row = self.matches.currentRow() + _MOVES[Qt.Key(key)]
            self.matches.setCurrentRow(min(max(row, 0), self.matches.count() - 1))
        else:
            self.columns.setFocus()
        return True

    def accept(self) -> None:
        """Only a filter that some image passes; none at all takes the filter away."""
        if self._buttons.button(_Buttons.Ok).isEnabled():
            super().accept()

    # -- saved filters ---------------------------------------------------------------------------------------------

    def _fill_menu(self) -> None:
        self._menu.clear()
        for name, conditions in self._saved.items():
            shown = name.replace("&", "&&")
            action = self._menu.addAction(shown, partial(self.load, name, conditions))
            action.setCheckable(True)
            action.setChecked(name == self.name)
        if not self._saved:
            self._menu.addAction("(none yet)").setEnabled(False)
        self._menu.addSeparator()
        why = "the project can only be looked at" if self._project.viewed else ""
        new = self._menu.addAction("Save as…", lambda: self._ask_name(""))
        new.setEnabled(bool(self._chosen) and not why)
        named = self._name.replace("&", "&&")
        if self._name and not why:
            if not self.name and self._chosen:
                self._menu.addAction(f"Save “{named}” as it is now", lambda: self._keep(self._name, self._name))
            self._menu.addAction(f"Rename “{named}”…", lambda: self._ask_name(self._name))
            self._menu.addAction(f"Delete “{named}”", self._delete)

    def load(self, name: str, conditions: Conditions, _checked: bool = False) -> None:
        """Puts a saved filter in place of what is chosen."""
        self._take(conditions)
        self._name = name
        self._ticked = True
        self._go_to(conditions[0].column)
        self._show()

    def _ask_name(self, before: str) -> None:
        title = "Rename the filter" if before else "Save the filter"
        name, given = QInputDialog.getText(self, title, "Name", text=before)
        if given:
            self._keep(name, before, self._saved.get(before) if before else None)

    def _keep(self, name: str, before: str, conditions: Conditions | None = None) -> None:
        try:
            self._name = save_filter(self._project, name, conditions or self.conditions, before)
        except UserError as error:
            show_error(self, str(error))
        self._reload()

    def _delete(self) -> None:
        delete_filter(self._project, self._name)
        self._name = ""
        self._reload()

    def _reload(self) -> None:
        self._saved = saved_filters(self._project)
        self._show()


def _list(name: str, tip: str) -> QListWidget:
    found = QListWidget()
    found.setAccessibleName(name)
    found.setToolTip(tip)
    found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    found.setTextElideMode(Qt.TextElideMode.ElideRight)
    return found


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
