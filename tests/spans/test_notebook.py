"""The cells of a notebook are its text."""

import json
from pathlib import Path

import pytest

from longspan.spans import Document
from opening import refused, saved

CELLS = [
    {
        "cell_type": "markdown",
        "source": ["# Größe\n", "The keeper is Ada.\n", "```\n", "# no heading\n", "```\n", "## Pay\n", "40"],
    },
    {
        "cell_type": "code",
        "execution_count": 3,
        "source": "x = 1\nx",
        "outputs": [
            {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]},
            {
                "output_type": "execute_result",
                "data": {"text/plain": ["   a\n", "0  1"], "text/html": "<p>1</p>"},
            },
            {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure size 1x1>"}},
            {
                "output_type": "display_data",
                "data": {"text/html": "<b>bold</b>", "text/plain": "<HTML object>"},
            },
            {"output_type": "display_data", "data": {"application/vnd.x+json": {"a": 1}}},
            {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["\x1b[1mE: no"]},
        ],
    },
    {"cell_type": "raw", "source": "raw"},
]


def opened(tmp_path: Path, said: object) -> Document:
    return Document.open(saved(tmp_path / "a.ipynb", json.dumps(said).encode()))


def test_cells_and_outputs_are_read_and_pictures_named(tmp_path: Path) -> None:
    document = opened(tmp_path, {"cells": CELLS, "nbformat": 4})
    assert document.text == (
        "# Größe\nThe keeper is Ada.\n```\n# no heading\n```\n\n## Pay\n40\n\nIn [3]:\nx = 1\nx\n\nOut [3]:\nred\n\n"
        "Out [3]:\n   a\n0  1\n\nOut [3]:\nbold\n\nOut [3]:\nE: no\n\nraw"
    )
    assert [words for _, words in document.places.headings] == ["Größe", "Pay"]
    assert document.describe(document.text.index("40")).endswith("a.ipynb, under “Pay”")
    assert document.notes[0].startswith("has 1 picture that is not read")
    assert "“application/vnd.x+json”" in document.notes[1]


def test_the_older_format_is_read(tmp_path: Path) -> None:
    code = {
        "cell_type": "code",
        "input": "1",
        "prompt_number": 2,
        "outputs": [{"output_type": "pyout", "text": ["one"]}],
    }
    heading = {"cell_type": "heading", "level": 1, "source": ["Top"]}
    assert (
        opened(tmp_path, {"worksheets": [{"cells": [heading, code]}]}).text
        == "Top\n\nIn [2]:\n1\n\nOut [2]:\none"
    )


OBJECT = "<IPython.core.display.HTML object>"


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        ({"text/plain": OBJECT, "text/markdown": "**12**"}, "**12**"),
        ({"text/plain": OBJECT, "application/json": {"a": [1]}}, '{"a": [1]}'),
        ({"text/plain": "1 ... 3", "text/html": "<p>1 2 3</p>"}, "1 2 3"),
        ({"text/plain": "   a\n0  1", "text/html": "<table><tr><td>a<td>0<td>1</table>"}, "   a\n0  1"),
        ({"text/plain": "1/2", "text/latex": "$\\frac{1}{2}$"}, "1/2"),
        ({"text/plain": "10%\r20%\r100%\nno\b\bok \x1b[?25l\x1b]8;;x\x07a"}, "100%\nok a"),
        ({"text/plain": "a\ud83d \ud83d\ude00\0b"}, "a\ufffd 😀b"),
    ],
)
def test_the_form_with_most_words_is_read_as_it_is_seen(
    tmp_path: Path, forms: dict[str, object], said: str
) -> None:
    cells = [
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "display_data", "data": forms}]}
    ]
    document = Document.open(saved(tmp_path / "a.ipynb", json.dumps({"cells": cells}).encode()))
    assert document.text == f"In [ ]:\nx\n\nOut [ ]:\n{said}"


def test_pictures_written_into_the_text_are_named(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": f"![lamp](data:image/png;base64,{'A' * 99}) end"}]
    document = Document.open(saved(tmp_path / "a.ipynb", json.dumps({"cells": cells}).encode()))
    assert document.text == "![lamp](data:image/png) end"
    assert "1 picture" in document.notes[0]


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"cells": [{}]}', b'{"cells": 3}', b"[" * 100_000, b'{"cells": [3]}']
)
def test_damaged_notebooks_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    assert "cannot be read as a notebook" in refused(saved(tmp_path / "a.ipynb", data))
