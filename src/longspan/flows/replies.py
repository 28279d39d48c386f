"""What models say, read with patience: fields behind labels, nothing, quotes, and the same over and over."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from longspan.errors import FlowError
from longspan.flows.chat import Failed, Reply
from longspan.spans import Span
from longspan.spans.finding import Read, find

NOTHING = "NONE"
"""What a model is asked to say where a text holds nothing that is wanted."""

_NOTHING = frozenset(
    ("", "none", "n/a", "nothing", "no information", "no info", "not found", "not mentioned", "not available")
)
_FAILED_SHARE = 0.2
"""Of calls that fail together; from there on their flow fails, too."""


def labelled(text: str, labels: Sequence[str]) -> dict[str, str]:
    """What follows each label at the beginning of a line, up to the next; of a label that comes twice, the last.

    Labels are found whatever their case and the marks around them (`**Answer:**`, `- answer :`). One that is missing
    is not in the result.
    """
    named = "|".join(re.escape(label) for label in labels)
    mark = re.compile(rf"(?im)^[\s>*#_\-\d.)]*({named})[\s*_]*[:\uff1a][*_]*")
    found, places = {}, [*mark.finditer(text)]
    ends = [*(each.start() for each in places), len(text)][1:]
    for place, following in zip(places, ends, strict=False):
        label = next(each for each in labels if each.lower() == place[1].lower())
        found[label] = text[place.end() : following].strip()
    return found


def says_nothing(text: str) -> bool:
    """Whether a whole reply, or a whole field of one, says that there is nothing."""
    words = text.strip().strip(string.punctuation + string.whitespace + "“”„‘’").lower()
    return " ".join(words.split()) in _NOTHING


def repeats(text: str, *, times: int = 4, words: int = 6) -> bool:
    """Whether the same line, or the same words in a row, come over and over: the model went round in circles."""
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    if any(count >= times and len(line) > 3 for line, count in lines.items()):
        return True
    said = text.split()
    runs = Counter(tuple(said[start : start + words]) for start in range(len(said) - words + 1))
    return any(count >= times and any(map(str.isalnum, "".join(run))) for run, count in runs.items())


def located(quote: str, read: Sequence[Span]) -> Span | None:
    """Where a quote stands in what was read, in the document's own wording; None where it does not.

    Line ends, hyphens and the style of marks may differ, as for quotations in answers.
    """
    wanted = quote.strip().strip("\"“”„«»'‘’ ")
    if not wanted:
        return None
    return find(wanted, [Read(span) for span in read])


def heard(replies: Sequence[Reply | Failed]) -> list[Reply | None]:
    """Replies, None for those that failed. Raises FlowError where a fifth of them did, or more."""
    reasons = [each.reason for each in replies if isinstance(each, Failed)]
    if reasons and len(reasons) >= max(1, _FAILED_SHARE * len(replies)):
        raise FlowError(
            f"{len(reasons):,} of {len(replies):,} calls failed, the first because: {reasons[0]}; mend that and run "
            "again: what was answered is kept where the flow has a trace"
        )
    return [each if isinstance(each, Reply) else None for each in replies]
