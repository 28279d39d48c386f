"""LV-Eval's scores, by hand."""

import pytest

from longspan.evaluation.metrics.lveval import keyword_f1, keyword_f1_chinese, rouge_l_chinese


def test_an_answer_without_the_keywords_scores_nothing() -> None:
    reference = "He was born in Paris, France"
    # he was born in = 4 of 6 words in common, but no keyword: 0; without keywords the F1 counts.
    assert keyword_f1("he was born in Rome, Italy", reference, "Paris France") == 0
    assert keyword_f1("he was born in Rome, Italy", reference, None) == pytest.approx(4 / 6)
    assert keyword_f1("in Paris", reference, "Paris France") == pytest.approx(2 * 1 * (2 / 6) / (1 + 2 / 6))


def test_a_fifth_of_the_keywords_is_enough_and_stop_words_are_none() -> None:
    keywords = "one two three four five"
    assert keyword_f1("one", "one", keywords) == 1
    assert keyword_f1("one", "one", keywords + " six") == 0
    assert keyword_f1("is that it", "is that it", "is that it") == 0


def test_chinese_needs_two_fifths() -> None:
    # By words: 北京 天津 上海, of which the answer has two.
    assert keyword_f1_chinese("北京 天津", "北京 天津", "北京 天津 上海") == 1
    assert keyword_f1_chinese("北京", "北京", "北京 天津 上海") == 0
    assert keyword_f1_chinese("北京", "北京", None) == 1
    assert keyword_f1_chinese("南京", "北京", None) == 0


def test_rouge_leaves_stop_words_out() -> None:
    assert rouge_l_chinese("北京的，和天津", "北京 天津") == pytest.approx(1)
    assert rouge_l_chinese("主要以及", "北京") == 0
