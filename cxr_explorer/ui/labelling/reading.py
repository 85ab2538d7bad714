"""Reading images one after another: one question, a key an answer, and on to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from cxr_explorer.labels.label import How, Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.clusters.cluster_panel import ClusterPanel
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.readers import REVEALS
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.judging import judgement
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.viewer.image_page import ImagePage
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import text_label

Source = Callable[[], Ids | None]
"""Gives the next images to read; none ends the reading. None: they are still being chosen, and `go_on` says when."""

OnAnswer = Callable[[int, Value], Mapping[tuple[str, str], str | None]]
"""Told of an answer before it is stored; gives the state that belongs to the same act, see `acts.Act.put`."""


HowOf = Callable[[int], How]
"""How an image was addressed, where that is not the same for all that are read."""

Reveal = Callable[[int], str]
"""What others said of an image, in words; shown when asked for, and of the last image once it is answered."""

Stands = Callable[[int], tuple[Value | None, str]]
"""The label of an image that is looked at again, in words ("labelled present"); before them its value, where the answer
keeps it or changes it."""

_AHEAD = 2
"""Images read ahead of the one on the screen."""


@dataclass
class _Task:
    """What is being read.

    Attributes:
        title: In words, for the strip.
        source: Where more images come from.
        finding: The question.
        reader: Under whose name the answers are kept.
        how: For the labels' provenance.
        ids: Images so far, in order.
        position: Which of them is shown.
        reveal: See Reveal; None where there is nothing to reveal.
        stands: See Stands; None where no label is looked at again.
        given: Position of each answer that changed something, with the act's text: what undo goes back to.
        answered: Images with an answer or skipped.
        note: What has been revealed; empty otherwise.
        shown: Whether an image of it has been on screen.
    """

    title: str
    source: Source
    finding: str
    reader: str
    how: How | HowOf
    hide_suggestions: bool
    known_total: bool
    on_answer: OnAnswer | None
    on_end: Callable[[bool], None] | None
    ids: list[int]
    reveal: Reveal | None = None
    stands: Stands | None = None
    position: int = 0
    given: list[tuple[int, str]] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    note: str = ""
    shown: bool = False

    def how_of(self, image_id: int) -> How:
        return self.how(image_id) if callable(self.how) else self.how


class Reading(QObject, Part):
    """Shows one image after the other full size and asks one question of each.

    While it is active, the keys of the values answer; the key of "not read" skips; the arrows go back and forth.
    """

    changed = Signal()
    """Another image, an answer, the begin or the end."""

    def __init__(
        self, frame: Frame, session: Session, image_page: ImagePage, clusters: ClusterPanel, beside: Sequence[QWidget]
    ) -> None:
        super().__init__(frame)
        self._image_page = image_page
        self._clusters = clusters
        self._beside = beside
        self._session = session
        self._task: _Task | None = None
        self.strip = ReadingStrip(self)
        frame.workspaces.panes["findings"].put_first(self.strip)
        self._session.acted.connect(self._on_act)
        self._session.projectChanged.connect(lambda: self.stop())
        self._session.currentChanged.connect(self._on_current)
        self.changed.connect(lambda: image_page.note_plate.keep_words_back(self.hides_suggestions))

    # -- what others ask -------------------------------------------------------------------------------------------

    def show_keys(self) -> None:
        self.strip.show_keys()

    def verbs(self) -> Verbs:
        return {
            "reveal": self.reveal,
        }

    @property
    def active(self) -> bool:
        """Whether images are being read."""
        return self._task is not None

    @property
    def finding(self) -> str:
        """The question; empty when nothing is being read."""
        return self._task.finding if self._task is not None else ""

    @property
    def hides_suggestions(self) -> bool:
        """Whether the reader is to answer without seeing what the program or anybody else thinks."""
        return self._task is not None and self._task.hide_suggestions

    @property
    def answered(self) -> int:
        """How many images have been answered or skipped."""
        return len(self._task.answered) if self._task is not None else 0

    @property
    def reveals(self) -> bool:
        """Whether there is something to reveal of the image shown."""
        return self._task is not None and self._task.reveal is not None

    def note(self) -> str:
        """What has been revealed, in words; else empty."""
        return self._task.note if self._task is not None else ""

    @property
    def answered_here(self) -> bool:
        """Whether the image that is shown was answered or skipped in this reading."""
        task = self._task
        return task is not None and not self.is_waiting() and task.ids[task.position] in task.answered

    def is_waiting(self) -> bool:
        """Whether all images so far are answered and the next ones are being chosen."""
        return self._task is not None and self._task.position >= len(self._task.ids)

    def text(self) -> str:
        """Where the reading stands, in words."""
        task = self._task
        if task is None:
            return ""
        if self.is_waiting():
            return f"{task.title}  ·  choosing the next images…"
        place = f"{task.position + 1:,} of {len(task.ids):,}" if task.known_total else f"image {task.position + 1:,}"
        drawn = "  ·  drawn at random" if task.how_of(task.ids[task.position]) == "random" else ""
        if task.stands is not None:
            drawn = f" doubted  ·  {task.stands(task.ids[task.position])[1]}"
        return f"{task.title}  ·  {place}{drawn}  ·  {finding_text(task.finding)}?"

    def stands(self) -> Value | None:
        """What the label says that an answer keeps or changes; None where there is none."""
        task = self._task
        if task is None or task.stands is None or self.is_waiting():
            return None
        return task.stands(task.ids[task.position])[0]

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        return {REVEALS: self.reveals}

    # -- verbs -----------------------------------------------------------------------------------------------------

    def start(
        self,
        title: str,
        source: Ids | Source,
        finding: str,
        *,
        on_answer: OnAnswer | None = None,
        on_end: Callable[[bool], None] | None = None,
        how: How | HowOf = "single",
        reader: str | None = None,
        hide_suggestions: bool = False,
        reveal: Reveal | None = None,
        stands: Stands | None = None,
    ) -> None:
        """Begins with the first image; a reading that is under way ends.

        Args:
            title: What is being read, in words.
            source: The images in order, or a function that gives the next ones, see Source; the first ones at once.
            finding: What is asked.
            on_answer: See OnAnswer.
            on_end: Told at the end whether every image was answered or skipped (False: the reader stopped).
            how: For the labels' provenance.
            reader: Whose name the answers are kept under; None: the session's reader. While another name's images are
                read, the reader's own labels are out of sight, see `Session.read_as`.
            hide_suggestions: See `hides_suggestions`.
            reveal: See Reveal.
            stands: See Stands; an answer rests on this look from then on, also where it was the label before.
        """
        self.stop()
        known = not callable(source)
        first = source() if callable(source) else source
        ids = np.asarray(_nothing() if first is None else first, np.int64)
        if not ids.size:
            self._session.said.emit(f"{title}: there is nothing to read.")
            if on_end is not None:
                on_end(True)
            return
        more: Source = source if callable(source) else _nothing
        name = reader or self._session.reader
        shown = [int(image_id) for image_id in ids]
        self._task = _Task(
            title, more, finding, name, how, hide_suggestions, known, on_answer, on_end, shown, reveal, stands
        )
        self._session.read_as(name)
        self._session.set_judgement(finding, self._session.value)
        self._session.said.emit("")  # what the last act did to these images is none of the question
        self._show()

    def answer(self, value: Value | None) -> None:
        """Answers for the image shown, None skips it; then goes to the next one.

        An answer given before the picture has been seen is not taken: it would be about another image.
        """
        task, project = self._task, self._session.project
        if task is None or project is None or self.is_waiting():
            return
        if value is not None and (reason := self._session.why_unseen()):
            self._session.said.emit(reason)
            return
        image_id = task.ids[task.position]
        if value is not None:
            puts = task.on_answer(image_id, value) if task.on_answer is not None else {}
            said = judgement(self._session.map, task.finding, value, task.reader, task.how_of(image_id))
            change = labelling.label(project, np.array([image_id], np.int64), said, puts, task.stands is not None)
            word = VALUE_WORDS[value]
            if change is not None:
                task.given.append((task.position, change.text))
            self._session.acts.tell(change, f"{task.finding} = {word} holds for this image already.")
        if self._task is not task:  # what was told ended it
            return
        task.answered.add(image_id)
        revealed = task.reveal(image_id) if task.reveal is not None and value is not None else ""
        task.note = f"Last image: {revealed}" if revealed else ""
        task.position += 1
        if self.is_waiting():
            self.go_on()
        else:
            self._show()

    def go_on(self) -> None:
        """Asks the source again, where the next images were still being chosen."""
        task = self._task
        if task is None or not self.is_waiting():
            return
        more = task.source()
        if more is None:
            self.changed.emit()
            return
        task.ids.extend(int(i) for i in more)
        if self.is_waiting():
            self._end(True)
            if task.note:
                self._session.said.emit(task.note)
        else:
            self._show()

    def step(self, by: int) -> None:
        """Goes back to what was read, or forth as far as what has been answered."""
        task = self._task
        if task is None:
            return
        furthest = min(len(task.answered), len(task.ids) - 1)
        task.position = min(max(task.position + by, 0), furthest)
        task.note = ""
        self._show()

    def reveal(self) -> None:
        """Shows what others said of the image on screen."""
        task = self._task
        if task is not None and task.reveal is not None:
            task.note = f"This image: {task.reveal(task.ids[task.position])}"
            self.changed.emit()

    def stop(self) -> None:
        """Ends the reading where it is; the answers stay."""
        if self._task is not None:
            self._end(False)

    # -- following -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        assert self._task is not None
        self._blind(self._task.hide_suggestions)
        self._session.set_current(self._task.ids[self._task.position])
        self._session.view_image(True)
        if self._task is not None:
            self._task.shown = True
            self._image_page.expect(self._task.ids[self._task.position + 1 : self._task.position + 1 + _AHEAD])
        self.changed.emit()

    def _end(self, complete: bool) -> None:
        task, self._task = self._task, None
        self._session.read_as(None)
        self._blind(False)
        if self._session.viewing_image:
            self._session.view_image(False)
        self.changed.emit()
        if task is not None and task.on_end is not None:
            task.on_end(complete)

    def _blind(self, blind: bool) -> None:
        """Only the image is left on the screen: the views beside it say how it is labelled, and with which others."""
        for view in self._beside:
            view.setVisible(not blind)
        self._clusters.hold(blind)

    def _on_act(self, change: Change) -> None:
        task = self._task
        if change.step == "undone" and task is not None and task.given and task.given[-1][1] == change.text:
            task.position, _ = task.given.pop()
            task.answered.discard(task.ids[task.position])
            task.note = ""
            self._show()

    def _on_current(self) -> None:
        """The reader went elsewhere (a click on the map, another page): the reading is over."""
        task, session = self._task, self._session
        if task is None or session.viewing_image:
            return
        # Under another name nothing but this reading may be labelled: the other pages are the reader's own again.
        other_name = task.shown and task.reader != session.preferences.own_reader
        if other_name or session.current_id != task.ids[min(task.position, len(task.ids) - 1)]:
            self._end(False)


class ReadingStrip(QFrame):
    """Above the image: what is read, how far, the question, and the keys that answer it."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._reading = reading
        self._text = text_label("", "heading", wraps=True)
        self._note = text_label("", "dim", wraps=True)
        self._keyed: list[tuple[QPushButton, str, str]] = []
        self._answers: list[tuple[QPushButton, Value]] = []
        row = FlowPanel()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 6)
        column.addWidget(self._text)
        column.addWidget(row)
        column.addWidget(self._note)
        answers: tuple[tuple[str, str, Value | None], ...] = (
            ("Present", "value_present", Value.PRESENT),
            ("Absent", "value_absent", Value.ABSENT),
            ("Uncertain", "value_uncertain", Value.UNCERTAIN),
            ("Skip", "value_clear", None),
        )
        for text, action, value in answers:
            button = QPushButton()
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setToolTip("Go on without an answer" if value is None else tooltip(action))
            self._keyed.append((button, text, action))
            if value is not None:
                self._answers.append((button, value))
            button.clicked.connect(lambda _checked=False, v=value: reading.answer(v))
            row.add(button)
        self._reveal = QPushButton()
        self._keyed.append((self._reveal, "Who said what", "reveal"))
        self._reveal.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._reveal.setToolTip(tooltip("reveal"))
        self._reveal.clicked.connect(reading.reveal)
        row.add(self._reveal)
        stop = QPushButton()
        self._keyed.append((stop, "Stop", "back"))
        stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        stop.setToolTip("End here; the answers given stay")
        stop.clicked.connect(reading.stop)
        row.add(stop)
        reading.changed.connect(self.refresh)
        self.show_keys()
        self.refresh()

    def show_keys(self) -> None:
        """Says on each button the key that does the same, as it is now; and whether it keeps a label or changes it."""
        stands, values = self._reading.stands(), dict(self._answers)
        for button, text, action in self._keyed:
            if stands is not None and button in values:
                word = text.lower()
                text = f"Keep {word}" if values[button] == stands else f"Change to {word}"
            button.setText(f"{text}  {key_text(action)}".rstrip().replace("&", "&&"))

    def refresh(self) -> None:
        """Brings the text in line with the reading."""
        self.setVisible(self._reading.active)
        self._text.setText(self._reading.text())
        self._text.setToolTip(self._reading.text())
        self.show_keys()
        self._reveal.setVisible(self._reading.reveals)
        note = self._reading.note()
        self._note.setText(note)
        self._note.setVisible(bool(note))
        for button, _, action in self._keyed:
            button.setEnabled(action in ("back", "reveal") or not self._reading.is_waiting())


def _nothing() -> Ids:
    return np.zeros(0, np.int64)
