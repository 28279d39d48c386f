"""Prompt lookup against a search through the whole text."""

from hypothesis import given
from hypothesis import strategies as st

from longspan.decoding.prompt_lookup import PromptLookup


def longest_match(ids, most=16):
    """How long the longest match of the end is, and the places behind it where it stood, latest first."""
    best, places = 0, []
    for start in range(len(ids) - 1, 0, -1):
        length = 0
        while length < min(most, start) and ids[start - 1 - length] == ids[len(ids) - 1 - length]:
            length += 1
        if length > best:
            best, places = length, []
        if length == best > 0:
            places.append(start)
    return best, places


texts = st.lists(st.integers(0, 3), min_size=1, max_size=60)


@given(text=texts, cuts=st.lists(st.integers(1, 60), max_size=6))
def test_it_drafts_what_followed_the_longest_match(text, cuts):
    proposer = PromptLookup().proposer()
    for cut in sorted({min(each, len(text)) for each in cuts}):  # the index grows with the text
        proposer.propose(text[:cut], 16)
    draft = proposer.propose(text, 16)
    length, places = longest_match(text)
    if length == 0:
        assert draft.ids == ()
        return
    found = [text[start : start + max(10, length)] for start in places]
    if length < 4 or len(places) <= 8:
        assert list(draft.ids) == found[0] or length >= 3
    assert list(draft.ids) in [text[start : start + len(draft.ids)] for start in range(1, len(text))]
    assert all(0 < score <= 1 for score in draft.scores)
    assert list(draft.scores) == sorted(draft.scores, reverse=True)


def test_the_longest_of_several_places_counts_and_then_the_latest():
    proposer = PromptLookup().proposer()
    one, other, last = [1, 2, 3, 4, 50], [9, 2, 3, 4, 60], [8, 2, 3, 4, 70]
    assert proposer.propose([*one, *other, *last, 1, 2, 3, 4], 16).ids[0] == 50
    assert proposer.propose([*one, *other, *last, 1, 2, 3, 4, 7, 2, 3, 4], 16).ids[0] == 7


def test_a_draft_is_as_long_as_its_match_and_no_longer_than_wanted():
    proposer = PromptLookup(num_pred_tokens=4).proposer()
    story = list(range(100, 160))
    assert len(proposer.propose([*story, 500, *story[:12]], 16).ids) == 12
    proposer = PromptLookup(num_pred_tokens=4).proposer()
    assert len(proposer.propose([*story, 500, *story[:2]], 16).ids) == 4
    assert len(proposer.propose([*story, 500, *story[:3]], 2).ids) == 2


def test_vectors_are_never_drafted():
    assert PromptLookup().proposer().propose([5, 6, 7, 8, -1, 9, 5, 6, 7], 16).ids == (8,)
    assert PromptLookup().proposer().propose([5, 6, 7, -1, 9, 5, 6, 7], 16).ids == ()
