"""Finding, converting, caching and loading models."""

from longspan.loading.load import Loaded, Pulled, load_weights, pull
from longspan.loading.progress import Progress

__all__ = ["Loaded", "Progress", "Pulled", "load_weights", "pull"]
