"""Where programs that a model wrote run: a process of their own, without files, network or time without end."""

from longspan.sandbox.base import CallFailed, Function, Limits, Result, Sandbox, Why
from longspan.sandbox.opening import KINDS, open_sandbox
from longspan.sandbox.values import Json

__all__ = [
    "KINDS",
    "CallFailed",
    "Function",
    "Json",
    "Limits",
    "Result",
    "Sandbox",
    "Why",
    "open_sandbox",
]
