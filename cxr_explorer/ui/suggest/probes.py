"""Saving what labels have taught, and using it in another folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.errors import UserError
from cxr_explorer.probes.probe_set import PREFIX, ProbeSet, load_probes, why_not
from cxr_explorer.project.file import probes_home
from cxr_explorer.project.suggestions import PROBES_SETTING
from cxr_explorer.suggesting import save_probe_set
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand

KIND = f"Probes ({PREFIX}*.json)"


class SavedProbes(QObject):
    """The verbs; saving goes on in a child process."""

    changed = Signal()
    """Others are used, or none."""

    def __init__(self, frame: Frame, session: Session) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._errand = Errand(self)
        self._session.closing.connect(self._errand.cancel)
        self._session.projectChanged.connect(self._look_for)

    @property
    def used(self) -> str:
        """Path of the saved probes that the project uses; empty for none."""
        project = self._session.project
        return project.get(PROBES_SETTING) if project is not None else ""

    def save(self) -> None:
        """Asks for a name, then fits and saves the probes of all findings."""
        session = self._session
        if session.project is None or self._errand.active:
            return
        home = probes_home()
        home.mkdir(parents=True, exist_ok=True)
        offered = str(home / f"{PREFIX}{session.project.path.stem}.json")
        chosen, _ = QFileDialog.getSaveFileName(self._frame, "Save probes", offered, KIND)
        if not chosen:
            return
        path = Path(chosen)
        name = path.stem.removeprefix(PREFIX)
        self._errand.run(
            *(save_probe_set, session.project.path, path.parent, name, session.reader),
            done=self._tell_saved,
            failed=session.failed.emit,
        )
        session.said.emit("Fitting the probes…")

    def load(self) -> None:
        """Asks for saved probes, and uses them for findings with too few labels here."""
        project, atlas = self._session.project, self._session.map
        if project is None or atlas is None:
            return
        chosen, _ = QFileDialog.getOpenFileName(self._frame, "Use saved probes", str(probes_home()), KIND)
        if not chosen:
            return
        try:
            probes = load_probes(Path(chosen))
            if probes.encoder_key != atlas.encoder_key:
                raise UserError(
                    why_not(probes, f"the map shows {atlas.encoder_key}", "Choose that encoder under Settings first.")
                )
        except UserError as error:
            self._session.failed.emit(str(error))
            return
        self._use(chosen)
        known = ", ".join(f"{one.finding} (AUROC {one.auroc:.2f})" for one in probes.probes)
        self._session.said.emit(
            f"Probes {probes.name}: {known}, on held-out answers, which are harder than most images"
        )

    def forget(self) -> None:
        """Suggests from this project's labels alone."""
        self._use("")
        self._session.said.emit("Suggestions come from this project's labels alone.")

    def _use(self, path: str) -> None:
        assert self._session.project is not None
        self._session.project.set(PROBES_SETTING, path)
        self.changed.emit()

    def _look_for(self) -> None:
        if self.used and not Path(self.used).is_file():
            self._session.said.emit(f"The saved probes {self.used} are gone: only labels made here suggest anything.")

    def _tell_saved(self, answer: tuple[Path, ProbeSet]) -> None:
        path, probes = answer
        few = f"; too few labels for {', '.join(probes.too_few)}" if probes.too_few else ""
        findings = f"{len(probes.probes)} finding{'' if len(probes.probes) == 1 else 's'}"
        self._session.said.emit(f"Probes of {findings} saved as {path}{few}")
