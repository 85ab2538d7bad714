"""Lines of controls that wrap, and what keeps them alive."""

import importlib
import pkgutil

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QLayout, QLayoutItem, QPushButton, QSizePolicy, QVBoxLayout, QWidget

import cxr_explorer.ui
from cxr_explorer.ui.widgets.flow import FlowPanel


class Block(QWidget):
    """A child of a known size."""

    def __init__(self, width: int, height: int = 20) -> None:
        super().__init__()
        self.wanted = QSize(width, height)

    def sizeHint(self) -> QSize:
        return self.wanted

    def minimumSizeHint(self) -> QSize:
        return QSize(10, self.wanted.height())


@pytest.fixture
def page(qtbot) -> QWidget:  # type: ignore[no-untyped-def]
    """A panel of three blocks 100 wide, above something that takes the rest."""
    page = QWidget()
    qtbot.addWidget(page)
    panel = FlowPanel()
    panel.setContentsMargins(4, 2, 4, 2)
    for _ in range(3):
        panel.add(Block(100))
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(panel)
    column.addWidget(QLabel("below"), 1)
    page.resize(400, 300)
    page.show()
    qtbot.waitExposed(page)
    return page


def panel_of(page: QWidget) -> FlowPanel:
    return page.findChild(FlowPanel)  # type: ignore[return-value]


def places(page: QWidget) -> list[tuple[int, int]]:
    return [(block.x(), block.y()) for block in page.findChildren(Block) if not block.isHidden()]


def test_no_layout_is_written_in_python() -> None:
    for found in pkgutil.iter_modules(cxr_explorer.ui.__path__):
        importlib.import_module(f"cxr_explorer.ui.{found.name}")
    ours = [
        kind for base in (QLayout, QLayoutItem) for kind in _below(base) if kind.__module__.startswith("cxr_explorer")
    ]
    assert ours == []


def _below(base: type) -> set[type]:
    return {base}.union(*(_below(kind) for kind in base.__subclasses__()))


def test_what_does_not_fit_goes_on_to_the_next_line_and_the_panel_grows(qtbot, page: QWidget) -> None:
    assert places(page) == [(4, 2), (110, 2), (216, 2)]
    assert panel_of(page).height() == 24
    page.resize(230, 300)
    qtbot.waitUntil(lambda: places(page) == [(4, 2), (110, 2), (4, 28)])
    assert panel_of(page).height() == 50
    page.resize(60, 300)
    qtbot.waitUntil(lambda: places(page) == [(4, 2), (4, 28), (4, 54)])
    assert {block.width() for block in page.findChildren(Block)} == {52}  # as wide as there is room


def test_a_hidden_child_takes_no_room_until_it_is_shown(qtbot, page: QWidget) -> None:
    first = page.findChildren(Block)[0]
    first.hide()
    qtbot.waitUntil(lambda: places(page) == [(4, 2), (110, 2)])
    first.show()
    qtbot.waitUntil(lambda: len(places(page)) == 3 and panel_of(page).height() == 24)


def test_a_child_hidden_before_it_is_added_stays_hidden(page: QWidget) -> None:
    block = Block(100)
    block.hide()
    panel_of(page).add(block)
    assert len(places(page)) == 3


def test_a_child_that_wants_more_room_gets_it(qtbot, page: QWidget) -> None:
    first = page.findChildren(Block)[0]
    first.wanted = QSize(330, 40)
    first.updateGeometry()
    qtbot.waitUntil(lambda: places(page) == [(4, 2), (4, 48), (110, 48)] and panel_of(page).height() == 70)


def test_what_changed_while_the_panel_was_hidden_holds_when_it_is_shown(qtbot, page: QWidget) -> None:
    panel = panel_of(page)
    panel.hide()
    page.findChildren(Block)[0].wanted = QSize(330, 40)
    panel.show()
    qtbot.waitUntil(lambda: panel.height() == 70)


def test_a_child_that_grows_takes_what_is_left_of_its_line(qtbot, page: QWidget) -> None:
    second = page.findChildren(Block)[1]
    second.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    qtbot.waitUntil(lambda: [block.width() for block in page.findChildren(Block)] == [100, 400 - 8 - 200 - 12, 100])


def test_a_deleted_child_is_missed_by_nobody(qtbot, page: QWidget) -> None:
    page.findChildren(Block)[0].deleteLater()
    qtbot.waitUntil(lambda: places(page) == [(4, 2), (110, 2)])
    assert panel_of(page).sizeHint() == QSize(8 + 206, 24)


def test_letters_of_another_size_wrap_anew(qtbot, page: QWidget) -> None:
    panel = panel_of(page)
    for block in page.findChildren(Block):
        block.hide()
    for text in ("One button", "Another button", "A third"):
        panel.add(QPushButton(text))
    page.resize(300, 300)
    before = panel.heightForWidth(300)
    page.setStyleSheet("QPushButton { font-size: 30pt }")  # not by setFont: an application's style sheet overrules it
    assert panel.heightForWidth(300) > 1.8 * before
    qtbot.waitUntil(lambda: panel.height() == panel.heightForWidth(300))
