"""The generated pages say what the code says."""

import importlib.util
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


@pytest.mark.parametrize(("room", "name"), PARTS)
def test_each_parameter_has_a_description_of_its_own(generate, room, name):
    cls = registry.find(room, name)
    names = [each.name for each in parts.parameters(cls)]
    described = generate.meanings(cls)
    assert [name for name in names if len(described.get(name, "").split()) < 3] == []
    assert len({described[name] for name in names}) == len(names)
    assert [name for name in names if re.match("of |see ", described[name].lower())] == []
    for other in names:  # a docstring of the class explains no parameter by "name: ..."
        assert not re.search(rf"(^|[.,] ){other}(, \w+)*: ", generate.prose(cls), re.MULTILINE), other


def test_a_description_stands_under_its_field_and_is_inherited(generate):
    described = generate.meanings(registry.find("policy", "pyramidkv"))
    assert described["kernel"].startswith("Width of the pooling")
    assert described["budget"].startswith("Entries that a row may keep")
    assert "kernel" not in generate.field_docstrings(registry.find("policy", "pyramidkv"))
    giraffe, yarn = (generate.meanings(registry.find("positions", name)) for name in ("giraffe", "yarn"))
    assert giraffe["factor"] != yarn["factor"]
