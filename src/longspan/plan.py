"""A plan names one part for each slot; it is checked when it is made, and has a text form."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longspan import named, parts, registry
from longspan.errors import PlanError, UnknownMethod
from longspan.notation import MAX_DEPTH, Call, Value, parse_call, parse_slots
from longspan.slots import Slots

if TYPE_CHECKING:
    from longspan.codecs.base import Codec
    from longspan.decoding.base import Decode
    from longspan.patterns.base import Pattern
    from longspan.policies.base import Policy
    from longspan.positions.base import Positions
    from longspan.selectors.base import Selector


@dataclass(frozen=True, kw_only=True, init=False)
class Plan(Slots):
    """One part for each slot; the empty plan is the stock model.

    Every slot takes a part, its text, or None, and holds a part or None afterwards. Then each part's
    `check(plan)`, where it has one, says whether it can work together with the others.

    positions: which rotation each query and key gets
    pattern: which key blocks a query block visits while the prompt is read
    policy: what the store keeps
    selector: which stored keys a decoding query visits
    codec: in which form keys and values are kept
    decode: how tokens are proposed and verified

    Raises PlanError for a plan that cannot be read or whose parts cannot work together, and
    UnknownMethod for a part that is not registered.
    """

    positions: Positions | None = None
    pattern: Pattern | None = None
    policy: Policy | None = None
    selector: Selector | None = None
    codec: Codec | None = None
    decode: Decode | None = None

    def __init__(
        self,
        *,
        positions: Positions | str | None = None,
        pattern: Pattern | str | None = None,
        policy: Policy | str | None = None,
        selector: Selector | str | None = None,
        codec: Codec | str | None = None,
        decode: Decode | str | None = None,
    ) -> None:
        given = (positions, pattern, policy, selector, codec, decode)
        for slot, value in zip(registry.SLOTS, given, strict=True):
            object.__setattr__(self, slot, _part(slot, value))
        self.describe()  # refuses what could not be recorded
        for part in self.parts.values():
            for each in (part, *parts.inner(part)):
                if hasattr(each, "check"):
                    each.check(self)

    @classmethod
    def of(cls, value: Plan | str | os.PathLike[str] | None) -> Plan:
        """The plan that `value` is, that its text writes, or that its .toml file holds; None is empty."""
        if isinstance(value, Plan):
            return value
        if isinstance(value, os.PathLike) or (value is not None and value.endswith(".toml")):
            return cls.load(value)
        return cls.parse(value or "")

    @classmethod
    def parse(cls, text: str) -> Plan:
        """The plan written as `positions=yarn(factor=4) policy=snapkv(budget=2048,when=chunk)`.

        The name of a plan in `longspan.named` may stand in front; what follows it fills slots otherwise.
        """
        first, *rest = text.split(maxsplit=1)[:2] or [""]
        whole = named.text_of(first)
        if whole is None:
            return cls._of_calls(parse_slots(text))
        return cls._of_calls(parse_slots(whole) | parse_slots("".join(rest)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """The plan in a TOML file: for each slot the text of a part, or a table with its `method`.

            positions = "yarn(factor=4)"

            [policy]
            method = "snapkv"
            budget = 2048

        Raises PlanError, with the path in front, for a file that cannot be read or holds no plan.
        """
        try:
            content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            reason = f"cannot be read ({error.strerror}); give the path of a TOML file"
            raise PlanError(f"plan file {path} {reason}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise PlanError(f"plan file {path} is not TOML: {error}") from error
        try:
            return cls.of_tables(content)
        except (PlanError, UnknownMethod) as error:
            raise type(error)(f"plan file {path}: {error}") from error

    @classmethod
    def of_tables(cls, tables: Mapping[str, Any]) -> Plan:
        """The plan that `describe` wrote as tables, by this or an earlier version. Raises as `parse` does."""
        return cls._of_calls({slot: _call(value, slot, 1) for slot, value in tables.items()})

    @classmethod
    def _of_calls(cls, calls: dict[str, Call]) -> Plan:
        for slot in calls:
            if slot not in registry.SLOTS:
                near = registry.did_you_mean(slot, registry.SLOTS)
                raise PlanError(f"no slot {slot!r}{near or ';'} the slots are {', '.join(registry.SLOTS)}")
        return cls(**{slot: parts.build(slot, call) for slot, call in calls.items()})

    @property
    def parts(self) -> dict[str, Any]:
        """The parts by slot, without the empty slots."""
        return {slot: part for slot in registry.SLOTS if (part := getattr(self, slot)) is not None}

    @property
    def reading(self) -> Plan:
        """The parts that take part while a prompt is read: plans that differ only in others can share the reading."""
        learns = self.codec is not None and self.codec.form().learns == "end"
        late = self.policy is not None and self.policy.when == "end" and not self.policy.guided and not learns
        early = self.selector is not None and (self.selector.reads > 0 or self.selector.surprised)
        return dataclasses.replace(
            self,
            policy=None if late else self.policy,
            selector=self.selector if early else None,
            decode=None,
        )

    @property
    def streams(self) -> bool:
        """Whether its policy keeps so much of a text that passes, whatever the length."""
        return self.policy is not None and self.policy.when == "chunk" and not self.policy.spares_question

    def describe(self) -> dict[str, Any]:
        """The plan as JSON can hold it: for each slot a table with its method and all its parameters."""
        return {slot: parts.table_of(slot, part) for slot, part in self.parts.items()}

    def __str__(self) -> str:
        return " ".join(f"{slot}={parts.text_of(slot, part)}" for slot, part in self.parts.items())


def _part(slot: str, value: object) -> Any:
    if isinstance(value, str):
        return parts.build(slot, parse_call(value))
    if value is None:
        return None
    cls = value if isinstance(value, type) else type(value)
    if not dataclasses.is_dataclass(cls):
        raise PlanError(f'{slot}={value!r} is neither a part nor the text of one; write {slot}="METHOD"')
    if isinstance(value, type):
        raise PlanError(f"{slot}={cls.__name__} is a class; give a part, such as {cls.__name__}()")
    if registry.name_of(slot, cls) is None:
        for room in registry.ROOMS:
            if (name := registry.name_of(room, cls)) is not None:
                raise PlanError(f"{slot}={name}: {name} belongs to {room}; write {room}={name}")
        base = registry.contract(slot)
        if not isinstance(value, base):
            raise PlanError(
                f"{slot}={cls.__name__} is no {slot}; derive it from {base.__module__}.{base.__name__}"
            )
    return value


def _call(value: Any, where: str, depth: int) -> Call:
    """The call that a TOML text or table stands for."""
    if isinstance(value, str):
        return parse_call(value)
    if not isinstance(value, dict) or not isinstance(value.get("method"), str):
        raise PlanError(f'{where} is neither a text nor a table with its method; write {where} = "METHOD"')
    given = {key: _value(each, key, depth + 1) for key, each in value.items() if key != "method"}
    return Call(value["method"], given)


def _value(value: Any, where: str, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise PlanError(f"{where} is nested deeper than {MAX_DEPTH}; write it flatter")
    if isinstance(value, dict):
        return _call(value, where, depth)
    if isinstance(value, list):
        return [_value(each, where, depth + 1) for each in value]
    plain: Value = value
    return plain
