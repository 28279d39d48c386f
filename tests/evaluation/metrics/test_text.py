"""Normalised comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.metrics.text import (
    best,
    characters,
    contains,
    exact,
    f1,
    f1_chinese,
    normalise,
    overlap,
    words,
)


def test_normalise_drops_case_punctuation_articles_and_blanks() -> None:
    assert normalise("  The U.S.  Army's\nan a-team, another. ") == "us armys ateam another"
    assert words("An apple; the Pear!") == ["apple", "pear"]


@given(st.text())
def test_normalise_keeps_nothing_that_it_should_drop(text: str) -> None:
    once = normalise(text)
    assert once == " ".join(once.split())
    assert not {"a", "an", "the"} & set(once.split(" "))


def test_f1_by_hand() -> None:
    # Output: cat sat on mat (4), reference: cat on mat (3); 3 in common: 2·(3/4)·1/(3/4+1) = 6/7.
    assert f1("The cat sat on the mat.", "a cat on a mat") == pytest.approx(6 / 7)
    # A word counts as often as both have it: 1 of 3 and 1 of 1.
    assert f1("yes yes yes", "yes") == pytest.approx(0.5)
    assert f1("", "yes") == f1("the", "the") == f1("no", "yes") == 0


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_overlap_is_symmetric_and_full_only_for_the_same_tokens(
    output: list[str], reference: list[str]
) -> None:
    precision, recall, both = overlap(output, reference)
    assert overlap(reference, output) == (recall, precision, pytest.approx(both))
    assert (both == 1) == (bool(output) and sorted(output) == sorted(reference))


def test_characters_are_the_words_of_chinese() -> None:
    assert characters("《红楼梦》, 是 A！") == ["《", "红", "楼", "梦", "是", "a"], "as published"
    # 红楼梦 of 红楼梦是 and 红楼梦: 2·(3/4)·1/(3/4+1).
    assert f1_chinese("红楼梦是。", "红楼梦") == pytest.approx(6 / 7)
    assert f1_chinese("。", "红") == 0


def test_exact_and_contains() -> None:
    assert exact("The Answer.", "answer") == 1
    assert exact("the answer is", "answer") == 0
    assert contains("It was, I think, the New   York Times.", "new york") == 1
    assert contains("It was York", "new york") == 0


def test_best_takes_the_largest_and_refuses_none() -> None:
    assert best(f1, "red fox", ("dog", "red", "red fox")) == 1
    with pytest.raises(ValueError, match="gold answer"):
        best(f1, "red", ())
