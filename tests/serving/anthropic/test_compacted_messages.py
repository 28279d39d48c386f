"""Dialogues that grow beyond what is asked for, compacted, through the official client."""

import anthropic
import pytest
from keyed import OTHER, messages_client
from test_messages_client import LAMP, TOOLS

TALK = [
    {"role": "user", "content": f"{LAMP} " * 20},
    {"role": "assistant", "content": "I see."},
    {"role": "user", "content": "Who lit the lamp?"},
]


def create(client, messages, trigger=50, stream=False, tools=(), **edit):
    edit = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": trigger}, **edit}
    asked = {
        "model": "scripted",
        "messages": messages,
        "max_tokens": 9,
        "system": "Be brief.",
        "tools": list(tools),
        "betas": ["compact-2026-01-12"],
        "context_management": {"edits": [edit]},
    }
    if not stream:
        return client.beta.messages.create(**asked)
    with client.beta.messages.stream(**asked) as events:
        kinds = [each.type for each in events]
        return kinds, events.get_final_message()


def test_a_long_dialogue_is_compacted_and_goes_on_behind_it(client, desk):
    message = create(client, TALK)
    assert [each.type for each in message.content] == ["compaction", "text"]
    ((turns, context),) = desk.compacted
    assert [each.role for each in turns] == ["system", "user", "assistant"]
    assert context is None
    (asked,) = desk.asked
    assert asked.context in {name for _, name in desk.kept}
    assert [each.text for each in asked.turns] == ["Who lit the lamp?"]
    assert [each.type for each in message.usage.iterations] == ["compaction", "message"]
    assert message.usage.iterations[0].input_tokens == 264
    assert message.context_management.applied_edits == []
    later = [*TALK, {"role": "assistant", "content": message.content}, {"role": "user", "content": "When?"}]
    following = create(client, later)
    assert [each.type for each in following.content] == ["text"]
    assert len(desk.compacted) == 1
    assert desk.asked[-1].context == asked.context
    assert [each.text for each in desk.asked[-1].turns] == ["Who lit the lamp?", "All is well.", "When?"]
    assert following.longspan["compaction"] == {"used": "keys and values", "context": asked.context}


def test_tools_are_shown_to_what_is_compacted(client, desk):
    create(client, TALK, tools=TOOLS)
    assert [each.name for each in desk.shown] == ["look"]
    assert [each.name for each in desk.asked[0].functions] == ["look"]


def test_a_stream_holds_the_compaction_as_the_whole_message_does(client, desk):
    kinds, message = create(client, TALK, stream=True)
    assert "compaction" in kinds
    assert [each.type for each in message.content] == ["compaction", "text"]
    later = [*TALK, {"role": "assistant", "content": message.content}, {"role": "user", "content": "When?"}]
    create(client, later)
    assert len(desk.compacted) == 1
    assert desk.asked[-1].context == desk.asked[0].context


def test_short_dialogues_stay_as_they_are(client, desk):
    message = create(client, TALK, trigger=500)
    assert [each.type for each in message.content] == ["text"]
    assert desk.compacted == []


def test_what_grows_behind_a_compaction_is_compacted_behind_it(client, desk):
    message = create(client, TALK)
    more = [{"role": "assistant", "content": message.content}, *TALK]
    again = create(client, more)
    assert [each.type for each in again.content] == ["compaction", "text"]
    assert desk.compacted[1][1] == desk.asked[0].context
    assert [each.role for each in desk.compacted[1][0]] == ["user", "assistant", "user", "assistant"]
    assert len(desk.kept) == 2


def test_a_pause_answers_nothing_and_is_gone_on_from(client, desk):
    message = create(client, TALK, pause_after_compaction=True)
    assert [each.type for each in message.content] == ["compaction"]
    assert message.stop_reason == "compaction"
    assert desk.asked == []
    create(client, [*TALK, {"role": "assistant", "content": message.content}])
    create(client, [{"role": "assistant", "content": message.content}, {"role": "user", "content": "When?"}])
    assert [each.text for each in desk.asked[-1].turns][-1] == "When?"
    assert desk.asked[-1].context is not None


def test_whatever_is_sent_can_be_compacted_alone(client, desk):
    message = client.beta.messages.create(
        model="scripted", messages=TALK, max_tokens=9, extra_body={"compaction": {"type": "summarize"}}
    )
    assert [each.type for each in message.content] == ["compaction"]
    assert len(desk.compacted[0][0]) == 3


def test_a_lost_context_goes_on_by_its_text_and_says_so(client, desk):
    message = create(client, TALK)
    desk.kept.clear()
    later = [{"role": "assistant", "content": message.content}, {"role": "user", "content": "When?"}]
    following = create(client, later, trigger=5000)
    asked = desk.asked[-1]
    assert asked.context is None
    assert "lit by Mara at nine" in asked.turns[1].text
    assert [each.text for each in asked.turns[2:]] == ["Who lit the lamp?", "All is well.", "When?"]
    assert following.longspan["compaction"]["used"] == "text"


def test_nobody_goes_on_from_the_context_of_another(scripted, client, desk):
    message = create(client, TALK)
    later = [{"role": "assistant", "content": message.content}, {"role": "user", "content": "When?"}]
    with messages_client(scripted[0], OTHER) as other:
        following = create(other, later, trigger=5000)
    assert desk.asked[-1].owner != desk.asked[0].owner
    assert desk.asked[-1].context is None
    assert following.longspan["compaction"]["used"] == "text"


def test_another_makers_compaction_is_refused_and_a_failed_one_ignored(client, desk):
    block = {"type": "compaction", "content": "x", "encrypted_content": "EqQB"}
    with pytest.raises(anthropic.BadRequestError, match="no compaction of this server"):
        create(client, [*TALK[:1], {"role": "assistant", "content": [block]}])
    failed = {"type": "compaction", "content": None}
    create(client, [*TALK[:1], {"role": "assistant", "content": [failed]}, TALK[2]], trigger=5000)
    assert len(desk.asked[-1].turns) == 3
