"""Which samples are asked: drawn by the seed, spread over the texts, each as likely as any other."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import HAYSTACK
from toy import given as samples_of

from longspan.evaluation import Request, Sample
from longspan.evaluation.drawing import drawn
from longspan.evaluation.task import taken

CLUSTERS = st.lists(st.sampled_from("abcdefg"), max_size=40)


@given(clusters=CLUSTERS, count=st.integers(0, 45), more=st.integers(0, 45), seed=st.text(max_size=3))
def test_more_samples_are_those_of_fewer_and_some(clusters, count, more, seed):
    few, many = drawn(clusters, count, seed), drawn(clusters, count + more, seed)
    assert len(few) == min(count, len(clusters))
    assert few == sorted(set(few))
    assert set(few) <= set(many) <= set(range(len(clusters)))


@given(clusters=CLUSTERS, count=st.integers(0, 45), seed=st.integers())
def test_each_text_gives_its_share(clusters, count, seed):
    """Of a text with n of N samples come count · n / N, but for less than two."""
    sizes, found = (
        Counter(clusters),
        Counter(clusters[number] for number in drawn(clusters, count, str(seed))),
    )
    for text, size in sizes.items():
        assert abs(found[text] - min(count, len(clusters)) * size / len(clusters)) < 2


def test_as_many_samples_as_texts_of_equal_size_are_one_of_each():
    clusters = [text for text in "abcdefgh" for _ in range(10)]
    for seed in range(20):
        assert {clusters[number] for number in drawn(clusters, 8, str(seed))} == set("abcdefgh")


def test_each_sample_is_as_likely_as_any_other():
    clusters = ["a"] * 12 + ["b"] * 3 + list("cdefg")
    times = Counter(number for seed in range(4000) for number in drawn(clusters, 5, str(seed)))
    assert sorted(times) == list(range(20))
    # 4000 draws of a quarter: 1000 each, standard deviation 27.
    assert max(abs(each - 1000) for each in times.values()) < 140


def request(seed):
    return Request(length=None, seed=seed, count_tokens=len, overhead=0, haystack=HAYSTACK)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_task_over_a_data_set_is_drawn_from_by_the_seed(seed):
    task = samples_of(*(text for text in ("first", "second", "third", "fourth") for _ in range(25)))
    chosen = list(taken(task, request(seed), 8))
    assert Counter(sample.context for sample in chosen) == dict.fromkeys(
        ("first", "second", "third", "fourth"), 2
    )
    assert [int(sample.id) for sample in chosen] == sorted(int(sample.id) for sample in chosen)
    assert chosen == list(taken(task, request(seed), 8))
    assert chosen != list(taken(task, request(seed + 1), 8))
    assert [sample.id for sample in taken(task, request(seed), None)] == [str(each) for each in range(100)]


def test_the_text_that_a_sample_belongs_to():
    def sample(**given):
        return Sample(**{"id": "7", "context": "", "question": "?", "references": ("a",), **given})

    assert (
        sample(context="One text.").cluster == sample(context="One text.", id="8", question="Else?").cluster
    )
    assert sample(context="One text.").cluster != sample(context="Another.").cluster
    assert sample(context="a", document="d").cluster == sample(context="b", document="d").cluster
    assert sample().cluster != sample(id="8").cluster
    assert sample(context="\ud800").cluster
