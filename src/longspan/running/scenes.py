"""What parts may look at in a layer of a sequence."""

from __future__ import annotations

from collections.abc import Callable

from longspan.running.sequence import Sequence
from longspan.scene import Notes, Scene


def scene_of(
    sequence: Sequence, layer: int, notes: Notes, *, seen: int, text: Callable[[], list[int]]
) -> Scene:
    """A layer of a sequence. notes: of the pass. seen, text: as in `Scene`, with the tokens that are in the layer."""
    engine, asked = sequence.engine, sequence.asked
    return Scene(
        softmax=engine.seam.layers[layer].softmax,
        layer=layer,
        layers=len(engine.windows),
        seen=seen,
        full_layers=engine.full_layers,
        rounds=sequence.rounds,
        asked=range(asked.start, min(asked.stop, seen)),
        text=text,
        beside=-sequence.shift,
        surprise=sequence.surprises,
        profile=engine.profile,
        notes=notes,
    )


def between(sequence: Sequence, layer: int, notes: Notes) -> Scene:
    """The same between passes, when no token is in the layer."""
    return scene_of(sequence, layer, notes, seen=sequence.place, text=lambda: sequence.ids)
