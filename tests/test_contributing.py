"""CONTRIBUTING names every step of adding a method: a toy takes them all, and one that is left out is found."""

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from longspan import parts, registry
from test_methods_bring import part_faults

ROOT = Path(__file__).parents[1]
STEPS = re.findall(
    r"^\d+\. (.+?)(?=^\d+\. |^\n\w|\Z)",
    (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Adding a method")[2],
    re.MULTILINE | re.DOTALL,
)
NAME = "odd-places"
TOY = '''"""Odd places: a toy."""

from dataclasses import dataclass

from longspan.policies.base import Policy
from longspan.registry import Card

CARD = Card(
    name="odd-places",
    target="longspan.policies.odd_places:OddPlaces",
    paper="A toy",
    link="https://example.org/odd",
    year=2026,
    training=False,
    changes="Keeps what lies at odd places.",
)


@dataclass(frozen=True, kw_only=True)
class OddPlaces(Policy):
    """Entries at odd positions count more. https://example.org/odd"""

    weight: float = 1.0
    """What an odd position counts."""

    def scores(self, view):
        return (view.positions % 2) * self.weight
'''


@pytest.fixture
def generate():
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Puts the toy into the room of policies, for one test."""
    room, found = importlib.import_module("longspan.policies"), registry.files

    class Both:
        """The room's files, the toy's among them."""

        def joinpath(self, name):
            place = tmp_path / name
            return place if place.is_file() else found("longspan.policies").joinpath(name)

    def put(code=TOY, *, file="odd_places.py", listed=True):
        (tmp_path / file).write_text(code)
        importlib.invalidate_caches()
        if listed:
            monkeypatch.setattr(room, "METHODS", (*room.METHODS, NAME))

    monkeypatch.setattr(
        registry, "files", lambda name: Both() if name == "longspan.policies" else found(name)
    )
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    registry._own.cache_clear()
    yield put
    registry._own.cache_clear()
    sys.modules.pop("longspan.policies.odd_places", None)


def faults(generate):
    """What the tests of all methods find in the toy, or the error that they end with."""
    try:
        card = registry.card("policy", NAME)
        cls = registry.find("policy", NAME)
    except (LookupError, OSError, AttributeError, registry.UnknownMethod) as error:
        return [str(error)]
    described = generate.meanings(cls)
    lacking = [each.name for each in parts.parameters(cls) if len(described.get(each.name, "").split()) < 3]
    return [*part_faults("policy", card, cls), *(f"{name} has no description" for name in lacking)]


def test_a_method_that_takes_all_steps_is_whole(add, generate):
    add()
    assert faults(generate) == []
    page = ROOT / "docs" / "methods" / "policies.md"
    written = generate.pages()[page]
    assert f"## {NAME}" in written
    assert written != page.read_text("utf-8"), "step 5 writes it"
    assert NAME in [card.name for card in registry.cards("policy")], "the contracts are tested from the cards"


@pytest.mark.parametrize(
    ("step", "words", "change", "options", "fault"),
    [
        (1, "`METHODS`", ("", ""), {"listed": False}, "no policy method 'odd-places'"),
        (1, "named as the method", ("", ""), {"file": "odd.py"}, "odd_places.py"),
        (2, "`CARD = Card(...)`", ("CARD = Card", "ABOUT = Card"), {}, "has no CARD = Card(...)"),
        (2, "link", ('link="https://example.org/odd"', 'link=""'), {}, "its card has no link"),
        (2, "one\n   sentence", ('odd places.",', 'odd. The rest.",'), {}, "changes is not one sentence"),
        (
            2,
            "`field`",
            ("training=False,", "training=False,\n    field=(6,),"),
            {},
            "field=[6] is not in the map",
        ),
        (
            2,
            "`missing`",
            ("training=False,", "training=False,\n    missing='x',"),
            {},
            "missing is not one sentence",
        ),
        (3, "frozen keyword-only dataclass", ("frozen=True, ", ""), {}, "frozen"),
        (
            3,
            "link of the\n   paper",
            ("more. https://example.org/odd", "more."),
            {},
            "its docstring has neither",
        ),
        (
            3,
            "stands under each field",
            ('    """What an odd position counts."""\n', ""),
            {},
            "weight has no description",
        ),
    ],
)
def test_a_step_that_is_left_out_is_found_and_named(add, generate, step, words, change, options, fault):
    assert words in STEPS[step - 1]
    code = TOY.replace(*change)
    assert code != TOY or options
    try:
        add(code, **options)
        found = faults(generate)
    except TypeError as error:  # a class that is not frozen cannot derive from one that is
        found = [str(error)]
    assert fault in " and ".join(found)


def test_the_steps_name_files_that_are_there():
    steps = "".join(STEPS)
    for name in re.findall(r"`((?:tests|docs)/[\w/]+\.py|CHANGELOG\.md)`", steps):
        assert (ROOT / name).is_file(), name
    assert {"tests/test_methods_bring.py", "CHANGELOG.md"} <= set(re.findall(r"`([\w/.]+)`", steps))
    assert "python docs/generate.py" in steps
