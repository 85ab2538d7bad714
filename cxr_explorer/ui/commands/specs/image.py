"""One image full size."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import CURRENT, IMAGE, MAP
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
    Spec("window_wider", "&Image", "Widen &window", "Widen the window: less contrast", ("Shift+Right",), IMAGE),
    Spec("window_narrower", "&Image", "Na&rrower window", "Narrow the window: more contrast", ("Shift+Left",), IMAGE),
    Spec("brighter", "&Image", "&Brighter", "Move the window so that the picture gets brighter", ("Shift+Up",), IMAGE),
    Spec("darker", "&Image", "Dar&ker", "Move the window so that the picture gets darker", ("Shift+Down",), IMAGE),
    Spec("reset_window", "&Image", "&Reset window", "Back to the file's own window and polarity", ("W",), IMAGE),
    Spec(
        "next_window",
        "&Image",
        "Ne&xt window",
        "Go through the file's windows, more contrast and less contrast; kept from image to image",
        ("Shift+W",),
        IMAGE,
    ),
    Spec("fit_width", "&Image", "Fit wi&dth", "Make the image as wide as the view", ("Shift+F",), IMAGE),
    Spec(
        "mirror",
        "&Image",
        "&Mirror",
        "Change left and right on the screen alone; the picture says so",
        ("Shift+V",),
        IMAGE,
    ),
    Spec(
        "turn",
        "&Image",
        "T&urn",
        "Turn a quarter clockwise on the screen alone; the picture says so",
        ("Shift+T",),
        IMAGE,
    ),
    Spec("loupe", "&Image", "&Loupe", "Enlarge the part under the pointer", ("Shift+Z",), IMAGE, checkable=True),
    Spec(
        "ruler",
        "&Image",
        "Rul&er",
        "Measure: drag from end to end; two rulers give their ratio (cardiothoracic)",
        ("Ctrl+Shift+M",),
        IMAGE,
        checkable=True,
    ),
    Spec(
        "wheel_steps",
        "&Image",
        "&Wheel goes through images",
        "Let the wheel show the next image instead of zooming",
        (),
        checkable=True,
    ),
    Spec("fit", "&Image", "&Fit", "Fit the image into the view", ("F",), IMAGE),
    Spec("actual", "&Image", "Actual &size (1:1)", "One image pixel on one screen pixel", ("Z",), IMAGE),
    Spec("zoom_in", "&Image", "&Zoom in", "Show the image larger", ("+", "="), IMAGE),
    Spec("zoom_out", "&Image", "Zoom &out", "Show the image smaller", ("-",), IMAGE),
    Spec(
        "overlay",
        "&Image",
        "&Text in the corners",
        "Show the text in the corners, or put it away",
        ("T",),
        IMAGE,
    ),
    Spec("copy_name", "&Image", "&Copy file name", "Copy the name of the image's file", (), CURRENT, separated=True),
    Spec("copy_path", "&Image", "Copy pat&h", "Copy the name of the image's file with its folder", (), CURRENT),
    Spec("show_in_folder", "&Image", "Sho&w in folder", "Open the folder of the image's file", (), CURRENT),
)
