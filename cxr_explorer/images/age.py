"""Ages as files and tables write them, in one form that tells nobody apart."""

from __future__ import annotations

import re

MOST_YEARS = 122
"""Nobody is known to have lived longer (Jeanne Calment, 1875 to 1997): what is above is a slip, such as NIH's 414."""

HIDDEN_FROM_YEARS = 90
"""From here on an age counts as an identifier (45 CFR 164.514(b)(2)(i)(C)); all of them are "90+"."""

_AGE = re.compile(r"(\d{1,3})(?:[.,]\d+)?\s*(\+?)\s*(y|yrs?|years?|m|months?|w|weeks?|d|days?|)")
_A_YEAR = {"": 1, "y": 1, "m": 12, "w": 52, "d": 365}


def age_in_years(text: str) -> str:
    """Whole years of "58", "58.0", "58 years", DICOM's "058Y", "018M", "003W" and "005D"; "90+" above 89.

    Returns:
        "" where it is no age, or none that a person reaches.
    """
    match = _AGE.fullmatch(text.strip().casefold())
    if match is None:
        return ""
    years = int(match[1]) // _A_YEAR[match[3][:1]]
    if match[2]:  # "90+" and "89+" say enough, "60+" does not
        return "90+" if HIDDEN_FROM_YEARS - 1 <= years <= MOST_YEARS else ""
    if years > MOST_YEARS:
        return ""
    return "90+" if years >= HIDDEN_FROM_YEARS else str(years)
