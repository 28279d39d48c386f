"""Opening a file that a test has written."""

from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path) -> str:
    """The line by which a file is refused."""
    with pytest.raises(DocumentError) as caught:
        Document.open(path)
    message = str(caught.value)
    assert message.isprintable()
    assert path.name in message
    return message
