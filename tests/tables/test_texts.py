"""Many texts in the memory of their letters are still a list of texts."""

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.tables.texts import Texts, Uniques

LISTS = st.lists(st.text(max_size=5), max_size=20)


@given(LISTS)
def test_it_is_the_list_it_was_made_of(texts: list[str]) -> None:
    kept = Texts(texts)
    assert kept == texts and list(kept) == texts and len(kept) == len(texts)
    assert [kept[row] for row in range(-len(texts), len(texts))] == [*texts, *texts]
    assert kept[1:4] == texts[1:4] and pickle.loads(pickle.dumps(kept)) == texts
    assert kept.take(np.arange(len(texts))[::-1]) == texts[::-1]
    assert kept != [*texts, "more"] and kept != 3


@given(LISTS)
def test_equal_texts_are_found_in_the_order_they_came(texts: list[str]) -> None:
    uniques = Uniques()
    numbers = [uniques.number(text) for text in texts]
    found, row = uniques.finish()
    assert found == list(dict.fromkeys(texts))
    assert [found[int(row[number])] for number in numbers] == texts
