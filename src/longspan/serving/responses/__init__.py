"""OpenAI's Responses: answers that are kept, gone on from, and compacted."""

from longspan.serving.responses.routes import router

__all__ = ["router"]
