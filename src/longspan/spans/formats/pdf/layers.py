"""Layers that are switched off: what stands on them is not seen, and is taken out before the text is read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from longspan.spans.formats.pdf.objects import entry, inner, items, string

_DEEPEST = 8


class Layers:
    """Which content of a file is on layers that its viewer does not show."""

    def __init__(self, reader: Any) -> None:
        properties = entry(reader.trailer, "/Root", "/OCProperties")
        groups = _references(entry(properties, "/OCGs"))
        off = _references(entry(properties, "/D", "/OFF"))
        on = _references(entry(properties, "/D", "/ON"))
        if entry(properties, "/D", "/BaseState") == "/OFF":
            off = {**groups, **off}
            off = {number: group for number, group in off.items() if number not in on}
        self._groups, self._off = groups, off
        self.met: dict[str, None] = {}  # the names of those that hid something

    def __len__(self) -> int:
        return len(self._groups)

    def hides(self, reference: Any) -> bool:
        """Whether content with this group, or this choice of groups, is not shown."""
        number = getattr(reference, "idnum", None)
        content = inner(reference)
        if number in self._off:
            self.met[string(entry(content, "/Name"))] = None
            return True
        if entry(content, "/Type") != "/OCMD":
            return False
        said = content.raw_get("/OCGs") if "/OCGs" in content else None
        members = said if items(said) else [said]
        states = [
            getattr(each, "idnum", None) not in self._off for each in inner(members) or () if each is not None
        ]
        policy = entry(content, "/P") or "/AnyOn"
        shown = {
            "/AllOn": all(states),
            "/AnyOn": any(states) or not states,
            "/AnyOff": not all(states) or not states,
            "/AllOff": not any(states),
        }
        hidden = not shown.get(str(policy), True)
        if hidden:
            self.met.update({string(entry(each, "/Name")): None for each in inner(members) or ()})
        return hidden


def _references(array: Any) -> dict[int, Any]:
    return {each.idnum: inner(each) for each in inner(array) or () if hasattr(each, "idnum")}


def without_hidden(reader: Any) -> tuple[bytes, list[str]]:
    """The file without what stands on layers that are switched off, and their names if something did."""
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=reader)
    hidden = Layers(_Rooted(writer))
    done: set[int] = set()
    for page in writer.pages:
        contents = page.get_contents()
        if contents is not None:
            page.replace_contents(_kept(contents, entry(page, "/Resources"), hidden, writer, done, 0))
    out = BytesIO()
    writer.write(out)
    return out.getvalue(), list(hidden.met)


class _Rooted:
    """A writer, seen as what has a trailer."""

    def __init__(self, writer: Any) -> None:
        from pypdf.generic import DictionaryObject, NameObject

        self.trailer = DictionaryObject({NameObject("/Root"): writer.root_object})


def _kept(contents: Any, resources: Any, layers: Layers, writer: Any, done: set[int], depth: int) -> Any:
    """Content without marked parts, forms and pictures that are hidden."""
    from pypdf.generic import ContentStream

    stream = contents if isinstance(contents, ContentStream) else ContentStream(contents, writer)
    kept = []
    marks: list[bool] = []
    for operands, operator in stream.operations:
        if operator in (b"BDC", b"BMC"):
            marks.append(operator == b"BDC" and _marked_hidden(operands, resources, layers))
        shown = not any(marks)
        if operator == b"EMC" and marks:
            marks.pop()
        if operator == b"Do" and shown and operands:
            part = entry(resources, "/XObject", str(operands[0]))
            if part is not None and "/OC" in part and layers.hides(part.raw_get("/OC")):
                continue
            if entry(part, "/Subtype") == "/Form" and id(part) not in done and depth < _DEEPEST:
                done.add(id(part))
                inside = _kept(part, entry(part, "/Resources") or resources, layers, writer, done, depth + 1)
                part.set_data(inside.get_data())
        # What changes how later things are drawn stays, even where it is hidden.
        if shown or operator not in (
            b"Tj",
            b"TJ",
            b"'",
            b'"',
            b"Do",
            b"INLINE IMAGE",
            b"sh",
            b"S",
            b"f",
            b"B",
        ):
            kept.append((operands, operator))
    stream.operations = kept
    return stream


def _marked_hidden(operands: Any, resources: Any, layers: Layers) -> bool:
    if len(operands) != 2 or operands[0] != "/OC":
        return False
    properties = entry(resources, "/Properties")
    name = str(operands[1])
    return properties is not None and name in properties and layers.hides(properties.raw_get(name))
