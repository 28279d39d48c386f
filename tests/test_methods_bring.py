"""What every registered method brings: its card, a class of its own in a file of its own."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, make_dataclass, replace
from importlib import import_module
from pathlib import Path

import pytest

from longspan import registry
from longspan.field import papers
from longspan.registry import ROOMS, Card


def part_faults(room: str, card: Card, cls: type) -> Iterator[str]:
    """What a registered part lacks."""
    facts = {"paper": card.paper, "link": card.link, "changes": card.changes}
    yield from (f"its card has no {name}" for name, text in facts.items() if not text.strip())
    if not 1990 <= card.year <= 2100:
        yield f"year={card.year} is outside 1990 .. 2100"
    if not card.link.startswith("https://"):
        yield f"link={card.link} is not https"
    if not card.changes.endswith(".") or ". " in card.changes or "\n" in card.changes:
        yield "changes is not one sentence"
    if card.missing and (not card.missing.endswith(".") or ". " in card.missing or "\n" in card.missing):
        yield "missing is not one sentence"
    if unknown := set(card.field) - {paper.id for paper in papers()}:
        yield f"field={sorted(unknown)} is not in the map"
    if (
        not is_dataclass(cls)
        or not cls.__dataclass_params__.frozen
        or not all(each.kw_only for each in fields(cls))
    ):
        yield "its class is not a frozen keyword-only dataclass"
        return
    said = {each: each.__dict__.get("__doc__") or "" for each in cls.__mro__[:-1]}
    said = {each: text for each, text in said.items() if not text.startswith(f"{each.__name__}(")}  # made up
    if card.link not in said.get(cls, "") and card.paper not in said.get(cls, ""):
        yield "its docstring has neither the link nor the title of its paper"
    home = f"{ROOMS[room]}.{card.name.replace('-', '_')}"
    if cls.__module__ != home or card.target != f"{home}:{cls.__name__}":
        yield f"it does not live in {home}"
    if not issubclass(cls, registry.contract(room)):
        yield f"its class does not derive from {registry.contract(room).__name__}"


BUILT_IN = [(room, registry.card(room, name)) for room in ROOMS for name in registry.own(room)]


@pytest.mark.parametrize(("room", "card"), BUILT_IN, ids=[f"{room}={card.name}" for room, card in BUILT_IN])
def test_a_registered_part_brings_what_it_must(room, card):
    assert list(part_faults(room, card, registry.find(room, card.name))) == []
    assert card == import_module(card.target.partition(":")[0]).CARD


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_lists_the_files_that_have_a_card(room):
    folder = Path(import_module(ROOMS[room]).__file__).parent
    with_card = [path.stem for path in folder.glob("*.py") if "\nCARD = " in path.read_text("utf-8")]
    assert sorted(name.replace("-", "_") for name in registry.own(room)) == sorted(with_card)


def test_a_listed_file_without_a_card_is_told(monkeypatch):
    monkeypatch.setattr("longspan.codecs.METHODS", ("elsewhere",))
    with pytest.raises(LookupError, match=r"elsewhere\.py has no CARD = Card\(\.\.\.\)"):
        registry.cards("codec")


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"paper": " "}, "its card has no paper"),
        ({"link": ""}, "its card has no link"),
        ({"changes": ""}, "its card has no changes"),
        ({"changes": "Keeps a few. Drops the rest."}, "changes is not one sentence"),
        ({"changes": "Keeps a few"}, "changes is not one sentence"),
        ({"year": 24}, "year=24 is outside 1990 .. 2100"),
        ({"link": "http://arxiv.org/abs/2208.07339"}, "link=http://arxiv.org/abs/2208.07339 is not https"),
        ({"link": "https://a.org", "paper": "Another"}, "neither the link nor the title of its paper"),
        ({"field": (228, 6)}, "field=[6] is not in the map"),
        ({"name": "int-8"}, "it does not live in longspan.codecs.int_8"),
        ({"target": "longspan.codecs.base:Int8"}, "it does not live in longspan.codecs.int8"),
    ],
)
def test_a_card_without_its_facts_is_found(facts, fault):
    card = replace(registry.card("codec", "int8"), **facts)
    assert fault in " and ".join(part_faults("codec", card, registry.find("codec", "int8")))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"kw_only": True}, "its class is not a frozen keyword-only dataclass"),
        ({"frozen": True}, "its class is not a frozen keyword-only dataclass"),
        ({"frozen": True, "kw_only": True}, "neither the link nor the title"),
        ({"frozen": True, "kw_only": True}, "it does not live in longspan.codecs.int8"),
        ({"frozen": True, "kw_only": True}, "its class does not derive from Codec"),
    ],
)
def test_a_class_that_is_no_part_is_found(options, fault):
    cls = make_dataclass("Int8", [("bits", int)], **options)
    assert fault in " and ".join(part_faults("codec", registry.card("codec", "int8"), cls))
