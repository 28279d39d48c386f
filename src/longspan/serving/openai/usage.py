"""What a request took, and who answered, as clients of OpenAI and llama.cpp read them."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from longspan import __version__
from longspan.serving.asked import Asked
from longspan.serving.desk import Desk
from longspan.serving.events import Read, Used


@dataclass(frozen=True, kw_only=True)
class Head:
    """What all pieces of one answer begin with. kind: `object` of the protocol. fingerprint: equal for equal answers
    to equal seeds."""

    id: str
    kind: str
    model: str
    fingerprint: str
    created: int = field(default_factory=lambda: int(time.time()))

    def of(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """An answer, or a chunk of one."""
        return {
            "id": self.id,
            "object": self.kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
            **more,
        }


def head_of(desk: Desk, asked: Asked, kind: str, prefix: str) -> Head:
    """The head of the answer to a request."""
    offer = next((each for each in desk.offers if each.id == asked.model), desk.offers[0])
    facts = json.dumps(
        [__version__, offer.id, offer.window, asked.plan, dict(offer.facts)], default=str, sort_keys=True
    )
    digest = hashlib.blake2b(facts.encode(), digest_size=6).hexdigest()
    return Head(id=f"{prefix}-{uuid.uuid4().hex}", kind=kind, model=offer.id, fingerprint=f"fp_{digest}")


def usage_of(used: Used) -> dict[str, Any]:
    """`usage`, with what is longspan's own in a part of its own."""
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.generated_tokens,
        "total_tokens": used.prompt_tokens + used.generated_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "longspan": {
            "bytes_held": used.bytes_held,
            "seconds": {
                "queue": round(used.queue_seconds, 4),
                "prefill": round(used.prefill_seconds, 4),
                "decode": round(used.decode_seconds, 4),
            },
            "drafted_tokens": used.drafted_tokens,
            "accepted_tokens": used.accepted_tokens,
            "truncated_tokens": used.truncated_tokens,
        },
    }


def timings_of(used: Used) -> dict[str, Any]:
    """`timings`, by the names of llama.cpp; those that were read before are not in `prompt_n`."""
    read = used.prompt_tokens - used.cached_tokens
    timings = {
        "cache_n": used.cached_tokens,
        **_pace("prompt", read, used.prefill_seconds),
        **_pace("predicted", used.generated_tokens, used.decode_seconds),
    }
    if used.drafted_tokens:
        timings |= {"draft_n": used.drafted_tokens, "draft_n_accepted": used.accepted_tokens}
    return timings


def _pace(name: str, tokens: int, seconds: float) -> dict[str, Any]:
    return {
        f"{name}_n": tokens,
        f"{name}_ms": round(seconds * 1000, 3),
        f"{name}_per_token_ms": round(seconds * 1000 / tokens, 3) if tokens else 0.0,
        f"{name}_per_second": round(tokens / seconds, 3) if seconds > 0 else 0.0,
    }


def progress_of(read: Read) -> dict[str, Any]:
    """`prompt_progress`, by the names of llama.cpp."""
    return {
        "total": read.total,
        "cache": read.cached,
        "processed": read.processed,
        "time_ms": round(read.seconds * 1000),
    }
