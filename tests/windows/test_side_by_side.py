"""Windows side by side: what a dense model with a mask computes, whatever the method, the plan and the moment."""

import math
from itertools import permutations

import pytest
import torch

from longspan.errors import LongspanError, PlanError
from longspan.running.side_by_side import Side
from longspan.session import Session
from longspan.spans import Document
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

PREFIX = tokens(7, seed=1).tolist()
PARTS = [tokens(count, seed=count).tolist() for count in (23, 9, 31)]
REST = tokens(12, seed=2).tolist()
AHEAD = {"pcw": 0, "set-based": 0, "pcw(align=right)": 1, "structured-prompting": 1}


def dense(
    network: torch.nn.Module,
    prefix: list[int],
    parts: list[list[int]],
    rest: list[int],
    *,
    right: bool = False,
    raised: float = 0.0,
) -> torch.Tensor:
    """Logits of the rest, `[n, vocab]`, by the model itself: one row of tokens, positions, and who sees whom."""
    end = len(prefix) + max(map(len, parts))
    places, owner = list(range(len(prefix))), [0] * len(prefix)
    for number, part in enumerate(parts, 1):
        begin = end - len(part) if right else len(prefix)
        places += range(begin, begin + len(part))
        owner += [number] * len(part)
    places += range(end, end + len(rest))
    owner += [-1] * len(rest)
    ids = [*prefix, *(token for part in parts for token in part), *rest]
    mask = torch.full((len(ids), len(ids)), -torch.inf)
    for query in range(len(ids)):
        for key in range(query + 1):
            if owner[query] == -1 or owner[key] in (0, owner[query]):
                mask[query, key] = raised if owner[query] == owner[key] == -1 else 0.0
    at, masks = torch.tensor(places), mask[None, None]
    if network.config.model_type == "gemma2":  # of whose layers some have a window
        far = at[:, None] - at >= network.config.sliding_window
        masks = {"full_attention": masks, "sliding_attention": masks.masked_fill(far, -torch.inf)}
    with torch.no_grad():
        found = network(input_ids=torch.tensor([ids]), position_ids=at[None], attention_mask=masks)
    return found.logits[0, -len(rest) :]


def read(session: Session, method: str, parts: list[list[int]] = PARTS) -> Session:
    return session.read(PREFIX).read_windows(parts, method)


@pytest.mark.parametrize(("method", "chunk"), [*((method, 8) for method in AHEAD), ("pcw", 2048)])
def test_what_follows_sees_what_the_mask_says(method, chunk):
    model = tiny_model()
    raised = math.log(3) if method == "structured-prompting" else 0.0
    expected = dense(model.network, PREFIX, PARTS, REST, right=bool(AHEAD[method]), raised=raised)
    with model.session(chunk=chunk) as session:
        read(session, method)
        assert session.seen == [7 + 23 + 9 + 31]
        mine = session.logits(REST[:5])
        assert torch.allclose(mine, expected[:5], atol=2e-5)
        one_by_one = [session.logits([token]) for token in REST[5:]]
        assert torch.allclose(torch.cat(one_by_one), expected[5:], atol=2e-5)


@pytest.mark.parametrize("method", ["set-based", "structured-prompting"])
def test_layers_with_a_window_go_by_positions(method):
    model = tiny_model("gemma2")
    parts = [tokens(count, seed=count).tolist() for count in (60, 33, 71)]
    raised = math.log(3) if method == "structured-prompting" else 0.0
    expected = dense(model.network, PREFIX, parts, REST, right=bool(AHEAD[method]), raised=raised)
    with model.session() as session:
        read(session, method, parts)
        mine = [session.logits(REST[:5]), *(session.logits([token]) for token in REST[5:])]
    assert torch.allclose(torch.cat(mine), expected, atol=5e-5)


def test_one_window_is_the_plain_prompt_to_the_bit():
    with tiny_model().session() as session, tiny_model().session() as plain:
        read(session, "pcw", PARTS[:1])
        plain.read(PREFIX).read(PARTS[0], more=True)
        assert torch.equal(session.logits(REST), plain.logits(REST))


def test_no_order_of_the_parts_of_a_set_makes_a_difference():
    parts = [tokens(count, seed=count + 50).tolist() for count in (5, 9, 9, 4, 12)]
    orders = list(permutations(range(5)))
    with tiny_model().session() as session:
        conversation = session.sequences[0].conversation
        read_as = [Side.of([conversation], [parts[each] for each in order], "set-based") for order in orders]
        assert len({str((each.shared, each.texts, each.begins)) for each in read_as}) == 1
        session.read(PREFIX)
        bits = set()
        for order in (orders[0], orders[37], orders[64], orders[-1]):
            with session.fork() as fork:
                fork.read_windows([parts[each] for each in order], "set-based")
                bits.add(fork.logits(REST).numpy().tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("method", ["pcw", "structured-prompting", "window-ensemble"])
def test_forks_marks_and_saved_contexts_go_on_alike(method, tmp_path):
    model = model_of(tiny_network("llama"), digest="0" * 64)
    with model.session() as session:
        path = read(session, method).save(tmp_path / "windows")
        with session.fork() as fork, model.restore(path) as restored:
            expected, mark = fork.logits(REST), session.mark()
            assert torch.equal(restored.logits(REST), expected)
            assert torch.equal(session.logits(REST), expected)
            session.rewind(mark)
            assert torch.equal(session.logits(REST), expected)
            assert len({each.name() for each in (session, fork, restored)}) == 1


def test_names_tell_methods_and_windows_apart():
    model = model_of(tiny_network("llama"), digest="0" * 64)
    cases = [("pcw", PARTS), ("set-based", PARTS), ("pcw", [PARTS[0] + PARTS[1], PARTS[2]])]
    names = []
    for method, parts in cases:
        with model.session() as session:
            names.append(read(session, method, parts).name())
    assert len(set(names)) == len(cases)


def test_every_token_is_held_and_counted_once():
    with tiny_model().session() as session:
        read(session, "pcw").read(REST)
        list(session.generate(max_new_tokens=1))
        tokens_held = 7 + 23 + 9 + 31 + 12
        entry = 3 * 2 * (2 * 16 * 4 + 4)  # layers, rows; key and value in fp32 and a position
        assert session.usage.kv_bytes == sum(session.bytes_held) >= tokens_held * entry
        assert session.usage.kv_bytes <= 2 * tokens_held * entry  # with room for what comes
        assert session.usage.prompt_tokens == tokens_held
        assert session.entries(0).positions[0].bincount().tolist() == [1] * 7 + [3] * 9 + [2] * 14 + [1] * 20


def mean(parts: list[list[int]], rest: list[int], weights: list[float]) -> torch.Tensor:
    """Log-probabilities of the rest by a weighted sum of what is said after each part alone."""
    network = tiny_model().network
    each = [stock_logits(network, torch.tensor([*PREFIX, *part, *rest]))[-len(rest) :] for part in parts]
    odds = torch.stack([logits.softmax(-1) for logits in each])
    return (odds * torch.tensor(weights)[:, None, None]).sum(0).log()


@pytest.mark.parametrize("weights", ["equal", "tokens"])
def test_an_ensemble_is_the_weighted_sum_of_distributions(weights):
    shares = [1 / 3] * 3 if weights == "equal" else [len(part) / 63 for part in PARTS]
    with tiny_model().session() as session:
        read(session, f"window-ensemble(weights={weights})")
        assert torch.allclose(session.logits(REST), mean(PARTS, REST, shares), atol=2e-5)
        said = [step.token for step in session.generate(max_new_tokens=4)]
        assert session.usage.generated_tokens == 4
    expected: list[int] = []
    for _ in range(4):
        expected.append(int(mean(PARTS, REST + expected, shares)[-1].argmax()))
    assert said == expected


def test_windows_that_say_the_same_are_one_for_an_ensemble():
    with tiny_model().session() as session, tiny_model().session() as plain:
        read(session, "window-ensemble", PARTS[:1] * 2)
        plain.read(PREFIX).read(PARTS[0], more=True)
        assert torch.allclose(session.logits(REST), plain.logits(REST).log_softmax(-1), atol=1e-5)


@pytest.mark.parametrize(
    ("plan", "method"),
    [
        ("codec=mapped", "pcw"),
        ("policy=snapkv(budget=1.0,window=8)", "structured-prompting"),
        ("selector=quest(budget=1024,page=8)", "structured-prompting"),
        ("decode=lookahead", "pcw"),
    ],
)
def test_a_plan_that_keeps_everything_changes_nothing(plan, method):
    found = []
    for each in ("", plan):
        with tiny_model().session(each) as session:
            read(session, method).read(REST)
            said = [step.token for step in session.generate(max_new_tokens=8)]
            found.append((said, session.logits(REST)))
    assert found[0][0] == found[1][0]
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


@pytest.mark.parametrize(("budget", "kept"), [(40, 40), (0.5, 41)])
def test_a_policy_acts_once_all_is_read(budget, kept):
    plan = f"policy=snapkv(budget={budget},window=8)"
    with tiny_model().session(plan) as session, tiny_model().session(forks=[plan]) as other:
        read(session, "pcw")
        assert len(session.entries(0).positions[0]) == 70
        assert session.read(REST).entries(0).lengths == [kept] * 2
        with read(other, "pcw").read(REST).fork(plan) as fork:
            assert torch.equal(fork.logits(REST), session.logits(REST))


def test_windows_follow_windows():
    with tiny_model().session() as session:
        read(session, "pcw").read(REST).read_windows([PARTS[1], PARTS[0]], "set-based")
        (sequence,) = session.sequences
        assert (session.seen, sequence.end) == ([7 + 63 + 12 + 32], 7 + 31 + 12 + 23)
        assert session.logits(REST).isfinite().all()


def test_documents_are_asked_about_and_cited():
    documents = [Document("a", "The cat sat."), Document("b", "The dog ran away."), Document("c", "A bird.")]
    answers = []
    for order in (documents, documents[::-1]):
        with tiny_model().session() as session:
            session.read_windows(order, "set-based")
            answers.append(session.ask("Who ran away?", max_new_tokens=3))
    assert answers[0].text == answers[1].text
    assert "b" in {each.document for each in answers[0].citations}


@pytest.mark.parametrize(
    ("plan", "sources", "method", "reason"),
    [
        ("", [], "pcw", "one for each window"),
        ("", "text", "pcw", "one for each window"),
        ("", ["a", ""], "pcw", "window 1 has no tokens"),
        ("", ["a", "b"], "pwc", "did you mean pcw"),
        ("", ["a", "b"], "snapkv", "is a policy"),
        ("", [[5, 6], [99999]], "pcw", "allowed 0"),
        ("", [[5] * 600, [6]], "pcw", "> window 512"),
        ("policy=h2o(budget=40)", ["a", "b"], "pcw", "watches every query"),
        ("positions=in-cache", ["a", "b"], "set-based", "counts positions"),
        ("decode=prompt-lookup", ["a", "b"], "window-ensemble", "drafts for one"),
    ],
)
def test_what_cannot_be_read_side_by_side_is_refused_by_name(plan, sources, method, reason):
    with tiny_model().session(plan) as session:
        with pytest.raises((LongspanError, ValueError), match=reason):
            session.read_windows(sources, method)
        assert session.seen == [0]


def test_nothing_is_said_that_no_token_has_seen_all_windows_for():
    with tiny_model().session() as session:
        read(session, "pcw")
        with pytest.raises(ValueError, match="nothing after them"):
            session.generate(max_new_tokens=1)
        assert session.read(REST).next_logits.isfinite().all()
    with (
        read(tiny_model().session(), "window-ensemble") as session,
        pytest.raises(ValueError, match="size=1"),
    ):
        session.read_windows(["a", "b"])


def test_recurrent_layers_take_an_ensemble_only():
    with tiny_model("lfm2").session() as session:
        with pytest.raises(PlanError, match="recurrent"):
            read(session, "pcw")
        assert session.read_windows(["a", "b"], "window-ensemble").read("c").next_logits.isfinite().all()
