"""Dialogues compacted on their keys and values, through the official client."""

import openai
import pytest
from keyed import responses_client, serving
from scripted_desk import ScriptedDesk, saying
from test_responses_client import create, streamed

from longspan.serving.refused import Overlong

LAMP = "The lamp was lit by Mara at nine in the evening. Joel slept."
TALK = [
    {"role": "user", "content": f"{LAMP} " * 20},
    {"role": "assistant", "content": "I see."},
    {"role": "user", "content": "Who lit the lamp?"},
]
MANAGED = [{"type": "compaction", "compact_threshold": 100}]


def texts(asked):
    return [each.text for each in asked.turns]


def test_a_dialogue_is_compacted_into_one_item_behind_what_users_said(client, desk):
    made = client.responses.compact(model="scripted", input=TALK, instructions="Be brief.")
    assert made.object == "response.compaction"
    assert [each.type for each in made.output] == ["message", "message", "compaction"]
    assert [each.role for each in made.output[:2]] == ["user", "user"]
    assert made.usage.input_tokens > 200
    ((turns, _),) = desk.compacted
    assert [each.role for each in turns] == ["system", "user", "assistant", "user"]
    items = [each.to_dict() for each in made.output]
    whole = create(client, [*items, {"role": "user", "content": "When?"}], instructions="Be brief.")
    assert texts(desk.asked[-1]) == ["When?"]
    assert desk.asked[-1].context in {name for _, name in desk.kept}
    assert whole.longspan["compaction"]["used"] == "keys and values"
    create(client, [*items, {"role": "user", "content": "When?"}], instructions="Be long.")
    assert texts(desk.asked[-1]) == ["Be long.", "When?"]
    create(client, "When?", previous_response_id=made.id)
    assert texts(desk.asked[-1]) == ["When?"]
    with pytest.raises(openai.BadRequestError, match="nothing to compact"):
        client.responses.compact(model="scripted", instructions="Be brief.")


def test_above_a_threshold_a_response_begins_with_a_compaction(client, desk):
    whole = create(client, TALK, context_management=MANAGED)
    assert [each.type for each in whole.output] == ["compaction", "message"]
    assert texts(desk.asked[-1]) == ["Who lit the lamp?"]
    assert whole.longspan["compaction"]["made"]["input_tokens"] > 200
    events, final = streamed(client, TALK, context_management=MANAGED)
    kinds = [each.type for each in events]
    assert [each.type for each in final.output] == ["compaction", "message"]
    assert kinds.index("response.compaction.compacting") < kinds.index("response.output_item.done")
    desk.asked.clear()
    create(client, "When?", previous_response_id=final.id, context_management=MANAGED)
    sent = [*TALK, *(each.to_dict() for each in whole.output), {"role": "user", "content": "When?"}]
    create(client, sent, context_management=MANAGED)
    assert [texts(each) for each in desk.asked] == [["Who lit the lamp?", "All is well.", "When?"]] * 2
    assert len(desk.compacted) == 2


def test_below_the_threshold_nothing_is_compacted(client, desk):
    whole = create(client, TALK, context_management=[{"type": "compaction", "compact_threshold": 1000}])
    assert [each.type for each in whole.output] == ["message"]
    assert desk.compacted == []
    create(client, TALK, context_management=[{"type": "compaction"}])
    assert desk.compacted == []


def test_a_compaction_is_gone_on_from_by_the_next(client, desk):
    first = create(client, TALK, context_management=MANAGED)
    second = create(client, TALK, previous_response_id=first.id, context_management=MANAGED)
    assert desk.compacted[1][1] == desk.asked[0].context
    assert texts_of(desk.compacted[1][0])[:2] == ["Who lit the lamp?", "All is well."]
    third = create(client, "When?", previous_response_id=second.id, context_management=MANAGED)
    assert [each.type for each in third.output] == ["message"]
    assert desk.asked[-1].context == desk.asked[1].context


def texts_of(turns):
    return [each.text for each in turns]


def test_nothing_compacted_is_left_out(client, desk):
    made = client.responses.compact(model="scripted", input=TALK)
    items = [each.to_dict() for each in made.output]
    room = made.usage.input_tokens + 3

    def script(asked):
        if len(asked.turns) > 1:
            raise Overlong(tokens=9999, maximum=room, advice="shorten it")
        return saying("Yes.")

    desk.script = script
    more = [{"role": "user", "content": text} for text in ("One two three.", "When?")]
    whole = create(client, [*items, *more], truncation="auto")
    assert desk.asked[-1].context is not None
    assert texts(desk.asked[-1]) == ["When?"]
    assert [each["id"] for each in whole.longspan["dropped"]] != [each["id"] for each in items]
    assert len(whole.longspan["dropped"]) == 1


def test_a_lost_context_goes_on_by_its_text_and_says_so(client, other, desk):
    items = [each.to_dict() for each in client.responses.compact(model="scripted", input=TALK).output]
    sent = [*items, {"role": "user", "content": "When?"}]
    create(other, sent)
    theirs = desk.asked[-1]
    desk.kept.clear()
    whole = create(client, sent)
    for asked in (theirs, desk.asked[-1]):
        assert asked.context is None
        assert "lit by Mara at nine" in asked.turns[0].text
        assert asked.turns[-1].text == "When?"
    assert whole.longspan["compaction"] == {"used": "text", "context": None}


def test_documents_that_come_with_every_request_are_read_once(client, desk):
    more = {"longspan": {"documents": [{"name": "log", "text": LAMP}]}}
    made = client.responses.compact(model="scripted", input=TALK, extra_body=more)
    assert [each.name for each in desk.compacted[0][0][0].documents] == ["log"]
    items = [each.to_dict() for each in made.output]
    create(client, [*items, {"role": "user", "content": "When?"}], extra_body=more)
    assert desk.asked[-1].turns[0].documents == ()


def test_references_outlive_a_restart_where_a_folder_is_given(tmp_path):
    with serving(ScriptedDesk, folder=tmp_path) as address, responses_client(address) as client:
        items = [each.to_dict() for each in client.responses.compact(model="scripted", input=TALK).output]
    desk = ScriptedDesk()
    with serving(lambda: desk, folder=tmp_path) as address, responses_client(address) as client:
        create(client, "Hello.")
        kept = desk._keep(desk.asked[0].owner, [], "", 9, None)
        create(client, [*items, {"role": "user", "content": "When?"}])
    assert desk.asked[-1].context == kept.id


def test_a_real_model_goes_on_behind_compressed_keys_and_values(small):
    talk = [
        {"role": "user", "content": " ".join(f"Keeper {number} sleeps." for number in range(40))},
        {"role": "assistant", "content": "I see."},
        {"role": "user", "content": "Who sleeps?"},
    ]
    fields = {"model": "small", "max_output_tokens": 4, "context_management": MANAGED}
    whole = small.responses.create(input=talk, **fields)
    assert [each.type for each in whole.output] == ["compaction", "message"]
    assert whole.usage.input_tokens_details.cached_tokens > 100
    assert whole.longspan["notes"] == []
    following = small.responses.create(input="And who wakes?", previous_response_id=whole.id, **fields)
    assert [each.type for each in following.output] == ["message"]
    assert following.longspan["compaction"]["used"] == "keys and values"
    assert following.usage.input_tokens_details.cached_tokens > 100
    assert following.longspan["notes"] == []
