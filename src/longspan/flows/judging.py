"""A chat as the judge of passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from longspan.flows.chat import Chat, Local, Message
from longspan.flows.replies import heard
from longspan.flows.trace import Traced
from longspan.retrieval.judge import Judge
from longspan.usage import Usage


def judge_of(chat: Chat, spent: Callable[[Usage], None] = lambda usage: None) -> Judge:
    """Asks a chat about passages; one of a model of this process is asked for probabilities too.

    spent: told what each reply took. Asking raises FlowError where a fifth of the calls failed, or more.
    """

    def ask(prompts: Sequence[str], tokens: int) -> list[str]:
        asked = [[Message(role="user", content=prompt)] for prompt in prompts]
        replies = heard(chat.generate_all(asked, max_new_tokens=tokens))
        for reply in replies:
            if reply is not None:
                spent(reply.usage)
        return ["" if reply is None else reply.text for reply in replies]

    within = chat
    while isinstance(within, Traced):
        within = within.chat
    if isinstance(within, Local):
        return Judge(
            ask=ask, model=within.model, plan=within.plan, spent=spent, identity=lambda: chat.identity
        )
    return Judge(ask=ask, spent=spent, identity=lambda: chat.identity)
