"""The options of the command that show a model demonstrations before it is asked."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from longspan import registry
from longspan.notation import parse_call
from longspan.parameters import check_choice
from longspan.parts import build

if TYPE_CHECKING:
    from longspan.demonstrations.taught import Taught

DemonstrationsOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help='Solved examples to answer like, {"text": ..., "label": ...} a line.'),
]
SelectOption = Annotated[
    str | None,
    typer.Option(help="Which demonstrations are shown: a selection of longspan methods, as in similar(k=8)."),
]
LessonOption = Annotated[
    str | None,
    typer.Option(help="What is made of demonstrations: a lesson of longspan methods; by default many-shot."),
]


def taught_of(demonstrations: str | None, select: str | None, lesson: str | None, flow: str) -> Taught | None:
    """What the options ask for, None where none is given. Raises ValueError for what does not go together."""
    if demonstrations is None and lesson is None:
        if select is not None:
            raise ValueError("--select chooses among demonstrations; name their file with --demonstrations")
        return None
    if flow != "auto":
        raise ValueError("--flow reads documents, and --demonstrations and --lesson teach; leave one out")

    from longspan.demonstrations.demonstration import read_demonstrations
    from longspan.demonstrations.taught import Taught

    call = parse_call(lesson or "many-shot")
    check_choice("--lesson", call.name, [card.name for card in registry.cards("lesson")])
    chosen = build("lesson", call)
    if select is not None:
        if "selection" not in {each.name for each in dataclasses.fields(chosen)}:
            raise ValueError(
                f"--select={select} has no place in {call.name}, which names its own; leave it out"
            )
        wanted = parse_call(select)
        check_choice("--select", wanted.name, [card.name for card in registry.cards("selection")])
        chosen = dataclasses.replace(chosen, selection=build("selection", wanted))
    if demonstrations is None and chosen.needs:
        raise ValueError(f"--lesson={lesson} needs demonstrations; name their file with --demonstrations")
    return Taught(
        lesson=chosen,
        demonstrations=() if demonstrations is None else read_demonstrations(demonstrations),
    )
