"""A selection that came in an order of its own."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.selection import RANKED, Ranking
from tests.ui.windows import make_project, open_window


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def ranking(*ids: int) -> Ranking:
    notes = {image_id: f"0.{9 - place}0" for place, image_id in enumerate(ids)}
    return Ranking(np.array(ids, np.int64), "Most alike first", "Most like 00.png", notes, "Likeness")


def shown(window: MainWindow) -> list[int]:
    return window.gallery_panel.gallery.image_ids().tolist()


def orders(window: MainWindow) -> list[str]:
    box = window.gallery_panel._order
    return [box.itemText(index) for index in range(box.count())]


def test_the_gallery_keeps_the_order_and_says_what_was_found(window: MainWindow) -> None:
    window.session.select_ranked(ranking(7, 2, 9))
    assert shown(window) == [7, 2, 9]
    assert window.session.selection.ids.tolist() == [2, 7, 9]
    assert window.gallery_panel._order.currentText() == "Most alike first"
    assert window.gallery_panel._heading.text() == "Most like 00.png: 3 images"
    mark = window.gallery_panel.mark(2)
    assert mark.note == "0.80"
    assert "Likeness 0.80" in mark.tooltip


def test_another_order_can_be_chosen_and_the_way_back_is_there(window: MainWindow) -> None:
    session = window.session
    session.select_ranked(ranking(7, 2, 9))
    session.set_order("file")
    assert shown(window) == [2, 7, 9]
    assert window.gallery_panel._order.currentText() == "File name"
    session.set_order(RANKED)
    assert shown(window) == [7, 2, 9]
    assert session.order == "file"


def test_the_next_selection_is_in_the_usual_order_again(window: MainWindow) -> None:
    session = window.session
    session.set_order("file")
    session.select_ranked(ranking(7, 2, 9))
    session.select_cluster(0)
    assert shown(window) == sorted(shown(window))
    assert "Most alike first" not in orders(window)
    assert window.gallery_panel._order.currentText() == "File name"
    assert window.gallery_panel.mark(2).note == ""


def test_a_new_selection_has_no_picks_left_of_the_one_before(window: MainWindow) -> None:
    session, gallery = window.session, window.gallery_panel.gallery
    session.select_cluster(0)
    gallery.set_picked(np.array([2]))
    session.select_ranked(ranking(7, 2, 9))
    assert session.picked.size == gallery.picked_ids().size == 0
    gallery.set_picked(np.array([2]))
    session.select_ranked(ranking(7, 2, 9))
    assert session.picked.size == gallery.picked_ids().size == 0
    gallery.set_picked(np.array([2]))
    session.set_order("file")
    assert session.picked.tolist() == gallery.picked_ids().tolist() == [2]


def test_what_is_added_to_a_ranking_leaves_no_ranking(window: MainWindow) -> None:
    session = window.session
    session.select_ranked(ranking(7, 2, 9))
    session.select(np.array([1]), "single", mode="add")
    assert session.ranking is None
    assert sorted(shown(window)) == [1, 2, 7, 9]


def test_the_same_images_found_by_another_question_carry_its_notes(window: MainWindow) -> None:
    window.session.select_ranked(ranking(7, 2, 9))
    assert window.gallery_panel.gallery._mark(7).note == "0.90"
    again = Ranking(np.array([7, 2, 9]), "Most alike first", "Most like 01.png", {7: "0.55"})
    window.session.select_ranked(again)
    assert window.gallery_panel.gallery._mark(7).note == "0.55"
