"""Sentences of an answer, and what they rest on."""

import pytest

from longspan.spans import Document, Span, claims

TEXT = (
    "The ship left Lisbon on 14 May. It carried 312 barrels of olive oil. The captain fell ill at sea.\n\n"
    "In Oslo the barrels were sold. The price was 9.50 crowns each."
)


def states(answer, *texts):
    documents = [Document(f"{number}.txt", text) for number, text in enumerate(texts or (TEXT,))]
    return [
        (each.state, [source.text.strip() for source in each.sources])
        for each in claims(answer, [Span(each, 0, len(each.text)) for each in documents])
    ]


def test_what_is_quoted_is_verified_word_for_word():
    assert states("He wrote: “The captain fell ill at sea.”") == [
        ("verified", ["The captain fell ill at sea."])
    ]
    assert states("He wrote: “The captain was well all the time.”") == [("unverified", [])]
    assert [state for state, _ in states("“The ship left Lisbon” and “the cook left Oslo at noon”.")] == [
        "unverified"
    ]


def test_a_claim_is_supported_where_its_words_and_numbers_stand():
    assert states("The ship carried 312 barrels of oil.") == [
        ("similar", ["It carried 312 barrels of olive oil."])
    ]
    assert states("The ship carried 313 barrels of oil.") == [("unverified", [])]
    assert states("Barrels that came to Oslo were sold and unloaded for 9.50.") == [
        ("similar", ["In Oslo the barrels were sold. The price was 9.50 crowns each."])
    ]
    assert states("Elephants sleep standing.") == [("unverified", [])]


def test_neighbours_are_of_one_document():
    assert states(
        "Apples grow in orchards near Bristol harbour.", "Apples grow.", "Orchards near Bristol."
    ) == [("similar", ["Orchards near Bristol."])]
    assert states("Apples and old orchards near the harbour.", "Apples grow.", "Orchards near Bristol.") == [
        ("unverified", [])
    ]


def test_each_sentence_is_a_claim_and_sources_are_places():
    document = Document("a.txt", TEXT)
    found = claims("The ship left Lisbon.\n\n- The captain fell ill.\n", [Span(document, 0, len(TEXT))])
    assert [each.state for each in found] == ["similar", "similar"]
    (source,) = found[1].to_dict()["sources"]
    assert TEXT[source["start"] : source["end"]].strip() == "The captain fell ill at sea."
    assert source["document"] == "a.txt"
    assert claims("", [Span(document, 0, len(TEXT))]) == ()
    assert claims("Nothing was read.", ())[0].state == "unverified"


@pytest.mark.parametrize(
    ("claim", "text", "held"),
    [
        ("The captain did not fall ill at sea.", "The captain fell ill at sea.", False),
        ("The captain fell ill at sea.", "The captain never fell ill at sea.", False),
        ("Payment is due before June.", "No payment is due before June.", False),
        ("Payment isn't due before June.", "No payment is due before June.", True),
        ("The captain fell ill.", "The cook did not sleep, and the captain fell ill.", True),
        ("Der Kapitän wurde nicht krank.", "Der Kapitän wurde krank.", False),
        ("The ship carried three hundred and twelve barrels.", "The ship carried 312 barrels.", True),
        ("The ship carried four barrels.", "The ship carried five barrels.", False),
        ("The ship carried 1,312 barrels.", "The ship carried 1312 barrels.", True),
        ("The ship carried forty-two barrels.", "The ship carried 42 barrels.", True),
        ("Two barrels and three sacks.", "Three sacks and two barrels.", True),
        ("The ship carried one barrel.", "The ship carried a barrel.", True),
    ],
)
def test_denials_and_numbers_agree(claim, text, held):
    assert (states(claim, text)[0][0] == "similar") is held
