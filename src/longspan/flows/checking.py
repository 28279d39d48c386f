"""Whether passages say what an answer claims, by a model that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longspan.flows.base import together
from longspan.flows.chat import Chat, Message
from longspan.flows.choosing import YES_OR_NO, Chosen
from longspan.flows.prompting import enclosed, prompt, shown
from longspan.spans import Answer, Claim
from longspan.usage import Usage

_RISE = 0.3  # of ln odds; less is what any text does to a small model
_NOWHERE = "N/A"


def checked(answer: Answer, chat: Chat, question: str = "") -> Answer:
    """An answer to a question whose similar claims a model was asked about; its usage has what that took."""
    found, usages = supported(answer.claims, chat, question)
    if not usages:
        return answer
    used = together([answer.usage, *usages], answer.usage.truncated_tokens)
    return replace(answer, claims=tuple(found), usage=used)


def supported(claims: Sequence[Claim], chat: Chat, question: str = "") -> tuple[list[Claim], list[Usage]]:
    """Claims, of which the similar ones are supported where their passage makes a yes likelier than no text does.

    A model says yes, or no, to anything to some degree, and one of half a billion weights says no to all. So each claim
    is asked about twice, with its passage and with none, after contextual calibration (https://arxiv.org/abs/2102.09690),
    and what counts is how far the odds rise. The others stay similar, as where a call fails. Second: what it took.
    """
    asked = [number for number, claim in enumerate(claims) if claim.state == "similar"]
    if not asked:
        return list(claims), []
    prompts = [_asks(claims[number], question, shown(claims[number].sources)) for number in asked]
    prompts += [_asks(claims[number], question, enclosed(_NOWHERE)) for number in asked]
    said = chat.choose_all([[each] for each in prompts], YES_OR_NO)
    found = list(claims)
    for number, within, without in zip(asked, said[: len(asked)], said[len(asked) :], strict=True):
        if isinstance(within, Chosen) and isinstance(without, Chosen) and _rises(within, without):
            found[number] = replace(claims[number], state="supported")
    return found, [each.usage for each in said if isinstance(each, Chosen)]


def _rises(within: Chosen, without: Chosen) -> bool:
    return within.odds - without.odds >= _RISE


def _asks(claim: Claim, question: str, text: str) -> Message:
    said = f"Question: {question}\nAnswer: {claim.text}" if question.strip() else claim.text
    return prompt("claim_held", text=text, claim=said)
