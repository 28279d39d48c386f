"""XL3M: the segments after which the model is surest of what it would answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from time import perf_counter

from torch import Tensor

from longspan.conversation import Conversation
from longspan.flows.base import Events, Flow, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat, Local
from longspan.flows.fitting import fitting
from longspan.flows.looking import local, placed
from longspan.flows.prompting import laid
from longspan.parameters import check_whole
from longspan.plan import Plan
from longspan.registry import Card
from longspan.running.generation import end_tokens
from longspan.running.looking import read_usage
from longspan.session import Session
from longspan.spans import Answer, Document, Span, merge

CARD = Card(
    name="xl3m",
    target="longspan.flows.xl3m:XL3M",
    paper="XL3M: A Training-free Framework for LLM Length Extension Based on Segment-wise Inference",
    link="https://arxiv.org/abs/2405.17755",
    year=2024,
    training=False,
    changes="Asks after each segment alone, and reads those after which the next tokens are surest.",
    field=(300,),
    missing="Segments do not overlap, and their length is ours, since the paper's was not to be had.",
)


@dataclass(frozen=True, kw_only=True)
class XL3M(Flow):
    """Segments chosen by entropy. https://arxiv.org/abs/2405.17755

    Each segment is read with the question, and the entropy of what comes next is taken; the segments with the lowest,
    in the documents' order, are read together for the answer, as many as fit.

    After the abstract, since no more was to be had; lengths are ours. Deviations: a model can be sure that it does not
    know, too, so the entropy is averaged over the first `ahead` tokens of its answer, and what it is for the same
    tokens after the question alone is subtracted.
    """

    segment: int = 512
    """Tokens of a segment at most."""

    tokens: int = 4096
    """Tokens of segments that are read for the answer, fewer where the chat has no room for them."""

    ahead: int = 4
    """Tokens of the answer over which the entropy is averaged."""

    def __post_init__(self) -> None:
        check_whole("segment", self.segment, 16)
        check_whole("tokens", self.tokens, 16)
        check_whole("ahead", self.ahead, 1, 64)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """A score for each segment, then one reply to the best."""
        model = local(chat, CARD.name)
        around = laid("passages", (), question).message["content"]
        size = room(chat, self.segment, self.ahead, around)
        budget = room(chat, self.tokens, reply_tokens(events), around)
        found = parts(documents, min(size, budget), chat.count_tokens)
        begun = perf_counter()
        scores, tokens = surprises(model, found, question, self.ahead)
        ranked = sorted(range(len(found)), key=scores.__getitem__)
        kept = fitting(found, ranked, budget, chat.count_tokens) or [found[ranked[0]]]
        events.step(f"asked after each of {len(found):,} segments, and reads {len(kept):,}")
        looks = read_usage(tokens, perf_counter() - begun)
        read = merge(kept)
        said = chat.generate(
            [laid("passages", read, question).message], stream=events.stream, **events.generation
        )
        return concluded(said, question, read, [looks, said.usage], count=chat.count_tokens)


def surprises(chat: Local, segments: Sequence[Span], question: str, ahead: int) -> tuple[list[float], int]:
    """For each segment how much less sure of its answer's beginning the model is than after the question alone, in
    nats a token, and how many tokens were read for all. Below 0 where the segment makes it surer.
    """
    plan = Plan(positions=chat.plan.positions)
    prompts = [placed(chat, [segment], question).ids for segment in segments]
    alone = placed(chat, [], question).ids
    found = [0.0] * len(segments)
    order = sorted(range(len(segments)), key=lambda number: len(prompts[number]))
    tokenizer = chat.model.tokenizer
    ends = end_tokens(chat.model.network, tokenizer, Conversation(tokenizer, chat.template).end)
    with chat.model.session(plan) as asked:
        first = float(entropy(asked.read(alone).next_logits))
        for start in range(0, len(order), chat.together):
            some = order[start : start + chat.together]
            with chat.model.session(plan, size=len(some)) as session:
                ids = [prompts[number] for number in some]
                begun = _begun(session.read(ids if len(ids) > 1 else ids[0]), ahead, ends)
            for number, (entropies, said) in zip(some, begun, strict=True):
                base = [first]
                if len(said) > 1:
                    with asked.fork() as twin:
                        base += entropy(twin.logits(said[:-1])).tolist()
                found[number] = (sum(entropies) - sum(base)) / len(base)
    return found, len(alone) + sum(map(len, prompts))


def entropy(logits: Tensor) -> Tensor:
    """Of the distribution behind logits `[..., vocab]`, in nats: `[...]`."""
    logs = logits.double().log_softmax(-1)
    return -(logs.exp() * logs).sum(-1)


def _begun(session: Session, ahead: int, ends: Collection[int]) -> list[tuple[list[float], list[int]]]:
    """For each sequence the entropies of its likeliest answer's first tokens, and these, up to its end."""
    found: list[tuple[list[float], list[int]]] = [([], []) for _ in session.sequences]
    for left in range(ahead, 0, -1):
        likeliest = []
        for sequence, (entropies, said) in zip(session.sequences, found, strict=True):
            logits = sequence.upcoming
            if logits is None:
                raise RuntimeError("a session that has just read has no logits")
            likeliest.append([int(logits.argmax())])
            if not said or said[-1] not in ends:
                entropies.append(float(entropy(logits)))
                said += likeliest[-1]
        if left > 1:
            session.read(likeliest if len(likeliest) > 1 else likeliest[0])
    return found
