"""How samples are asked: the system's words, examples, draws, stops, choices, and passages in place of the whole."""

import json
import math
from copy import deepcopy
from dataclasses import fields, replace

import pytest
import torch
from toy import HAYSTACK, given, toy

from longspan.evaluation import Request, RunFolder, Sample, TaskError
from longspan.evaluation.asking import Asking
from longspan.evaluation.choices import Choosing, choice_scores
from longspan.evaluation.few_shot import as_text, drawn_examples, made_examples, solved
from longspan.evaluation.job import Job
from longspan.evaluation.local import Local
from longspan.evaluation.own import own_task
from longspan.evaluation.prompt import prompt_of
from longspan.evaluation.retrieval import retrieved
from longspan.evaluation.run import run
from longspan.evaluation.work import Work
from longspan.loading import Loaded
from longspan.model import Model
from longspan.plan import Plan
from tiny import stock_logits, tiny_model


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))


def like(kind, task):
    """The task with another scorer."""
    return kind(**{each.name: getattr(task, each.name) for each in fields(task)})


def sample(**changes):
    return Sample(
        **{"id": "0", "context": "The lamp. ", "question": "What?", "references": ("lamp",), **changes}
    )


def asked(tmp_path, asking, **changes):
    """The records of a small run."""
    facts = {"tasks": (toy(),), "lengths": (300,), "samples": 2, "haystack": HAYSTACK}
    run(Job(**{**facts, "asking": asking, **changes}), Local(tiny_model()), RunFolder(tmp_path / "run"))
    return list(RunFolder(tmp_path / "run").records())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"temperature": -1.0}, "temperature=-1.0"),
        ({"top_p": 0.5}, "top_p=0.5 draws nothing at temperature=0"),
        ({"repeats": 2}, "repeats=2 would be the same answer"),
        ({"stop": ("",)}, "stop=''"),
        ({"few_shot": -1}, "few_shot=-1"),
        ({"few_shot_as": "prose"}, "few_shot_as='prose' is not one of turns, text"),
        ({"template": {"messages": 1}}, "template has 'messages'"),
    ],
)
def test_what_means_nothing_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        Asking(**changes)


def test_the_prompt_is_the_template_of_the_whole_dialogue():
    tokenizer = tiny_model().tokenizer
    said = [("system", "Be brief."), ("user", "Who?"), ("assistant", "Ann."), ("user", "The lamp. What?")]
    whole = tokenizer.apply_chat_template(
        [{"role": role, "content": words} for role, words in said], tokenize=False, add_generation_prompt=True
    )
    prompt = prompt_of(tokenizer, sample(), chat=True, system="Be brief.", turns=[("Who?", "Ann.")])
    assert tokenizer.decode(prompt.context + prompt.question) == whole
    assert tokenizer.decode(prompt.context[prompt.head :]) == "The lamp. "


def test_what_is_said_cannot_spell_the_marks_of_the_template():
    tokenizer = tiny_model().tokenizer
    special = tokenizer.all_special_tokens[0]
    plain = prompt_of(tokenizer, sample(), chat=True, system="x", turns=[("y", "z")])
    spelt = prompt_of(tokenizer, sample(), chat=True, system=special, turns=[(special, special)])
    known = tokenizer.convert_tokens_to_ids(special)
    assert (spelt.context + spelt.question).count(known) == (plain.context + plain.question).count(known)


def request(length=None):
    local = Local(tiny_model())
    return Request(
        length=length, seed=0, count_tokens=local.count_tokens, overhead=local.overhead(), haystack=HAYSTACK
    )


class Exact(type(given())):
    """Scores the whole answer; several references are wanted together."""

    def score(self, output, sample):
        return {"score": float(output.strip() == ", ".join(sample.references))}


def exact(*samples):
    task = like(Exact, given())
    object.__setattr__(task, "given", samples)
    return task


def test_an_example_shows_the_answer_that_the_task_itself_scores_as_right():
    one, two = sample(references=("lamp",), prefix="It is"), sample(references=("a", "b"))
    assert solved(exact(), one) == ("The lamp. What?", "It is lamp")
    assert solved(exact(), two) == ("The lamp. What?", "a, b")
    assert as_text([("Q?", " A")]) == "Q?\nA\n\n"
    with pytest.raises(TaskError, match=r"no right answer to show .* leave out few_shot="):
        solved(given(), sample(references=("a",)))


def test_examples_of_a_data_set_are_not_asked(tmp_path):
    samples = [sample(id=str(n), context=f"Text {n}. ", references=(f"r{n}",)) for n in range(6)]
    records = asked(tmp_path, Asking(few_shot=2), tasks=(exact(*samples),), samples=None)
    shown = {each.id for each in drawn_examples(exact(*samples), request(), 2)}
    assert len(shown) == 2
    assert {record.sample for record in records} == {str(n) for n in range(6)} - shown


def test_examples_that_are_made_fit_the_length_and_are_not_asked(tmp_path):
    class Right(type(toy())):
        def score(self, output, sample):
            return {"score": 1.0}

    task = like(Right, toy())
    turns = made_examples(task, request(400), 2)
    assert len(turns) == 2
    for form in ("turns", "text"):
        folder = tmp_path / form
        records = asked(
            folder, Asking(few_shot=2, few_shot_as=form, system="Be brief."), tasks=(task,), lengths=(400,)
        )
        assert all(300 < record.prompt_tokens + 6 <= 400 for record in records)
        for _, kept in RunFolder(folder / "run").samples.all():
            text = "".join(words for turn in kept.turns for words in turn) + kept.sample.context
            assert all(solved(task, each)[0] in text for each in turns) or form == "text"
            assert len(kept.turns) == (2 if form == "turns" else 0)


class Few(type(toy())):
    """Asks the same few questions whatever the seed."""

    def make(self, random, index, request):
        number = random.randrange(4)
        one = sample(context=f"Text {request.length}. ", question=f"Q{number}?", references=(f"r{number}",))
        return self.largest(lambda count: replace(one, context=one.context * count), request)

    def asks(self, sample):
        return sample.question

    def score(self, output, sample):
        return {"score": 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_shown_solved_is_not_asked_whatever_stands_around_it(tmp_path, seed):
    records = asked(tmp_path, Asking(few_shot=1), tasks=(like(Few, toy()),), lengths=(200,), seed=seed)
    (kept, *_) = (kept for _, kept in RunFolder(tmp_path / "run").samples.all())
    ((user, _),) = kept.turns
    assert records
    assert all(user[-3:] != each.sample.question for _, each in RunFolder(tmp_path / "run").samples.all())


def test_a_task_whose_items_are_all_asked_has_no_examples(tmp_path):
    with pytest.raises(TaskError, match="too few items for 1 examples that are not asked themselves"):
        asked(tmp_path, Asking(few_shot=1), tasks=(like(Few, toy()),), lengths=(200,), samples=40)


def test_draws_are_a_function_of_the_seed_and_the_sample_alone(tmp_path):
    hot = Asking(temperature=1.5, repeats=3)
    first = {record.sample: record.output for record in asked(tmp_path / "a", hot)}
    assert set(first) == {f"000{n}{again}" for n in range(2) for again in ("", "#2", "#3")}
    assert len(set(first.values())) > 2
    local = Local(tiny_model(), batch=4)
    job = Job(tasks=(toy(),), lengths=(300,), samples=2, haystack=HAYSTACK, asking=hot)
    run(job, local, RunFolder(tmp_path / "b"))
    assert first == {record.sample: record.output for record in RunFolder(tmp_path / "b").records()}
    other = {record.output for record in asked(tmp_path / "c", Asking(temperature=1.5, repeats=3, seed=1))}
    assert other != set(first.values())
    clusters = {record.sample[:4]: record.cluster for record in RunFolder(tmp_path / "b").records()}
    for record in RunFolder(tmp_path / "b").records():
        assert record.cluster == clusters[record.sample[:4]]  # a repeated answer is no further text


def test_an_answer_ends_at_a_stop(tmp_path):
    whole = {record.sample: record.output for record in asked(tmp_path / "a", Asking())}
    letter = next(iter(whole.values()))[2]
    for record in asked(tmp_path / "b", Asking(stop=(letter,))):
        assert record.output == whole[record.sample].partition(letter)[0]


def test_likelihoods_of_choices_are_those_of_the_stock_model(tmp_path):
    file = tmp_path / "mine.jsonl"
    rows = [{"context": "The lamp", "question": "Lit?", "choices": ["yes", "no, out", "so"], "answer": "so"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    model, task = tiny_model(), own_task(file)
    (one,) = task.samples(request())
    (record,) = Local(model).answer(Work(task=task, length=None, samples=(one,), plans=(Plan(),)))
    prompt = prompt_of(model.tokenizer, one, chat=True)
    before = prompt.context + prompt.question
    expected = []
    for choice in rows[0]["choices"]:
        ids = model.tokenizer(choice, add_special_tokens=False)["input_ids"]
        logits = stock_logits(model.network, torch.tensor(before + ids)).log_softmax(-1)
        expected.append(sum(float(logits[len(before) + n - 1, token]) for n, token in enumerate(ids)))
    assert json.loads(record.output) == pytest.approx(expected, abs=1e-3)
    assert record.scores["acc"] == (expected.index(max(expected)) == 2)
    per = [found / len(text) for found, text in zip(expected, rows[0]["choices"], strict=True)]
    assert record.scores["acc_norm"] == (per.index(max(per)) == 2)


def test_acc_and_acc_norm_by_hand():
    """-6 over two letters is worse than -7 over seven, although it is the likelier of the two."""
    one = sample(references=("no, out",), facts={"choices": ["ye", "no, out"]})
    assert choice_scores([-6.0, -7.0], one) == {"score": 0.0, "acc": 0.0, "acc_norm": 1.0}
    assert choice_scores([-7.0, -6.0], one) == {"score": 1.0, "acc": 1.0, "acc_norm": 1.0}
    assert Choosing.answer == "choices"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"choices": ["a"], "answer": "a"}, "two or more, the answer among them"),
        ({"choices": ["a", "b"], "answer": "c"}, "the answer among them"),
        ({"choices": "ab", "answer": "a"}, "is not a list of texts"),
        ({"choices": ["a", "b"], "answer": "a", "metric": "f1"}, "leave out metric"),
    ],
)
def test_malformed_choices_are_named(tmp_path, row, reason):
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "Which?", **row}))
    with pytest.raises(TaskError, match=reason):
        own_task(file)


def test_a_baseline_reads_the_passages_that_speak_of_the_question(tmp_path):
    text = " ".join(f"Boat {n} is at sea and nobody is at home in house {n}." for n in range(40))
    context = f"{text} The keeper Ann hid the brass key under a stone. {text}"
    one = sample(context=context, question="Where did the keeper hide the brass key?")
    local = Local(tiny_model())
    shorter = retrieved(one, 200, local.count_tokens)
    assert "hid the brass key" in shorter.context
    assert local.count_tokens(shorter.context) <= 210
    assert shorter.cluster == one.cluster
    assert retrieved(one, 10**6, local.count_tokens) == one

    records = asked(tmp_path, Asking(), tasks=(given(context[:700]),), retrieval=(120,), samples=None)
    plans = {record.plan: record for record in records}
    assert plans[""].status == "too-long"
    assert plans["retrieval=bm25(budget=120)"].status == "scored"
    assert plans["retrieval=bm25(budget=120)"].prompt_tokens < 250
    assert json.loads((tmp_path / "run" / "run.json").read_text())["plans"] == [
        "",
        "retrieval=bm25(budget=120)",
    ]


def test_a_scorer_that_fails_costs_one_record(tmp_path):
    class Fails(type(given())):
        def score(self, output, sample):
            if sample.id == "1":
                raise ZeroDivisionError("no words")
            return {"score": math.nan if sample.id == "2" else 0.5}

    task = like(Fails, given("a", "b", "c"))
    records = {record.sample: record for record in asked(tmp_path, Asking(), tasks=(task,), samples=None)}
    assert {name: record.status for name, record in records.items()} == {
        "0": "scored",
        "1": "unscored",
        "2": "unscored",
    }
    assert records["1"].error == "ZeroDivisionError: no words"
    assert records["1"].output
    assert "score=nan is outside 0 .. 1" in records["2"].error


@pytest.mark.parametrize(("asking", "turns"), [({}, ()), ({"system": "Be brief."}, ())])
def test_variables_reach_the_template_and_are_kept(tmp_path, asking, turns):
    model = deepcopy_of(tiny_model())
    model.tokenizer.chat_template += "{% if tone is defined %}{{ tone }}{% endif %}"
    target = Local(model)
    plain, kind = Asking(**asking), Asking(**asking, template={"tone": "kindly"})
    work = Work(task=toy(), length=300, samples=(sample(),), plans=(Plan(),), turns=turns)
    assert target.prompt(work, sample(), kind) == target.prompt(work, sample(), plain) + "kindly"
    assert target.overhead(kind) == target.overhead(plain) + len("kindly")
    job = Job(tasks=(toy(),), lengths=(300,), samples=1, haystack=HAYSTACK, asking=kind)
    folder = RunFolder(tmp_path / "run")
    run(job, target, folder)
    assert folder.description["asking"]["template"] == {"tone": "kindly"}


def deepcopy_of(model):
    """The model with a tokenizer of its own."""
    return Model(
        Loaded(
            network=model.network, tokenizer=deepcopy(model.tokenizer), name="tiny", digest="", source="test"
        )
    )
