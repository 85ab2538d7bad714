"""How far the reader has come: a tab at the left that counts while it is looked at."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QProgressBar, QPushButton, QVBoxLayout

from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.report.page import duration
from cxr_explorer.report.progress import PAUSE_S, WorkDone, work_of
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import text_label

PAUSE_MS = 700
"""Labels given in quick succession are counted once."""


class ProgressPanel(QFrame):
    """Counts in a child process whenever labels have changed and the tab is visible."""

    reportWanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._session = session
        self._errand = Errand(self)
        self._stale = True
        self._wait = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._wait.timeout.connect(self._count)
        self.heading = text_label("Progress", "heading", wraps=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedHeight(6)
        self._bar.setAccessibleName("Share of images labelled")
        self.unread = text_label("", "heading", wraps=True)
        self.details = text_label("", wraps=True)
        self.details.setToolTip(
            "Seen: judged one by one, read in an audit, opened full size, or shown on a contact sheet. A decision is "
            "one act; a judgement is one finding on one image. Time is counted from act to act; pauses over "
            f"{PAUSE_S // 60} minutes do not count."
        )
        self.list = QListWidget()
        self.list.setAccessibleName("Findings and clusters")
        self.list.setToolTip("Enter selects a cluster")
        self.list.setWordWrap(True)
        self.list.setSpacing(3)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._select)
        report = QPushButton("Report…")
        report.setToolTip(tooltip("report"))
        report.clicked.connect(self.reportWanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 8, 8)
        layout.setSpacing(8)
        for widget in (self.heading, self._bar, self.unread, self.details):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        layout.addWidget(report)
        session.projectChanged.connect(self._errand.cancel)
        for signal in (
            session.projectChanged,
            session.mapChanged,
            session.changed,
        ):
            signal.connect(self._on_change)

    def close_down(self) -> None:
        """Drops what is being counted."""
        self._wait.stop()
        self._errand.cancel()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._count()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._stale = self._stale or self._wait.isActive() or self._errand.active
        self.close_down()

    def _on_change(self) -> None:
        self._stale = True
        self._count_soon()

    def _count_soon(self) -> None:
        """A count that is due or under way is not put off: it would stand still for who answers without a pause."""
        if self.isVisible() and not self._wait.isActive() and not self._errand.active:
            self._wait.start()

    def _count(self) -> None:
        session = self._session
        if session.project is None:
            return
        self._stale = False
        self._errand.run(
            work_of,
            session.project.path,
            session.preferences.own_reader,
            done=self._on_counted,
            failed=self._session.said.emit,
        )

    def _on_counted(self, work: WorkDone) -> None:
        self.show_work(work)
        if self._stale:
            self._count_soon()

    def show_work(self, work: WorkDone) -> None:
        """Shows what was counted."""
        share = work.labelled / work.images if work.images else 0.0
        self.heading.setText(
            f"{work.labelled:,} of {work.images:,} images labelled ({percent(share)})".replace(" %", "\u00a0%")
        )
        self._bar.setRange(0, max(work.images, 1))
        self._bar.setValue(work.labelled)
        each = work.judgements / work.decisions if work.decisions else 0.0
        self.unread.setText(f"{_counted(work.unread, 'label')} given without reading each image")
        self.unread.setToolTip(
            f"Of {_counted(work.judgements, 'label')}, given in bulk or accepted as suggested. Only random audits say "
            "how many of them are right"
        )
        self.unread.setVisible(bool(work.unread))
        lines = [f"{work.looked_at:,} of {images_text(work.images)} seen"]
        if work.decisions:
            lines.append(f"{_counted(work.decisions, 'decision')}, {each:,.1f} judgements each")
        if work.active_s:
            lines.append(f"{duration(work.active_s)} of active time")
        self.details.setText("\n".join(lines))
        place = self.list.currentRow()
        self.list.clear()
        if work.findings:
            self._add_heading("Findings")
        for finding in work.findings:
            self._add(
                finding_text(finding.finding),
                f"{images_text(finding.images)}, {_counted(finding.decisions, 'decision')}",
                f"{finding.present:,} present, {finding.absent:,} absent, {finding.uncertain:,} uncertain\n"
                f"{finding.one_by_one:,} judged one by one, {finding.taken_over:,} taken over",
            )
        atlas_map = self._session.map
        if work.clusters:
            self._add_heading("Clusters")
        for cluster in work.clusters:
            known = atlas_map is not None and cluster.cluster < len(atlas_map.groups)
            item = self._add(
                atlas_map.cluster_name(cluster.cluster) if atlas_map is not None and known else "",
                f"{percent(cluster.labelled / cluster.images)} labelled, "
                f"{'⚠ only ' * cluster.barely_seen}{cluster.looked_at:,} of {cluster.images:,} seen",
                f"{cluster.labelled:,} of {images_text(cluster.images)} labelled. Enter selects them"
                + (f", {key_text('sheet')} then shows them on a contact sheet" if cluster.barely_seen else ""),
            )
            item.setData(Qt.ItemDataRole.UserRole, cluster.cluster)
        self.list.setCurrentRow(min(place, self.list.count() - 1))

    def _add(self, name: str, text: str, tip: str) -> QListWidgetItem:
        item = QListWidgetItem(f"{name}\n{text}")
        item.setToolTip(f"{name}: {tip}")
        self.list.addItem(item)
        return item

    def _add_heading(self, text: str) -> None:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = self.list.font()
        font.setBold(True)
        item.setFont(font)
        self.list.addItem(item)

    def _select(self, item: QListWidgetItem) -> None:
        cluster = item.data(Qt.ItemDataRole.UserRole)
        if cluster is not None:
            self._session.select_cluster(cluster)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
