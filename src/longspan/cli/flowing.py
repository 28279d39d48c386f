"""Flows on the command line: who answers, what is kept on the way, and what is shown of an answer."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longspan.cli.answering import Display, quoted
from longspan.cli.asked import note
from longspan.cli.loaded import shown_progress
from longspan.cli.terminal import say
from longspan.errors import ContextError
from longspan.plan import Plan
from longspan.spans import Answer, Document, printable

if TYPE_CHECKING:
    from longspan.flows.base import Flow
    from longspan.flows.chat import Chat
    from longspan.flows.served import Served
    from longspan.running.generation import Generation

EndpointOption = Annotated[
    str | None,
    typer.Option(help="Address of an OpenAI-compatible server that answers instead, such as http://host/v1."),
]
TokenizerOption = Annotated[
    str | None,
    typer.Option(help="The model whose tokens are counted for an endpoint; by default the embedded one."),
]
ParallelOption = Annotated[int, typer.Option(help="Requests to an endpoint at a time.")]


def served(
    endpoint: str, model: str | None, tokenizer: str | None, *, plan: Plan, parallel: int = 4
) -> Served:
    """The server that answers. Raises ValueError for a plan, which only a model of this process has."""
    from longspan.flows.served import Served
    from longspan.loading import load_weights

    if plan != Plan():
        raise ValueError("--plan is for models of this process, and --endpoint names a server; leave one out")
    with shown_progress() as progress:
        counting = load_weights(tokenizer, progress=progress)
    return Served(
        url=endpoint,
        model=model or "",
        tokenizer=counting.tokenizer,
        tokenizer_name=counting.digest,
        parallel=parallel,
    )


def by_flow(
    chat: Chat,
    flow: Flow,
    documents: Sequence[Document],
    question: str,
    generation: Generation,
    display: Display,
    *,
    keep: bool,
    name: str,
    as_json: bool,
    traced: Callable[[Answer], Answer] = lambda answer: answer,
) -> None:
    """Answers by a flow and shows it, with the name of the model.

    keep: every reply on the way is kept until the answer has been shown, so that a run that was stopped goes on.
    traced: leads an answer back to other documents before it is shown.
    """
    from longspan.flows.base import Events
    from longspan.flows.checking import checked

    events = Events(step=display.note, stream=display.stream, generation=generation)
    with kept(chat, flow, documents, question, generation, display.note, keep=keep) as asked:
        answer = checked(flow.answer(asked, documents, question, events), asked, question)
        display.stop(finished=True)
        show(traced(answer), name, as_json=as_json)
        sys.stdout.flush()


@contextmanager
def kept(
    chat: Chat,
    flow: object,
    documents: Sequence[Document],
    question: str,
    generation: Generation,
    tell: Callable[[str], None],
    *,
    keep: bool,
) -> Iterator[Chat]:
    """The chat with a trace in the cache folder, which goes when all is done.

    flow: what asks, whose text says with the rest which run it is.
    """
    from longspan.cache_folder import subfolder
    from longspan.flows.trace import Trace, Traced

    try:
        identity = chat.identity if keep else None
    except ContextError:
        identity = None
    if identity is None:
        yield chat
        return
    texts = [hashlib.sha256(each.text.encode("utf-8", "surrogatepass")).hexdigest() for each in documents]
    names = [each.name for each in documents]
    said = [identity, repr(flow), texts, names, question, sorted(map(repr, generation.items()))]
    key = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    trace = Trace(subfolder("traces") / f"{key}.jsonl")
    known = trace.count
    if known:
        tell(f"goes on where it was stopped: {known:,} replies are known")
    try:
        yield Traced(chat, trace)
    except BaseException:
        trace.close()
        raise
    trace.close(remove=True)


def show(answer: Answer, name: str, *, as_json: bool, claims: bool = True) -> None:
    """The answer after it was streamed: citations, claims that nothing supports, what was not read, and the cost.

    name: of the model. claims: whether each sentence is shown with what it rests on, where the answer knows.
    """
    if as_json:
        typer.echo(json.dumps(answer.to_dict(), indent=2, ensure_ascii=False))
        return
    typer.echo("\n")
    if not answer.complete:
        note("the answer ends before it is of the form that was asked for; raise --max-new-tokens")
    for citation in answer.citations:
        say(quoted(citation))
    if claims:
        for line in _claimed(answer):
            say(line)
    for unread in answer.unread:
        place = unread.span.document.describe(unread.span.start, unread.span.end)
        note(f"not read: {place}: {unread.reason}")
    say(f"{answer.usage.line()} · {name}")


def _claimed(answer: Answer) -> Iterator[str]:
    """Sentences of an answer that nothing holds, and how many rest on what."""
    lacking = [claim for claim in answer.claims if claim.state == "unverified"]
    for claim in lacking:
        yield f"  ? “{printable(' '.join(claim.text.split()), lines=False)}” — nothing that was read supports it"
    if answer.claims:
        counts = Counter[str](claim.state for claim in answer.claims)
        told = ", ".join(f"{counts[state]:,} {words}" for state, words in _RESTS.items() if counts[state])
        held = len(answer.claims) - len(lacking)
        yield f"{held:,} of {len(answer.claims):,} sentences rest on what was read" + (
            f": {told}" if told else ""
        )


_RESTS = {
    "verified": "quoted word for word",
    "supported": "with its words and numbers, which the model takes for said there",
    "similar": "with its words and numbers alone",
}


def variables_refused(endpoint: str | None, given: dict[str, Any]) -> None:
    """Raises ValueError for options that a server decides by itself."""
    for name, value in given.items():
        if endpoint is not None and value:
            raise ValueError(
                f"--{name} is for models of this process, and --endpoint names a server; leave one out"
            )
