"""A context is read once, and every record is as if its plan and sample had been alone."""

import json
from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from toy import given, toy

from longspan.evaluation.asking import Asking
from longspan.evaluation.local import Local
from longspan.evaluation.prompt import prompt_of
from longspan.evaluation.sample import Sample
from longspan.evaluation.work import Work
from longspan.plan import Plan
from tiny import embedded, stock_logits, tiny_model

LATE = [
    Plan.of(text) for text in ("", "policy=snapkv(budget=40,window=16)", "selector=quest(budget=32,page=8)")
]
OWN = [
    Plan.of(text)
    for text in ("policy=snapkv(budget=60,window=16,when=chunk)", "codec=int8", "positions=yarn(factor=2)")
]


def samples(count=3, context="The lamp is lit. " * 12):
    return [
        Sample(
            id=str(number), context=context, question=f" Letter {number}?", references=("a",), prefix=" It"
        )
        for number in range(count)
    ]


def work(task, samples, plans):
    return Work(task=task, length=None, samples=tuple(samples), plans=tuple(plans))


def told(records):
    return {(record.sample, record.plan): (record.output, record.scores) for record in records}


@cache
def alone(question, chunk):
    """What each sample is told under each plan when nothing else is asked."""
    local, asking = Local(tiny_model(), chunk=chunk), Asking(question=question)
    found = {}
    for sample in samples():
        for plan in LATE + OWN:
            found |= told(local.answer(work(toy(), [sample], [plan]), asking))
    return found


@pytest.mark.parametrize(
    ("question", "batch", "chunk"),
    [("seen", 1, 64), ("seen", 2, 64), ("unseen", 1, 2048), ("unseen", 8, 2048)],
)
def test_together_is_as_alone(question, chunk, batch):
    local = Local(tiny_model(), chunk=chunk, batch=batch)
    together = told(local.answer(work(toy(), samples(), LATE + OWN), Asking(question=question)))
    assert len(together) == 3 * 6
    assert together == alone(question, chunk)


def test_seen_is_the_whole_prompt_read_under_the_plan():
    model, sample = tiny_model(), samples()[0]
    prompt = prompt_of(model.tokenizer, sample, chat=True)
    for plan in LATE:
        (record,) = Local(model).answer(work(toy(), [sample], [plan]))
        with model.session(plan) as session:
            session.read(prompt.context + prompt.question)
            text = "".join(step.text for step in session.generate(max_new_tokens=6))
        assert record.output == text
        assert record.prompt_tokens == len(prompt)


def test_unseen_compresses_before_the_question():
    model, sample, plan = tiny_model(), samples()[0], LATE[1]
    prompt = prompt_of(model.tokenizer, sample, chat=True)
    (record,) = Local(model).answer(work(toy(), [sample], [plan]), Asking(question="unseen"))
    with model.session(plan) as session:
        session.read(prompt.context)
        session.read(prompt.question, more=True)
        assert record.output == "".join(step.text for step in session.generate(max_new_tokens=6))


def test_a_context_is_read_once_for_all_plans_and_questions():
    model = tiny_model()
    prompts = [prompt_of(model.tokenizer, sample, chat=True) for sample in samples()]
    with embedded(model.network) as taken:
        records = list(Local(model).answer(work(toy(max_new_tokens=1), samples(), LATE)))
    assert taken[: len(prompts[0].context)] == prompts[0].context
    assert len(taken) == len(prompts[0].context) + sum(len(prompt.question) for prompt in prompts)
    assert [record.shared for record in records].count(False) == 1


@pytest.mark.parametrize("question", ["seen", "unseen"])
def test_plans_that_compress_while_reading_share_what_they_can(question):
    """The whole prompt with a question that is seen, otherwise the context; plans of one reading share the rest."""
    model, policy = tiny_model(), "policy=snapkv(budget=60,window=16,when=chunk)"
    plans = [Plan.of(policy), Plan.of(f"{policy} selector=quest(budget=32,page=8)")]
    prompts = [prompt_of(model.tokenizer, sample, chat=True) for sample in samples()]
    with embedded(model.network) as taken:
        records = list(
            Local(model).answer(work(toy(max_new_tokens=1), samples(), plans), Asking(question=question))
        )
    questions = sum(len(prompt.question) for prompt in prompts)
    contexts = 3 if question == "seen" else 1
    assert len(taken) == contexts * len(prompts[0].context) + questions
    assert [record.shared for record in records].count(False) == contexts
    assert {record.compress_seconds for record in records} == {0.0}


def test_costs_are_those_of_each_plan():
    full, snap, quest = Local(tiny_model()).answer(work(toy(), samples(1), LATE))
    assert snap.kv_bytes < full.kv_bytes <= quest.kv_bytes
    assert full.prefill_seconds == snap.prefill_seconds > 0
    assert snap.compress_seconds > 0
    assert full.decode_seconds > 0


def test_too_long_samples_are_skipped_and_counted_for_the_plans_they_are_too_long_for():
    long = samples(1, "x" * 700)
    plans = [Plan(), Plan.of("positions=yarn(factor=2)")]
    records = {record.plan: record for record in Local(tiny_model()).answer(work(given(), long, plans))}
    assert records[""].status == "too-long"
    assert records[""].prompt_tokens > 700
    assert records[""].scores == {}
    assert records[str(plans[1])].status == "scored"


@pytest.mark.parametrize(
    ("where", "kept"), [("middle", ("abc", "xyz")), ("start", ("", "xyz")), ("end", ("abc", ""))]
)
def test_a_long_context_is_cut_where_it_was_said(where, kept):
    model, context = tiny_model(), "abc" + "-" * 700 + "xyz"
    with embedded(model.network) as taken:
        (record,) = Local(model).answer(work(given(), samples(1, context), [Plan()]), Asking(too_long=where))
    assert record.status == "scored"
    assert record.prompt_tokens == model.window - 6
    assert record.truncated_tokens == len(prompt_of(model.tokenizer, samples(1, context)[0], chat=True)) - (
        model.window - 6
    )
    read = model.tokenizer.decode(taken)
    for part, end in zip(("abc", "xyz"), kept, strict=True):
        assert (part in read) == bool(end)


def test_a_question_longer_than_the_window_is_too_long_however_it_is_cut():
    sample = replace(samples(1)[0], question="?" * 600)
    (record,) = Local(tiny_model()).answer(work(given(), [sample], [Plan()]), Asking(too_long="middle"))
    assert record.status == "too-long"


def test_losses_are_those_of_the_stock_model():
    model = tiny_model()

    class Losses(type(given())):
        answer = "losses"

    task = Losses(**{each.name: getattr(given(), each.name) for each in fields(given())})
    sample = Sample(id="0", context="The lamp", question="", references=(" is lit.",))
    (record,) = Local(model).answer(work(replace(task, chat=False), [sample], [Plan()]))
    ids = torch.tensor(model.tokenizer("The lamp is lit.")["input_ids"])
    logits = stock_logits(model.network, ids).log_softmax(-1)
    expected = [-float(logits[place - 1, ids[place]]) for place in range(8, len(ids))]
    assert json.loads(record.output) == pytest.approx(expected, abs=1e-4)


def test_contexts_are_answered_side_by_side():
    model = tiny_model()
    works = [
        Work(task=toy(), length=None, samples=tuple(samples(2, text)), plans=tuple(LATE))
        for text in ("The lamp is lit. " * 12, "A boat came in. " * 7, "It rains. " * 9)
    ]
    works = [
        replace(work, samples=tuple(replace(each, id=f"{n}-{each.id}") for each in work.samples))
        for n, work in enumerate(works)
    ]
    apart = told(Local(model).answers(works))
    records = list(Local(model, batch=4).answers(works))
    assert told(records) == apart
    assert [record.together for record in records] == [4] * 12 + [2] * 6
    assert sum(not record.shared for record in records) == 3
