"""What is refused, and how the official client takes it."""

import anthropic
import pytest
from scripted_desk import saying
from test_messages_client import ASKED, TOOLS, create, document

from longspan.serving.refused import Overlong, Refused


@pytest.mark.parametrize(
    ("refused", "error", "kind"),
    [
        (Refused("who?", kind="unauthenticated"), anthropic.AuthenticationError, "authentication_error"),
        (Refused("no", kind="forbidden"), anthropic.PermissionDeniedError, "permission_error"),
        (Refused("what?", kind="missing"), anthropic.NotFoundError, "not_found_error"),
        (Refused("much", kind="too_large"), anthropic.ContentTooLargeError, "request_too_large"),
        (Refused("slow", kind="rate"), anthropic.RateLimitError, "rate_limit_error"),
        (Refused("full", kind="overloaded"), anthropic.OverloadedError, "overloaded_error"),
        (Refused("late", kind="timeout"), anthropic.GatewayTimeoutError, "timeout_error"),
        (Refused("broken", kind="failed"), anthropic.InternalServerError, "api_error"),
    ],
)
def test_errors_are_of_the_kinds_that_the_client_knows(client, desk, refused, error, kind):
    desk.script = lambda asked: [refused]
    for stream in (False, True):
        with pytest.raises(error) as caught:
            create(client, stream=stream)
        assert caught.value.body["error"]["type"] == kind
        assert caught.value.request_id == caught.value.body["request_id"]


def test_a_failure_in_mid_stream_is_an_error(client, desk):
    desk.script = lambda asked: [*saying("All is well.")[:3], Refused("gone", kind="overloaded")]
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error") as caught:
        list(create(client, stream=True))
    assert caught.value.status_code == 200


def test_too_long_a_prompt_is_said_in_the_words_that_agents_look_for(client, desk):
    desk.script = lambda asked: [Overlong(tokens=9000, maximum=8192, advice="shorten it")]
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 9000 tokens > 8192 maximum; sh"):
        create(client)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "user", "content": [{"type": "image", "source": {}}]}], "images are not read"),
        ([{"role": "user", "content": [document({"type": "url", "url": "http://x"})]}], "an address"),
        ([{"role": "user", "content": [document({"type": "file"})]}], "POST /v1/contexts"),
        (
            [{"role": "user", "content": [document({"type": "base64", "media_type": "application/pdf"})]}],
            "pdf",
        ),
        ([{"role": "user", "content": [document({"type": "text", "data": " "})]}], "is empty"),
        ([{"role": "robot", "content": "x"}], "allowed are user, assistant"),
        ([{"role": "user", "content": ""}], "content is empty"),
        ([], "messages is missing or empty"),
        (["x"], "allowed is an object"),
        ([{"role": "user", "content": [{"type": "tool_result"}]}], "tool_use_id is missing"),
        ([*ASKED, {"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}], "tool_result"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(client, desk, messages, said):
    with pytest.raises(anthropic.BadRequestError, match=said):
        create(client, messages)
    assert desk.asked == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_tokens": None}, "max_tokens is missing"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "called by the client"),
        ({"tool_choice": {"type": "tool", "name": "x"}, "tools": TOOLS}, "none of the tools"),
        ({"tool_choice": {"type": "any"}}, "tools is empty"),
        ({"mcp_servers": [{"url": "http://x"}]}, "no address is opened"),
        ({"thinking": {"type": "maybe"}}, "thinking.type"),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, "allowed are compact"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_field(client, desk, fields, said):
    with pytest.raises(anthropic.BadRequestError, match=said):
        create(client, extra_body=fields)
