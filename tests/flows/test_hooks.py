"""Language hooks: who acts when, how often, and what is kept of it."""

from stories import FACT, book, heard

from longspan.errors import WindowExceeded
from longspan.flows.alr2 import ALR2
from longspan.flows.chat import Failed, Message
from longspan.flows.hooks import Hook, Hooked, quotes_stand
from longspan.flows.scripted import Scripted
from longspan.spans import Span

ASKED = [Message(role="user", content="How many?")]


def adds(name, trigger):
    return Hook(
        name=name,
        trigger=lambda messages, said: trigger in said,
        run=lambda messages, said: [*messages, Message(role="user", content=f"{name} saw {said}")],
    )


def test_hooks_act_in_their_order_and_later_ones_see_what_earlier_ones_did():
    chat = Scripted([("second saw", "done"), ("first saw", "b"), ("", "a b")])
    hooked, pieces = Hooked(chat, [adds("first", "a"), adds("second", "b")]), []
    reply = hooked.generate(ASKED, stream=pieces.append)
    assert reply.text == "done"
    assert pieces == ["done"]
    assert [(edit.hook, edit.said) for edit in hooked.edits] == [("first", "a b"), ("second", "b")]
    assert [each["content"] for each in hooked.edits[-1].messages] == [
        "How many?",
        "first saw a b",
        "second saw b",
    ]
    assert reply.usage.generated_tokens == sum(map(chat.count, ["a b", "b", "done"]))


def test_a_hook_acts_so_often_and_no_more():
    chat = Scripted([("", "a")])
    assert Hooked(chat, [adds("one", "a")], times=3).generate(ASKED).text == "a"
    assert len(chat.calls) == 4


def test_without_hooks_nothing_differs():
    plain, chat = Scripted([("", "a b")]), Scripted([("", "a b")])
    hooked, pieces = Hooked(chat, []), []
    assert hooked.generate(ASKED, stream=pieces.append, temperature=0.5) == plain.generate(
        ASKED, temperature=0.5
    )
    assert (chat.calls, chat.settings, pieces) == (plain.calls, plain.settings, ["a b"])
    assert (hooked.longest, hooked.forms, hooked.count_tokens("a b")) == (4096, False, 2)


def test_side_by_side_a_failure_leaves_the_others_alone():
    chat = Scripted(
        [("one saw", WindowExceeded("no")), ("x", "a"), ("y", "b"), ("z", WindowExceeded("never"))]
    )
    asked = [[Message(role="user", content=each)] for each in "xyz"]
    replies = Hooked(chat, [adds("one", "a")]).generate_all(asked)
    assert [each.reason if isinstance(each, Failed) else each.text for each in replies] == [
        "no",
        "b",
        "never",
    ]


def test_a_reply_with_an_invented_quotation_is_asked_for_again_within_a_flow():
    document = book({2: FACT})
    chat = Scripted(
        [("do not stand", f"“{FACT}”"), ("From these", "“The miller burnt it.”"), (FACT, FACT), ("", "NONE")]
    )
    hooked = Hooked(chat, [quotes_stand([Span(document, 0, len(document.text))])])
    answer = ALR2(chunk=250, note=30).answer(hooked, [document], "Who hid it?", heard()[0])
    assert answer.text == f"“{FACT}”"
    assert [edit.said for edit in hooked.edits] == ["“The miller burnt it.”"]
