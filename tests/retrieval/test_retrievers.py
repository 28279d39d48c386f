"""Retrievers: what they find, in which order, and how rankings become one."""

from itertools import pairwise

import numpy as np
import pytest
from encoders import Thesaurus
from hypothesis import given
from hypothesis import strategies as st

from longspan.retrieval.contexts import _SITUATE, _shown, contexts
from longspan.retrieval.fusing import fuse, fuse_hits
from longspan.retrieval.judge import Judge
from longspan.retrieval.retrievers.base import Hit
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.retrieval.retrievers.contextual import Contextual
from longspan.retrieval.retrievers.dense import Dense
from longspan.retrieval.retrievers.hybrid import Hybrid
from longspan.retrieval.retrievers.late_chunks import LateChunks
from longspan.retrieval.retrievers.late_interaction import LateInteraction
from longspan.retrieval.retrievers.usage import Usage
from longspan.retrieval.segments import segmented
from longspan.spans import Document, Span
from longspan.spans.words import pairs
from tiny import tiny_model

MEANING = Dense(embedder=Thesaurus())


def spans_of(*texts: str) -> list[Span]:
    """Each text as a span of one document."""
    document = Document("book.txt", "\n".join(texts))
    ends = np.cumsum([len(text) + 1 for text in texts]).tolist()
    return [Span(document, end - 1 - len(text), end - 1) for end, text in zip(ends, texts, strict=True)]


HOSPITAL = spans_of(
    "The physician came at night.",
    "An automobile stood outside.",
    "Nobody slept, said the doctor.",
    "",
    "东京大学",
)


def test_words_find_what_shares_one_and_nothing_else():
    index = Bm25().index(HOSPITAL)
    assert [hit.span.text for hit in index.search("Which doctor?", k=99)] == [
        "Nobody slept, said the doctor."
    ]
    assert all(hit.score > 0 for hit in index.search("night doctor", k=99))
    for query in ("", "   ", "xylophone", 'NEAR(* -"', "🙂"):
        assert index.search(query) == []
    with pytest.raises(ValueError, match=r"k=0 is outside 1 \.\. "):
        index.search("doctor", k=0)


def test_an_index_of_nothing_finds_nothing():
    for retriever in (Bm25(), MEANING, Hybrid(meaning=MEANING), LateInteraction(embedder=Thesaurus())):
        assert retriever.index([]).search("doctor") == []
    assert Bm25().index(spans_of("", " ", "…")).search("doctor") == []


def test_pairs_of_characters_decide_where_single_ones_cannot():
    texts = spans_of(
        "京都の東に大きな学校がある。", "大阪から東京へ行き、大学に入った。", "東京大学は本郷にある。"
    )
    assert list(pairs("東京大学 a 大")) == ["東京", "京大", "大学"]
    best = [Bm25(pairs=each).index(texts).search("東京大学", k=3) for each in (True, False)]
    assert best[0][0].span.text.startswith("東京大学")
    assert best[0][0].score - best[0][1].score > best[1][0].score - best[1][1].score


def test_meaning_finds_other_words_and_keeps_what_was_encoded():
    index = MEANING.index(HOSPITAL)
    assert {hit.span.text for hit in index.search("Which doctor?", k=2)} == {
        "The physician came at night.",
        "Nobody slept, said the doctor.",
    }
    kept = MEANING.index(HOSPITAL, encoded=MEANING.encode(HOSPITAL))
    assert kept.search("a car", k=5) == index.search("a car", k=5)
    rows = MEANING.encode(HOSPITAL[:1], said=[("a car", "a doctor", "")])
    mean = Thesaurus().embed(["a car", "a doctor", ""]).mean(axis=0)
    np.testing.assert_allclose(rows[0][0], mean / np.linalg.norm(mean), rtol=1e-6)
    with pytest.raises(ValueError, match="said has 1 entries for 5 spans"):
        MEANING.index(HOSPITAL, said=[("a",)])


def test_a_ranking_that_is_blind_does_not_pull_the_other_down():
    texts = spans_of(
        "The physician came.", "The car came, and who sees?", "Came a letter, sees one.", "Who came?"
    )
    both = Hybrid(meaning=MEANING).index(texts)
    assert [hit.span for hit in both.search("physicians who heal", k=1)] == [texts[0]]
    blind = both.search("неизвестное слово", k=4)
    assert blind == [], "neither knows a word of it"
    found = (
        Hybrid(meaning=MEANING).index(spans_of("Кто спрятал письмо", "The letter")).search("письмо 🙂", k=2)
    )
    assert [hit.span.text for hit in found] == ["Кто спрятал письмо"]


RANKINGS = st.lists(st.lists(st.integers(0, 8), max_size=9), min_size=1, max_size=4)


@given(rankings=RANKINGS, data=st.data())
def test_fusing_is_the_formula(rankings, data):
    weights = data.draw(
        st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=len(rankings), max_size=len(rankings))
    )
    expected = {}
    for item in range(9):
        for ranking, weight in zip(rankings, weights, strict=True):
            first = list(dict.fromkeys(ranking))
            if item in first and weight:
                expected[item] = expected.get(item, 0) + weight / (60 + first.index(item) + 1)
    found = fuse(rankings, weights)
    assert dict(found) == pytest.approx(expected)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


def test_fusing_refuses_what_is_no_weight():
    with pytest.raises(ValueError, match="weights has 1 entries for 2 rankings"):
        fuse([[1], [2]], [1.0])
    with pytest.raises(ValueError, match=r"weights=-1\.0 is outside"):
        fuse([[1]], [-1.0])


def test_hits_that_overlap_are_one():
    document, other = Document("a", "0123456789" * 3), Document("b", "0123456789" * 3)
    first = [Hit(span=Span(document, 0, 10), score=9), Hit(span=Span(other, 5, 8), score=1)]
    second = [Hit(span=Span(document, 8, 14), score=2), Hit(span=Span(document, 14, 20), score=1)]
    assert [(hit.span.document.name, hit.span.start, hit.span.end) for hit in fuse_hits([first, second])] == [
        ("a", 0, 14),
        ("b", 5, 8),
        ("a", 14, 20),
    ]
    assert fuse_hits([[], []]) == []


def test_late_interaction_is_brute_force():
    embedder, query = Thesaurus(), "a car for the doctor"
    index = LateInteraction(embedder=embedder).index(HOSPITAL)
    asked = unit_rows(embedder.embed_tokens(query).rows)
    for number, score in index.ranked(query):
        rows = unit_rows(embedder.embed_tokens(HOSPITAL[number].text).rows)
        naive = np.mean([max(float(a @ b) for b in rows) for a in asked])
        assert score == pytest.approx(naive, abs=1e-6)
    assert len(index.ranked(query)) == len(HOSPITAL)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_late_chunks_pool_the_tokens_that_begin_in_them():
    embedder = Thesaurus()
    (whole,) = spans_of("The doctor drove a car. A letter came.")
    tokens = embedder.embed_tokens(whole.document.text)
    found = LateChunks(embedder=embedder).encode([Span(whole.document, 0, 23), Span(whole.document, 23, 38)])
    for rows, inside in zip(found, (slice(0, 5), slice(5, None)), strict=True):
        mean = tokens.rows[inside].mean(axis=0)
        np.testing.assert_allclose(rows[0], mean / np.linalg.norm(mean), rtol=1e-6)
    assert len(LateChunks(embedder=embedder).encode([Span(whole.document, 23, 24)])) == 1, (
        "a blank has a row too"
    )


def test_questions_stand_for_what_answers_them():
    judge = Judge(
        ask=lambda prompts, tokens: ["1. Who is the doctor?\n- Is a physician there?\n\n"] * len(prompts)
    )
    retriever = Usage(embedder=Thesaurus(), count=2)
    spans = spans_of("She works at the ward.", "The garage is full.")
    said = [*retriever.say(spans[:1], judge), ("Where is the car?",)]
    assert said[0] == ("Who is the doctor?", "Is a physician there?")
    assert retriever.index(spans, said=said).search("a doctor", k=1)[0].span == spans[0]
    assert retriever.say(spans, Judge(ask=lambda prompts, tokens: [""] * len(prompts))) == [
        (each.text,) for each in spans
    ]
    with pytest.raises(ValueError, match="said is not given"):
        retriever.index(spans)


def test_a_context_is_searched_and_never_cited():
    asked = []

    def ask(prompts, tokens):
        asked.extend(prompts)
        return ["It speaks of the lighthouse keeper.", ""]

    spans = spans_of("He was old.", "It rained.")
    retriever = Contextual(retriever=Bm25())
    said = retriever.say(spans, Judge(ask=ask))
    assert said == [("It speaks of the lighthouse keeper.\n\nHe was old.",), ("It rained.",)]
    assert [hit.span.text for hit in retriever.index(spans, said=said).search("lighthouse")] == [
        "He was old."
    ]
    assert "He was old." in asked[0]
    assert "After the passage stands:\nIt rained." in asked[0]
    assert "Before the passage stands:\nHe was old." in asked[1]
    with pytest.raises(ValueError, match="said is not given"):
        retriever.index(spans)


@given(
    text=st.text(st.sampled_from("ab. \n我🙂"), max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=12),
    size=st.integers(4, 40),
)
def test_pieces_of_a_library_become_passages_that_tile(text, cuts, size):
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    document = Document("a", text)

    def split(whole):
        return [whole[first:last] for first, last in pairwise(edges)]

    found = segmented(document, split, size, len)
    assert "".join(span.text for span in found) == text
    assert all(0 < len(span.text) <= size for span in found)
    short = {last for first, last in pairwise(edges) if last - first <= size}
    if len(short) == len(edges) - 1:
        assert {span.end for span in found} <= short, "no piece that fits is cut"


def test_pieces_that_are_not_the_text_are_refused():
    document = Document("a.txt", "One.  Two. ")
    with pytest.raises(ValueError, match=r"split gives 'Two\.' where a\.txt has '  Tw'"):
        segmented(document, lambda text: ["One.", "Two."], 9, len)
    with pytest.raises(ValueError, match=r"split ends 7 characters before the end of a\.txt"):
        segmented(document, lambda text: ["One."], 9, len)


def test_a_local_model_reads_a_document_once_and_is_forked_for_each_span():
    model, spent = tiny_model(), []
    spans = spans_of("the sailor hid the letter", "the baker slept")
    judge = Judge(ask=None, model=model, spent=spent.append)
    said = contexts(spans, judge, tokens=6)
    prompts = [f"{_shown(span.text)}\n\n{_SITUATE}" for span in spans]
    for text, prompt in zip(said, prompts, strict=True):
        with model.session() as session:
            alone = session.read(spans[0].document, more=True).ask(prompt, max_new_tokens=6)
        assert text == " ".join(alone.text.split())
    assert len(spent) == 3
    assert spent[0].prompt_tokens + spent[2].prompt_tokens == alone.usage.prompt_tokens, "read once"
    long = spans_of("the sailor hid the letter " * 400)
    asked = []
    contexts(long, Judge(ask=lambda prompts, tokens: asked.extend(prompts) or [""], model=model))
    assert len(asked) == 1, "what does not fit is asked about with what stands around it"
