"""Perplexity over length: the same sentences after more or less text."""

import json
import math

import pytest

from longspan.evaluation import Haystack, Request, TaskError
from longspan.evaluation.tasks.perplexity import TASKS
from wordcount import words

FULL, SLIDING = TASKS
TEXT = " ".join(f"Boat number {number} sails past the pier before noon." for number in range(900))


def request(length, text=TEXT, seed=0):
    return Request(
        length=length, seed=seed, count_tokens=words, overhead=20, haystack=Haystack(name="h", text=text)
    )


def first(task, length, **changes):
    return next(iter(task.samples(request(length, **changes))))


@pytest.mark.parametrize("length", [300, 2000, 6000])
def test_the_context_fills_the_length_and_ends_where_the_scored_text_begins(length):
    sample = first(FULL, length)
    whole = sample.context + sample.references[0]
    assert whole in TEXT
    assert length - 12 < words(whole) <= length


def test_sliding_scores_the_same_sentences_after_less():
    long, short = first(FULL, 6000), first(SLIDING, 6000)
    assert long.references == short.references
    assert long.context.endswith(short.context)
    assert 1000 < words(short.context + short.references[0]) <= 1024
    assert first(FULL, 900).references == long.references
    assert first(SLIDING, 900) == first(FULL, 900)


def test_seeds_and_samples_differ():
    assert first(FULL, 500).references != first(FULL, 500, seed=1).references
    samples = FULL.samples(request(500))
    assert next(samples).references != next(samples).references


def test_the_score_by_hand():
    losses = json.dumps([math.log(2), math.log(8)])
    sample = first(FULL, 300)
    assert FULL.score(losses, sample) == pytest.approx(
        {"score": 0.25, "perplexity": 4, "nats": math.log(16), "tokens": 2}
    )


def test_text_is_not_repeated():
    with pytest.raises(TaskError, match=r"needs .* tokens of text that does not repeat.*haystack="):
        first(FULL, 20_000)


def test_a_length_without_room_is_an_error():
    with pytest.raises(TaskError, match="raise length="):
        first(FULL, 90)
