"""Servers whole, with a key for each of two owners, and what official clients are made with."""

from __future__ import annotations

import anthropic
import openai
from loopback import served

from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings

MINE, OTHER = "key-of-mine", "key-of-another"


def serving(make, **settings):
    """Serves the desk that `make` gives on the server's loop; its address, up to the version."""
    chosen = Settings(keys=(MINE, OTHER), log=False, ping=0.05, **settings)

    def made():
        desk = make()
        return create_app(desk, chosen), desk.close

    return served(made)


def messages_client(address, key=MINE):
    return anthropic.Anthropic(base_url=address.removesuffix("/v1"), api_key=key, max_retries=0)


def responses_client(address, key=MINE):
    return openai.OpenAI(base_url=address, api_key=key, max_retries=0)
