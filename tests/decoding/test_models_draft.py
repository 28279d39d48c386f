"""Drafts of a model, another one or itself over a part of its memory: the answer is the one without them."""

import copy
from functools import cache

import pytest
import torch
from chances import outcomes

from longspan.decoding.base import Drawn
from longspan.decoding.rapid import Transfer, best
from longspan.errors import PlanError
from longspan.loading import Loaded
from longspan.model import Model
from tiny import tiny_model, tiny_network, tokens

QUEST = "self-speculation(selector=quest(budget=16,page=4,dense=0),policy=none,gamma=3,gate=false)"
STREAMING = "self-speculation(policy=streamingllm(budget=20,sinks=4,when=end),gamma=3,every=5,gate=false)"
OTHER = "draft-model(model=other,gamma=3,gate=false)"
SHORT = (
    "draft-model(model=other,gamma=3,gate=false,policy=streamingllm(budget=16,sinks=4),positions=in-cache)"
)
TREE = f"rsd(drafter={OTHER},branches=[2,2],gate=false)"
BEAMS = f"rsd(drafter={QUEST},branches=[1,1,1],beams=3,gate=false)"
MIDDLE = "policy=retrieval-cache(budget=24,chunk=4),gamma=5,every=9,gate=false"
TRIFORCE = f"triforce({MIDDLE})"
LEVELS = f"triforce({MIDDLE},bottom={OTHER})"
RAPID = "rapid(gamma=3,chunk=8,retrieved=16,tail=12,gate=false)"
METHODS = (QUEST, STREAMING, OTHER, SHORT, TREE, BEAMS, TRIFORCE, LEVELS, RAPID)
READ, SAY = 60, 16


@pytest.fixture(scope="module")
def other():
    """A model that says something else."""
    torch.manual_seed(5)
    tokenizer = tiny_model().tokenizer
    return Model(
        Loaded(network=tiny_network("llama"), tokenizer=tokenizer, name="other", digest=None, source="tests")
    )


def opened(plan, drafters, family="llama", **more):
    session = tiny_model(family).session(plan, chunk=16, drafters=drafters, **more)
    return session.read(tokens(READ))


def said(session, count=SAY, **how):
    return [step.token for step in session.generate(max_new_tokens=count, **how)]


@cache
def plainly(plan="", family="llama"):
    """What is said without drafts, and how many entries each layer then holds."""
    with opened(plan, {}, family) as session:
        return said(session), [layer.store.lengths for layer in session.sequences[0].layers]


@pytest.mark.parametrize(
    ("method", "family"),
    [
        *((method, "llama") for method in METHODS),
        (STREAMING, "gemma3_text"),
        (TREE, "bamba"),
        (BEAMS, "bamba"),
    ],
)
def test_the_answer_is_the_one_without_drafts_and_memory_is_counted_and_given_back(method, family, other):
    with opened(f"decode={method}", {"other": other}, family) as drafted:
        text, lengths = plainly(family=family)
        assert said(drafted) == text
        (sequence,) = drafted.sequences
        assert [layer.store.lengths for layer in sequence.layers] == lengths
        drafters = list(sequence.companions.values())
        held = sum(each.nbytes for each in drafters)
        own = sum(each.nbytes for layer in sequence.layers for each in layer.store.resident_columns)
        own += sum(each.state_bytes for each in sequence.recurrences)
        assert drafted.usage.kv_bytes == own + held
        if method in (QUEST, BEAMS) and family == "llama":  # it shares all entries: it holds bounds of pages
            assert 0 < held < own
            assert not any(layer.store._coded.rows._shared.owners > 1 for layer in sequence.layers)
        drafted.close()
        assert sum(each.nbytes for each in drafters) == 0
        assert sequence.ledger.held == 0


@pytest.mark.parametrize(
    "plan", ["codec=int8", "positions=self-extend(group=4,neighbour=16)", "selector=quest(budget=32,page=4)"]
)
def test_under_other_plans(plan, other):
    for method in (QUEST, STREAMING):
        with opened(f"{plan} decode={method}", {}) as drafted:
            assert said(drafted) == plainly(plan)[0]


@pytest.mark.parametrize("method", [QUEST, STREAMING, OTHER])
def test_with_shared_draws_the_same_seed_gives_the_same_text(method, other):
    how = {"temperature": 1.5, "top_p": 0.9, "seed": 3}
    method = method.replace("gamma=3", "gamma=3,draws=shared")
    with opened("", {}) as plain, opened(f"decode={method}", {"other": other}) as drafted:
        assert said(drafted, **how) == said(plain, **how)
    with (
        opened(f"decode={OTHER}", {"other": other}) as one,
        opened(f"decode={OTHER}", {"other": other}) as two,
    ):
        assert said(one, **how) == said(two, **how)


def passes(session, count):
    """Tokens of each pass through the embedding while something is said."""
    found = []
    embedding = tiny_model("llama").network.get_input_embeddings()
    handle = embedding.register_forward_hook(lambda module, given, result: found.append(given[0].numel()))
    try:
        said(session, count)
    finally:
        handle.remove()
    return found


def test_a_drafter_that_knows_is_asked_token_by_token_and_verified_at_once():
    alike = "self-speculation(gate=false,policy=streamingllm(budget=200,sinks=4,when=end),gamma=3)"
    with opened(f"decode={alike}", {}) as session:
        # three are drafted, one by one, and verified in one pass; then the drafter has missed two
        assert passes(session, 9) == [1, 1, 1, 4, 2, 1, 1, 4]


@cache
def goes_back_and_forth(plan, other):
    """What is said before and after a mark, a fork, going back, and a stream that is left."""
    with opened(plan, {"other": other}) as session:
        found = [said(session, 7)]
        mark = session.mark()
        found.append(said(session, 6))
        with session.fork() as fork:
            session.rewind(mark)
            session.read(tokens(9, seed=4))
            found.append(said(session, 9))
            found.append(said(fork, 5))
            session.rewind(mark)
            stream = session.generate(max_new_tokens=9)
            found.append([next(stream).token for _ in range(4)])
            stream.close()
            session.read(tokens(30, seed=5))
            found.append(said(session, 6))
            return found


@pytest.fixture(scope="module")
def without_drafts(other):
    return goes_back_and_forth("", other)


@pytest.mark.parametrize("method", METHODS)
def test_forks_and_what_was_gone_back_from_leave_nothing_behind(method, other, without_drafts):
    assert goes_back_and_forth(f"decode={method}", other) == without_drafts


def test_what_cannot_be_is_told(other):
    with pytest.raises(PlanError, match="policy and selector are both given or both none, allowed is one"):
        tiny_model().session("decode=self-speculation(policy=none)")
    with pytest.raises(PlanError, match="policy leaves a part already; leave one of the two out"):
        tiny_model().session(f"policy=h2o(budget=20) decode={QUEST}")
    with pytest.raises(PlanError, match="draft-model needs model; write draft-model"):
        tiny_model().session("decode=draft-model")
    with pytest.raises(PlanError, match=r"gamma=0 is outside 1 \.\."):
        tiny_model().session("decode=draft-model(model=other,gamma=0)")
    unseen = "self-speculation(policy=h2o(budget=20,when=end))"
    with opened(f"decode={unseen}", {}) as session, pytest.raises(ValueError, match="more than was gathered"):
        said(session)
    far = tiny_model().session(f"decode={OTHER} positions=ntk(factor=4)", drafters={"other": other})
    with (
        far.read(tokens(600)),
        pytest.raises(ValueError, match=r"60[12] tokens where the window of model=other"),
    ):
        said(far)


def test_a_model_with_other_tokens_is_refused(other):
    changed = copy.deepcopy(other.tokenizer)
    changed.add_tokens("zebra")
    stranger = Model(Loaded(network=other.network, tokenizer=changed, name="o", digest=None, source="tests"))
    different = "model=other has another tokenizer, 1 of 259 tokens differ; draft with"
    with (
        opened(f"decode={OTHER}", {"other": stranger}) as session,
        pytest.raises(ValueError, match=different),
    ):
        said(session)


def test_what_is_retrieved_speaks_of_the_end_and_stands_in_its_order():
    chunks = [[9, 9, 9, 9], [1, 2, 9, 9], [8, 8, 8, 8], [2, 1, 1, 9], [7, 7]]
    assert best(chunks, [1, 2, 5], 8) == [*chunks[1], *chunks[3]]
    assert best(chunks, [1, 2, 5], 100) == [token for chunk in chunks for token in chunk]
    assert best(chunks, [5], 6) == [*chunks[3], *chunks[4]]
    assert best(chunks, [1], 3) == chunks[4]


def test_a_transfer_changes_the_distribution_towards_the_drafter():
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.1, 0.6, 0.3])
    rule = Transfer(2.0)

    def happening(draws):
        token = draws.choose(q)
        return rule.decided(p, Drawn((token,), q), draws)

    found = outcomes(happening)
    expected = p.log() + 2.0 * (q - p)  # the paper's, at temperature 1
    for token, chance in enumerate(expected.softmax(-1).tolist()):
        assert found[token] == pytest.approx(chance, abs=1e-6)
    with pytest.raises(PlanError, match=r"not_lossless_transfer=0\.5 is outside 0 \.\. 0 with draws=shared"):
        tiny_model().session("decode=rapid(not_lossless_transfer=0.5,draws=shared)")


@pytest.mark.parametrize("vocabulary", [264, 300])
def test_a_head_with_other_places_for_no_token_drafts_too(vocabulary):
    tokenizer = tiny_model().tokenizer
    network = tiny_network("llama", vocab_size=vocabulary)
    wide = Model(Loaded(network=network, tokenizer=tokenizer, name="wide", digest=None, source="tests"))
    how = {"temperature": 1.0, "seed": 5}
    method = OTHER.replace("gamma=3", "gamma=3,draws=shared")
    with opened("", {}) as plain, opened(f"decode={method}", {"other": wide}) as drafted:
        assert said(drafted, **how) == said(plain, **how)
    with opened(f"decode={TREE}", {"other": wide}) as drafted:
        assert len(said(drafted, **how)) == SAY
