"""The right side: the selected images, their order, and what they are labelled."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cxr_explorer.labels.label import Note, Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.notes import notes_of_images
from cxr_explorer.ui.gallery.gallery import Gallery
from cxr_explorer.ui.gallery.tile import Mark
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.selection import BY_PROBABILITY, ORDERS, RANKED
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import elided_label, plain_tip, text_label

TILE_PX = 136

MOST_OF_A_NOTE = 600
"""Characters of a note in a tile's tooltip."""

SIGN = {Value.PRESENT: "+", Value.ABSENT: "–", Value.UNCERTAIN: "?"}


class GalleryPanel(QFrame):
    """Heading, order and gallery; it follows the session's selection and tells it what is picked."""

    imageWanted = Signal()

    def __init__(self, session: Session, runs: Runs) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._session = session
        self._labels: dict[int, list[tuple[str, Value]]] = {}
        self._notes: dict[int, Note] = {}
        self._excluded: set[int] = set()
        self._heading = elided_label("", "heading")
        self._picked = text_label("", "dim")
        self._order = QComboBox()
        self._order.setAccessibleName("Order of the gallery")
        self._order.setToolTip(
            "Typical first: the images nearest to the middle of their cluster. Edge first: the oddest. "
            "Most likely present, least sure first: by the suggestions for the finding"
        )
        self._order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._order.setMinimumContentsLength(11)
        self._fill_orders()
        self._order.activated.connect(lambda: session.set_order(self._order.currentData()))
        self._order.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.gallery = Gallery(session.thumbnails)
        self.gallery.set_tile_size(TILE_PX)
        self.gallery.set_mark_source(self.mark)
        self.gallery.currentChanged.connect(self._on_current)
        self.gallery.pickedChanged.connect(session.set_picked)
        self.gallery.activated.connect(lambda _id: self.imageWanted.emit())
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 6)
        head.addWidget(self._heading)
        head.addWidget(self._picked, 1)
        head.addWidget(self._order)
        self._above = QVBoxLayout()
        self._above.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._above)
        layout.addLayout(head)
        layout.addWidget(self.gallery, 1)
        self._arrivals = QTimer(self, interval=1000, singleShot=True)
        self._arrivals.timeout.connect(self.show_selection)
        session.projectChanged.connect(self.show_selection)
        session.mapChanged.connect(self.gallery.refresh_thumbnails)
        session.selectionChanged.connect(self.show_selection)
        session.targetChanged.connect(self._show_heading)
        session.changed.connect(self._on_change)
        session.projectChanged.connect(self._refresh_exclusions)
        session.currentChanged.connect(self._follow_current)
        runs.imagesArrived.connect(self._on_arrivals)
        session.suggested.changed.connect(self._on_probabilities)
        session.colouringChanged.connect(self.gallery.refresh_marks)
        self._ordered_by_probability = False

    def insert_above(self, widget: QWidget) -> None:
        """Adds a strip above the heading, below those that are there."""
        self._above.addWidget(widget)

    def show_selection(self) -> None:
        """Shows the session's selection, or what has been read so far where there is no map yet."""
        session = self._session
        self._fill_orders()
        ids = session.ordered_ids()
        self._ordered_by_probability = session.order in BY_PROBABILITY and session.suggested.probabilities is not None
        if session.project is not None and session.map is None and not ids.size:
            ids = session.read_ids()
        self._labels.clear()
        self._notes.clear()
        self.gallery.set_empty_text(
            "Select a cluster on the left,\nor draw around images on the map,\nto see them here."
            if session.map is not None
            else "Images appear here as they are read."
        )
        if not np.array_equal(np.sort(self.gallery.picked_ids()), session.picked):
            self.gallery.set_picked(session.picked)  # what is ticked is what a label goes to
        if not np.array_equal(ids, self.gallery.image_ids()):
            self.gallery.set_images(ids)
        else:
            self.gallery.refresh_marks()  # the same images may have been found by another question
        self._follow_current()
        self._show_heading()

    def _fill_orders(self) -> None:
        """The orders there are; one more where the selection came in an order of its own."""
        session = self._session
        ranking = session.selection.ranking
        offered = {**({RANKED: ranking.order} if ranking is not None else {}), **ORDERS}
        if [self._order.itemText(index) for index in range(self._order.count())] != list(offered.values()):
            self._order.clear()
            for key, text in offered.items():
                self._order.addItem(text, key)
        self._order.setCurrentIndex(self._order.findData(RANKED if session.ranking is not None else session.order))

    def _on_probabilities(self) -> None:
        """New suggestions do not move images about while they are looked at, only the first ones do."""
        if self._session.order in BY_PROBABILITY and not self._ordered_by_probability:
            self.show_selection()
        else:
            self.gallery.refresh_marks()

    def _on_arrivals(self) -> None:
        if not self._arrivals.isActive():
            self._arrivals.start()

    def _on_current(self, image_id: int) -> None:
        """An image that the gallery does not show may be current elsewhere: only one that it shows is its to tell."""
        if image_id >= 0:
            self._session.set_current(image_id)

    def _follow_current(self) -> None:
        if self._session.current_id >= 0 and self.gallery.current_id != self._session.current_id:
            # What is read one by one need not be in the gallery: it has no current image then, but the session has.
            self.gallery.blockSignals(True)
            self.gallery.set_current(self._session.current_id)
            self.gallery.blockSignals(False)

    def _show_heading(self) -> None:
        selection, picked = self._session.selection, self._session.picked
        name = f"{len(selection.clusters)} clusters" if selection.clusters else "Selection"
        if selection.cluster is not None:
            name = self._session.cluster_name(selection.cluster)
        if selection.ranking is not None:
            name = selection.ranking.title
        if self._session.filter is not None:
            name += ", filtered"
        if self._session.map is None and not selection.ids.size:
            name = "Read so far"
        count = len(self.gallery.image_ids())
        self._heading.setText(f"{name}: {images_text(count)}" if count else "No images selected")
        self._picked.setText(f"{picked.size:,} picked" if picked.size else "")

    def _on_change(self, change: Change) -> None:
        if change.labels or change.notes:
            self._labels.clear()
            self._notes.clear()
            self.gallery.refresh_marks()
        if change.exclusions:
            self._refresh_exclusions()

    def _refresh_exclusions(self) -> None:
        """Read when they change, not with every selection: all images are gone through for it."""
        self._excluded = set(self._session.labels.excluded_ids().tolist())
        self.gallery.refresh_marks()

    def mark(self, image_id: int, odd: bool = False) -> Mark:
        """What is drawn on the tile of an image; `odd` where a contact sheet has it marked so."""
        session = self._session
        if session.project is None:
            return Mark()
        if image_id not in self._labels:
            wanted = [*self.gallery.visible_ids(), image_id]
            found = label_columns.labels_of_images(session.project, wanted, session.reader)
            self._labels |= {wanted_id: found.get(wanted_id, []) for wanted_id in wanted}
            self._notes |= notes_of_images(session.project, wanted, session.reader)
        labels = self._labels[image_id]
        shown = [f"{finding_text(finding)} {SIGN[value]}" for finding, value in labels]
        badge = shown[0] if len(shown) == 1 else f"{len(shown)} labels" if shown else ""
        for finding, value in labels:
            if finding == session.finding and len(shown) > 1:
                badge = f"{finding_text(finding)} {SIGN[value]} (+{len(shown) - 1})"
        words = [f"{finding_text(finding)}: {VALUE_WORDS[value]}" for finding, value in labels]
        excluded = image_id in self._excluded
        ranking = session.selection.ranking
        note = ranking.notes.get(image_id, "") if ranking is not None else ""
        if not note and session.shows_probabilities:
            probability = session.suggested.of(np.array([image_id]))[0]
            note = "" if np.isnan(probability) else session.suggested.text(probability)
        if ranking is not None and note and ranking.meaning:
            words.append(f"{ranking.meaning} {note}")
        noted = self._notes.get(image_id, Note())
        caption = session.caption(image_id, MOST_OF_A_NOTE)
        tip = "\n".join([caption, *words, *(["Excluded from bulk labels"] if excluded else [])])
        return Mark(excluded, badge, None, plain_tip(tip), note, odd, noted.flagged, bool(noted.text))
