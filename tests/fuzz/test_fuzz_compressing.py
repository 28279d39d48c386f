"""Texts of any kind made shorter: what stays is of the text, in order, within the rate, and knows where it stood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan.compressing.base import Compressor, Task
from longspan.compressing.compress import compress
from longspan.compressing.words import words
from longspan.spans import Document, Span, passages, sentences
from longspan.spans.boundaries import splits_character

PIECES = st.sampled_from(
    [
        *(
            "The baker hid it. ",
            "letter",
            " ",
            "\n\n",
            "\r",
            "\u2028",
            "10 000",
            "3.14",
            "e\u0301",
            "\x00",
            "\ufeff",
        ),
        *(
            "東京は大きい。",
            "人",
            "👩\u200d👩\u200d👧",
            "🇩🇪",
            "שלום ",
            "ภาษาไทย",
            "a" * 70,
            "—",
            "“So!” he said. ",
            "नमस्ते ",
        ),
        "light-\nhouse ",
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=80))
COUNTS = {
    "bytes": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "pieces": lambda text: len(re.findall(r"\w{1,4}|[^\w\s]|\s+", text)),
    "characters": len,
}


@dataclass(frozen=True, kw_only=True)
class Shuffled(Compressor):
    """Sentences, words or passages by lot."""

    unit: str
    seed: int

    def ranked(self, task: Task) -> list[Span]:
        found = [
            span
            for document in task.documents
            for span in {
                "word": words,
                "sentence": sentences,
                "passage": lambda document: passages(document, 20, len),
            }[self.unit](document)
        ]
        Random(self.seed).shuffle(found)
        return found


@inputs(25)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    rate=st.floats(0.01, 1.0),
    unit=st.sampled_from(["word", "sentence", "passage"]),
    counted=st.sampled_from(sorted(COUNTS)),
    seed=st.integers(0, 5),
)
def test_what_stays_is_of_the_text_and_within_the_rate(texts, rate, unit, counted, seed):
    documents = [Document(f"{number}.txt", text) for number, text in enumerate(texts)]
    count, by = COUNTS[counted], Shuffled(unit=unit, seed=seed)
    total = sum(count(text) for text in texts if text.strip())
    try:
        kept = compress(documents, rate, by=by, count=count)
    except ValueError as error:
        needed = float(re.search(r"use a rate of ([\d.]+) or more", str(error))[1])
        assert rate < needed
        assert compress(documents, min(1.0, needed), by=by, count=count).spans
        return
    assert kept.total == total
    assert kept.tokens == sum(count(each.text) for each in kept.documents) <= rate * total + 1e-6
    if counted == "characters":  # what would come next is a word, with blanks around it at most
        longest = max((len(span.text) for each in documents for span in words(each)), default=0)
        blanks = max((len(each) for text in texts for each in re.findall(r"\s+", text)), default=0)
        assert kept.tokens > rate * total - 1 - longest - 2 * max(1, blanks)
    order = {id(document): number for number, document in enumerate(documents)}
    places = [(order[id(span.document)], span.start, span.end) for span in kept.spans]
    assert places == sorted(places)
    for (one, _, end), (other, start, _) in pairwise(places):
        assert one < other or documents[one].text[end:start].strip()
    for part in kept.parts:
        text, short = part.original.text, part.document.text
        for span in part.spans:
            assert text[span.start : span.end] == span.text != ""
            assert part.whole or not splits_character(text, span.start) or unit == "passage"
        for at in range(len(short)):
            place = part.back(at, at + 1)
            assert place.text == short[at] or (short[at].isspace() and not place.text.strip(short[at]))
        for start, end in ((0, len(short)), (len(short) // 3, 2 * len(short) // 3)):
            place = part.back(start, end)
            assert part.apart(start, end) == (place.text != short[start:end])
            shown, whole = re.sub(r"\s", "", short[start:end]), iter(re.sub(r"\s", "", place.text))
            assert all(character in whole for character in shown)


@inputs(25)
@given(text=TEXTS)
def test_words_hold_all_that_is_not_blank_and_no_half_of_a_character(text):
    document = Document("a.txt", text)
    found = words(document)
    ends = [0, *(edge for span in found for edge in (span.start, span.end)), len(text)]
    assert ends == sorted(ends)
    assert not "".join(text[first:last] for first, last in zip(ends[::2], ends[1::2], strict=True)).strip()
    assert not any(
        splits_character(text, edge) and text[edge - 1].strip() for edge in ends if 0 < edge < len(text)
    )
    assert all(len(span.text) <= 40 or " " in span.text or span.text.strip() for span in found)
