"""Samples that are answered by a flow: the context is its document."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from longspan.errors import FlowError, WindowExceeded
from longspan.evaluation.asking import Asking
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.scoring import answered
from longspan.evaluation.task import TaskError
from longspan.evaluation.work import Work
from longspan.flows.base import Events, Flow
from longspan.flows.chat import Chat
from longspan.notation import parse_call
from longspan.parameters import check_choice
from longspan.parts import build
from longspan.plan import Plan
from longspan.reasoning.asking import Reasoned, reasoner_of
from longspan.registry import cards
from longspan.spans import Document

DIRECT = "direct"
"""In place of a flow: the model reads the whole prompt of the task."""


def flow_of(text: str) -> Flow:
    """The flow that a text such as map-reduce(chunk=2048) names, or that reasons as self-consistency(chains=5) says.

    Raises ValueError for none of them.
    """
    call = parse_call(text)
    thinking = [card.name for card in cards("reasoner")]
    if call.name in thinking:
        return Reasoned(by=reasoner_of(text))
    check_choice("flow", call.name, (DIRECT, *(card.name for card in cards("flow")), *thinking))
    return cast(Flow, build("flow", call))


def column(plan: Plan, flow: str) -> str:
    """What a record has as its plan."""
    return str(plan) if flow == DIRECT else f"{plan} flow={flow}".strip()


def by_flow(chat: Chat, work: Work, sample: Sample, asking: Asking) -> Record:
    """The record of a sample. One that a flow cannot fit is too long, one at which it fails is unscored."""
    task = work.task
    if work.flow is None or task.answer != "text":
        raise TaskError(
            f"{task.name} needs the likelihood of given tokens, which a flow does not tell; leave flow=... out"
        )
    record = work.record(sample, work.plans[0])
    generation = asking.generation(task.name, sample.id, asking.longest(task, sample))
    question = sample.question.strip()
    if sample.prefix:
        question = f"{question}\n{sample.prefix}"
    try:
        document = Document("context", sample.context)
        answer = work.flow.answer(chat, [document], question, Events(generation=generation))
    except WindowExceeded:
        return record
    except FlowError as error:
        return replace(record, status="unscored", error=" ".join(str(error).split())[:300])
    usage = answer.usage
    told = replace(
        record,
        status="scored",
        prompt_tokens=usage.prompt_tokens,
        generated_tokens=usage.generated_tokens,
        truncated_tokens=usage.truncated_tokens,
        prefill_seconds=usage.prefill_seconds,
        decode_seconds=usage.decode_seconds,
        kv_bytes=usage.kv_bytes,
        peak_kv_bytes=usage.peak_kv_bytes,
    )
    return answered(told, task, answer.text, sample)
