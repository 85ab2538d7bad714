"""What the tour shows: the way from a map to labels, in eight bubbles."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_explorer.labels.texts import finding_text
from cxr_explorer.ui.clusters.cluster_list import ClusterList
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.guide.tour import Step
from cxr_explorer.ui.labelling.label_panel import LabelPanel
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.session import Session


@dataclass(frozen=True)
class Views:
    """What the tour points at, and the way from pane to pane leads along."""

    clusters: ClusterList
    map_page: MapPage
    gallery_panel: GalleryPanel
    label_panel: LabelPanel


def tour_steps(frame: Frame, session: Session, views: Views) -> tuple[Step, ...]:
    """The steps, beside the controls of this frame."""

    def select_some() -> None:
        if not session.selection.ids.size:
            views.clusters.step(1)

    def first_finding() -> str:
        assert session.project is not None
        return finding_text(session.project.vocabulary.findings[0])

    def next_text() -> str:
        key = key_text("next_unlabelled") or key_text("next_cluster")
        return (
            f"{key} goes on to the next cluster that waits. The list says of each how far it is labelled. Exceptions "
            f"in a cluster: pick them in the gallery and press {key_text('exclude')}; bulk labels then leave them out."
        )

    return (
        Step(
            "The map",
            lambda: (
                "Every point is one image. Similar images are placed close together, and each colour with its number "
                "is a cluster. "
                f"Point at an image to see it, or press {key_text('next_pane')} until the map has the ring and walk "
                "with the arrow keys. The wheel, + and - zoom."
            ),
            lambda: views.map_page.scatter,
        ),
        Step(
            "A cluster",
            lambda: f"Press {key_text('next_cluster')}, or click a cluster in the list, to select all of its images.",
            lambda: frame.side,
            "cluster",
            instead=select_some,
        ),
        Step(
            "Its images",
            lambda: (
                "All images of the cluster, typical ones first; the box above turns that round, to see odd ones. "
                f"Press {key_text('open_image')}, or double-click one, to see it full size."
            ),
            lambda: views.gallery_panel,
            "open",
        ),
        Step(
            "Full size",
            lambda: (
                f"Drag for window and level; {key_text('invert')} inverts, {key_text('next_image')} goes on. While an "
                f"image is open, a label goes to it alone; {key_text('label_normal')} says that it is normal. "
                f"{key_text('panes')} puts every pane away. {key_text('back')} leads back to the map."
            ),
            lambda: frame.centre,
            "back",
            when=lambda: session.viewing_image,
            takes_focus=False,
            instead=lambda: session.view_image(False),
        ),
        Step(
            "Label them all at once",
            lambda: (
                "The blue button says beforehand what will happen, to how many images. One key does it: "
                f"{key_text('label_present_1')} says that “{first_finding()}” is present, "
                f"{key_text('label_absent_1')} that it is absent. Try one."
            ),
            lambda: views.label_panel,
            "label",
        ),
        Step(
            "Take it back",
            lambda: (
                f"{key_text('undo')} takes back the last act, whole, also after a restart. Try it. There is nothing to "
                "save: every act is stored at once."
            ),
            lambda: frame.statusBar(),
            "undo",
        ),
        Step("And so on", next_text, lambda: frame.side),
        Step(
            "Check what you label",
            lambda: (
                f"{key_text('sheet')} shows a cluster as a contact sheet, to find exceptions before you label it. "
                f"{key_text('read_next')} reads the images next whose answers help most. {key_text('audit_start')} "
                "checks your labels on a random sample, and says how many may be wrong at most."
            ),
            lambda: views.gallery_panel,
        ),
        Step(
            "Everything else",
            lambda: (
                f"{key_text('command_palette')} finds any command by a few letters; {key_text('help')} opens the "
                f"help, with all keys in it; {key_text('edit_keys')} changes them. "
                f"{key_text('export_labels')} writes the labels as a table. "
                f"{key_text('tour')} shows this tour again."
            ),
            lambda: frame.menuBar(),
        ),
    )
