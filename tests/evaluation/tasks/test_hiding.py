"""Where needles stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.tasks.hiding import depth_of, hidden, interleaved


def test_depths_take_turns_from_beginning_to_end():
    assert [depth_of(index) for index in (0, 5, 10, 11)] == [0.0, 0.5, 1.0, 0.0]
    assert depth_of(25, 26) == 1.0
    assert depth_of(1, 26) == pytest.approx(0.04)


SENTENCES = st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=30)


@given(sentences=SENTENCES, depth=st.floats(0, 1))
def test_a_needle_stands_where_two_sentences_meet_nearest_to_its_depth(sentences, depth):
    text = hidden(sentences, [(depth, "NEEDLE")])
    before, after = text.split("NEEDLE")
    assert (before + after.strip()).split() == sentences
    length = len(" ".join(sentences)) + 1
    boundaries = [len(" ".join(sentences[:count])) + (count > 0) for count in range(len(sentences) + 1)]
    nearest = min(abs(boundary - depth * length) for boundary in boundaries)
    assert abs(len(before) - depth * length) == pytest.approx(nearest)


def test_needles_of_the_same_place_keep_their_order():
    assert hidden(["a", "b"], [(1, "X"), (0, "Y"), (1, "Z")]) == "Y a b X Z"


def test_needles_among_items():
    assert interleaved("abcd", [(0.5, "Y"), (0, "X"), (1, "Z")]) == ["X", "a", "b", "Y", "c", "d", "Z"]
