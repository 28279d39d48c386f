"""JSON of any kind, and places to put it."""

from hypothesis import strategies as st

TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["user", "tool", "text", "function", "auto", ""]
)
NUMBERS = st.integers() | st.floats(allow_nan=False) | st.sampled_from([10**400, -(10**400), 1e308, 2**63])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(value, path, new):
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new
