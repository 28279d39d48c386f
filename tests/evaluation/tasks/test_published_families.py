"""What holds for every task whose data is published on the hub."""

import re
from pathlib import Path

import pytest

from longspan.evaluation.archive import HubFile
from longspan.evaluation.catalogue import find, tasks
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import Request, Task, TaskError

COUNTS = {
    "longbench": 21,
    "longbench-e": 13,
    "longbench-v2": 1,
    "longbench-pro": 25,
    "l-eval": 20,
    "infinitebench": 12,
    "loogle": 4,
    "lv-eval": 55,
}
TASKS = [task for family in COUNTS for task in tasks(family)]


def request_for(data: Path | None) -> Request:
    return Request(
        length=None,
        seed=0,
        count_tokens=lambda text: len(text.split()),
        overhead=0,
        haystack=Haystack(repeats=True, name="h", text="One sentence."),
        data=data,
    )


@pytest.mark.parametrize("family", COUNTS)
def test_every_family_has_its_tasks(family: str) -> None:
    names = [task.name for task in tasks(family)]
    assert len(names) == len(set(names)) == COUNTS[family]
    assert all(re.fullmatch(rf"{family}/[a-z0-9.-]+", name) for name in names)
    assert find([f"{family}/*"]) == tasks(family)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_states_its_facts(task: Task) -> None:
    assert not task.sized
    for fact in (task.description, task.metric, task.paper, task.source, task.licence, task.form):
        assert fact.strip() == fact != ""
    assert task.description.endswith(".")
    assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", task.link)
    assert task.source.startswith("https://huggingface.co/datasets/")
    assert task.max_new_tokens > 0


@pytest.mark.parametrize("family", COUNTS)
def test_data_that_is_absent_says_how_to_get_it(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    task = tasks(family)[0]
    with pytest.raises(TaskError) as caught:
        next(iter(task.samples(request_for(tmp_path))))
    message = str(caught.value)
    assert message.startswith(f"{task.name} needs its data (it is not in {tmp_path}): ")
    assert task.source.removeprefix("https://huggingface.co/datasets/") in message
    assert re.search(rf"connect to the hub, or put {family.removesuffix('-e')}/\S+ .*data=\.\.\.$", message)
    assert "\n" not in message


def test_tasks_of_one_family_read_different_files() -> None:
    for family in ("longbench", "longbench-e", "l-eval", "infinitebench", "loogle", "lv-eval"):
        files = [source for task in tasks(family) if isinstance(source := vars(task)["data"], HubFile)]
        assert len({(source.path, source.member) for source in files}) == COUNTS[family]
