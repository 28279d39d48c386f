"""What an answer must be: text that a JSON schema, a regular expression, a choice or a grammar allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Self

from longspan.errors import FormError

SCHEMA_BYTES = 2**18
PATTERN_BYTES = 2**16
_DIVISOR = 10_000
_MENDED = 200
_LINE = 200
_BLANKS = r"( |\r?\n[ \t]{0,32})?"
"""Between the parts of JSON: nothing, a blank, or a new line that is moved in; never blanks without end."""

_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

Kind = Literal["JSON schema", "regular expression", "choice", "grammar"]


@dataclass(frozen=True)
class Form:
    """The form of an answer, for `generate(form=...)` and wherever answers are drawn.

    A token that no text of this form goes on with is never drawn, and an end token only where the text is complete.
    That is not the same as drawing from the model's texts of this form: what a token leads to is not looked at before
    it is drawn, so beginnings are as likely as they are among all texts. Forms are what `llguidance` reads, and are
    refused where they are larger than some bounds.

    kind: what it is called in errors. grammar: as llguidance has it. Raises FormError, a ValueError, with the place.
    """

    kind: Kind
    grammar: str

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | str | bool, *, compact: bool = False) -> Self:
        """JSON that a schema allows, properties in its order. schema: a mapping, or its text.

        compact: on one line, with a blank after each comma and colon; otherwise the model may also break lines.
        Keywords that are not known, and a $ref that leads out of the schema, are refused; nothing is fetched.
        """
        text = schema if isinstance(schema, str) else _dumped(schema)
        _check_size("JSON schema", text, SCHEMA_BYTES)
        read = _loaded(text)
        if read is False:
            raise FormError("JSON schema is false, which no JSON is; write one that allows something")
        read = {} if read is True else read
        _check_divisors(read)
        form = cls("JSON schema", _json_grammar(read, compact))
        message = _fault(form.grammar)
        if message:
            raise FormError(
                f"JSON schema is refused{_place(read, message)}: {_line(message)}; write it otherwise"
            )
        return form

    @classmethod
    def regex(cls, pattern: str) -> Self:
        """Text that a regular expression matches as a whole, as Rust has them: without looking around and back."""
        _check_text("regular expression", pattern)
        _check_size("regular expression", pattern, PATTERN_BYTES)
        from llguidance import LLMatcher

        form = cls("regular expression", LLMatcher.grammar_from_regex(pattern))
        message = _fault(form.grammar)
        if message:
            column = re.search(r"^ *(\^+)$", message, re.MULTILINE)
            at = (
                f" at character {column.start(1) - column.start() - 3}"
                if column and "\n" not in pattern
                else ""
            )
            said = re.search(r"error: (.*)$", message, re.MULTILINE)
            raise FormError(
                f"regular expression {_line(pattern)!r} is refused{at}: {_line(said[1] if said else message)}; mend it"
            )
        return form

    @classmethod
    def choice(cls, options: Sequence[str]) -> Self:
        """One of some texts."""
        if isinstance(options, str) or not options:
            raise FormError(f"choice={options!r} is no list of texts; give one or more")
        for option in options:
            _check_text("choice", option)
        words = " | ".join(json.dumps(option) for option in dict.fromkeys(options))
        _check_size("choice", words, SCHEMA_BYTES)
        from llguidance import LLMatcher

        form = cls("choice", LLMatcher.grammar_from_lark(f"start: CHOICE\nCHOICE: {words}\n"))
        if message := _fault(form.grammar):
            raise FormError(f"choice is refused: {_line(message)}; give fewer or shorter texts")
        return form

    @classmethod
    def lark(cls, grammar: str) -> Self:
        """Text of a grammar in Lark's notation, as llguidance reads it, from its rule `start` on."""
        _check_text("grammar", grammar)
        _check_size("grammar", grammar, PATTERN_BYTES)
        from llguidance import LLMatcher

        form = cls("grammar", LLMatcher.grammar_from_lark(grammar))
        message = _fault(form.grammar)
        if message:
            found = re.match(r"(?:at )?(\d+)\((\d+)\): (.*)", message)
            at = f" at line {found[1]}, character {found[2]}" if found else ""
            raise FormError(f"grammar is refused{at}: {_line(found[3] if found else message)}; mend it")
        return form

    def holds(self, text: str) -> bool:
        """Whether a text is of this form."""
        matcher = _bytewise(self.grammar)
        data = list(text.encode(errors="surrogatepass"))
        return bool(matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting())


def following(form: Form) -> None:
    """Does what following a form begins with, as long as that may take. Raises FormError where it is too complex."""
    matcher = _bytewise(form.grammar)
    matcher.compute_bitmask()
    if matcher.is_error():
        raise FormError(f"{form.kind} cannot be followed: {_line(matcher.get_error())}; write a simpler one")


def _bytewise(grammar: str) -> Any:
    from llguidance import LLMatcher

    return LLMatcher(_bytes(), grammar, log_level=0, limits=limits())


@cache
def _bytes() -> Any:
    """A vocabulary of single bytes."""
    from llguidance import LLTokenizer
    from llguidance._tokenizer import TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Bytes()))


class _Bytes:
    eos_token_id, bos_token_id = 256, None
    tokens: ClassVar = [*(bytes([byte]) for byte in range(256)), b""]
    special_token_ids: ClassVar = [256]

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


@cache
def limits() -> Any:
    """Bounds within which forms are compiled and followed, in memory and time."""
    from llguidance import LLParserLimits

    return LLParserLimits(initial_lexer_fuel=200_000, max_grammar_size=50_000, verbose_errors=False)


def _fault(grammar: str) -> str:
    from llguidance import LLMatcher

    return LLMatcher.validate_grammar(grammar, None, limits=limits())


def _json_grammar(schema: Any, compact: bool) -> str:
    from llguidance import LLMatcher

    spacing: Any = _COMPACT if compact else {"whitespace_pattern": _BLANKS}
    return LLMatcher.grammar_from_json_schema(_dumped(schema), overrides=spacing)


def _dumped(schema: object) -> str:
    try:
        return json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise FormError(
            f"JSON schema cannot be written as JSON ({_line(str(error))}); give a dict or its text"
        ) from None


def _loaded(text: str) -> Any:
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormError(
            f"JSON schema is no JSON at line {error.lineno}, character {error.colno}: {error.msg}; mend it"
        ) from None
    except RecursionError:
        raise FormError("JSON schema is nested too deeply; give one of fewer levels") from None
    if not isinstance(read, dict | bool):
        raise FormError(f"JSON schema is {_line(text)!r}; give an object, or true or false")
    return read


def _check_text(kind: Kind, text: object) -> None:
    if not isinstance(text, str) or not text:
        raise FormError(f"{kind} is {text!r}; give a text of 1 or more characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FormError(f"{kind} has half of a character at {error.start:,}; write it in UTF-8") from None


def _check_size(kind: Kind, text: str, bound: int) -> None:
    size = len(text.encode(errors="surrogatepass"))
    if size > bound:
        raise FormError(f"{kind} has {size:,} bytes, allowed are {bound:,}; give a shorter one")


def _check_divisors(schema: Any) -> None:
    for path, part in _parts(schema):
        divisor = part.get("multipleOf")
        if isinstance(divisor, int | float) and abs(divisor) > _DIVISOR:
            raise FormError(
                f"JSON schema has multipleOf={divisor} at {path}, allowed is up to {_DIVISOR:,}; lower it"
            )


def _parts(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects in a schema, each with where it is as in a $ref, those within others later."""
    waiting = [("#", schema)]
    while waiting:
        path, part = waiting.pop(0)
        if isinstance(part, dict):
            yield path, part
            waiting += [(f"{path}/{name}", each) for name, each in part.items()]
        elif isinstance(part, list):
            waiting += [(f"{path}/{number}", each) for number, each in enumerate(part)]


def _place(schema: Any, message: str) -> str:
    """Where in a schema something is wrong: the innermost part of which the same is said when it stands alone."""
    last = ""
    for number, (path, part) in enumerate(_parts(schema)):
        if number == _MENDED:
            break
        if _fault(_json_grammar(part, compact=True)) == message:
            last = path
    return f" at {last}" if last not in ("", "#") else ""


def _line(text: str) -> str:
    """A text as one line of bounded length."""
    line = " ".join(text.split()).removesuffix("<non-verbose/>").strip()
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"
