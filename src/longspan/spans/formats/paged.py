"""Pages, slides or sheets put together, and what is known of places in them."""

from __future__ import annotations

from collections.abc import Iterable

from longspan.spans.places import Columns, Places

_GAP = "\n\n"
_LONGEST_LABEL = 80


class Paged:
    """Texts one after another, a blank line between them; places within each count from its own beginning."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._texts: list[str] = []
        self._starts: list[int] = []
        self._labels: list[str] = []
        self._headings: list[tuple[int, str]] = []
        self._lines: list[tuple[int, int]] = []
        self._columns: list[Columns] = []
        self._length = 0

    def add(
        self,
        text: str,
        label: str = "",
        *,
        headings: Iterable[tuple[int, str]] = (),
        lines: Iterable[tuple[int, int]] = (),
        columns: Iterable[Columns] = (),
    ) -> None:
        start = self._length
        label = " ".join(label.split())
        self._texts.append(text)
        self._starts.append(start)
        self._labels.append(label if len(label) <= _LONGEST_LABEL else f"{label[:_LONGEST_LABEL]} …")
        self._headings += [(start + offset, said) for offset, said in headings]
        self._lines += [(start + offset, line) for offset, line in lines]
        self._columns += [each._replace(start=start + each.start) for each in columns]
        self._length += len(text) + len(_GAP)

    @property
    def text(self) -> str:
        return _GAP.join(self._texts)

    @property
    def places(self) -> Places:
        return Places(
            page_starts=tuple(self._starts),
            page_labels=tuple(self._labels) if any(self._labels) else (),
            lines=tuple(self._lines),
            headings=tuple(self._headings),
            unit=self._unit,
            columns=tuple(self._columns),
        )
