"""A profile, a plan, and a method with weights of its own, which lie beside its code."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safetensors.torch import load_file

from longspan.named import Named
from longspan.policies.base import Policy
from longspan.profiles.measure import Measure
from longspan.registry import Card


@cache
def weights():
    return load_file(Path(__file__).with_name("learned.safetensors"))["direction"]


@dataclass(frozen=True, kw_only=True)
class Learned(Policy):
    """Keys along a learned direction count, by the mean of a profile. https://example.org/learned"""

    profile = "embedding-norms"

    def scores(self, view):
        return view.keys.float() @ weights().to(view.keys.device) * view.scene.profile(self.profile).mean()


def norms(seam, tokenizer):
    return seam.network.get_input_embeddings().weight.detach().float().norm(dim=1)


NORMS = Measure(version=1, shape=lambda seam: (seam.config.vocab_size,), run=norms)
FACTS = {
    "paper": "A stranger's",
    "link": "https://example.org/learned",
    "year": 2026,
    "changes": "Keeps some.",
}
CARD = Card(name="learned", target="own_facts:Learned", training=False, **FACTS)
PLAN = Named(name="lean", text="policy=learned(budget=20)", **FACTS)
ENTRY_POINTS = {
    "longspan.methods": {"policy.learned": "own_facts:CARD"},
    "longspan.profiles": {"embedding-norms": "own_facts:NORMS"},
    "longspan.plans": {"lean": "own_facts:PLAN"},
}
