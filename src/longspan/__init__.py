"""A longer context for any open-weight language model, in bounded memory, with its cost shown."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longspan import errors
    from longspan.forms.form import Form
    from longspan.model import Model, load
    from longspan.plan import Plan
    from longspan.progress import Progress
    from longspan.running.generation import Step
    from longspan.running.inputs import Vectors
    from longspan.session import Session
    from longspan.spans import Answer, Citation, Document, Span
    from longspan.usage import Usage

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Citation",
    "Document",
    "Form",
    "Model",
    "Plan",
    "Progress",
    "Session",
    "Span",
    "Step",
    "Usage",
    "Vectors",
    "__version__",
    "errors",
    "load",
]

_HOMES = {
    "Answer": "spans",
    "Citation": "spans",
    "Document": "spans",
    "Form": "forms.form",
    "Model": "model",
    "Plan": "plan",
    "Progress": "progress",
    "Session": "session",
    "Span": "spans",
    "Step": "running.generation",
    "Usage": "usage",
    "Vectors": "running.inputs",
    "load": "model",
}


def __getattr__(name: str) -> object:
    """Public names are imported when they are first used, so that `import longspan` stays light."""
    if name == "errors":
        return import_module("longspan.errors")
    if name in _HOMES:
        return getattr(import_module(f"longspan.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'longspan' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, whether they were used yet or not."""
    return sorted({*globals(), *__all__})
