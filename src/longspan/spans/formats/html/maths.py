"""A formula in MathML as one line of text in which no number changes."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.html.source import MARK

_SIMPLE = {"mi", "mn", "mo", "ms", "mtext"}


def formula(node: Any) -> str:
    """``E = (1)/(2) m`` for a fraction, ``10^6`` and ``a_i`` for what is raised and lowered, ``sqrt(2)`` for a root."""
    return " ".join(_said(node, 0).split())


def _children(node: Any) -> list[Any]:
    return list(node.iter(include_text=False))


def _text(node: Any) -> str:
    return MARK.sub("", node.text(deep=True) or "")


def _grouped(text: str) -> str:
    text = text.strip()
    return text if text.isalnum() or len(text) < 2 else f"({text})"


def _said(node: Any, depth: int) -> str:
    tag = (node.tag or "").lower().removeprefix("m:")
    parts = _children(node)
    if depth > 100:
        return _text(node)
    if tag in _SIMPLE or not parts:
        text = "" if tag in ("annotation", "annotation-xml") else _text(node).strip()
        return f" {text} " if tag in ("mo", "mtext") and len(text) > 0 and text not in "()[]{}.,|'′" else text
    inside = [
        _said(part, depth + 1) for part in parts if (part.tag or "") not in ("annotation", "annotation-xml")
    ]
    if tag == "mfrac" and len(inside) == 2:
        return f" {_grouped(inside[0])}/{_grouped(inside[1])} "
    if tag in ("msup", "mover") and len(inside) == 2:
        return f"{inside[0]}^{_grouped(inside[1])}"
    if tag in ("msub", "munder") and len(inside) == 2:
        return f"{inside[0]}_{_grouped(inside[1])}"
    if tag in ("msubsup", "munderover") and len(inside) == 3:
        return f"{inside[0]}_{_grouped(inside[1])}^{_grouped(inside[2])}"
    if tag == "mroot" and len(inside) == 2:
        return f"root({inside[1].strip()}, {inside[0].strip()})"
    if tag == "msqrt":
        return f"sqrt({''.join(inside).strip()})"
    if tag == "mfenced":
        attributes = node.attributes
        between = (attributes.get("separators") or ",").strip()[:1]
        return f"{attributes.get('open') or '('}{f'{between} '.join(inside)}{attributes.get('close') or ')'}"
    if tag == "mtable":
        return f"[{'; '.join(inside)}]"
    if tag in ("mtr", "mlabeledtr"):
        return ", ".join(inside)
    return "".join(_spaced(inside))


def _spaced(inside: list[str]) -> list[str]:
    """A blank between neighbours that would otherwise read as one number."""
    out: list[str] = []
    for text in inside:
        if out and out[-1][-1:].isdigit() and text[:1].isdigit():
            out.append(" ")
        out.append(text)
    return out
