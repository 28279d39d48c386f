"""LongBench's scores, by hand."""

import sys

import pytest

from longspan.evaluation.metrics import chinese
from longspan.evaluation.metrics.chinese import f1_of_words
from longspan.evaluation.metrics.longbench import (
    classification,
    code_similarity,
    count,
    first_line,
    retrieval,
    rouge_l_chinese,
)
from longspan.evaluation.task import TaskError

LABELS = ["Person", "Other person", "Place", "City"]


def test_first_line_skips_line_breaks_before_it() -> None:
    assert first_line("\n\nPlace\nQuestion: next") == "Place"
    assert first_line("") == ""


def test_classification_shares_the_score_among_the_labels_named() -> None:
    assert classification("It is a Place.", "Place", LABELS) == 1
    assert classification("Place or City", "Place", LABELS) == 0.5
    assert classification("City", "Place", LABELS) == 0
    assert classification("place", "Place", LABELS) == 0, "case counts"


def test_a_label_inside_the_gold_one_is_not_counted() -> None:
    assert classification("Human being", "Human being", ["Human", "Human being"]) == 1
    assert classification("Human being", "Human", ["Human", "Human being"]) == 0.5


def test_count_and_retrieval_are_parts_of_the_numbers_named() -> None:
    assert count("There are 7.", "7") == 1
    assert count("7 of 10", "7") == 0.5
    assert count("17", "7") == count("none", "7") == 0
    assert retrieval("Paragraph 12", "Paragraph 12") == 1
    assert retrieval("12 or 3, or 4", "Paragraph 12") == pytest.approx(1 / 3)
    assert retrieval("段落3", "段落3") == 1


def test_each_second_label_inside_the_gold_one_stays_as_published() -> None:
    """The published script takes labels out of the list that it walks along."""
    assert classification("a b c", "a b c", ["a", "b", "c", "a b c"]) == 1 / 2
    assert classification("a b c", "a b c", ["a", "x", "a b c", "b"]) == 1


def test_code_similarity_takes_the_first_line_of_code() -> None:
    assert code_similarity("\n```python\n# comment\nreturn x\nmore", "return x") == 1
    # 2·3 common letters of 3 + 4, in whole per cent.
    assert code_similarity("abc", "abcd") == 0.86
    assert code_similarity("# nothing else", "return x") == 0
    # By blocks: after "c" only what stands behind it in both, not the longest common subsequence "abc".
    assert code_similarity("cabd", "dabc") == 0.5
    assert code_similarity("", "") == 1


def test_chinese_is_compared_by_words() -> None:
    # 我 爱 北京 with 我 爱 南京: two of three words; of four characters it would be three.
    assert rouge_l_chinese("我爱北京", "我爱南京") == pytest.approx(2 / 3)
    assert f1_of_words("我 爱，北京！", "我爱南京") == pytest.approx(2 / 3)
    assert f1_of_words("", "我") == rouge_l_chinese("", "我") == 0


def test_chinese_words_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    chinese._tokenizer.cache_clear()
    with pytest.raises(TaskError, match=r"pip install 'longspan\[chinese\]'"):
        f1_of_words("我", "我")
    chinese._tokenizer.cache_clear()
