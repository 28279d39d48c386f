"""Penalties, biases and reported likelihoods: what they are in other words, and that drafts change none of them."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    MinNewTokensLengthLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
)

from longspan.decoding.base import Decode, Draft, Exact, Proposer
from longspan.running.drafting import Drafting
from longspan.running.runner import Request, Runner
from longspan.running.speaking import Speaker
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling
from longspan.spans.pieces import pieces_of
from tiny import VOCABULARY, tiny_model, tiny_tokenizer, tokens

CPU = torch.device("cpu")
WORDS = 12
LOGITS = st.lists(st.floats(-4, 4, width=32), min_size=WORDS, max_size=WORDS)
IDS = st.lists(st.integers(0, WORDS - 1), max_size=20)


def naive(asked, logits, read, written, ends):
    """Logits after all that is asked, token by token."""
    text, changed = read + written, []
    window = text[-asked.repetition_window :] if asked.repetition_window else text
    for token, value in enumerate(logits):
        value += asked.logit_bias.get(token, 0.0)
        if token in window:
            value = value / asked.repetition_penalty if value > 0 else value * asked.repetition_penalty
        count = Counter(written)[token]
        value -= count * asked.frequency_penalty + (count > 0) * asked.presence_penalty
        changed.append(-math.inf if token in ends and len(written) < asked.min_tokens else value)
    return torch.tensor(changed)


ASKED = st.builds(
    Sampling,
    temperature=st.just(1.0),
    repetition_penalty=st.sampled_from([0.7, 1.0, 1.3, 2.0]),
    repetition_window=st.sampled_from([None, 1, 4, 50]),
    presence_penalty=st.sampled_from([-1.0, 0.0, 0.5]),
    frequency_penalty=st.sampled_from([-0.5, 0.0, 2.0]),
    logit_bias=st.dictionaries(
        st.integers(0, WORDS - 1), st.sampled_from([-3.0, 5.0, -math.inf]), max_size=3
    ),
    min_tokens=st.integers(0, 5),
)


@settings(max_examples=150, deadline=None)
@given(asked=ASKED, logits=LOGITS, read=IDS, written=IDS, undone=IDS)
def test_each_token_pays_for_its_own_past(asked, logits, read, written, undone):
    row, sampler = torch.tensor(logits), Sampler(asked, CPU)
    sampler.begin([-1, *read], {0, 3})
    for token in [*written, *undone]:
        sampler.take(token, row)
        sampler.ahead().take(1, row)
    sampler.back(len(undone))
    expected = naive(asked, logits, [-1, *read], written, {0, 3}).softmax(-1)
    torch.testing.assert_close(sampler.distribution(row), expected, atol=1e-6, rtol=1e-5)
    assert row.tolist() == pytest.approx(logits)


def test_repetition_and_shortest_length_are_those_of_transformers():
    row = torch.randn(1, WORDS, generator=torch.Generator().manual_seed(0))
    read, written = [1, 2, 2, 5], [7, 2]
    theirs = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([read + written]), row.clone())
    theirs = MinNewTokensLengthLogitsProcessor(len(read), 3, 4, "cpu")(torch.tensor([read + written]), theirs)
    ours = Sampler(Sampling(temperature=1.0, repetition_penalty=1.7, min_tokens=3), CPU)
    ours.begin(read, {4})
    for token in written:
        ours.take(token, row[0])
    torch.testing.assert_close(ours.distribution(row[0]), theirs[0].softmax(-1))


def test_greedily_all_probability_is_one_tokens():
    row = torch.tensor([0.5, 3.0, 2.0])
    sampler = Sampler(Sampling(presence_penalty=2.0, logprobs=3), CPU)
    assert [sampler.draw(row) for _ in range(3)] == [1, 2, 1]
    assert sampler.distribution(row).tolist() == [0, 1, 0]
    assert [sampler.said().logprobs[0][0] for _ in range(3)] == [1, 2, 1]
    assert sampler.said() is None


def said(*, read=20, count=24, session=None, **generation):
    with tiny_model().session() as fresh:
        chosen = session or fresh.read(tokens(read))
        return list(chosen.generate(max_new_tokens=count, **generation))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_likelihoods_are_those_of_the_models_own_logits(temperature):
    ids = tokens(20)
    steps = said(temperature=temperature, top_k=3, seed=1, presence_penalty=1.0, logprobs=4, count=8)
    text = torch.cat((ids, torch.tensor([step.token for step in steps])))
    with tiny_model().session() as session:
        rows = session.logits(text)[len(ids) - 1 : -1].double().log_softmax(-1)
    for step, row in zip(steps, rows, strict=True):
        assert step.logprobs.own.token == step.token
        assert step.logprobs.own.value == pytest.approx(float(row[step.token]), abs=1e-4)
        best = row.topk(4)
        assert [each.token for each in step.logprobs.likeliest] == best.indices.tolist()
        assert [each.value for each in step.logprobs.likeliest] == pytest.approx(
            best.values.tolist(), abs=1e-4
        )
        assert step.logprobs.own.data == pieces_of(tiny_tokenizer()).data(step.token)
    assert said()[0].logprobs is None
    assert said(logprobs=0)[0].logprobs.likeliest == ()


def test_an_answer_has_the_likelihoods_of_all_that_was_said():
    with tiny_model().session() as session:
        answer = session.ask("Who?", max_new_tokens=5, logprobs=1)
    assert len(answer.logprobs) == answer.usage.generated_tokens
    told = answer.to_dict()["logprobs"][0]
    assert set(told) == {"token", "text", "bytes", "logprob", "top"}
    assert bytes(told["bytes"]).decode(errors="replace") == told["text"]


def test_a_text_that_may_not_end_yet_goes_on():
    ends = {2: 100.0}
    assert [len(said(logit_bias=ends, min_tokens=shortest)) for shortest in (0, 1, 9)] == [1, 2, 10]


class Mixed(Decode, Proposer):
    """Drafts what was said without drafts, spoilt at every third token, with siblings."""

    gate = False

    def __init__(self, text):
        self.text = text

    def proposer(self):
        return self

    def propose(self, ids, room):
        coming = self.text[len(ids) : len(ids) + 6]
        right = [token if (len(ids) + at) % 3 else 7 for at, token in enumerate(coming)]
        return Draft((*right, 9, 11), (*range(-1, len(right) - 1), -1, 0)) if right else Draft()


class Judging(Exact):
    """Draws by the probabilities of what is asked, instead of by `draw`."""

    def accept(self, draft, logits, draws):
        outer = draws

        class Own:
            def draw(self, row):
                token = outer.choose(outer.distribution(row))
                outer.take(token, row)
                return token

        return super().accept(draft, logits, Own())


@pytest.mark.parametrize("verifier", [Exact, Judging])
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_drafts_change_nothing(temperature, verifier):
    model, ids = tiny_model(), [int(each) for each in tokens(30)]
    asked = {
        "temperature": temperature,
        "seed": 5,
        "repetition_penalty": 1.4,
        "repetition_window": 16,
        "frequency_penalty": 0.8,
        "presence_penalty": 0.4,
        "logit_bias": {50: 2.0, 60: -math.inf},
        "min_tokens": 30,
        "logprobs": 2,
    }
    plain = said(read=30, count=30, **asked)
    decode = Mixed(ids + [step.token for step in plain])
    decode.verifier = verifier
    with model.session() as session:
        (sequence,) = session.read(ids).sequences
        speaker = Speaker(model.tokenizer, CPU, max_new_tokens=30, **asked)
        runner = Runner(model.seam)
        runner.add(
            Request(sequence=sequence, reading=False, speaker=speaker, drafting=Drafting(decode), ends={2})
        )
        drafted = [step for steps in runner.run() for _, step in steps]
    assert [step.token for step in drafted] == [step.token for step in plain]
    for mine, theirs in zip(drafted, plain, strict=True):
        assert mine.logprobs.own.token == mine.token
        assert mine.logprobs.own.value == pytest.approx(theirs.logprobs.own.value, abs=1e-4)


def test_forks_and_marks_leave_each_others_counts_alone():
    asked = {"presence_penalty": 2.0, "repetition_penalty": 1.5, "count": 10}
    with tiny_model().session() as session:
        session.read(tokens(20))
        before = session.mark()
        going = session.generate(max_new_tokens=10, presence_penalty=2.0, repetition_penalty=1.5)
        first = [next(going).token for _ in range(4)]
        with session.fork() as twin:
            said(session=twin, **asked)
        first += [step.token for step in going]
        assert first == [step.token for step in said(**asked)]
        session.rewind(before)
        assert first == [step.token for step in said(session=session, **asked)]


def test_who_goes_back_while_it_speaks_has_to_ask_again():
    with tiny_model().session() as session:
        session.read(tokens(20))
        before, going = session.mark(), session.generate(max_new_tokens=10, presence_penalty=1.0)
        next(going)
        session.rewind(before)
        with pytest.raises(ValueError, match="20 tokens where 20 were read and 1 said; generate again"):
            next(going)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"repetition_penalty": 0.0}, "give one above 0"),
        ({"repetition_penalty": -1.0}, "is outside 0.0 .. ∞"),
        ({"repetition_window": 0}, "repetition_window=0 is outside 1 .. ∞"),
        ({"presence_penalty": 2.1}, "presence_penalty=2.1 is outside -2.0 .. 2.0"),
        ({"frequency_penalty": math.nan}, "frequency_penalty=nan is outside"),
        ({"min_tokens": -1}, "min_tokens=-1 is outside 0 .. ∞"),
        ({"logprobs": 21}, "logprobs=21 is outside 0 .. 20"),
        ({"logit_bias": [5]}, r"logit_bias=\[5\] is no mapping"),
        ({"logit_bias": {-1: 1.0}}, "a token of logit_bias=-1 is outside"),
        ({"logit_bias": {"a": 1.0}}, "a token of logit_bias='a' is no whole number"),
        ({"logit_bias": {5: 101.0}}, r"logit_bias\[5\]=101.0 is outside -100.0 .. 100.0"),
        ({"logit_bias": {VOCABULARY: 1.0}}, "logit_bias has the token 272, outside 0 .. 271"),
    ],
)
def test_what_cannot_be_asked_is_named(bad, told):
    with pytest.raises(ValueError, match=told):
        said(**bad)
