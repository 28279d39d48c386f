"""Drafts of an answer that is held to a form."""

from __future__ import annotations

from typing import Protocol

from longspan.decoding.base import Draft


class Form(Protocol):
    """What a text is held to, and how far it is in it."""

    def forced(self) -> list[int]:
        """Tokens that follow in any case."""
        ...

    def fitting(self, tokens: list[int]) -> int:
        """How many of some tokens, from the first on, may follow one another."""
        ...


def forced(form: Form | None, room: int) -> Draft:
    """What the form leaves no choice about."""
    return Draft() if form is None else Draft.line(form.forced()[:room])


def fitting(form: Form | None, draft: Draft) -> Draft:
    """What of a draft the form allows. What chance drew is left whole, since rules count what is not taken too."""
    if form is None or not draft.ids or draft.drawn:
        return draft
    kept: list[bool] = []
    for place, parent in enumerate(draft.parents):
        path = list(draft.path(place))
        kept.append((parent < 0 or kept[parent]) and form.fitting(path) == len(path))
    return draft if all(kept) else draft.only([place for place, keep in enumerate(kept) if keep])
