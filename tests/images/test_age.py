"""One form of age for DICOM headers and tables, with nothing in it that tells a person apart or that nobody reaches."""

import pytest

from cxr_explorer.images.age import age_in_years

YEARS = ["058Y", "58", "58.0", "58,5", "58y", "58 years", "58 Yrs", " 058Y "]


@pytest.mark.parametrize("text", YEARS)
def test_years_in_any_form(text: str) -> None:
    assert age_in_years(text) == "58"


@pytest.mark.parametrize(
    ("text", "years"),
    [("018M", "1"), ("11 months", "0"), ("060M", "5"), ("104W", "2"), ("003W", "0"), ("005D", "0"), ("999D", "2")],
)
def test_months_weeks_and_days_are_whole_years(text: str, years: str) -> None:
    assert age_in_years(text) == years


@pytest.mark.parametrize("text", ["000Y", "0", "00"])
def test_nought_is_an_age(text: str) -> None:
    assert age_in_years(text) == "0"


@pytest.mark.parametrize("text", ["089Y", "89", "89.9"])
def test_89_is_shown(text: str) -> None:
    assert age_in_years(text) == "89"


@pytest.mark.parametrize("text", ["090Y", "90", "90+", "89+", "100", "122Y", "120", "90 +", "90+ years"])
def test_90_and_above_are_not_told_apart(text: str) -> None:
    assert age_in_years(text) == "90+"


@pytest.mark.parametrize("text", ["123Y", "148", "148Y", "155", "411Y", "412", "414Y", "999", "999Y", "1000", "150+"])
def test_an_age_that_nobody_reaches_is_none(text: str) -> None:
    assert age_in_years(text) == ""


@pytest.mark.parametrize(
    "text", ["", "-4", "-1Y", "old", "Y", "058Z", "58 or 59", "60+", "1e2", "0x10", "nan", "5.8.1"]
)
def test_what_is_no_age_says_nothing(text: str) -> None:
    assert age_in_years(text) == ""
