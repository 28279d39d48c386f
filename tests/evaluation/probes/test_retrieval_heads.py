"""A retrieval score is how often the most attended token is the one to be copied, in the needle."""

import json

import pytest
import torch
from stock_attention import stock_attention

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.probes import NEEDLES, Needle, needle_prompt, retrieval_heads
from longspan.evaluation.probes.retrieval_heads import RETRIEVES, copy_scores
from longspan.plan import Plan
from tiny import tiny_model, tiny_tokenizer

HAY = Haystack(
    repeats=True,
    name="hay",
    text="It rained all day. The ferry was late. A dog slept. Nobody came to the pier.",
)
NEEDLE = Needle(begin="The word of Ada was", rest=" aaa ababa aab.", question="What word?")


def prompt(length=300, depth=0.5, needle=NEEDLE):
    return needle_prompt(tiny_tokenizer(), needle, length=length, depth=depth, haystack=HAY)


@pytest.mark.parametrize("needle", [NEEDLE, *NEEDLES])
@pytest.mark.parametrize("length", [470, 511, 900])
@pytest.mark.parametrize("depth", [0, 0.4, 1])
def test_the_prompt_fits_and_says_where_the_needle_lies(needle, length, depth):
    found = prompt(length, depth, needle)
    size = len(found.ids) + len(found.answer)
    assert length - 30 < size <= length  # no sentence more would fit
    decode = tiny_tokenizer().decode
    assert decode(found.ids[found.needle.start : found.needle.stop]) == needle.begin + needle.rest
    assert decode(found.copied) == needle.rest
    text = decode(found.ids)
    assert text.endswith(f"assistant\n{needle.begin}")
    assert text.count(needle.rest) == 1


def test_the_needle_goes_deeper():
    starts = [prompt(depth=depth).needle.start for depth in (0, 0.3, 0.6, 1)]
    assert starts == sorted(set(starts))


def test_a_length_without_room_for_the_needle_is_refused():
    with pytest.raises(ValueError, match="length=50 is outside"):
        prompt(50)


def test_scores_are_counted_by_the_formula():
    found = prompt()
    copied = found.copied
    ids = [*found.ids, *copied[:-1]]
    stock = stock_attention(ids)
    expected = torch.zeros(3, 4, dtype=torch.double)
    for step, token in enumerate(copied):
        query = len(found.ids) - 1 + step  # the token before the one that is generated
        for layer in range(3):
            for head in range(4):
                top = int(stock[layer, head, query].argmax())
                expected[layer, head] += (top in found.needle and ids[top] == token) / len(copied)
    scores = copy_scores(tiny_model(), found, Plan(), chunk=64)
    assert torch.equal(
        torch.stack([scores[layer] for layer in range(3)]).round(decimals=9), expected.round(decimals=9)
    )
    assert 0 < expected.max() <= 1


def test_scores_are_averaged_over_lengths_and_depths_and_sorted():
    lengths, depths = (250, 300), (0.2, 0.8)
    told = []
    found = retrieval_heads(
        tiny_model(),
        lengths=lengths,
        depths=depths,
        needles=[NEEDLE],
        haystack=HAY,
        progress=lambda one: told.append((one.processed, one.total)),
    )
    each = [
        copy_scores(tiny_model(), prompt(length, depth), Plan()) for length in lengths for depth in depths
    ]
    for head in found.heads:
        mean = sum(float(scores[head.layer][head.head]) for scores in each) / 4
        assert head.score == pytest.approx(mean)
    assert len({(head.layer, head.head) for head in found.heads}) == 12
    scores = [head.score for head in found.heads]
    assert scores == sorted(scores, reverse=True)
    assert len(found.retrieving) == sum(score >= RETRIEVES for score in scores)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert json.loads(json.dumps(found.to_dict()))["heads"][0]["score"] == scores[0]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"plan": "policy=snapkv"}, "has policy, and retrieval heads are found with full attention"),
        ({"lengths": ()}, "lengths is empty"),
        ({"depths": (1.5,)}, r"depth=1.5 is outside 0 .. 1"),
    ],
)
def test_what_cannot_be_probed_is_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        retrieval_heads(tiny_model(), haystack=HAY, **options)
