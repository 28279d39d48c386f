"""Reading and writing beyond any window: how a text that does not fit is read in parts."""

from longspan.credit import Credit

METHODS = (
    "alr2",
    "best-passages",
    "gemfilter",
    "infini-retri",
    "map-reduce",
    "recursive-summary",
    "rlm",
    "srlm",
    "verified-reading",
    "xl3m",
)

CREDITS = (Credit(kind="flow", name="longspan.flows.epicache.EpiCache", field=81),)
