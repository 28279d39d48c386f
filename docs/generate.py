"""Writes the generated pages of the documentation: `python docs/generate.py`.

docs/methods/ gets a page for each room that has methods, and docs/field.md the map of the field.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import cast

from longspan import field, parts, registry
from longspan.notation import parse_call
from longspan.plan import Plan

DOCS = Path(__file__).parent
NOTE = "*Made by `python docs/generate.py` from the code; change it there.*"


def pages() -> dict[Path, str]:
    """The generated pages by their path."""
    rooms = {room: cards for room in registry.ROOMS if (cards := built_in(room))}
    generated = {DOCS / "methods" / "README.md": index(rooms), DOCS / "field.md": field_map()}
    return generated | {page_of(room): room_page(room, cards) for room, cards in rooms.items()}


def built_in(room: str) -> list[registry.Card]:
    """The cards of the methods that longspan itself brings."""
    return [card for card in registry.cards(room) if card.target.startswith("longspan.")]


def page_of(room: str) -> Path:
    """Where the page of a room is."""
    return DOCS / "methods" / f"{registry.ROOMS[room].rpartition('.')[2]}.md"


def index(rooms: dict[str, list[registry.Card]]) -> str:
    """The table of all methods, as `longspan methods` prints it."""
    rows = [
        [
            f"[{card.name}]({page_of(room).name}#{card.name})",
            room,
            card.year,
            card.needs,
            sentences(card),
            source(card),
        ]
        for room, cards in rooms.items()
        for card in cards
    ]
    head = ["name", "room", "year", "training", "what it changes", "paper"]
    return page("# Methods", NOTE, table(head, rows))


def room_page(room: str, cards: list[registry.Card]) -> str:
    """One room: its contract, and a card for each method."""
    contract = registry.contract(room)
    about = inspect.getdoc(inspect.getmodule(contract)) or ""
    return page(
        f"# {room.capitalize()}", NOTE, about, prose(contract), *(method(room, each) for each in cards)
    )


def method(room: str, card: registry.Card) -> str:
    """The card of a method: what it changes, where it is from, its parameters, and an example."""
    cls = registry.find(room, card.name)
    facts = f"{source(card)}, {card.year}. Training: {card.needs}. Class: `{cls.__module__}.{cls.__name__}`."
    meaning = meanings(cls)
    rows = [
        [f"`{each.name}`", each.takes, default(each), meaning[each.name]] for each in parts.parameters(cls)
    ]
    parameters = (
        table(["parameter", "takes", "default", "meaning"], rows) if rows else "It has no parameters."
    )
    example = f"```\n{example_of(room, card)}\n```"
    return "\n\n".join((f"## {card.name}", sentences(card), facts, prose(cls), parameters, example))


def default(parameter: parts.Parameter) -> str:
    """The default of a parameter as it is written in a plan."""
    return "required" if parameter.required else f"`{parameter.text(parameter.default)}`"


def prose(cls: type) -> str:
    """The docstring of a class, its paragraphs as one line each."""
    paragraphs = inspect.cleandoc(cls.__dict__.get("__doc__") or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def meanings(cls: type) -> dict[str, str]:
    """What each parameter means: the docstring under its field, in the class or else where it inherits it from."""
    found: dict[str, str] = {}
    for each in cls.__mro__:
        if dataclasses.is_dataclass(each):
            found = field_docstrings(each) | found
    return found


@cache
def field_docstrings(cls: type) -> dict[str, str]:
    """The docstrings under the fields that a class itself declares."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = cast(ast.ClassDef, tree.body[0]).body
    found = {}
    for declared, below in pairwise(body):
        match declared, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def _example(parameter: parts.Parameter) -> str:
    if not parameter.required:
        return str(parameter.text(parameter.default))
    if parameter.name == "path":
        return "FOLDER"
    return "4" if "number" in parameter.takes and "list" not in parameter.takes else f"{parameter.name}.json"


def example_of(room: str, card: registry.Card) -> str:
    """A plan that names the method, checked by making it."""
    known = parts.parameters(registry.find(room, card.name))
    shown = [each for each in known if each.required] or [each for each in known if each.room is None][:2]
    given = ",".join(f"{each.name}={_example(each)}" for each in shown)
    call = f"{card.name}({given})" if given else card.name
    if room == "embedder":
        room, call = "retriever", f"dense({room}={call})"
    if room in ("retriever", "reranker"):
        room, call = "flow", f"best-passages({room}={call})"
    if room == "windows":
        room, call = "flow", f"side-by-side({room}={call})"
    if room == "flow":
        parts.build(room, parse_call(call))
        return f'longspan ask FILE QUESTION --flow "{call}"'
    if room == "compressor":
        parts.build(room, parse_call(call))
        return f'longspan compress FILE --method "{call}"'
    if room == "writing":
        parts.build(room, parse_call(call))
        return f'longspan write TASK --method "{call}"'
    if room in ("selection", "lesson"):
        parts.build(room, parse_call(call))
        option = "--select" if room == "selection" else "--lesson"
        return f'longspan ask --demonstrations FILE QUESTION {option} "{call}"'
    if room == "conversing":
        parts.build(room, parse_call(call))
        return f'longspan chat --method "{call}"'
    if room == "reasoner":
        parts.build(room, parse_call(call))
        return f'longspan ask QUESTION --reason "{call}"'
    text = f"{room}={call}" if room in registry.SLOTS else f"{owner_of(room)}({room}={call})"
    Plan.parse(text)
    return text


def owner_of(room: str) -> str:
    """The first method, as slot=name, with a parameter that holds a part of `room`."""
    for slot in registry.SLOTS:
        for card in built_in(slot):
            if any(each.room == room for each in parts.parameters(registry.find(slot, card.name))):
                return f"{slot}={card.name}"
    raise LookupError(f"no method holds a part of room {room}")


def field_map() -> str:
    """The map of the field, as `longspan field` prints it, after the meaning of its rooms."""
    papers = field.papers()
    count = {code: [paper for paper in papers if paper.room == code] for code in field.ROOMS}
    rooms = [
        [code, words, len(count[code]), *(states(count[code]).count(each) for each in ("in full", "in part"))]
        for code, words in field.ROOMS.items()
    ]
    rows = [[paper.id, paper.name, paper.room, paper.title, paper.status] for paper in papers]
    kinds = [[kind, *by_state.values()] for kind, by_state in field.counts(papers).items()]
    return page(
        "# The map of the field",
        NOTE,
        "The papers that longspan is to cover, each with the parts that implement it. *In part* says what of the paper "
        "is missing and why, *left out* why it is not wanted here; *not yet* is what it says.",
        table(["room", "about", "papers", "in full", "in part"], rooms),
        "What implements them, which `longspan field --count` counts too; a paper may have parts of several kinds. A "
        "method, flow or plan stands in a plan or after `--flow`, a task and a probe in their command, a profile "
        "is measured for the methods that need it, a recipe is a way to search for factors, a function is called in "
        "Python.",
        table(["papers by a", "in full", "in part"], kinds),
        table(["id", "name", "room", "title", "implemented"], rows),
    )


def states(papers: Sequence[field.Paper]) -> list[str]:
    """How much of each is implemented."""
    return [paper.state for paper in papers]


def sentences(card: registry.Card) -> str:
    """What a method changes, and what of its paper is missing."""
    return f"{card.changes} In part: {card.missing}" if card.missing else card.changes


def source(card: registry.Card) -> str:
    """The paper of a method, linked."""
    return f"[{card.paper}]({card.link})"


def page(*blocks: str) -> str:
    """Blocks of Markdown as a page."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [[str(cell).replace("|", r"\|") for cell in row] for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Writes all pages, and removes pages of rooms that are no more."""
    generated = pages()
    for path, text in generated.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in (DOCS / "methods").glob("*.md"):
        if path not in generated:
            path.unlink()


if __name__ == "__main__":
    main()
