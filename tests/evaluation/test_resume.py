"""A run goes on only with the samples, scorers and settings that it began with; its answers can be scored and judged
later."""

import json
from dataclasses import replace

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from test_endpoint import Server
from toy import HAYSTACK, given, toy

from longspan.evaluation import Record, RunFolder, Sample, TaskError
from longspan.evaluation.asking import Asking
from longspan.evaluation.catalogue import find
from longspan.evaluation.endpoint import Endpoint
from longspan.evaluation.job import Job
from longspan.evaluation.judge import PROMPT, Judge, judge_answers, judgements, score_in
from longspan.evaluation.kept import Kept
from longspan.evaluation.local import Local
from longspan.evaluation.report.answers import Answers
from longspan.evaluation.report.judged import judged
from longspan.evaluation.rescore import rescored
from longspan.evaluation.resume import check_same
from longspan.evaluation.run import check, run
from longspan.plan import Plan
from tiny import tiny_model


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def job(*tasks, **changes):
    return Job(
        **{
            "tasks": tasks or (given("one ", "two "),),
            "samples": 4,
            "haystack": HAYSTACK,
            "lengths": (200,),
            **changes,
        }
    )


def target():
    return Local(tiny_model())


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "run")
    run(job(), target(), made)
    return made


def test_a_data_set_in_place_of_a_stand_in_is_refused_before_anything_is_loaded(tmp_path):
    """The same names of samples, other questions: the paired difference would be of nothing."""
    file = tmp_path / "data" / "squad" / "dev-v2.0.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"data": []}))
    tasks = find(["ruler/qa-1"])
    made, before = RunFolder(tmp_path / "run"), job(*tasks)
    with made:
        made.describe({**before.fixed(), "plans": [""], "lengths": [], "timing": {}})
    check(before, made)
    with pytest.raises(
        TaskError, match=r"ruler/qa-1 with origin='.*', this one has '.*'; choose another out="
    ):
        check(replace(before, plans=(Plan.of("codec=int8"),), data=tmp_path / "data"), made)


def test_another_sample_under_the_same_name_is_refused(folder):
    changed = job(given("one ", "other "), plans=(Plan(), Plan.of("codec=int8")))
    with pytest.raises(
        TaskError, match=r"sample '1' of toy/given is not the one that this run has asked.*another out="
    ):
        run(changed, target(), folder)
    assert len({record.plan for record in folder.records() if record.sample == "1"}) == 1


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("system", "Be brief.", "system=None, this one has 'Be brief.'"),
        ("few_shot_as", "text", "few_shot_as='turns', this one has 'text'"),
        ("temperature", 0.5, "temperature=0.0, this one has 0.5"),
        ("stop", (".",), "stop"),
        ("too_long", "middle", "too_long='skip', this one has 'middle'"),
    ],
)
def test_another_way_of_asking_needs_another_folder(folder, name, value, reason):
    with pytest.raises(TaskError, match=reason):
        check(job(asking=Asking(**{name: value})), folder)


def test_what_a_run_begun_before_does_not_say_was_as_by_default(folder):
    """An option may come after a run was begun."""
    description = folder.description
    for name in Asking().describe():
        asking = {each: value for each, value in description["asking"].items() if each != name}
        folder.describe({**description, "asking": asking})
        check(job(), folder)
    folder.describe({**description, "asking": {}})
    check(job(), folder)
    with pytest.raises(TaskError, match=r"template=\{\}, this one has \{'tone': 'kind'\}"):
        check(job(asking=Asking(template={"tone": "kind"})), folder)


def test_other_weights_need_another_folder(folder):
    model = folder.description["model"]
    folder.describe({**folder.description, "model": {**model, "weights": "packed"}})
    now = {**job().fixed(), "model": {**model, "weights": "expanded"}}
    with pytest.raises(
        TaskError, match="a run with weights='packed', this one has 'expanded'; choose another"
    ):
        check_same(folder.description, now, folder.path)
    before = {name: value for name, value in model.items() if name != "weights"}  # when all were expanded
    folder.describe({**folder.description, "model": before})
    check_same(folder.description, now, folder.path)


@pytest.mark.parametrize("name", ["longspan", "torch", "transformers"])
def test_another_version_needs_another_folder(folder, name):
    older = {**folder.description["versions"], name: "0.0.1"}
    folder.describe({**folder.description, "versions": older})
    with pytest.raises(TaskError, match=rf"holds a run of {name} 0\.0\.1, this is .*choose another out="):
        check(job(), folder)


def test_other_code_of_a_task_needs_another_folder(folder):
    tasks = [{**task, "code": "0" * 16} for task in folder.description["tasks"]]
    folder.describe({**folder.description, "tasks": tasks})
    with pytest.raises(
        TaskError,
        match=r"answers to toy/given that were made and scored by other code.*longspan eval rescore",
    ):
        check(job(), folder)
    check(job(toy()), folder)  # a task that is added was not asked by the old code


def test_a_run_of_the_first_format_is_read_but_not_gone_on_with(folder):
    folder.describe({name: value for name, value in folder.description.items() if name != "format"})
    (folder.path / "samples.jsonl").unlink()
    assert len(Answers.of(folder).records) == 2
    with pytest.raises(
        TaskError, match=r"longspan report reads it, but to go on start anew with another out="
    ):
        check(job(), folder)


def test_prompts_are_kept_as_they_were(tmp_path):
    shared = "A long text. " * 20
    samples = [
        Sample(
            id=str(n),
            context=shared,
            question=f"Q{n}\u2028?",
            references=("a", "b"),
            prefix="P",
            facts={"depth": 0.5},
        )
        for n in range(3)
    ]
    folder = RunFolder(tmp_path)
    for sample in samples:
        folder.samples.add("t", None, Kept(sample=sample, turns=(("U", "A"),)))
    found = list(folder.samples.all())
    assert [(place, kept.sample, kept.turns) for place, kept in found] == [
        (("t", None, sample.id), sample, (("U", "A"),)) for sample in samples
    ]
    assert len(list((tmp_path / "texts").iterdir())) == 2
    next((tmp_path / "texts").iterdir()).write_bytes(b"damaged")
    with pytest.raises(TaskError, match="cannot be read"):
        list(folder.samples.all())


def test_a_task_that_cannot_be_asked_is_named_and_the_others_go_on(tmp_path):
    class Broken(type(given())):
        def samples(self, request):
            yield Sample(id="0", context="c", question="q", references=("r",))
            raise TaskError("its file is cut off; fetch it anew")

    broken = replace(given(name="toy/broken"))
    object.__setattr__(broken, "__class__", Broken)
    folder = RunFolder(tmp_path)
    skipped = run(job(broken, given("one ")), target(), folder)
    assert skipped == {"toy/broken": "its file is cut off; fetch it anew"}
    assert {record.task for record in folder.records()} >= {"toy/given"}
    assert folder.description["skipped"] == skipped
    assert any("Not asked: toy/broken" in note for note in Answers.of(folder).notes)
    assert run(job(given("one ")), target(), folder) == {}
    assert "skipped" not in folder.description


def test_answers_are_scored_anew_without_the_model(folder):
    class Other(type(given())):
        def score(self, output, sample):
            return {"score": float(sample.context == "two "), "letters": float(len(output))}

    task = given("one ", "two ")
    object.__setattr__(task, "__class__", Other)
    before = {record.key: record for record in folder.records()}
    found = rescored(folder, [task])
    assert (found.answers, found.changed, found.unscored) == (2, 2, 0)
    after = {record.key: record for record in folder.records()}
    assert {key: record.output for key, record in after.items()} == {
        key: record.output for key, record in before.items()
    }
    assert {key[2]: record.score for key, record in after.items()} == {"0": 0.0, "1": 1.0}
    assert folder.description["rescored"]["longspan"]
    with pytest.raises(TaskError, match=r"toy/given is no task of this version.*name its file"):
        rescored(folder)


@for_all(place=st.integers(0, 400), byte=st.binary(min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_damaged_record_is_an_error_with_its_line_or_a_record(tmp_path_factory, place, byte):
    folder = RunFolder(tmp_path_factory.mktemp("damaged"))
    with folder:
        for sample in "ab":
            folder.append(
                Record(task="t", length=1, sample=sample, plan="", scores={"score": 1.0}, output="ü")
            )
    file = folder.path / "records.jsonl"
    content = file.read_bytes()
    at = place % len(content)
    file.write_bytes(content[:at] + byte + content[at + len(byte) :])
    fault = ""
    try:
        list(folder.records())
    except TaskError as error:
        fault = str(error)
    assert not fault or ("records.jsonl line " in fault and "run the same command again" in fault)


@pytest.mark.parametrize(
    "change",
    [
        {"length": "1"},
        {"scores": None},
        {"facts": []},
        {"status": "odd"},
        {"task": 3},
        {"kv_bytes": "x"},
        {"sample": None},
    ],
)
def test_values_of_another_kind_are_no_record(tmp_path, change):
    values = {"task": "t", "length": 1, "sample": "0", "plan": "", "scores": {"score": 1}, **change}
    (tmp_path / "records.jsonl").write_text(json.dumps(values) + "\n")
    with pytest.raises(TaskError, match="line 1 is not a record"):
        list(RunFolder(tmp_path).records())


@pytest.mark.parametrize(
    "content", ["[]", "3", "{", "\x00", '{"tasks": [3]}', '{"plans": {}}', '{"timing": 1}']
)
def test_a_damaged_description_is_told(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(TaskError, match="start the run again in another folder"):
        _ = RunFolder(tmp_path).description


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "deeper", "/proc/none"):
        with pytest.raises(ValueError, match=r"out=.* cannot be written \(.+\); choose another folder"):
            RunFolder(path).check_writable()
    RunFolder(tmp_path / "new" / "deep").check_writable()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("Right. [[10]]", 1.0),
        ("[[3]] no, [[ 7.5 ]]", 0.75),
        ("[[8/10]]", 0.8),
        ("8", None),
        ("[[11]]", None),
        ("", None),
    ],
)
def test_the_score_in_what_a_judge_says(said, score):
    assert score_in(said) == score


def test_a_judge_is_asked_once_for_each_answer_and_its_scores_stay_apart(folder, tmp_path):
    server = Server()
    try:
        judge = Judge(server=Endpoint(url=server.url, tokenizer=None, tokenizer_name="", pause=0.01))
        before = (folder.path / "records.jsonl").read_bytes()
        server.failures = [(200, {"choices": [{"message": {"content": "Good. [[9]]"}}]})]
        judge_answers(folder, judge)
        assert len(server.asked) == 2
        sent = server.asked[0][1]["messages"][0]["content"]
        assert "And?" in sent
        assert "{answer}" not in sent
        judge_answers(folder, judge)
        assert len(server.asked) == 2
        judge_answers(folder, replace(judge, prompt=f"Other. {PROMPT}"))
        assert len(server.asked) == 4
    finally:
        server.stop()
    assert (folder.path / "records.jsonl").read_bytes() == before
    found = {each.sample: each for each in judgements(folder) if each.prompt == judge.digest}
    assert sorted(each.score is None for each in found.values()) == [
        False,
        True,
    ]  # the server says numbers only
    first, _ = judged(folder, Answers.of(folder))
    assert (first.judge, first.answers, first.unclear) == ("served", 2, 1)
    assert first.rows[0].score.mean == 0.9
    with pytest.raises(ValueError, match=r"prompt has no \{answer\}"):
        Judge(server=judge.server, prompt="Say a number.")
