"""The search with a scripted target: what is asked, what is left out, who wins, and what it says."""

import json
from random import Random

import pytest
from toy import given

from longspan.errors import PlanError
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import TaskError
from longspan.evaluation.tune.batches import LARGEST
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.questions import Questions
from longspan.evaluation.tune.race import NoPlan
from longspan.evaluation.tune.search import Search
from longspan.evaluation.tune.standing import Limits
from longspan.plan import Plan
from longspan.spans import Document
from wordcount import words

FULL = ""
GOOD = "policy=snapkv(budget=0.25)"
POOR = "policy=streamingllm(budget=0.25)"
RICH = "codec=int8"
SIZES = {FULL: 1000, GOOD: 250, POOR: 250, RICH: 520}
SKILLS = {FULL: 0.92, GOOD: 0.97, POOR: 0.3, RICH: 0.97}


class Script:
    """Answers with the reference as often as a plan's skill says; each answer takes its time."""

    def overhead(self, asking):
        return 10

    def __init__(self, *, skills=None, unable=(), broken=(), window=2000, pace=0.2):
        self.skills, self.unable, self.broken = {**SKILLS, **(skills or {})}, set(unable), set(broken)
        self.pace, self.time, self._window = pace, 0.0, window
        self.asked: list[tuple[str, str, str]] = []
        self.batches: list[int] = []

    def clock(self):
        return self.time

    def count_tokens(self, text):
        return words(text)

    def window(self, plan):
        return self._window

    def describe(self):
        return {"tokenizer": "words"}

    def answers(self, works, asking):
        for work in works:
            assert len({sample.context for sample in work.samples}) == 1
            self.batches.append(len(work.samples))
            for sample in work.samples:
                for plan in map(str, work.plans):
                    if plan in self.broken:
                        raise PlanError(f"{plan} cannot be used with this model")
                    self.time += self.pace
                    self.asked.append((plan, sample.id, sample.context))
                    yield self.record(work, sample, plan)

    def record(self, work, sample, plan):
        able = sample.facts.get("kind") not in self.unable
        right = able and Random(f"{sample.id}/{plan}").random() < self.skills[plan]
        output = sample.references[0] if right else "no idea"
        return Record(
            task=work.task.name,
            length=work.length,
            sample=sample.id,
            plan=plan,
            scores=work.task.score(output, sample),
            output=output,
            facts=sample.facts,
            decode_seconds=self.pace,
            kv_bytes=SIZES[plan],
        )


@pytest.fixture(scope="module")
def corpus():
    words = [
        "boat",
        "keeper",
        "lamp",
        "north",
        "storm",
        "rope",
        "letter",
        "island",
        "winter",
        "gull",
        "stone",
    ]
    random = Random(0)
    sentence = lambda: f"{' '.join(random.choices(words, k=12)).capitalize()}."  # noqa: E731
    return Corpus((Document("log.txt", " ".join(sentence() for _ in range(200))),))


@pytest.fixture
def search(corpus):
    def start(target, *, plans=(GOOD, POOR, RICH), seconds=600.0, task=None, length=400, **options):
        return Search(
            target=target,
            corpus=corpus,
            plans=[Plan.parse(text) for text in plans],
            task=task or Questions(corpus=corpus),
            length=length,
            seconds=seconds,
            clock=target.clock,
            **options,
        ).run()

    return start


def test_the_leanest_plan_that_is_as_good_wins(search):
    found = search(Script(), loss=0.2)
    assert str(found.winner) == GOOD
    assert found.notes == ()
    assert found.why.startswith(
        "the leanest plan within the limits that is shown to lose at most 20 points against the full cache: "
    )
    assert found.why.endswith("with 25% of the full cache's memory")
    assert found.best.difference_low >= -0.2
    assert [each.plan for each in found.findings] == [FULL, GOOD, POOR, RICH]
    assert "below the full cache" in found.findings[2].dropped
    assert GOOD in [each.plan for each in found.front]


def test_what_was_not_compared_is_said(search):
    found = search(Script(pace=4.0), seconds=60)
    untried = [each for each in found.findings if not each.questions]
    assert untried
    assert all(each.dropped == "not tried, for want of time" for each in untried)
    assert found.why.endswith(f"; {len(untried)} of 4 plans were not compared")


def test_the_full_cache_wins_where_the_others_are_worse(search):
    found = search(Script(skills={GOOD: 0.3, RICH: 0.4}))
    assert found.winner == Plan()
    assert "so the cache is kept whole" in found.why


def test_under_a_memory_limit_the_nearest_wins(search):
    found = search(Script(skills={GOOD: 0.6}), limits=Limits(memory=300))
    assert str(found.winner) == GOOD
    assert "this one scores highest" in found.why
    with pytest.raises(NoPlan, match="allow more memory"):
        search(Script(), limits=Limits(memory=100))


def test_kinds_that_the_model_cannot_answer_are_left_out_before_the_race(search):
    target = Script(unable={"two-hop", "pair"})
    found = search(target)
    (note,) = found.notes
    assert note == "left out, since the full cache hardly answers such questions: pair, two-hop"
    assert set(found.by_kind) == {"needle", "quote"}
    assert all(score > 0.8 for score in found.by_kind.values())
    assert {record.facts["kind"] for record in found.records if record.plan == GOOD} == {"needle", "quote"}
    tried = {context for _, sample, context in target.asked if sample < "0003"}
    assert {plan for plan, _, context in target.asked if context in tried} == {FULL}


def test_a_model_that_answers_nothing_is_told_at_once(search):
    target = Script(skills={FULL: 0.0})
    with pytest.raises(
        NoPlan, match=r"the full cache scores 0\.\d\d .* length=400, so there is nothing to compare"
    ):
        search(target)
    assert {plan for plan, _, _ in target.asked} == {FULL}


def test_a_plan_that_fails_is_dropped_with_the_reason(search):
    found = search(Script(broken={RICH}))
    assert found.findings[3].dropped == f"failed: {RICH} cannot be used with this model"
    assert found.findings[3].to_dict()["score"] is None
    assert str(found.winner) == GOOD


def test_a_full_cache_that_fails_is_an_error(search):
    with pytest.raises(PlanError, match="cannot be used"):
        search(Script(broken={FULL}))


@pytest.mark.parametrize("pace", [0.05, 1.0])
@pytest.mark.parametrize("seconds", [60, 300])
def test_the_time_is_kept(search, pace, seconds):
    target = Script(pace=pace)
    found = search(target, seconds=seconds)
    assert found.seconds == target.time <= seconds + pace
    assert found.best.questions >= 6


def test_what_is_reported_can_be_json_and_counts_what_was_asked(search):
    target, stages = Script(), []
    found = search(target, watch=stages.append)
    report = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert report["winner"]["plan"] == GOOD
    assert report["winner"]["parts"] == found.winner.describe()
    assert [each["plan"] for each in report["plans"]] == [FULL, GOOD, POOR, RICH]
    assert stages[-1].answers == len(found.records) == len({(p, s) for p, s, _ in target.asked})
    assert stages[0].plans == 1
    assert max(stage.plans for stage in stages) == 4


def test_the_search_is_deterministic(search):
    first, second = (search(Script(), seed=4).to_dict() for _ in range(2))
    assert first == second
    assert search(Script(), seed=5).to_dict() != first


def own(samples):
    task = given()
    object.__setattr__(task, "given", tuple(samples))
    object.__setattr__(task, "max_new_tokens", 8)
    return task


def sample(number, context, question="Who?"):
    return Sample(id=str(number), context=context, question=question, references=(chr(65 + number % 20) * 3,))


def test_own_questions_are_asked_as_they_are(search):
    target = Script()
    found = search(target, task=own(sample(n, f"text {n // 4} " * 30) for n in range(16)))
    assert {each for _, each, _ in target.asked} == {str(n) for n in range(16)}
    assert found.reference.questions == 16
    assert found.by_kind.keys() == {"toy/given"}
    assert all(record.length is None for record in found.records)


def test_own_questions_without_a_context_get_the_documents(search, corpus):
    target = Script()
    search(target, task=own(sample(n, "", "Where is the lamp of the keeper?") for n in range(6)))
    contexts = {context for _, _, context in target.asked}
    text = corpus.documents[0].text
    assert len(contexts) == 1
    context = contexts.pop()
    assert 250 < target.count_tokens(context) <= 400 - 10 - 8 - 8
    kept = [part.strip() for part in context.split("[...]") if part.strip()]
    assert all(part.removeprefix("Document: log.txt").strip() in text for part in kept)


def test_own_questions_over_the_window_are_left_out_and_counted(search):
    samples = [sample(n, "word " * (5000 if n < 2 else 50)) for n in range(8)]
    found = search(Script(), task=own(samples))
    too_long, few = found.notes
    assert too_long == "2 of 8 questions do not fit the window and were left out"
    assert few.startswith("only 6 questions were asked, so much is left to chance; give the search more time")
    assert found.reference.questions == 6
    with pytest.raises(TaskError, match="no question that fits the window: 2 do not"):
        search(Script(), task=own(samples[:2]))


def test_many_questions_about_one_text_come_in_small_batches(search):
    target = Script()
    found = search(target, task=own(sample(n, "the same text") for n in range(40)))
    assert found.reference.questions == 40
    assert max(target.batches) == LARGEST
