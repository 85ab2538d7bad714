from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPixmap
from PySide6.QtWidgets import QApplication

from cxr_explorer.colours import categorical, marks
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.map.scatter_pictures import PICTURES_MAX, picture_side, spread_out
from cxr_explorer.ui.map.scatter_view import ScatterView
from tests.ui.map.test_scatter_view import LEFT, NONE, Chosen, drag, give_points, paint
from tests.ui.windows import make_project, open_window

FRAME = 2
"""Pixels from a picture's edge to the middle of its frame."""


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def window_on(qtbot, tmp_path, project) -> MainWindow:
    window = open_window(qtbot, tmp_path, project)
    qtbot.waitUntil(lambda: window.map_page.scatter.is_ready, timeout=120_000)
    paint(window.map_page.scatter)
    return window


def pictured(view: ScatterView) -> dict[int, object]:
    paint(view)
    return {i: box for i in range(len(view.xy)) if (box := view.canvas.pictures.box_of(i)) is not None}


def film(grey: int = 90) -> QPixmap:
    pixmap = QPixmap(256, 256)
    pixmap.fill(QColor(grey, grey, grey))
    return pixmap


def few_points(qtbot, xy, with_films=None) -> ScatterView:
    view = ScatterView()
    qtbot.addWidget(view)
    view.resize(800, 600)
    with qtbot.waitExposed(view):
        view.show()
    films = [film(40 + 3 * i) for i in range(len(xy))] if with_films is None else with_films
    give_points(qtbot, view, xy)
    view.set_picture_source(lambda index: films[index], lambda indices: False)
    view.set_colours(categorical(np.arange(len(xy)), True), marks(np.arange(len(xy))))
    return view


def grey_at(image: QImage, position: QPointF) -> int:
    return QColor(image.pixel(position.toPoint())).red()


def test_few_images_in_sight_are_shown_themselves_in_a_frame_of_their_clusters_colour(qtbot, tmp_path, project):
    window = window_on(qtbot, tmp_path, project)
    scatter, atlas_map = window.map_page.scatter, window.session.map
    qtbot.waitUntil(lambda: len(pictured(scatter)) >= 2, timeout=5000)
    boxes, image = pictured(scatter), paint(scatter)
    rows = {row.cluster: row for row in window.clusters.rows}
    top = next(iter(scatter.canvas.pictures._boxes))
    box = boxes[top]
    frame = QColor(image.pixel(QPointF(box.center().x(), box.bottom() + FRAME).toPoint()))
    assert frame == rows[int(atlas_map.clusters[top])].colour
    thumbnail = window.session.thumbnails.get(int(atlas_map.image_ids[top])).toImage()
    middle = QColor(thumbnail.pixel(thumbnail.width() // 2, thumbnail.height() // 2)).red()
    assert grey_at(image, box.center()) == pytest.approx(middle, abs=12)


def test_every_image_in_sight_is_seen_as_picture_or_dot_and_a_click_finds_it(qtbot):
    rng = np.random.default_rng(0)
    view = few_points(qtbot, rng.normal(size=(60, 2)))
    chosen = Chosen(view)
    boxes = pictured(view)
    assert 20 < len(boxes) < 60
    for index in range(60):
        if index not in boxes:
            qtbot.mouseClick(view.canvas, LEFT, pos=view.canvas.position_of(index).toPoint())
            assert chosen[-1][0].tolist() == [index]
    image = paint(view)
    for index, box in boxes.items():
        across, down = np.linspace(9, box.width() - 9, 8), np.linspace(9, box.height() - 9, 8)
        places = [box.topLeft() + QPointF(x, y) for x in across for y in down]
        seen = [p for p in places if view.rect().contains(p.toPoint()) and view.canvas.pick(p, 0) == index]
        # another picture's mark may stand on a corner
        assert not seen or abs(np.median([grey_at(image, place) for place in seen]) - (40 + 3 * index)) <= 1


def test_resting_on_a_picture_shows_the_card_beside_it(qtbot):
    view = few_points(qtbot, [[0, 0], [3, 0], [0, 3]])
    view.set_caption_source(lambda index: f"image {index}")
    box = pictured(view)[0]
    with qtbot.waitSignal(view.pointHovered, timeout=2000) as hovered:
        at = box.topLeft() + QPointF(14, 14)
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(QEvent.Type.MouseMove, at, QPointF(view.mapToGlobal(at.toPoint())), none, none, NONE)
        QApplication.sendEvent(view.canvas, event)
    assert hovered.args == [0]
    assert view._card.isVisible()
    assert not view._card.geometry().intersects(box.toRect())


def test_a_lasso_chooses_by_the_places_of_images_not_by_their_pictures(qtbot):
    view = few_points(qtbot, [[0, 0], [3, 0], [0, 3]])
    chosen = Chosen(view)
    view.set_tool("rectangle")
    box, middle = pictured(view)[0], view.canvas.position_of(0)
    drag(view, [box.topLeft() - QPointF(9, 9), middle - QPointF(5, 5)])
    assert chosen[-1][0].tolist() == []
    drag(view, [box.topLeft() - QPointF(9, 9), middle + QPointF(5, 5)])
    assert chosen[-1][0].tolist() == [0]


def test_the_current_and_the_selected_image_lie_on_top(qtbot):
    view = few_points(qtbot, [[0, 0]] * 4 + [[9, 9]])
    assert 0 in pictured(view) and 1 not in pictured(view)
    view.set_selected(np.arange(5) == 2)
    assert 2 in pictured(view) and 0 not in pictured(view)
    view.set_current(3)
    assert 3 in pictured(view) and 2 not in pictured(view)
    assert view.canvas.pick(view.canvas.position_of(3) + QPointF(20, 0), 0) == 3


def test_no_picture_is_hidden_by_more_than_half():
    rng = np.random.default_rng(1)
    places = [QPointF(x, y) for x, y in rng.uniform(0, 300, (80, 2))]
    shown = spread_out(places, 48)
    assert shown[0] == 0 and len(shown) > 15
    covered = np.zeros((400, 400), bool)
    for number in shown:
        x, y = int(places[number].x()) + 24, int(places[number].y()) + 24
        mine = np.s_[y : y + 48, x : x + 48]
        assert covered[mine].mean() <= 0.54  # whole pixels
        covered[mine] = True


def test_many_images_in_sight_stay_dots_until_the_map_is_zoomed():
    assert picture_side(0, 1e6) == 0
    assert picture_side(10, 1e6) == 96
    assert 48 <= picture_side(PICTURES_MAX, 8e5) < 96
    assert picture_side(PICTURES_MAX + 1, 1e9) == 0
    assert picture_side(100, 1e5) == 0


def test_zooming_in_turns_dots_into_pictures_and_out_again(qtbot):
    xy = np.random.default_rng(2).normal(size=(2000, 2))
    view = few_points(qtbot, xy, [film()] * 2000)
    assert not pictured(view)
    view.canvas.zoom(20)
    assert len(pictured(view)) > 5
    view.reset_view()
    assert not pictured(view)
    assert view.canvas.pick(view.canvas.position_of(5), 8) >= 0


def test_dots_stay_until_their_pictures_come_and_are_not_asked_for_for_ever(qtbot):
    films: dict[int, QPixmap] = {}
    asked: list[list[int]] = []

    def load(indices) -> bool:
        asked.append(list(indices))
        waiting = [index for index in indices if index not in films and index != 2]
        films.update({index: film() for index in waiting[:1]})
        return bool(waiting)

    view = few_points(qtbot, [[0, 0], [3, 0], [0, 3]])
    view.set_picture_source(films.get, load)
    assert not pictured(view)
    assert view.canvas.pick(view.canvas.position_of(1), 0) == 1
    qtbot.waitUntil(lambda: set(films) == {0, 1}, timeout=3000)
    assert set(pictured(view)) == {0, 1}
    qtbot.waitUntil(lambda: not view.canvas.pictures._timer.isActive(), timeout=1000)
    before = len(asked)
    qtbot.wait(150)
    assert len(asked) <= before + 1


def test_pictures_of_points_that_are_gone_are_not_asked_for(qtbot):
    view = few_points(qtbot, np.eye(3, 2, dtype=np.float32), [None] * 3)
    asked: list[int] = []
    view.set_picture_source(lambda index: None, lambda indices: bool(asked.extend(indices)))
    paint(view)
    view.set_points(np.zeros((0, 2), np.float32))
    view.canvas.pictures._load()
    assert asked == []


def test_images_outside_the_filter_fade(qtbot):
    view = few_points(qtbot, [[0, 0], [3, 0], [0, 3]], [film(200)] * 3)
    view.set_emphasis(np.array([True, False, True]))
    boxes, image = pictured(view), paint(view)
    assert grey_at(image, boxes[0].center()) == 200
    assert 40 < grey_at(image, boxes[1].center()) < 110


def test_pictures_can_be_switched_off_and_stay_off(qtbot, tmp_path, project):
    window = window_on(qtbot, tmp_path, project)
    qtbot.waitUntil(lambda: bool(pictured(window.map_page.scatter)), timeout=5000)
    window.actions_by_name["map_pictures"].trigger()
    assert not pictured(window.map_page.scatter)
    window.close()
    again = window_on(qtbot, tmp_path, project)
    assert not again.actions_by_name["map_pictures"].isChecked()
    qtbot.wait(100)
    assert not pictured(again.map_page.scatter)
    again.actions_by_name["map_pictures"].trigger()
    qtbot.waitUntil(lambda: bool(pictured(again.map_page.scatter)), timeout=5000)


def test_names_switched_off_stay_off(qtbot, tmp_path, project):
    window = window_on(qtbot, tmp_path, project)
    window.actions_by_name["names"].trigger()
    window.close()
    again = window_on(qtbot, tmp_path, project)
    again.map_page.show_pictures(False)
    without = paint(again.map_page.scatter)
    again.actions_by_name["names"].trigger()
    assert paint(again.map_page.scatter) != without


def test_the_list_of_clusters_shows_the_marks_of_the_map(qtbot, tmp_path, project):
    window = window_on(qtbot, tmp_path, project)
    canvas, atlas_map = window.map_page.scatter.canvas, window.session.map
    for row in window.clusters.rows:
        members = atlas_map.clusters == row.cluster
        assert (canvas._marks[members] == marks([row.look])[0]).all()
        assert (canvas._argb[members] == categorical([row.look], True)[0]).all()
    swatches = []
    for number in range(2):
        index = window.clusters.model().index(number, 0)
        box = window.clusters.visualRect(index)
        image = window.clusters.viewport().grab(box.adjusted(12, 7, 24 - box.width(), 27 - box.height())).toImage()
        swatches.append([QColor(image.pixel(x, y)).lightness() > 60 for x in range(12) for y in range(14)])
        assert "On the map: " in str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert sum(a != b for a, b in zip(*swatches, strict=True)) > 8
