"""Whose chunk is read next."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from longspan.serving.turns import PATIENCE, Turns

CHUNK = 4


def pass_of(turns, waiting):
    """What a runner would read in a pass of one chunk."""
    room, read = CHUNK, []
    for request in turns(waiting):
        taken = min(len(request.sequence.pending), CHUNK)
        if not read or taken <= room:
            room -= taken
            del request.sequence.pending[:taken]
            read.append(request)
    return read


def request(owner, tokens):
    return SimpleNamespace(owner=owner, sequence=SimpleNamespace(pending=[0] * tokens))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=8))
def test_all_is_read_and_nobody_waits_for_long(prompts):
    waiting = [request(*each) for each in prompts]
    turns, waited = Turns(CHUNK, lambda each: each.owner), dict.fromkeys(map(id, waiting), 0)
    while waiting:
        read = pass_of(turns, waiting)
        assert read
        for each in waiting:
            waited[id(each)] = 0 if each in read else waited[id(each)] + 1
            assert waited[id(each)] <= PATIENCE + len(prompts)
        waiting = [each for each in waiting if each.sequence.pending]


def test_a_short_prompt_does_not_wait_for_a_book():
    turns = Turns(CHUNK, lambda each: each.owner)
    book, short = request("a", 1000), request("a", 3)
    for _ in range(3):
        pass_of(turns, [book])
    assert short in pass_of(turns, [book, short])


def test_owners_take_turns():
    turns = Turns(CHUNK, lambda each: each.owner)
    books = [request("a", 400), request("a", 400), request("b", 400)]
    for _ in range(90):
        pass_of(turns, books)
    read = {id(each): 400 - len(each.sequence.pending) for each in books}
    assert read[id(books[2])] >= 0.8 * (read[id(books[0])] + read[id(books[1])])
