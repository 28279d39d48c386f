"""The models of a server as clients of OpenAI and of Anthropic expect them: fields of both in one object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from longspan.serving.desk import Offer
from longspan.serving.refused import Refused


def models_of(offers: Sequence[Offer]) -> dict[str, Any]:
    """`GET /v1/models`."""
    found = [model_of(each) for each in offers]
    return {
        "object": "list",
        "data": found,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
        "has_more": False,
    }


def one_of(offers: Sequence[Offer], name: str) -> dict[str, Any]:
    """`GET /v1/models/{id}`. Raises Refused for one that is not here."""
    for each in offers:
        if each.id == name:
            return model_of(each)
    known = ", ".join(repr(each.id) for each in offers)
    raise Refused(
        f"no model {name[:200]!r}; this server has {known}",
        kind="missing",
        code="model_not_found",
        param="model",
    )


def model_of(offer: Offer) -> dict[str, Any]:
    """A model. meta: what llama.cpp's server tells there, and what else is known of it."""
    window = {"n_ctx": offer.window} if offer.window else {}
    return {
        "id": offer.id,
        "object": "model",
        "type": "model",
        "created": offer.created,
        "created_at": datetime.fromtimestamp(offer.created, UTC).isoformat().replace("+00:00", "Z"),
        "owned_by": "longspan",
        "display_name": offer.id,
        "max_model_len": offer.window or None,
        "meta": {**window, **offer.facts},
    }
