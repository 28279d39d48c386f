"""Particle filtering, budget forcing and InftyThink: what goes on, what is put, and what is kept of it."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strands import ScriptedForking

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Local, Reply
from longspan.flows.scripted import Scripted
from longspan.flows.trace import Trace, Traced
from longspan.reasoning.budget_forcing import BudgetForcing
from longspan.reasoning.inftythink import InftyThink, segment
from longspan.reasoning.particle_filtering import ParticleFiltering, resampled
from tiny import tiny_model

ASKED = [{"role": "user", "content": "What is 2 + 3?"}]


def events_of(**generation):
    steps = []
    return Events(step=steps.append, generation=generation), steps


def grown(text, seed):
    """A letter by the seed in each step, the answer in the third."""
    steps = text.count("\n\n")
    letter = "good" if seed % 2 else "bad"
    return (f"{letter} step", "met") if steps < 2 else (f"Answer: {letter}", "ended")


def test_particles_with_good_rewards_take_the_place_of_the_others():
    chat, (events, steps) = ScriptedForking(rules=[]).begin(grown), events_of(max_new_tokens=50, seed=0)
    judged = []

    def scorer(question, texts):
        judged.append((question, list(texts)))
        return [0.0 if "bad" in text else 1.0 for text in texts]

    method = ParticleFiltering(particles=4, answer="text")
    found = method.reason(chat, ASKED, events, scorer)
    assert judged[0] == ("What is 2 + 3?", ["bad step\n\n", "good step\n\n"] * 2)
    chosen = [each[1] for each in chat.made.log if each[0] == "choose"]
    assert len(chosen) == 2
    assert set(chosen[0]) <= {1, 3}
    seeds = [each[2] for each in chat.made.log if each[0] == "speak"]
    assert seeds == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [each[3]["stop"] for each in chat.made.log if each[0] == "speak"] == ["\n\n"] * 3
    assert found.usage.prompt_tokens == 7
    assert found.answer == "good" or "bad" in found.text
    assert chat.made.log[-1] == ("close",)
    assert "4 of 4 particles ended" in steps[-1]


def test_particles_at_the_longest_length_are_cut_and_the_best_of_them_speaks():
    chat = ScriptedForking(rules=[]).begin(lambda text, seed: ("on and on", "met"))
    events, steps = events_of(max_new_tokens=7)
    found = ParticleFiltering(particles=2).reason(
        chat, ASKED, events, lambda _, texts: [0.2, 0.9][: len(texts)]
    )
    assert [each.reply.cut for each in found.chains] == [True, True]
    assert all(each.reply.usage.generated_tokens == 7 for each in found.chains)
    assert found.answer is None
    assert "0 of 2 particles ended" in steps[-1]


@pytest.mark.parametrize("rewards", [[0.5], [0.5, 1.5], [0.5, float("nan")]])
def test_rewards_that_are_none_are_refused(rewards):
    chat = ScriptedForking(rules=[]).begin(grown)
    with pytest.raises(ValueError, match="allowed are 2 numbers from 0 to 1"):
        ParticleFiltering(particles=2).reason(chat, ASKED, Events(), lambda *_: rewards)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.integers(1, 12), st.integers(0, 99))
def test_even_spacing_draws_each_as_often_as_its_weight_says(weights, count, seed):
    drawn = resampled(weights, count, random.Random(seed), "systematic")
    assert drawn == sorted(drawn)
    assert len(drawn) == count
    for number, times in Counter(drawn).items():
        assert abs(times - weights[number] / sum(weights) * count) < 1 + 1e-6


def test_drawing_again_is_unbiased():
    chance, weights = random.Random(0), [1.0, 2.0, 5.0]
    for how in ("multinomial", "systematic"):
        counts = Counter(each for _ in range(4000) for each in resampled(weights, 2, chance, how))
        for number, weight in enumerate(weights):
            assert counts[number] / 8000 == pytest.approx(weight / 8, abs=0.02)


def test_who_needs_to_go_on_with_a_reply_refuses_a_chat_that_cannot(tmp_path):
    plain = Scripted(rules=[])
    with Trace(tmp_path / "t") as trace:
        for chat in (plain, Traced(plain, trace)):
            for method in (ParticleFiltering(), BudgetForcing()):
                with pytest.raises(
                    FlowError, match="goes on with replies that were begun, which Scripted cannot"
                ):
                    method.reason(chat, ASKED, Events())


def test_a_thought_that_would_end_waits_and_then_gives_its_answer():
    said = iter([("2 + 3 is 6", "met"), (" no, 5", "met"), ("Answer: 5", "ended")])
    chat = ScriptedForking(rules=[]).begin(lambda *_: next(said), "begun")
    events, steps = events_of(max_new_tokens=20)
    found = BudgetForcing(thought=50, waits=1).reason(chat, ASKED, events)
    assert [each for each in chat.made.log if each[0] == "put"] == [("put", 0, "Wait")]
    assert [each[3]["max_new_tokens"] for each in chat.made.log if each[0] == "speak"] == [50, 45, 20]
    assert (found.reply.reasoning, found.reply.text) == ("2 + 3 is 6Wait no, 5", "Answer: 5")
    assert found.answer == "5"
    assert "put off 1 times" in steps[0]


@pytest.mark.parametrize(
    ("reasoning", "put"), [("begun", "\n</think>\n\nFinal Answer:"), ("none", "\n\nFinal Answer:")]
)
def test_a_thought_that_is_too_long_is_ended_by_force(reasoning, put):
    said = iter([("one two three four five", "met"), (" 5", "ended")])
    chat = ScriptedForking(rules=[]).begin(lambda *_: next(said), reasoning)
    events, steps = events_of()
    found = BudgetForcing(thought=3, waits=2).reason(chat, ASKED, events)
    assert ("put", 0, put) in chat.made.log
    assert found.answer == "5"
    assert "ended by force" in steps[0]


def test_forks_of_a_model_go_on_behind_what_is_put():
    chat = Local(tiny_model("qwen2"))
    with chat.forks(ASKED, 2) as forks:
        forks.speak([0, 1], [1, 2], max_new_tokens=5, min_tokens=5, temperature=1.0)
        forks.put(1, "Wait")
        forks.choose([1, 1])
        assert [each.text for each in forks.strands] == [forks.strands[0].text] * 2
        forks.speak([0], [7], max_new_tokens=4, min_tokens=4, temperature=1.0)
        said = forks.strands[0]
        assert said.tokens == 9
        assert forks.usage.generated_tokens == 14
        assert forks.strands[1].text.endswith("Wait")
    ids, _ = chat._ids(ASKED)
    with chat.model.session() as session:
        session.read([*ids, *_ids_of(chat, forks.strands[1].text, 5)])
        text = "".join(
            step.text for step in session.generate(seed=7, max_new_tokens=4, min_tokens=4, temperature=1.0)
        )
    assert said.text == forks.strands[1].text + text


def _ids_of(chat, text, count):
    """The tokens that a seed drew, and those of what was put behind them."""
    ids, _ = chat._ids(ASKED)
    with chat.model.session() as session:
        session.read(ids)
        drawn = session.generate(seed=2, max_new_tokens=count, min_tokens=count, temperature=1.0)
        said = [step.token for step in drawn]
    from longspan.spans import tokenize

    return [*said, *tokenize(chat.model.tokenizer, "Wait").ids]


def test_each_round_knows_the_latest_summary_alone_and_the_answer_ends_it():
    said = iter(["t1\nProgress: first is 5", "t2\nProgress: then 9", "so it is\nAnswer: 14"])
    chat = Scripted(rules=[("2 + 3", lambda _: next(said))])
    events, _ = events_of(seed=4)
    found = InftyThink(rounds=9, tokens=100).reason(chat, ASKED, events)
    assert found.answer == "14"
    assert [("first is 5" in each, "then 9" in each, "t1" in each) for each in chat.asked] == [
        (False, False, False),
        (True, False, False),
        (False, True, False),
    ]
    assert [each["seed"] for each in chat.settings] == [4, 5, 6]
    assert found.usage.generated_tokens == sum(each.reply.usage.generated_tokens for each in found.chains)


def test_a_summary_that_was_cut_is_asked_for_once_more_and_else_that_before_is_kept():
    usage = Scripted(rules=[("", "x")]).generate(ASKED).usage
    cut = Reply(text="long thoughts\nProgress: hal", usage=usage, cut=True)
    said = iter(["t\nProgress: first is 5", cut, "they know 5 and 9", cut, cut, "Answer: 14"])
    chat = Scripted(rules=[("2 + 3", lambda _: next(said))])
    events, steps = events_of()
    found = InftyThink(rounds=9, tokens=100).reason(chat, ASKED, events)
    assert "they know 5 and 9" in chat.asked[3]
    assert "long thoughts" in chat.asked[2]
    assert any("nothing new" in each for each in steps)
    assert "they know 5 and 9" in chat.asked[-1]
    assert found.answer == "14"


def test_rounds_that_say_the_same_end_and_the_last_round_too():
    chat = Scripted(rules=[("Finish it now", "I do not know"), ("2 + 3", "t\nProgress: same")])
    events, _ = events_of()
    found = InftyThink(rounds=9, tokens=100).reason(chat, ASKED, events)
    assert len(chat.calls) == 3
    assert (found.answer, found.text) == (None, "I do not know")
    chat = Scripted(rules=[("2 + 3", "")])
    with pytest.raises(FlowError, match="the model said nothing"):
        InftyThink(tokens=100).reason(chat, ASKED, events)


@pytest.mark.parametrize(
    ("text", "cut", "found"),
    [
        ("Answer: 5", False, ("answer", "5")),
        ("Progress: a\nAnswer: 5", False, ("answer", "5")),
        ("Answer: 5\nProgress: more", False, ("summary", "more")),
        ("Answer: 5\nProgress: mo", True, ("nothing", "")),
        ("Answer:", True, ("nothing", "")),
        ("\\boxed{5}", False, ("answer", "\\boxed{5}")),
        ("only thoughts", False, ("nothing", "")),
    ],
)
def test_a_round_ends_with_an_answer_a_summary_or_nothing(text, cut, found):
    usage = Scripted(rules=[("", "x")]).generate(ASKED).usage
    assert segment(Reply(text=text, usage=usage, cut=cut)) == found
