"""Contact sheets of a cluster or a selection, and the lists of outliers and near-duplicates on the same page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.atlas.sheets import KINDS, ordered, outliers
from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.project import labelling
from cxr_explorer.project.labelling import OPPOSITE
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.search.duplicates import duplicates
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.sheets import ODD
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.workspaces import SHEET
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.gallery.tile import Mark
from cxr_explorer.ui.labelling.label_panel import apply_text
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.selection import NO_IDS, Ranking, Selection, Target
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.sheets.lists import to_come_back_to
from cxr_explorer.ui.sheets.sheet_page import SheetPage

PAGE = "sheet"

OFFER = "offer"
"""Key of the looks at suggestions before they are accepted, see `record_looks`."""

OUTLIERS_LISTED = 200
"""The list of outliers is read from its top; nobody reads further."""

KIND_TEXTS = {"found": "As found", "typical": "Typical", "edge": "Edge", "random": "Random", "unsure": "Least sure"}


def exceptions(count: int) -> str:
    """ "1 exception", "3 exceptions"."""
    return f"{count:,} exception{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Offered:
    """Suggestions to look through before they are accepted.

    Attributes:
        finding: What is suggested.
        text: What Enter does with so many of them left out, in words.
        accept: Does it, without the ids left out.
    """

    finding: str
    text: Callable[[int], str]
    accept: Callable[[Ids], None]


@dataclass
class _Sheet:
    """What is on the page.

    Attributes:
        title: In words ("Cluster 4").
        key: For the record of looks, see `record_looks`.
        orders: The images in the order of each kind of pages.
        one_by_one: Whether labels go to the current image alone: a list of images that have nothing in common.
        about: What the heading says of them besides their number.
        hint: What there is to know of the list, for the line at the foot.
        kind: The kind shown; first the first.
        positions: Where the reader was in the other kinds.
        odd: Images that do not belong with the others.
        offered: For suggestions to be accepted; None for all other sheets.
    """

    title: str
    key: str
    orders: dict[str, Ids]
    one_by_one: bool = False
    about: str = ""
    hint: str = ""
    kind: str = ""
    positions: dict[str, int] = field(default_factory=dict)
    odd: set[int] = field(default_factory=set)
    offered: Offered | None = None

    def __post_init__(self) -> None:
        self.kind = self.kind or next(iter(self.orders))

    @property
    def together(self) -> bool:
        """Whether a label goes to all of the images but the odd ones."""
        return not self.one_by_one and self.offered is None

    @property
    def ids(self) -> Ids:
        return self.orders[self.kind]

    @property
    def odd_ids(self) -> Ids:
        return np.array(sorted(self.odd), np.int64)


class Sheets(QObject, Part):
    """The page and its verbs."""

    def __init__(
        self,
        frame: Frame,
        session: Session,
        seen: Seen,
        judging: Judging,
        gallery_panel: GalleryPanel,
        reading: Reading,
    ) -> None:
        super().__init__(frame)
        self._judging = judging
        self._seen = seen
        self._gallery_panel = gallery_panel
        self._one_by_one = reading
        self._session = session
        self._sheet: _Sheet | None = None
        self._selection: Selection | None = None
        self._kept: dict[bytes, set[int]] = {}
        self.page = SheetPage(self._session.thumbnails, self._mark)
        frame.add_page(PAGE, self.page, SHEET)
        self._session.targets[PAGE] = self._target
        grid = self.page.grid
        grid.set_tile_size(int(str(self._session.preferences.settings.value("sheet_tile_px", grid.tile_size))))
        grid.currentChanged.connect(self._session.set_current)
        grid.pageChanged.connect(self._on_page)
        grid.seen.connect(self._on_seen)
        grid.oddWanted.connect(self.set_aside)
        grid.kindWanted.connect(self.step_kind)
        grid.labelWanted.connect(self.label)
        grid.activated.connect(lambda _id: self._session.view_image(True))
        self.page.kindChosen.connect(self.show_kind)
        self.page.labelWanted.connect(self.label)
        self.page.keysChanged.connect(self._refresh)
        self._session.projectChanged.connect(self._on_project)
        self._session.mapChanged.connect(self._close)
        self._session.selectionChanged.connect(self._on_selection)
        self._session.currentChanged.connect(self._on_current)
        self._session.targetChanged.connect(self._refresh)
        self._session.changed.connect(lambda change: grid.refresh_marks() if change.shown else None)

    def show_keys(self) -> None:
        self.page.show_keys()

    def verbs(self) -> Verbs:
        return {
            "sheet": self.open_sheet,
            "outliers": self.open_outliers,
            "duplicates": self.open_duplicates,
            "flagged": self.open_flagged,
            "exclude_odd": self.exclude_odd,
            "exclude": self.set_aside,
        }

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        return {ODD: self._session.page == PAGE and self._sheet is not None and bool(self._sheet.odd)}

    @property
    def leads(self) -> bool:
        """Whether the sheet's order is the one to go through images in: it is shown, or an image opened from it."""
        session = self._session
        return self._sheet is not None and (
            session.page == PAGE or (session.viewing_image and session.page_behind == PAGE)
        )

    # -- verbs: what to show ---------------------------------------------------------------------------------------

    def open_sheet(self) -> None:
        """A contact sheet of the selected cluster or images."""
        session, atlas_map = self._session, self._session.map
        selection = session.selection
        ids = selection.ids
        if atlas_map is None or not ids.size:
            session.said.emit("Nothing is selected: choose a cluster, or draw around images on the map, for a sheet.")
            return
        rows = np.searchsorted(atlas_map.image_ids, ids)
        orders: dict[str, Ids] = {kind: ordered(kind, ids, atlas_map.typicality[rows]) for kind in KINDS}
        if selection.ranking is not None:
            orders = {"found": selection.ranking.ids[np.isin(selection.ranking.ids, ids)], **orders}
        title, key = "Selection", "selection"
        if selection.cluster is not None:
            title, key = atlas_map.cluster_name(selection.cluster), str(atlas_map.identity(selection.cluster))
        elif selection.clusters:
            title = f"{len(selection.clusters)} clusters"
        elif selection.ranking is not None:
            title = selection.ranking.title
        if session.filter is not None:
            title += f", only {session.filter.text}"
        before, position = self._sheet if session.page == PAGE else None, self.page.grid.position
        self._show(_Sheet(title, key, orders, odd=self._kept.setdefault(ids.tobytes(), set())))
        if before is not None and before.orders.keys() == orders.keys() and np.array_equal(np.sort(before.ids), ids):
            self.show_kind(before.kind)  # the same images under another name: the reader stays where they were
            self.page.grid.step(position - self.page.grid.position)

    def open_outliers(self) -> None:
        """The images that lie the most alone on the map, to be read one by one."""
        atlas_map, project = self._session.map, self._session.project
        if atlas_map is None or project is None:
            return
        within = atlas_map.image_ids if self._session.filter is None else self._session.filter.ids
        excluded = np.isin(atlas_map.image_ids, self._session.labels.excluded_ids())
        listed = np.isin(atlas_map.image_ids, within) & ~excluded
        ids, scores = outliers(atlas_map.image_ids[listed], atlas_map.outlier[listed], OUTLIERS_LISTED)
        out = int(excluded.sum())
        about = f"most alone of {len(atlas_map.image_ids):,} first" + (f", without {out:,} excluded" if out else "")
        ranking = Ranking(
            ids,
            "Most alone first",
            "Outliers",
            {image_id: f"{score:.2f}" for image_id, score in zip(ids.tolist(), scores.tolist(), strict=True)},
            "Outlier score (GLOSH, 0 to 1):",
        )
        empty = "No outliers: the map has one cluster, in which no image stands apart."
        if out:
            empty = "No outliers besides images that are excluded already."
        self.show_list(ranking, "outliers", about, "On the tiles: the outlier score, 1 at most.", empty)

    def open_duplicates(self) -> None:
        """Copies of a file and pictures that are nearly the same, group by group, to be read one by one."""
        atlas_map, project = self._session.map, self._session.project
        if atlas_map is None or project is None:
            return
        alike = duplicates(project, atlas_map)
        notes = {
            image_id: f"{group + 1} · {'same file' if same else percent(share)}"
            for image_id, group, share, same in zip(
                alike.image_ids.tolist(),
                alike.group.tolist(),
                alike.share.tolist(),
                alike.same_file.tolist(),
                strict=True,
            )
        }
        copies = len(np.unique(alike.group[alike.same_file]))
        about = f"{alike.groups:,} group{'' if alike.groups == 1 else 's'}, {copies:,} with equal files"
        hint = "On the tiles: the group, and the distance to the nearest in it, in % of the usual distance."
        if not alike.pictures:
            hint = "Only files were compared: make the map anew to compare the pictures as well."
        self.show_list(
            Ranking(
                alike.image_ids,
                "Group by group",
                "Near-duplicates",
                notes,
                "Group, and distance to the nearest in it, in % of the usual distance:",
            ),
            "duplicates",
            about,
            hint,
            "No near-duplicates: no two files are equal"
            + (", and no two pictures are nearly the same." if alike.pictures else f". {hint}"),
        )

    def open_flagged(self) -> None:
        """The images that the reader wants to come back to, to be read one by one."""
        session = self._session
        if session.map is not None and session.project is not None:
            ranking, about = to_come_back_to(session.project, session.map, session.reader)
            hint, key = f"{key_text('come_back')} takes the flag away.", key_text("come_back")
            empty = f"No images to come back to: {key} flags the one you are on."
            self.show_list(ranking, "flagged", about, hint, empty)

    def open_offer(self, title: str, ids: Ids, notes: Mapping[int, str], about: str, offered: Offered) -> None:
        """Suggestions to look through, the least sure first or in random order; Enter accepts all but the odd ones.

        Args:
            title: In words.
            ids: Least sure first.
            notes: What is suggested, by id.
            about: What is known of their errors.
            offered: See Offered.
        """
        orders = {"unsure": ids, "random": ordered("random", np.sort(ids), np.zeros(len(ids), np.float32))}
        sheet = _Sheet(title, OFFER, orders, about=about, offered=offered)
        self._show(sheet, Ranking(ids, "Least sure first", title, notes, "Suggested:"))

    def show_list(self, ranking: Ranking, key: str, about: str, hint: str, empty_text: str) -> None:
        """Shows images that were found all over the map; they become the selection, so that the map shows where."""
        self.page.grid.set_empty_text(empty_text)
        kept, ids, title = self._session.filter, ranking.ids, ranking.title
        if kept is not None:
            ids, title = ids[np.isin(ids, kept.ids)], f"{title}, only {kept.text}"
        self._show(_Sheet(title, key, {"found": ids}, True, about, hint), ranking)

    def _show(self, sheet: _Sheet, ranking: Ranking | None = None) -> None:
        """Puts a sheet on the page; a ranking is selected once the page says that labels go to one image alone."""
        session = self._session
        if session.picked.size:
            self._gallery_panel.gallery.set_picked(NO_IDS)
        self._sheet, self._selection = sheet, None
        self.page.set_kinds({kind: KIND_TEXTS[kind] for kind in sheet.orders}, sheet.kind)
        self.page.grid.set_images(sheet.ids)
        session.show_page(PAGE)
        if ranking is not None and sheet.ids.size:
            session.select_ranked(ranking)
            self.page.grid.refresh_marks()  # the ranking brings notes
        self._selection = session.selection
        session.set_current(self.page.grid.current_id)
        session.show_target()

    def show_kind(self, kind: str) -> None:
        """Typical, edge or random pages; each kind is taken up where the reader left it."""
        sheet, grid = self._sheet, self.page.grid
        if sheet is None or kind not in sheet.orders or kind == sheet.kind:
            return
        sheet.positions[sheet.kind] = grid.position
        sheet.kind = kind
        self.page.set_kinds({each: KIND_TEXTS[each] for each in sheet.orders}, kind)
        grid.set_images(sheet.ids, sheet.positions.get(kind, 0))
        self._refresh()

    def step_kind(self, by: int) -> None:
        """The next or previous kind of pages, round and round."""
        if self._sheet is not None:
            kinds = list(self._sheet.orders)
            self.show_kind(kinds[(kinds.index(self._sheet.kind) + by) % len(kinds)])

    def step(self, by: int) -> None:
        """The next or previous image in the sheet's order."""
        self.page.grid.step(by)

    # -- verbs: what to do -----------------------------------------------------------------------------------------

    def set_aside(self) -> None:
        """On a contact sheet: marks the current image as odd, or no longer. Elsewhere: excludes what is picked."""
        sheet, session = self._sheet, self._session
        if sheet is None or session.page != PAGE or sheet.one_by_one:
            self._judging.toggle_excluded()
            return
        sheet.odd ^= {self.page.grid.current_id}
        self.page.grid.refresh_marks()
        session.show_target()

    def exclude_odd(self) -> None:
        """Excludes the odd ones from bulk labels for good: the project's mark, which outlives the sheet."""
        sheet, session = self._sheet, self._session
        if sheet is None or session.project is None or not sheet.odd:
            return
        odd = sheet.odd_ids
        sheet.odd.clear()
        session.acts.tell(labelling.exclude(session.project, odd, True, session.reader), "They are excluded already.")
        self.page.grid.refresh_marks()

    def label(self, turn: bool = False) -> None:
        """Labels as the button says; with `turn` the odd ones get the opposite, in the same act."""
        sheet, session = self._sheet, self._session
        if sheet is None or session.project is None or session.page != PAGE:
            return
        if sheet.offered is not None:
            if not turn:
                sheet.offered.accept(sheet.odd_ids)
                self._close()
            return
        if not turn:
            self._judging.label_target()
            if sheet.one_by_one:
                self.step(1)
            return
        if not sheet.odd or session.value not in OPPOSITE or sheet.one_by_one:
            session.said.emit(self.page.turned.toolTip())
            return
        judgement = self._judging.judgement_of(self._target())
        change = labelling.label_except(session.project, sheet.ids, sheet.odd_ids, judgement, turn=True)
        session.acts.tell(change, "Nothing changed: all of these images carry these labels already, or are excluded.")

    # -- following -------------------------------------------------------------------------------------------------

    def _target(self) -> Target:
        """Whom a label goes to while the page is shown."""
        sheet = self._sheet
        if sheet is None:
            return Target(NO_IDS, "selection", None, "nothing")
        if not sheet.together:
            current = self.page.grid.current_id
            ids = np.array([current], np.int64) if current >= 0 else NO_IDS
            return Target(ids, "single", None, "the framed image")
        whole = self._session.selection_target()
        if not sheet.odd:
            return whole
        ids = whole.ids[~np.isin(whole.ids, sheet.odd_ids, assume_unique=True)]
        return Target(ids, whole.how, whole.cluster, f"{whole.text} without {exceptions(len(sheet.odd))}")

    def _on_project(self) -> None:
        self._kept.clear()
        self._close()

    def _close(self) -> None:
        """Another project, map or division: what was on the page is gone. Odd marks of the same images are kept."""
        self._sheet = self._selection = None
        self.page.grid.set_images(NO_IDS)
        if self._session.page == PAGE:
            self._session.show_page("map")

    def _on_selection(self) -> None:
        session, sheet = self._session, self._sheet
        if sheet is None or self._selection in (None, session.selection) or not self.leads:
            return
        if session.page != PAGE:  # an image is open: closing it leads to the map
            self._sheet = None
            session.forget_page_behind()
        elif session.selection.ids.size and sheet.together:
            self.open_sheet()
        else:
            self._sheet = None
            session.show_page("map")

    def _on_current(self) -> None:
        session = self._session
        if self.leads:
            self.page.grid.set_current(session.current_id)

    def _on_page(self) -> None:
        self._session.preferences.settings.setValue("sheet_tile_px", self.page.grid.tile_size)
        self._refresh()

    def _on_seen(self, ids: Ids) -> None:
        if self._sheet is not None and self._session.page == PAGE:
            self._seen.note_sheet(self._sheet.key, ids)
            self._refresh()

    def _mark(self, image_id: int) -> Mark:
        return self._gallery_panel.mark(image_id, self._sheet is not None and image_id in self._sheet.odd)

    def _refresh(self) -> None:
        """Brings heading and buttons in line."""
        sheet, session, page = self._sheet, self._session, self.page
        if sheet is None or session.page != PAGE or session.project is None:
            return
        if sheet.offered is not None and sheet.offered.finding != session.finding:
            self._close()  # they answer another question
            return
        finding = finding_text(session.finding)
        parts = [sheet.title, images_text(len(sheet.ids)), *([sheet.about] if sheet.about else [])]
        where = f"page {page.grid.page + 1:,} of {page.grid.pages:,}"
        parts.append(where if sheet.one_by_one else f"{KIND_TEXTS[sheet.kind].lower()}, {where}")
        if sheet.offered is not None:
            parts.append(f"{len(sheet.odd):,} left out")
        elif sheet.together:
            parts.append(f"{finding}: {exceptions(len(sheet.odd))}")
        page.heading.setText("  ·  ".join(parts))
        page.turned.setVisible(sheet.together)
        page.hint.setVisible(bool(sheet.ids.size))
        space = key_text("exclude")
        if sheet.offered is not None:
            text = sheet.offered.text(len(sheet.odd))
            page.rest.say(f"Enter    {text}", f"{text} (Enter)")
            page.rest.setEnabled(len(sheet.odd) < len(sheet.ids))
            page.hint.setText(
                f"On the tiles: what is suggested. {space} leaves the framed image out. Tab: random order. "
                f"Page up and down: pages. {key_text('back')}: back, nothing is accepted."
            )
            return
        target, plan = self._target(), self._judging.plan()
        seen = self._seen.count_in(target.ids), target.ids.size
        text = "There is nothing to label"
        if sheet.ids.size:
            text = apply_text(finding, session.value, target.text, plan, None if sheet.one_by_one else seen)
        if sheet.one_by_one:
            text = text.replace("on 1 image", "on the framed image")
        if sheet.odd:
            text += f"; leaves {exceptions(len(sheet.odd))} unlabelled"
        page.rest.say(f"Enter    {text}", f"{text} (Enter, or {key_text('apply')})")
        page.rest.setEnabled(plan is not None and plan.images > 0)
        self._refresh_turned(sheet, session.project, finding)
        page.hint.setText(
            f"{space} excludes the framed image from bulk labels. Enter goes on to the next. {sheet.hint}"
            if sheet.one_by_one
            else f"{space} marks the framed image as an exception, for this sheet only; {key_text('exclude_odd')} "
            "excludes the exceptions for good. Tab: typical, edge, random pages. Page up and down: pages."
        )

    def _refresh_turned(self, sheet: _Sheet, project: Project, finding: str) -> None:
        button, session = self.page.turned, self._session
        opposite = OPPOSITE.get(session.value) if session.value is not None else None
        if opposite is None:
            text = "exceptions: only present and absent have an opposite"
        elif not sheet.odd:
            text = f"exceptions = {VALUE_WORDS[opposite]}: none is marked"
        else:
            plan = labelling.plan_label(project, sheet.odd_ids, session.finding, opposite, session.reader)
            said = apply_text(finding, opposite, "the exceptions", plan)
            text = f"the same, and {said}, as read individually" if plan.images else f"the same; {said}"
        button.say(f"Shift+Enter    {text}", text)
        button.setEnabled(opposite is not None and bool(sheet.odd))
