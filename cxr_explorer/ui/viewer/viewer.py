"""The viewer in the centre: one image full size, or several side by side; the same actions work on either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cxr_explorer.ui.commands.need import FRAMES, Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.viewer.image_page import ImagePage

_OVERLAY = "overlay"
"""Setting: whether the corners of the open image are written in."""


class Shown(Protocol):
    """What shows images full size."""

    def invert(self) -> None: ...
    def reset_window(self) -> None: ...
    def zoom_fit(self) -> None: ...
    def zoom_actual(self) -> None: ...
    def zoom_in(self) -> None: ...
    def zoom_out(self) -> None: ...
    def toggle_overlay(self) -> None: ...


class Viewer(Part):
    """Passes what the reader wants on to the page that is shown."""

    def __init__(self, session: Session, page: ImagePage, others: dict[str, Shown]) -> None:
        """`others` are the pages beside the one of a single image that show images full size, by name."""
        self._session = session
        self._page = page
        self._view = page.view
        self._others = others
        self._view.picture.wheel_steps = self.wheel_steps
        settings = session.preferences.settings
        self._view.picture.set_overlay(bool(settings.value(_OVERLAY, True, bool)))
        self._view.overlayToggled.connect(lambda on: settings.setValue(_OVERLAY, on))

    @property
    def _shown(self) -> Shown:
        return self._others.get(self._session.page, self._view)

    @property
    def wheel_steps(self) -> bool:
        """Whether the wheel goes through the images."""
        return bool(self._session.preferences.settings.value("wheel_steps", False, bool))

    def verbs(self) -> Verbs:
        return {
            "invert": lambda: self._shown.invert(),
            "reset_window": lambda: self._shown.reset_window(),
            "fit": lambda: self._shown.zoom_fit(),
            "actual": lambda: self._shown.zoom_actual(),
            "zoom_in": lambda: self._shown.zoom_in(),
            "zoom_out": lambda: self._shown.zoom_out(),
            "overlay": lambda: self._shown.toggle_overlay(),
            "fit_width": self._view.zoom_width,
            "mirror": self._view.mirror,
            "turn": self._view.turn,
            "next_window": self._view.next_preset,
            "loupe": self._view.picture.set_loupe,
            "ruler": self._view.rulers.set_on,
            "next_frame": lambda: self._page.step_frame(1),
            "previous_frame": lambda: self._page.step_frame(-1),
            "wheel_steps": self.set_wheel_steps,
            "window_wider": lambda: self._view.shift_window(1, 0),
            "window_narrower": lambda: self._view.shift_window(-1, 0),
            "brighter": lambda: self._view.shift_window(0, -1),
            "darker": lambda: self._view.shift_window(0, 1),
        }

    def states(self) -> Mapping[Need, bool]:
        return {FRAMES: self._page.has_frames}

    def set_wheel_steps(self, steps: bool) -> None:
        """Whether the wheel goes through the images, or zooms."""
        self._session.preferences.settings.setValue("wheel_steps", steps)
        self._view.picture.wheel_steps = steps

    def show_keys(self) -> None:
        self._page.show_keys()

    def close_down(self) -> None:
        self._page.close_down()
