"""A desk whose model runs in another engine that speaks OpenAI's protocol."""

from longspan.serving.backend.desk import BackendDesk
from longspan.serving.backend.engine import Engine
from longspan.serving.backend.spread import Spread

__all__ = ["BackendDesk", "Engine", "Spread"]
