"""Whose chunk is read next."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from longspan.serving.turns import PATIENCE, Turns

CHUNK = 4


class Asking:
    """A request, as far as turns look at it."""

    def __init__(self, owner, tokens):
        self.owner, self.sequence = owner, SimpleNamespace(pending=[0] * tokens)


def read_on(turns, waiting):
    """Who reads a chunk."""
    first = turns.next(waiting)
    del first.sequence.pending[:CHUNK]
    return first


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=8))
def test_all_is_read_and_nobody_waits_for_long(prompts):
    waiting = [Asking(*each) for each in prompts]
    turns, waited = Turns(CHUNK, lambda each: each.owner), dict.fromkeys(map(id, waiting), 0)
    while waiting:
        read = read_on(turns, waiting)
        for each in waiting:
            waited[id(each)] = 0 if each is read else waited[id(each)] + 1
            assert waited[id(each)] <= PATIENCE + len(prompts)
        waiting = [each for each in waiting if each.sequence.pending]


def test_a_short_prompt_does_not_wait_for_a_book():
    turns = Turns(CHUNK, lambda each: each.owner)
    book, short = Asking("a", 1000), Asking("a", 3)
    for _ in range(3):
        read_on(turns, [book])
    assert read_on(turns, [book, short]) is short


def test_who_was_away_has_saved_nothing_up():
    turns = Turns(CHUNK, lambda each: each.owner)
    book = Asking("a", 4000)
    for _ in range(90):
        read_on(turns, [book])
    both = [book, Asking("b", 400)]
    read = [read_on(turns, both) for _ in range(20)]
    assert read.count(book) >= 8


def test_owners_take_turns():
    turns = Turns(CHUNK, lambda each: each.owner)
    books = [Asking("a", 400), Asking("a", 400), Asking("b", 400)]
    for _ in range(90):
        read_on(turns, books)
    read = {id(each): 400 - len(each.sequence.pending) for each in books}
    assert read[id(books[2])] >= 0.8 * (read[id(books[0])] + read[id(books[1])])
