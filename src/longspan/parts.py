"""Parts from the tree of a plan's text, and the text and the table of a part.

A part is a frozen dataclass; its fields are its parameters, and their annotations say how text is read:
int, float (also 25%), str, bool, Literal, tuple, unions of these, and None. A field declared with
`field(metadata={"room": "allocator"})` holds a part of that room; with `{"formerly": "least"}` it is also read by the
name that it had before, and written by its own.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Callable, Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from longspan import registry
from longspan.errors import PlanError
from longspan.notation import Call, Value, Word, parse_call, quote

_UNFIT = object()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a part: name, annotation, default (MISSING if required), and room if it holds a part.

    formerly: the name that it had before, which texts and files of then give; None for none.
    """

    name: str
    kind: Any
    default: Any
    room: str | None
    formerly: str | None = None

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is dataclasses.MISSING

    @property
    def takes(self) -> str:
        """The values that it takes, in words."""
        words = " or ".join(_in_words(option, self.room) for option in _options(self.kind))
        return words.replace("a whole number or a number", "a whole number or a fraction such as 25%")

    def text(self, value: Any) -> str:
        """`value` as it is written for this parameter."""
        return _write(value, self.kind, self.room)


def parameters(cls: type) -> tuple[Parameter, ...]:
    """The parameters of a part's class, in the order in which it declares them."""
    kinds = get_type_hints(cls)
    fields = [each for each in dataclasses.fields(cls) if each.init]
    if any(each.name == "method" for each in fields):
        raise PlanError(f"{cls.__name__} has a parameter called method, which names the part; rename it")
    return tuple(
        Parameter(
            name=each.name,
            kind=kinds[each.name],
            default=_default(each),
            room=each.metadata.get("room"),
            formerly=each.metadata.get("formerly"),
        )
        for each in fields
    )


def build(room: str, call: Call) -> Any:
    """The part that `call` describes, its parameters read by the annotations of its class.

    Raises UnknownMethod for its name, and PlanError for a parameter that is unknown, missing, of the
    wrong type, or refused by the part itself.
    """
    cls = registry.find(room, call.name)
    known = {each.name: each for each in parameters(cls)}
    now = {each.formerly: each.name for each in known.values()}
    given: dict[str, Any] = {}
    for written, value in call.parameters.items():
        name = now.get(written, written)
        if name in given:
            raise PlanError(
                f"{call.name}: {name} is given twice, also by its former name; leave {known[name].formerly} out"
            )
        if name not in known:
            near = registry.did_you_mean(name, known)
            raise PlanError(
                f"{call.name} has no parameter {name!r}{near or ';'} it has {', '.join(known) or 'none'}"
            )
        given[name] = _read(value, known[name].kind, known[name].room)
        if given[name] is _UNFIT:
            raise PlanError(f"{call.name}: {name}={_shown(value)} is not {known[name].takes}")
    for name, each in known.items():
        if each.required and name not in given:
            raise PlanError(f"{call.name} needs {name}; write {call.name}({name}=...)")
    try:
        return cls(**given)
    except ValueError as error:
        reason = str(error).removeprefix(f"{call.name}: ")
        raise PlanError(f"{call.name}: {reason}") from error


def name_of(room: str, part: object) -> str:
    """The registered name of a part, or module:Class of one that is not registered."""
    cls = type(part)
    return registry.name_of(room, cls) or f"{cls.__module__}:{cls.__qualname__}"


def text_of(room: str, part: object) -> str:
    """A part as it is written in a plan, with the parameters that differ from their defaults."""
    given = []
    for each in parameters(type(part)):
        written = each.text(getattr(part, each.name))
        if each.required or written != each.text(each.default):
            given.append(f"{each.name}={written}")
    return name_of(room, part) + (f"({','.join(given)})" if given else "")


def table_of(room: str, part: object) -> dict[str, Any]:
    """A part as a table that JSON and TOML can hold: its method, and every parameter with its value."""
    values = {
        each.name: _plain(getattr(part, each.name), each.kind, each.room) for each in parameters(type(part))
    }
    return {"method": name_of(room, part)} | values


def inner(part: object) -> Iterator[object]:
    """The parts that `part` holds as parameters, and those within them."""
    for each in parameters(type(part)):
        if each.room is not None:
            value = getattr(part, each.name)
            for held in value if isinstance(value, tuple) else (value,):
                if held is not None:
                    yield held
                    yield from inner(held)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


# Reading: each reader gives the value, or _UNFIT.


def _read(value: Value, kind: Any, room: str | None) -> Any:
    if room is not None and (call := _call(value)) is not None:
        if types.NoneType in _options(kind) and _read_none(value) is None:
            return None
        return build(room, call)
    options = sorted(_options(kind), key=lambda option: _rank(option, value))
    fits = (_read_one(value, option, room) for option in options)
    return next((fit for fit in fits if fit is not _UNFIT), _UNFIT)


def _call(value: Value) -> Call | None:
    if isinstance(value, Word):
        return Call(value.text)
    if isinstance(value, str):
        return parse_call(value)
    return value if isinstance(value, Call) else None


def _rank(option: Any, value: Value) -> int:
    """The narrowest kind is tried first; a quoted text is a text before anything else."""
    order = [types.NoneType, bool, int, float, str]
    if option is str and isinstance(value, str):
        return -1
    return order.index(option) if option in order else 1


def _read_one(value: Value, kind: Any, room: str | None) -> Any:
    if get_origin(kind) is Literal:
        same = (choice for choice in get_args(kind) if _read_one(value, type(choice), None) == choice)
        return next(same, _UNFIT)
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or (kinds := _element_kinds(kind, len(value))) is None:
            return _UNFIT
        read = tuple(_read(each, kind, room) for each, kind in zip(value, kinds, strict=True))
        return _UNFIT if _UNFIT in read else read
    return _READERS[kind](value) if kind in _READERS else _UNFIT


def _read_none(value: Value) -> Any:
    return None if value is None or (isinstance(value, Word) and value.text.lower() == "none") else _UNFIT


def _read_bool(value: Value) -> Any:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(_letters(value).lower(), _UNFIT)


def _read_int(value: Value) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(_letters(value))
    except ValueError:
        return _UNFIT


def _read_float(value: Value) -> Any:
    if isinstance(value, bool):
        return _UNFIT
    try:
        letters = _letters(value)
        if letters.endswith("%"):
            number = float(letters[:-1]) / 100
        else:
            number = float(value if isinstance(value, int | float) else letters)
    except (ValueError, OverflowError):
        return _UNFIT
    return number if math.isfinite(number) else _UNFIT


def _read_str(value: Value) -> Any:
    return value if isinstance(value, str) else value.text if isinstance(value, Word) else _UNFIT


def _letters(value: Value) -> str:
    return value.text if isinstance(value, Word) else value if isinstance(value, str) else ""


_READERS: dict[Any, Callable[[Value], Any]] = {
    types.NoneType: _read_none,
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
}


# Writing.


def _write(value: Any, kind: Any, room: str | None) -> str:
    if room is not None and dataclasses.is_dataclass(value):
        return text_of(room, value)
    if isinstance(value, tuple):
        kinds = _element_kinds(kind, len(value)) or [Any] * len(value)
        return f"[{','.join(_write(each, kind, room) for each, kind in zip(value, kinds, strict=True))}]"
    return quote(value) if isinstance(value, str) else str(_plain(value, kind, room)).lower()


def _plain(value: Any, kind: Any, room: str | None) -> Any:
    if room is not None and dataclasses.is_dataclass(value):
        return table_of(room, value)
    if isinstance(value, tuple):
        kinds = _element_kinds(kind, len(value)) or [Any] * len(value)
        return [_plain(each, kind, room) for each, kind in zip(value, kinds, strict=True)]
    if isinstance(value, float) and int not in _options(kind) and value.is_integer() and abs(value) < 1e15:
        return int(value)  # where only a float is meant, 4 and 4.0 are one value and get one text
    if value is None or (isinstance(value, str | int | float) and room is None):
        return value
    if room is not None:
        raise PlanError(f"{room}={value!r} is not a part; pass one, or write the whole slot as text")
    raise PlanError(
        f"a parameter of type {type(value).__name__} cannot be recorded; make it a number, a text, "
        'a tuple of these, or a part declared with field(metadata={"room": ...})'
    )


# Annotations.


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _element_kinds(kind: Any, length: int) -> list[Any] | None:
    """The annotations of a tuple's elements; None if no tuple of `length` fits `kind`."""
    for option in _options(kind):
        arguments = get_args(option)
        if get_origin(option) is tuple and arguments[-1:] == (Ellipsis,):
            return [arguments[0]] * length
        if get_origin(option) is tuple and len(arguments) == length:
            return list(arguments)
    return None


def _in_words(kind: Any, room: str | None) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is tuple:
        return "a list such as [1,2,3]"
    if room is not None and kind is not types.NoneType:
        return f"a method of room {room}"
    return _WORDS.get(kind, f"what text can give; pass a {kind} in Python")


_WORDS: dict[Any, str] = {
    types.NoneType: "none",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _shown(value: Value) -> str:
    """A refused value as it was written, cut at sixty characters."""
    if isinstance(value, Word):
        shown = value.text
    elif isinstance(value, Call):
        shown = f"{value.name}(...)"
    elif isinstance(value, list):
        shown = f"[{','.join(map(_shown, value))}]"
    else:
        shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
