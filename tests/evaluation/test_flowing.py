"""Samples answered by flows: each a column of the run, kept and gone on with as plans are."""

import pytest
from toy import HAYSTACK, given, toy

from longspan.errors import FlowError, WindowExceeded
from longspan.evaluation import RunFolder
from longspan.evaluation.asking import Asking
from longspan.evaluation.flowing import by_flow, column, flow_of
from longspan.evaluation.job import Job
from longspan.evaluation.local import Local
from longspan.evaluation.run import run
from longspan.evaluation.sample import Sample
from longspan.evaluation.work import Work
from longspan.flows.scripted import Scripted
from longspan.plan import Plan
from tiny import tiny_model

FLOW = "best-passages(tokens=90,passage=30)"


def job(**changes):
    facts = {"tasks": (given("one " * 20, "two " * 20),), "samples": 2, "haystack": HAYSTACK}
    return Job(**{**facts, **changes})


def plans(folder):
    records = list(RunFolder(folder).records())
    assert len({record.key for record in records}) == len(records)
    return sorted({record.plan for record in records})


def test_a_flow_is_a_column_under_each_plan(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    plan = "policy=snapkv(budget=40,window=16)"
    some = job(plans=(Plan(), Plan.of(plan)), flows=(FLOW,))
    run(some, Local(tiny_model()), RunFolder(tmp_path / "a"))
    assert plans(tmp_path / "a") == sorted([f"flow={FLOW}", f"{plan} flow={FLOW}"])
    before = list(RunFolder(tmp_path / "a").records())
    run(job(flows=(FLOW, "direct")), Local(tiny_model()), RunFolder(tmp_path / "a"))
    after = list(RunFolder(tmp_path / "a").records())
    assert after[: len(before)] == before
    assert {each.plan for each in after[len(before) :]} == {""}


@pytest.mark.parametrize(
    ("said", "status", "output"),
    [
        ("Information: the key is 12\nAnswer: 12\nConfidence: 5", "scored", "12"),
        (WindowExceeded("too long"), "too-long", ""),
        (FlowError("it failed"), "unscored", ""),
    ],
)
def test_what_becomes_of_an_answer(said, status, output):
    sample = Sample(id="a", context="The key is 12. " * 9, question="Which key?", references=("12",))
    work = Work(
        task=toy(), length=None, samples=(sample,), plans=(Plan(),), column="flow", flow=flow_of("map-reduce")
    )
    chat = Scripted(
        [("higher confidence counts", said if status == "too-long" else "12"), ("one part", said)]
    )
    if status == "too-long":
        chat.rules = [
            ("higher confidence counts", said),
            ("one part", "Information: the key is 12\nAnswer: 12"),
        ]
    record = by_flow(chat, work, sample, Asking())
    assert (record.status, record.output, record.plan) == (status, output, "flow")
    assert record.prompt_tokens == (sum(map(chat.count, chat.asked)) if status == "scored" else 0)


def test_flows_have_names():
    assert column(Plan(), "direct") == ""
    with pytest.raises(ValueError, match="flow='reduce-map' is not one of direct"):
        flow_of("reduce-map")
