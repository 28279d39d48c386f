"""The way of a question names each file once, and each is reached from one that was named before."""

import re
from pathlib import Path

from documentation import ROOT

SRC = ROOT / "src" / "longspan"
PAGE = ROOT / "docs" / "request.md"

NAMED = re.findall(r"`([\w/]+\.py)`", PAGE.read_text("utf-8"))
TOKEN, LAYER = (
    re.findall(r"^\d+\. `", part, re.MULTILINE) for part in PAGE.read_text("utf-8").split("\n## ")[1:]
)


def imports(importing, file):
    """Whether a file imports another, by itself or through the package that hands its names on."""
    module = f"longspan.{file.removesuffix('.py').replace('/', '.')}"
    package, _, name = module.rpartition(".")
    text, hands_on = (
        (SRC / each).read_text("utf-8") for each in (importing, Path(file).parent / "__init__.py")
    )
    return bool(
        f"from {module} import" in text
        or re.search(rf"from {package} import .*\b{name}\b", text)
        or (
            package != "longspan" and f"from {module} import" in hands_on and f"from {package} import" in text
        )
    )


def test_each_file_is_there_and_is_named_once():
    assert sorted(set(NAMED)) == sorted(NAMED)
    assert [file for file in NAMED if not (SRC / file).is_file()] == []


def test_each_file_is_reached_from_one_before():
    for number, file in enumerate(NAMED[1:], 1):
        assert any(imports(before, file) for before in NAMED[:number]), file


def test_the_ways_are_no_longer_than_before():
    assert len(TOKEN) < 22
    assert len(LAYER) < 18
