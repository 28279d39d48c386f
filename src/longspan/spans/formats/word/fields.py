"""The fields of a Word file: their results are text, their instructions are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from longspan.spans.formats.field_codes import without_result
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.package import child, local, number, switched_on, value


@dataclass
class _Field:
    """An open field. hidden is text that stands in its instruction, as results of fields within do."""

    form: Any = None
    instruction: list[str] = field(default_factory=list)
    has_result: bool = False
    hidden: list[str] = field(default_factory=list)


class Fields:
    """The fields that are open at a place of a story."""

    def __init__(self, left_out: LeftOut) -> None:
        self._open: list[_Field] = []
        self._instructions = 0
        self._left_out = left_out

    @property
    def in_instruction(self) -> bool:
        return self._instructions > 0

    def mark(self, node: Any) -> str:
        """What a w:fldChar shows."""
        kind = value(node, "fldCharType")
        if kind == "begin":
            self._open.append(_Field(form=child(node, "ffData")))
            self._instructions += 1
        elif kind == "separate" and self._open:
            self._instructions -= not self._open[-1].has_result
            self._open[-1].has_result = True
        elif kind == "end" and self._open:
            self._instructions -= not self._open[-1].has_result
            return self._ended(self._open.pop())
        return ""

    def instruct(self, text: str) -> None:
        if self._open:
            self._open[-1].instruction.append(text)

    def hide(self, text: str) -> None:
        """Text within an instruction; it is not lost if the field never ends."""
        self._open[-1].hidden.append(text)

    def unfinished(self) -> str:
        """What stood in the instructions of fields that did not end; none is open afterwards."""
        hidden = "".join("".join(each.hidden) for each in self._open if not each.has_result)
        self._open.clear()
        self._instructions = 0
        return hidden

    def _ended(self, ended: _Field) -> str:
        instruction = "".join(ended.instruction)
        shown = _form_value(ended.form)
        if shown is None and not ended.has_result:
            shown = without_result(instruction, self._left_out)
        elif shown is None or (ended.has_result and _is_text(ended.form)):
            shown = ""
        if self.in_instruction and shown:
            self.hide(shown)
            return ""
        return shown or ""


def _is_text(form: Any) -> bool:
    return form is not None and child(form, "textInput") is not None


def _form_value(form: Any) -> str | None:
    """What a field of a form holds; None where the text of its result tells."""
    for node in () if form is None else form:
        if local(node) == "checkBox":
            ticked = child(node, "checked")
            ticked = child(node, "default") if ticked is None else ticked
            return "[x]" if switched_on(ticked) else "[ ]"
        if local(node) == "ddList":
            entries = [value(each) or "" for each in node if local(each) == "listEntry"]
            chosen = number(child(node, "result"))
            chosen = number(child(node, "default")) if chosen is None else chosen
            return entries[chosen or 0] if 0 <= (chosen or 0) < len(entries) else ""
        if local(node) == "textInput":
            return value(child(node, "default"))
    return None
