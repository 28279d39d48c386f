"""Formulas in one line, so that no number changes: 1/2, 10^6, √(x+1), ∑_{i=1}^n x_i."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from longspan.spans.formats.package import child, local, switched_on, value

_ATOM = re.compile(r"[^\W_]+(?:[.,]\d+)?|.", re.DOTALL)
_ACCENTS = {
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "bar",
    "\u0305": "bar",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u030c": "check",
    "\u20d7": "vec",
    "\u2192": "vec",
}
_STRIKES = ("strikeH", "strikeV", "strikeBLTR", "strikeTLBR")
_SKIPPED = ("del", "moveFrom")


def linear(node: Any) -> str:
    """A formula element (m:oMath or any within) in one line. Its script is written as ``^6`` or ``^{n+1}``."""
    name = local(node)
    if name in _SKIPPED or (name.endswith("Pr") and name != "phantPr"):
        return ""
    if name in _FORMS:
        return _FORMS[name](node)
    if name == "t":
        return (node.text or "").replace("\n", " ").replace("\xa0", " ")
    if name in ("tab", "br"):
        return " "
    return _run(node) if name == "r" else _row(node)


def _run(node: Any) -> str:
    text = _row(node)
    looks = [each for each in node if local(each) == "rPr"]
    is_struck = any(switched_on(child(look, name)) for look in looks for name in ("strike", "dstrike"))
    return f"~~{text}~~" if is_struck and text.strip() else text


def _row(node: Any) -> str:
    """The elements of a formula side by side; a blank where two of them would read as one number or name."""
    said, after_form = "", False
    for each in node:
        text = linear(each)
        if not text:
            continue
        is_form = local(each) in _FORMS
        joins = said[-1:].isalnum() or said[-1:] in (")", "}")
        if joins and (
            (after_form and text[0].isalnum()) or (is_form and text[0].isdigit() and said[-1].isalnum())
        ):
            said += " "
        if said.endswith("~~") and text.startswith("~~"):
            said, text = said[:-2], text[2:]
        said += text
        after_form = is_form
    return said


def _part(node: Any, name: str) -> str:
    found = child(node, name)
    return "" if found is None else linear(found)


def _said(node: Any, name: str, default: str) -> str:
    """A character that the properties of the element give; empty if they say that there is none."""
    properties = next((each for each in node if local(each).endswith("Pr") and local(each) != "ctrlPr"), None)
    found = None if properties is None else child(properties, name)
    return default if found is None else value(found) or ""


def _switched(node: Any, name: str) -> bool:
    properties = next((each for each in node if local(each).endswith("Pr") and local(each) != "ctrlPr"), None)
    found = None if properties is None else child(properties, name)
    return switched_on(found)


def _grouped(text: str) -> str:
    return text if not text or _ATOM.fullmatch(text) or _is_bracketed(text) else f"({text})"


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets holds all of it."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    if pairs.get(text[:1]) != text[-1:]:
        return False
    depth = 0
    for at, character in enumerate(text):
        depth += (character == text[0]) - (character == text[-1])
        if depth == 0:
            return at == len(text) - 1
    return False


def _script(mark: str, text: str) -> str:
    if not text:
        return ""
    return mark + (text if re.fullmatch(r"[-+−]?[^\W_]+|.", text, re.DOTALL) else f"{{{text}}}")


def _fraction(node: Any) -> str:
    above, below = _part(node, "num"), _part(node, "den")
    if _said(node, "type", "bar") == "noBar":
        return f"({above} above {below})"
    return f"{_grouped(above)}/{_grouped(below)}"


def _scripts(node: Any) -> str:
    return _grouped(_part(node, "e")) + _script("_", _part(node, "sub")) + _script("^", _part(node, "sup"))


def _before(node: Any) -> str:
    scripts = _script("_", _part(node, "sub")) + _script("^", _part(node, "sup"))
    return f"{{{scripts}}}{_grouped(_part(node, 'e'))}"


def _root(node: Any) -> str:
    degree = "" if _switched(node, "degHide") else _part(node, "deg")
    return "√" + (f"[{degree}]" if degree else "") + _grouped(_part(node, "e"))


def _large(node: Any) -> str:
    scripts = _script("_", _part(node, "sub")) + _script("^", _part(node, "sup"))
    return f"{_said(node, 'chr', '∫')}{scripts} {_part(node, 'e')}"


def _brackets(node: Any) -> str:
    inside = _said(node, "sepChr", "|").join(linear(each) for each in node if local(each) == "e")
    first, last = _said(node, "begChr", "("), _said(node, "endChr", ")")
    if (first, last) == ("(", ")") and _is_bracketed(inside):
        return inside
    return f"{first}{inside}{last}"


def _matrix(node: Any) -> str:
    rows = (
        ", ".join(linear(each) for each in row if local(each) == "e") for row in node if local(row) == "mr"
    )
    return f"[{'; '.join(rows)}]"


def _lines(node: Any) -> str:
    return "; ".join(linear(each).replace("&", "") for each in node if local(each) == "e")


def _function(node: Any) -> str:
    name, of = _part(node, "fName"), _part(node, "e")
    return f"{name}{of}" if _is_bracketed(of) else f"{name}({of})"


def _accent(node: Any) -> str:
    mark, text = _said(node, "chr", "\u0302"), _part(node, "e")
    if len(text) == 1 and mark in _ACCENTS and mark != "\u2192":
        return text + mark
    return f"{_ACCENTS.get(mark, mark)}({text})"


def _bar(node: Any) -> str:
    above = _said(node, "pos", "bot") == "top"
    return f"{'overline' if above else 'underline'}({_part(node, 'e')})"


def _box(node: Any) -> str:
    inside = _part(node, "e")
    return f"~~{inside}~~" if inside and any(_switched(node, each) for each in _STRIKES) else inside


def _phantom(node: Any) -> str:
    shown = next((child(each, "show") for each in node if local(each) == "phantPr"), None)
    return _part(node, "e") if shown is None or switched_on(shown) else ""


_FORMS: dict[str, Callable[[Any], str]] = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _before,
    "rad": _root,
    "nary": _large,
    "d": _brackets,
    "m": _matrix,
    "eqArr": _lines,
    "func": _function,
    "acc": _accent,
    "bar": _bar,
    "borderBox": _box,
    "phant": _phantom,
    "limLow": lambda node: _part(node, "e") + _script("_", _part(node, "lim")),
    "limUpp": lambda node: _part(node, "e") + _script("^", _part(node, "lim")),
    "groupChr": lambda node: _grouped(_part(node, "e")),
}
