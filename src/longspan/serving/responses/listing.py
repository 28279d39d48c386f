"""Lists of items, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longspan.serving.refused import Refused
from longspan.serving.responses.items import Item
from longspan.serving.web.bodies import one_of, wrong

_LIMIT, _PAGE = 100, 20


def page_of(items: Sequence[Item], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of items, the last first unless `order` says otherwise. Raises Refused for a page that cannot be."""
    order = one_of(query, "order", ("asc", "desc"), "desc")
    limit = query.get("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= _LIMIT):
        raise wrong(limit, "limit", f"allowed are 1 .. {_LIMIT}")
    found = list(items) if order == "asc" else list(items)[::-1]
    after = query.get("after")
    if after is not None:
        places = [number for number, each in enumerate(found) if each["id"] == after]
        if not places:
            raise Refused(f"after is {after[:80]!r}, which is none of the items", param="after")
        found = found[places[0] + 1 :]
    page = found[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(found) > len(page),
    }
