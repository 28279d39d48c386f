"""Where sessions stop: windows, bad input, interruptions, and what is left then."""

import pytest
import torch

from longspan.errors import WindowExceeded
from longspan.plan import Plan
from longspan.policies.streamingllm import StreamingLLM
from tiny import WINDOW, tiny_model, tokens


def made(session, count=12, **sampling):
    return [step.token for step in session.generate(max_new_tokens=count, **sampling)]


def test_what_does_not_fit_is_refused_before_anything_is_read():
    with tiny_model().session() as session:
        with pytest.raises(
            WindowExceeded, match=r"prompt 600 tokens > window 512; .*positions=yarn\(factor=2\)"
        ):
            session.read(tokens(600))
        assert session.seen == [0]
        session.read(tokens(400))
        with pytest.raises(WindowExceeded, match=r"prompt 513 tokens > window 512"):
            session.read(tokens(113))
        with pytest.raises(WindowExceeded, match=r"prompt 513 tokens > window 512"):
            session.logits(tokens(113))
        with pytest.raises(WindowExceeded, match=r"prompt 400 \+ output 113 tokens > window 512"):
            session.generate(max_new_tokens=113)
        assert session.seen == [400]
        assert len(made(session, 112, temperature=5.0, seed=1)) == 112
    with tiny_model().session("positions=yarn(factor=2)") as session:
        assert session.read(tokens(600)).seen == [600]


def test_who_streams_is_told_of_positions_in_the_cache():
    plan = "policy=streamingllm(budget=64,when=chunk)"
    advice = "positions=in-cache, by which positions are places"
    with tiny_model().session(plan) as session, pytest.raises(WindowExceeded, match=advice):
        session.read(tokens(600))
    with tiny_model().session(f"positions=in-cache {plan}", chunk=64) as session:
        assert session.read(tokens(600)).seen == [600]
    plan = "policy=tova(budget=64)"
    with tiny_model().session(plan) as session, pytest.raises(WindowExceeded, match="positions=yarn"):
        session.read(tokens(600))


def test_one_sequence_of_a_batch_that_does_not_fit_is_refused():
    with tiny_model().session(size=2) as session:
        with pytest.raises(WindowExceeded):
            session.read([tokens(10), tokens(WINDOW + 1)])
        assert session.seen == [0, 0]


def test_a_window_can_be_given():
    with tiny_model().session(window=1000) as session:
        assert session.read(tokens(1000)).seen == [1000]
    with tiny_model().session(window=100) as session, pytest.raises(WindowExceeded, match="> window 100"):
        session.read(tokens(101))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda session: session.generate(), "session has read 0 tokens"),
        (lambda session: session.read(tokens(3)).generate(max_new_tokens=0), "max_new_tokens=0 is outside 1"),
        (lambda session: session.read(""), "allowed is [n] with n of 1 or more"),
        (lambda session: session.read([]), "allowed is [n] with n of 1 or more"),
        (lambda session: session.read([3, 272]), "ids has values 3 .. 272, allowed 0 .. 271"),
        (lambda session: session.read([-1]), "ids has values -1 .. -1, allowed 0 .. 271"),
        (lambda session: session.logits([]), "allowed is [n] with n of 1 or more"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(call, said):
    with tiny_model().session() as session:
        with pytest.raises(ValueError, match=r".") as caught:
            call(session)
        assert said in str(caught.value)
        assert session.read(tokens(5)).logits(tokens(2)).shape == (2, 272)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("", "sequence 1: ids has shape [0], allowed is [n] with n of 1 or more; give a text"),
        ([[3]], "sequence 1: source is a list; give a text"),
        ([272], "sequence 1: ids has values 272 .. 272, allowed 0 .. 271"),
        (None, "sequence 1: source is a NoneType; give a text"),
        ("a\ud800", "sequence 1: text holds '\\ud800' at character 1"),
    ],
)
def test_what_is_wrong_in_a_batch_names_the_sequence(bad, said):
    with tiny_model().session(size=2) as session:
        with pytest.raises(ValueError, match=r"^sequence 1: [^\n]+$") as caught:
            session.read([tokens(3), bad])
        assert str(caught.value).startswith(said)
        with pytest.raises(ValueError, match=r"^sequence 0: question is a NoneType"):
            session.read([tokens(3)] * 2, question=[None, tokens(2)])
        assert session.read([tokens(3)] * 2).seen == [3, 3]


def test_batches_want_a_source_each():
    with tiny_model().session(size=2) as session:
        for bad in ([tokens(3)], "ab", [tokens(3)] * 3):
            with pytest.raises(ValueError, match="not a list of 2 sources"):
                session.read(bad)
        with pytest.raises(ValueError, match=r"size=2 is outside 1 \.\. 1 for logits"):
            session.logits(tokens(3))
    for bad in ({"size": 0}, {"chunk": 0}, {"window": 0}):
        with pytest.raises(ValueError, match="=0 is outside 1"):
            tiny_model().session(**bad)


class Interrupted(Exception):
    """Comes from outside, at any moment."""


class Interrupting(StreamingLLM):
    """Fails in the second layer when it is told to."""

    now = False

    def scores(self, view):
        if view.scene.layer == 1 and Interrupting.now:
            raise Interrupted
        return super().scores(view)


@pytest.mark.parametrize("doing", ["reading", "generating", "appending"])
def test_a_session_that_was_interrupted_is_never_half_way(doing, monkeypatch):
    plan = Plan(policy=Interrupting(budget=16, when="chunk"))
    ids, more = tokens(50), tokens(5, seed=1)
    with tiny_model().session(plan, chunk=8) as session:
        session.read(ids)
        monkeypatch.setattr(Interrupting, "now", True)
        with pytest.raises(Interrupted):
            {
                "reading": lambda: session.read(ids),
                "generating": lambda: made(session, 20, temperature=5.0, seed=1),
                "appending": lambda: session.logits(ids),
            }[doing]()
        monkeypatch.setattr(Interrupting, "now", False)
        assert session.seen == [0]
        with tiny_model().session(plan, chunk=8) as fresh:
            assert torch.equal(session.read(ids).logits(more), fresh.read(ids).logits(more))


def test_a_session_interrupted_between_chunks_can_read_again():
    def interrupt(progress):
        raise Interrupted

    with tiny_model().session(chunk=8) as session, tiny_model().session(chunk=8) as fresh:
        with pytest.raises(Interrupted):
            session.read(tokens(50), progress=interrupt)
        assert session.seen == [0]
        assert session.usage.kv_bytes == 0
        assert torch.equal(
            session.read(tokens(20)).logits(tokens(3)), fresh.read(tokens(20)).logits(tokens(3))
        )


def test_a_closed_session_is_a_new_one():
    with tiny_model().session() as session:
        first = made(session.read(tokens(30)))
        session.close()
        assert session.seen == [0]
        assert made(session.read(tokens(30))) == first
