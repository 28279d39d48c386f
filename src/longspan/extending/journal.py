"""What a search has found so far, on disk, so that it goes on where it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from longspan.errors import PlanError
from longspan.extending.candidate import Candidate
from longspan.extending.writing import write_json


class Journal:
    """Losses of candidates in the order in which a search asks for them.

    A search is a function of its seed and of the losses, so one that begins anew asks for the same candidates: it gets
    the losses that were kept, and from then on those that `measure` finds, each of which is on disk before it is
    given. about: what the losses depend on. Raises PlanError for a file that is of another search or cannot be read.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], measure: Callable[[Candidate], float]) -> None:
        self._path, self._about, self._measure = path, dict(about), measure
        self._asked = 0
        self._entries = self._kept()
        self.kept = len(self._entries)

    def __call__(self, candidate: Candidate) -> float:
        """The loss of the next candidate."""
        asked = candidate.to_dict()
        if self._asked < len(self._entries):
            entry = self._entries[self._asked]
            if {name: entry.get(name) for name in asked} != asked:
                raise self._foreign()
        else:
            entry = asked | {"loss": self._measure(candidate)}
            self._entries.append(entry)
            write_json(self._path, {"search": self._about, "scored": self._entries})
        self._asked += 1
        return float(entry["loss"])

    def _kept(self) -> list[dict[str, Any]]:
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            entries: list[dict[str, Any]] = held["scored"]
            same = held["search"] == self._about
            sound = all(isinstance(entry["loss"], int | float) for entry in entries)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise PlanError(
                f"{self._path} is not what a search has kept ({error}); remove it to begin anew"
            ) from error
        if not same or not sound:
            raise self._foreign()
        return entries

    def _foreign(self) -> PlanError:
        return PlanError(
            f"{self._path} was kept by a search for something else, or by another version; remove it to begin anew, or "
            "name another file for the result"
        )
