"""Structurization: what a passage says, set out; what is missing put back, what is made up left out."""

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.scripted import Scripted
from longspan.flows.structurization import Structurization, structure
from longspan.spans import Document, Span

TEXT = (
    "The baker hid the letter under the stone. The miller saw him do it at night. "
    "Nobody else was awake in the village then. The stone is grey and lies behind the mill."
)
PASSAGE = Span(Document("d", TEXT), 0, len(TEXT))
GOOD = """Scope: a hidden letter
1. The stone
1.1 The stone is grey and lies behind the mill.
2. The hiding
2.1 The baker hid the letter under the stone.
2.2 The miller saw the baker hide it at night.
2.3 The king was furious about everything."""
BUILD, ANSWER = "Set out what it says", "set out by their aspects"


def test_statements_stand_under_aspects_and_what_is_missing_is_put_back():
    made = structure(GOOD, PASSAGE)
    assert made.scope == "a hidden letter"
    assert [aspect.name for aspect in made.aspects] == ["The stone", "The hiding"]
    assert (made.dropped, made.inserted) == (1, 1)
    assert "    2.3 Nobody else was awake in the village then.\n" in made.text() + "\n"
    assert "king" not in made.text()
    for aspect in made.aspects:
        starts = [source.start for _, source in aspect.statements]
        assert starts == sorted(starts)
        assert all(source.text in TEXT for _, source in aspect.statements)


@pytest.mark.parametrize(
    ("reply", "aspects"),
    [
        ("", 0),
        ("I'm sorry, but I can't.", 0),
        (
            "Scope: what all of it is about, in a few words\n1. an aspect, in a few words\n1.1 another thing",
            0,
        ),
        ("1. Hiding\n- The baker hid the letter under the stone.\n9.9 The miller saw him do it at night.", 1),
        ("**1. Hiding**\n" + "1.1 The baker hid the letter under the stone.\n" * 40, 1),
        ("1.1 The baker hid the letter under the stone.", 0),
        (GOOD[: GOOD.index("2.2")], 2),
    ],
)
def test_a_broken_reply_counts_as_far_as_it_goes(reply, aspects):
    made = structure(reply, PASSAGE)
    assert len(made.aspects) == aspects
    if aspects:
        assert all(word in made.text() for word in ("baker", "miller", "awake", "grey"))
        assert made.text().count("baker hid the letter") == 1


def test_short_paragraphs_may_be_missing():
    text = f"Chapter one\n\n{FACT}\n\nIt was late."
    made = structure("1. Hiding\n1.1 {FACT}", Span(Document("d", text), 0, len(text)))
    assert made.inserted == 0


def run(rules, **changes):
    chat = Scripted(rules)
    events, steps, pieces = heard()
    flow = Structurization(**({"tokens": 400, "passage": 100} | changes))
    return chat, flow.answer(chat, [book({2: FACT, 9: OTHER})], "Where is the letter?", events), steps, pieces


def test_passages_are_set_out_side_by_side_and_answered_from():
    chat, answer, steps, pieces = run(
        [(ANSWER, f"“{FACT}”"), (FACT, f"Scope: a letter\n1. Hiding\n1.1 {FACT}"), (BUILD, "no structure")]
    )
    *builds, last = chat.asked
    assert chat.groups == [len(builds)]
    assert "1. Hiding\n    1.1 " in last
    assert FACT in last
    assert pieces == [answer.text]
    assert [claim.state for claim in answer.claims] == ["verified"]
    assert answer.usage.truncated_tokens > 0
    assert steps[1].startswith(f"1 of {len(builds)} are set out")
    assert "The sea was calm that day." in last, "a passage without structure is shown as it is"


def test_many_failures_end_the_flow():
    with pytest.raises(FlowError, match="calls failed"):
        run([(BUILD, WindowExceeded("no"))])


def test_an_echoed_example_names_no_aspect():
    document = Document("d", "The baker hid the letter under the stone behind the old mill.")
    reply = f"Scope: a letter\n1. an aspect, in a few words\n1.1 {document.text}\n2. another aspect\n2.1 a statement"
    made = structure(reply, Span(document, 0, len(document.text)))
    assert [aspect.name for aspect in made.aspects] == ["What it says"]
    assert made.dropped == 1
