"""Thinking before an answer: several chains that vote, or one that is steered, on forks that share one prompt."""

from longspan.credit import Credit

METHODS = (
    "budget-forcing",
    "inftythink",
    "particle-filtering",
    "self-consistency",
    "short-m-at-k",
)

CREDITS = (
    Credit(
        kind="command",
        name="lengths",
        field=31,
        missing="The published lengths are not here, since they are of thirteen models alone.",
    ),
)
