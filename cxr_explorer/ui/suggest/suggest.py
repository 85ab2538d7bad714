"""Suggestions in the window: a child process keeps the features and answers; the reader's verbs are here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from cxr_explorer.labels.label import How, Value
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.probes.probe import FEWEST_ANSWERS
from cxr_explorer.project import label_columns
from cxr_explorer.project.audits.bounds import level, percent
from cxr_explorer.project.audits.standing import FindingStanding, set_target, target_of
from cxr_explorer.project.label_columns import answers_by_finding, has_labels
from cxr_explorer.project.project import Ids
from cxr_explorer.project.suggestions import AcceptedWith, accept, settled_ids
from cxr_explorer.search.conditions import is_of_reader
from cxr_explorer.suggesting import Question, StandingQuestion, Suggestion
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.suggest import PROBES, SUGGESTED
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.selection import BY_PROBABILITY, NO_IDS
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.sheets.sheets import Offered, Sheets
from cxr_explorer.ui.suggest.accept import AcceptDialog
from cxr_explorer.ui.suggest.child import Asked, SuggestionChild
from cxr_explorer.ui.suggest.probes import SavedProbes
from cxr_explorer.ui.suggest.told import Probability, TooFew
from cxr_explorer.ui.widgets.texts import accepted


class Shown(Protocol):
    """What shows suggestions beside an open image."""

    @property
    def seen(self) -> bool: ...
    @property
    def wanted(self) -> bool: ...
    def set_wanted(self, wanted: bool) -> None: ...


class Suggestions(QObject, Part):
    """What is suggested, for whoever shows it, and the verbs that act on it.

    Nothing is computed before somebody wants to see it. One question at a time is with the child process; labels that
    change meanwhile make the answer stale, and it is asked again.
    """

    changed = Signal()
    """Another suggestion, standing or state."""

    def __init__(self, frame: Frame, session: Session, reading: Reading, sheets: Sheets) -> None:
        super().__init__(frame)
        self._frame = frame
        self._one_by_one = reading
        self._sheets = sheets
        self._session = session
        self._finding = ""
        self._reading = ""  # the finding that is read next, image by image
        self._drawn: set[int] = set()  # of the images read next, those drawn at random
        self._starting = False
        self.trouble = ""
        self._asking = SuggestionChild(session, self._wanted)
        self._asking.changed.connect(self.changed)
        self._asking.answered.connect(self._on_answer)
        self._asking.failed.connect(self._on_failure)
        self.saved = SavedProbes(frame, session)
        self.saved.changed.connect(self.ask_anew)
        session.projectChanged.connect(self._forget)
        session.mapChanged.connect(self._forget)
        session.closing.connect(self._asking.end)
        session.changed.connect(self._on_change)
        session.targetChanged.connect(self._on_finding)
        session.currentChanged.connect(self._on_current)
        for signal in (session.colouringChanged, session.selectionChanged, frame.side.currentChanged):
            signal.connect(lambda *_: self._asking.ask())
        reading.changed.connect(self._on_current)

    def verbs(self) -> Verbs:
        return {
            "read_next": self.read_next,
            "hide_suggestions": self.set_hiding,
            "accept_here": self.accept_here,
            "accept_bulk": self.accept_bulk,
            "colour_suggestion": self.colour_map,
            "show_profile": self.show_profile,
            "show_suggest_tab": self.show_tab,
            "save_probes": self.saved.save,
            "load_probes": self.saved.load,
            "forget_probes": self.saved.forget,
        }

    def show_in(self, tab: QWidget, profile: Shown) -> None:
        """What shows suggestions: nothing is asked while neither can be seen."""
        self.tab, self.profile = tab, profile
        profile.set_wanted(bool(self._session.preferences.settings.value("profile", True, bool)))
        self._frame.set_switch("hide_suggestions", self.hiding)
        self._frame.set_switch("show_profile", profile.wanted)

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        found = self.found()
        return {SUGGESTED: found is not None and found.enough, PROBES: bool(self.saved.used)}

    # -- what others ask -------------------------------------------------------------------------------------------

    def found(self, finding: str | None = None) -> Suggestion | None:
        """The newest suggestion for a finding (the session's by default), which may be about to be replaced."""
        return self._asking.suggestions.get(Question(finding or self._session.finding, self._session.reader))

    def standing(self) -> FindingStanding | None:
        """How far the session's finding is, by random audits."""
        return self._asking.standings.get(StandingQuestion(self._session.finding, self._session.reader))

    @property
    def busy(self) -> bool:
        """Whether a question is being answered."""
        return self._asking.busy

    @property
    def reading_next(self) -> bool:
        """Whether images are being read that were chosen here."""
        return bool(self._reading) and self._one_by_one.active

    @property
    def hiding(self) -> bool:
        """Whether suggestions for an open image are hidden until the reader has answered."""
        return bool(self._session.preferences.settings.value("hide_suggestions", True, bool))

    @property
    def blind(self) -> bool:
        """Whether images are read that are to be answered without a suggestion whatever the switch says."""
        return self._one_by_one.hides_suggestions

    @property
    def hidden(self) -> bool:
        """Whether suggestions are hidden now."""
        session, reading = self._session, self._one_by_one
        if not session.viewing_image or session.project is None:
            return False
        if not self.hiding and not self.blind:
            return False
        if reading.active:
            return not reading.answered_here
        labels = label_columns.labels_of_images(session.project, [session.current_id], session.reader)
        return all(name != session.finding for name, _ in labels.get(session.current_id, []))

    # -- asking ----------------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Asks for what is seen and not known."""
        self._asking.ask()

    def ask_anew(self) -> None:
        """Something that suggestions rest on has changed."""
        self._asking.ask_anew()
        self._show_hidden()
        self._frame.refresh_actions()

    def _wanted(self) -> list[Asked]:
        session, reading = self._session, self._one_by_one
        assert session.project is not None
        asked = Question(session.finding, session.reader)
        if self._reading and reading.active and not self._starting:
            # Within a batch nothing: the answers so far would be fitted for nothing.
            return [Question(self._reading, session.reader)] if reading.is_waiting() else []
        wanted: list[Asked] = [Question(self._reading, session.reader)] if self._reading else []
        if self.tab.isVisible() or session.colour_by == "suggestion" or session.order in BY_PROBABILITY:
            wanted.append(asked)
        if self.tab.isVisible():
            wanted.append(StandingQuestion(session.finding, session.reader))
        if self.profile.seen and not self._few_labels():
            wanted += [asked, *(Question(one, session.reader) for one in session.project.vocabulary.findings)]
        return wanted

    def _few_labels(self) -> bool:
        """Whether no finding can have labels enough, so that there is nothing to ask."""
        project = self._session.project
        assert project is not None
        least = 2 * FEWEST_ANSWERS
        return not self.saved.used and not has_labels(project, self._session.reader, least)

    def _on_answer(self, question: Asked) -> None:
        self.trouble = ""
        self._show()
        if self._reading and question == Question(self._reading, self._session.reader):
            self._go_on_reading()

    def _on_failure(self, text: str) -> None:
        self.trouble = f"Suggestions stopped: {text}"
        self._starting = False
        self._one_by_one.go_on()  # which ends it
        self._session.failed.emit(f"{self.trouble} They start again with the next label.")
        self.changed.emit()

    def _show(self) -> None:
        found = self.found()
        in_numbers = found is not None and found.in_numbers
        self._session.suggested.show(found.probabilities if found is not None else None, self.hidden, in_numbers)
        self.changed.emit()
        self._frame.refresh_actions()

    def _forget(self) -> None:
        """Another project or map."""
        self._asking.forget()
        self._reading, self._starting, self.trouble = "", False, ""
        self._show()
        self._asking.ask()

    # -- following -------------------------------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.marks or "audit" in change.states:
            self.ask_anew()

    def _on_finding(self) -> None:
        if self._session.finding != self._finding:
            self._finding = self._session.finding
            self._show()
            self._asking.ask()

    def _on_current(self) -> None:
        self._show_hidden()
        self._asking.ask()

    def _show_hidden(self) -> None:
        session = self._session
        session.suggested.show(session.suggested.probabilities, self.hidden, session.suggested.in_numbers)
        self.changed.emit()

    # -- reading ---------------------------------------------------------------------------------------------------

    def read_next(self) -> None:
        """Reads the images whose answers help most, batch after batch; the first ones as soon as they are known."""
        if self._session.map is None:
            return
        self._reading, self._starting, self.trouble = self._session.finding, True, ""
        self._session.said.emit("Choosing what to read next…")
        self._asking.ask()
        self._go_on_reading()

    def give_up_start(self) -> bool:
        """Starts no reading that has been asked for and is still being chosen; False where none is."""
        if not self._starting:
            return False
        self._starting, self._reading = False, ""
        self._session.said.emit("Nothing is read: given up while the images were being chosen.")
        return True

    def _go_on_reading(self) -> None:
        question = Question(self._reading, self._session.reader)
        if question not in self._asking.fresh:
            self._asking.ask()
        elif self._starting:
            self._starting = False
            self._drawn.clear()
            self._one_by_one.stop()
            self._reading = question.finding
            self._one_by_one.start("Read next", self._more, question.finding, on_end=self._on_read, how=self._how_of)
        else:
            self._one_by_one.go_on()

    def _more(self) -> Ids | None:
        question = Question(self._reading, self._session.reader)
        if self.trouble:
            return NO_IDS
        if question in self._asking.fresh:
            found = self._asking.suggestions[question]
            self._drawn.update(found.drawn.tolist())
            return found.queue
        QTimer.singleShot(0, self, self._asking.ask)  # once the reading knows that it waits
        return None

    def _how_of(self, image_id: int) -> How:
        """Answers to images drawn at random are told apart: they are evidence of what nobody has read."""
        return "random" if image_id in self._drawn else "single"

    def _on_read(self, complete: bool) -> None:
        finding, self._reading = self._reading, ""
        if complete and not self.trouble:
            self._session.said.emit(f"Every image has a label for {finding_text(finding)}.")
        QTimer.singleShot(0, self, self._asking.ask)

    # -- accepting -------------------------------------------------------------------------------------------------

    def accept_here(self) -> None:
        """Labels the open, the picked or the current images as suggested."""
        session, found = self._session, self.found()
        reading = self._one_by_one
        if found is None or found.probabilities is None or session.project is None:
            return
        if self.hidden:
            session.said.emit("The suggestion is hidden until you have answered; D shows it.")
            return
        if reading.active:
            probability = float(session.suggested.of(np.array([session.current_id], np.int64))[0])
            if not np.isnan(probability):
                reading.answer(Value.PRESENT if probability > 0.5 else Value.ABSENT)
            return
        ids = NO_IDS if session.viewing_image else session.picked
        if not ids.size and session.current_id >= 0:
            ids = np.array([session.current_id], np.int64)
        if not ids.size:
            session.said.emit("Pick images in the gallery, or go to one, to accept what is suggested for them.")
            return
        ids = session.filter.keep(ids) if session.filter is not None else ids
        probabilities = session.suggested.of(ids)
        self._accept(ids[probabilities > 0.5], ids[probabilities <= 0.5])

    def _accept(self, present: Ids, absent: Ids, known: AcceptedWith | None = None) -> None:
        session = self._session
        assert session.project is not None
        map_id = session.map.map_id if session.map is not None else None
        change = accept(session.project, present, absent, session.finding, session.reader, map_id, known)
        session.acts.tell(
            change, "Nothing to accept: these images have a label already, are excluded, or not suggested."
        )

    def accept_bulk(self) -> None:
        """Asks how many may be wrong, then shows the suggestions that keep to it, to be accepted in one act."""
        session, found = self._session, self.found()
        if found is None or found.probabilities is None or session.project is None or session.map is None:
            return
        kept = session.filter
        if kept is not None and is_of_reader(kept.conditions):
            # Looks chosen by how they were answered do not stand for the images that wait.
            session.said.emit(
                f"Not within the filter “{kept.text}”: images chosen by their labels say nothing of the others. "
                f"{key_text('clear_filter')} takes it away."
            )
            return
        settled = settled_ids(session.project, session.finding, session.reader)
        dialog = AcceptDialog(
            self._frame,
            found,
            session.map.image_ids,
            settled,
            session.selection.ids,
            kept.ids if kept is not None else None,
            session.confounders,
        )
        if kept is not None:
            dialog.setWindowTitle(f"{dialog.windowTitle()}, only {kept.text}")
        if accepted(dialog) and dialog.offer.count:
            self._look_through(dialog)

    def _look_through(self, dialog: AcceptDialog) -> None:
        session, offer, ids = self._session, dialog.offer, dialog.ids
        finding, confidence = session.finding, dialog.level
        present = dialog.suggested_present(ids)

        def text(left_out: int) -> str:
            bound = percent(offer.error_bound(left_out))
            count = images_text(len(ids) - left_out)
            name = finding_text(finding)
            return f"Accept {name} as suggested on {count}: at most {bound} wrong, {level(confidence)} sure"

        def accept_all_but(left_out: Ids) -> None:
            taken = ~np.isin(ids, left_out)
            known = AcceptedWith(offer.error_bound(len(left_out)), confidence, offer.looks, offer.wrong)
            self._accept(ids[present & taken], ids[~present & taken], known)
            self.show_tab()  # which says what an audit has to show now

        notes = {one: "present" if yes else "absent" for one, yes in zip(ids.tolist(), present.tolist(), strict=True)}
        self._sheets.open_offer(
            f"{finding_text(finding)}: suggestions to accept",
            ids,
            notes,
            f"at most {percent(offer.error_bound())} wrong, {level(confidence)} sure",
            Offered(finding, text, accept_all_but),
        )

    # -- switches --------------------------------------------------------------------------------------------------

    def set_hiding(self, hiding: bool) -> None:
        """Whether suggestions for an open image are hidden until the reader has answered."""
        self._session.preferences.settings.setValue("hide_suggestions", hiding)
        self._show_hidden()

    def show_profile(self, shown: bool) -> None:
        """Whether the profile stands beside an open image."""
        self._session.preferences.settings.setValue("profile", shown)
        self.profile.set_wanted(shown)
        self._asking.ask()

    def show_tab(self) -> None:
        """Brings the tab to the front."""
        self._frame.bring_to_front(self.tab)
        self.tab.setFocus()

    def colour_map(self) -> None:
        """Colours the map by what is suggested."""
        self._session.show_page("map")
        self._session.set_colour_by("suggestion")

    def target(self) -> float:
        """The share of right labels wanted for the finding."""
        project = self._session.project
        return target_of(project, self._session.finding) if project is not None else 0.0

    def set_target(self, share: float) -> None:
        """Chooses the share of right labels wanted for the finding."""
        if self._session.project is not None and abs(share - self.target()) > 1e-9:
            set_target(self._session.project, self._session.finding, share)
            self.ask_anew()

    # -- in words --------------------------------------------------------------------------------------------------

    def state_text(self) -> str:
        """What the suggestions for the finding are worth, or why there are none."""
        found = self.found()
        if self.trouble:
            return self.trouble
        if found is None:
            return "Preparing the images, once for this map…" if self.busy else ""
        told = [f"Suggestions from the saved probes {found.source}, made on other images."] if found.source else []
        if found.in_numbers:
            right = int(found.looks.right.sum())
            told.append(f"{len(found.looks):,} images were drawn at random and read: {right:,} came out as suggested.")
        else:
            told.append(found.reason)
        return " ".join(told)

    def profile_of(self, image_id: int) -> Mapping[str, Probability | TooFew]:
        """What is suggested for an image, by finding; empty for an image that is not on the map."""
        session = self._session
        if session.project is None or session.map is None:
            return {}
        row = int(np.searchsorted(session.map.image_ids, image_id))
        if row >= len(session.map.image_ids) or session.map.image_ids[row] != image_id:
            return {}
        alike = session.map.clusters == session.map.clusters[row]
        found: dict[str, Probability | TooFew] = {}
        counts = self._handful() if self._few_labels() else {}
        for finding in session.project.vocabulary.findings:
            suggestion = self.found(finding)
            if suggestion is None:
                found[finding] = TooFew(*counts.get(finding, (0, 0)), computing=self.busy)
            elif not suggestion.enough or suggestion.probabilities is None:
                found[finding] = TooFew(suggestion.present, suggestion.absent)
            else:
                probabilities = suggestion.probabilities
                mean = float(np.nanmean(probabilities[alike]))
                found[finding] = Probability(float(probabilities[row]), mean, suggestion.in_numbers)
        return found

    def _handful(self) -> dict[str, tuple[int, int]]:
        """Labels by finding, present and absent, where there are so few that nothing is asked."""
        project = self._session.project
        assert project is not None
        return answers_by_finding(project, self._session.reader)
