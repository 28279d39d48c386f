"""Tuning a real, small model: the figures are those of its answers."""

from itertools import count, islice

import pytest
from toy import toy

from longspan.evaluation.asking import Asking
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.local import Local
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tune.candidates import candidates
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.race import NoPlan
from longspan.evaluation.tune.search import Search
from longspan.evaluation.tune.tune import default_length, tune, usable
from longspan.evaluation.work import Work
from longspan.plan import Plan
from longspan.spans import Document
from tiny import model_of, tiny_model, tiny_network

CORPUS = Corpus(
    (Document("d", "The lamp is lit. The sea is calm. A boat goes out. Nobody is at home. " * 40),)
)
PLANS = [
    Plan.parse(text)
    for text in ("codec=int8", "policy=snapkv(budget=0.5,window=16)", "selector=quest(budget=64)")
]


def search(**options):
    """A search whose clock strikes at every look, so that it ends after the same answers on every machine."""
    facts = {"target": Local(tiny_model()), "corpus": CORPUS, "plans": PLANS, "task": toy(), "length": 200}
    clock = map(float, count()).__next__
    return Search(**{**facts, "seconds": 100, "clock": clock, **options}).run()


@pytest.mark.parametrize("question", ["seen", "unseen"])
def test_all_plans_are_measured_on_the_same_questions(question):
    found = search(asking=Asking(question=question))
    assert found.winner in (Plan(), *PLANS)
    assert [each.plan for each in found.findings] == ["", *map(str, PLANS)]
    for finding in found.findings:
        records = [each for each in found.records if each.plan == finding.plan]
        assert len(records) >= finding.questions >= 2
    full = found.reference
    smaller = {each.plan: each.kv_bytes / full.kv_bytes for each in found.findings}
    assert 0.25 < smaller["codec=int8"] < 0.5  # of float32
    assert 0.4 < smaller[str(PLANS[1])] < 0.65
    assert smaller[str(PLANS[2])] > 1  # with its summaries


def test_a_record_is_what_the_model_answers_when_asked_alone():
    found = search(plans=PLANS[:2])
    local, task = Local(tiny_model()), toy()
    request = Request(
        length=200,
        seed=0,
        count_tokens=local.count_tokens,
        overhead=local.overhead(),
        haystack=Haystack(repeats=True, name="d", text=CORPUS.documents[0].text),
    )
    samples = {sample.id: sample for sample in islice(task.samples(request), 80)}
    for kept in found.records[-3:]:
        plan = Plan.parse(kept.plan)
        work = Work(task=task, length=200, samples=(samples[kept.sample],), plans=(plan,))
        (again,) = local.answers([work])
        assert (kept.output, kept.score) == (again.output, again.score)
        assert kept.kv_bytes == pytest.approx(again.kv_bytes, rel=0.1)


def test_a_model_that_knows_nothing_is_told():
    model = model_of(tiny_network("llama", max_position_embeddings=2048))
    with pytest.raises(NoPlan, match="nothing to compare plans with"):
        tune(model, CORPUS, plans=PLANS[:1], length=1200, seconds=20)


def test_a_length_over_the_window_is_refused_before_anything_is_read():
    with pytest.raises(TaskError, match=r"length=513 is over the window of 512 tokens; lower length="):
        tune(tiny_model(), CORPUS, length=513)
    with pytest.raises(ValueError, match=r"seconds=0 is outside 1"):
        tune(tiny_model(), CORPUS, seconds=0)


@pytest.mark.parametrize(
    ("window", "length"), [(512, 512), (2048, 1024), (8192, 1024), (32768, 4096), (10**6, 4096)]
)
def test_the_default_length_goes_with_the_window(window, length):
    assert default_length(window) == length


def test_all_candidates_can_be_made_for_a_llama():
    plans = candidates(512)
    assert usable(tiny_model(), plans) == list(plans)
