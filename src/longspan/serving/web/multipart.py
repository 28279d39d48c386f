"""Files that clients send as forms do."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from longspan.serving.refused import Refused

_FIELDS = 16
_LONGEST = 2**16
_LABEL = 255


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a form holds. file: its one file, which is gone when the block ends."""

    fields: Mapping[str, str]
    file: UploadFile
    size: int

    @property
    def label(self) -> str:
        """What the client calls the file: to be shown, never to be opened."""
        return labelled(self.file.filename or "", "file")


def is_multipart(request: Request) -> bool:
    """Whether a request is a form with files."""
    return request.headers.get("content-type", "").lower().startswith("multipart/")


def labelled(name: str, default: str) -> str:
    """A name of a client, fit to be shown on one line: without folders, and without what steers a terminal."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = " ".join("".join(each if each.isprintable() else " " for each in last).split())
    return shown[:_LABEL] or default


@asynccontextmanager
async def parts_of(request: Request, known: Collection[str]) -> AsyncIterator[Parts]:
    """The parts of a form with one file, called "file". Raises Refused for anything else."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("content-encoding is not taken; send the form as it is", code="unsupported_encoding")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Refused(
            f"content-type is {kind[:80]!r}; send multipart/form-data", code="unsupported_content_type"
        )
    try:
        form = await request.form(max_files=1, max_fields=_FIELDS, max_part_size=_LONGEST)
    except (HTTPException, MultiPartException, UnicodeError) as error:
        said = getattr(error, "detail", getattr(error, "message", "its charset is wrong"))
        raise Refused(
            f"the form cannot be read ({str(said)[:200]}); send one file", code="invalid_form"
        ) from None
    try:
        fields: dict[str, str] = {}
        file: UploadFile | None = None
        for name, value in form.multi_items():
            if name not in (*known, "file"):
                raise Refused(
                    f"{name[:80]!r} is no field of this form; allowed are {', '.join(sorted({*known, 'file'}))}",
                    code="unknown_parameter",
                    param=name[:80],
                )
            if isinstance(value, UploadFile):
                file = value if name == "file" else None
            elif name == "file" or name in fields:
                raise Refused(f"{name} must be given once, a file as a file", code="invalid_form", param=name)
            else:
                fields[name] = value
        if file is None:
            raise Refused("the form has no file; send one as 'file'", code="invalid_form", param="file")
        yield Parts(fields=fields, file=file, size=file.size or 0)
    finally:
        await form.close()
