"""LongEval: registers in lines, and the first topic of a long conversation (https://lmsys.org/blog/2023-06-29-longchat)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random

from longspan.evaluation.metrics.text import best, contains
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request
from longspan.evaluation.words import compound


@dataclass(frozen=True, kw_only=True)
class LongEval(Generated):
    """What the two tasks have in common."""

    diffusion: Level = "low"
    scope: Level = "low"
    paper: str = "How Long Can Open-Source LLMs Truly Promise on Context Length?"
    link: str = "https://lmsys.org/blog/2023-06-29-longchat"


@dataclass(frozen=True, kw_only=True)
class Lines(LongEval):
    """The number that one of many lines holds."""

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The record and the asked line, anywhere in it; facts: `depth`, `line` and `lines`."""
        seed, depth = random.getrandbits(64), random.random()

        def build(count: int) -> Sample:
            lines = list(islice(_lines(Random(seed)), count))  # noqa: S311
            asked = int(depth * count)
            key, number = lines[asked]
            record = "".join(f"line {each}: REGISTER_CONTENT is <{value}>\n" for each, value in lines)
            return Sample(
                id="",
                context="Below is a record of lines I want you to remember. Each line begins with 'line <line index>' "
                "and contains a '<REGISTER_CONTENT>' at the end of the line as a numerical value. For each line "
                "index, memorize its corresponding <REGISTER_CONTENT>. At the end of the record, I will ask you to "
                "retrieve the corresponding <REGISTER_CONTENT> of a certain line index. Now the record start:\n\n"
                f"{record}\n",
                question=f"Now the record is over. Tell me what is the <REGISTER_CONTENT> in line {key}? "
                "I need the number.",
                references=(str(number),),
                facts={"depth": depth, "line": asked, "lines": count},
            )

        return self.largest(build, request, fewest=2)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the number is one of those in the output."""
        return {"score": float(sample.references[0] in re.findall(r"\d+", output))}


@dataclass(frozen=True, kw_only=True)
class Topics(LongEval):
    """The first of many topics that a user and an assistant have talked about."""

    origin: Origin = "stand-in"
    unlike: str = "conversations made here, where the paper has those that a model wrote"

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """A conversation whose first topic is asked for; facts: `depth`, which is 0, and the number of `topics`."""
        seed = random.getrandbits(64)

        def build(exchanges: int) -> Sample:
            topics = list(_topics(Random(seed), exchanges))  # noqa: S311
            record = "".join(talk for _, talk in topics)
            return Sample(
                id="",
                context=f"Below is a record of our previous conversation on {len(topics)} different topics. You are "
                "the ASSISTANT, and I am the USER. At the beginning of each topic, the USER will say 'I would like to "
                "discuss the topic of <TOPIC>'. Memorize each <TOPIC>. At the end of the record, I will ask you to "
                f"retrieve the first topic. Now the record start. {record}",
                question="Now the record ends. What is the first topic we discussed? Only give me the topic name. "
                "Do not summarize yourself.",
                references=(topics[0][0],),
                facts={"depth": 0.0, "topics": len(topics)},
            )

        return self.largest(build, request, fewest=_EXCHANGES + 1)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the topic is in the output, both normalised."""
        return {"score": best(contains, output, sample.references)}


def _lines(random: Random) -> Iterator[tuple[str, int]]:
    """Keys without end, no two alike, each with a number."""
    known: set[str] = set()
    while True:
        key = compound(random)
        if key not in known:
            known.add(key)
            yield key, random.randint(1, 50_000)


_ASPECTS = (
    "history",
    "future",
    "psychology",
    "economics",
    "science",
    "philosophy",
    "folklore",
    "language",
    "craft",
)
_EXCHANGES = 5
_OPENING = "Sure, I'd be happy to talk about {topic} with you! What would you like to know?"
_QUESTIONS = (
    "What first drew people to {topic}?",
    "Which mistakes are most often made about {topic}?",
    "How has {topic} changed in the last hundred years?",
    "What would you tell somebody who is new to {topic}?",
    "Who works on {topic} today, and where?",
    "Is there anything about {topic} that still puzzles the experts?",
    "How does {topic} touch everyday life?",
    "Which book about {topic} would you start with?",
)
_ANSWERS = (
    "Much of it began with {word}, and only later did people write their thoughts down. Those notes are still read.",
    "There are several opinions. Most people who have looked into it closely point to {word}, and I find that fair.",
    "That depends on whom you ask. A patient look at {word} shows a slow growth with a few sudden turns.",
    "A good way in is to look at {word} first, to ask simple questions, and to keep a list of what surprises you.",
    "It has become a meeting of several crafts. Some measure, some collect stories about {word}, a few only listen.",
    "Yes, quite a lot. Nobody has explained why {word} matters so much in one town and so little in the next.",
)


def _topics(random: Random, exchanges: int) -> Iterator[tuple[str, str]]:
    """Topics with the talk about each, of so many exchanges between user and assistant in all."""
    known: set[str] = set()
    for done in range(0, exchanges, _EXCHANGES):
        topic = ""
        while not topic or topic in known:
            topic = f"the {random.choice(_ASPECTS)} of the {_thing(random)}"
        known.add(topic)
        talk = [f"USER: I would like to discuss the topic of {topic}.", f"ASSISTANT: {_OPENING}"]
        for question in random.sample(_QUESTIONS, _EXCHANGES)[: exchanges - done]:
            word = f"the {_thing(random)}"
            talk += [f"USER: {question}", f"ASSISTANT: {random.choice(_ANSWERS).format(word=word)}"]
        talk.append(
            f"USER: Great, this is the end of our discussion on the topic of {topic}. Let's talk about the next."
        )
        yield topic, " \n ".join(talk).replace("{topic}", topic) + " \n "


def _thing(random: Random) -> str:
    return compound(random).replace("-", " ")


TASKS = (
    Lines(
        name="longeval/lines",
        description="Give the number that a named line among many holds.",
        max_new_tokens=30,
        metric="1 if the number is in the output",
        form="Instruction and lines, then the question.",
    ),
    Topics(
        name="longeval/topics",
        description="Name the first topic of a long conversation about many.",
        max_new_tokens=50,
        metric="1 if the topic is a substring of the output, both normalised",
        form="Instruction and conversation, then the question.",
    ),
)
