"""Lessons: what is asked in which order, what is shown, and replies that are not what was asked for."""

import pytest

from longspan.demonstrations.answering import label_in
from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.lessons.augmented import Augmented, pairs
from longspan.demonstrations.lessons.auto_icl import AutoICL
from longspan.demonstrations.lessons.ensemble_format import EnsembleFormat
from longspan.demonstrations.lessons.many_shot import ManyShot, right_steps
from longspan.demonstrations.lessons.super_icl import SuperICL
from longspan.demonstrations.selections.random import Random
from longspan.demonstrations.selections.similar import Similar
from longspan.demonstrations.taught import Taught
from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import Events
from longspan.flows.scripted import Scripted
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Document

POOL = tuple(
    Demonstration(text=text, label=label)
    for text, label in (
        ("the red card is lost", "lost card"),
        ("the parcel has not come", "late parcel"),
        ("a card was lost in the wood", "lost card"),
        ("where is the parcel", "late parcel"),
    )
)
QUERY = "i lost the blue card"
WORDS = Similar(retriever=Bm25())


def taught(lesson, rules, query=QUERY, pool=POOL, *, longest=4096, forms=False, **generation):
    chat = Scripted(rules, longest=longest, forms=forms)
    steps, pieces = [], []
    told = Events(step=steps.append, stream=pieces.append, generation={"max_new_tokens": 64, **generation})
    answer = Taught(lesson=lesson, demonstrations=pool).answer(chat, [], query, told)
    return chat, answer, steps, "".join(pieces)


def in_turn(*said):
    given = iter(said)
    return [("", lambda asked: next(given))]


@pytest.mark.parametrize("forms", [True, False])
def test_demonstrations_are_shown_and_the_label_is_the_answer(forms):
    said = "lost card" if forms else " Lost_Card."
    chat, answer, steps, streamed = taught(ManyShot(selection=WORDS), in_turn(said), forms=forms)
    assert answer.text == streamed == "lost card"
    assert answer.complete
    assert chat.asked[0].count("Answer: ") == 2  # those that share a word
    assert chat.asked[0].index("in the wood") < chat.asked[0].index("red card") < chat.asked[0].index(QUERY)
    assert (chat.settings[0].get("form") is not None) == forms
    assert steps == ["shows 2 of 4 demonstrations"]


def test_a_reply_that_is_no_label_is_asked_for_once_more():
    chat, answer, steps, _ = taught(ManyShot(), in_turn("I would say so", "Answer: late parcel"))
    assert (answer.text, answer.complete, len(chat.calls)) == ("late parcel", True, 2)
    assert "lost card; late parcel" in chat.asked[1]
    assert "is no answer" in steps[1]
    assert answer.usage.generated_tokens == 4 + 3


@pytest.mark.parametrize("said", ["", "lost card or late parcel", "I cannot help.", "card " * 300])
def test_what_is_no_label_twice_is_given_as_it_is_and_not_complete(said):
    _, answer, _, _ = taught(ManyShot(), in_turn(said, said))
    assert answer.text == said.strip()
    assert not answer.complete


def test_any_text_may_be_the_answer():
    _, answer, _, streamed = taught(ManyShot(answers="free"), in_turn("something else"))
    assert answer.text == streamed == "something else"


def test_only_as_many_are_shown_as_have_room_and_none_is_an_error():
    chat, _, _, _ = taught(ManyShot(tokens=15), in_turn("lost card"))
    assert chat.asked[0].count("Answer: ") == 1
    with pytest.raises(WindowExceeded):
        taught(ManyShot(), in_turn("lost card"), longest=60)
    with pytest.raises(ValueError, match="no demonstrations"):
        taught(ManyShot(), [], pool=())


def test_documents_are_the_beginning_of_the_text():
    chat = Scripted(in_turn("lost card"))
    flow = Taught(lesson=ManyShot(), demonstrations=POOL)
    flow.answer(chat, [Document("mail", "Dear bank,\n")], QUERY, Events())
    assert f"Text: Dear bank,\n\n{QUERY}" in chat.asked[0]


def test_reinforced_shows_steps_that_led_to_the_right_answer():
    def steps_for(asked):
        text = asked.partition("\n")[0]
        return f"Look at: {text}\nAnswer: {'lost card' if 'red' in asked else 'nonsense'}"

    lesson = ManyShot(shots="reinforced", tries=2, problems=4)
    chat, answer, steps, _ = taught(
        lesson,
        [("Write the steps for the next", "So.\n**Answer:** lost card"), ("Find the answer", steps_for)],
    )
    assert chat.groups == [4, 4]
    assert len({each["seed"] for each in chat.settings[:8]}) == 2
    assert chat.asked[-1].count("Reasoning: Look at:") == 1  # the same steps twice are one
    assert "nonsense" not in chat.asked[-1]
    assert steps[0] == "found steps to the answers of 1 of 4 demonstrations"
    assert (answer.text, answer.complete) == ("lost card", True)
    with pytest.raises(FlowError, match="raise tries="):
        taught(lesson, [("", "no idea")])
    with pytest.raises(FlowError, match="calls failed"):
        taught(lesson, [("", FlowError("down"))])


def test_the_steps_of_an_answer():
    assert right_steps("One.\nTwo.\nAnswer: Lost card.", "lost card", ("lost card", "b")) == "One.\nTwo."
    assert right_steps("One.\nAnswer: 12", "12") == "One."
    assert right_steps("Answer: 12", "12") == right_steps("12", "12") == right_steps("", "12") == ""


def test_unsupervised_shows_texts_alone():
    chat, _, _, _ = taught(ManyShot(shots="unsupervised"), in_turn("lost card"))
    assert "Answer: lost" not in chat.asked[0]
    assert "one of these: lost card; late parcel" in chat.asked[0]
    assert chat.asked[0].count("Text: ") == 5


MADE = """Sure!
1. Text: my card fell into the sea
   Answer: lost card
2. **Text:** the red card is LOST
   **Answer:** lost card
3. Text: a boat
   Answer: a label that nobody knows
4. Text: the parcel lies in the snow
   Answer: late parcel
5. Text: one without"""


def test_made_up_demonstrations_are_checked_and_stand_before_the_others():
    rules = [
        ("Write 5 new ones", MADE),
        ("fell into the sea\nAnswer: lost card\n</text", "Yes."),
        ("in the snow\nAnswer: late parcel\n</text", "no"),
        ("", "lost card"),
    ]
    chat, answer, steps, _ = taught(Augmented(rounds=1), rules)
    assert [chat.groups[0], chat.groups[1]] == [1, 2]
    shown = chat.asked[-1]
    assert shown.index("into the sea") < shown.index("red card")
    assert "snow" not in shown
    assert "boat" not in shown
    assert steps[0] == "made up 1 demonstrations beside 4"
    assert answer.text == "lost card"
    assert [each.made for each in pairs(MADE)] == [False] * 4


@pytest.mark.parametrize(
    "said", ["", "I cannot.", "Text: a\n" * 50, "Text: the red card is lost\nAnswer: lost card"]
)
def test_nothing_usable_made_up_leaves_the_real_ones(said):
    chat, answer, steps, _ = taught(Augmented(), [("Write 5 new ones", said), ("", "lost card")])
    assert len(chat.calls) == 2
    assert steps[0] == "made up 0 demonstrations beside 4"
    assert answer.complete


def test_nothing_is_made_up_where_the_tokens_are_filled():
    chat, _, _, _ = taught(Augmented(tokens=12), in_turn("lost card"))
    assert len(chat.calls) == 1


def test_headings_are_all_that_differs():
    def shown(headings):
        lesson = EnsembleFormat(first=Similar(k=1, retriever=Bm25()), second=Random(k=2), headings=headings)
        chat, _, _, _ = taught(lesson, in_turn("lost card"))
        lines = chat.asked[0].partition("What stands")[0].splitlines()
        over = [line for line in lines if line.startswith("Examples with")]
        return over, [line for line in lines if line not in over and line and "text " not in line]

    plain, true, drawn = shown("none"), shown("true"), shown("random")
    assert plain[1] == true[1] == drawn[1]
    assert len(plain[1]) == 6  # three demonstrations, none of them twice
    assert (plain[0], true[0]) == ([], ["Examples with similar words:", "Examples with similar meaning:"])
    assert len(set(drawn[0])) == 2
    assert drawn == shown("random")


def test_the_plug_in_is_shown_and_its_overriding_told():
    lesson = SuperICL(retriever=Bm25(), explain=True)
    chat, answer, steps, _ = taught(lesson, in_turn("late parcel", "Because it is."))
    assert chat.asked[0].count("Prediction: ") == 5
    assert f"Text: {QUERY}\nPrediction: lost card (confidence 1.00)" in chat.asked[0]
    own = chat.asked[0].index(
        "Text: the red card is lost\nPrediction: lost card (confidence 1.00)\nAnswer: lost card"
    )
    assert own < chat.asked[0].index(QUERY)
    assert steps == ["the plug-in says lost card (1.00), which the model overrides: late parcel"]
    assert (answer.text, answer.reasoning, len(chat.calls)) == ("late parcel", "Because it is.", 2)
    assert answer.usage.generated_tokens == 2 + 3
    chat, answer, steps, _ = taught(lesson, in_turn("lost card"))
    assert len(chat.calls) == 1
    assert steps[0].endswith("and so does the model")


def test_a_demonstration_does_not_vote_for_itself():
    predict = SuperICL(retriever=Bm25(), neighbours=1).plug_in(POOL)
    assert predict(POOL[0].text, 0) == ("lost card", 1.0)
    assert predict("the parcel has not come", 1)[0] == "late parcel"
    label, sure = predict("nothing alike", 0)
    assert (label, sure) == ("late parcel", pytest.approx(2 / 3))


def solving(**more):
    rules = {
        "Write 3 other questions": "1. i lost the old card\n- I lost the BLUE card\n\nHere they are:\ni lost a boat",
        "Solve this step by step": "It is lost.",
        "one general procedure": "Look what is lost.",
        "Solve the next one": "The card.\nAnswer: the card",
    }
    return [*(rules | more).items()]


def test_auto_icl_makes_questions_solves_them_and_draws_a_procedure():
    chat, answer, steps, streamed = taught(AutoICL(questions=3), solving(), pool=())
    assert chat.groups == [2]  # neither the question itself nor a heading is one
    assert [
        ("other questions" in each, "procedure, as" in each) for each in (chat.asked[0], chat.asked[3])
    ] == [
        (True, False),
        (False, True),
    ]
    assert QUERY in chat.asked[0]
    last = chat.asked[-1]
    assert (
        last.index("i lost the old card\nIt is lost.") < last.index("Look what is lost.") < last.index(QUERY)
    )
    assert steps == ["solves 2 questions like it"]
    assert answer.text == streamed == "the card"


def test_auto_icl_takes_texts_of_demonstrations_without_their_answers():
    lesson = AutoICL(mode="retrieve", questions=3, answers="labels", selection=Random())
    rules = solving(**{"Solve the next one": "So it is.\nAnswer: lost card"})
    chat, answer, _, _ = taught(lesson, rules, query="THE red card is lost")
    assert chat.groups == [3]
    assert "the red card is lost" not in "".join(chat.asked[:-1])
    assert "late parcel" not in "".join(chat.asked[:-1])
    assert answer.text == "lost card"
    with pytest.raises(ValueError, match="needs demonstrations with labels"):
        taught(AutoICL(answers="labels"), [], pool=())
    with pytest.raises(ValueError, match="no demonstrations"):
        taught(AutoICL(mode="retrieve"), [], pool=())


@pytest.mark.parametrize("said", ["", QUERY, "None", f"{QUERY}\n" * 40])
def test_auto_icl_without_questions_says_what_to_do(said):
    with pytest.raises(FlowError, match=r"auto-icl\(mode=retrieve\)"):
        taught(AutoICL(questions=3), solving(**{"Write 3 other questions": said}), pool=())


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("LOST_CARD", "lost card"),
        ("It is “lost card”.", "lost card"),
        ("a lost card found", "lost card found"),
        ("lost card, not lost card found", ""),
        ("lost", ""),
        ("lost cards", ""),
        ("丢失", "丢失"),
        ("+", "+"),
        ("", ""),
    ],
)
def test_a_label_in_a_reply(text, label):
    assert label_in(text, ("lost card", "lost card found", "丢失", "+", "-")) == label
