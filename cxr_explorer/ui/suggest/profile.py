"""What is suggested for every finding on an open image and on its cluster, told to the list of findings."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject

from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.labelling.finding_list import Suggested
from cxr_explorer.ui.labelling.label_panel import LabelPanel
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.suggest.suggest import Suggestions
from cxr_explorer.ui.suggest.told import Probability, TooFew
from cxr_explorer.ui.widgets.texts import probability_text


class Profile(QObject):
    """Follows the image that is shown.

    Attributes:
        values: What is known of each finding; empty while nothing may be seen.
    """

    def __init__(self, suggest: Suggestions, session: Session, panel: LabelPanel) -> None:
        super().__init__(panel)
        self._suggest = suggest
        self._session = session
        self._panel = panel
        self._wanted = True
        self.values: Mapping[str, Probability | TooFew] = {}
        suggest.changed.connect(self.refresh)
        session.currentChanged.connect(self.refresh)
        session.changed.connect(lambda change: self.refresh() if change.labels else None)

    @property
    def seen(self) -> bool:
        """Whether the reader can see it now."""
        return self._wanted and self._panel.isVisible() and self._session.viewing_image

    @property
    def wanted(self) -> bool:
        """Whether the reader wants it beside open images."""
        return self._wanted

    def set_wanted(self, wanted: bool) -> None:
        """Shows it beside open images, or does not."""
        self._wanted = wanted
        self.refresh()

    def refresh(self) -> None:
        """Brings the list in line with the image that is shown."""
        session = self._session
        if not self.seen or session.project is None:
            self.values = {}
            self._panel.show_suggestions({})
            return
        if self._suggest.hidden:
            self.values = {}
            key = "" if self._suggest.blind else key_text("hide_suggestions")
            shows = f" {key} shows them." if key else ""
            self._panel.show_suggestions({}, f"Suggestions are hidden until you have answered.{shows}")
            return
        self.values = self._suggest.profile_of(session.current_id)
        self._panel.show_suggestions({finding: suggested_of(value) for finding, value in self.values.items()})


def suggested_of(value: Probability | TooFew) -> Suggested:
    """What the list shows of it: a probability with the cluster's mean; of too few labels nothing but the tooltip."""
    if isinstance(value, Probability):
        text = probability_text(value.image, value.in_numbers)
        tip = (
            f"probability {value.image:.3f}; mean of the image's cluster {value.cluster:.3f}"
            if value.in_numbers
            else f"{text}; too few images were drawn at random and read to say it in numbers"
        )
        return Suggested(text, value.image, value.cluster, tip)
    if value.computing:
        return Suggested("…", tip="being computed")
    return Suggested(tip=f"nothing, too few labels ({value.present:,} present, {value.absent:,} absent)")
