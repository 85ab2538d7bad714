from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cxr_explorer.colours import (
    BACKGROUND,
    CATEGORICAL,
    FOREGROUND,
    LOOKS,
    MARKS,
    UNLABELLED,
    Shade,
    categorical,
    hatch_of,
    look_text,
    looks,
    mark_of,
    marks,
    sequential,
    sequential_steps,
    shade_of,
)

# Machado, Oliveira and Fernandes 2009, severity 1, on linear sRGB.
SEEN_WITH = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


SMALLEST_DIFFERENCE = 9.5  # CIE 1976, of the same mark


def linear(argb: np.ndarray | int) -> np.ndarray:
    packed = np.atleast_1d(np.asarray(argb, np.int64))
    channels = np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    cones = rgb @ np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]
    ).T  # fmt: skip
    return np.cbrt(cones) @ np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]
    ).T  # fmt: skip


def contrast(one: Shade, other: Shade, dark: bool) -> float:
    bright = sorted(float((linear(shade.argb(dark)) @ [0.2126, 0.7152, 0.0722])[0]) + 0.05 for shade in (one, other))
    return bright[1] / bright[0]


def smallest_distance(shades: tuple[Shade, ...], dark: bool, vision: str) -> float:
    seen = np.clip(linear(np.array([shade.argb(dark) for shade in shades])) @ np.array(SEEN_WITH[vision]).T, 0, 1)
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(oklab(seen), 2))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", SEEN_WITH)
def test_all_colours_and_grey_can_be_told_apart_with_any_colour_vision(dark, vision):
    assert smallest_distance((*CATEGORICAL, UNLABELLED), dark, vision) > 0.05


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", SEEN_WITH)
def test_few_categories_get_the_most_different_colours(dark, vision):
    assert smallest_distance(CATEGORICAL[:4], dark, vision) > 0.09


@pytest.mark.parametrize("dark", [False, True])
def test_every_colour_stands_out_from_the_background(dark):
    assert min(contrast(shade, BACKGROUND, dark) for shade in CATEGORICAL) > 2.5
    assert contrast(UNLABELLED, BACKGROUND, dark) > 2
    assert contrast(FOREGROUND, BACKGROUND, dark) > 12


def test_names_are_unique_as_legends_need_them():
    assert len({shade.name for shade in (*CATEGORICAL, UNLABELLED)}) == len(CATEGORICAL) + 1


@pytest.mark.parametrize("largest", [25, 10**12])
@pytest.mark.parametrize("dark", [False, True])
def test_codes_get_the_colours_of_the_legend(dark, largest):
    codes = np.array([0, -1, 11, 12, largest, -7])
    argb = categorical(codes, dark)
    assert argb.dtype == np.uint32
    assert argb.tolist() == [shade_of(code).argb(dark) for code in codes.tolist()]
    assert argb[1] == argb[5] == UNLABELLED.argb(dark)
    assert categorical(np.empty(0, np.int64), dark).shape == (0,)


@pytest.mark.parametrize("dark", [False, True])
def test_larger_values_are_lighter_and_missing_ones_grey(dark):
    lightness = oklab(linear(sequential_steps(32, dark)))[:, 0]
    steps = np.diff(lightness)
    assert (steps > 0).all() and steps.max() < 3 * steps.min()
    argb = sequential([3.0, np.nan, 1.0, np.inf, 2.0], dark)
    assert argb[1] == argb[3] == UNLABELLED.argb(dark)
    ends = sequential_steps(256, dark)
    assert (argb[0], argb[2]) == (ends[-1], ends[0])


def test_values_beyond_the_given_range_take_the_ends_colour():
    argb = sequential([-5, 0, 10, 50], True, low=0, high=10)
    assert argb[0] == argb[1] and argb[2] == argb[3] and argb[1] != argb[2]


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [4.0, 4.0]])
def test_values_without_a_range_have_colours_too(values):
    assert sequential(values, False).shape == (len(values),)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b*, white D65, of linear sRGB."""
    xyz = rgb @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    t = xyz / (0.9505, 1.0, 1.089)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def adjacent(centres: np.ndarray, nearest: int = 6) -> list[tuple[int, int]]:
    distances = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    return [(i, int(j)) for i, row in enumerate(distances) for j in row.argsort()[1 : nearest + 1]]


def pair(code: int) -> tuple[str, str]:
    return shade_of(code).name, mark_of(code)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [5, 12, 20, 37, 60, 84, 300])
def test_clusters_beside_each_other_never_look_alike(count, seed):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 2))
    for identities in (np.arange(count), rng.choice(5 * count + 200, count, replace=False)):
        given = looks(identities.tolist(), centres).tolist()
        assert all(pair(given[i]) != pair(given[j]) for i, j in adjacent(centres))
        if count <= LOOKS:
            assert len({pair(code) for code in given}) == count


@pytest.mark.parametrize("vision", SEEN_WITH)
@pytest.mark.parametrize("dark", [False, True])
def test_two_looks_differ_in_their_mark_or_visibly_in_their_colour_with_any_colour_vision(dark, vision):
    codes = np.arange(LOOKS)
    seen = cielab(np.clip(linear(categorical(codes, dark)) @ np.array(SEEN_WITH[vision]).T, 0, 1))
    far = np.linalg.norm(seen[:, None] - seen[None], axis=-1) > SMALLEST_DIFFERENCE
    other_mark = (codes[:, None] % 7) != (codes[None] % 7)
    other_hatch = (codes[:, None] // 12) != (codes[None] // 12)
    same = np.eye(LOOKS, dtype=bool)
    assert (far | other_mark | same).all()
    assert (far | other_hatch | same).all()


def test_a_look_stays_when_the_map_is_cut_finer_or_coarser():
    rng = np.random.default_rng(0)
    for _ in range(20):
        coarse = sorted(rng.choice(12, 7, replace=False).tolist())
        fine = [*coarse, *range(12, 60)]
        before = looks(coarse, rng.normal(size=(len(coarse), 2)))
        after = looks(fine, rng.normal(size=(len(fine), 2)))
        assert after[: len(coarse)].tolist() == before.tolist()


def test_an_older_cluster_keeps_its_look_when_a_younger_one_has_the_same():
    assert looks([5 + LOOKS, 5, 9], np.zeros((3, 2))).tolist() == [6, 5, 9]
    assert looks([], np.zeros((0, 2))).tolist() == []


def test_marks_say_shape_and_hatch_and_words_say_both():
    codes = np.array([0, -1, 7, 12, 83, 84, -5, 10**12])
    packed = marks(codes)
    assert packed.dtype == np.uint8
    assert [MARKS[one & 7] for one in packed] == [mark_of(code) for code in codes.tolist()]
    assert [one >> 3 for one in packed] == [hatch_of(code) for code in codes.tolist()]
    assert len({(mark_of(code), shade_of(code).name) for code in range(LOOKS)}) == LOOKS
    assert look_text(3) == "rose diamond"
    assert look_text(12) == "blue inverted triangle, hatched"
    assert look_text(-1) == "grey dot"
