"""Tasks whose samples come from the rows of a published data set, at their natural length."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

from longspan.evaluation.archive import HubFile
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Request, Task, TaskError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Published(Task):
    """A task over published rows. data: where they are."""

    data: Source | HubFile
    origin: Origin = "published"

    sized: ClassVar[bool] = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """The samples in the order of the data. Raises TaskError where it is absent or has another layout."""
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            yield from self.checked(number, partial(self.read, row, number))

    def checked(self, number: int, read: Callable[[], Iterable[T]]) -> list[T]:
        """What `read` makes of row `number`. Raises TaskError where the row lacks what that needs."""
        try:
            return list(read())
        except TaskError:
            raise
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise TaskError(
                f"{self.name} row {number + 1} is not laid out as published ({error!r}); fetch the data anew"
            ) from error

    @abstractmethod
    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """The samples of a row, whose index is `number`."""
