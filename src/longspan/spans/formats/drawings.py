"""What a drawing holds besides pictures: text boxes, diagrams, charts, art of words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from longspan.spans.formats.package import Package, child, local, value


class Drawn(NamedTuple):
    """A thing in a drawing: box (its element), text, picture (its description), object (its program),
    chart or diagram (the id of its part)."""

    kind: str
    said: Any


def drawn(root: Any) -> Iterator[Drawn]:
    """What is in a drawing (w:drawing, w:pict, w:object), in order."""
    described = ""
    is_object = False
    stack = [root]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        name = local(node)
        if name in ("txbxContent", "txBody"):
            yield Drawn("box", node)
            continue
        if name == "AlternateContent":
            choice = child(node, "Choice")
            stack.append(child(node, "Fallback") if choice is None else choice)
            continue
        if name in ("docPr", "cNvPr", "shape", "rect"):
            described = value(node, "descr") or value(node, "title") or value(node, "alt") or described
        elif name in ("blip", "imagedata") and not is_object:
            yield Drawn("picture", value(node, "title") or described)
        elif name == "textpath":
            yield Drawn("text", value(node, "string") or "")
        elif name == "OLEObject":
            yield Drawn("object", value(node, "ProgID") or "")
        elif name == "control":
            yield Drawn("object", value(node, "name") or "ActiveX")
        elif name == "contentPart":
            yield Drawn("picture", "ink")
        elif name == "chart":
            yield Drawn("chart", value(node, "id"))
        elif name == "relIds":
            yield Drawn("diagram", value(node, "dm"))
        elif name == "object":
            is_object = any(local(each) in ("OLEObject", "control") for each in node.iter())
        stack.extend(reversed(node))


def diagram_lines(package: Package, part: str) -> list[str]:
    """The texts of a diagram (SmartArt), one for each of its points."""
    lines = []
    for point in (each for each in package.tree(part).iter() if local(each) == "pt"):
        paragraphs = [_texts(each) for each in point.iter() if local(each) == "p"]
        lines += [line for line in paragraphs if line.strip()]
    return lines


def chart_lines(package: Package, part: str) -> list[str]:
    """Titles of a chart, then a row for each category with the value of every series, parted by tabs."""
    root = package.tree(part)
    lines = []
    for title in (each for each in root.iter() if local(each) == "title"):
        said = " ".join(
            " ".join(_texts(each).split()) for each in title.iter() if local(each) == "p"
        ) or " ".join(each.text or "" for each in title.iter() if local(each) == "v")
        lines.append(said)
    series = [each for each in root.iter() if local(each) == "ser"]
    categories: dict[int, str] = {}
    columns = []
    for each in series:
        for name in ("cat", "xVal"):
            categories |= _points(child(each, name))
        values = next((found for name in ("val", "yVal") if (found := child(each, name)) is not None), None)
        sizes = _points(child(each, "bubbleSize"))
        columns.append((" ".join(_points(child(each, "tx")).values()), _points(values)))
        if sizes:
            columns.append(("size", sizes))
    if columns:
        lines.append("\t" + "\t".join(name for name, _ in columns))
        for row in sorted({*categories, *(row for _, column in columns for row in column)}):
            lines.append(
                "\t".join([categories.get(row, ""), *(column.get(row, "") for _, column in columns)])
            )
    lines += [
        " ".join(" ".join(_texts(each).split()) for each in label.iter("{*}p"))
        for label in root.iter("{*}rich")
        if not any(local(each) == "title" for each in label.iterancestors())
    ]
    lines += [
        " ".join((each.text or "").split())
        for each in root.iter("{*}name")
        if local(each.getparent()) == "trendline"
    ]
    for level in (
        each for each in root.iter() if local(each) == "lvl" and local(each.getparent()) in _DIMENSIONS
    ):
        lines.append("\t".join(each.text or "" for each in level if local(each) == "pt"))
    return [line for line in lines if line.strip()]


_DIMENSIONS = ("strDim", "numDim")


def _points(node: Any) -> dict[int, str]:
    """The stored values of a series, by their index; levels of categories are put together."""
    found: dict[int, str] = {}
    for point in () if node is None else node.iter():
        if local(point) == "pt":
            text, index = child(point, "v"), value(point, "idx") or ""
            if text is not None and index.isdigit() and len(index) < 10:
                said = " ".join((text.text or "").split())
                found[int(index)] = f"{said} {found[int(index)]}" if int(index) in found else said
    if (
        not found
        and node is not None
        and (said := " ".join((each.text or "") for each in node.iter("{*}v")).strip())
    ):
        found[0] = said
    return found


def _texts(node: Any) -> str:
    return "".join("\n" if local(each) == "br" else each.text or "" for each in node.iter("{*}t", "{*}br"))
