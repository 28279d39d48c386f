"""Which demonstrations are wanted most: drawn, alike, covering, standing for all, in sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.demonstrations.demonstration import Demonstration, apart, read_demonstrations
from longspan.demonstrations.layout import fitting
from longspan.demonstrations.selections.coverage import Coverage
from longspan.demonstrations.selections.diverse import representatives
from longspan.demonstrations.selections.random import Random
from longspan.demonstrations.selections.se2 import Se2, searched
from longspan.demonstrations.selections.similar import Similar
from longspan.errors import DocumentError, FlowError
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.retrieval.retrievers.usage import Usage
from longspan.spans.relevance import content_words


def pool(*texts):
    return [Demonstration(text=text, label=f"label {number % 3}") for number, text in enumerate(texts)]


MANY = pool(*(f"text {number}" for number in range(30)))


@given(st.integers(0, 99), st.booleans())
def test_a_draw_is_that_of_its_seed_and_has_each_once(seed, balanced):
    draw = Random(seed=seed, balanced=balanced).ranking(MANY)
    order = list(draw("one query"))
    assert order == list(draw("another")) == list(Random(seed=seed, balanced=balanced).ranking(MANY)("x"))
    assert sorted(order) == list(range(30))
    if balanced:
        for start in range(0, 30, 3):
            assert {MANY[number].label for number in order[start : start + 3]} == {
                "label 0",
                "label 1",
                "label 2",
            }


def test_seeds_draw_differently():
    assert len({tuple(Random(seed=seed).ranking(MANY)("")) for seed in range(20)}) == 20


def test_the_most_alike_come_first_and_those_without_a_shared_word_not_at_all():
    texts = pool("the red card is lost", "a blue boat", "lost in the wood", "red card lost again, red card")
    assert list(Similar(retriever=Bm25()).ranking(texts)("red card lost"))[-1] == 2
    assert 1 not in Similar(retriever=Bm25()).ranking(texts)("red card lost")


def test_a_retriever_that_asks_a_model_is_refused():
    with pytest.raises(ValueError, match="use bm25 or dense"):
        Similar(retriever=Usage()).ranking(MANY)


WORDS = ("amber", "boat", "cliff", "dune", "ember", "fjord")
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


@given(st.lists(SENTENCES, min_size=1, max_size=8), SENTENCES)
def test_coverage_takes_what_covers_most_of_what_is_left(texts, query):
    found = list(Coverage().ranking(pool(*texts))(query))
    have = [set(content_words(text)) for text in texts]
    wanted = {word for word in content_words(query) if any(word in each for each in have)}
    assert sorted(found) == [number for number, each in enumerate(have) if each & wanted]
    covered = set()
    for number in found:
        if not wanted - covered:
            break
        assert have[number] & (wanted - covered)  # nothing that adds no word comes before all are covered
        covered |= have[number] & wanted


def test_two_that_cover_the_query_come_before_two_alike():
    texts = pool("amber boat cliff", "amber boat cliff", "dune")
    assert list(Coverage().ranking(texts)("amber boat cliff dune")) == [0, 2, 1]


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_representatives_are_those_of_the_greedy_search(seed, count):
    rows = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = list(representatives(rows))
    assert sorted(found) == list(range(count))
    likeness, near = np.maximum(rows @ rows.T, 0), np.zeros(count, np.float32)
    for place, number in enumerate(found):
        gains = {other: np.maximum(likeness[other], near).sum() for other in found[place:]}
        assert gains[number] == pytest.approx(max(gains.values()), abs=1e-4)
        near = np.maximum(near, likeness[number])


def scores_of(seed):
    """Likelihoods that depend on the whole row, drawn once each."""
    known = {}

    def scoring(row, candidates, asked):
        keys = [(*map(id, row), id(each)) for each in candidates]
        return [known.setdefault(key, hash((seed, len(known))) % 997 / 997) for key in keys]

    return scoring


def greedy(texts, tried, scoring, length):
    row = []
    for _ in range(length):
        left = [each for each in tried if each not in row]
        scored = scoring([texts[each] for each in row], [texts[each] for each in left], texts[0])
        score, number = max(zip(scored, (-each for each in left), strict=True))
        row.append(-number)
    return score, tuple(row)


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_a_beam_of_one_is_the_greedy_search_and_a_wider_one_finds_no_worse(seed, beam):
    texts, tried = MANY[:6], range(1, 6)
    scoring = scores_of(seed)
    score, row = greedy(texts, tried, scoring, 3)
    assert searched(texts, tried, texts[0], scoring, 3, 1) == (row, score)
    assert searched(texts, tried, texts[0], scoring, 3, beam)[1] >= score


def test_a_query_gets_the_sequence_of_the_nearest_held_out_text():
    texts = pool("amber", "boat", "cliff", "dune", "ember", "fjord", "gorge", "heath")
    asked = []

    def scoring(row, candidates, held):
        asked.append(held.text)
        return [float(each.text > held.text) + len(row) for each in candidates]

    selection = Se2(k=2, beam=1, candidates=3, held=2, seed=4, retriever=Bm25())
    ranking = selection.ranking(texts, scoring)
    held = list(dict.fromkeys(asked))
    assert len(held) == 2
    for each in held:
        found = list(ranking(each))
        assert len(found) == 2
        assert not {texts[number].text for number in found} & set(held)
    assert list(ranking("nothing alike")) == list(ranking(held[0]))
    with pytest.raises(FlowError, match="no server gives"):
        selection.ranking(texts)


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(0, 60), st.none() | st.integers(1, 20))
def test_what_fits_is_filled_up_to_the_first_that_does_not(costs, tokens, k):
    found = fitting(iter(range(len(costs))), costs.__getitem__, tokens, k)
    assert found == list(range(len(found)))
    assert sum(costs[: len(found)]) <= tokens
    ends = len(found) in (len(costs), k)
    assert ends or sum(costs[: len(found) + 1]) > tokens


def test_what_is_asked_is_shown_to_nobody_whatever_its_case_and_blanks():
    shown = pool("Where is my card?", "where  IS my\tcard?", "Where is my boat?")
    assert [each.text for each in apart(shown, ["WHERE is my card?"])] == ["Where is my boat?"]


def test_a_file_of_demonstrations(tmp_path):
    file = tmp_path / "some.jsonl"
    file.write_text(
        '{"text": "naïve \\u2028 text", "label": 3}\n\n{"text": "b", "label": "yes", "reasoning": "so"}\n',
        "utf-8",
    )
    assert read_demonstrations(file) == (
        Demonstration(text="naïve \u2028 text", label="3"),
        Demonstration(text="b", label="yes", reasoning="so"),
    )


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("nonsense", "Expecting value"),
        ("[1]", "it is list"),
        ('{"text": "a"}', "label=None says nothing"),
        ('{"text": " ", "label": "b"}', "text=' ' says nothing"),
        ('{"text": "a", "label": true}', "label=True says nothing"),
        ('{"text": "a", "label": "b", "answer": "c"}', "it has 'answer'"),
        ('{"text": "a", "label": "b", "reasoning": 1}', "reasoning=1 is no text"),
        ("[" * 100_000, "line 2 is no demonstration"),
    ],
)
def test_a_line_that_is_no_demonstration_is_named(tmp_path, line, wrong):
    file = tmp_path / "some.jsonl"
    file.write_text(f'{{"text": "a", "label": "b"}}\n{line}\n', "utf-8")
    with pytest.raises(DocumentError, match=r"some\.jsonl, line 2 ") as raised:
        read_demonstrations(file)
    assert wrong in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_without_demonstrations_and_none_at_all(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n")
    for name, said in (("empty.jsonl", "has no demonstrations"), ("none.jsonl", "cannot be read")):
        with pytest.raises(DocumentError, match=said):
            read_demonstrations(tmp_path / name)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="is not UTF-8"):
        read_demonstrations(tmp_path / "bytes.jsonl")


def test_none_is_no_number_of_demonstrations():
    with pytest.raises(ValueError, match="k=0"):
        Random(k=0)
