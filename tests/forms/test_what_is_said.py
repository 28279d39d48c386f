"""Forms where answers are generated: ends, limits, stop strings, drafts, reasoning."""

import json
from functools import cache

import jsonschema
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan import Form
from longspan.decoding.base import Decode, Draft, Proposer
from longspan.errors import FormError
from longspan.forms.matching import Matching
from longspan.forms.reasoned import Reasoned
from longspan.forms.vocabulary import vocabulary_of
from longspan.running.drafting import Drafting
from longspan.running.formed import fitting
from longspan.running.runner import Request, Runner
from longspan.running.speaking import Speaker
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling
from longspan.spans.pieces import pieces_of
from piecewise import BEGIN, END, STOP, sentence_pieces
from tiny import tiny_model, tokens

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 3}, "sizes": {"type": "array", "items": {"enum": [1, 20]}}},
    "required": ["name", "sizes"],
    "additionalProperties": False,
}  # fmt: skip
FORMS = {
    "schema": lambda: Form.json_schema(SCHEMA, compact=True),
    "regex": lambda: Form.regex("[a-f]{3}-[0-9]{2,4}(;[A-Z]{1,9})?"),
    "choice": lambda: Form.choice(["north", "northwest", "south"]),
}


def said(form, count=60, *, read=20, **generation):
    with tiny_model().session() as session:
        return list(session.read(tokens(read)).generate(max_new_tokens=count, form=form, **generation))


def text_of(steps):
    return "".join(step.text for step in steps)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_random_model_says_what_is_asked(name, temperature):
    form = FORMS[name]()
    steps = said(form, 60, temperature=temperature, seed=3)
    assert form.holds(text_of(steps)) == steps[-1].complete
    assert steps[-1].finished == ("stop" if len(steps) < 60 else "length")
    assert steps[-1].complete or len(steps) == 60
    if name == "schema" and steps[-1].complete:
        jsonschema.validate(json.loads(text_of(steps)), SCHEMA)


def test_what_nothing_can_follow_ends_without_an_end():
    steps = said(Form.choice(["yes"]))
    assert [step.text for step in steps] == ["y", "e", "s"]
    assert [step.complete for step in steps] == [False, False, True]
    assert steps[-1].finished == "stop"


def test_a_limit_is_told_from_an_end():
    steps = said(Form.regex("a{9}"), 5)
    assert (text_of(steps), steps[-1].finished, steps[-1].complete) == ("aaaaa", "length", False)
    steps = said(Form.regex("a{5}"), 5)
    assert (text_of(steps), steps[-1].finished, steps[-1].complete) == ("aaaaa", "stop", True)


@pytest.mark.parametrize(("pattern", "complete"), [("a{4}-b", False), ("a{3,4}-?b?", True)])
def test_a_stop_string_leaves_what_is_before_it(pattern, complete):
    dash = next(iter(pieces_of(tiny_model().tokenizer).of("-")))
    steps = said(Form.regex(pattern), stop="-", logit_bias={dash: 50.0})
    assert text_of(steps).strip("a") == ""
    assert steps[-1].finished == "stop"
    assert steps[-1].complete == complete


def test_an_end_comes_only_where_the_text_is_complete():
    steps = said(Form.regex("(ab)+"), logit_bias={2: 100.0})
    assert text_of(steps) == "ab"
    assert steps[-1].token == 2


def test_an_answer_says_whether_it_is_of_its_form():
    form = Form.choice([" left", "right "])
    with tiny_model().session() as session:
        answer = session.ask("Where?", form=form)
        assert answer.complete
        assert answer.text in (" left", "right ")
        answer = session.ask("Where?", form=Form.regex("a{9}"), max_new_tokens=4)
        assert not answer.complete
        assert answer.to_dict()["complete"] is False


def test_a_form_that_cannot_be_followed_is_refused_before_anything_is_read():
    with tiny_model().session() as session:
        session.read(tokens(5))
        for form in (Form.json_schema({"$ref": "#"}), Form.regex("[^\\s\\S]")):
            with pytest.raises(FormError, match=r"allows no text|cannot be followed"):
                session.generate(form=form)
        assert session.seen == [5]


class Spoilt(Decode, Proposer):
    """Drafts what was said without drafts and goes on behind its end, with wrong siblings and wrong thirds."""

    gate = False

    def __init__(self, text):
        self.text = text

    def proposer(self):
        return self

    def propose(self, ids, room):
        coming = [*self.text[len(ids) :], 2, 80, 270][:7]
        right = [token if (len(ids) + at) % 3 else 7 for at, token in enumerate(coming)]
        return Draft((*right, 9, 2), (*range(-1, len(right) - 1), -1, 0))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("ends", [{2}, set()])
def test_drafts_change_nothing(name, temperature, ends):
    model, ids, form = tiny_model(), [int(each) for each in tokens(25)], FORMS[name]()

    def spoken(decode=None):
        with model.session() as session:
            (sequence,) = session.read(ids).sequences
            speaker = Speaker(
                model.tokenizer, model.seam.device, max_new_tokens=40, form=form, temperature=temperature, seed=2
            )  # fmt: skip
            runner = Runner(model.seam)
            drafting = None if decode is None else Drafting(decode)
            request = Request(sequence=sequence, reading=False, speaker=speaker, drafting=drafting, ends=ends)
            runner.add(request)
            steps = [step for found in runner.run() for _, step in found]
            assert request.error is None
            return steps

    plain = spoken()
    assert spoken(Spoilt(ids + [step.token for step in plain])) == plain


@pytest.mark.parametrize("decode", ["forced(gate=false)", "prompt-lookup(gate=false)", "forced"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_forced_is_drafted_and_verified(decode, temperature):
    form = Form.json_schema({"type": "object", "properties": {"long name": {"enum": [1, 2]}},
                             "required": ["long name"], "additionalProperties": False}, compact=True)  # fmt: skip

    def spoken(plan):
        with tiny_model().session(plan) as session:
            session.read(tokens(20))
            return list(session.generate(form=form, temperature=temperature, seed=1)), session.usage

    plain, _ = spoken("")
    assert text_of(plain) in ('{"long name": 1}', '{"long name": 2}')
    drafted, usage = spoken(f"decode={decode}")
    assert drafted == plain
    if "false" in decode:
        assert usage.accepted_tokens >= len('"long name": ') - 2


def test_drafts_keep_what_the_form_allows():
    matching = Matching(Form.regex("ab(c|d)e"), vocabulary_of(tiny_model().tokenizer))
    token = {text: pieces_of(tiny_model().tokenizer).of(text)[0] for text in "abcde"}
    ids = tuple(token[each] for each in "abacdeb")
    draft = Draft(ids, (-1, 0, 0, 1, 1, 4, 5), scores=(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3))
    left = fitting(matching, draft)
    assert {left.path(place) for place in range(len(left.ids))} == {
        tuple(token[each] for each in text) for text in ("a", "ab", "abc", "abd", "abde")
    }
    assert fitting(None, draft) is draft
    assert fitting(matching, Draft(ids[:2], (-1, 0))).ids == ids[:2]
    drawn = Draft(ids[2:5], (-1, 0, 0), {0: None})
    assert fitting(matching, drawn) is drawn


@cache
def vocabulary():
    return vocabulary_of(sentence_pieces())


@inputs(30)
@given(seed=st.integers(0, 9999), begun=st.booleans())
def test_a_reasoning_comes_before_the_form(seed, begun):
    """Its end may also be spelled out in single bytes."""
    form, chances = Form.regex("[ab]{2,5}"), torch.Generator().manual_seed(seed)
    sampler = Sampler(
        Sampling(temperature=1.0, seed=seed, logit_bias={BEGIN: 8.0, END: 6.0}),
        torch.device("cpu"),
        Reasoned(Matching(form, vocabulary()), vocabulary(), begun=begun),
    )
    sampler.begin([], {STOP})
    said, complete = b"", False
    for _ in range(80):
        token = sampler.draw(3 * torch.randn(310, generator=chances))
        told = sampler.said()
        complete = told.complete
        if token == STOP or told.closed:
            break
        said += vocabulary().data[token] if token < vocabulary().size else b""
    else:
        return
    said += vocabulary().data[token] if token != STOP else b""
    assert complete
    _, ended, rest = said.partition(b"</think>")
    if begun or said.startswith(b"<think>"):
        assert ended
        assert form.holds(rest.decode().lstrip("\r\n"))
    else:
        assert form.holds(said.decode())


def test_a_token_that_ends_a_reasoning_and_begins_more_is_not_drawn():
    reasoned = Reasoned(Matching(Form.regex("x"), vocabulary()), vocabulary(), begun=True)
    assert [token for token in range(310) if not reasoned.allows(token)] == []
    reasoned.begin({STOP})
    assert [token for token in range(310) if not reasoned.allows(token)] == [STOP]
    assert (~reasoned.mask(310)).nonzero().tolist() == [[STOP]]
    for byte in b"so </think":
        reasoned.take(1 + byte)
    assert not reasoned.complete
    reasoned.take(1 + ord(">"))
    reasoned.take(1 + ord("\n"))
    assert [token for token in range(310) if reasoned.allows(token)] == [1 + ord("x")]
    reasoned.back(2)
    assert reasoned.allows(1 + ord("q"))
    assert reasoned.fitting([1 + ord("a"), END, 5]) == 1
