"""ROUGE over distinct words, against the package whose figures the benchmarks have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge import Rouge

from longspan.evaluation.metrics.distinct_rouge import NONE, rouge_l, rouge_l_f, rouge_n

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "B", "a,", ".", " ", "\n", "d. ", "、"]), max_size=30).map(
    lambda parts: " ".join(parts)
)


@given(output=TEXTS, reference=TEXTS)
def test_the_package_gives_the_same(output: str, reference: str) -> None:
    found = {"rouge-1": rouge_n(output, reference, 1), "rouge-2": rouge_n(output, reference, 2)}
    found["rouge-l"] = rouge_l(output, reference)
    try:
        [theirs] = Rouge().get_scores([output], [reference])
    except ValueError:  # nothing to compare
        assert set(found.values()) == {NONE}
        return
    for kind, ours in found.items():
        assert ours._asdict() == pytest.approx(
            {"recall": theirs[kind]["r"], "precision": theirs[kind]["p"], "f": theirs[kind]["f"]}
        )


def test_by_hand() -> None:
    # Distinct words: the cat lay on mat, and the cat sat on mat.
    assert rouge_l("the cat lay on the mat", "the cat sat on the mat") == pytest.approx((4 / 5, 4 / 5, 4 / 5))
    # Sentence by sentence the order of the two does not matter; case and marks do.
    assert rouge_l_f("c d. a b", "a b. c d") == pytest.approx(1)
    assert rouge_l_f("A b,", "a b") == 0
    assert rouge_l_f("", "a") == rouge_l_f("...", "a") == 0


def test_a_sentence_longer_than_python_recurses() -> None:
    text = " ".join(map(str, range(1500)))
    assert rouge_l_f(text, text) == pytest.approx(1)
