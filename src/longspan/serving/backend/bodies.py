"""A request as it is sent to an engine."""

from __future__ import annotations

import json
from typing import Any

from longspan.forms.form import Form
from longspan.serving.asked import Asked, Turn
from longspan.serving.backend.engine import Engine, Kind
from longspan.serving.prompts import spoken
from longspan.serving.refused import Refused

_BEYOND = {
    "top_k": {"longspan": "top_k", "vllm": "top_k", "llama.cpp": "top_k"},
    "min_p": {"longspan": "min_p", "vllm": "min_p", "llama.cpp": "min_p"},
    "min_tokens": {"longspan": "min_tokens", "vllm": "min_tokens"},
    "repetition_penalty": {
        "longspan": "repetition_penalty",
        "vllm": "repetition_penalty",
        "llama.cpp": "repeat_penalty",
    },
    "repetition_window": {"llama.cpp": "repeat_last_n"},
}
"""What OpenAI's protocol has no name for, by the names that engines have."""
_PLAIN = {"min_tokens": 0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
_KNOW_TEMPLATES = ("longspan", "vllm", "llama.cpp")


def body_of(engine: Engine, asked: Asked, answer: int) -> tuple[str, dict[str, Any]]:
    """The path and what is sent there. answer: tokens where the client names no number. Raises Refused for what the
    engine cannot be asked."""
    body: dict[str, Any] = {
        "model": engine.model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": asked.generation.get("max_new_tokens") or answer,
        **_drawn(engine.kind, asked),
    }
    if asked.count > 1:
        body["n"] = asked.count
    if engine.kind in ("longspan", "llama.cpp"):
        body["return_progress"] = True
    if engine.kind == "vllm":
        body["cache_salt"] = asked.owner or "local"  # nobody finds out by the clock what others asked
    if asked.prompt is not None:
        return "/completions", body | _prompt(asked)
    return "/chat/completions", body | _chat(engine.kind, asked)


def _drawn(kind: Kind, asked: Asked) -> dict[str, Any]:
    given: dict[str, Any] = {"temperature": 0.0, **asked.generation}
    for name in ("max_new_tokens", "reasoning", "form", "logprobs"):
        given.pop(name, None)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value == () or value == _PLAIN.get(name):
            continue
        if name in _BEYOND:
            known = _BEYOND[name].get(kind)
            if known is None:
                raise Refused(f"the engine behind this server takes no {name}; leave it out", param=name)
            name = known
        if name == "logit_bias":
            value = {str(token): max(-100.0, bias) for token, bias in value.items()}
        found[name] = value
    return found


def _prompt(asked: Asked) -> dict[str, Any]:
    if asked.echo:
        raise Refused("the engine behind this server tells no prompt; leave echo out", param="echo")
    if "logprobs" in asked.generation:
        raise Refused(
            "likelihoods of texts that are gone on with are not passed on; send a chat, or leave logprobs out",
            param="logprobs",
        )
    return {"prompt": asked.prompt if isinstance(asked.prompt, str) else list(asked.prompt or ())}


def _chat(kind: Kind, asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"messages": [_message(each) for each in asked.turns]}
    likely = asked.generation.get("logprobs")
    if likely is not None:
        found |= {"logprobs": True, "top_logprobs": likely}
    form = asked.generation.get("form")
    if form is not None:
        found["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _schema(form)},
        }
    if asked.functions:
        found |= {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": each.name,
                        "description": each.about,
                        "parameters": dict(each.parameters) or {"type": "object", "properties": {}},
                        **({"strict": True} if each.strict else {}),
                    },
                }
                for each in asked.functions
            ],
            "tool_choice": {"type": "function", "function": {"name": asked.choice[1:]}}
            if asked.choice.startswith("=")
            else asked.choice,
        }
        if not asked.parallel:
            found["parallel_tool_calls"] = False
    if asked.prefill:
        if kind not in _KNOW_TEMPLATES:
            raise Refused(
                "the engine behind this server goes on with no answer that was begun; leave its beginning out",
                param="messages",
            )
        if kind != "llama.cpp":  # which does so by itself
            found |= {"continue_final_message": True, "add_generation_prompt": False}
    if asked.variables:
        effort = asked.variables.get("reasoning_effort")
        if kind in _KNOW_TEMPLATES:
            found["chat_template_kwargs"] = dict(asked.variables)
        elif effort is not None:
            found["reasoning_effort"] = effort
        else:
            raise Refused(
                "the engine behind this server takes no variables of a template; leave them out",
                param="chat_template_kwargs",
            )
    return found


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": spoken(turn)}
    if turn.calls:
        message["tool_calls"] = [
            {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
            for each in turn.calls
        ]
    if turn.role == "tool":
        message["tool_call_id"] = turn.answers
    return message


def _schema(form: Form) -> Any:
    """The JSON schema that a form was made of. Raises Refused for other forms."""
    try:
        (grammar,) = json.loads(form.grammar)["grammars"]
        held = grammar["json_schema"].items()
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Refused(
            f"the engine behind this server takes no {form.kind}; send a JSON schema", param="response_format"
        ) from None
    return {name: value for name, value in held if name != "x-guidance"}
