"""A chat as the judge of passages."""

from __future__ import annotations

from collections.abc import Sequence

from longspan.flows.chat import Chat, Local, Message
from longspan.retrieval.judge import Judge


def judge_of(chat: Chat, max_new_tokens: int = 1024) -> Judge:
    """Asks a chat about passages; one of a model of this process is asked for probabilities too."""

    def ask(prompts: Sequence[str]) -> list[str]:
        return [
            chat.generate([Message(role="user", content=prompt)], max_new_tokens=max_new_tokens).text
            for prompt in prompts
        ]

    if isinstance(chat, Local):
        return Judge(ask=ask, model=chat.model, plan=chat.plan)
    return Judge(ask=ask)
