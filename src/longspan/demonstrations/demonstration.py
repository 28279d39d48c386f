"""Solved examples: a text, what is answered to it, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longspan.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """A text and the answer to it, such as a label.

    reasoning: the steps between the two, empty where none are shown. made: whether a model made it up.
    """

    text: str
    label: str
    reasoning: str = ""
    made: bool = False

    def __post_init__(self) -> None:
        for name in ("text", "label"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name}={value!r} says nothing; give a text of 1 or more characters")


def read_demonstrations(path: str | Path) -> tuple[Demonstration, ...]:
    """The demonstrations of a JSON Lines file, {"text": ..., "label": ...} a line, "reasoning" besides if there is any.

    Raises DocumentError for a file that cannot be read or has none, with the line that is laid out otherwise.
    """
    place = Path(path)
    try:
        with place.open(encoding="utf-8-sig", newline="\n") as lines:
            found = [_of(line, number, place.name) for number, line in enumerate(lines, 1) if line.strip()]
    except UnicodeDecodeError as error:
        raise DocumentError(f"{place.name} is not UTF-8 ({error.reason}); write it in UTF-8") from None
    except OSError as error:
        raise DocumentError(
            f"{place.name} cannot be read ({error.strerror}); name a file of JSON lines"
        ) from None
    if not found:
        raise DocumentError(
            f'{place.name} has no demonstrations; write one a line: {{"text": ..., "label": ...}}'
        )
    return tuple(found)


def _of(line: str, number: int, name: str) -> Demonstration:
    try:
        said: Any = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError(f"it is {type(said).__name__}, not an object")
        if unknown := said.keys() - {"text", "label", "reasoning"}:
            raise ValueError(f"it has {', '.join(map(repr, sorted(unknown)))}")
        label = said.get("label")
        if isinstance(label, int | float) and not isinstance(label, bool):
            said["label"] = str(label)
        reasoning = said.get("reasoning", "")
        if not isinstance(reasoning, str):
            raise ValueError(f"reasoning={reasoning!r} is no text")
        return Demonstration(text=said.get("text"), label=said.get("label"), reasoning=reasoning)  # type: ignore[arg-type]
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f'{name}, line {number:,} is no demonstration ({error}); write {{"text": ..., "label": ...}}'
        ) from None


def labels_of(demonstrations: Iterable[Demonstration]) -> tuple[str, ...]:
    """The distinct labels, in the order in which they come."""
    return tuple(dict.fromkeys(each.label for each in demonstrations))


def same_text(text: str) -> str:
    """The same for texts that differ in case and blanks alone."""
    return " ".join(text.casefold().split())


def apart(demonstrations: Sequence[Demonstration], asked: Iterable[str]) -> tuple[Demonstration, ...]:
    """The demonstrations whose text is none of those that will be asked, so that no answer is given away."""
    hidden = {same_text(text) for text in asked}
    return tuple(each for each in demonstrations if same_text(each.text) not in hidden)
