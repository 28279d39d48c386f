"""Anthropic's protocol: messages and their tokens."""

from longspan.serving.anthropic.routes import router

__all__ = ["router"]
