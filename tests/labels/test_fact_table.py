"""Facts as columns say what a dict an image says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.labels.fact_table import FactTable, as_table, column_of

ROWS = st.dictionaries(
    st.integers(1, 30), st.dictionaries(st.sampled_from(["age", "sex", "view"]), st.sampled_from(["", "1", "AP", "PA"]))
)


@given(ROWS)
def test_a_table_says_of_each_image_what_is_known_of_it(rows: dict[int, dict[str, str]]) -> None:
    table = as_table(rows)
    assert dict(table) == {
        image_id: {name: value for name, value in known.items() if value} for image_id, known in rows.items()
    }
    assert all(value for column in table.columns.values() for value in column.values)
    assert all(column.counts.all() for column in table.columns.values())


@given(ROWS, st.sets(st.integers(1, 40)))
def test_a_column_of_some_images_is_what_a_loop_finds(rows: dict[int, dict[str, str]], asked: set[int]) -> None:
    ids = np.array(sorted(asked), np.int64)
    column = as_table(rows).column("view", ids)
    found = [column.values[code] if code >= 0 else "" for code in column.codes.tolist()]
    assert found == [rows.get(image_id, {}).get("view", "") for image_id in ids.tolist()]
    assert list(column.values) == sorted({value for value in found if value})


@given(ROWS)
def test_facts_differ_where_there_are_two_values_or_some_images_have_none(rows: dict[int, dict[str, str]]) -> None:
    names = {name for known in rows.values() for name, value in known.items() if value}
    wanted = [name for name in sorted(names) if len({known.get(name) or "" for known in rows.values()}) > 1]
    assert as_table(rows).differing() == wanted


def test_an_image_that_was_not_read_is_not_there() -> None:
    table = as_table({3: {"view": "AP"}})
    assert 3 in table and 4 not in table and table.get(4) is None and len(table) == 1
    with pytest.raises(KeyError):
        table[4]
    assert as_table(table) is table
    assert table.without("view").get(3) == {}


def test_values_may_come_in_any_order_and_unused_ones_go() -> None:
    column = column_of("view", ["PA", "", "AP", "LL"], np.array([0, 1, 2, -1, 0], np.int32))
    assert column.values == ("AP", "PA")
    assert column.codes.tolist() == [1, -1, 0, -1, 1]
    assert FactTable(np.arange(5), {"view": column})[0] == {"view": "PA"}
