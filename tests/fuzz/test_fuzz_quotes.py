"""Quotes of made-up documents: what is verified stands there at boundaries of words, and what stands there is found."""

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan.spans import Document, Places, Span, cite

_WORDS = {
    "latin": [
        "lamp",
        "keeper",
        "the",
        "not",
        "Größe",
        "l'auteur",
        "don't",
        "well-known",
        "Núñez",
        "no",
        "art",
        "artillery",
    ],
    "numbers": ["1,234", "41,234.5", "3.5", "13.57", "-5", "10⁶", "½", "12:30", "5%", "$7", "F-16", "2024"],
    "cyrillic": ["маяк", "ключ", "под", "камнем", "ещё"],
    "arabic": ["المفتاح", "تحت", "الحَجَرِ", "لا"],
    "hebrew": ["מגדלור", "שָׁלוֹם", "לא"],
    "hindi": ["दूरबीन", "पीतल", "मिली", "नहीं"],
    "korean": ["등대지기는", "새", "김철수이다", "없다"],
    "chinese": ["灯在三点熄灭", "没有人看见", "十二万元", "铜望远镜"],
    "thai": ["ผู้ดูแล", "ประภาคาร", "ไม่"],
    "emoji": ["👍🏽", "👨‍👩‍👧", "🇩🇪"],
}
_JOINS = [" ", " ", " ", "  ", "\n", ", ", ". ", "; ", " — ", "-\n", "\u00a0"]
_MARKS = ["“ ”", "„ “", "” ”", "« »", "» «", "‹ ›", "‚ ‘", "‘ ’", "「 」", "『 』", '" "', "` `", "> "]

_script = st.sampled_from([*_WORDS, "mixed"])


@st.composite
def _documents(draw):
    script = draw(_script)
    known = [
        word for each in _WORDS if script in (each, "mixed") or each == "numbers" for word in _WORDS[each]
    ]
    words = draw(st.lists(st.sampled_from(known), min_size=8, max_size=30))
    joins = draw(st.lists(st.sampled_from(_JOINS), min_size=len(words), max_size=len(words)))
    return "".join(word + join for word, join in zip(words, joins, strict=True)), words


def _shown(text: str) -> str:
    """As it would stand in an answer: in one line, words that a line's end cuts put together, with plain blanks."""
    return " ".join(re.sub(r"(?<=[^\W\d_⁶½])-\n(?=[^\W\d_⁶½])", "", text).split())


def _quoted(marks: str, quote: str) -> str:
    before, after = [*marks.split(" "), ""][:2]
    return f"> {quote}" if marks == "> " else f"It says {before}{quote}{after} there."


def _word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _spaceless(character: str) -> bool:
    return bool(re.match("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]", character))


def _sound(document: Document, citation) -> None:
    """What must be true of every verified citation, said independently of how it is found."""
    assert (citation.start is None) == (not citation.verified)
    if not citation.verified:
        return
    text = document.text
    assert text[citation.start : citation.end] == citation.quote
    for at in (citation.start, citation.end):
        left, right = text[at - 1 : at], text[at : at + 1]
        if left and right:
            assert not (left.isdigit() and right.isdigit()), text[at - 9 : at + 9]
            assert not (_word(left) and _word(right)) or _spaceless(left) or _spaceless(right), text[
                at - 9 : at + 9
            ]
            assert unicodedata.category(right)[0] != "M" or left == "\n", text[at - 9 : at + 9]
            assert "\u200d" not in (left, right)
        assert not re.search(r"\d[.,:]\Z", text[max(0, at - 3) : at]) or not right.isdigit()
        assert not re.match(r"[.,:]\d|%", text[at : at + 2]) or not left.isdigit()


@inputs(120)
@given(_documents(), st.data())
def test_a_true_quote_is_found_in_any_marks(made, data):
    text, words = made
    places, at = [], 0
    for word in words:  # words that a line's end joins to the next one are no places to cut
        at = text.index(word, at)
        places.append((at, at + len(word)))
        at += len(word)
    ends = [end for _, end in places if text[end : end + 2] != "-\n"]
    starts = [start for start, _ in places if text[max(0, start - 2) : start] != "-\n"]
    start = data.draw(st.sampled_from(starts or [0]))
    end = data.draw(st.sampled_from([each for each in ends if each > start] or [len(text.rstrip())]))
    marks = data.draw(st.sampled_from(_MARKS))
    quote = _shown(text[start:end])
    if re.search(r"\d[   ]\d{3}(?!\d)|\d\s½|[‘’'`\"]", text[max(0, start - 5) : end + 5]) or (
        "`" in marks and "`" in quote
    ):
        return  # may be one number, or ends where the answer's own marks end
    document = Document("d", text, Places(page_starts=(0,)))
    citations = cite(_quoted(marks, quote), "?", [Span(document, 0, len(text))], limit=0)
    for citation in citations:
        _sound(document, citation)
    if len(quote) >= 12:
        assert [each.verified for each in citations[:1]] == [True], (quote, text)


@inputs(120)
@given(_documents(), st.data())
def test_a_cut_or_altered_quote_is_verified_only_where_it_stands(made, data):
    text, _ = made
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, len(text)))
    quote = text[start:end]
    change = data.draw(st.sampled_from(["none", "drop", "insert", "digit"]))
    at = data.draw(st.integers(0, max(0, len(quote) - 1)))
    if change == "drop":
        quote = quote[:at] + quote[at + 1 :]
    elif change == "insert":
        quote = (
            quote[:at]
            + data.draw(st.sampled_from([" not ", "7", "x", "…", "[he]", "”", "\n\n", "\u00ad"]))
            + quote[at:]
        )
    elif change == "digit":
        quote = re.sub(r"\d", "8", quote, count=1)
    document = Document("d", text)
    span = Span(document, 0, data.draw(st.integers(0, len(text))))
    for citation in cite(_quoted(data.draw(st.sampled_from(_MARKS)), quote), "?", [span], limit=2):
        _sound(document, citation)
        assert not citation.verified or citation.end <= span.end


@inputs(120)
@given(st.text(st.sampled_from("ab1 \"'“”„«»‘’‚`>\n「」[]….-—*_~()é\u0301\u200d灯"), max_size=120), st.data())
def test_any_answer_about_any_text_is_sound(answer, data):
    text = data.draw(st.text(st.sampled_from("ab1 \"'“”>\n.…-*_é\u0301灯ﬁ\u00ad|"), max_size=80))
    document = Document("d", text)
    for citation in cite(answer + text + answer, text, [Span(document, 0, len(text))]):
        _sound(document, citation)
