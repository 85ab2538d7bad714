"""Columns as a pandas frame, where pandas is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from cxr_explorer.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, NDArray[Any]]
"""A table: (N,) arrays by the name of their column, in order. Texts are `object` arrays of `str`."""


def frame_of(columns: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """The columns as a frame, with rows numbered from 0.

    Raises:
        UserError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise UserError(
            "No frame was made: pandas is not installed. Install it (pip install pandas), or use `.arrays` of the "
            "project, which has the same tables as NumPy arrays."
        ) from error
    return pd.DataFrame(dict(columns))
