"""Thinking before an answer: several chains that vote, or one that is steered, on forks that share one prompt."""

METHODS = (
    "budget-forcing",
    "inftythink",
    "particle-filtering",
    "self-consistency",
    "short-m-at-k",
)
