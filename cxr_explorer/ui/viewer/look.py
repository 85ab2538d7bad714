"""How a picture is looked at, in terms that carry over to another one: part, zoom, window, inversion."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Window
from cxr_explorer.ui.viewer.levels import linear_window
from cxr_explorer.ui.viewer.picture import Picture


@dataclass(frozen=True)
class Look:
    """Measured in the picture's own terms: two files rarely share size and range of values.

    Attributes:
        zoom: Multiple of the zoom at which the whole image fits; None keeps it fitting.
        x: Of the image's point in the middle, as a part of its width.
        y: Likewise, of its height.
        width: The window's width as a multiple of the width of the file's own window.
        darker: How far the window's centre has moved towards a darker picture, in widths of the file's own window.
        inverted: Whether the reader inverted the display.
    """

    zoom: float | None = None
    x: float = 0.5
    y: float = 0.5
    width: float = 1.0
    darker: float = 0.0
    inverted: bool = False


def look_of(picture: Picture) -> Look:
    """How the picture is looked at; the plain Look where there is none."""
    radiograph = picture.radiograph
    if radiograph is None:
        return Look()
    zoom, x, y = picture.view
    look = Look(None if picture.fits else zoom, x, y, inverted=picture.inverted_by_reader)
    voi = picture.voi
    if voi == radiograph.voi or not isinstance(voi, Window):
        return look
    own, inverted = own_window(radiograph)
    moved = (voi.centre - own.centre) / own.width
    # Values that grow darker upwards: a higher centre is brighter there.
    return replace(look, width=voi.width / own.width, darker=-moved if inverted else moved)


def take_look(picture: Picture, look: Look) -> None:
    """Looks at the picture in this way."""
    radiograph = picture.radiograph
    if radiograph is None:
        return
    if look.width == 1.0 and look.darker == 0.0:
        picture.set_window(radiograph.voi, radiograph.inverted, look.inverted)
    else:
        own, inverted = own_window(radiograph)
        moved = -look.darker if inverted else look.darker
        narrowest = 2.0 if own.function == "LINEAR" else 1e-6 * own.width
        window = replace(
            own,
            centre=own.centre + moved * own.width,
            width=max(look.width * own.width, min(narrowest, own.width)),
            explanation="set by you",
        )
        picture.set_window(window, inverted, look.inverted)
    if look.zoom is None:
        picture.zoom_fit()
    else:
        picture.set_view(look.zoom, look.x, look.y)


def own_window(radiograph: Radiograph) -> tuple[Window, bool]:
    """The file's own window, and whether it is inverted; of a table the line that resembles it."""
    voi = radiograph.voi
    if isinstance(voi, LookupTable):
        window, falls = linear_window(voi)
        return window, radiograph.inverted != falls
    return voi, radiograph.inverted
