"""The child process that holds a map's features: what is asked of it, and what it has answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.errors import UserError
from cxr_explorer.project.audits.standing import FindingStanding
from cxr_explorer.suggesting import Question, StandingQuestion, Suggestion, converse
from cxr_explorer.ui.session.session import Session
from cxr_explorer.worker import Conversation, JobCrashed, JobFailed

Asked = Question | StandingQuestion

REST_MS = 300
"""How long labels have to rest before questions are asked anew."""


class SuggestionChild(QObject):
    """Asks what somebody wants to know, one question at a time, and keeps the answers.

    An answer is fresh until labels change; an older one is kept until the next has come.
    """

    changed = Signal()
    answered = Signal(object)  # the question
    failed = Signal(str)

    def __init__(self, session: Session, wanted: Callable[[], Sequence[Asked]]) -> None:
        """`wanted` says what is to be known now, most urgent first."""
        super().__init__(session)
        self._session = session
        self._wanted = wanted
        self._talk: Conversation | None = None
        self._asked: Asked | None = None
        self._asked_at = 0
        self._changes = 0
        self.fresh: set[Asked] = set()
        self.suggestions: dict[Question, Suggestion] = {}
        self.standings: dict[StandingQuestion, FindingStanding] = {}
        self._poll = QTimer(self, interval=30)
        self._poll.timeout.connect(self._receive)
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self.ask)

    @property
    def busy(self) -> bool:
        """Whether a question is being answered."""
        return self._asked is not None

    def ask(self) -> None:
        """Asks the first thing that is wanted and not known; the next one when it is answered."""
        if self.busy or self._session.project is None or self._session.map is None:
            return
        question = next((one for one in self._wanted() if one not in self.fresh), None)
        if question is None:
            return
        if self._talk is None:
            self._talk = Conversation(converse, self._session.project.path)
        self._asked, self._asked_at = question, self._changes
        self._talk.send(question)
        self._poll.start()
        self.changed.emit()

    def ask_anew(self) -> None:
        """Labels have changed: nothing is fresh any more, and what is wanted is asked when they rest."""
        self._changes += 1
        self.fresh.clear()
        self._rest.start()

    def forget(self) -> None:
        """Ends the child process and forgets all answers."""
        self.end()
        self.fresh.clear()
        self.suggestions.clear()
        self.standings.clear()

    def end(self) -> None:
        """Ends the child process; the next question starts another one."""
        self._poll.stop()
        self._rest.stop()
        self._asked = None
        if self._talk is not None:
            self._talk.cancel()
            self._talk = None

    def _receive(self) -> None:
        assert self._talk is not None
        try:
            items = self._talk.receive(0)
        except (UserError, JobCrashed, JobFailed) as error:
            self.end()
            self.failed.emit("a bug in the program." if isinstance(error, JobFailed) else str(error))
            if isinstance(error, JobFailed):
                raise
            return
        for item in items:
            question, self._asked = self._asked, None
            assert question is not None
            self._poll.stop()
            if self._asked_at == self._changes:
                self.fresh.add(question)
            if isinstance(question, StandingQuestion):
                self.standings[question] = item
            else:
                self.suggestions[question] = item
            self.answered.emit(question)
            self.ask()
