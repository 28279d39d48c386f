"""The generated pages say what the code says."""

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from longspan import parts, registry

DOCS = Path(__file__).parents[1] / "docs"
REGENERATE = "run `python docs/generate.py` and keep what it writes"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current(generate):
    pages = generate.pages()
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    stale += [path for path in (DOCS / "methods").glob("*.md") if path not in pages]
    assert not stale, f"{', '.join(path.name for path in stale)}: {REGENERATE}"


PARTS = [(room, card.name) for room in registry.ROOMS for card in registry.cards(room)]


ELSEWHERE = re.compile(
    r"^(of|see|as in|like|likewise|instead|the same|\W*\w\W*[.;,]? None)\b"  # says nothing by itself
    r"|\b(see|as|said|described) (above|below)\b|\bas in `|\b[Dd]efaults (and \w+ )?are\b"  # nor of itself
)
"""What the description of a parameter has where it needs another one, or speaks of others."""


def rows_of(page: Path) -> dict[str, dict[str, str]]:
    """The last cells of the tables of parameters on a generated page, by method and parameter."""
    rows: dict[str, dict[str, str]] = {}
    method = ""
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("## "):
            method = line.removeprefix("## ")
        elif line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            assert len(cells) == 4, line
            rows.setdefault(method, {})[cells[0].strip(" `")] = cells[3].strip().replace(r"\|", "|")
    return rows


@pytest.mark.parametrize("room", [room for room in registry.ROOMS if registry.own(room)])
def test_the_tables_have_each_parameter_with_what_stands_under_its_field(generate, room):
    tables = rows_of(generate.page_of(room))
    for name in registry.own(room):
        cls = registry.find(room, name)
        assert list(tables.get(name, {})) == [each.name for each in parts.parameters(cls)]
        for parameter, cell in tables.get(name, {}).items():
            holders = [each for each in cls.__mro__ if parameter in inspect.get_annotations(each)]
            field = re.compile(rf'^    {parameter}: .*\n    """((?:.|\n)*?)"""$', re.MULTILINE)
            under = (field.search(inspect.getsource(each)) for each in holders)
            assert cell == next(" ".join(found[1].split()) for found in under if found), (name, parameter)


@pytest.mark.parametrize(("room", "name"), PARTS)
def test_each_parameter_has_a_description_of_its_own(generate, room, name):
    cls = registry.find(room, name)
    names = [each.name for each in parts.parameters(cls)]
    described = generate.meanings(cls)
    assert [name for name in names if len(described.get(name, "").split()) < 3] == []
    assert len({described[name] for name in names}) == len(names)
    assert [name for name in names if ELSEWHERE.search(described[name])] == []
    for other in names:  # a docstring of the class explains no parameter by "name: ..."
        assert not re.search(rf"(^|[.,] ){other}(, \w+)*: ", generate.prose(cls), re.MULTILINE), other


def test_a_description_stands_under_its_field_and_is_inherited(generate):
    described = generate.meanings(registry.find("policy", "pyramidkv"))
    assert described["kernel"].startswith("Width of the pooling")
    assert described["budget"].startswith("Entries that a row may keep")
    assert "kernel" not in generate.field_docstrings(registry.find("policy", "pyramidkv"))
    giraffe, yarn = (generate.meanings(registry.find("positions", name)) for name in ("giraffe", "yarn"))
    assert giraffe["factor"] != yarn["factor"]
