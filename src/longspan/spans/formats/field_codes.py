"""What the fields of Word and RTF files show that have an instruction and no stored result."""

from __future__ import annotations

import re

from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.symbols import symbol

_NO_RESULT = Kind("field without a result", "fields without a result", "update the fields in Word, and save")
# Fields that show nothing, or a number that depends on the page.
_SILENT = """XE TC TA RD SET ASK BOOKMARK PRINT NEXT NEXTIF SKIPIF ADVANCE PRIVATE DATABASE INDEX PAGE NUMPAGES
    SECTIONPAGES SECTION PAGEREF HYPERLINK MERGEREC MERGESEQ COMMENTS FORMTEXT TOC TOA BARCODE ADDIN CITATION"""
_LONGEST_EQUATION = 2000
_DEEPEST = 50
_TOKEN = re.compile(r'"([^"]*)"|(\S+)')


def without_result(instruction: str, left_out: LeftOut) -> str:
    """What a field shows that has no result in the file."""
    tokens = [quoted or bare for quoted, bare in _TOKEN.findall(instruction)]
    name = tokens[0].upper() if tokens else ""
    if name == "SYMBOL" and len(tokens) > 1:
        font = tokens[tokens.index("\\f") + 1] if "\\f" in tokens[:-1] else ""
        code = int(tokens[1], 16 if tokens[1].lower().startswith("0x") else 10) if _is_code(tokens[1]) else 0
        return symbol(code, font) or f"[{font or 'symbol'} {code:X}]"
    if name == "EQ":
        return equation(instruction.strip()[2:])
    if name in ("MACROBUTTON", "GOTOBUTTON"):
        return " ".join(tokens[2:])
    if name == "QUOTE":
        return " ".join(tokens[1:])
    if name and name not in _SILENT.split():
        left_out.add(_NO_RESULT, name)
    return ""


def _is_code(token: str) -> bool:
    return bool(re.fullmatch(r"\d{1,7}|0[xX][0-9a-fA-F]{1,6}", token))


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
