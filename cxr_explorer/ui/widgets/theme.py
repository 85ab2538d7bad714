"""Colours and style of the window, dark and light: Qt's Fusion style, a palette and a little style sheet."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from cxr_explorer.assets import asset


@dataclass(frozen=True)
class Theme:
    """Named colours. Text on `window` and `base` has a contrast of at least 7:1, dimmed text 4.5:1 (WCAG 2.1)."""

    window: str
    base: str
    raised: str
    line: str
    text: str
    dim: str
    accent: str
    on_accent: str
    warning: str


DARK = Theme("#1c2127", "#14181d", "#272d35", "#39424d", "#e4e8ed", "#9aa6b4", "#3d9be0", "#08131c", "#f0b429")
LIGHT = Theme("#eef0f3", "#ffffff", "#ffffff", "#c3cad3", "#161a1f", "#57616d", "#1263a6", "#ffffff", "#8a5a00")


def theme(dark: bool) -> Theme:
    """The colours of that kind."""
    return DARK if dark else LIGHT


def system_is_dark() -> bool:
    """Whether the desktop asks for dark windows; where it does not say, dark: radiographs are read in dim rooms."""
    return QGuiApplication.styleHints().colorScheme() != Qt.ColorScheme.Light


def apply_theme(application: QApplication, dark: bool, text_scale: float) -> None:
    """Dresses the whole application, unless it is dressed so already: Qt would look at every widget anew.

    Args:
        application: The running application.
        dark: Dark or light.
        text_scale: 1.0 is the platform's own text size.
    """
    look = f"{'dark' if dark else 'light'} {text_scale}"
    if application.property("look") == look:
        return
    application.setProperty("look", look)
    colours = theme(dark)
    application.setStyle("Fusion")
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: colours.window,
        role.Base: colours.base,
        role.AlternateBase: colours.window,
        role.Button: colours.raised,
        role.ToolTipBase: colours.raised,
        role.Text: colours.text,
        role.WindowText: colours.text,
        role.ButtonText: colours.text,
        role.ToolTipText: colours.text,
        role.BrightText: colours.warning,
        role.PlaceholderText: colours.dim,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.on_accent,
        role.Link: colours.accent,
        role.Accent: colours.accent,
        role.Mid: colours.line,
        role.Midlight: colours.line,
        role.Dark: colours.line,
        role.Shadow: "#000000",
        role.Light: colours.raised,
    }.items():
        palette.setColor(which, QColor(colour))
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(colours.dim).darker(130 if dark else 70))
    application.setPalette(palette)
    font = QFont(application.property("plainFont") or application.font())
    if application.property("plainFont") is None:
        application.setProperty("plainFont", QFont(font))
    font.setPointSizeF(font.pointSizeF() * text_scale)
    application.setFont(font)
    kind = "dark" if dark else "light"
    arrows = {name: asset("icons", f"{name}-{kind}.svg").as_posix() for name in ("down", "up")}
    application.setStyleSheet(_STYLE.format(**vars(colours), **arrows))


_STYLE = """
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 4px; }}
QMenuBar {{ background: {window}; border-bottom: 1px solid {line}; }}
QMenuBar::item {{ padding: 5px 10px; background: transparent; }}
QMenuBar::item:selected, QMenu::item:selected {{ background: {accent}; color: {on_accent}; }}
QMenu {{ background: {raised}; border: 1px solid {line}; padding: 4px; }}
QMenu::item {{ padding: 5px 28px 5px 22px; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 8px; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QFrame#strip {{ background: {window}; border-bottom: 1px solid {line}; }}
QFrame#panel {{ background: {window}; }}
QFrame#bubble {{ background: {raised}; border: 2px solid {warning}; border-radius: 6px; }}
QFrame#progress {{ background: {raised}; border-bottom: 1px solid {line}; }}
QWidget#plate {{ background: rgba(0, 0, 0, 150); }}
QWidget#plate QLabel {{ color: #e4e8ed; }}
QLabel#heading {{ font-weight: 600; }}
QLabel#dim {{ color: {dim}; }}
QLabel#title {{ font-weight: 600; }}
QLabel#warning {{ color: {warning}; }}
QPushButton, QToolButton, QComboBox {{
    background: {raised}; border: 1px solid {line}; border-radius: 4px; padding: 4px 10px; min-height: 18px; }}
QToolButton {{ padding: 4px 8px; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {accent}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus {{ border: 1px solid {accent}; }}
QPushButton:checked, QToolButton:checked {{ background: {accent}; color: {on_accent}; border-color: {accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {dim}; background: {window}; }}
QPushButton#apply {{ font-weight: 600; padding: 7px 10px; background: {accent}; color: {on_accent};
    border-color: {accent}; text-align: left; }}
QPushButton#apply:disabled {{ background: {window}; color: {dim}; border-color: {line}; font-weight: normal; }}
QPushButton#chip {{ text-align: left; padding: 2px 8px 8px 8px; }}
QComboBox#compact {{ padding: 3px 2px 3px 6px; }}
QComboBox#compact::drop-down {{ border: none; width: 16px; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{
    image: url({down}); width: 10px; height: 10px; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url({up}); width: 10px; height: 10px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
    border: none; width: 20px; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {line}; }}
QTabBar::tab {{ background: {window}; color: {dim}; padding: 6px 8px 4px 8px; border: none;
    border-bottom: 3px solid {window}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar QToolButton {{ padding: 2px; min-height: 10px; }}
QComboBox QAbstractItemView {{ background: {raised}; border: 1px solid {line}; selection-background-color: {accent};
    selection-color: {on_accent}; }}
QLineEdit, QPlainTextEdit, QSpinBox, QDoubleSpinBox, QListView, QTableView {{
    background: {base}; border: 1px solid {line}; border-radius: 4px; padding: 3px; }}
QListView#clusters {{ border: none; border-radius: 0; padding: 0; }}
QCheckBox::indicator:unchecked, QListView::indicator:unchecked, QTableView::indicator:unchecked,
QRadioButton::indicator:unchecked {{
    width: 11px; height: 11px; background: {base}; border: 1px solid {dim}; border-radius: 3px; }}
QRadioButton::indicator:unchecked {{ border-radius: 6px; }}
QProgressBar {{ background: {base}; border: 1px solid {line}; border-radius: 4px; max-height: 14px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}
QStatusBar {{ background: {window}; border-top: 1px solid {line}; }}
QStatusBar::item {{ border: none; }}
QScrollBar:vertical {{ background: {window}; width: 12px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {line}; min-height: 28px; border-radius: 5px; margin: 1px; }}
QScrollBar:horizontal {{ background: {window}; height: 12px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {line}; min-width: 28px; border-radius: 5px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
"""
