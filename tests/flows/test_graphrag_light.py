"""A graph of phrases without a model: walks against a dense solution, and passages two steps away."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from longspan.flows.base import NOT_FOUND, Events
from longspan.flows.found import Found
from longspan.flows.graphrag_light import GraphRAGLight, ranked
from longspan.flows.inquiry import Inquiry
from longspan.flows.phrases import communities, page_rank, phrase_graph, seeds
from longspan.flows.scripted import Scripted
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Document, Span, content_words, relevance

QUESTION = "In which town did the founder of Aerolith grow up?"
FIRST = "The firm Aerolith was begun long ago by Mira Kestrel, who sold it."
SECOND = "Of Mira Kestrel it is known that she spent all her early years in Bergen."
OTHERS = [
    f"The {what} had a founder too, who did grow up in a town by the {where}."
    for what in ("mill", "school", "bank", "chapel", "inn", "bakery", "theatre", "library")
    for where in ("river", "sea")
]
TEXTS = [*OTHERS[:8], SECOND, *OTHERS[8:], FIRST]


def spans_of(texts):
    return [Span(Document(f"{number}.txt", text), 0, len(text)) for number, text in enumerate(texts)]


def found_of(spans):
    return Found(Inquiry(chat=Scripted([]), question=QUESTION, events=Events()), spans, Bm25())


def test_a_walk_is_the_dense_solution_and_sums_to_one():
    graph = phrase_graph(spans_of([*TEXTS, "Zebra."]))
    start = seeds(graph, QUESTION)
    rank = page_rank(graph, start, rounds=200)
    dense = np.zeros((graph.count, graph.count))
    dense[graph.targets, graph.sources] = graph.weights
    stuck = dense.sum(0) == 0
    assert stuck.any(), "a passage without phrases"
    dense[:, stuck] = start[:, None]
    assert_allclose(dense.sum(0), 1)
    expected = np.linalg.solve(np.eye(graph.count) - 0.5 * dense, 0.5 * start)
    assert_allclose(rank, expected, atol=1e-12)
    assert rank.sum() == pytest.approx(1)
    assert page_rank(graph, start).sum() == pytest.approx(1)


def test_a_passage_two_steps_away_is_found_that_words_do_not_find():
    scores = relevance(TEXTS, QUESTION)
    by_words = sorted(range(len(TEXTS)), key=lambda each: -scores[each])[:5]
    assert TEXTS.index(SECOND) not in by_words
    spans = spans_of(TEXTS)
    graph = phrase_graph(spans)
    assert TEXTS.index(SECOND) in ranked(graph, found_of(spans), QUESTION)[:5]


def test_every_phrase_knows_its_places():
    spans = spans_of(TEXTS)
    graph = phrase_graph(spans)
    name = next(phrase for phrase in graph.numbers if " " in phrase)
    assert [place.text for place in graph.mentions[name]] == ["Mira Kestrel"] * 2
    for phrase, places in graph.mentions.items():
        number, passages = graph.numbers[phrase], {int(place.document.name[:-4]) for place in places}
        assert passages == {number} if number < graph.passages else len(passages) >= 2
        assert all({*phrase.split()} <= {*content_words(place.text)} for place in places)


def test_communities_are_the_same_each_time_and_hold_each_passage_once():
    sea = ["The sailor mended sails and ropes.", "Ropes and sails were sold to the sailor."]
    bread = ["The baker kneaded dough with flour.", "Flour and dough made the baker proud."]
    graph = phrase_graph(spans_of([sea[0], bread[0], sea[1], bread[1], "Nothing else."]))
    assert communities(graph) == [[0, 2], [1, 3], [4]]
    whole = communities(phrase_graph(spans_of(TEXTS)))
    assert whole == communities(phrase_graph(spans_of(TEXTS)))
    assert sorted(each for group in whole for each in group) == list(range(len(TEXTS)))


def test_a_local_question_reads_what_the_walk_and_the_words_find():
    chat = Scripted([("answer this", "Bergen.")])
    documents = [span.document for span in spans_of(TEXTS)]
    answer = GraphRAGLight(tokens=120).answer(chat, documents, QUESTION, Events())
    (asked,) = chat.asked
    assert FIRST in asked
    assert SECOND in asked
    assert answer.usage.truncated_tokens > 0
    assert GraphRAGLight().answer(Scripted([]), documents, "Xyzzy?", Events()).text == NOT_FOUND


@pytest.mark.parametrize("reply", ["", "NONE", "They had founders."])
def test_a_global_question_takes_notes_on_all_communities(reply):
    chat = Scripted([("belong together", reply), ("Below are notes", "Sixteen had.")])
    documents = [span.document for span in spans_of(TEXTS)]
    answer = GraphRAGLight(scope="global", tokens=120).answer(chat, documents, "Who had founders?", Events())
    notes = [call for call in chat.asked if "belong together" in call and "Document:" in call]
    assert sum(text in call for call in notes for text in TEXTS) == len(TEXTS)
    assert answer.usage.truncated_tokens == 0
    assert answer.text == ("Sixteen had." if "founders" in reply else NOT_FOUND)
