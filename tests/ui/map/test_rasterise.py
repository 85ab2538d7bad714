from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cxr_explorer.colours import categorical, marks
from cxr_explorer.ui.map import rasterise
from cxr_explorer.ui.map.rasterise import Ink, Raster, View

INK = Ink(background=0xFF000000, ring=0xFFFFFFFF)
RED, GREEN, BLUE = 0xFFFF0000, 0xFF00FF00, 0xFF0000FF


def view_of(width=200, height=100, scale=1.0, left=0.0, top=None, ratio=1.0) -> View:
    return View(width, height, left, height / scale if top is None else top, scale, scale, ratio)


def raster_of(points, colours=None, selected=None, emphasised=None) -> Raster:
    raster = Raster(np.array(points, np.float32).reshape(-1, 2))
    raster.colour(np.array([RED] * raster.count if colours is None else colours, np.uint32))
    raster.arrange(selected, emphasised)
    return raster


def lit(argb: np.ndarray) -> np.ndarray:
    return (argb & 0xFFFFFF) != 0


def test_a_point_is_a_disc_about_its_place_with_y_upwards():
    raster = raster_of([[50.5, 80.5]])
    view = view_of()
    argb = raster.draw(view, INK).argb
    assert argb.shape == (100, 200)
    rows, columns = np.nonzero(lit(argb))
    assert rows.mean() == pytest.approx(19, abs=0.1)  # 100 - 80.5 lies in row 19
    assert columns.mean() == pytest.approx(50, abs=0.1)
    share = (argb >> 16 & 0xFF).sum() / 255
    assert share == pytest.approx(np.pi * raster.radius_px(view) ** 2, rel=0.03)


def test_a_disc_moves_by_less_than_a_pixel_when_its_point_does():
    middles = []
    for x in (50.1, 50.35, 50.6, 50.85):
        weight = (raster_of([[x, 50.5]]).draw(view_of(), INK).argb >> 16 & 0xFF).sum(axis=0)
        middles.append((weight * (np.arange(200) + 0.5)).sum() / weight.sum())
    np.testing.assert_allclose(middles, [50.1, 50.35, 50.6, 50.85], atol=0.08)


def test_every_point_in_view_is_drawn_and_none_out_of_view():
    rng = np.random.default_rng(0)
    xy = np.concatenate([rng.normal(100, 30, (5000, 2)), rng.uniform(-500, 900, (3000, 2))]).astype(np.float32)
    raster = raster_of(xy)
    for scale, left, top in ((1.0, 0.0, 150.0), (7.3, 90.0, 110.0), (0.1, -700.0, 900.0), (40.0, 99.0, 101.0)):
        view = view_of(300, 150, scale, left, top)
        shown = lit(raster.draw(view, INK).argb)
        columns = (xy[:, 0].astype(float) - left) * scale
        rows = (top - xy[:, 1].astype(float)) * scale
        seen = (columns >= 0) & (columns < 300) & (rows >= 0) & (rows < 150)
        about = np.lib.stride_tricks.sliding_window_view(np.pad(shown, 2), (5, 5)).any(axis=(2, 3))
        assert about[rows[seen].astype(int), columns[seen].astype(int)].all()  # a later point's halo may cut in
        assert raster.drawn >= seen.sum()
        reach = raster.radius_px(view) + 1.5
        near = np.zeros((150, 300), bool)
        ys, xs = np.mgrid[:150, :300] + 0.5
        for column, row in zip(columns, rows, strict=True):
            if -reach < column < 300 + reach and -reach < row < 150 + reach:
                part = np.s_[
                    max(0, int(row - reach)) : int(row + reach) + 2,
                    max(0, int(column - reach)) : int(column + reach) + 2,
                ]
                near[part] |= np.hypot(xs[part] - column, ys[part] - row) < reach
        assert not shown[~near].any()


def test_a_point_just_out_of_view_still_shows_its_edge():
    assert lit(raster_of([[-3.0, 50.0], [500.0, 50.0]]).draw(view_of(), INK).argb)[:, :3].any()
    assert not lit(raster_of([[-30.0, 50.0], [500.0, 50.0]]).draw(view_of(), INK).argb).any()


def test_points_without_finite_coordinates_are_neither_drawn_nor_picked():
    raster = raster_of([[np.nan, 50], [50, np.inf], [-np.inf, np.nan], [150, 50]])
    argb = raster.draw(view_of(), INK).argb
    assert raster.finite.tolist() == [3]
    assert raster.drawn == 1
    assert not lit(argb)[:, :100].any()
    assert raster.pick(150, 50, 8) == 3


@pytest.mark.parametrize("points", [[], [[np.nan, np.nan]]])
def test_no_points_leave_the_background(points):
    raster = raster_of(points)
    assert (raster.draw(view_of(), INK).argb == INK.background).all()
    assert raster.pick(10, 10, 8) == -1


def test_equal_points_are_one_disc():
    raster = raster_of([[100, 50]] * 1000)
    rows, columns = np.nonzero(lit(raster.draw(view_of(), INK).argb))
    assert np.ptp(rows) < 16 and np.ptp(columns) < 16
    assert raster.pick(100, 50, 0) >= 0


def test_selected_points_lie_on_top_with_a_ring_whatever_their_order():
    points = [[100, 50]] * 3
    for top in range(3):
        colours = np.full(3, RED, np.uint32)
        colours[top] = BLUE
        selected = np.arange(3) == top
        argb = raster_of(points, colours, selected).draw(view_of(), INK).argb
        assert argb[50, 100] & 0xFF > 200
        assert (argb == INK.ring).any()


def test_a_dense_selection_is_outlined_as_one():
    xy = np.random.default_rng(1).uniform(40, 60, (4000, 2)).astype(np.float32)
    argb = raster_of(xy, selected=np.ones(4000, bool)).draw(view_of(100, 100), INK).argb
    white = (argb & 0xFF) > 128
    assert white[36:41].any() and white[60:64].any()
    assert not white[45:55, 45:55].any()


def test_points_outside_the_emphasis_fade_and_lie_below():
    both = raster_of([[50, 50], [150, 50]], emphasised=np.array([True, False])).draw(view_of(), INK).argb
    assert both[50, 50] >> 16 & 0xFF > 200
    assert 30 < both[50, 150] >> 16 & 0xFF < 100
    for kept in (0, 1):
        colours = np.full(2, RED, np.uint32)
        colours[kept] = GREEN
        argb = raster_of([[50, 50]] * 2, colours, None, np.arange(2) == kept).draw(view_of(), INK).argb
        assert argb[50, 50] >> 8 & 0xFF > 200


def test_colours_follow_the_points_through_sorting():
    rng = np.random.default_rng(2)
    xy = np.stack(np.meshgrid(np.arange(10, 200, 20), np.arange(10, 100, 20)), axis=-1).reshape(-1, 2)
    xy = rng.permutation(xy).astype(np.float32) + 0.5
    colours = rng.integers(0x40, 0xFF, (len(xy), 3)) @ (1 << 16, 1 << 8, 1)
    argb = raster_of(xy, colours | 0xFF000000).draw(view_of(), INK).argb
    drawn = argb[(100 - xy[:, 1]).astype(int), xy[:, 0].astype(int)]
    for shift in (0, 8, 16):
        np.testing.assert_allclose(drawn >> shift & 0xFF, colours >> shift & 0xFF, atol=8)


def test_what_is_seen_is_what_is_picked():
    rng = np.random.default_rng(3)
    xy = rng.uniform((20, 20), (180, 80), (60, 2)).astype(np.float32)
    colours = (0xFF000000 + (np.arange(60) + 1) * 4).astype(np.uint32)  # the index, in blue
    raster = raster_of(xy, colours)
    argb = raster.draw(view_of(), INK).argb
    radius = raster.radius_px(view_of())
    overlaps = 0
    for column, row in rng.integers((20, 20), (180, 80), (5000, 2)) + 0.5:
        distance = np.hypot(xy[:, 0] - column, 100 - xy[:, 1] - row)
        picked = raster.pick(column, row, 0.0)
        if picked < 0:
            assert distance.min() > radius - 1.5  # two points in one pixel are one disc
        elif not (np.abs(distance - radius - 0.5) < 1.5).any():  # not on an edge
            assert argb[int(row), int(column)] & 0xFF == pytest.approx((picked + 1) * 4, abs=1)
            overlaps += (distance < radius).sum() > 1
    assert overlaps > 5


def test_the_nearest_point_within_reach_is_picked_beside_the_discs():
    raster = raster_of([[50, 50], [64, 50]])
    raster.draw(view_of(), INK)
    assert raster.pick(56.7, 50, 8) == 0
    assert raster.pick(57.5, 50, 8) == 1
    assert raster.pick(57.5, 90, 8) == -1
    assert raster.pick(-300, 5000, 8) == -1


def test_before_a_frame_nothing_can_be_picked():
    assert raster_of([[50, 50]]).pick(50, 50, 8) == -1


def test_discs_keep_their_size_on_screens_with_more_pixels():
    xy = np.random.default_rng(0).uniform(0, 100, (300, 2)).astype(np.float32)
    raster = raster_of(xy)
    one = raster.radius_px(view_of(scale=2.0))
    assert raster.radius_px(view_of(scale=4.0, ratio=2.0)) == pytest.approx(2 * one, abs=0.1)


def test_discs_shrink_with_density_and_grow_with_zoom():
    rng = np.random.default_rng(0)
    radii = [
        Raster(rng.uniform(0, 900, (count, 2)).astype(np.float32)).radius_px(view_of(900, 900))
        for count in (300, 13_000, 112_120, 1_000_000)
    ]
    assert radii == sorted(radii, reverse=True)
    assert 5 <= radii[0] <= 6 and 1.5 <= radii[2] <= 3 and radii[3] >= 1
    dense = Raster(rng.uniform(0, 900, (112_120, 2)).astype(np.float32))
    assert dense.radius_px(view_of(scale=10.0)) > dense.radius_px(view_of(scale=1.0))


def test_a_frame_does_not_depend_on_the_frames_before_it():
    xy = np.random.default_rng(0).normal(50, 20, (2000, 2)).astype(np.float32)
    raster = raster_of(xy)
    fresh = raster.draw(view_of(), INK).argb.copy()
    raster.draw(view_of(333, 77, 5.0), INK)
    raster.arrange(np.ones(2000, bool))
    raster.draw(view_of(), INK)
    raster.arrange()
    np.testing.assert_array_equal(raster.draw(view_of(), INK).argb, fresh)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((3, 3)), np.zeros((0,))])
def test_coordinates_of_another_shape_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        Raster(wrong.astype(np.float32))


def test_colours_and_masks_of_another_length_are_refused():
    raster = raster_of([[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="2 colours"):
        raster.colour(np.zeros(3, np.uint32))
    with pytest.raises(ValueError, match="2 points"):
        raster.arrange(np.zeros(1, bool))
    with pytest.raises(ValueError, match="2 points"):
        raster.arrange(None, np.zeros(3, bool))


def test_the_window_opens_without_numba_in_it():
    code = "import sys; import cxr_explorer.ui.map.scatter_view; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=240).returncode == 0


def dense(count: int, left: float, seed: int = 0) -> np.ndarray:
    """Points spread evenly over a square of 30 pixels."""
    return np.random.default_rng(seed).uniform((left, 30), (left + 30, 60), (count, 2)).astype(np.float32)


def test_where_discs_cover_each_other_the_shade_follows_the_logarithm_of_their_number():
    counts = (900, 3600, 14400, 57600)
    xy = np.concatenate([dense(count, 20 + 50 * number) for number, count in enumerate(counts)])
    raster = raster_of(xy, np.full(len(xy), 0xFF2050A0, np.uint32))
    argb = raster.draw(view_of(240, 90), INK).argb
    green = [(argb[35:55, 25 + 50 * number : 45 + 50 * number] >> 8 & 0xFF).mean() for number in range(4)]
    steps = np.diff(green)
    assert (steps > 10).all()
    assert steps[1] == pytest.approx(steps[2], rel=0.3)  # the first one closes gaps as well


def test_a_lone_point_and_a_selected_one_keep_their_colour_beside_a_dense_core():
    xy = np.concatenate([dense(20_000, 30), [[120.5, 45.5], [45.5, 45.5]]]).astype(np.float32)
    colours = np.full(len(xy), RED, np.uint32)
    colours[-1] = BLUE
    selected = np.arange(len(xy)) == len(xy) - 1
    argb = raster_of(xy, colours, selected).draw(view_of(200, 90), INK).argb
    assert argb[35, 35] & 0xFF > 60  # the core is drawn towards white
    lone, chosen = argb[44, 120], argb[44, 45]
    assert lone >> 16 & 0xFF > 100 and lone & 0xFF == 0
    assert chosen & 0xFF > 240 and (chosen >> 16 & 0xFF) < 10
    assert (argb[38:52, 38:52] == INK.ring).any()


def test_density_is_a_matter_of_zoom():
    xy = dense(20_000, 30)
    raster = raster_of(xy)
    assert (raster.draw(view_of(90, 90), INK).argb & 0xFF).max() > 60
    assert (raster.draw(view_of(90, 90, 60.0, 40, 46), INK).argb & 0xFF).max() == 0


@pytest.mark.parametrize("code", range(-1, 7))
def test_every_mark_has_a_shape_of_its_own_about_as_large_as_the_disc(code):
    def drawn(one: int) -> np.ndarray:
        raster = raster_of([[50.5, 50.5]])
        raster.mark(marks([one]))
        return (raster.draw(view_of(100, 100), INK).argb >> 16 & 0xFF).astype(int)

    mine = drawn(code)
    disc = drawn(0)
    assert mine.sum() == pytest.approx(disc.sum() * (0.56 if code < 0 else 1), rel=0.2)
    for other in range(-1, 7):
        if other != code:
            assert np.abs(mine - drawn(other)).sum() > 0.15 * disc.sum()


def test_marks_follow_the_points_through_sorting():
    rng = np.random.default_rng(2)
    xy = rng.permutation(np.stack(np.meshgrid(np.arange(15, 290, 30), np.arange(15, 150, 30)), -1).reshape(-1, 2))
    codes = rng.integers(0, 2, len(xy))  # discs and squares
    raster = raster_of(xy.astype(np.float32) + 0.5)
    raster.mark(marks(codes))
    view = view_of(300, 150)
    argb = raster.draw(view, INK).argb
    corner = round(0.75 * raster.radius_px(view))
    found = argb[149 - xy[:, 1] - corner, xy[:, 0] - corner] >> 16 & 0xFF
    assert ((found > 128) == (codes == 1)).all()


def test_clusters_of_one_colour_are_hatched_differently_where_dots_are_too_dense_for_shapes():
    xy = np.concatenate([dense(9000, 20), dense(9000, 70), dense(9000, 120)])
    raster = raster_of(xy)
    raster.mark(marks(np.repeat([0, 12, 24], 9000)))
    argb = raster.draw(view_of(170, 90), INK).argb
    plain, one, other = ((argb[34:56, left : left + 22] >> 16 & 0xFF).astype(int) for left in (24, 74, 124))
    assert plain.std() < 10 < 40 < min(one.std(), other.std())
    assert np.abs(one - other).mean() > 40
    moved = raster.draw(view_of(170, 90, left=3.0), INK).argb >> 16 & 0xFF
    assert np.abs(moved[34:56, 71:93].astype(int) - one).mean() < 3  # the hatch goes with the points


def test_selected_marks_have_a_ring_of_their_shape_all_around():
    raster = raster_of([[50.5, 50.5]], selected=np.array([True]))
    for code in range(7):
        raster.mark(marks([code]))
        argb = raster.draw(view_of(100, 100), INK).argb
        white = (argb & 0xFF) > 128
        rows, columns = np.nonzero(((argb >> 16 & 0xFF) > 128) & ~white)
        assert white[rows.min() - 1 :: -1][:4].any() and white[rows.max() + 1 :][:4].any()
        assert white[:, columns.min() - 1 :: -1][:, :4].any() and white[:, columns.max() + 1 :][:, :4].any()


def test_marks_of_another_length_are_refused():
    with pytest.raises(ValueError):
        raster_of([[1, 2]]).mark(np.zeros(2, np.uint8))


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_frame_drawn_in_bands_on_several_cores_is_the_one_drawn_at_once(monkeypatch, ratio):
    random = np.random.default_rng(0)
    xy = random.normal(size=(3000, 2)).astype(np.float32)
    codes = random.integers(0, 14, 3000)
    view = View(301, 203, -2.5, 2.0, 60.0, 50.0, ratio)

    def drawn(cores: int, bands: int) -> tuple[list[np.ndarray], int]:
        monkeypatch.setattr(rasterise, "cores", lambda: cores)
        monkeypatch.setattr(rasterise, "BANDS_PER_CORE", bands)
        raster = Raster(xy)
        raster.colour(categorical(codes, True))
        raster.mark(marks(codes))
        frames = [raster.draw(view, INK).argb.copy()]
        raster.arrange(codes == 3, codes < 9)
        frames.append(raster.draw(view, INK).argb.copy())
        return frames, raster.drawn

    whole, count = drawn(1, 1)
    for cores, bands in ((1, 3), (2, 2), (4, 9)):
        parts, counted = drawn(cores, bands)
        assert counted == count
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one, other)


def test_new_colours_are_drawn_where_points_lay_and_new_layers_too():
    xy = np.random.default_rng(1).normal(size=(500, 2)).astype(np.float32)
    view, red, blue = View(200, 150, -2, 2, 50, 37, 1.0), np.full(500, 0xFFFF0000), np.full(500, 0xFF0000FF)
    half = np.arange(500) < 250

    raster = Raster(xy)
    raster.colour(red.astype(np.uint32))
    raster.draw(view, INK)
    raster.colour(blue.astype(np.uint32))
    recoloured = raster.draw(view, INK).argb.copy()
    raster.arrange(half)
    arranged = raster.draw(view, INK).argb.copy()

    for mask, seen in ((None, recoloured), (half, arranged)):
        fresh = Raster(xy)
        fresh.colour(blue.astype(np.uint32))
        fresh.arrange(mask)
        np.testing.assert_array_equal(fresh.draw(view, INK).argb, seen)
