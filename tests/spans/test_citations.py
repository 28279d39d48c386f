"""A quote is verified only if it is exactly what its document has at its offsets."""

import json
import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.spans import Answer, Citation, Document, Places, Span, cite, relevance, render, verify

STORY = Document(
    "story.txt",
    "The minister stole the letter from the royal apartments.\n\n"
    "The police searched his hotel for three months. They probed the cushions\n"
    "with long needles and opened every drawer. “Perhaps the mystery is a little too plain,” said Dupin.\n\n"
    "It hung in a card-rack of pasteboard, in full view of every visitor. The weather was fine.",
)
WHOLE = [Span(STORY, 0, len(STORY.text))]
QUESTION = "Where was the letter?"


def quoted(answer: str, read=WHOLE) -> list[Citation]:
    citations = cite(answer, QUESTION, read, limit=0)
    for citation in citations:
        assert citation.verified == verify(citation, [span.document for span in read])
    return list(citations)


@pytest.mark.parametrize(
    "answer",
    [
        'He says "in full view of every visitor" of it.',
        "He says “in full view of every visitor” of it.",
        "He says «in full view of every visitor» of it.",
        "Er sagt „in full view of every visitor“ dazu.",
        "He says:\n\n> in full view of every visitor\n\nof it.",
        'He says:\n> "in full view of every visitor" — story.txt\n',
        "“in full view of every visitor,” he says",
        '"in full view of every visitor;"',
        "&ldquo;in full view of every visitor&rdquo;",
        "&gt; in full view of every visitor",
        "<q>in full view of every visitor</q>",
        "<blockquote>\n<p>in full view of every visitor</p>\n</blockquote>",
        'He says \\"in full view of every visitor\\" of it.',
        "“in full view of\nevery visitor” and again “in full view of every visitor”",
    ],
)
def test_a_quotation_of_the_text_is_found(answer: str) -> None:
    start = STORY.text.index("in full view")
    quote = "in full view of every visitor"
    [found] = quoted(answer)
    assert found == Citation("story.txt", start, start + len(quote), quote, verified=True, number=1)
    assert found.place == "story.txt, line 6"
    assert found.sentence == "It hung in a card-rack of pasteboard, in full view of every visitor."


@pytest.mark.parametrize(
    ("quotation", "source"),
    [
        ("probed the cushions with long needles", "probed the cushions\nwith long needles"),
        ('"Perhaps the mystery is plain," or not', None),
        ("'Perhaps the mystery", "“Perhaps the mystery"),
        ('drawer. "Perhaps the mystery', "drawer. “Perhaps the mystery"),
        ("a card\u2011rack of  pasteboard", "a card-rack of pasteboard"),
    ],
)
def test_a_quotation_may_differ_in_lines_and_style_of_marks_and_gives_the_source(
    quotation: str, source: str | None
) -> None:
    [citation] = quoted(f"> {quotation}")
    assert citation.verified == (source is not None)
    assert citation.quote == source or not source


@pytest.mark.parametrize(
    "quotation",
    [
        "in full sight of every visitor",
        "in full view of every visitor!",
        "They probed the cushions [...] opened every window",
        "opened every drawer [...] They probed the cushions",
        "............",
    ],
)
def test_an_invented_quotation_stays_visible(quotation: str) -> None:
    assert quoted(f"It says “{quotation}”.") == [Citation("", None, None, quotation, verified=False)]


def test_a_quotation_of_what_was_not_read_is_not_verified() -> None:
    read = [Span(STORY, 0, STORY.text.index("It hung"))]
    [citation] = quoted('"in full view of every visitor"', read)
    assert not citation.verified


def test_a_quotation_across_neighbouring_passages_is_found() -> None:
    middle = STORY.text.index("view of")
    [citation] = quoted(
        '"in full view of every"', [Span(STORY, 0, middle), Span(STORY, middle, len(STORY.text))]
    )
    assert citation.verified


def test_single_words_in_marks_are_no_quotations() -> None:
    assert quoted('The "letter" is 5" by 6" in “size”, the "card-rack" too.') == []


def test_the_document_of_a_quotation_is_named() -> None:
    other = Document("other.txt", "Elsewhere it was lost at sea, they say.")
    citations = quoted(
        '"lost at sea, they say" but "in a card-rack of pasteboard"', [*WHOLE, Span(other, 0, 39)]
    )
    assert [citation.document for citation in citations] == ["other.txt", "story.txt"]
    assert [citation.number for citation in citations] == [2, 1]


def test_a_quotation_that_stands_in_two_documents_is_that_of_the_one_named_behind_it() -> None:
    copy = Document("copies/b.txt", "Before it, nothing.\n" + STORY.text)
    read = [*WHOLE, Span(copy, 0, len(copy.text))]
    first, second = quoted('"the royal apartments." And "his hotel for three months" (b.txt, line 4)', read)
    assert (first.document, first.place) == ("story.txt", "story.txt, line 1")
    assert (second.document, second.place) == ("copies/b.txt", "copies/b.txt, line 4")


COPIES = [Document("x/log.txt", "Out at three, it was."), Document("y/log.txt", "\nOut at three, it was.")]
FIRST, SECOND = "x/log.txt, line 1", "y/log.txt, line 2"
TWICE = "“Out at three, it was.”"


@pytest.mark.parametrize(
    ("answer", "places"),
    [
        (f"{TWICE} (y/log.txt)", [SECOND]),
        (f"{TWICE} (Y/LOG.TXT, line 2)", [SECOND]),
        (f"According to y/log.txt, {TWICE}", [SECOND]),
        ("In `y/log.txt`:\n\n> Out at three, it was.\n\nYes.", [SECOND]),
        ("> Out at three, it was.\n\n— y/log.txt, line 2", [SECOND]),
        (f"## y/log.txt\n\n- {TWICE}", [SECOND]),
        (f"y/log.txt says {TWICE} and x/log.txt says {TWICE}", [SECOND, FIRST]),
        (f"x/log.txt says {TWICE} and y/log.txt says {TWICE}", [FIRST, SECOND]),
        (f"{TWICE} in y/log.txt and {TWICE} in x/log.txt", [SECOND, FIRST]),
        (f"In y/log.txt: {TWICE} (line 3). In x/log.txt: {TWICE} (line 4)", [SECOND, FIRST]),
        (f"{TWICE} in log.txt", [FIRST]),
    ],
)
def test_the_document_that_is_named_with_a_quotation_is_cited(answer: str, places: list[str]) -> None:
    assert [
        each.place for each in quoted(answer, [Span(each, 0, len(each.text)) for each in COPIES])
    ] == places


@pytest.mark.parametrize(
    ("names", "said", "place"),
    [
        (("log.txt", "catalog.txt"), "(catalog.txt)", "catalog.txt, line 2"),
        (("catalog.txt", "log.txt"), "(log.txt)", "log.txt, line 2"),
        (("log.txt", "log.txt"), "(log.txt (2), line 2)", "log.txt (2), line 2"),
        (("a", "b"), "is a fact (b)", "b, line 2"),
        (("a.md", "my notes (old).md"), "(my notes (old).md)", "my notes (old).md, line 2"),
    ],
)
def test_names_in_names_and_short_names_are_told_apart(names: tuple[str, str], said: str, place: str) -> None:
    one, two = (Document(name, each.text) for name, each in zip(names, COPIES, strict=True))
    [found] = quoted(f"{TWICE} {said}", [Span(one, 0, len(one.text)), Span(two, 0, len(two.text))])
    assert found.place == place


def test_a_word_that_a_page_cuts_is_found_with_the_labels_of_its_pages() -> None:
    pages = [
        f"The Log\n{said}\n- {number} -\n" for number, said in enumerate(("the light-", "house is", "out"), 1)
    ]
    starts = tuple(sum(map(len, pages[:number])) for number in range(3))
    book = Document("b.pdf", "".join(pages), Places(page_starts=starts, page_labels=("i", "ii", "1")))
    [found] = quoted("“the lighthouse is out”", [Span(book, 0, len(book.text))])
    assert found.place == "b.pdf, page 1 (i), line 2 to page 3 (1), line 2"


def test_of_two_documents_shown_alike_the_right_one_is_cited() -> None:
    twins = [
        Document("log\u00e9.txt", "x\n" * 9 + "The lamp was lit."),
        Document("loge\u0301.txt", "The tide rose."),
    ]
    read = [Span(each, 0, len(each.text)) for each in twins]
    lamp, tide = quoted("“The lamp was lit.” “The tide rose.”", read)
    assert (lamp.number, tide.number) == (1, 2)
    assert lamp.place == "log\u00e9.txt, line 10"
    assert tide.place == "loge\u0301.txt (2), line 1"
    assert "Document: loge\u0301.txt (2)\nThe tide rose." in render(read)


def test_a_part_that_reverses_its_sentence_shows_it() -> None:
    terms = Document("terms.txt", "Read on. No payment is due before June. Pay then.")
    [part] = quoted('"payment is due"', [Span(terms, 0, len(terms.text))])
    assert part.quote == "payment is due"
    assert part.verified
    assert part.sentence == "No payment is due before June."


def test_a_quotation_over_a_page_says_where_it_ends() -> None:
    first = "The Log of Vessry Light\nhe asked for the\n12\n"
    book = Document(
        "log.pdf", first + "The Log of Vessry Light\nblue ledger", Places(page_starts=(0, len(first)))
    )
    [found] = quoted("“he asked for the blue ledger”", [Span(book, 0, len(book.text))])
    assert found.quote == "he asked for the\n12\nThe Log of Vessry Light\nblue ledger"
    assert found.place == "log.pdf, page 1, line 2 to page 2, line 2"
    for sentence in cite("The ledger is blue, he asked.", "", [Span(book, 0, len(book.text))]):
        assert "Vessry" not in sentence.quote


def test_supporting_sentences_speak_of_the_answer() -> None:
    citations = cite("It hung in a card-rack in full view.", QUESTION, WHOLE)
    assert citations[0].quote == "It hung in a card-rack of pasteboard, in full view of every visitor."
    assert all(citation.verified and verify(citation, [STORY]) for citation in citations)
    assert not any("weather" in citation.quote for citation in citations)


def test_no_support_is_better_than_a_bad_one() -> None:
    assert cite("Bananas are yellow.", "What about fruit?", WHOLE) == ()
    assert cite("Bananas have a fine yellow skin.", "What about fruit?", WHOLE) == ()
    assert cite("It was of the and to.", "Where was it?", WHOLE) == ()
    assert cite("", "", WHOLE) == ()
    assert cite("The letter hung there.", QUESTION, []) == ()


def test_support_far_below_the_best_is_left_out() -> None:
    best = "Dupin found the letter in a card-rack of pasteboard."
    text = "\n\n".join([f"The letter number {number} was posted." for number in range(20)] + [best])
    citations = cite(
        "Dupin found it in a card-rack of pasteboard.",
        "Which letter number was it?",
        [Span(Document("d", text), 0, len(text))],
    )
    assert [citation.quote for citation in citations] == [best]


def test_supporting_sentences_do_not_repeat_quotations_nor_each_other() -> None:
    answer = 'It hung "in a card-rack of pasteboard, in full view" of the visitor.'
    quotes = [citation.quote for citation in cite(answer, QUESTION, WHOLE)]
    assert quotes[0] == "in a card-rack of pasteboard, in full view"
    assert not any("card-rack" in quote for quote in quotes[1:])
    twice = Document("twice.txt", "The letter hung there.\n\n" * 5)
    assert len(cite("The letter hung there.", QUESTION, [Span(twice, 0, len(twice.text))])) == 1


def test_the_limit_is_kept() -> None:
    text = "\n\n".join(f"The letter number {number} hung in the rack." for number in range(9))
    read = [Span(Document("d", text), 0, len(text))]
    for limit in range(5):
        assert len(cite("The letter hung in the rack.", QUESTION, read, limit)) == limit
    with pytest.raises(ValueError, match="limit=-1"):
        cite("", "", read, -1)


def test_verify_believes_the_text_only() -> None:
    quote = "The minister stole"
    right = Citation("story.txt", 0, len(quote), quote, verified=False)
    assert verify(right, [STORY])
    text = STORY.text
    for wrong in [
        replace(right, document="other.txt"),
        replace(right, start=1, end=len(quote) + 1),
        replace(right, end=len(quote) + 1),
        replace(right, end=len(quote) - 1, quote=quote[:-1]),
        replace(right, quote="The minister Stole"),
        replace(right, start=None, end=None),
        replace(right, start=-len(text), end=len(quote) - len(text)),
        replace(right, start=0, end=0, quote=""),
    ]:
        assert not verify(replace(wrong, verified=True), [STORY])


MARKS = st.text(st.sampled_from("ab \"“”„«»>\n\x00\x1b\\[](){}.*+?^$|\u202e'’—-"), max_size=80)


@given(MARKS, MARKS, MARKS)
def test_no_document_or_answer_does_harm(text: str, answer: str, question: str) -> None:
    document = Document(text[:9], text)
    for citation in cite(answer, question, [Span(document, 0, len(text))]):
        assert citation.verified == verify(citation, [document])
        assert not citation.verified or text[citation.start : citation.end] == citation.quote
    whole = cite(f"“{text}”", question, [Span(document, 0, len(text))], limit=0)
    if len(text.strip()) >= 12 and set(text) & set("ab") and not set(text) & set("“”„«»\">'’\n"):
        assert [citation.verified for citation in whole] == [True]


def test_scores_are_positive_where_words_are_shared_and_repeat() -> None:
    texts = ["the letter was hidden", "nothing of it", "", "A LETTER; hidden, letter!", "信藏在架子上"]
    scores = relevance(texts, "hidden letter")
    assert [score > 0 for score in scores] == [True, False, False, True, False]
    assert relevance(texts, "hidden letter") == scores
    assert relevance(texts, "架子")[4] > 0
    assert relevance(texts, "") == relevance(texts, "of the telescope") == [0.0] * 5
    assert [score > 0 for score in relevance(texts, "of the")] == [True, True, False, False, False]
    assert relevance([], "letter") == relevance(["the"], "letter")[:0]


def test_retrieval_is_silent(capfd, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    cite("The letter hung there.", QUESTION, WHOLE)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_an_answer_gives_its_json() -> None:
    class Usage:
        def to_dict(self) -> dict[str, int]:
            return {"prompt_tokens": 7}

    citation = Citation("a.txt", 0, 4, "text", verified=True)
    answer = Answer("It is so.", (citation,), Usage())
    assert json.loads(json.dumps(answer.to_dict())) == {
        "text": "It is so.",
        "citations": [
            {
                "document": "a.txt",
                "start": 0,
                "end": 4,
                "quote": "text",
                "verified": True,
                "number": None,
                "place": "",
                "sentence": "",
            }
        ],
        "usage": {"prompt_tokens": 7},
    }
