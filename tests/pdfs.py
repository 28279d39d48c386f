"""PDF files made object by object, so that it is known what they hold."""

from collections.abc import Mapping, Sequence

Part = str | tuple[str, str | bytes]
HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
IMAGE = (
    "/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8",
    "x" * 64,
)
FULL_PAGE_IMAGE = "q 595 0 0 842 0 0 cm /Im0 Do Q "


def written(objects: Mapping[int, Part]) -> bytes:
    """A file of numbered objects, of which 1 is the catalogue; a pair is a stream: its entries and its data."""
    file, offsets = b"%PDF-1.7\n", {}
    for number, part in sorted(objects.items()):
        offsets[number] = len(file)
        if isinstance(part, tuple):
            data = part[1].encode("latin-1") if isinstance(part[1], str) else part[1]
            body = f"<< {part[0]} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"
        else:
            body = part.encode("latin-1")
        file += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    size = max(objects) + 1
    table = "".join(
        f"{offsets[number]:010} 00000 n \n" if number in offsets else "0000000000 65535 f \n"
        for number in range(1, size)
    )
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    return file + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def pages(
    contents: Sequence[str | bytes],
    *,
    objects: Mapping[int, Part] | None = None,
    catalogue: str = "",
    page: str = "",
    resources: str = "",
) -> bytes:
    """A file with a page for each content. Its font is /F1, object 3; objects from 100 on are for the caller."""
    found: dict[int, Part] = {1: f"<< /Type /Catalog /Pages 2 0 R {catalogue} >>", 3: HELVETICA, 4: IMAGE}
    kids = [10 + 2 * index for index in range(len(contents))]
    for number, content in zip(kids, contents, strict=True):
        found[number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R {page} /Resources "
            f"<< /Font << /F1 3 0 R >> /XObject << /Im0 4 0 R >> {resources} >> >>"
        )
        found[number + 1] = ("", content)
    found[2] = f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>"
    return written({**found, **(objects or {})})


def shown(*lines: str, at: tuple[int, int] = (72, 700), size: int = 12) -> str:
    """Content that shows lines, one under the other."""
    said = " Tj T* ".join(f"({line})" for line in lines)
    return f"BT /F1 {size} Tf {at[0]} {at[1]} Td {size + 2} TL {said} Tj ET "


def cid_font(
    *, encoding: str = "/Identity-H", to_unicode: str = "", ordering: str = "Identity"
) -> dict[int, Part]:
    """A font with two-byte codes in place of /F1, with a table of (code, character) pairs in hex if given."""
    table = "/ToUnicode 102 0 R" if to_unicode else ""
    objects: dict[int, Part] = {
        3: f"<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Book /Encoding {encoding} "
        f"/DescendantFonts [100 0 R] {table} >>",
        100: "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Book /DW 600 /CIDSystemInfo << /Registry "
        f"(Adobe) /Ordering ({ordering}) /Supplement 2 >> /FontDescriptor 101 0 R >>",
        101: "<< /Type /FontDescriptor /FontName /ABCDEF+Book /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 "
        "/Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    }
    if to_unicode:
        pairs = to_unicode.split()
        entries = "\n".join(f"<{code}> <{text}>" for code, text in zip(pairs[::2], pairs[1::2], strict=True))
        objects[102] = (
            "",
            "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
            f"{len(pairs) // 2} beginbfchar {entries} endbfchar endcmap end",
        )
    return objects
