"""KeyDiff: entries whose keys are unlike the others."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="keydiff",
    target="longspan.policies.keydiff:KeyDiff",
    paper="KeyDiff: Key Similarity-Based KV Cache Eviction for Long-Context LLM Inference in "
    "Resource-Constrained Environments",
    link="https://arxiv.org/abs/2504.15364",
    year=2025,
    training=False,
    changes="Keeps the entries whose keys are least like the mean key.",
)


@dataclass(frozen=True, kw_only=True)
class KeyDiff(Policy):
    """Keys least similar to the mean of all normalized keys of their head. https://arxiv.org/abs/2504.15364

    The paper evicts after every block of 128 tokens: when="chunk", in a session with chunk=128.
    """

    def scores(self, view: View) -> Tensor:
        """−cosine of each key and the anchor, whose length does not matter: the sum will do for the mean."""
        keys = view.keys.float()
        anchor = normalize(keys, dim=-1).sum(1, keepdim=True)
        return -cosine_similarity(keys, anchor, dim=-1)
