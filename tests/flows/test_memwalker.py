"""MemWalker: down the tree, up again, and what was built once."""

import re

import pytest
from stories import FACT, OTHER, book, heard

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import NOT_FOUND
from longspan.flows.inquiry import Inquiry
from longspan.flows.memwalker import MemWalker, _leaf_action, _number_action
from longspan.flows.scripted import Scripted
from longspan.flows.summaries import tree
from longspan.flows.trace import Trace, Traced

QUESTION = "Where is the letter?"
SUM, CHOOSE, LEAF, ANSWER = (
    "Summarize it",
    "Which part is likeliest",
    "Can the question be answered",
    "From them:",
)


def summary(asked):
    pages = re.findall(r"[Pp]ages? ([\d and]+)", asked)
    return f"Pages {' and '.join(pages)}" + (" with a stone" if "stone" in asked else "") + "."


def chooses(asked):
    shown = asked.split("The parts that can be visited")[1]
    numbers = [number for number, label in re.findall(r"Part (\d+): ([^\n]*)", shown) if "stone" in label]
    return f"Reasoning: it speaks of a stone.\nAction: {numbers[0] if numbers else 0}"


def walk(rules, facts=None, chat=None, **changes):
    chat = chat or Scripted(rules)
    events, steps, pieces = heard()
    flow = MemWalker(**({"leaf": 110, "children": 2, "note": 30, "memory": 60} | changes))
    answer = flow.answer(chat, [book({2: FACT, 9: OTHER} if facts is None else facts)], QUESTION, events)
    return chat, answer, steps, pieces


def leaf(*last):
    return lambda asked: (
        "Action: answer" if any(each in asked.split("Another part")[1] for each in last) else "Action: back"
    )


def test_a_wrong_way_is_left_and_the_answer_found():
    chat, answer, steps, pieces = walk(
        [(SUM, summary), (CHOOSE, chooses), (LEAF, leaf(OTHER)), (ANSWER, f"“{OTHER}”")]
    )
    leaves = [call for call in chat.asked if LEAF in call]
    assert FACT in leaves[0], "the first part that speaks of a stone"
    assert OTHER in leaves[-1]
    assert len(leaves) == 2
    assert "with a stone" in leaves[-1].split("Another part")[0], "what was visited is known"
    assert OTHER in chat.asked[-1]
    assert pieces == [answer.text]
    assert [claim.state for claim in answer.claims] == ["verified"]
    assert [step.rpartition(": ")[2] for step in steps if step.startswith("visits")] == ["back", "answer"]


def test_what_was_visited_is_not_offered_again_and_the_walk_ends():
    chat, answer, _, _ = walk([(SUM, summary), (CHOOSE, "Action: 1"), (LEAF, "Action: back")])
    visited = [call.split("Another part")[1] for call in chat.asked if LEAF in call]
    assert len(visited) == len(set(visited)) > 1
    assert answer.text == NOT_FOUND
    assert not any(ANSWER in call for call in chat.asked)
    assert len(chat.calls) < 60


def test_none_at_the_root_is_the_end():
    chat, answer, _, _ = walk([(SUM, summary), (CHOOSE, "Reasoning: none of the 2.\nAction: 0")])
    assert answer.text == NOT_FOUND
    assert sum(CHOOSE in call for call in chat.asked) == 1


@pytest.mark.parametrize(
    "reply",
    ["", "I'm sorry, I can't.", "Action: 7", "Action: the number of one part from 1 to 2", "go on " * 50],
)
def test_an_action_that_is_none_is_asked_for_three_times(reply):
    chat = Scripted([(SUM, summary), (CHOOSE, reply)])
    with pytest.raises(FlowError, match="asked 3 times for an action"):
        walk([], chat=chat)
    assert [each.get("temperature", 0) for each in chat.settings][-3:] == [0, 0.7, 0.7]
    assert chat.calls[-1] == chat.calls[-3]


def test_a_second_try_may_be_right():
    tries = iter(["hm", "Action: 2", *["Action: 1"] * 9])
    _, answer, _, _ = walk(
        [(SUM, summary), (CHOOSE, lambda asked: next(tries)), (LEAF, "**answer**"), (ANSWER, "x")]
    )
    assert answer.text == "x"


def test_every_leaf_is_in_the_tree_once_and_names_stand_beside_summaries():
    document = book({2: "The letter of Mira Voss came in 1911.", 9: OTHER})
    chat = Scripted(
        [(SUM, lambda asked: "" if "Voss" in asked else "I'm sorry." if OTHER in asked else summary(asked))]
    )
    inquiry = Inquiry(chat=chat, question="", events=heard()[0])
    leaves = inquiry.parts([document], 150, 30, lambda text: {"role": "user", "content": text})
    root = tree(inquiry, leaves, children=3, note=30)
    found, depth, level = [], 0, [root]
    while level:
        found += [node.part for node in level if node.part is not None]
        assert all(len(node.children) <= 3 for node in level)
        level, depth = [child for node in level for child in node.children], depth + 1
    assert found == leaves
    assert "".join(part.text for part in found) == document.text
    assert depth >= 3
    voss = next(node for node in _all(root) if node.part is not None and "Voss" in node.part.text)
    assert "Mira Voss" in voss.label()
    assert "1911" in voss.label()
    assert voss.summary.startswith("Page"), "its first words, for want of a summary"


def _all(node):
    return [node, *(each for child in node.children for each in _all(child))]


def test_the_tree_is_built_once_for_all_questions(tmp_path):
    rules = [(SUM, summary), (CHOOSE, chooses), (LEAF, leaf(FACT)), (ANSWER, "x")]
    asked = []
    for question in ("Where?", "Who hid it?"):
        with Trace(tmp_path / "trace.jsonl") as trace:
            chat = Scripted(rules)
            flow = MemWalker(leaf=110, children=2, note=30)
            flow.answer(Traced(chat, trace), [book({2: FACT})], question, heard()[0])
            asked.append(sum(SUM in call for call in chat.asked))
    assert asked[0] > 12
    assert asked[1] == 0


def test_a_part_that_was_not_summed_up_can_be_visited_and_many_failures_end_the_flow():
    fails = lambda asked: SUM in asked and "Document:" in asked and "Page 4." in asked  # noqa: E731
    rules = [
        (fails, WindowExceeded("no")),
        (SUM, summary),
        (CHOOSE, chooses),
        (LEAF, leaf(FACT)),
        (ANSWER, "x"),
    ]
    _, answer, _, _ = walk(rules)
    assert ["Page 4." in each.span.text for each in answer.unread] == [True]
    _, answer, _, _ = walk(rules, {4: FACT})
    assert answer.text in ("x", NOT_FOUND)
    with pytest.raises(FlowError, match="calls failed"):
        walk([(SUM, WindowExceeded("no"))])


@pytest.mark.parametrize(
    ("said", "leaf", "number"),
    [
        ("Reasoning: it says so.\nAction: answer", "answer", None),
        ("Answer.", "answer", None),
        ("The answer cannot be given from this part.", None, None),
        ("Action: go back to answer", None, None),
        ("Reasoning: part 3 is nearest\nAction: part 2", None, 2),
        ("**2**", None, 2),
        ("Part 2 speaks of 1 of them", None, None),
        ("I would visit part 2", None, None),
        ("Action: 9", None, None),
    ],
)
def test_an_action_stands_behind_its_label_or_alone(said, leaf, number):
    assert _leaf_action(said) == leaf
    assert _number_action(said, 3) == number
