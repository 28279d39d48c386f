"""What models say, as plans, prose, actions, objects and marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.flows.recursive_summary import count_words
from longspan.spans import Document, Span
from longspan.writing.actions import Action, actions
from longspan.writing.files import Store
from longspan.writing.grounding import grounded
from longspan.writing.manuscript import ending
from longspan.writing.objects import object_in
from longspan.writing.planning import EXAMPLE, Point, points, shares, spread
from longspan.writing.prose import prose
from longspan.writing.repeating import Repeats, repeated_share

LINE = "Paragraph 1 - Main Point: "


def listed(said):
    return [(each.about, each.words) for each in points(said)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"{LINE}The lamp - Word Count: 400 words", [("The lamp", 400)]),
        (f"**{LINE}**[The lamp] - **Word Count:** [400 words]", [("The lamp", 400)]),
        (
            "Here is the plan:\n\n1. The lamp (about 1,200 words)\n2. The sea",
            [("The lamp", 1200), ("The sea", 0)],
        ),
        ("1) a\n1) b\n7) c", [("a", 0), ("b", 0), ("c", 0)]),
        (
            "1. The lamp\n   - its oil\n   - its wick\n2. The sea",
            [("The lamp; its oil; its wick", 0), ("The sea", 0)],
        ),
        ("The lamp\nThe sea", [("The lamp", 0), ("The sea", 0)]),
        ("1. 灯台 - 300字\n2. 海 - 200-300字", [("灯台", 300), ("海", 250)]),
        (
            "1. The 100 words that shaped the sea - Word Count: 80",
            [("The 100 words that shaped the sea", 80)],
        ),
        ("## Section 2: The ice | 90 words", [("The ice", 90)]),
        ("1. The lamp - Word Count: 9999999", [("The lamp", 0)]),
        ("1. The lamp\n" * 60, [("The lamp", 0)]),
        ("1. a\n2. b\n" * 30, [("a", 0), ("b", 0)]),
        ("1. The lamp\n2. The lamp", [("The lamp", 0), ("The lamp", 0)]),
        ("\n".join(f"{number}. part {number}" for number in range(51)), []),
        (f"{LINE}{EXAMPLE} - Word Count: <number of words>", []),
        ("Sure! Here is the plan:", []),
        ("I'm sorry, but I can't.", []),
        ("1. " + "word " * 200, []),
        ("", []),
        ("NONE", []),
    ],
)
def test_plans_are_read_with_patience(said, expected):
    assert listed(said) == expected


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=50),
    st.integers(1, 20_000),
    st.integers(50, 1000),
    st.integers(1, 50),
)
def test_parts_have_the_words_that_were_asked_for(counts, words, most, parts):
    plan = spread([Point(about=f"p{at}", words=count) for at, count in enumerate(counts)], words, most, parts)
    assert sum(each.words for each in plan) == words
    assert all(0 < each.words <= most for each in plan)
    told = [about for each in plan for about in each.about.split("; ")]
    assert list(dict.fromkeys(told)) == [f"p{at}" for at in range(len(counts))]
    if len(plan) > 1 and not any(each.share for each in plan):
        assert min(each.words for each in plan) >= min(words, 40) - 1
        assert len(plan) <= parts


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 1000), min_size=1, max_size=60))
def test_shares_are_whole_and_together_the_whole(whole, weights):
    found = shares(whole, weights)
    assert sum(found) == whole
    assert all(
        abs(each - whole * weight / sum(weights)) <= 1 for each, weight in zip(found, weights, strict=True)
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Sure, here is the paragraph:\n\nThe sea froze.", "The sea froze."),
        ("```markdown\nThe sea froze.\n```", "The sea froze."),
        ("Paragraph 3: The sea froze.", "The sea froze."),
        ("Now write part 2 of 8 and nothing else\nThe sea froze.", "The sea froze."),
        (f"{LINE}the sea - Word Count: 40\n\nThe sea froze.", "The sea froze."),
        ("<text 0123456789ab>\nThe sea froze.\n</text 0123456789ab>", "The sea froze."),
        ("The sea froze.\n\n(Word count: 120)", "The sea froze."),
        ("Here we stood. The sea froze.", "Here we stood. The sea froze."),
        ("What was said before may be said by others.", "What was said before may be said by others."),
        ("", ""),
    ],
)
def test_prose_is_what_is_left_without_echoes_and_remarks(said, text):
    material = "<text 0123456789ab>\nWhat was said before may be said by others.\n</text 0123456789ab>"
    asked = f"Now write part 2 of 8 and nothing else: the sea\n{material}"
    assert prose(said, asked) == text


def test_a_broken_end_goes_where_something_stands_before_it():
    assert prose("It froze. And then the", "", cut=True) == "It froze."
    assert prose("And then the", "", cut=True) == "And then the"
    assert prose("It froze. And then the", "") == "It froze. And then the"


def test_sentences_that_say_it_again_are_found_also_in_other_words_nearly():
    known = Repeats("The keeper climbed up two hundred steps every night to trim the lamp.")
    again = "The keeper climbed up two hundred steps every night to trim the wick."
    assert (
        known.without(f"It was cold in the tower. {again} Nobody came.")
        == "It was cold in the tower. Nobody came."
    )
    assert known.found("The keeper climbed down.") == []
    assert Repeats().without("Never. Never. Never. Never.") == "Never. Never. Never."
    assert Repeats("Never. Never.").without("Never. Never. Never.") == "Never."
    assert (
        Repeats("The sea is salt.\n\nThe sea is salt. The sea is salt.").without("The sea is salt. It is.")
        == "It is."
    )
    assert Repeats().without("The sea was calm that day. " * 3) == "The sea was calm that day."
    assert Repeats().without("and the sea and the sky and the land " * 12) == ""
    assert Repeats().without("灯台守は毎晩二百段の階段を上った。" * 2) == "灯台守は毎晩二百段の階段を上った。"
    assert repeated_share("a b c d e f g " * 2) == pytest.approx(1 / 9 * 2, abs=0.05)
    assert repeated_share("") == 0.0


@given(
    st.lists(
        st.sampled_from(
            ["The sea froze over in the winter.", "Anna came.", "A ship lay in the ice there.", "\n\n"]
        )
    )
)
def test_without_repeats_nothing_repeats(said):
    known = Repeats("A ship lay in the ice there.")
    text = known.without(" ".join(said))
    assert known.found(text) == []
    assert known.without(text) == text
    for each in set(said) - {"\n\n", "A ship lay in the ice there."}:
        assert each in text


def test_actions_are_read_in_their_order():
    said = "First.\nWRITE: a.md\n```md\nHello\nDONE: not\n```\n**READ:** b.md\nWRITE c.md\nplain\nDONE: it is\nthere"
    assert actions(said) == [
        Action("write", "a.md", "Hello\nDONE: not"),
        Action("read", "b.md"),
        Action("write", "c.md", "plain"),
        Action("done", text="it is there"),
    ]
    assert actions("I have DONE it: read the file") == []
    assert actions("WRITE: a\n```\ncut off") == [Action("write", "a", "cut off")]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "../a",
        "/etc/passwd",
        "a/../b",
        ".hidden",
        "a/.b",
        "a\\b",
        "a\0b",
        "a\nb",
        "a//b",
        "a/",
        "C:x",
        "x" * 121,
        "a.",
    ],
)
def test_no_name_leads_out_of_the_store(name):
    with pytest.raises(ValueError, match=r"no name of a file|ends with"):
        Store().name(name)


def test_names_of_files():
    store = Store()
    assert [store.name(each) for each in ("a.md", "`b c.txt`", "./d/e.md", "日記.md")] == [
        "a.md",
        "b c.txt",
        "d/e.md",
        "日記.md",
    ]
    store.write("d", "x")
    with pytest.raises(ValueError, match="a file and a folder"):
        store.name("d/e.md")
    with pytest.raises(ValueError, match="there is no file 'q'; the files are: d"):
        store.read("q")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"text": "a"}', {"text": "a"}),
        ('Sure!\n```json\n{"text": "a\nb", "choices": ["x",],}\n```', {"text": "a\nb", "choices": ["x"]}),
        ("{“text”: “a”}", {"text": "a"}),
        ('{"text": "a', None),
        ("none", None),
        ("[1]", None),
        ("{" * 3000, None),
    ],
)
def test_objects_are_read_with_patience(said, found):
    assert object_in(said) == found


LOG = Document("log.txt", "On day 3 the lamp burned 7 pints. Anna cleaned the glass. The sea froze on day 9.")


def test_marks_are_hints_and_places_are_checked():
    shown = [Span(LOG, 0, 33), Span(LOG, 34, 57), Span(LOG, 58, 81)]
    made = grounded(
        "The lamp burned 7 pints on day 3 [2]. Anna cleaned it all, the glass【2】. Fish fly [1, 9].", shown
    )
    assert made.text == "The lamp burned 7 pints on day 3. Anna cleaned it all, the glass. Fish fly."
    assert [(each.claim.state, [s.text for s in each.claim.sources]) for each in made.held] == [
        ("similar", ["On day 3 the lamp burned 7 pints."]),
        ("similar", ["Anna cleaned the glass."]),
        ("unverified", []),
    ]
    assert made.unknown == 1
    assert [made.text[: each.end].rsplit(" ", 1)[1] for each in made.held] == ["3.", "glass.", "fly."]


def test_the_end_of_a_text_is_whole_sentences():
    text = "One two three. Four five. Six seven eight nine."
    assert ending(text, 6) == "Four five. Six seven eight nine."
    assert ending(text, 1) == "Six seven eight nine."
    assert ending(text, 99) == text
    assert count_words(ending(text, 6)) == 6
