"""Which flow suits a question: by its words, the length of the documents, and what the model was found to read well."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUMMARY = re.compile(
    r"(?i)^\W*(?:please\s+)?(?:summari[sz]e|sum up|give (?:me )?a summary|write a summary|tl;?dr|zusammenfass"
    r"|fass\b.*zusammen|résume|resume\b|what is (?:this|it|the (?:text|book|document|file|paper|report)) about)"
)
_ALL_OVER = re.compile(
    r"(?i)\b(?:how many|how often|list (?:all|every|each)|all (?:of )?the|every|compare|differences? between|count|"
    r"in (?:total|all)|overall|throughout|main (?:themes?|points?|arguments?)|each (?:of|time))\b"
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A flow by its text, "direct" for reading everything, "passages" for the best passages, and why."""

    flow: str
    reason: str


def chosen_flow(
    question: str, *, tokens: int, reply: int, window: int | None, effective: int | None
) -> Choice:
    """For documents of so many tokens and a reply of so many.

    window: what the plan allows, None where no bound is known. effective: up to which length the model was found to
    read well, None where nobody measured it.
    """
    fits = window is None or tokens + reply <= window
    well = fits if effective is None else tokens + reply <= effective
    held = "no known bound" if window is None else f"a window of {window:,}"
    if effective is not None:
        held += f", of which {effective:,} were found to be read well"
    said = f"{tokens:,} tokens, {held}"
    if fits and well:
        return Choice(flow="direct", reason=f"{said}: read whole")
    if _SUMMARY.search(question):
        return Choice(
            flow="recursive-summary", reason=f"{said}; the question asks for a summary: part by part"
        )
    if _ALL_OVER.search(question):
        return Choice(flow="map-reduce", reason=f"{said}; the question asks about all of it: part by part")
    return Choice(flow="passages", reason=f"{said}; the question asks for something in it: the best passages")
