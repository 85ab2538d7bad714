"""The window's part that compares the map's encoder with another one on the open folder."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.comparing import (
    ALIKE,
    LabelComparison,
    SecondMap,
    compare_labels,
    embed_beside,
    lacking,
    left_out_text,
    map_beside,
    store_beside,
    summary,
)
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.errors import UserError
from cxr_explorer.labels.texts import images_text
from cxr_explorer.pace import Progress
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.map import TWO_ENCODERS
from cxr_explorer.ui.encoders.encoder_page import EncoderPage
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.workspaces import START
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.colouring import categories, cluster_looks
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.selection import NO_IDS, Target
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand

PAGE = "encoders"


class SecondEncoder(QObject, Part):
    """Analyses the folder with a second encoder beside the first, on demand, and shows both.

    On its page nothing is labelled: no film can be seen there well enough to be judged.
    """

    def __init__(self, frame: Frame, session: Session, runs: Runs, map_page: MapPage, dark: bool) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._runs = runs
        self.page = EncoderPage(session, dark)
        frame.add_page(PAGE, self.page, START)
        session.targets[PAGE] = lambda: Target(NO_IDS, "selection", None, "an image: open it first")
        self._making = Errand(self)
        self._comparing = Errand(self)
        self._others: list[EncoderInfo] = []
        self._other: EncoderInfo | None = None
        self._maps: dict[str, SecondMap] = {}
        self._drawn = -1  # number of the map at the left
        self._stale = True  # whether the findings are to be compared anew
        self._colour_by = "label"
        self._seen = False  # whether the page was shown when it was last looked
        page = self.page
        page.backWanted.connect(lambda: session.show_page("map"))
        page.encoderChosen.connect(self.choose)
        page.startWanted.connect(self.analyse)
        page.cancelWanted.connect(self.stop)
        page.useWanted.connect(self.use)
        page.colourChosen.connect(self._colour)
        page.findings.findingChosen.connect(self._recolour)
        map_page.toolChanged.connect(self._take_tool)
        self._take_tool(map_page.scatter.tool)
        session.currentChanged.connect(self._on_page)
        session.clustersChanged.connect(self._recolour)
        session.changed.connect(self._on_change)
        session.mapChanged.connect(self._forget)
        session.projectChanged.connect(self._forget)
        session.closing.connect(self.close_down)

    def verbs(self) -> Verbs:
        return {"compare_encoders": self.start}

    def states(self) -> dict[Need, bool]:
        return {TWO_ENCODERS: bool(self._others)}

    def show_keys(self) -> None:
        self.page.show_keys()

    def close_down(self) -> None:
        """Ends what runs; what was analysed is kept."""
        self._making.cancel()
        self._comparing.cancel()

    @property
    def _shown(self) -> bool:
        return self._session.page == PAGE

    # -- what is compared ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Shows both encoders, or the map again."""
        if not self._shown:
            self._look_for_others()  # one may have been added since
            if self._drawn >= 0 and self._other is not None:
                self.page.set_encoders(self._names()[0], self._others, self._other)
        self._session.show_page("map" if self._shown else PAGE)

    def choose(self, other: EncoderInfo) -> None:
        """Compares with another one."""
        if self._other is None or other.key != self._other.key:
            self.close_down()
            self._other, self._stale = other, True
            self._show()

    def _forget(self) -> None:
        """Another map or project: other films, other encoders."""
        self.close_down()
        self._maps.clear()
        self._stale = True
        self._look_for_others()
        self._clear()
        if self._shown:
            self._show()

    def _look_for_others(self) -> None:
        atlas_map, before = self._session.map, self._other
        try:
            known = self._session.preferences.encoders() if atlas_map is not None else ()
        except UserError as error:
            known = ()
            self._session.failed.emit(str(error))
        self._others = [info for info in known if atlas_map is not None and info.key != atlas_map.encoder_key]
        again = [info for info in self._others if before is not None and info.key == before.key]
        self._other = next(iter([*again, *self._others]), None)

    def _clear(self) -> None:
        self._drawn = -1
        self.page.first.show_points(NO_IDS, np.zeros((0, 2), np.float32))
        self.page.show_second(None)
        self.page.findings.show_waiting("")

    def _on_page(self) -> None:
        left, self._seen = self._seen and not self._shown, self._shown
        if left and self._making.active and self._other is not None:
            self._session.said.emit(
                f"The analysis with {self._other.name} goes on. Compare two encoders, under Map, shows how far it is."
            )
        if self._shown and self._session.map is not None and self._drawn != self._session.map.map_id:
            self._show()
        elif self._shown and self._stale:
            self._compare()

    def _show(self) -> None:
        """Brings the page in line with what is known."""
        session, other = self._session, self._other
        if session.map is None or other is None or session.project is None:
            self._clear()
            self.page.offer(f"Not now: {TWO_ENCODERS.missing}.", False)
            return
        if self._drawn != session.map.map_id:
            self._drawn = session.map.map_id
            self.page.first.show_points(session.map.image_ids, session.map.xy)
        self.page.set_encoders(self._names()[0], self._others, other)
        self._show_map()
        self._recolour()

    def _names(self) -> tuple[str, str]:
        assert self._session.map is not None and self._other is not None
        return self._session.map.encoder_key.rpartition("-")[0], self._other.name

    def _show_map(self) -> None:
        """The second map, or the way to it."""
        project, other = self._session.project, self._other
        assert project is not None and other is not None
        made = self._maps.get(other.key)
        if made is not None:
            self._show_made(made)
            return
        self.page.show_second(None)
        self.page.findings.show_waiting("")
        count = len(lacking(project, other.key))
        if not count:
            self._lay_out()
            return
        self.page.findings.show_waiting("Your findings are compared here once both encoders have analysed the films.")
        text = _to_analyse(count, other)
        if project.viewed:
            self.page.offer(f"{text} This project can only be looked at here.", False)
        else:
            more = "The files are read once more, which takes its time. Your map and your labels stay as they are."
            self.page.offer(f"{text}\n{more}", True)

    def _show_made(self, made: SecondMap) -> None:
        assert self._session.map is not None
        parts = [left_out_text(self._session.map.image_ids, made)]
        if made.shared is not None:
            parts.append(
                f"Of the {ALIKE} films most alike to a film, {made.shared:.1f} are the same with both encoders."
            )
        self.page.show_second(made, " ".join(filter(None, parts)))
        self._recolour()
        self._stale = True
        self._compare()

    # -- what runs -------------------------------------------------------------------------------------------------

    def analyse(self) -> None:
        """Analyses what the second encoder has not seen yet, then makes its map."""
        project, other = self._session.project, self._other
        if project is None or other is None or project.viewed:
            return

        def store(item: object) -> None:
            if isinstance(item, Batch):
                store_beside(project, other, item)

        self.page.show_progress(Progress("Loading the encoder"))
        self._making.run(
            *(embed_beside, project.path, other, self._session.preferences.device),
            done=lambda _: self._lay_out(),
            failed=self._tell_failed,
            heard=self.page.show_progress,
            arrived=store,
        )

    def _lay_out(self) -> None:
        project, other = self._session.project, self._other
        assert project is not None and other is not None
        self.page.show_progress(Progress("Laying out the map"))
        self._making.run(
            *(map_beside, project.path, other.key, self._runs.parameters(), self._session.preferences.device),
            done=self._take_map,
            failed=self._tell_failed,
            heard=self.page.show_progress,
        )

    def _take_map(self, made: SecondMap) -> None:
        assert self._other is not None
        self._maps[self._other.key] = made
        self._show_made(made)
        if not self._shown:
            self._session.said.emit(
                f"The map of {self._other.name} is made. Compare two encoders, under Map, shows it."
            )

    def _compare(self) -> None:
        """Compares the findings, where both maps are shown."""
        session, other = self._session, self._other
        if session.project is None or session.map is None or other is None or other.key not in self._maps:
            return
        self._stale = False
        self._comparing.run(
            *(compare_labels, session.project.path, (session.map.encoder_key, other.key), session.reader),
            done=self._take_findings,
            failed=self.page.findings.show_waiting,
            heard=self._show_comparing,
        )

    def _show_comparing(self, progress: Progress) -> None:
        far = f", {progress.done:,} of {progress.total:,}" if progress.total else " …"
        self.page.findings.show_waiting(progress.stage + far)

    def _take_findings(self, compared: LabelComparison) -> None:
        names = self._names()
        finding = self.page.findings.chosen or self._session.finding
        self.page.findings.show_findings(compared.findings, names, summary(compared, names), finding)
        self._recolour()

    def stop(self) -> None:
        """Stops the analysis, as the reader asked for."""
        self._making.cancel()
        self._session.said.emit("Stopped. What was analysed is kept; Analyse goes on from there.")
        self._offer_again()

    def _tell_failed(self, reason: str) -> None:
        self._session.failed.emit(reason)
        self._offer_again()

    def _offer_again(self) -> None:
        project, other = self._session.project, self._other
        if project is not None and other is not None:
            count = len(lacking(project, other.key))
            self.page.offer(_to_analyse(count, other) if count else f"{other.name}: the map is not made yet.", True)

    def use(self) -> None:
        """Makes the project's map with the second encoder, as if it were chosen under Settings."""
        session, other = self._session, self._other
        if other is None:
            return
        preferences = session.preferences
        chosen = preferences.encoder().key == other.key
        session.show_page("map")
        try:
            self._runs.choose(preferences.own_reader, other.directory, preferences.device)
            if chosen:
                self._runs.start_indexing()
        except UserError as error:
            session.failed.emit(str(error))

    # -- following the session -------------------------------------------------------------------------------------

    def _take_tool(self, tool: str) -> None:
        for one in (self.page.first, self.page.second):
            one.scatter.set_tool(tool)  # type: ignore[arg-type]

    def _on_change(self, change: Change) -> None:
        if change.labels or change.exclusions:
            self._stale = True
            if self._shown:
                self._compare()
        if change.marks and self._shown:
            self._recolour()

    def _colour(self, by: str) -> None:
        self._colour_by = by
        self._recolour()

    def _recolour(self) -> None:
        session, atlas_map = self._session, self._session.map
        if atlas_map is None or session.project is None or self._drawn != atlas_map.map_id:
            return
        by, entries = self._colour_by, []
        if by == "cluster":
            codes = cluster_looks(atlas_map.xy, atlas_map.partition)[atlas_map.partition.clusters]
        else:
            finding = self.page.findings.chosen or session.finding
            shown = (session.known_facts.column, by, finding, session.reader, session.labels.held)
            codes, names = categories(session.project, atlas_map, *shown)
            counts = np.bincount(codes + 1, minlength=len(names) + 1).tolist()
            entries = [(code, names[code], counts[code + 1]) for code in range(len(names)) if counts[code + 1]]
            entries += [(-1, "Not read", counts[0])] * bool(counts[0])
        self.page.colour_maps(by, atlas_map.image_ids, codes, entries)


def _to_analyse(count: int, other: EncoderInfo) -> str:
    return f"Still to be analysed by {other.name}: {images_text(count)}."
