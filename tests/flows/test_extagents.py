"""ExtAgents: findings in growing numbers, and rounds that know of those before."""

import pytest
from stories import FACT, OTHER, book, heard

from longspan import Form
from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import NOT_FOUND
from longspan.flows.extagents import ExtAgents
from longspan.flows.scripted import Scripted

QUESTION = "Where is the letter?"
SEEK, RATE, REASON, ANSWER = (
    "and are not among it",
    "from 0 (not at all)",
    "write only NONE",
    "as well as it allows",
)
FACTS = {page: f"Letter {page} lies in house {page}." for page in range(0, 12, 2)}


def seeker(facts):
    return lambda asked: (
        "\n".join(f"- {fact}" for fact in facts if fact in asked.split("What is known")[0]) or "NONE"
    )


def run(rules, facts=None, events=None, **changes):
    chat = Scripted(rules)
    told, steps, pieces = events or heard()
    flow = ExtAgents(**({"chunk": 300, "note": 40} | changes))
    answer = flow.answer(chat, [book(FACTS if facts is None else facts)], QUESTION, told)
    return chat, answer, steps, pieces


def reasoned(chat):
    """The numbers of the findings in each call of the reasoner."""
    calls = [call for call in chat.asked if REASON in call]
    return [[number for number, fact in FACTS.items() if fact in call] for call in calls]


def test_the_best_are_tried_in_growing_numbers_until_they_are_enough():
    rates = [
        (lambda asked, fact=fact: RATE in asked and fact in asked, f"{page}") for page, fact in FACTS.items()
    ]
    enough = (
        lambda asked: REASON in asked and FACTS[4] in asked,
        "No information was lost: it is in house 4.",
    )
    chat, answer, _, pieces = run([enough, (REASON, "NONE"), *rates, (SEEK, seeker(FACTS.values()))])
    assert reasoned(chat) == [[10], [8, 10], [4, 6, 8, 10]]
    assert answer.text.startswith("No information was lost")
    assert pieces == [answer.text]
    assert sum(RATE in call for call in chat.asked) == 6


def test_the_next_round_knows_what_was_found_and_the_last_must_answer():
    def seeks(asked):
        known = asked.split("What is known")[1]
        return (
            OTHER
            if OTHER in asked and FACT in known
            else FACT
            if FACT in asked and FACT not in known
            else "NONE"
        )

    chat, answer, steps, _ = run(
        [(ANSWER, "Behind the mill."), (REASON, "NONE."), (RATE, "it is 70 of 100"), (SEEK, seeks)],
        {2: FACT, 9: OTHER},
        rounds=2,
    )
    assert answer.text == "Behind the mill."
    assert FACT in chat.asked[-1]
    assert OTHER in chat.asked[-1]
    assert [step for step in steps if "round" in step][-1].startswith("round 2")
    assert sum(ANSWER in call for call in chat.asked) == 1


@pytest.mark.parametrize("rounds", [1, 5])
@pytest.mark.parametrize("reply", ["", "NONE", "I'm sorry, I cannot help.", QUESTION, f"{QUESTION}\n" * 50])
def test_where_nothing_is_found_no_model_makes_it_up(reply, rounds):
    chat, answer, _, _ = run([(SEEK, reply)], rounds=rounds)
    assert (answer.text, len(chat.groups)) == (NOT_FOUND, 1)


def test_a_round_that_finds_nothing_new_is_the_last():
    rules = [(ANSWER, "x"), (REASON, "NONE"), (RATE, "many"), (SEEK, seeker([FACT]))]
    _, answer, steps, _ = run(rules, {2: FACT})
    assert answer.text == "x"
    assert sum("round" in step for step in steps) == 2


def test_what_is_known_stays_within_its_budget():
    found = {page: " ".join(f"word{page}-{number}" for number in range(9)) + " letter." for page in range(12)}
    chat, _, _, _ = run(
        [(ANSWER, "x"), (REASON, "NONE"), (RATE, "50"), (SEEK, seeker(found.values()))],
        found,
        rounds=2,
        note=30,
    )
    again = [call for call in chat.asked if SEEK in call and "word0-" in call.split("What is known")[1]]
    assert again
    known = [call.split("What is known from other parts:")[1].split("Question:")[0] for call in again]
    assert max(map(chat.count, known)) <= 30


def test_an_answer_of_a_form_is_asked_for_when_it_is_known_to_be_there():
    form = Form.choice(["house 4", "house 5"])
    rules = [(ANSWER, "house 4"), (REASON, "It is in house 4."), (RATE, "1"), (SEEK, seeker(FACTS.values()))]
    chat, answer, _, _ = run(rules, events=heard(form=form))
    assert answer.text == "house 4"
    assert [each.get("form") for each in chat.settings][-2:] == [None, form]


def test_a_part_that_another_round_reads_is_not_unread_and_many_failures_end_the_flow():
    fails = [WindowExceeded("no")]
    seek = seeker([FACT])
    once = lambda asked: fails.pop() if fails and "Page 4." in asked else seek(asked)  # noqa: E731
    rules = [(ANSWER, "x"), (REASON, "NONE"), (RATE, "1")]
    _, answer, _, _ = run([*rules, (SEEK, once)], {2: FACT})
    assert answer.unread == ()
    _, answer, _, _ = run([*rules, ("Page 4.", WindowExceeded("no")), (SEEK, seek)], {2: FACT})
    assert len(answer.unread) == 1
    with pytest.raises(FlowError, match="calls failed"):
        run([(SEEK, WindowExceeded("no"))])


def test_a_fact_that_its_part_does_not_hold_never_reaches_the_reasoner():
    made_up = "The admiral buried eleven crowns in Madagascar."

    def seeks(asked):
        return f"- {made_up}\n{seeker(FACTS.values())(asked)}"

    chat, _, steps, _ = run([(REASON, "It is in house 4."), (RATE, "50"), (SEEK, seeks)])
    assert not any(made_up in call for call in chat.asked)
    assert any("left out, since nothing in their parts supports them" in step for step in steps)
