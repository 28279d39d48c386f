"""How stored entries are grouped before a query chooses among them."""

METHODS = (
    "pages",
    "tokens",
    "events",
    "clusters",
    "rounds",
)
