"""Reading and writing beyond any window: how a text that does not fit is read in parts."""

from longspan.credit import Credit

METHODS = (
    "alr2",
    "best-passages",
    "cafe",
    "chain-of-agents",
    "compressed",
    "context-picker",
    "extagents",
    "gemfilter",
    "graphrag-light",
    "infini-retri",
    "iter-drag",
    "map-reduce",
    "medoid-voting",
    "memwalker",
    "narrowed",
    "recursive-summary",
    "recycled",
    "rlm",
    "segment-plus",
    "side-by-side",
    "srlm",
    "structurization",
    "verified-reading",
    "xl3m",
)

CREDITS = (
    Credit(kind="flow", name="longspan.flows.epicache.EpiCache", field=81),
    Credit(
        kind="flow",
        name="longspan.flows.hooks.Hooked",
        field=153,
        missing="Hooks act on whole replies, since not every server goes on with a piece of one.",
    ),
)
