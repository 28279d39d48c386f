"""Finding, converting, caching and loading models."""

from longspan.loading.load import Loaded, Pulled, Weights, load_weights, pull

__all__ = ["Loaded", "Pulled", "Weights", "load_weights", "pull"]
