"""The time that a question is about."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from longspan.conversing.messages import excerpt
from longspan.conversing.talk import Talk
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING
from longspan.memory import Turn
from longspan.usage import Usage

_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


def asked_time(talk: Talk, said: Turn) -> tuple[float, float, Usage]:
    """From when (inclusive) to when (exclusive), seconds since 1970, without bounds where the model names none."""
    now = datetime.fromtimestamp(talk.memory.now(), UTC)
    words = excerpt(said.text, said.text[-400:], max(1, talk.room // 2), talk.chat.count_tokens, "question")
    asked = prompt("asked_time", now=now.strftime("%A %Y-%m-%d"), question=enclosed(words), nothing=NOTHING)
    reply = talk.chat.generate([asked], max_new_tokens=32)
    return *bounds_in(reply.text), reply.usage


def bounds_in(text: str) -> tuple[float, float]:
    """The bounds that a reply names, none unless it is two days, or one, in their order."""
    try:
        days = [
            datetime(int(year), int(month), int(day), tzinfo=UTC) for year, month, day in _DAY.findall(text)
        ]
    except ValueError:
        return -math.inf, math.inf
    if not 1 <= len(days) <= 2 or days[0] > days[-1]:
        return -math.inf, math.inf
    return days[0].timestamp(), (days[-1] + timedelta(days=1)).timestamp()
