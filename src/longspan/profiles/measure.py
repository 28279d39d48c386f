"""The contract of a profile: facts measured once of a model, for the parts of plans that ask for them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from longspan import brought
from longspan.errors import PlanError
from longspan.parameters import check_choice
from longspan.profiles import dimension_groups, documents, heads, patterns, sensitivity
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How a profile is measured.

    run: the facts, fp32 and finite, of a borrowed network and its tokenizer, which may read text through
    `running.reader.Reader`; it happens when a session is opened whose plan has a part with the profile's name in its
    attribute `profile`, and the part then finds them by `scene.profile(name)`. shape: the shape that they have, known
    without measuring. version: raised whenever a model would get other numbers than before, since what was measured is
    kept in the cache folder.
    """

    version: int
    shape: Callable[[Seam], tuple[int, ...]]
    run: Callable[[Seam, PreTrainedTokenizerFast], Tensor]


MEASURES: Mapping[str, Measure] = {
    "dimension-groups": Measure(version=1, shape=dimension_groups.shape, run=dimension_groups.measure),
    "documents": Measure(version=1, shape=documents.shape, run=documents.measure),
    "heads": Measure(version=1, shape=heads.shape, run=heads.measure),
    "patterns": Measure(version=2, shape=patterns.shape, run=patterns.measure),
    "sensitivity": Measure(version=1, shape=sensitivity.shape, run=sensitivity.measure),
}
"""Longspan's own, by name."""

BROUGHT = brought.Kind(
    group="longspan.profiles",
    what="profile",
    own=lambda: MEASURES,
    read=brought.instance(Measure),
    error=PlanError,
)
"""Profiles that packages bring, each announced by its name as a `Measure`."""


def find_measure(name: str) -> Measure:
    """How the profile called `name` is measured. Raises ValueError for a name that there is not."""
    check_choice("profile", name, (*MEASURES, *BROUGHT.names))
    return MEASURES[name] if name in MEASURES else BROUGHT.load(name)


def described(name: str, measure: Measure) -> str:
    """The name of what is measured, unlike that of another package or version."""
    whose = "" if name in MEASURES else f"-{BROUGHT.package(name)}".replace(" ", "-")
    return f"{name}-{measure.version}{whose}"
