"""Draws the pictures of the README and of resources/docs from the demo set.

    python packaging/screenshots.py               all of them
    python packaging/screenshots.py show_film     those of one scene, or of some

Nothing real is shown: every radiograph in them is simulated.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from cxr_explorer.assets import asset
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.main_window import MainWindow

SIZE = (1600, 900)


class Stage:
    """The window on the demo set, and what it takes to bring it into a state and keep a picture of it."""

    def __init__(self, window: MainWindow, application: QApplication) -> None:
        self.window = window
        self.session = window.session
        self._application = application

    def wait(self, until: Callable[[], bool], limit_s: float = 600) -> None:
        """Lets the window work until something holds."""
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            self._application.processEvents()
            time.sleep(0.002)

    def settle(self, seconds: float = 2) -> None:
        """Lets thumbnails and answers arrive."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > end)

    def save(self, name: str) -> None:
        """Keeps a picture of the window."""
        self.settle()
        keep(self.window, name)

    def save_dialog(self, name: str, run: Callable[[], object], accept: bool = False, after_ms: int = 1500) -> None:
        """Opens a dialog, keeps a picture of it unless it has no name, and closes it."""

        def grab() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QDialog):
                QTimer.singleShot(50, grab)
                return
            if name:
                keep(dialog, name)
            if accept:
                dialog.accept()
            else:
                dialog.reject()

        QTimer.singleShot(after_ms, grab)
        run()

    def labelled(self, finding: str) -> dict[int, bool]:
        """What the demo set says of its images."""
        import csv

        project = self.session.project
        assert project is not None
        with (project.folder / "truth.csv").open(newline="") as stream:
            truth = {row["Image Index"]: finding in row["Finding Labels"] for row in csv.DictReader(stream)}
        return {number: truth[path] for number, path in project.paths().items() if path in truth}


def keep(widget: QWidget, name: str) -> None:
    """Saves what a widget shows, in all its colours: with fewer the clusters' colours run into one another."""
    path = Path(asset("docs", name))
    widget.grab().save(str(path))
    Image.open(path).convert("RGB").save(path, optimize=True)


def show_map(stage: Stage) -> None:
    window, session = stage.window, stage.session
    assert session.map is not None
    session.select_cluster(1)
    window.labelling.label_finding(0, 1)
    session.select_cluster(3)
    window.labelling.label_finding(2, 1)
    session.select_cluster(2)
    stage.save("window-dark.png")
    window.appearance.use_light(True)
    session.set_colour_by("label")
    session.set_order("edge")
    stage.save("window-light.png")
    window.appearance.use_light(False)
    session.set_colour_by("cluster")
    session.set_order("typical")


def show_image(stage: Stage) -> None:
    session = stage.session
    assert session.project is not None and session.map is not None
    paths = session.project.paths()
    films = [i for i, facts in session.facts.items() if facts.get("view") == "PA" and paths[i].endswith(".dcm")]
    session.select(session.map.image_ids, "selection")
    session.set_current(films[0])
    stage.window.open_image()
    stage.save("image.png")
    session.show_page("map")


def show_clusters(stage: Stage) -> None:
    window = stage.window
    window.cluster_work.finer()
    window.clusters.choose_row(0)
    window.cluster_work.split()
    stage.save("clusters.png")
    stage.session.acts.undo()
    stage.session.acts.undo()


def show_sheet(stage: Stage) -> None:
    window, session = stage.window, stage.session
    session.set_judgement("Effusion", Value.ABSENT)
    session.select_cluster(1)
    window.sheets.open_sheet()
    grid = window.sheets.page.grid
    grid.step(1)
    window.sheets.set_aside()
    grid.step(4)
    window.sheets.set_aside()
    stage.save("contact-sheet.png")
    window.sheets.open_outliers()
    stage.save("outliers.png")
    session.show_page("map")


def show_suggestions(stage: Stage) -> None:
    window, session = stage.window, stage.session
    session.clear_selection()
    session.set_judgement("Effusion", Value.PRESENT)
    truth = stage.labelled("Effusion")
    window.suggest.read_next()
    stage.wait(lambda: window.reading.active)
    stage.save("read-next.png")
    for _ in range(180):  # a quarter of them drawn at random: with fewer nothing could be accepted
        stage.wait(lambda: not window.reading.is_waiting())
        stage.wait(lambda: not session.why_unseen())
        window.reading.answer(Value.PRESENT if truth[session.current_id] else Value.ABSENT)
    window.reading.stop()
    window.suggest.show_tab()
    window.suggest.colour_map()
    stage.settle(4)
    stage.wait(lambda: not window.suggest.busy)
    stage.save("suggestions.png")
    stage.save_dialog("accept.png", window.suggest.accept_bulk, accept=True)
    assert session.project is not None
    read = label_columns.label_column(session.project, "Effusion", session.reader).image_ids
    session.set_current(int(read[5]))  # of one that was not answered the profile is hidden
    session.view_image(True)
    stage.settle(4)
    stage.wait(lambda: not window.suggest.busy)
    stage.save("profile.png")
    session.show_page("map")
    session.set_colour_by("cluster")


def show_audit(stage: Stage) -> None:
    window, session = stage.window, stage.session
    truth = stage.labelled("Effusion")
    session.set_judgement("Effusion", Value.PRESENT)
    session.clear_selection()
    stage.save_dialog("audit-plan.png", window.audit.start, accept=True)
    stage.wait(lambda: window.reading.active)
    stage.save("audit-reading.png")
    while window.reading.active:
        stage.wait(lambda: not session.why_unseen())
        window.reading.answer(Value.PRESENT if truth[session.current_id] else Value.ABSENT)
    window.audit.show_list()
    stage.save("audit-outcome.png")


def show_finding(stage: Stage) -> None:
    window, session = stage.window, stage.session
    window.side.setCurrentIndex(0)
    session.select_cluster(1)
    session.set_current(int(session.ordered_ids()[0]))
    window.finder.similar()
    stage.save("similar.png")
    window.finder.search()
    window.finder.bar.line.setText("view:PA label:Effusion")
    stage.save("search.png")
    window.finder.bar.line.clear()
    session.select_cluster(1)
    session.set_current(int(session.ordered_ids()[0]))
    window.compare.start()
    stage.wait(lambda: all(pane.picture.has_picture for pane in window.compare.page.panes), 60)
    stage.save("compare.png")
    session.show_page("map")


def show_readers(stage: Stage) -> None:
    window, session = stage.window, stage.session
    assert session.project is not None and session.map is not None
    truth = stage.labelled("Effusion")
    for number, reader in enumerate(("AB", "CD")):
        chance = np.random.default_rng(number)
        for value in (Value.PRESENT, Value.ABSENT):
            chosen = [i for i, present in truth.items() if (present != (chance.random() < 0.06)) == bool(value)]
            judgement = Judgement("Effusion", value, reader, "single")
            session.acts.tell(labelling.label(session.project, np.array(chosen[:150], np.int64), judgement), "")
    stage.save_dialog("agreement.png", window.readers.show_agreement)


def show_suspects(stage: Stage) -> None:
    stage.window.session.set_judgement("Effusion", Value.PRESENT)
    stage.save_dialog("suspects.png", stage.window.suspects.find, after_ms=15_000)


def show_encoders(stage: Stage) -> None:
    window, session = stage.window, stage.session
    assert session.project is not None
    for finding in ("Cardiomegaly", "Pneumothorax"):
        truth = stage.labelled(finding)
        for value in (Value.PRESENT, Value.ABSENT):
            chosen = [image_id for image_id, present in truth.items() if present == bool(value)]
            judgement = Judgement(finding, value, session.reader, "single")
            session.acts.tell(labelling.label(session.project, np.array(chosen, np.int64), judgement), "")
    session.set_judgement("Cardiomegaly", Value.PRESENT)
    session.select_cluster(2)
    window.actions_by_name["compare_encoders"].trigger()
    window.second_encoder.analyse()
    stage.wait(lambda: len(window.second_encoder.page.second.image_ids) > 0)
    stage.wait(lambda: not window.second_encoder._comparing.active)
    stage.save("two-encoders.png")
    session.show_page("map")


def show_facts(stage: Stage) -> None:
    window, session = stage.window, stage.session
    session.filtering.set((fact_is("folder", "site-a"),))
    session.select_cluster(0)
    stage.save("filter-and-warning.png")
    session.filtering.clear()
    window.progress_report.show_progress()
    stage.settle(3)
    stage.save("progress.png")
    window.side.setCurrentIndex(0)


def show_comfort(stage: Stage) -> None:
    stage.save_dialog("keyboard.png", stage.window.guide.show_help)


class Film:
    """Pictures of the window one after another, each with a line below it that says what is done."""

    WINDOW = (1366, 768)
    SIZE = (1120, 630)
    LINE_PX = 40

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._frames: list[Image.Image] = []
        self._shown_ms: list[int] = []

    def take(self, words: str, shown_ms: int = 1800, settle_s: float = 1.5) -> None:
        """Takes a picture of the window."""
        self._stage.settle(settle_s)
        grabbed = self._stage.window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        pixels = np.frombuffer(grabbed.constBits(), np.uint8).reshape(grabbed.height(), grabbed.bytesPerLine())
        picture = Image.fromarray(pixels[:, : 3 * grabbed.width()].reshape(grabbed.height(), grabbed.width(), 3))
        width, height = self.SIZE
        frame = Image.new("RGB", (width, height + self.LINE_PX), "#14171c")
        frame.paste(picture.resize(self.SIZE, Image.Resampling.LANCZOS))
        ImageDraw.Draw(frame).text((16, height + 8), words, "#f0f2f5", ImageFont.load_default(20))
        self._frames.append(frame)
        self._shown_ms.append(shown_ms)

    def save(self, name: str) -> None:
        """Keeps them as one moving picture, which begins anew at its end."""
        first, *others = self._frames
        first.save(
            asset("docs", name),
            save_all=True,
            append_images=others,
            duration=self._shown_ms,
            loop=0,
            quality=70,
            method=6,
        )


def purest_cluster(stage: Stage) -> tuple[int, str]:
    """The largest cluster that a finding is absent from throughout, and the finding."""
    session = stage.session
    assert session.map is not None
    found = []
    for finding in ("Pneumothorax", "Effusion", "Cardiomegaly"):
        truth = stage.labelled(finding)
        for cluster in range(int(session.map.clusters.max()) + 1):
            members = session.map.image_ids[session.map.clusters == cluster].tolist()
            if not any(truth[image_id] for image_id in members):
                found.append((len(members), cluster, finding))
    _, cluster, finding = max(found)
    return cluster, finding


def show_film(stage: Stage) -> None:
    """The main job from the map to the audit, as the moving picture of the README."""
    window, session = stage.window, stage.session
    window.resize(*Film.WINDOW)
    film = Film(stage)
    cluster, finding = purest_cluster(stage)
    truth = stage.labelled(finding)
    session.clear_selection()
    film.take("A folder of chest films as a map: films that look alike lie together")
    session.select_cluster(cluster)
    film.take("Take a cluster: its films stand beside the map")
    session.set_judgement(finding, Value.ABSENT)
    window.sheets.open_sheet()
    film.take("Look at many of them at once (K)")
    window.sheets.page.grid.step(1)
    film.take("Page after page, with the keyboard", 900, 0.8)
    session.show_page("map")
    film.take("The button says what will happen")
    window.actions_by_name["apply"].trigger()
    session.set_colour_by("label")
    film.take(f"One key labels the whole cluster: {finding} absent")
    stage.save_dialog("", window.audit.start, accept=True)
    stage.wait(lambda: window.reading.active)
    film.take("Audit: a sample, drawn at random, is read film by film", 2000)
    answers = 0
    while window.reading.active:
        stage.wait(lambda: not session.why_unseen())
        window.reading.answer(Value.PRESENT if truth[session.current_id] else Value.ABSENT)
        answers += 1
        if answers in (1, 2):
            film.take("One key a film", 700, 0.8)
    window.audit.show_list()
    session.show_page("map")
    film.take("The result: at most so many of the labels are wrong. Then export", 3500)
    film.save("film.webp")


SCENES = (
    show_map,
    show_image,
    show_clusters,
    show_sheet,
    show_suggestions,
    show_audit,
    show_finding,
    show_readers,
    show_suspects,
    show_facts,
    show_encoders,
    show_comfort,
)


def play(scenes: Sequence[Callable[[Stage], None]], application: QApplication) -> None:
    """Opens the demo set anew and goes through scenes, one after the other."""
    with tempfile.TemporaryDirectory() as home:
        settings = QSettings(str(Path(home) / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("reader", "AB")
        settings.setValue("dark", True)
        settings.setValue("tour_seen", True)  # the tour would lie over every picture
        window = MainWindow(settings)
        window.resize(*SIZE)
        window.show()
        stage = Stage(window, application)
        session = window.session
        window.runs.open_demo(Path(home))
        stage.wait(lambda: session.map is not None and window.runs.indexing is None and not window.runs.opening.active)
        stage.wait(lambda: window.map_page.scatter.is_ready)
        for scene in scenes:
            print(scene.__name__)
            scene(stage)
        window.close()


def main(names: Sequence[str]) -> None:
    """Draws the pictures of the scenes of these names, or all; the film has the demo set to itself."""
    application = QApplication([])
    by_name = {scene.__name__: scene for scene in (*SCENES, show_film)}
    chosen = [by_name[name] for name in names] or list(by_name.values())
    if still := [scene for scene in chosen if scene is not show_film]:
        play(still, application)
    if show_film in chosen:
        play([show_film], application)


if __name__ == "__main__":
    main(sys.argv[1:])
