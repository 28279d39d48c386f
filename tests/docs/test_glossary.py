"""The glossary says each word once, its words are those of the code, and what it has dropped names nothing there."""

import ast
import re
from collections.abc import Iterator

import pytest
from documentation import ROOT

from parsing import nodes

USED, _, DROPPED = (ROOT / "docs" / "glossary.md").read_text("utf-8").partition("## Not used")
TERMS = re.findall(r"\*\*(\w+)\*\*", USED)
DEAD = [
    word for row in re.findall(r"^\| ([\w, ]+) \|", DROPPED, re.MULTILINE)[1:] for word in row.split(", ")
]
SOURCES = {path: path.read_text("utf-8") for path in sorted((ROOT / "src").rglob("*.py"))}
ALL = "\n".join(SOURCES.values())


def named(code: str) -> Iterator[str]:
    """What a file gives names to: classes, functions, parameters, fields and variables."""
    for node in nodes(code):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def words(name: str) -> list[str]:
    """The words of a name: those of `LayerMemory` are layer and memory."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def faults(code: str) -> list[str]:
    """Names with a dropped word, alone or before a part of the code that it would qualify."""
    return [name for name in named(code) if any(word.removesuffix("s") in DEAD for word in words(name))]


def test_each_word_stands_once():
    assert sorted({term for term in TERMS if TERMS.count(term) > 1}) == []
    assert set(TERMS) & set(DEAD) == set()
    assert len(TERMS) > 40
    assert {"leg", "least", "most", "temper"} <= set(DEAD)


@pytest.mark.parametrize("term", TERMS)
def test_a_word_is_one_of_the_code(term):
    assert re.search(rf"\b{term}(s|es)?\b", ALL, re.IGNORECASE)


def test_what_was_dropped_names_nothing():
    found = {path.relative_to(ROOT): names for path, code in SOURCES.items() if (names := faults(code))}
    assert found == {}


@pytest.mark.parametrize(
    "code",
    ["class Leg: ...", "def temper(): ...", "most = 1", "def f(*, least=1): ...", "class A:\n    legs: int"],
)
def test_a_dropped_name_is_found(code):
    assert len(faults(code)) == 1
