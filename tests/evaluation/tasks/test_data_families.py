"""What holds for every task of the families whose data is fetched, or lies in a folder."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from laid_out import asking, put

from longspan.evaluation import Task, TaskError
from longspan.evaluation.catalogue import tasks
from longspan.evaluation.published import Published
from longspan.evaluation.tasks.helmet.icl import Icl
from longspan.evaluation.tasks.repoqa import RepoQA

FAMILIES = {
    "helmet": 49,
    "marathon": 1,
    "repoqa": 5,
    "l-citeeval": 21,
    "qmsum": 1,
    "squality": 1,
    "financebench": 2,
    "docfinqa": 1,
    "memoryagentbench": 9,
}
TASKS = [task for family in FAMILIES for task in tasks(family)]
FROM_DATA = [task for task in TASKS if isinstance(task, Published | Icl | RepoQA)]
by_name = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
with_data = pytest.mark.parametrize("task", FROM_DATA, ids=lambda task: task.name)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, and nothing that was fetched before."""
    import datasets
    import huggingface_hub

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_its_tasks(family: str) -> None:
    names = [task.name for task in tasks(family)]
    assert len(set(names)) == len(names) == FAMILIES[family]
    assert all(re.fullmatch(rf"{family}/[a-z0-9-]+", name) for name in names)


@by_name
def test_a_task_states_its_facts(task: Task) -> None:
    for fact in (task.description, task.metric, task.paper, task.source, task.licence, task.form):
        assert fact.strip() == fact != ""
    assert task.description.endswith(".")
    assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", task.link)
    assert task.diffusion in ("low", "medium", "high")
    assert task.scope in ("low", "medium", "high")
    assert task.max_new_tokens > 0


@with_data
def test_absent_data_is_one_line_with_the_next_step(task: Task, offline: None, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for data in (None, tmp_path / "data"):
        with pytest.raises(TaskError) as raised:
            next(iter(task.samples(asking(data, 4096))))
        said = str(raised.value)
        assert said.startswith(f"{task.name} needs its data")
        assert said.endswith("name the folder with data=...")
        assert "\n" not in said


def files_of(task: Task) -> list[str]:
    """Where the task looks for its data first."""
    sources = [value for each in fields(task) if hasattr(value := getattr(task, each.name), "rows")]
    if isinstance(task, RepoQA):
        return ["repoqa/repoqa-2024-06-23.json"]
    return [getattr(source, "files", None) or source.local_names for source in sources]


@with_data
def test_rows_of_another_layout_are_one_line(task: Task, tmp_path: Path) -> None:
    row = {"metadata": {"source": getattr(task, "beginning", "")}}
    for names in files_of(task):
        name = names if isinstance(names, str) else names[0]
        put(tmp_path, name, "other\n1\n" if name.endswith(".csv") else [row])
    with pytest.raises(TaskError) as raised:
        next(iter(task.samples(asking(tmp_path, 4096))))
    assert str(raised.value).startswith(task.name)
    assert re.search(r"fetch the data anew$|has no answer", str(raised.value))
    assert "\n" not in str(raised.value)
