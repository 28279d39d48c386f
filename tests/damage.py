"""Files that are damaged, and what must come of them."""

import io
import random
import zipfile

from longspan.errors import DocumentError
from longspan.spans.formats.opening import read


def opens_or_says_why(data: bytes, suffix: str) -> str:
    """The text; empty if the file is refused, in one line that shows nothing of the inside."""
    said = ""
    try:
        return read(data, suffix, "a" + suffix).text
    except DocumentError as error:
        said = str(error)
    assert said.isprintable()
    assert "_io." not in said
    return ""


def damaged(data: bytes, chance: random.Random) -> bytes:
    """With bytes changed, cut out, doubled or cut off."""
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(spoilt) + 1), chance.randint(1, 40)
        kind = chance.randrange(5)
        if kind == 0:
            spoilt[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del spoilt[at : at + length]
        elif kind == 2:
            spoilt[at:at] = spoilt[at : at + length] * chance.randint(1, 9)
        elif kind == 3:
            spoilt[at : at + 2] = chance.choice(
                [b"<", b">", b"{", b"}", b"\\", b"&", b"\0", b"--", b'"', b"=?", b"\xff"]
            )
        elif chance.random() < 0.2:
            del spoilt[at:]
    return bytes(spoilt)


def damaged_inside(whole: bytes, chance: random.Random) -> bytes:
    """A zip package some of whose parts are damaged, and which is a whole one by itself."""
    inside, buffer = zipfile.ZipFile(io.BytesIO(whole)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in inside.namelist():
            content = inside.read(name)
            package.writestr(name, damaged(content, chance) if chance.random() < 0.3 else content)
    return buffer.getvalue()
