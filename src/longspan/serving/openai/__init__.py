"""OpenAI's protocol: chat and text completions, models, embeddings."""

from longspan.serving.openai.routes import router

__all__ = ["router"]
