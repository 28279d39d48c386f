"""Runs are kept record by record, go on where they stopped, and say plainly what cannot be run."""

import json
import multiprocessing
import os
import signal
from dataclasses import dataclass

import pytest
from toy import FACTS, HAYSTACK, Toy, given, toy

from longspan.errors import WindowExceeded
from longspan.evaluation import RunFolder, TaskError
from longspan.evaluation.job import Job
from longspan.evaluation.local import Local
from longspan.evaluation.run import run
from longspan.plan import Plan
from tiny import tiny_model

PLANS = tuple(Plan.of(text) for text in ("", "policy=snapkv(budget=40,window=16)"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))


def job(**changes):
    facts = {
        "tasks": (toy(), given("one " * 20, "two " * 20)),
        "plans": PLANS,
        "lengths": (150, 220),
        "samples": 4,
    }
    return Job(**{**facts, "haystack": HAYSTACK, **changes})


def target():
    return Local(tiny_model())


def results(folder):
    records = list(RunFolder(folder).records())
    assert len({record.key for record in records}) == len(records)
    return {record.key: (record.output, record.score, record.prompt_tokens) for record in records}


def test_a_run_answers_everything_once(tmp_path):
    steps = []
    run(job(), target(), RunFolder(tmp_path / "a"), steps.append)
    done = results(tmp_path / "a")
    assert len(done) == (2 * 4 + 2) * 2
    assert steps[0].processed == 0
    assert [step.processed for step in steps] == list(range(len(done) + 1))
    assert {key[1] for key in done} == {150, 220, None}
    for (task, length, _, _), (_, _, tokens) in done.items():
        assert length is None or length - 30 < tokens + 6 <= length, task
    kept = json.loads((tmp_path / "a" / "run.json").read_text())
    assert kept["plans"] == [str(plan) for plan in PLANS]
    assert kept["timing"]["wall_seconds"] > 0
    assert kept["versions"]["torch"]
    assert kept["machine"]["cores"]


def test_a_finished_run_is_not_run_again_and_a_plan_can_be_added(tmp_path):
    folder = RunFolder(tmp_path / "a")
    run(job(plans=PLANS[:1]), target(), folder)
    before = results(tmp_path / "a")

    class Refuses(Local):
        def answer(self, *_, **__):
            raise AssertionError("nothing is left to do")

    run(job(plans=PLANS[:1]), Refuses(tiny_model()), folder)
    run(job(), target(), folder)
    after = results(tmp_path / "a")
    assert before.items() <= after.items()
    run(job(), target(), RunFolder(tmp_path / "b"))
    assert results(tmp_path / "b") == after


def test_a_task_is_described_once(tmp_path):
    folder = RunFolder(tmp_path / "a")
    run(job(samples=1), target(), folder)
    before = folder.description
    run(job(samples=2), target(), folder)
    assert folder.description["tasks"] == before["tasks"]
    assert [task["aggregate"] for task in before["tasks"]] == ["mean", "mean"]


@pytest.mark.parametrize("after", [1, 7])
def test_a_killed_run_goes_on_to_the_same_numbers(tmp_path, after):
    folder = tmp_path / "killed"

    def die(progress):
        if progress.processed == after:
            os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(
        target=lambda: run(job(), target(), RunFolder(folder), die)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    first = results(folder)
    assert len(first) == after
    with (folder / "records.jsonl").open("a") as file:
        file.write('{"task": "toy/letters", "length": 150, "sam')  # as if the disk had got half a line
    run(job(), target(), RunFolder(folder))
    run(job(), target(), RunFolder(tmp_path / "whole"))
    assert results(folder) == results(tmp_path / "whole")
    assert first.items() <= results(folder).items()


def test_samples_are_made_once(tmp_path):
    run(job(), target(), RunFolder(tmp_path / "a"))
    for kept in (tmp_path / "cache" / "samples").glob("*.jsonl"):
        kept.write_text(
            kept.read_text().replace('"references": ["a"]', '"references": ["kept"]') + '{"id": "cut of'
        )
    run(job(samples=5), target(), RunFolder(tmp_path / "b"))
    made = {
        record.sample: record.references for record in RunFolder(tmp_path / "b").records() if record.length
    }
    assert made == {f"000{place}": ("kept",) for place in range(4)} | {"0004": ("a",)}


def test_another_seed_needs_another_folder(tmp_path):
    run(job(), target(), RunFolder(tmp_path / "a"))
    with pytest.raises(TaskError, match="holds a run with seed=0, this one has 1; choose another out="):
        run(job(seed=1), target(), RunFolder(tmp_path / "a"))


def test_a_length_over_the_window_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(WindowExceeded, match=r"length 1,024 > window 512 .*positions=yarn\(factor=2\)"):
        run(job(lengths=(150, 1024)), target(), RunFolder(tmp_path / "a"))
    assert not (tmp_path / "a").exists()
    run(
        job(lengths=(800,), plans=(Plan.of("positions=yarn(factor=2)"),), samples=1),
        target(),
        RunFolder(tmp_path / "a"),
    )


def test_a_length_too_short_for_a_task_names_the_least(tmp_path):
    with pytest.raises(TaskError, match=r"needs .* tokens or more, length=40 is too short"):
        run(job(tasks=(toy(),), lengths=(40,)), target(), RunFolder(tmp_path / "a"))


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    with RunFolder(tmp_path / "a"), pytest.raises(TaskError, match="another process is writing"):
        run(job(), target(), RunFolder(tmp_path / "a"))


def test_a_malformed_record_names_its_line(tmp_path):
    run(job(), target(), RunFolder(tmp_path / "a"))
    file = tmp_path / "a" / "records.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "{oops", *lines[1:]]) + "\n")
    with pytest.raises(TaskError, match=r"records\.jsonl line 2 is not a record"):
        run(job(), target(), RunFolder(tmp_path / "a"))


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(TaskError, match="holds no run; give the folder"):
        _ = RunFolder(tmp_path).description


def test_a_scorer_that_fails_does_not_end_a_run(tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Fails(Toy):
        def score(self, output, sample):
            if sample.id == "0001":
                raise RecursionError("too deep")
            return super().score(output, sample)

    folder = RunFolder(tmp_path / "a")
    run(
        job(tasks=(Fails(name="toy/fails", **FACTS),), plans=PLANS[:1], samples=3, lengths=(150,)),
        target(),
        folder,
    )
    by_sample = {record.sample: record for record in folder.records()}
    assert [by_sample[name].status for name in sorted(by_sample)] == ["scored", "unscored", "scored"]
    failed = by_sample["0001"]
    assert (failed.error, failed.scores) == ("RecursionError: too deep", {})
    assert failed.output
