"""Which sandbox runs here: the first that starts, or none and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from longspan.errors import SandboxError
from longspan.parameters import check_choice
from longspan.sandbox.base import Function, Limits, Sandbox
from longspan.sandbox.locked import LockedSandbox
from longspan.sandbox.monty import MontySandbox
from longspan.sandbox.values import Json

Choice = Literal["auto", "monty", "locked"]
KINDS: dict[str, type[Sandbox]] = {"monty": MontySandbox, "locked": LockedSandbox}
"""The sandboxes by name, in the order in which they are tried."""


def open_sandbox(
    variables: Mapping[str, Json] | None = None,
    functions: Mapping[str, Function] | None = None,
    limits: Limits | None = None,
    kind: Choice = "auto",
) -> Sandbox:
    """A sandbox that has been seen to start, see `Sandbox`.

    kind "auto" takes the first of KINDS that starts; there is none without walls. Raises SandboxError with what each
    of them misses.
    """
    check_choice("sandbox", kind, get_args(Choice))
    missing = []
    for name, cls in KINDS.items():
        if kind in ("auto", name):
            try:
                return cls(variables, functions, limits)
            except SandboxError as error:
                missing.append(f"{name}: {error}")
    raise SandboxError(f"no sandbox runs here: {'; '.join(missing)}")
