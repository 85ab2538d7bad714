"""Every screen without a mouse: nothing is unexplained, nothing out of Tab's reach, nothing cut in large letters."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

from cxr_explorer.ui.commands.actions import SPECS
from cxr_explorer.ui.frame.appearance import text_scale
from cxr_explorer.ui.guide.guide import menu_keys
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QAbstractSlider, QAbstractSpinBox, QAbstractItemView)
LARGEST = 1.5


@pytest.fixture
def window(qtbot, tmp_path: Path):
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.activateWindow()
    window.session.select_cluster(0)
    return window


def controls(window: QWidget) -> list[QWidget]:
    """What a reader can use on this screen; the inner parts of Qt's own controls are left out."""
    found = []
    for widget in window.findChildren(QWidget):
        inner = isinstance(widget.parent(), QComboBox | QAbstractSpinBox | QTabBar | QDialogButtonBox | QLineEdit)
        if (
            isinstance(widget, CONTROLS)
            and widget.isVisible()
            and not inner
            and not isinstance(widget, QScrollBar | QHeaderView)
            and not widget.objectName().startswith("qt_")
        ):
            found.append(widget)
    return found


def name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else widget.accessibleName()
    return f"{type(widget).__name__} {text!r} in {type(widget.parent()).__name__}"


def screens(window: MainWindow):
    """The name of each screen, which is shown while the name is held."""
    session = window.session
    for index in range(window.side.count()):
        window.side.setCurrentIndex(index)
        yield f"side {window.side.tabText(index)}"
    window.side.setCurrentIndex(0)
    for page in window.pages:
        if page == "image":
            session.set_current(int(session.ordered_ids()[0]))
        if page == "sheet":
            window.sheets.open_sheet()
        else:
            session.show_page(page)
        QApplication.processEvents()
        yield f"page {page}"
    session.show_page("map")


def test_every_control_says_what_it_does(window: MainWindow) -> None:
    silent = set()
    for screen in screens(window):
        silent |= {
            f"{screen}: {name(widget)}"
            for widget in controls(window)
            if not widget.toolTip() and not isinstance(widget, QAbstractItemView)
        }
    assert not silent


def test_every_control_is_reached_by_tab_or_says_its_key(window: MainWindow) -> None:
    missed = set()
    for screen in screens(window):
        for widget in controls(window):
            by_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
            in_group = isinstance(widget, QAbstractButton) and (widget.group() is not None or widget.autoExclusive())
            said = f"{widget.text()} {widget.toolTip()}" if isinstance(widget, QAbstractButton) else widget.toolTip()
            key_said = "(" in said or "Enter" in said
            if widget.isEnabled() and not by_tab and not in_group and not key_said:
                missed.add(f"{screen}: {name(widget)}")
    assert not missed


def test_no_button_of_the_window_takes_a_menus_access_key(window: MainWindow) -> None:
    taken = set(menu_keys()) | {key for spec in SPECS for key in spec.keys}
    for screen in screens(window):
        for widget in controls(window):
            if isinstance(widget, QAbstractButton):
                assert widget.shortcut().toString() not in taken, f"{screen}: {name(widget)}"


def test_tab_goes_through_the_window_and_comes_back(qtbot, window: MainWindow) -> None:
    window.clusters.setFocus()
    seen: list[QWidget | None] = []
    for _ in range(120):
        focused = QApplication.focusWidget()
        assert focused is not None
        if seen and focused is window.clusters:
            break
        seen.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is window.clusters
    assert window.map_page.scatter.canvas in seen
    assert window.gallery_panel.gallery in seen
    assert window.label_panel.apply in seen


def test_every_screen_fits_a_small_display_in_the_largest_letters(window: MainWindow) -> None:
    while text_scale(window.settings) < LARGEST:
        window.appearance.scale_text(1)
    try:
        for screen in screens(window):
            QApplication.processEvents()
            least = window.minimumSizeHint()
            assert (least.width() <= 1366, least.height() <= 768) == (True, True), f"{screen}: {least}"
    finally:
        for _ in range(4):
            window.appearance.scale_text(-1)
        window.appearance.scale_text(1)
