"""Dialogues compacted on their own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from longspan.serving.asked import Asked
from longspan.serving.compacting import Compacting, gone_on
from longspan.serving.openai.extras import extras
from longspan.serving.refused import Refused
from longspan.serving.responses.answering import Told, usage_told
from longspan.serving.responses.asking import instructed
from longspan.serving.responses.items import Placed, fresh_id, placed, said_of
from longspan.serving.sealed import Seal
from longspan.serving.web.bodies import taken
from longspan.serving.web.front import Front, owner
from longspan.serving.web.streams import whole


async def compacted(
    front: Front, request: Request, fields: Mapping[str, Any], before: Sequence[Placed], seal: Seal
) -> Told:
    """What users said, and one item that stands for all. before: items of the responses from which it goes on."""
    more, given = extras(fields), [*before, *placed(fields)]
    said = said_of(given, owner(request), seal)
    asked = Asked(
        owner=owner(request),
        model=taken(fields, "model", str),
        turns=tuple(each.turn for each in (*instructed(fields), *said.pieces)),
        context=more.context,
        plan=more.plan,
    )
    behind = await gone_on(front.desk, asked, said.compaction, more.documents)
    if not any(each.role != "system" for each in behind.asked.turns):
        raise Refused("there is nothing to compact; send what was said as input", param="input")
    turns = len(behind.asked.turns)
    compacting = Compacting(desk=front.desk, seal=seal, behind=behind, count=turns, ask=None)
    await whole(request, front.watched(request, compacting))
    users = [each.item for each in given if each.item.get("role") == "user"]
    item = {
        "id": fresh_id("compaction"),
        "type": "compaction",
        "encrypted_content": compacting.sealed,
        "created_by": None,
    }
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response.compaction",
        "created_at": int(time.time()),
        "output": [*users, item],
        "usage": usage_told(compacting.used),
        "longspan": behind.told,
    }
