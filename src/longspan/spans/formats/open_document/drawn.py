"""What drawings in an OpenDocument file hold: texts, pictures, formulas, charts, other objects."""

from __future__ import annotations

from typing import Any

from longspan.spans.formats.blocks import Blocks
from longspan.spans.formats.html import html_text
from longspan.spans.formats.left_out import HIDDEN, LINKED, OBJECT, PICTURE, Kind
from longspan.spans.formats.package import child, local, value

_MEDIA = Kind("film or sound", "films or sounds", "transcribe it first")
_DESCRIBING = (
    "title",
    "desc",
    "enhanced-geometry",
    "glue-point",
    "event-listeners",
    "image-map",
    "contour-polygon",
)
_IN_FRAMES = ("text-box", "table", "object", "object-ole", "plugin", "applet", "floating-frame", "image")
_NAMES = """frame g a custom-shape rect ellipse circle line polyline polygon regular-polygon path connector caption
    measure control page-thumbnail scene"""
SHAPES = frozenset(_NAMES.split())


def drawing(story: Any, node: Any) -> None:
    """Reads a shape and all in it into the blocks of a story (`story.Story`)."""
    name, left_out = local(node), story.left_out
    if (value(node, "display") or "always") == "none":
        if words := " ".join("".join(node.itertext()).split()):
            left_out.add(HIDDEN, words)
        return
    if name == "frame":
        _frame(story, node)
    elif name == "control":
        _control(story, node)
    elif name != "page-thumbnail":
        for each in node:
            if local(each) in SHAPES:
                drawing(story, each)
            elif local(each) not in _DESCRIBING:
                story.block(each)


def _frame(story: Any, node: Any) -> None:
    """A frame shows the first of its forms that the reader knows; pictures behind it are the same once more."""
    described = " ".join(
        " ".join("".join(each.itertext()).split()) for each in node if local(each) in ("title", "desc")
    )
    shown = next((each for each in node if local(each) in _IN_FRAMES), None)
    if shown is None:
        return
    name = local(shown)
    if name == "text-box":
        for each in shown:
            story.block(each)
    elif name == "table":
        story.block(shown)
    elif name == "image":
        story.left_out.add(PICTURE, described)
    elif name == "plugin":
        story.left_out.add(_MEDIA, described or value(shown, "href") or "")
    elif name == "object":
        _object(story, shown, described or value(node, "name") or "")
    else:
        story.left_out.add(OBJECT, described or value(node, "name") or "")


def _object(story: Any, node: Any, named: str) -> None:
    inside = next(iter(node), None)
    root = inside if inside is not None else story.source.part(value(node, "href") or "")
    if root is None:
        story.left_out.add(LINKED if "://" in (value(node, "href") or "") else OBJECT, named)
        return
    chart = next(root.iter("{urn:oasis:names:tc:opendocument:xmlns:chart:1.0}chart"), None)
    if local(root) == "math":
        story.blocks.add(formula(root))
    elif chart is not None:
        for each in chart:
            if local(each) in ("title", "subtitle", "footer"):
                story.block(each)
        for axis in chart.iter("{*}axis"):
            for each in axis:
                if local(each) == "title":
                    story.block(each)
        if (table := child(chart, "table")) is not None:
            story.block(table)
    else:
        story.left_out.add(OBJECT, named)


def formula(root: Any) -> str:
    """A formula in MathML, in one line."""
    from lxml import etree

    plain = etree.fromstring(etree.tostring(root, with_tail=False))
    for each in plain.iter():
        if isinstance(each.tag, str):
            each.tag = each.tag[each.tag.find("}") + 1 :]
    etree.cleanup_namespaces(plain)
    return html_text(f"<body>{etree.tostring(plain, encoding='unicode')}</body>")


def _control(story: Any, node: Any) -> None:
    """A control of a form: its label, what is entered, and whether its box is ticked."""
    control = story.controls.get(value(node, "control") or "")
    if control is None:
        return
    said = value(control, "label") or ""
    entered = value(control, "current-value")
    entered = value(control, "value") if entered is None else entered
    options = [value(each, "label") or "" for each in control if local(each) in ("option", "item")]
    if local(control) in ("checkbox", "radio"):
        state = value(control, "current-state") or value(control, "current-selected") or ""
        said = f"[{'x' if state in ('checked', 'true') else ' '}] {said}"
    elif local(control) not in ("button", "fixed-text", "frame") and entered:
        said = f"{said} {entered}".strip()
    blocks: Blocks = story.blocks
    blocks.add("\n".join([said, *options]))
