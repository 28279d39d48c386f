"""Fields: their results are text, their instructions are not, and some show something without a result."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.symbols import symbol
from longspan.spans.formats.word.package import child, local, number, switched_on, value

_NO_RESULT = Kind("field without a result", "fields without a result", "update the fields in Word, and save")
# Fields that show nothing, or a number that depends on the page.
_SILENT = """XE TC TA RD SET ASK BOOKMARK PRINT NEXT NEXTIF SKIPIF ADVANCE PRIVATE DATABASE INDEX PAGE NUMPAGES
    SECTIONPAGES SECTION PAGEREF HYPERLINK MERGEREC MERGESEQ COMMENTS FORMTEXT TOC TOA BARCODE ADDIN CITATION"""
_LONGEST_EQUATION = 2000
_DEEPEST = 50
_TOKEN = re.compile(r'"([^"]*)"|(\S+)')


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
        self._left_out = left_out

    @property
    def in_instruction(self) -> bool:
        return any(not each.has_result for each in self._open)

    def mark(self, node: Any) -> str:
        """What a w:fldChar shows."""
        kind = value(node, "fldCharType")
        if kind == "begin":
            self._open.append(_Field(form=child(node, "ffData")))
        elif kind == "separate" and self._open:
            self._open[-1].has_result = True
        elif kind == "end" and self._open:
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
        return hidden

    def _ended(self, ended: _Field) -> str:
        instruction = "".join(ended.instruction)
        shown = _form_value(ended.form)
        if shown is None and not ended.has_result:
            shown = self.without_result(instruction)
        elif shown is None or (ended.has_result and _is_text(ended.form)):
            shown = ""
        if self.in_instruction and shown:
            self.hide(shown)
            return ""
        return shown or ""

    def without_result(self, instruction: str) -> str:
        """What a field shows that has no result in the file."""
        tokens = [quoted or bare for quoted, bare in _TOKEN.findall(instruction)]
        name = tokens[0].upper() if tokens else ""
        if name == "SYMBOL" and len(tokens) > 1:
            font = tokens[tokens.index("\\f") + 1] if "\\f" in tokens[:-1] else ""
            code = (
                int(tokens[1], 16 if tokens[1].lower().startswith("0x") else 10) if _is_code(tokens[1]) else 0
            )
            return symbol(code, font) or f"[{font or 'symbol'} {code:X}]"
        if name == "EQ":
            return equation(instruction.strip()[2:])
        if name in ("MACROBUTTON", "GOTOBUTTON"):
            return " ".join(tokens[2:])
        if name == "QUOTE":
            return " ".join(tokens[1:])
        if name and name not in _SILENT.split():
            self._left_out.add(_NO_RESULT, name)
        return ""


def _is_code(token: str) -> bool:
    return bool(re.fullmatch(r"\d{1,7}|0[xX][0-9a-fA-F]{1,6}", token))


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


def equation(code: str) -> str:
    r"""The linear form of an EQ field, such as ``\f(1,2)`` for a half and ``\o\ad(\s\up 9(reading),word)`` for ruby."""
    if len(code) > _LONGEST_EQUATION or code.count("(") > _DEEPEST:
        return code.strip()
    said, at = [], 0
    for match in re.finditer(r"\\[a-zA-Z]+[\\a-zA-Z0-9.* \"':-]{0,80}\(", code):
        if match.start() < at:
            continue
        said.append(code[at : match.start()])
        inside, at = _bracketed(code, match.end())
        said.append(_command(match[0], inside))
    return re.sub(r"\\\*\s*\S+", "", "".join(said) + code[at:]).strip()


def _bracketed(code: str, start: int) -> tuple[list[str], int]:
    """The arguments from behind an opening bracket, and the place behind the closing one."""
    arguments, depth, begin = [], 0, start
    for at in range(start, len(code)):
        if code[at] == "(":
            depth += 1
        elif code[at] == ")" and depth:
            depth -= 1
        elif code[at] == ")" or (code[at] in ",;" and not depth):
            arguments.append(code[begin:at])
            begin = at + 1
            if code[at] == ")":
                return arguments, begin
    return [*arguments, code[begin:]], len(code)


def _command(command: str, arguments: list[str]) -> str:
    name = command[1:2].lower()
    ruby = name == "o" and len(arguments) == 2 and "\\up" in arguments[0]
    parts = [equation(each) for each in arguments]
    if ruby:
        return f"{parts[1]}({parts[0].removeprefix('^').strip('{}')})"
    if name == "f" and len(parts) == 2:
        return "/".join(_grouped(each) for each in parts)
    if name == "r":
        return f"√{_grouped(parts[0])}" if len(parts) == 1 else f"√[{parts[0]}]{_grouped(parts[-1])}"
    if name == "s":
        mark = "_" if "\\do" in command else "^"
        return "".join(f"{mark}{each}" if each.isalnum() else f"{mark}{{{each}}}" for each in parts if each)
    if name == "b":
        return f"({', '.join(parts)})"
    if name == "i" and len(parts) == 3:
        return f"∫_{{{parts[0]}}}^{{{parts[1]}}} {parts[2]}"
    return ", ".join(filter(None, parts))


def _grouped(text: str) -> str:
    return text if re.fullmatch(r"[^\W_]+(?:[.,]\d+)?", text) else f"({text})"
