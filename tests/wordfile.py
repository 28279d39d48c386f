"""Word files written part by part, so that what they hold is known."""

import io
import zipfile
from collections.abc import Mapping

_SPACES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
    "w15": "http://schemas.microsoft.com/office/word/2012/wordml",
}
NAMESPACES = " ".join(f'xmlns:{name}="{address}"' for name, address in _SPACES.items())
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def word_file(
    body: str,
    parts: Mapping[str, str | bytes] | None = None,
    *,
    main: str = "word/document.xml",
    kind: str = _MAIN,
) -> bytes:
    """A file with such a body. Parts are named by the kind of their relation, which is also its id, and after it,
    if there is more than one of the kind or if it is not XML, a file name: ``footnotes``, ``header:h2.xml``."""
    folder, name = main.rpartition("/")[::2]
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types><Override PartName="/{main}" ContentType="{kind}"/></Types>',
        "_rels/.rels": _listed(f'<Relationship Id="r" Type="{_KINDS}officeDocument" Target="{main}"/>'),
        main: f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>",
    }
    listed = ""
    for said, content in (parts or {}).items():
        kind_of_part, _, file = said.partition(":")
        file = file or f"{kind_of_part}.xml"
        identity = file.partition(".")[0]
        listed += f'<Relationship Id="{identity}" Type="{_KINDS}{kind_of_part}" Target="{file}"/>'
        if isinstance(content, str) and file.endswith(".xml"):
            content = content.replace(">", f" {NAMESPACES}>", 1) if not content.startswith("<?") else content
        files[f"{folder}/{file}"] = content
    files[f"{folder}/_rels/{name}.rels"] = _listed(listed)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path, content in files.items():
            package.writestr(path, content)
    return buffer.getvalue()


def _listed(relations: str) -> str:
    return f"<Relationships>{relations}</Relationships>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, properties: str = "") -> str:
    """Of runs, or of plain text."""
    inside = content if "<" in content else run(content)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>"
