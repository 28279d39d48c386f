"""Finding, converting, caching and loading models."""

from longspan.loading.load import Loaded, Pulled, load_weights, pull
from longspan.loading.weights import Weights

__all__ = ["Loaded", "Pulled", "Weights", "load_weights", "pull"]
