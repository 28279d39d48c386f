"""Prints, as JSON, what importing packages with all their modules changes in transformers and torch.

python global_state.py PACKAGE...
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3", "granite", "olmo2")
WATCHED = (
    "torch.nn.functional",
    "torch.nn.modules.module",
    "transformers.cache_utils",
    "transformers.masking_utils",
    "transformers.modeling_rope_utils",
    "transformers.modeling_utils",
    *(f"transformers.models.{family}.modeling_{family}" for family in FAMILIES),
)


def state() -> dict[str, object]:
    """Every name of the watched modules, of their classes and of their registries, with its value."""
    found: dict[str, object] = {}
    for name in WATCHED:
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            found[f"{name}.{key}"] = value
            inner = vars(value) if isinstance(value, type) else value
            if isinstance(inner, Mapping) and not key.startswith("__"):
                found |= {f"{name}.{key}.{each}": held for each, held in inner.items()}
    import torch

    found |= {"default dtype": torch.get_default_dtype(), "grad": torch.is_grad_enabled()}
    return found | {"threads": torch.get_num_threads()}


def changes(package: str) -> list[str]:
    """What differs after the package and all its modules have been imported."""
    before = state()
    imported = importlib.import_module(package)
    for module in pkgutil.walk_packages(imported.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    after = state()
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name, state) is not after.get(name, state))


if __name__ == "__main__":
    json.dump({package: changes(package) for package in sys.argv[1:]}, sys.stdout)
