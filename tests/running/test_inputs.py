"""Vectors are read where tokens would be: by all that reads, forks, goes back, saves and names."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan import Document, Span, Vectors
from longspan.errors import UnsupportedModel
from longspan.running.inputs import Tokens, restored, rows_among, segments, tensors_of
from tiny import model_of, tiny_model, tiny_network, tokens

PLANS = (
    "",
    "policy=kvzip(budget=0.5)",
    "policy=snapkv(budget=24,window=8,when=chunk)",
    "selector=em-llm(budget=32)",
    "codec=int8",
)


def embedded(model, ids):
    """Vectors that say the same as tokens."""
    return Vectors(model.network.get_input_embeddings()(ids).detach())


def mixed(model, session):
    session.read(tokens(20), more=True)
    session.read(embedded(model, tokens(30, seed=1)), more=True)
    return session.logits(tokens(9, seed=2))


@pytest.mark.parametrize("family", ["llama", "gemma2", "gemma3_text", "bamba", "granite"])
@pytest.mark.parametrize("chunk", [1000, 16])
def test_embeddings_are_read_as_their_tokens(family, chunk):
    model = tiny_model(family)
    with model.session(chunk=chunk) as plain, model.session(chunk=chunk) as session:
        for text in (tokens(20), tokens(30, seed=1)):
            plain.read(text, more=True)
        torch.testing.assert_close(
            mixed(model, session), plain.logits(tokens(9, seed=2)), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("plan", PLANS)
def test_forks_marks_and_saved_contexts_know_their_vectors(plan, tmp_path):
    model = model_of(tiny_network("llama"), digest="a")
    more = tokens(12, seed=3)
    with model.session(plan, chunk=16) as session:
        mixed(model, session)
        mark, path = session.mark(), session.save(tmp_path / "read.longspan")
        name = session.name()
        with session.fork() as twin:
            expected = twin.logits(more)
        assert torch.equal(session.logits(more), expected)
        session.rewind(mark)
        assert torch.equal(session.logits(more), expected)
        kinds = [type(each) for each in session.sequences[0].segments]
        assert kinds == [Tokens, Vectors, Tokens]
    with model.restore(path) as back:
        assert back.name() == name
        (held,) = (each for each in back.sequences[0].segments if isinstance(each, Vectors))
        assert torch.equal(held.rows, embedded(model, tokens(30, seed=1)).rows)
        assert torch.equal(back.logits(more), expected)


def test_texts_with_and_without_vectors_go_side_by_side():
    model = tiny_model()
    sources = [tokens(25), embedded(model, tokens(25)), embedded(model, tokens(7, seed=1))]
    alone = []
    for source in sources:
        with model.session(chunk=16) as session:
            alone.append([step.token for step in session.read(source).generate(max_new_tokens=5)])
    with model.session(size=3, chunk=16) as session:
        found = [[], [], []]
        for step in session.read(sources).generate(max_new_tokens=5):
            found[step.sequence].append(step.token)
    assert found == alone
    assert found[0] == found[1]


def test_contexts_are_told_apart_by_their_vectors():
    model = model_of(tiny_network("llama"), digest="a")
    rows = torch.randn(4, 64)
    named = []
    for vectors in (Vectors(rows), Vectors(rows.clone()), Vectors(rows + 1), Vectors(rows, digest="mine")):
        with model.session() as session:
            expected = session.name(vectors)
            assert session.read(vectors).name() == expected
            named.append(expected)
    assert named[0] == named[1]
    assert len({*named}) == 3


def test_a_quote_is_checked_against_what_vectors_stand_for():
    document = Document("letters.txt", "The letter lay behind the clock.")
    model = tiny_model()
    with model.session() as session:
        session.read(Vectors(torch.randn(3, 64), span=Span(document, 0, len(document.text))))
        assert session.sequences[0].conversation.spans == [Span(document, 0, len(document.text))]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (torch.randn(4), r"rows has shape \[4\]"),
        (torch.randn(0, 64), r"rows has shape \[0, 64\]"),
        (torch.ones(2, 64, dtype=torch.long), "allowed is .* floating point"),
        (torch.full((2, 64), torch.nan), "no finite numbers"),
    ],
)
def test_what_is_no_vectors_is_refused(rows, reason):
    with pytest.raises(ValueError, match=reason):
        Vectors(rows)


def test_vectors_of_another_width_are_refused_before_anything_is_read():
    with tiny_model().session() as session:
        with pytest.raises(ValueError, match="vectors have a width of 32, the model's is 64"):
            session.read(Vectors(torch.randn(4, 32)))
        assert session.seen == [0]


def test_a_network_that_makes_more_of_a_token_than_its_embedding_takes_no_vectors():
    model = tiny_model("gemma4_text")
    with (
        model.session() as session,
        pytest.raises(UnsupportedModel, match="more of a token than its embedding"),
    ):
        session.read(embedded(model, tokens(5)))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 99), st.integers(1, 4).map(lambda n: torch.arange(2.0 * n).view(n, 2))))
)
def test_ids_and_vectors_come_back_as_they_were(parts):
    ids = [each for part in parts for each in ([part] if isinstance(part, int) else Vectors(part).ids)]
    back = restored([int(each) for each in ids], tensors_of(ids))
    assert back == ids
    assert [row.digest for row in rows_among(back)] == [row.digest for row in rows_among(ids)]
    assert [list(each.vector) for each in rows_among(back)] == [list(each.vector) for each in rows_among(ids)]
    assert sum(map(len, segments(ids))) == len(ids)
