"""Windows side by side: what a dense model with a mask computes, whatever the method, the plan and the moment."""

import math

import pytest
import torch

from longspan.session import Session
from tiny import tiny_model, tokens

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
    with torch.no_grad():
        given = torch.tensor([ids]), torch.tensor([places])
        logits = network(input_ids=given[0], position_ids=given[1], attention_mask=mask[None, None]).logits
    return logits[0, -len(rest) :]


def read(session: Session, method: str, parts: list[list[int]] = PARTS) -> Session:
    return session.read(PREFIX).read_windows(parts, method)


@pytest.mark.parametrize("chunk", [2048, 8])
@pytest.mark.parametrize("method", AHEAD)
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
