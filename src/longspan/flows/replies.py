"""What models say, read with patience: fields behind labels, nothing, quotes, and the same over and over."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from longspan.errors import FlowError
from longspan.flows.chat import Failed, Reply
from longspan.spans import Document, Span, sentences
from longspan.spans.finding import Read, find
from longspan.spans.quotations import quotations
from longspan.spans.words import words

NOTHING = "NONE"
"""What a model is asked to say where a text holds nothing that is wanted."""

_NOTHING = frozenset(
    ("", "none", "n/a", "nothing", "no information", "no info", "not found", "not mentioned", "not available")
)
_DECLINES = re.compile(
    r"(?i)(?:i['’]?m |i am )?(?:very )?(?:sorry|afraid)\b|i (?:can['’]?t|cannot|can not|am unable)\b|as an ai\b"
)
_BULLET = re.compile(r"\A\s*(?:[-*•–]\s+|\(?\d{1,3}[.)]\s+)+")
_SENTENCE = 4  # words of a sentence that is found among others
_ALIKE = 0.95  # of the characters of a sentence and of its quote
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


def straight(text: str, *, times: int = 4, words: int = 6) -> str:
    """A text up to where it begins to go round in circles, if it does: see `repeats`."""
    if not repeats(text, times=times, words=words):
        return text
    places = [(each[0], each.start()) for each in re.finditer(r"\S+", text)]
    runs = [tuple(word for word, _ in places[at : at + words]) for at in range(len(places) - words + 1)]
    again = [places[at][1] for at in _returns(runs, times) if any(map(str.isalnum, "".join(runs[at])))]
    lines = [(each[0].strip(), each.start()) for each in re.finditer(r".+", text)]
    again += [lines[at][1] for at in _returns([line for line, _ in lines], times) if len(lines[at][0]) > 3]
    return text[: min(again)].rstrip()


def _returns(said: Sequence[Any], times: int) -> Iterator[int]:
    """Where each thing that is said so often is said the second time."""
    places: dict[Any, list[int]] = {}
    for at, thing in enumerate(said):
        places.setdefault(thing, []).append(at)
    return (each[1] for each in places.values() if len(each) >= times)


def declines(text: str) -> bool:
    """Whether a reply begins with a refusal to do what was asked."""
    return bool(_DECLINES.match(text.strip()))


def listed(text: str) -> list[str]:
    """The distinct lines of a reply, without bullets and numbers before them, and without those that say nothing."""
    lines = (_BULLET.sub("", line).strip() for line in straight(text).splitlines())
    return [line for line in dict.fromkeys(lines) if not says_nothing(line)]


def sentences_quoted(text: str, part: Span) -> tuple[list[Span], int]:
    """The sentences of a part that a reply quotes, line by line, and the number of its lines that quote none.

    A quote may be a piece of a sentence, may differ from it in line ends, hyphens, marks, and in a twentieth of its
    characters, and may have words around it: what counts is the sentence as it stands in the document.
    """
    known = sentences(part.document, part.start, part.end)
    found: list[Span] = []
    missed = 0
    for line in listed(text):
        inner = [wording for each in quotations(line) for wording in each.wordings]
        places = next(filter(None, (_sentences(known, each, part) for each in (line, *inner))), [])
        if not places:
            said = Document("reply", line)
            places = [place for each in sentences(said) for place in _sentences(known, each.text, part)]
        missed += not places
        found += places
    return sorted(dict.fromkeys(found), key=lambda each: each.start), missed


def _sentences(known: Sequence[Span], quote: str, part: Span) -> list[Span]:
    place = located(quote, [part])
    if place is not None:
        return [each for each in known if each.start < place.end and place.start < each.end]
    alike = SequenceMatcher(None, b=_plain(quote), autojunk=False)
    for each in known:
        alike.set_seq1(_plain(each.text))
        if alike.real_quick_ratio() >= _ALIKE and alike.quick_ratio() >= _ALIKE and alike.ratio() >= _ALIKE:
            return [each]
    said = f" {' '.join(words(quote))} "
    within = [(each, [*words(each.text)]) for each in known]
    return [each for each, its in within if len(its) >= _SENTENCE and f" {' '.join(its)} " in said]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(string.punctuation + "“”„‘’")


def located(quote: str, read: Sequence[Span]) -> Span | None:
    """Where a quote stands in what was read, in the document's own wording; None where it does not.

    Line ends, hyphens and the style of marks may differ, as for quotations in answers.
    """
    wanted = quote.strip().strip("\"“”„«»'‘’ ")
    if not wanted:
        return None
    return find(wanted, [Read(span) for span in read])


def heard(replies: Sequence[Reply | Failed], of: int | None = None) -> list[Reply | None]:
    """Replies, None for those that failed. Raises FlowError where a fifth of them did, or more.

    of: how many there will be, where these are not all.
    """
    count = of or len(replies)
    reasons = [each.reason for each in replies if isinstance(each, Failed)]
    if reasons and len(reasons) >= max(1, _FAILED_SHARE * count):
        raise FlowError(
            f"{len(reasons):,} of {count:,} calls failed, the first because: {reasons[0]}; mend that and run "
            "again: what was answered is kept where the flow has a trace"
        )
    return [each if isinstance(each, Reply) else None for each in replies]
