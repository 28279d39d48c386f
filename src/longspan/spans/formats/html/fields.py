"""What the fields of a form hold."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.html.source import MARK

_VALUELESS = {"password", "file", "image"}


def field_text(node: Any, tag: str, attributes: dict[str, Any]) -> str:
    """A value as it stands in the field, ``[x]`` or ``[ ]`` for a box; nothing for an empty field."""
    if tag == "input":
        return _input(attributes)
    if tag == "select":
        return _select(node, attributes)
    if tag == "textarea":
        return MARK.sub("", node.text(deep=True) or "").strip("\n") or _asked(attributes)
    value, limit = attributes.get("value"), attributes.get("max")
    said = MARK.sub("", node.text(deep=True) or "").strip()
    return said or (f"{value}/{limit}" if value and limit else value or "")


def _input(attributes: dict[str, Any]) -> str:
    kind = (attributes.get("type") or "text").lower()
    if kind in ("checkbox", "radio"):
        return "[x]" if "checked" in attributes else "[ ]"
    if kind == "image":
        return f"[image: {attributes.get('alt')}]" if attributes.get("alt") else ""
    if kind in _VALUELESS:
        return ""
    return " ".join((attributes.get("value") or "").split()) or _asked(attributes)


def _asked(attributes: dict[str, Any]) -> str:
    """What an empty field asks for, in brackets."""
    words = " ".join((attributes.get("placeholder") or "").split())
    return f"[{words}]" if words else ""


def _select(node: Any, attributes: dict[str, Any]) -> str:
    """All options, a line each, those that are chosen marked."""
    options = node.css("option")
    chosen = {each.mem_id for each in options if "selected" in each.attributes}
    one = "multiple" not in attributes and (attributes.get("size") or "1") in ("1", "0")
    if one and not chosen:
        usable = [each for each in options if "disabled" not in each.attributes]
        chosen = {each.mem_id for each in usable[:1]}
    elif one:
        chosen = {[each.mem_id for each in options if each.mem_id in chosen][-1]}
    lines = []
    group = None
    for each in options:
        above = each.parent
        if above is not None and above.tag == "optgroup" and above.mem_id != group:
            group = above.mem_id
            lines.append(" ".join((above.attributes.get("label") or "").split()))
        words = MARK.sub("", each.text(deep=True) or "") or each.attributes.get("label") or ""
        if words.split():
            lines.append(f"[{'x' if each.mem_id in chosen else ' '}] {' '.join(words.split())}")
    return "\n".join(filter(None, lines))
