"""PDF files made by hand, so that their text is known."""

from collections.abc import Callable, Sequence

import pytest


def write_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF of one font; each page has the given lines of text, or is a grey box if it has none."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    kids = []
    for lines in pages:
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        content = f"BT /F1 12 Tf 40 780 Td {shown}ET" if lines else "0.5 g 40 40 500 700 re f"
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects) + 2} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    file = "%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    return (file + f"xref\n0 {size}\n0000000000 65535 f \n{table}" + trailer).encode("latin-1")


@pytest.fixture
def pdf() -> Callable[[Sequence[Sequence[str]]], bytes]:
    return write_pdf
