"""The viewer in the centre: one image full size, or several side by side; the same actions work on either."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxr_explorer.ui.compare.compare_page import ComparePage
    from cxr_explorer.ui.main_window import MainWindow
    from cxr_explorer.ui.viewer.image_view import ImageView


class Viewer:
    """Passes what the reader wants on to the page that is shown."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    @property
    def _shown(self) -> ImageView | ComparePage:
        window = self._window
        return window.compare.page if window.session.page == "compare" else window.image_page.view

    def invert(self) -> None:
        self._shown.invert()

    def reset_window(self) -> None:
        self._shown.reset_window()

    def zoom_fit(self) -> None:
        self._shown.zoom_fit()

    def zoom_actual(self) -> None:
        self._shown.zoom_actual()

    def zoom_in(self) -> None:
        self._shown.zoom_in()

    def zoom_out(self) -> None:
        self._shown.zoom_out()

    def toggle_overlay(self) -> None:
        self._shown.toggle_overlay()
