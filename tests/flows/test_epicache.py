"""Dialogues in episodes: how they are clustered, read, recalled and paid for."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import PlanError, WindowExceeded
from longspan.flows.epicache import EpiCache, clustered, rarity
from longspan.plan import Plan
from longspan.spans import Document
from tiny import tiny_model

ENTRY = 2 * 16 * 4 + 4
"""Bytes of a key, a value and a position."""

TURNS = [f"aabbcc {turn} abcabc" if turn % 8 < 4 else f"xyzzy {turn} zyxzyx" for turn in range(16)]
FIRST, SECOND = (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)
PLAN = "policy=epicache(budget=40)"


def flow(family="llama", **changes):
    options = {"episodes": 2, "utterances": 4, "medoids": 1, "chunk": 64} | changes
    return EpiCache(tiny_model(family), PLAN, **options)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_turns_that_speak_of_the_same_are_one_episode_and_recalled_for_it(family):
    with flow(family) as dialogue:
        episodes = dialogue.read(TURNS)
        assert episodes == dialogue.episodes
        assert [episode.turns for episode in episodes] == [FIRST, SECOND]
        for episode in episodes:
            segments = ["\n".join(TURNS[turn] for turn in episode.turns[some : some + 4]) for some in (0, 4)]
            assert episode.prompt in segments
        assert dialogue.ask("abc bca?", max_new_tokens=2).episode == 0
        assert dialogue.ask("zyx xzy?", max_new_tokens=2).episode == 1


def test_an_answer_is_that_of_a_session_with_the_prompt_of_its_episode():
    question = "zyx xzy?"
    with flow() as dialogue:
        episode = dialogue.read(TURNS)[1]
        recalled = [dialogue.ask(question, max_new_tokens=8) for _ in range(2)]
    plan = Plan.parse(PLAN)
    plan = replace(plan, policy=replace(plan.policy, prompt=episode.prompt))
    with tiny_model().session(plan, chunk=64) as session:
        session.read(Document("dialogue", "\n".join(TURNS)))
        expected = session.ask(question, max_new_tokens=8, more=True)
    for each in recalled:  # the first question left no trace
        assert each.episode == 1
        assert each.answer.text == expected.text
        assert each.answer.usage.prompt_tokens == expected.usage.prompt_tokens
        assert each.answer.usage.kv_bytes == expected.usage.kv_bytes


def test_all_of_the_question_is_before_the_model_when_it_answers():
    with flow(episodes=1) as dialogue:
        dialogue.read(TURNS)
        (session,) = dialogue._sessions
        with session.fork() as twin:
            before = twin.usage.kv_bytes
            seen = twin.seen[0]
            twin.ask("q" * 30, max_new_tokens=1, more=True)
            entries = twin.usage.kv_bytes - before
            asked = twin.seen[0] - 1 - seen
            assert 30 < asked <= entries / (6 * ENTRY)


def test_memory_is_that_of_the_budgets_and_progress_that_of_all_readings():
    told = []
    with flow() as dialogue:
        dialogue.read(TURNS, progress=told.append)
        assert dialogue.nbytes == 2 * 6 * 40 * ENTRY
        assert dialogue.nbytes < dialogue.peak_bytes <= (2 * 40 + 64) * 6 * ENTRY * 1.5
        assert [each.processed for each in told] == sorted({each.processed for each in told})
        assert {each.total for each in told} == {told[-1].processed}
        assert all(one.seconds <= other.seconds for one, other in pairwise(told))
    assert dialogue.nbytes == 0
    assert dialogue.episodes == ()


def test_a_second_dialogue_takes_the_place_of_the_first():
    with flow() as dialogue:
        dialogue.read(TURNS)
        held = dialogue.nbytes
        assert [episode.turns for episode in dialogue.read(TURNS[4:8])] == [(0, 1, 2, 3)]
        assert dialogue.nbytes == held / 2


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 6), st.integers(0, 9))
def test_every_turn_is_in_one_episode(count, utterances, episodes, seed):
    generator = torch.Generator().manual_seed(seed)
    words = [chr(97 + int(letter)) * 5 for letter in torch.randint(6, (count,), generator=generator)]
    dialogue = flow(episodes=episodes, utterances=utterances)
    found = dialogue._cluster(words)
    assert sorted(turn for episode in found for turn in episode.turns) == [*range(count)]
    assert 1 <= len(found) <= episodes
    for episode in found:
        assert set(episode.prompt.split("\n")) <= {words[turn] for turn in episode.turns}
        assert all(turn // utterances * utterances in episode.turns for turn in episode.turns)


def test_a_prompt_is_of_the_nearest_segments_in_their_order_and_no_longer_than_a_block():
    dialogue = flow(chunk=10, medoids=3)
    texts = ["aaaa", "bbbb", "cccccccc", "dd"]
    ids = [dialogue._ids(text) for text in texts]
    assert dialogue._prompt([1, 0, 3], texts, ids) == "aaaa\nbbbb\ndd"
    assert dialogue._prompt([1, 2, 0, 3], texts, ids) == "aaaa\nbbbb"
    long = ["x" * 30, "yy"]
    assert dialogue._prompt([0, 1], long, [dialogue._ids(text) for text in long]) == "yy"
    assert dialogue._prompt([0], long, [dialogue._ids(text) for text in long]) == "x" * 10


def test_tokens_count_by_how_few_segments_have_them():
    weights = rarity([[0, 0, 1], [0, 2], [0]], 4)
    expected = torch.tensor([4 / 3, 4.0, 4.0, 4.0]).log()
    assert torch.allclose(weights, expected)


def test_the_best_of_several_beginnings_is_taken():
    points = torch.tensor([[0.0, 0.0], [0.0, 0.1], [5.0, 0.0], [5.0, 0.1], [0.0, 9.0], [0.1, 9.0]])
    centroids, labels = clustered(points, 3)
    assert len({tuple(pair) for pair in labels.view(3, 2).tolist()}) == 3
    assert all(one == other for one, other in labels.view(3, 2).tolist())
    assert torch.allclose(centroids[labels[0]], torch.tensor([0.0, 0.05]))


# What is refused.


@pytest.mark.parametrize(
    "plan",
    ["", "policy=snapkv", "policy=epicache(when=end)", 'policy=epicache(prompt="mine")'],
)
def test_a_plan_without_an_open_epicache_is_refused(plan):
    with pytest.raises(PlanError, match="has no policy epicache with when=chunk and no prompt"):
        EpiCache(tiny_model(), plan)


@pytest.mark.parametrize("name", ["episodes", "utterances", "medoids", "chunk"])
def test_parameters_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0 is outside 1"):
        flow(**{name: 0})


@pytest.mark.parametrize("turns", [[], [" ", ""], "abc"])
def test_nothing_said_is_refused(turns):
    with pytest.raises(ValueError, match="turns holds nothing"):
        flow().read(turns)


def test_asking_before_reading_is_refused():
    with pytest.raises(ValueError, match="no dialogue was read"):
        flow().ask("abc?")


def test_a_dialogue_beyond_the_window_is_refused_and_leaves_nothing():
    with flow() as dialogue:
        dialogue.read(TURNS)
        with pytest.raises(WindowExceeded):
            dialogue.read(TURNS * 4)
        assert dialogue.nbytes == 0
        assert dialogue.episodes == ()
