"""One image full size."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import IMAGE, MAP
from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("open_image", "&Image", "&Open full size", "Show the current image full size", ("O",), MAP),
    Spec("next_image", "&Image", "&Next image", "Show the next image of the gallery", ("Right", "Down"), IMAGE),
    Spec(
        "previous_image", "&Image", "&Previous image", "Show the previous image of the gallery", ("Left", "Up"), IMAGE
    ),
    Spec(
        "browse_next",
        "&Image",
        "Next in the &gallery",
        "Go to the next image of the gallery, whether one is open or not",
        ("Shift+D",),
        MAP,
    ),
    Spec(
        "browse_previous",
        "&Image",
        "Previous in the ga&llery",
        "Go to the previous image of the gallery, whether one is open or not",
        ("Shift+A",),
        MAP,
    ),
    Spec("invert", "&Image", "&Invert", "Swap black and white on the screen", ("I",), IMAGE, separated=True),
    Spec("window_wider", "&Image", "Wi&der window", "Widen the window: less contrast", ("Shift+Right",), IMAGE),
    Spec("window_narrower", "&Image", "Na&rrower window", "Narrow the window: more contrast", ("Shift+Left",), IMAGE),
    Spec("brighter", "&Image", "&Brighter", "Move the window so that the picture gets brighter", ("Shift+Up",), IMAGE),
    Spec("darker", "&Image", "Dar&ker", "Move the window so that the picture gets darker", ("Shift+Down",), IMAGE),
    Spec("reset_window", "&Image", "&Reset window", "Back to the file's own window and polarity", ("W",), IMAGE),
    Spec("fit", "&Image", "&Fit", "Fit the image into the view", ("F",), IMAGE),
    Spec("actual", "&Image", "Actual &size (1:1)", "One image pixel on one screen pixel", ("Z",), IMAGE),
    Spec("zoom_in", "&Image", "&Zoom in", "Show the image larger", ("+", "="), IMAGE),
    Spec("zoom_out", "&Image", "Zoom &out", "Show the image smaller", ("-",), IMAGE),
    Spec("overlay", "&Image", "&Text on the image", "Show or hide the text on the image", ("T",), IMAGE),
)
