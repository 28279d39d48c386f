"""A chat that goes on from what it has read says what a fresh session says, and reads only what is new."""

import pytest
import torch

from longspan.conversing.continuing import Continuing, common
from longspan.errors import WindowExceeded
from longspan.flows.chat import Local
from tiny import WINDOW, tiny_model

FIRST = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who? " * 9}]
NEXT = [*FIRST, {"role": "assistant", "content": "The baker."}, {"role": "user", "content": "Why?"}]
OTHER = [*FIRST[:1], {"role": "user", "content": "Who else?"}]


@pytest.mark.parametrize(
    "plan", ["", "codec=int8", "decode=prompt-lookup(gate=false)", "policy=streamingllm(budget=64)"]
)
def test_replies_are_those_of_fresh_sessions(plan):
    model = tiny_model()
    fresh = Local(model, plan)
    with Continuing(model, plan) as chat:
        for messages in (FIRST, NEXT, NEXT, OTHER, FIRST, NEXT[2:3] + NEXT[:2]):
            one, other = fresh.generate(messages, max_new_tokens=8), chat.generate(messages, max_new_tokens=8)
            assert (one.text, one.cut, one.usage.generated_tokens) == (
                other.text,
                other.cut,
                other.usage.generated_tokens,
            )


def test_only_what_is_new_is_read_and_branches_share_it():
    model = tiny_model()
    with Continuing(model) as chat:
        whole = chat.generate(FIRST, max_new_tokens=4).usage.prompt_tokens
        more = chat.generate(NEXT, max_new_tokens=4)
        assert chat.reused_tokens == whole
        assert (
            more.usage.prompt_tokens
            == Local(model).generate(NEXT, max_new_tokens=4).usage.prompt_tokens - whole
        )
        read = chat.reused_tokens + more.usage.prompt_tokens
        with chat.branch() as aside:
            beyond = [*NEXT, {"role": "assistant", "content": "A"}, {"role": "user", "content": "B"}]
            reply = aside.generate(beyond, max_new_tokens=6)
            assert aside.reused_tokens == read
            assert reply.text == Local(model).generate(beyond, max_new_tokens=6).text
            logits = aside._session.sequences[0].upcoming
        with model.session() as session:
            session.read(aside_ids(model, beyond))
            for _ in session.generate(max_new_tokens=6):
                pass
            torch.testing.assert_close(logits, session.sequences[0].upcoming, atol=1e-5, rtol=0)
        assert chat.generate(NEXT, max_new_tokens=4).text == more.text, "the main history is what it was"


def aside_ids(model, messages):
    return Local(model)._ids(messages)[0]


def test_what_does_not_fit_is_refused_and_the_next_is_answered():
    with Continuing(tiny_model()) as chat:
        chat.generate(FIRST, max_new_tokens=2)
        with pytest.raises(WindowExceeded):
            chat.generate([*FIRST[:1], {"role": "user", "content": "x" * 2 * WINDOW}], max_new_tokens=2)
        assert chat.generate(OTHER, max_new_tokens=2).usage.generated_tokens == 2


def test_how_much_two_lists_begin_with_alike():
    assert [common([1, 2, 3], other) for other in ([1, 2, 3, 4], [1, 2], [], [1, 9, 3], [1, 2, 3])] == [
        3,
        2,
        0,
        1,
        3,
    ]
