"""Self-consistency and short-m@k: who votes, who wins, what is asked, and what a stop keeps."""

import pytest

from longspan.errors import FlowError
from longspan.flows.base import Events, together
from longspan.flows.chains import chains
from longspan.flows.chat import Local, Reply
from longspan.flows.scripted import Scripted
from longspan.flows.served import EndpointError
from longspan.flows.trace import Trace, Traced
from longspan.reasoning.self_consistency import SelfConsistency
from longspan.reasoning.short_m_at_k import ShortMAtK
from longspan.usage import Usage
from tiny import tiny_model

ASKED = [{"role": "user", "content": "What is it?"}]


def reply(text, tokens=None, **facts):
    usage = Usage(
        prompt_tokens=3,
        generated_tokens=len(text.split()) if tokens is None else tokens,
        kv_bytes=0,
        peak_kv_bytes=0,
        prefill_seconds=0.0,
        decode_seconds=0.0,
    )
    return Reply(text=text, usage=usage, **facts)


def chat_of(*said):
    """A chat that says one after another."""
    left = list(said)
    return Scripted(rules=[("What", lambda _: left.pop(0))])


def thought(method, *said, **generation):
    steps, pieces = [], []
    events = Events(step=steps.append, stream=pieces.append, generation=generation)
    return method.reason(chat_of(*said), ASKED, events), steps, pieces


def test_the_most_frequent_answer_wins_and_a_tie_goes_to_the_first():
    found, steps, pieces = thought(
        SelfConsistency(chains=5), "x. Answer: 7", "Answer: 8", "Answer: $8.0", "none", "Answer: 7.00 "
    )
    assert (found.answer, dict(found.votes), found.text) == ("7", {"7": 2, "8": 2}, "x. Answer: 7")
    assert pieces == ["x. Answer: 7"]
    assert "2 of 4 votes are for 7" in steps[-1]
    assert found.usage.generated_tokens == sum(len(each.reply.text.split()) for each in found.chains)


def test_each_chain_has_its_own_seed_and_the_temperature_of_the_paper_unless_said():
    chat = chat_of("Answer: 1", "Answer: 2")
    SelfConsistency(chains=2).reason(chat, ASKED, Events(generation={"seed": 5, "max_new_tokens": 9}))
    assert [(each["seed"], each["temperature"]) for each in chat.settings] == [(5, 0.7), (6, 0.7)]
    chat = chat_of("Answer: 1")
    SelfConsistency(chains=1).reason(chat, ASKED, Events(generation={"temperature": 0.2}))
    assert chat.settings[0]["temperature"] == 0.2


def test_failed_and_cut_chains_do_not_vote_unless_nothing_else_is_there():
    down = EndpointError("the server is down; start it")
    found, _, _ = thought(
        SelfConsistency(chains=4),
        down,
        reply("Answer: 1", cut=True),
        reply("Answer: 1", cut=True),
        "Answer: 2",
    )
    assert (found.answer, dict(found.votes)) == ("2", {"2": 1})
    found, steps, _ = thought(SelfConsistency(chains=2), down, reply("Answer: 1", cut=True))
    assert (found.answer, found.text) == ("1", "Answer: 1")
    assert "0 of 2 chains ended" in steps[-1]
    with pytest.raises(FlowError, match="all 2 chains failed, the first because: the server is down"):
        thought(SelfConsistency(chains=2), down, down)


def test_without_an_announced_answer_the_first_chain_speaks():
    found, steps, _ = thought(SelfConsistency(chains=2), "It rains.", "It snows.")
    assert (found.answer, found.text, dict(found.votes)) == (None, "It rains.", {})
    assert "none announces an answer" in steps[-1]


def test_of_the_first_to_end_the_shortest_breaks_a_tie():
    found, _, _ = thought(
        ShortMAtK(m=2, k=3),
        reply("long. Answer: 1", 90),
        reply("Answer: 2", 10),
        reply("mid. Answer: 3", 20),
    )
    assert (found.answer, dict(found.votes)) == ("2", {"2": 1, "3": 1})
    assert [each.reply.stopped for each in found.chains] == [True, False, False]


def test_fewer_that_end_than_are_enough_vote_and_where_none_ends_the_cut_ones():
    said = reply("Answer: 1", 50, cut=True), reply("Answer: 4", 9), reply("Answer: 1", 50, cut=True)
    assert thought(ShortMAtK(m=3, k=3), *said)[0].answer == "4"
    assert thought(ShortMAtK(m=2, k=2), said[0], said[2])[0].answer == "1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"m": 4, "k": 3}, r"m=4 is outside 1 \.\. 3"), ({"k": 0}, "k=0"), ({"answer": "x"}, "answer")],
)
def test_wrong_parameters_are_named(wrong, said):
    with pytest.raises(ValueError, match=said):
        ShortMAtK(**wrong)


def test_what_ended_before_a_stop_is_not_asked_again(tmp_path):
    stop = KeyboardInterrupt()

    def ask(*said):
        left = list(said)

        def next_said(_):
            if left[0] is stop:
                raise stop
            return left.pop(0)

        with Trace(tmp_path / "t.jsonl") as trace:
            inner = Scripted(rules=[("What", next_said)])
            return inner, SelfConsistency(chains=3).reason(Traced(inner, trace), ASKED, Events())

    with pytest.raises(KeyboardInterrupt):
        ask("Answer: 1", stop)
    inner, found = ask("Answer: 2", "Answer: 2")
    assert [each.answer for each in found.chains] == ["1", "2", "2"]
    assert [each["seed"] for each in inner.settings] == [1, 2]


def test_the_first_to_end_are_the_same_in_any_order_and_the_others_stop_with_them():
    chat, seeds = Local(tiny_model("qwen2")), [3, 1, 4, 15, 9, 2]
    drawn = {"temperature": 1.5, "max_new_tokens": 250}
    whole = chains(chat, ASKED, seeds, **drawn)
    assert len(whole.order) >= 3
    lengths = {seed: each.usage.generated_tokens for seed, each in zip(seeds, whole.replies, strict=True)}
    found = chains(chat, ASKED, seeds, enough=2, **drawn)
    turned = chains(chat, ASKED, seeds[::-1], enough=2, **drawn)
    first = [seeds[number] for number in found.order]
    assert first == [seeds[::-1][number] for number in turned.order]
    assert (
        first == sorted((seeds[number] for number in whole.order), key=lambda seed: (lengths[seed], seed))[:2]
    )
    stop = lengths[first[1]]
    for seed, each, full in zip(seeds, found.replies, whole.replies, strict=True):
        assert each.usage.generated_tokens == min(stop, lengths[seed])
        assert each.stopped == (lengths[seed] > stop or (lengths[seed] == stop and seed not in first))
        assert full.text.startswith(each.text)
    assert (
        together([each.usage for each in found.replies]).prompt_tokens == whole.replies[0].usage.prompt_tokens
    )
