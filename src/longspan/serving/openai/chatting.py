"""A chat as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longspan.chat import check_variables
from longspan.forms.form import Form
from longspan.serving.asked import Asked
from longspan.serving.openai import drawing, tools
from longspan.serving.openai.extras import Extras
from longspan.serving.openai.fields import refuse
from longspan.serving.openai.messages import turns_of
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import one_of, taken, within, wrong

KNOWN = frozenset(
    (
        *drawing.FIELDS,
        *tools.FIELDS,
        "add_generation_prompt",
        "chat_template_kwargs",
        "continue_final_message",
        "logprobs",
        "longspan",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "reasoning_effort",
        "response_format",
        "return_progress",
        "stream",
        "stream_options",
        "top_logprobs",
    )
)
_INSTEAD = {
    "audio": "answers are text",
    "function_call": "send tool_choice",
    "functions": "send tools",
    "moderation": "nothing is moderated here",
    "web_search_options": "no address is opened; send what is to be read",
    "chat_template": "the template is the model's own",
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LIKELIEST = 20
_VARIABLES = "chat_template_kwargs"
_LONGEST = 1000
_RENDERING = frozenset(
    (
        "continue_final_message",
        "max_length",
        "padding",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "tokenizer_kwargs",
        "truncation",
    )
)
"""What says how a template is rendered, and is no variable of it."""


def chat_of(fields: Mapping[str, Any], owner: str, more: Extras, form: Form | None) -> Asked:
    """What a request to `/v1/chat/completions` asks. Raises Refused for what it may not, with the field."""
    refuse(fields, _INSTEAD)
    if taken(fields, "modalities", list, ["text"]) != ["text"]:
        raise wrong(fields["modalities"], "modalities", "allowed is ['text']")
    generation, count = drawing.drawn(fields)
    tokens = drawing.tokens_of(fields, "max_completion_tokens") or drawing.tokens_of(fields, "max_tokens")
    if tokens is not None:
        generation["max_new_tokens"] = tokens
    likeliest = within(fields, "top_logprobs", int, 0, _LIKELIEST)
    if taken(fields, "logprobs", bool, False):
        generation["logprobs"] = likeliest or 0
    elif likeliest is not None:
        raise Refused(
            "top_logprobs is sent without logprobs; send logprobs: true with it",
            code="invalid_value",
            param="top_logprobs",
        )
    if form is not None:
        generation["form"] = form
    functions, choice = tools.functions_of(fields)
    turns = turns_of(fields, more.documents)
    prefill = taken(fields, "continue_final_message", bool, False)
    if prefill and turns[-1].role != "assistant":
        raise Refused(
            "continue_final_message is true, and the last message is not the assistant's; leave it out",
            code="invalid_value",
            param="continue_final_message",
        )
    return Asked(
        owner=owner,
        model=taken(fields, "model", str),
        turns=turns,
        prefill=prefill,
        functions=functions,
        choice=choice,
        parallel=taken(fields, "parallel_tool_calls", bool, True),
        generation=generation,
        count=count,
        context=more.context,
        plan=more.plan,
        flow=more.flow,
        cite=more.cite,
        seconds=more.seconds,
        variables=_variables(fields),
    )


def _variables(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What templates are told of how much to think, under the names that they know, and what the client tells them."""
    effort = one_of(fields, "reasoning_effort", _EFFORTS, "") if fields.get("reasoning_effort") else ""
    told = {"reasoning_effort": effort, "enable_thinking": effort != "none"} if effort else {}
    given = taken(fields, _VARIABLES, dict, {})
    for name, value in given.items():
        if name in _RENDERING or not isinstance(value, str | bool | int | float):
            raise wrong(
                value, f"{_VARIABLES}.{name[:64]}", "allowed are the template's own, each a text or a number"
            )
        if len(str(value)) > _LONGEST:
            raise wrong(value, f"{_VARIABLES}.{name[:64]}", f"allowed are {_LONGEST} characters")
    try:
        return told | check_variables(given)
    except ValueError as error:
        raise Refused(str(error), code="invalid_value", param=_VARIABLES) from None
