"""Finding, converting, caching and loading models."""

from longspan.loading.load import Loaded, Pulled, load_weights, pull

__all__ = ["Loaded", "Pulled", "load_weights", "pull"]
