"""What an answer cost: tokens, bytes, seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a session has used so far.

    prompt_tokens and generated_tokens: tokens read and tokens made. kv_bytes: memory allocated now for keys, values,
    positions and what parts remember besides, the room kept for tokens of the answer included; peak_kv_bytes: at
    most. offloaded_bytes: what lies elsewhere, such as in a mapped file. prefill_seconds and decode_seconds: time spent
    reading (without what was gathered for forks under other plans) and generating. truncated_tokens: tokens of the
    documents that were not read. drafted_tokens and accepted_tokens: tokens of drafts that were verified, and those of
    them that were accepted; draft_gain: how many times as long generating without drafts would have taken, estimated
    from steps that had none, 1 where nothing was drafted.
    """

    prompt_tokens: int
    generated_tokens: int
    kv_bytes: int
    peak_kv_bytes: int
    prefill_seconds: float
    decode_seconds: float
    truncated_tokens: int = 0
    offloaded_bytes: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    draft_gain: float = 1.0

    def to_dict(self) -> dict[str, int | float]:
        """All fields by name."""
        return asdict(self)

    def line(self) -> str:
        """One line for people."""
        parts = [
            f"{self.prompt_tokens:,} tokens read in {self.prefill_seconds:.1f} s",
            f"{self.generated_tokens:,} generated in {self.decode_seconds:.1f} s",
            f"{self.kv_bytes / 2**20:.1f} MiB of keys and values (peak {self.peak_kv_bytes / 2**20:.1f})",
        ]
        if self.drafted_tokens:
            parts[1] += (
                f" ({self.accepted_tokens:,} of {self.drafted_tokens:,} drafted tokens accepted, "
                f"{self.draft_gain:.2f} times as fast)"
            )
        if self.offloaded_bytes:
            parts.append(f"{self.offloaded_bytes / 2**20:.1f} MiB more outside memory")
        if self.truncated_tokens:
            parts.append(f"{self.truncated_tokens:,} tokens of the documents not read")
        return ", ".join(parts)
