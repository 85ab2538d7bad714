"""One image full size."""

from __future__ import annotations

from cxr_explorer.ui.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("open_image", "&Image", "&Open full size", "Show the current image full size", "open_image", ("O",), "map"),
    Spec(
        "next_image",
        "&Image",
        "&Next image",
        "Show the next image of the gallery",
        "step_image",
        ("Right", "Down"),
        "image",
        (1,),
    ),
    Spec(
        "previous_image",
        "&Image",
        "&Previous image",
        "Show the previous image of the gallery",
        "step_image",
        ("Left", "Up"),
        "image",
        (-1,),
    ),
    Spec(
        "invert",
        "&Image",
        "&Invert",
        "Swap black and white on the screen",
        "image_page.view.invert",
        ("I",),
        "image",
        separated=True,
    ),
    Spec(
        "reset_window",
        "&Image",
        "&Reset window",
        "Back to the file's own window and polarity",
        "image_page.view.reset_window",
        ("W",),
        "image",
    ),
    Spec("fit", "&Image", "&Fit", "Fit the image into the view", "image_page.view.zoom_fit", ("F",), "image"),
    Spec(
        "actual",
        "&Image",
        "Actual &size (1:1)",
        "One image pixel on one screen pixel",
        "image_page.view.zoom_actual",
        ("Z",),
        "image",
    ),
    Spec("zoom_in", "&Image", "&Zoom in", "Show the image larger", "image_page.view.zoom_in", ("+", "="), "image"),
    Spec("zoom_out", "&Image", "Zoom &out", "Show the image smaller", "image_page.view.zoom_out", ("-",), "image"),
    Spec(
        "overlay",
        "&Image",
        "&Text on the image",
        "Show or hide the text on the image",
        "image_page.view.toggle_overlay",
        ("T",),
        "image",
    ),
)
