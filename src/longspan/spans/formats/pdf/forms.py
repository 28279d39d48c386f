"""What the fields of a form hold, as they stand on a page, and the data of a form that is not drawn in the file."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.left_out import Kind, LeftOut
from longspan.spans.formats.pdf.objects import ancestors, box, entry, inherited, items, parsed, plain, string
from longspan.spans.formats.pdf.rows import Entry

_PUSH_BUTTON, _PASSWORD = 1 << 16, 1 << 13
_UNSEEN = Kind(
    "filled field that is hidden", "filled fields that are hidden", "show it and save to have it read"
)
_HIDDEN = 1 << 1 | 1 << 5  # hidden, not viewed


def entries(page: Any, appearance: Any, left_out: LeftOut) -> list[Entry]:
    """The filled fields of a page; those that it hides are added to what is left out.

    appearance: reads the text of what is drawn for a field.
    """
    found = []
    for widget in items(entry(page, "/Annots")):
        if entry(widget, "/Subtype") != "/Widget":
            continue
        value = _value(widget, appearance)
        if not value:
            continue
        if _number(entry(widget, "/F")) & _HIDDEN:
            left_out.add(_UNSEEN, _name(widget))
            continue
        left, bottom, right, top = box(entry(widget, "/Rect"))
        found.append(Entry(name=_name(widget), value=value, left=left, right=right, bottom=bottom, top=top))
    return found


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _name(widget: Any) -> str:
    said = string(inherited(widget, "/TU"))
    parts = [string(entry(each, "/T")) for each in ancestors(widget)]
    return said or ".".join(part for part in reversed(parts) if part)


def _value(widget: Any, appearance: Any) -> str:
    kind, flags = inherited(widget, "/FT"), _number(inherited(widget, "/Ff"))
    if kind == "/Btn" and not flags & _PUSH_BUTTON:
        return _box_state(widget)
    drawn = " ".join(appearance(entry(widget, "/AP", "/N")).split())
    if kind == "/Btn":
        return string(entry(widget, "/MK", "/CA")) or drawn
    if flags & _PASSWORD and kind == "/Tx":
        return ""
    held = inherited(widget, "/V")
    if kind == "/Ch":
        options = _options(widget)
        chosen = items(held) or [held]
        value = ", ".join(options.get(string(each), string(each)) for each in chosen if string(each))
    elif kind == "/Sig":
        who = string(entry(held, "/Name"))
        return drawn or (f"signed by {who}" if who else "signed" if held is not None else "")
    else:
        value = string(held) or plain(string(inherited(widget, "/RV")))
    if not value:
        return drawn
    other = "".join(drawn.split()) != "".join(value.split())  # the cells of a comb stand apart
    return f"{value} (shown as: {drawn})" if drawn and kind == "/Tx" and other else value


def _box_state(widget: Any) -> str:
    """``[x]`` or ``[ ]``; a box is ticked if the state in which it is drawn, or else its field's value, is not off."""
    state = entry(widget, "/AS")
    if state is None:
        held = inherited(widget, "/V")
        own = [key for key in entry(widget, "/AP", "/N") or () if key != "/Off"]
        state = held if not own or held in own else "/Off"
    return "[ ]" if state in (None, "/Off") else "[x]"


def _options(widget: Any) -> dict[str, str]:
    """What is shown for each value that can be chosen."""
    shown = {}
    for option in items(inherited(widget, "/Opt")):
        pair = items(option)
        if len(pair) == 2:
            shown[string(pair[0])] = string(pair[1])
    return shown


def off_page(reader: Any) -> list[str]:
    """Filled fields that stand on no page, as ``name: value``."""
    lines = []
    seen: set[int] = set()
    left = [(each, 0) for each in reversed(items(entry(reader.trailer, "/Root", "/AcroForm", "/Fields")))]
    while left:
        field, depth = left.pop()
        if id(field) in seen or depth > 64 or len(seen) > 100_000:
            continue
        seen.add(id(field))
        kids = items(entry(field, "/Kids"))
        left += [(kid, depth + 1) for kid in reversed(kids)]
        value = string(entry(field, "/V"))
        if value and not kids and entry(field, "/Subtype") != "/Widget" and not items(entry(field, "/V")):
            lines.append(f"{_name(field)}: {value.removeprefix('/')}")
    return lines


def data_of_xfa(reader: Any) -> list[str] | None:
    """``name: value`` for what is filled in an XFA form; None if the file is none."""
    form = entry(reader.trailer, "/Root", "/AcroForm", "/XFA")
    if form is None:
        return None
    parts = items(form)
    packets = {string(name): part for name, part in zip(parts[::2], parts[1::2], strict=False)}
    source = string(packets["datasets"]) if "datasets" in packets else "" if packets else string(form)
    root = parsed(source)
    return [
        f"{str(leaf.tag).rpartition('}')[2]}: {' '.join(leaf.text.split())}"
        for leaf in (() if root is None else root.iter("*"))
        if len(leaf) == 0 and (leaf.text or "").split()
    ]
