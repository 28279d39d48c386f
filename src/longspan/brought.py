"""What other packages bring: the one reader of entry points, for every kind of thing.

A package announces a thing in the group of its kind, under a name, and it is there by that name wherever longspan's own
are: in a plan, on the command line, in a listing.

| group | name | object |
| --- | --- | --- |
| `longspan.methods` | `room.name`, such as `policy.mine` or `flow.mine` | a `registry.Card` |
| `longspan.plans` | the plan's name | a `named.Named` |
| `longspan.profiles` | the profile's name | a `profiles.measure.Measure` |
| `longspan.formats` | the suffix of files without its dot, such as `djvu` | a `spans.formats.brought.Format` |
| `longspan.tasks` | the family of tasks | a tuple of `evaluation.task.Task`, each called `family/...` |
| `longspan.metrics` | the metric's name | an `evaluation.metrics.named.Metric` |
| `longspan.targets` | the scheme of its addresses | an `evaluation.targets.Opener` |

Entry points are read once, and a package is imported when a name of it is asked for, or all names are listed.
Longspan's own things cannot be replaced. What two packages announce, and what cannot be loaded or is something else, is
an error of one line that names the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from longspan.errors import LongspanError

Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Thing]):
    """One kind of thing that packages bring.

    group: of its entry points. what: the kind in words, "" where its names say it. own: names of longspan's own.
    read: the thing itself from a name and the object that is announced, or ValueError with what is wrong, as in "is
    not the Card of 'mine'". error: the class of errors.
    """

    group: str
    what: str = ""
    own: Callable[[], Iterable[str]] = tuple
    read: Callable[[str, Any], Thing]
    error: type[LongspanError] = LongspanError

    @property
    def names(self) -> tuple[str, ...]:
        """What is announced, without what longspan has itself; nothing is imported."""
        own = set(self.own())
        return tuple(name for name in announced(self.group) if name not in own)

    def load(self, name: str) -> Thing:
        """The thing of a name in `names`, imported now. Raises `error` in one line, and KeyError for another name."""
        entries = announced(self.group)[name]
        entry, called = entries[0], f"{self.what} {name}".strip()
        if len(entries) > 1:
            one, other = map(origin, entries[:2])
            raise self.error(f"{called} is announced by both {one} and {other}; uninstall one of them")
        if name in self.own():
            raise self.trouble(name, "has the name of one of longspan's own")
        try:
            found = entry.load()
        except Exception as error:  # a package of others can fail in any way
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise self.trouble(name, f"cannot be loaded ({said})") from error
        try:
            return self.read(name, found)
        except ValueError as error:
            raise self.trouble(name, str(error)) from error

    def all(self) -> dict[str, Thing]:
        """Everything that is announced, imported now. Raises `error` for what is broken or clashes with another."""
        return {name: self.load(name) for name in announced(self.group)}

    def trouble(self, name: str, what: str) -> LongspanError:
        """The error for something that a package did wrong, in one line."""
        package = origin(announced(self.group)[name][0])
        return self.error(
            f"{f'{self.what} {name}'.strip()} of {package} {what}; update or uninstall {package}"
        )

    def package(self, name: str) -> str:
        """The package that announces a name of `names`, with its version."""
        dist = announced(self.group)[name][0].dist
        return f"{dist.name} {dist.version}" if dist else origin(announced(self.group)[name][0])


@cache
def announced(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of a group by their names; read once, not loaded."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def origin(entry: EntryPoint) -> str:
    """The package of an entry point."""
    return entry.dist.name if entry.dist else entry.value


def instance(kind: type[Thing]) -> Callable[[str, Any], Thing]:
    """For `Kind.read`: an instance of a class, whose `name`, where it has one, is the announced one."""

    def read(name: str, found: Any) -> Thing:
        if not isinstance(found, kind) or getattr(found, "name", name) != name:
            raise ValueError(f"is not the {kind.__name__} of {name!r}")
        return found

    return read
