"""Books (EPUB), tables as text and JSON of any shape: each word that is seen is in the text, damage is one line."""

import csv
import io
import json
import random
import zipfile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from damage import damaged, damaged_inside, opens_or_says_why
from fuzzing import inputs
from longspan.spans import Document
from longspan.spans.formats.opening import read
from seen import Words

STRANGE = ["灯台", "שלום", "😀👩\u200d🔬", "e\u0301", "größer", "a&b"]


def page(words: Words) -> str:
    word = words.word
    made = [
        lambda: f"<h{words.chance.randint(1, 6)}>{word()}</h1>",
        lambda: f"<p>{word()} &nbsp;<i>{word()}</i><script>{word('unseen')}</script></p>",
        lambda: f"<table><tr><td>{word()}</td><td>{word()}</td></tr></table>",
        lambda: f"<ol><li>{word()}</li><li><p>{word()}</p></li></ol>",
        lambda: f"<p>{words.chance.choice(STRANGE).replace('&', '&amp;')} {word()}<br/>{word()}</p>",
        lambda: f"<p style='display:none'>{word('named')}</p>",
        lambda: f"<img src='a.png' alt='{word()}'/>",
        lambda: f"<aside epub:type='footnote'><p>{word()}</p></aside>",
        lambda: f"<svg><text>{word()}</text></svg>",
        lambda: f"<![CDATA[{word()}]]>",
    ]
    return "".join(words.chance.choice(made)() for _ in range(words.chance.randint(1, 6)))


def book_file(words: Words) -> bytes:
    chance, files, items, spine = words.chance, {}, [], []
    folder = chance.choice(["", "OEBPS/", "a b/c/"])
    for number in range(chance.randint(1, 4)):
        name = chance.choice([f"c{number}.xhtml", f"sub/kap {number}.html"])
        encoding = chance.choice(["utf-8", "utf-16", "utf-8-sig"])
        text = f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{page(words)}</body></html>'
        files[folder + name] = text.encode(encoding)
        href = name.replace(" ", "%20")
        items.append(f'<item id="i{number}" href="{href}" media-type="application/xhtml+xml"/>')
        spine.append(f'<itemref idref="i{number}" linear="{chance.choice(["yes", "no"])}"/>')
    if chance.random() < 0.3:
        name = words.word("named")
        files[f"{folder}{name}.xhtml"] = f"<html><body>{words.word('unseen')}</body></html>".encode()
        items.append(f'<item id="out" href="{name}.xhtml" media-type="application/xhtml+xml"/>')
    package = (
        f"<package><metadata/><manifest>{''.join(items)}</manifest><spine>{''.join(spine)}</spine></package>"
    )
    root = f'<container><rootfiles><rootfile full-path="{folder}p.opf"/></rootfiles></container>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        new.writestr("mimetype", "application/epub+zip")
        new.writestr("META-INF/container.xml", root)
        new.writestr(f"{folder}p.opf", package)
        for name, content in files.items():
            new.writestr(name, content)
    return buffer.getvalue()


@inputs(15)
@given(st.integers(0, 2**32))
def test_books(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    data = book_file(words)
    found = read(data, ".epub", "a.epub")
    notes = " ".join(found.notes)
    assert [word for word in words.seen if found.text.count(word) != 1] == []
    assert [word for word in words.unseen if word in found.text] == []
    assert [word for word in words.named if word in found.text] == []
    assert [word for word in words.named if word not in notes] == [] or "…" in notes
    headings = [said for _, said in found.places.headings]
    assert all(found.text.startswith(said, at) for at, said in found.places.headings), headings
    for spoilt in (damaged(data, chance), damaged_inside(data, chance), damaged_inside(data, chance)):
        opens_or_says_why(spoilt, ".epub")


CELLS = st.text(st.sampled_from("ab1,;\t|\"'\n 灯😀א"), max_size=6)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@inputs(30)
@given(TABLES, st.sampled_from(",;\t|"), st.sampled_from(["\r\n", "\n"]), st.sampled_from(["", "\ufeff"]))
def test_tables_as_text(rows: list[list[str]], separator: str, line_end: str, mark: str) -> None:
    marked = [[f"n{number}" for number in range(len(rows[0]))]] + [
        [f"<{row}.{column}>{cell}" for column, cell in enumerate(cells)] for row, cells in enumerate(rows)
    ]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, lineterminator=line_end).writerows(marked)
    text = buffer.getvalue()
    found = read(f"{mark}{text}".encode(), ".csv", "a.csv")
    assert found.text == text.replace("\r\n", "\n")
    opens_or_says_why(damaged(text.encode(), random.Random(text)), ".csv")
    assert list(csv.reader(io.StringIO(found.text, newline=""), delimiter=separator)) == [
        [cell.replace("\r\n", "\n") for cell in cells] for cells in marked
    ]
    document = Document("a.csv", found.text, found.places)
    for row, cells in enumerate(marked[1:]):
        for column, cell in enumerate(cells):
            at = found.text.index(f"<{row}.{column}>")
            place = document.place(at + len(cell) - 1 if '"' not in cell else at)
            assert place.column == f"{column + 1} (n{column})"
            if column == 0:
                assert place.line == found.text.count("\n", 0, at) + 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def named(value: Any, path: list[Any], found: list[tuple[str, list[Any]]]) -> Any:
    """The value with a word of its own in the place of each text; and the path of each."""
    if isinstance(value, list):
        return [named(each, [*path, number], found) for number, each in enumerate(value)]
    if isinstance(value, dict):
        return {
            f"k{number}": named(each, [*path, f"k{number}"], found)
            for number, each in enumerate(value.values())
        }
    found.append((f"<{len(found)}>{value}", path))
    return found[-1][0]


@inputs(40)
@given(st.lists(VALUES, min_size=1, max_size=3), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_json(values: list[Any], ascii_only: bool, indented: bool, seed: int) -> None:
    """Python's own reader finds the same in the text, and each value at the path that its place gives."""
    found: list[tuple[str, list[Any]]] = []
    made = [named(value, [], found) for value in values]
    several = len(made) > 1
    lines = [
        json.dumps(each, ensure_ascii=ascii_only, indent=2 if indented and not several else None)
        for each in made
    ]
    data = "\n".join(lines).encode("utf-8", "replace")
    extract = read(data, ".jsonl" if several else ".json", "a.json")
    texts = extract.text.split("\n") if several else [extract.text]
    back = [json.loads(each, strict=False) for each in texts]
    assert back == [json.loads(each) for each in data.decode().split("\n" if several else "\0")]
    document = Document("a.json", extract.text, extract.places)
    for said, path in found:
        at = extract.text.index(said.partition(">")[0] + ">")
        spot = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        assert document.place(at).spot == (spot or None)
    opens_or_says_why(damaged(data, random.Random(seed)), ".json")
