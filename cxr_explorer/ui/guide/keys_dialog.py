"""Changing keys: every action with its keys; take one, press another key, and it holds at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.command import Command, matching
from cxr_explorer.ui.commands.keymap import Bindings
from cxr_explorer.ui.widgets.texts import text_label

_MODIFIERS = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)


class KeyField(QLineEdit):
    """Waits for one key with its modifiers. Esc gives up."""

    recorded = Signal(str)
    """The key in Qt's portable spelling."""
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName("Press the new key")
        self.setPlaceholderText("Press the new key; Esc leaves it as it is")

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self._take(event)
            return True
        return super().event(event)

    def _take(self, event: QKeyEvent) -> None:
        if event.key() in _MODIFIERS or event.key() in (Qt.Key.Key_unknown, 0):
            return
        if event.key() == Qt.Key.Key_Escape and not event.modifiers():
            self.left.emit()
            return
        self.recorded.emit(key_of(event))


def key_of(event: QKeyEvent) -> str:
    """The pressed key in Qt's portable spelling, as a shortcut would name it.

    A sign that needs Shift on this keyboard is named without it ("?", not "Shift+?"): the sign says it. The keypad's
    digits are digits.
    """
    key = Qt.Key.Key_Tab if event.key() == Qt.Key.Key_Backtab else Qt.Key(event.key())
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    text = event.text()
    is_sign = len(text) == 1 and text.isprintable() and not text.isalpha() and not text.isspace()
    if is_sign and modifiers == Qt.KeyboardModifier.ShiftModifier:
        modifiers = Qt.KeyboardModifier.NoModifier
    return QKeySequence(modifiers.value | key.value).toString(QKeySequence.SequenceFormat.PortableText)


class EditKeysDialog(QDialog):
    """All actions with search; Enter on one records its new key.

    Args:
        parent: The window.
        actions: Name, menu, text and tip of each action, in the order shown.
        bindings: The keys now, by name.
        defaults: The keys as the program comes.
        fixed: Actions whose keys no other action may take.
        taken: Keys that belong to something else, and to what.
        apply: Called with the new keys after each change.
    """

    def __init__(
        self,
        parent: QWidget,
        actions: Sequence[tuple[str, str, str, str]],
        bindings: Bindings,
        defaults: Bindings,
        fixed: frozenset[str],
        taken: Mapping[str, str],
        apply: Callable[[Bindings], None],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._names = [name for name, _, _, _ in actions]
        self._texts = {name: text for name, _, text, _ in actions}
        self._defaults = {name: keymap.normal(keys) for name, keys in defaults.items()}
        self._bindings = {name: keymap.normal(keys) for name, keys in bindings.items()}
        self._fixed = fixed
        self._taken = taken
        self._apply = apply
        self._wanted = ""
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search for an action, or for a key such as Ctrl+E")
        self.search.setAccessibleName("Search for an action")
        self.search.setToolTip("Words of what an action does, or a key")
        self.search.textChanged.connect(self._filter)
        self.table = self._build_table(actions)
        self._commands = [Command(text, menu, tip, name) for name, menu, text, tip in actions]
        self.field = KeyField()
        self.field.hide()
        self.field.recorded.connect(self._record)
        self.field.left.connect(self._stop)
        self.said = text_label("", "dim", wraps=True)
        self.swap = _button("Swap", "Give each of the two actions the other's key", self._swap)
        self.swap.hide()
        self.change = _button("Change key… (Enter)", "Press this, then the new key", self.record)
        self.remove = _button("No key (Del)", "This action has no key any more", self._remove)
        self.reset_one = _button("Reset", "Give this action the key it came with", self._reset_one)
        self.reset_all = _button("Reset all", "Give every action the keys it came with", self._reset_all)
        row = QHBoxLayout()
        for button in (self.change, self.remove, self.reset_one, self.reset_all):
            row.addWidget(button)
        row.addStretch(1)
        message = QHBoxLayout()
        message.addWidget(self.said, 1)
        message.addWidget(self.swap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.field)
        layout.addLayout(message)
        layout.addLayout(row)
        layout.addWidget(buttons)
        letter = self.fontMetrics().horizontalAdvance("m")
        room = parent.screen().availableSize()
        self.resize(min(62 * letter, room.width() - 80), min(40 * self.fontMetrics().lineSpacing(), room.height() - 80))
        self._fill()
        self.table.setCurrentCell(0, 0)
        self._say("Enter on an action, then press its new key. Changes hold at once and are kept.")

    def _build_table(self, actions: Sequence[tuple[str, str, str, str]]) -> QTableWidget:
        table = QTableWidget(len(actions), 3)
        table.setHorizontalHeaderLabels(["Action", "Where", "Keys"])
        table.setAccessibleName("Actions and their keys")
        table.verticalHeader().hide()
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for row, (name, menu, text, tip) in enumerate(actions):
            for column, cell in enumerate((text, menu, "")):
                item = QTableWidgetItem(cell)
                item.setToolTip(tip)
                item.setData(Qt.ItemDataRole.UserRole, name)
                table.setItem(row, column, item)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        table.cellDoubleClicked.connect(lambda _row, _column: self.record())
        table.currentCellChanged.connect(lambda *_: self._stop())
        return table

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        focused = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and focused in (self.table, self.search):
            self.record()
        elif event.key() == Qt.Key.Key_Delete and focused is self.table:
            self._remove()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and focused is self.search:
            self.table.setFocus()
        else:
            super().keyPressEvent(event)

    @property
    def name(self) -> str:
        """The action at hand, "" for none."""
        row = self.table.currentRow()
        return self._names[row] if row >= 0 and not self.table.isRowHidden(row) else ""

    def _filter(self, typed: str) -> None:
        as_key = keymap.portable(typed.strip())
        found = {command.keys for command in matching(self._commands, typed)}
        found |= {name for name, keys in self._bindings.items() if as_key and as_key in keys}
        first = -1
        for row, name in enumerate(self._names):
            self.table.setRowHidden(row, name not in found)
            if first < 0 and name in found:
                first = row
        self.table.setCurrentCell(first, 0)

    def _fill(self) -> None:
        for row, name in enumerate(self._names):
            keys = self._bindings[name]
            item = self.table.item(row, 2)
            assert item is not None
            item.setText(" or ".join(native(key) for key in keys))
            font = item.font()
            font.setBold(keys != self._defaults[name])
            item.setFont(font)
            was = " or ".join(native(key) for key in self._defaults[name]) or "no key"
            item.setToolTip(f"Changed; it came with: {was}" if keys != self._defaults[name] else "")

    def _take(self, bindings: Bindings) -> None:
        self._bindings = dict(bindings)
        self._fill()
        self._apply(self._bindings)

    def _say(self, text: str, warns: bool = False) -> None:
        self.said.setObjectName("warning" if warns else "dim")
        self.said.style().unpolish(self.said)
        self.said.style().polish(self.said)
        self.said.setText(f"⚠ {text}" if warns else text)

    # Recording

    def record(self) -> None:
        """Waits for the new key of the action at hand."""
        if self.name:
            self.swap.hide()
            self.field.show()
            self.field.setFocus()
            self._say(f"New key for “{self._texts[self.name]}”: press it.")

    def _stop(self) -> None:
        self.swap.hide()
        if self.field.isVisible():
            self.field.hide()
            self.table.setFocus()
            self._say("Left as it was.")

    def _record(self, key: str) -> None:
        name = self.name
        self.field.hide()
        self.table.setFocus()
        self._wanted = key
        if key in self._taken:
            self._say(f"{native(key)} {self._taken[key]}. Left as it was.", warns=True)
            return
        try:
            changed = keymap.assign(self._bindings, name, key, self._fixed - {name})
        except ValueError as error:
            self._say(f"{error} Left as it was.", warns=True)
            return
        other = keymap.owner(self._bindings, key)
        if other is not None and other != name:
            gets = native(changed[other][0]) if changed[other] else "no key"
            self._say(
                f"{native(key)} belongs to “{self._texts[other]}”. Swap gives that one {gets}; "
                "Esc or any other row leaves both.",
                warns=True,
            )
            self.swap.show()
            self.swap.setFocus()
            return
        self._take(changed)
        self._say(f"“{self._texts[name]}” is now {native(key)}.")

    def _swap(self) -> None:
        name = self.name
        self.swap.hide()
        self.table.setFocus()
        self._take(keymap.assign(self._bindings, name, self._wanted, self._fixed - {name}))
        self._say(f"“{self._texts[name]}” is now {native(self._wanted)}.")

    def _remove(self) -> None:
        if self.name:
            self._take({**self._bindings, self.name: ()})
            self._say(f"“{self._texts[self.name]}” has no key now; menus and the palette still have it.")

    def _reset_one(self) -> None:
        name = self.name
        if not name:
            return
        wanted = self._defaults[name]
        others = [
            self._texts[other] for other in self._names if other != name and set(self._bindings[other]) & set(wanted)
        ]
        if others:
            self._say(f"“{others[0]}” has that key now: reset or change it first.", warns=True)
            return
        self._take({**self._bindings, name: wanted})
        self._say(f"“{self._texts[name]}” has the key it came with.")

    def _reset_all(self) -> None:
        self._take(self._defaults)
        self._say("Every action has the keys it came with.")

    def reject(self) -> None:
        """Esc first leaves a question, then the dialog."""
        if self.swap.isVisible():
            self._stop()
            self.table.setFocus()
            self._say("Left as it was.")
        else:
            super().reject()


def native(key: str) -> str:
    """A key as this platform writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _button(text: str, tip: str, slot: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked=False: slot())
    return button
