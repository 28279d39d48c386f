"""RepoQA, on a small repository laid out as in the published file."""

import gzip
import json
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laid_out import asking, put, the

from longspan.evaluation import Sample, TaskError
from longspan.evaluation.tasks.repoqa import _needles, in_order


def function(name: str, number: int) -> list[str]:
    return [
        f"def {name}(values, limit={number}):",
        f"    chosen = [value for value in values if value > {number}]",
        f"    return {name}_of(chosen, key=lambda value: value * {number})[:limit]",
    ]


def repository(functions: int, needles: int) -> dict:
    """Two files of functions, the second of which imports the first; some of them are needles."""
    content, listed = {}, {}
    for path in ("b.py", "a.py"):
        lines, listed[path] = [], []
        for number in range(functions):
            name = f"{path[0]}{number}"
            listed[path].append({"name": name, "start_line": len(lines), "end_line": len(lines) + 3})
            lines += [*function(name, number), ""]
        content[path] = "\n".join(lines)
    chosen = [("a.py" if n % 2 else "b.py", listed["b.py"][n * functions // needles]) for n in range(needles)]
    return {
        "repo": "some/repo",
        "content": content,
        "dependency": {"b.py": ["a.py", "gone.py"], "a.py": []},
        "needles": [
            {**each, "name": path[0] + each["name"][1:], "path": path, "description": f"\nKeeps some, {n}.\n"}
            for n, (path, each) in enumerate(chosen)
        ],
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    put(tmp_path, "repoqa/repoqa-2024-06-23.json", {"python": [repository(60, 4)], "rust": []})
    _needles.cache_clear()
    return tmp_path


def of(data: Path, length: int) -> list[Sample]:
    return list(the("repoqa/python").samples(asking(data, length)))


def test_every_needle_is_asked_for_once_and_can_be_found(data: Path) -> None:
    task = the("repoqa/python")
    found = of(data, 3000)
    names = ["b0", "a15", "b30", "a45"]
    assert sorted(names) == sorted(sample.facts["needle"].removeprefix("some/repo::") for sample in found)
    for sample in found:
        number = names.index(sample.facts["needle"].removeprefix("some/repo::"))
        assert sample.cluster == "some/repo"
        (code,) = sample.references
        assert code in sample.context
        assert f"Function Description:\nKeeps some, {number}.\n" in sample.question
        assert task.score(f"It is:\n```python\n{code}\n```", sample) == {"score": 1, "similarity": 1}
        assert task.score("I do not know.", sample)["score"] == 0


def test_the_code_fills_the_length_around_the_needle(data: Path) -> None:
    task = the("repoqa/python")
    for length in (2000, 3000):
        asked = asking(data, length)
        for sample in of(data, length):
            assert 0.9 * length <= asked.prompt_tokens(sample) + task.max_new_tokens <= length
    # The first needle is wanted at an eighth of the context; those in the middle of the code are where they should be.
    depths = sorted(sample.facts["depth"] for sample in of(data, 2000))
    assert depths[1:] == pytest.approx([3 / 8, 5 / 8, 7 / 8], abs=0.05)


def test_a_repository_that_fits_is_shown_whole(data: Path) -> None:
    for sample in of(data, 100_000):
        shown = sample.context
        assert shown.startswith("code block wrapped by ```:# Path: a.py\ndef a0(", shown.index("code block"))
        assert shown.index("# Path: a.py\ndef a0") < shown.index("# Path: b.py\ndef b0")
        assert "..." not in shown


def test_a_file_that_is_cut_says_so(data: Path) -> None:
    by_name = {sample.facts["target"]: sample.context for sample in of(data, 3000)}
    first_of_b, last_of_a = by_name["b0"], by_name["a45"]
    # Before the needle's file the beginning of the other, as much of it as fits.
    a, _, b = first_of_b.partition("# Path: b.py\n")
    assert a.partition("```:")[2].startswith("# Path: a.py\ndef a0(")
    assert a.endswith("\n...\n")
    assert b.startswith("def b0(")
    assert b.endswith("\n...\n")
    # In the needle's own file what is nearest.
    assert "# Path: a.py" not in last_of_a
    assert last_of_a.count("...") == 1


def test_an_answer_is_compared_with_what_is_asked_for_in_the_repository(data: Path) -> None:
    sample = of(data, 2500)[0]
    functions = dict(sample.facts["functions"])
    assert list(functions) == ["b0", "a15", "b30", "a45"]
    assert functions[sample.facts["target"]] == sample.references[0]
    assert all(code == "\n".join(function(name, int(name[1:]))) for name, code in functions.items())


def test_another_function_or_half_of_it_is_wrong(data: Path) -> None:
    task = the("repoqa/python")
    sample = of(data, 2500)[1]
    other = next(code for name, code in sample.facts["functions"] if name != sample.facts["target"])
    assert task.score(f"```\n{other}\n```", sample) == {"score": 0, "similarity": 1}
    around = f"```python\nimport x\n\n{sample.references[0]}\n\nprint(1)\n```"
    assert task.score(around, sample) == {"score": 1, "similarity": 1}, "the function alone is compared"
    half = task.score(sample.references[0][: len(sample.references[0]) // 2], sample)
    assert half["score"] == 0
    assert 0 < half["similarity"] < 0.8


def test_the_data_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "repoqa").mkdir()
    content = gzip.compress(json.dumps({"python": [repository(20, 2)]}).encode())
    (tmp_path / "repoqa/repoqa-2024-06-23.json.gz").write_bytes(content)
    assert len(of(tmp_path, 100_000)) == 2


def test_a_length_that_no_needle_fits(data: Path) -> None:
    with pytest.raises(TaskError, match="too short; raise length="):
        of(data, 1100)
    with pytest.raises(TaskError, match="give one with length="):
        next(the("repoqa/python").samples(asking(data, None)))


def test_samples_do_not_depend_on_how_many_are_taken(data: Path) -> None:
    task = the("repoqa/python")
    assert list(islice(task.samples(asking(data, 2000)), 2)) == of(data, 2000)[:2]


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefx")), max_size=6))
def test_files_follow_those_they_import_unless_in_a_circle(imports: dict[str, list[str]]) -> None:
    content = dict.fromkeys("abcdef", "")
    order = in_order(imports, content)
    assert sorted(order) == sorted(content)

    def reaches(start: str, goal: str) -> bool:
        seen, left = set(), [start]
        while left:
            path = left.pop()
            if path not in seen:
                seen.add(path)
                left += imports.get(path, [])
        return goal in seen

    for path, imported in ((path, each) for path, several in imports.items() for each in several):
        if imported in content and not reaches(imported, path):
            assert order.index(imported) < order.index(path)
    assert all(one != two for one, two in pairwise(order))
