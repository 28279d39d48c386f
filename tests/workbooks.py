"""Workbooks as Excel writes them, out of what a library writes."""

import io
import re
import zipfile

_SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = (
    '<Relationship Id="rIdS" Target="sharedStrings.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/>'
)


def with_shared_strings(data: bytes) -> bytes:
    """The same workbook with its texts in a part of their own, to which cells refer by number."""
    strings: list[str] = []

    def refer(match: re.Match[str]) -> str:
        strings.append(match[1])
        return f"<v>{len(strings) - 1}</v>"

    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                text = re.sub(r"<is>(.*?)</is>", refer, content.decode(), flags=re.DOTALL)
                content = text.replace('t="inlineStr"', 't="s"').encode()
            elif name == "xl/_rels/workbook.xml.rels":
                content = content.replace(b"</Relationships>", _RELATION.encode() + b"</Relationships>")
            new.writestr(name, content)
        items = "".join(f"<si>{each}</si>" for each in strings)
        new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_SPACE}">{items}</sst>')
    return buffer.getvalue()
