import re
from collections import Counter
from dataclasses import replace

import pytest

from longspan.evaluation.catalogue import find
from longspan.evaluation.task import taken
from longspan.evaluation.words import is_listed

[COMMON] = find(["ruler/cwe"])
[FREQUENT] = find(["ruler/fwe"])


def numbered(text):
    """The words of a numbered list, after a check of its numbers."""
    entries = re.findall(r"(\d+)\. (\S+)", text)
    assert [int(number) for number, _ in entries] == list(range(1, len(entries) + 1))
    return [word for _, word in entries]


@pytest.mark.parametrize(
    ("length", "times", "example_times"),
    [(2048, (6, 1), (3, 1)), (8192, (30, 3), (10, 3)), (65536, (30, 3), (10, 3))],
)
def test_how_often_words_stand_in_the_list(length, times, example_times, ask):
    for sample in taken(COMMON, ask(length), 2):
        _, example, context = sample.context.split("Below is a numbered list of words.")
        counts = Counter(numbered(context))
        assert {word for word, count in counts.items() if count == times[0]} == set(sample.references)
        assert set(counts.values()) == set(times)
        shown, _, solution = example.partition(
            "Answer: The top 10 words that appear most often in the list are: "
        )
        example_counts = Counter(numbered(shown))
        assert set(example_counts.values()) == set(example_times)
        assert [example_counts[word] for word in numbered(solution)] == [example_times[0]] * 10
        assert not example_counts.keys() & counts.keys()


def test_common_words_are_spread_over_the_list(ask):
    [sample] = taken(COMMON, ask(8192), 1)
    words = numbered(sample.context.rpartition("most often.\n")[2])
    half = words[: len(words) // 2]
    assert all(5 <= half.count(word) <= 25 for word in sample.references)


def test_frequencies_follow_the_zeta_distribution(ask):
    for sample in taken(FREQUENT, ask(8192), 3):
        words = sample.context.partition("coded words. ")[2].split()
        (dots, most), *ranked = Counter(words).most_common()
        assert dots == "..."
        assert [word for word, _ in ranked[:3]] == list(sample.references)
        assert [count for _, count in ranked] == [int(most / rank**2) for rank in range(2, len(ranked) + 2)]
        assert ranked[2][1] > ranked[3][1], "the third is more frequent than the fourth"
        assert all(re.fullmatch("[a-z]{6}", word) for word, _ in ranked)


@pytest.mark.parametrize("alpha", [1.5, 3.5])
def test_other_exponents_have_three_clear_winners(alpha, ask):
    [sample] = taken(replace(FREQUENT, alpha=alpha), ask(4096), 1)
    ranked = Counter(sample.context.partition("coded words. ")[2].split()).most_common(5)
    assert [word for word, _ in ranked[1:4]] == list(sample.references)
    assert ranked[3][1] > ranked[4][1]


def test_impossible_numbers_are_refused():
    for task, name, value in ((COMMON, "common", 0), (COMMON, "other_times", 30), (FREQUENT, "alpha", 1.0)):
        with pytest.raises(ValueError, match=f"{name}={value}"):
            replace(task, **{name: value})


def test_the_kind_of_a_word_does_not_tell_which_are_common(ask):
    """Where the list has pseudo-words, about as large a share of the common ones are such."""
    common, others = [], []
    for sample in taken(COMMON, ask(40_000), 8):
        words = set(re.findall(r"\d+\. (\S+)", sample.context.rpartition("numbered list")[2]))
        common += [is_listed(word) for word in sample.references]
        others += [is_listed(word) for word in words - {*sample.references}]
        assert len({*sample.references}) == 10
    assert 0.1 < sum(others) / len(others) < 0.9
    assert sum(common) / len(common) == pytest.approx(sum(others) / len(others), abs=0.25)
