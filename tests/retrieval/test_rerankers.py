"""Rerankers: what the model is asked, and what becomes of its replies."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.retrieval.judge import Judge
from longspan.retrieval.rerankers.likelihood import Likelihood, log_likelihood
from longspan.retrieval.rerankers.listwise import Listwise, permutation
from longspan.spans import Document, Span
from tiny import tiny_model

SPANS = [Span(Document(f"{number}", f"passage p{number}"), 0, 9 + len(str(number))) for number in range(12)]


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ("[3] > [1] > [2]", [2, 0, 1, 3]),
        ("There are 4 passages. Passage 2 (1999) is short. [3] > [1]", [2, 0, 1, 3]),
        ("[2]>[2]>[9]>[0]>[4]", [1, 3, 0, 2]),
        ("[1] is about cats. Ranking: [4] > [2] > [1] > [3]. I chose [1] > [2] for clarity.", [3, 1, 0, 2]),
        ("4 > 2 > 1", [3, 1, 0, 2]),
        ("[4], [2]", [3, 1, 0, 2]),
        ("", [0, 1, 2, 3]),
        ("I cannot rank 3 of them.", [0, 1, 2, 3]),
        ("[a] > [b]", [0, 1, 2, 3]),
        ("[1] > [1] > " * 500, [0, 1, 2, 3]),
    ],
)
def test_a_reply_is_an_order(said, order):
    assert permutation(said, 4) == order


@given(st.text(st.sampled_from("[]0123456789 >,a"), max_size=60), st.integers(0, 6))
def test_any_reply_is_an_order_of_all(said, count):
    assert sorted(permutation(said, count)) == list(range(count))


class Sorter:
    """A judge that knows which passages are best, and keeps what it was asked."""

    def __init__(self) -> None:
        self.shown: list[list[int]] = []

    def ask(self, prompts, tokens):
        replies = []
        for prompt in prompts:
            found = [int(each) for each in re.findall(r"passage p(\d+)", prompt)]
            self.shown.append(found)
            best = sorted(range(len(found)), key=lambda place: -found[place])
            replies.append(" > ".join(f"[{place + 1}]" for place in best))
        return replies


def test_all_are_ranked_in_one_prompt_or_by_a_window_that_slides():
    full, sliding = Sorter(), Sorter()
    assert Listwise().rank("which?", SPANS, Judge(ask=full.ask)) == list(range(11, -1, -1))
    assert len(full.shown) == 1
    order = Listwise(window=4, step=2).rank("which?", SPANS, Judge(ask=sliding.ask))
    assert sliding.shown[0] == [8, 9, 10, 11]
    assert sliding.shown[1] == [6, 7, 11, 10]
    assert order[:2] == [11, 10]
    assert sorted(order) == list(range(12))
    assert Listwise().rank("which?", SPANS[:1], Judge(ask=None)) == [0]
    with pytest.raises(ValueError, match=r"step=30 is outside 1 \.\. 20"):
        Listwise(window=20, step=30)


def test_the_likelihood_of_a_question_is_that_of_its_tokens():
    model = tiny_model()
    before, question = "the sailor hid the letter", "who hid the letter"
    ids = model.tokenizer(question, add_special_tokens=False)["input_ids"]
    with model.session() as session:
        expected, step = 0.0, session.read(f"{before}\n\n")
        for token in ids:
            row = step.next_logits.float().log_softmax(-1)
            expected += float(row[token])
            step = session.read([token])
    assert log_likelihood(model, before, question) == pytest.approx(expected, abs=1e-3)
    judge = Judge(ask=None, model=model)
    reranker = Likelihood(after="")
    order = reranker.rank(question, SPANS[:4], judge)
    scores = [log_likelihood(model, span.text, question) for span in SPANS[:4]]
    assert order == sorted(range(4), key=lambda number: -scores[number])
    with pytest.raises(ValueError, match="likelihood needs probabilities"):
        reranker.rank(question, SPANS, Judge(ask=None))
