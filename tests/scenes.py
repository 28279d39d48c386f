"""Scenes made by hand, of facts by name."""

from dataclasses import fields
from typing import Any

from longspan.kernels.softmax import Softmax
from longspan.scene import Scene

_SOFTMAX = {each.name for each in fields(Softmax)}
_SCENE = {each.name for each in fields(Scene)} | _SOFTMAX


def scene(**facts: Any) -> Scene:
    """A layer, by default the only one, with scale 1."""
    own = {name: facts.pop(name) for name in _SOFTMAX & set(facts)}
    made = {"softmax": Softmax(**{"scale": 1.0} | own), "layer": 0, "layers": 1, "seen": 0}
    return Scene(**made | facts)


def staged(facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, those of a scene as one."""
    own = {name: facts[name] for name in _SCENE & set(facts)}
    rest = {name: value for name, value in facts.items() if name not in own}
    return rest if "scene" in rest else rest | {"scene": scene(**own)}
