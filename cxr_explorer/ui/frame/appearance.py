"""Dark or light, and the size of letters."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.widgets.theme import apply_theme, system_is_dark

TEXT_SCALES = (0.9, 1.0, 1.15, 1.3, 1.5)


def is_dark(settings: QSettings) -> bool:
    """Whether the reader wants a dark window; at first as the system has it."""
    if not settings.contains("dark"):
        settings.setValue("dark", system_is_dark())
    return bool(settings.value("dark", True, bool))


def text_scale(settings: QSettings) -> float:
    """The size of letters as a multiple of the system's."""
    return float(str(settings.value("text_scale", 1.0)))


def dress(settings: QSettings) -> None:
    """Gives the application its colours and letters; before the first window is built, so that all of it has them."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply_theme(application, is_dark(settings), text_scale(settings))


class Appearance(QObject, Part):
    """How the window looks, kept in the settings."""

    darkChanged = Signal(bool)
    scaleChanged = Signal()

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._settings = frame.settings
        frame.set_switch("light", not self.dark)

    def verbs(self) -> Verbs:
        return {
            "light": self.use_light,
            "larger": lambda: self.scale_text(1),
            "smaller": lambda: self.scale_text(-1),
        }

    @property
    def dark(self) -> bool:
        """Whether the window is dark."""
        return is_dark(self._settings)

    def use_light(self, light: bool) -> None:
        """A light window, or a dark one."""
        self._settings.setValue("dark", not light)
        dress(self._settings)
        self.darkChanged.emit(not light)

    def scale_text(self, by: int) -> None:
        """Larger or smaller letters, by so many steps of TEXT_SCALES."""
        now = text_scale(self._settings)
        nearest = min(range(len(TEXT_SCALES)), key=lambda index: abs(TEXT_SCALES[index] - now))
        scale = TEXT_SCALES[min(max(nearest + by, 0), len(TEXT_SCALES) - 1)]
        self._settings.setValue("text_scale", scale)
        dress(self._settings)
        self.scaleChanged.emit()
