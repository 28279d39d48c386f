"""Flows over a desk: questions about documents that are read in parts."""

from longspan.serving.flowing.desk import Flows, Known

__all__ = ["Flows", "Known"]
