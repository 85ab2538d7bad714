"""Dark or light, and the size of letters."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.widgets.theme import apply_theme, system_is_dark

TEXT_SCALES = (0.9, 1.0, 1.15, 1.3, 1.5)


class Appearance(QObject, Part):
    """How the window looks, kept in the settings."""

    darkChanged = Signal(bool)
    scaleChanged = Signal()

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._settings = frame.settings
        if not self._settings.contains("dark"):
            self._settings.setValue("dark", system_is_dark())
        self._dress()
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
        return bool(self._settings.value("dark", True, bool))

    @property
    def _text_scale(self) -> float:
        return float(str(self._settings.value("text_scale", 1.0)))

    def use_light(self, light: bool) -> None:
        """A light window, or a dark one."""
        self._settings.setValue("dark", not light)
        self._dress()
        self.darkChanged.emit(not light)

    def scale_text(self, by: int) -> None:
        """Larger or smaller letters, by so many steps of TEXT_SCALES."""
        nearest = min(range(len(TEXT_SCALES)), key=lambda index: abs(TEXT_SCALES[index] - self._text_scale))
        scale = TEXT_SCALES[min(max(nearest + by, 0), len(TEXT_SCALES) - 1)]
        self._settings.setValue("text_scale", scale)
        self._dress()
        self.scaleChanged.emit()

    def _dress(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, self.dark, self._text_scale)
