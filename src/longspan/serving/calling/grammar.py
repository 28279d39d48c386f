"""Forms that hold a model to calls of functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from longspan.forms.form import SCHEMA_BYTES, Form, limits
from longspan.serving.asked import Function
from longspan.serving.calling.family import Family, Held, quoted
from longspan.serving.calling.schemas import ANY, schema_of
from longspan.serving.refused import Refused
from longspan.spans.encoder import controls

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_TEXT = "TEXT: /(.|\\n)+/"


def form_of(
    tokenizer: PreTrainedTokenizerFast,
    family: Family,
    functions: Sequence[Function],
    *,
    choice: str,
    parallel: bool,
    answer: Form | None,
) -> Form | None:
    """What an answer must be, None for any text. answer: what it must be where nothing is called.

    Where a call must be made, nothing else can be said. Where it is up to the model and a function is strict, or an
    answer has a form, text is free up to where a call begins, and that call is then held to its schema; behind calls
    nothing follows. A control token that only calls begin with is never text. Takes a while. Raises Refused for a
    strict function whose schema cannot be held.
    """
    forced = choice != "auto"
    wanted = [each for each in functions if choice in ("auto", "required", f"={each.name}")]
    if not forced and answer is None and not any(each.strict for each in wanted):
        return None
    if not wanted:
        raise Refused(
            f"tool_choice is {choice[:64]!r}, which is none of the tools; send one of them",
            param="tool_choice",
        )
    known = _control_tokens(tokenizer)

    def tag(text: str) -> str:
        return f"<[{known[text]}]>" if text in known else quoted(text)

    rules = family.rules([_held(family, each, tag) for each in wanted], tag, parallel=parallel)
    opener = family.openers[0] if family.openers and not family.first else ""
    start = _forced(tag, opener) if forced else _free(family, tag, opener, answer, opener in known)
    grammar = _joined("\n".join([start, rules]), None if forced else answer)
    return _checked(grammar)


def _held(family: Family, function: Function, tag: Any) -> Held:
    """A function as this family can hold it."""
    held = Held(name=function.name, schema=schema_of(function))
    try:
        family.rules([held], tag, parallel=False)
    except ValueError as error:
        if function.strict:
            where = f"tools.{function.name}.parameters"
            raise Refused(
                f"{where} cannot be held as this model writes calls: {error}; list its properties alone",
                code="invalid_schema",
                param=where,
            ) from None
        return Held(name=function.name, schema=ANY)
    return held


def _forced(tag: Any, opener: str) -> str:
    return f"start: {tag(opener)} calls" if opener else "start: calls"


def _free(family: Family, tag: Any, opener: str, answer: Form | None, control: bool) -> str:
    called = f"{tag(opener)} calls" if opener else "calls"
    if answer is not None:
        return f"start: @answer | {called}"
    if not opener:
        first = "".join(f"\\{each}" for each in family.first)
        return f'start: "" | PLAIN | calls\nPLAIN: /[^\\s{first}](.|\\n)*/'
    if control:
        return f'start: "" | TEXT | TEXT? {called}\n{_TEXT}'
    return f'start: "" | TEXT | begun calls\nbegun[lazy]: /(.|\\n)*/ {tag(opener)}\n{_TEXT}'


def _joined(grammar: str, answer: Form | None) -> str:
    if answer is None:
        return grammar
    found = json.loads(answer.grammar)["grammars"]
    return json.dumps({"grammars": [{"lark_grammar": grammar}, {**found[0], "name": "answer"}, *found[1:]]})


def _checked(grammar: str) -> Form:
    from llguidance import LLMatcher

    if len(grammar.encode()) > SCHEMA_BYTES:
        raise Refused(
            f"the schemas of all tools have more than {SCHEMA_BYTES:,} bytes; send fewer tools",
            code="invalid_schema",
            param="tools",
        )
    whole = grammar if grammar.startswith("{") else LLMatcher.grammar_from_lark(grammar)
    fault = LLMatcher.validate_grammar(whole, None, limits=limits())
    if fault:
        raise Refused(
            f"tools cannot be held to their schemas ({' '.join(fault.split())[:200]}); send fewer or simpler ones",
            code="invalid_schema",
            param="tools",
        )
    return Form("grammar", whole)


def _control_tokens(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The tokens that a form does not know as text."""
    added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    special = set(tokenizer.all_special_ids)
    return {
        each.content: token for token, each in added.items() if controls(each.content) or token in special
    }
