"""The published items of LongProc: prompts, references, scores."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError
from longspan.evaluation.tasks.longproc import TASKS
from longspan.evaluation.tasks.longproc.belief import Step, states, traced
from longspan.evaluation.tasks.longproc.html_table import rows
from wordcount import words

BY_NAME = {task.name: task for task in TASKS if not task.sized}
LOCAL = [
    "longproc/countdown-0.5k",
    "longproc/countdown-2k",
    "longproc/countdown-8k",
    "longproc/path-0.5k",
    "longproc/belief-0.5k",
    "longproc/belief-2k",
    "longproc/cpp-text-0.5k",
    "longproc/cpp-text-2k",
]


def request(data: Path | None) -> Request:
    return Request(
        length=None,
        seed=0,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One."),
        data=data,
    )


def samples(name: str, data: Path) -> list[Sample]:
    return list(BY_NAME[name].samples(request(data)))


def right(task: Task, sample: Sample) -> str:
    (reference,) = sample.references
    if "path" in task.name:
        return f"<Route>\n{reference}\n</Route>"
    return f"```cpp\n{reference}\n```" if "cpp" in task.name else reference


@pytest.mark.parametrize("name", LOCAL)
def test_right_answers_of_all_published_items_score_1(name: str, shared_data: Path) -> None:
    task = BY_NAME[name]
    found = samples(name, shared_data)
    assert len(found) in (199, 200)
    assert len({sample.id for sample in found}) == len(found)
    for sample in found:
        assert task.score(right(task, sample), sample)["score"] == 1
        assert set(task.score("", sample).values()) == {0}
        assert not re.search(r"\{(nums|story|pseudocode|city_context|demonstration)\}", sample.context)
        assert "cpp" in name or "{{" not in sample.context


def test_the_countdown_prompt_shows_two_searches_and_is_shared(shared_data: Path) -> None:
    found = samples("longproc/countdown-0.5k", shared_data)
    assert len({sample.context for sample in found}) == 1
    assert found[0].context.count("# Search Procedure\nInitial number set") == 2
    assert found[0].question.startswith("[Problem]")
    assert found[0].question.endswith("Numbers: [21, 16, 17, 26]\nTarget: 46")


def test_the_path_prompt_ends_in_the_question(shared_data: Path) -> None:
    first = samples("longproc/path-0.5k", shared_data)[0]
    assert first.question.startswith("Now find the route from Lille to Bromsgrove")
    assert "You can travel from Vladivostok to Guildford by ferry." in first.context


def told(story: str) -> tuple[dict[str, str], dict[str, tuple[str, str]], Iterator[Step]]:
    """Agents' rooms, things' places and the steps of a published story."""
    start, *lines = [line.partition(": ")[2].rstrip(".") for line in story.strip().split("\n")]
    rooms = dict(re.findall(r"(?:^|; )(\w+) is in the ([\w\s-]+)", start))
    places = {
        thing: (room, spot)
        for thing, room, spot in re.findall(r"the ([^;]+?) is on the ([^;]+?)'s ([^;]+)", start)
    }

    def steps() -> Iterator[Step]:
        for line in lines:
            agent = line.split()[0]
            put = re.search(r"moves the (.+?) to the ([^']+)'s (.+)$", line)
            thing, place = (put[1], (put[2], put[3])) if put else (None, None)
            if "leaves the room" in line:
                yield Step(agent, True)
            elif goes := re.match(r"\w+ (?:enters|moves to) the ([^,]+)", line):
                yield Step(agent, True, goes[1], thing, place)
            else:
                yield Step(agent, thing=thing, place=place)

    return rooms, places, steps()  # fmt: skip


@pytest.mark.parametrize("level", ["0.5k", "2k"])
def test_beliefs_are_traced_as_published(level: str, shared_data: Path) -> None:
    file = shared_data / f"longproc/tom_tracking/tom_tracking_{level}.json"
    for item in json.loads(file.read_text("utf-8")):
        asked = re.fullmatch(r"Where does (\w+) believe the (.+) is\?", item["question"])
        assert asked
        rooms, places, steps = told(item["story"])
        assert traced(rooms, places, list(steps), asked[1], asked[2]) == item["solution"].strip()


def test_states_are_compared_as_published() -> None:
    line = "- Step 1: (x location changed) {Ann location: the Hall; Ann's belief on bat: None}"
    assert states(f"Ann's belief\n{line}\nFinal Answer: x") == ["1 x changed ann hall anns bat none"]
    assert states(f"  {line.lower()}") == states(line.replace("the ", ""))


def html_data(folder: Path, **values: str) -> Path:
    place = folder / "longproc" / "html_to_tsv"
    (place / "webpage").mkdir(parents=True)
    (place / "webpage" / "a.html").write_text("<ul><li>Tea, 3 €</ul>", "utf-8")
    (folder / "secret.html").write_text("secret", "utf-8")
    item = {
        "task_topic": "drinks",
        "task_description": "name, price",
        "tsv_header": "name\tprice",
        "filtering_instruction": "",
        "html_path": "webpage/a.html",
        "gt": "name\tprice\nTea\t3 €\nThe Coffee\t4 €",
    }
    (place / "html_to_tsv_0.5k.json").write_text(json.dumps([{**item, **values}]), "utf-8")
    about = "About {task_topic}: {task_description}{filtering_instruction}"
    prompt = f"  Page:\n  {{html_str}}\n\n  [TARGET INFORMATION]\n  {about}\n  {{tsv_header}}\n  {{{{rows}}}}"
    (place / "prompts.yaml").write_text(f"USER_PROMPT: |-\n{prompt}", "utf-8")
    return folder


def test_html_to_tsv(tmp_path: Path) -> None:
    task = BY_NAME["longproc/html-to-tsv-0.5k"]
    (sample,) = task.samples(request(html_data(tmp_path)))
    assert sample.context == "Page:\n<ul><li>Tea, 3 €</ul>\n\n"
    assert sample.question == "[TARGET INFORMATION]\nAbout drinks: name, price\nname\tprice\n{rows}"
    for answer, precision, recall in (
        (sample.references[0], 1, 1),
        (f"Here:\n```tsv\n{sample.references[0]}\n```\nDone.", 1, 1),
        ("name\tprice\nCOFFEE\t4 €\nTea\t3 €", 1, 1),
        ("```tsv\nname\tprice\ntea\t3 €\n```", 1, 0.5),
        ("name\tprice\nTea\t3 €\nMilk\t1 €\nRum\t9 €\nTea\t4 €", 0.25, 0.5),
        ("name\nTea", 0, 0),
        ("", 0, 0),
    ):
        both = precision + recall
        assert task.score(answer, sample) == {
            "score": pytest.approx(2 * precision * recall / both if both else 0),
            "precision": precision,
            "recall": recall,
        }


def test_rows_of_another_width() -> None:
    assert rows("a\tb\n1\t2\n3\n4\t5\nThe end.") == (2, [("1", "2"), ("na", "na"), ("4", "5")])


@pytest.mark.parametrize("path", ["../../secret.html", "/etc/hostname"])
def test_a_page_outside_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(TaskError, match="leads out of the data's folder"):
        samples("longproc/html-to-tsv-0.5k", html_data(tmp_path, html_path=path))


def test_a_page_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="needs its pages"):
        samples("longproc/html-to-tsv-0.5k", html_data(tmp_path, html_path="webpage/b.html"))


def countdown_data(folder: Path, item: object, prompt: str) -> Path:
    place = folder / "longproc" / "countdown"
    place.mkdir(parents=True)
    (place / "countdown_0.5k.json").write_text(json.dumps([item]), "utf-8")
    (place / "prompts.yaml").write_text(prompt, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("item", "prompt", "message"),
    [
        ({"nums": [1, 2, 3, 4]}, "USER_PROMPT: |-\n  [Problem] {nums}", "item 1 is malformed"),
        ({"nums": [1, 2], "target": 3}, "USER_PROMPT: |-\n  [Problem] {nums}", "2 numbers instead of 4"),
        ({"nums": [1, 2, 3, 4], "target": -9}, "USER_PROMPT: |-\n  [Problem]", "cannot be reached"),
        ({"nums": [1, 2, 3, 4], "target": 10}, "USER_PROMPT: |-\n  {nums}", r"lacks '\[Problem\]'"),
        ({"nums": [1, 2, 3, 4], "target": 10}, "USER_PROMPT: |-\n  [Problem] {other}", r"asks for \{other\}"),
    ],
)
def test_malformed_data_is_named(tmp_path: Path, item: object, prompt: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        samples("longproc/countdown-0.5k", countdown_data(tmp_path, item, prompt))


@pytest.mark.parametrize("name", BY_NAME)
def test_absent_data_says_what_to_fetch(name: str, tmp_path: Path) -> None:
    for data in (None, tmp_path):
        with pytest.raises(TaskError, match=r"LongProc.*longproc/\w+/[\w.]+\.json.*data="):
            next(BY_NAME[name].samples(request(data)))


def test_cpp_is_compared_line_by_line_and_not_run(shared_data: Path) -> None:
    task = BY_NAME["longproc/cpp-text-0.5k"]
    sample = samples(task.name, shared_data)[0]
    lines = sample.references[0].split("\n")
    assert len(lines) == 8
    respaced = "\n".join(line.replace(" = ", "=") for line in lines)
    assert task.score(f"```c++\n{respaced}\n```", sample) == {"score": 1, "exact": 1}
    scores = task.score("```cpp\n" + "\n".join(lines[:4]) + "\n```", sample)
    assert scores == {"score": pytest.approx(2 * 1 * 0.5 / 1.5), "exact": 0}
