"""How growth is read off seconds, and drawn."""

from xml.etree import ElementTree

import pytest

from tests.bench.growth import exponent
from tests.bench.growth_plot import draw


def test_the_exponent_is_that_of_the_last_step() -> None:
    assert exponent({1000: 0.5, 10_000: 0.1, 100_000: 1.0}) == pytest.approx(1.0)
    assert exponent({1000: 0.01, 10_000: 1.0}) == pytest.approx(2.0)
    assert exponent({1000: 0.0001, 10_000: 0.001}) is None  # too short to say
    assert exponent({1000: 1.0}) is None


def test_every_stage_that_takes_time_is_in_the_picture_by_its_name() -> None:
    stages = {
        "read & write": {"place": "child", "exponent": 1.0, "seconds": {"1000": 0.1, "10000": 1.0}},
        "label all": {"place": "both", "exponent": None, "seconds": {"1000": 0.001, "10000": 0.005}},
        "nothing": {"place": "window", "exponent": None, "seconds": {"1000": 0.0, "10000": 0.0001}},
    }
    texts = [node.text for node in ElementTree.fromstring(draw(stages)).iter() if node.tag.endswith("text")]
    assert "read & write  1.00" in texts and "label all" in texts and "nothing" not in texts
    assert {"1,000", "10,000"} <= set(texts)
