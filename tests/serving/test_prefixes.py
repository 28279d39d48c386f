"""What a prompt begins with is found again."""

from hypothesis import given
from hypothesis import strategies as st

from longspan.serving.prefixes import Prefixes

BLOCK = 4
PROMPTS = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=30), min_size=1, max_size=12)


class Stood:
    """Stands for a session."""

    def __init__(self, ids):
        self.ids, self.closed = ids, False

    @property
    def seen(self):
        return [len(self.ids)]

    def close(self):
        self.closed = True


@given(PROMPTS, st.lists(st.sampled_from("ab"), min_size=12, max_size=12))
def test_the_longest_known_beginning_is_found(prompts, keys):
    prefixes, known = Prefixes(BLOCK), set()
    for ids, key in zip(prompts, keys, strict=False):
        beginnings = [n for n in range(BLOCK, len(ids), BLOCK) if (key, tuple(ids[:n])) in known]
        found = prefixes.longest(key, ids)
        assert (found.session.ids if found else None) == (ids[: beginnings[-1]] if beginnings else None)
        for end in range(BLOCK, len(ids) + 1, BLOCK):
            session = Stood(ids[:end])
            prefixes.add(key, ids[:end], session)
            assert session.closed == ((key, tuple(ids[:end])) in known)
            known.add((key, tuple(ids[:end])))
    assert len(prefixes) == len(known)


def test_what_was_not_used_for_longest_goes_first_and_what_is_pinned_stays():
    prefixes = Prefixes(BLOCK)
    sessions = {name: Stood([number] * BLOCK) for number, name in enumerate("abc")}
    prefixes.keep("ctx", sessions["a"], pinned=True)
    for name in "bc":
        prefixes.add("", sessions[name].ids, sessions[name])
    assert prefixes.drop()
    assert [name for name, each in sessions.items() if each.closed] == ["b"]
    assert prefixes.drop()
    assert not prefixes.drop()
    assert prefixes.named("ctx") is sessions["a"]
    prefixes.unpin("ctx")
    assert prefixes.drop()
    assert all(each.closed for each in sessions.values())
    assert prefixes.named("ctx") is None


@given(st.integers(1, 400))
def test_nodes_are_few_and_the_last_is_near_the_end(whole):
    prefixes = Prefixes(BLOCK)
    chosen = [n for n in range(whole + 1) if prefixes.wants("", [], n, whole)]
    assert len(chosen) <= 33
    assert all(n % BLOCK == 0 and 0 < n < whole for n in chosen)
    if whole > BLOCK:
        assert whole - chosen[-1] <= BLOCK
