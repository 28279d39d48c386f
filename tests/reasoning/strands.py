"""Replies that go on as a script says, for tests of what steers them."""

from dataclasses import dataclass, field, replace

from longspan.flows.forks import Strand
from longspan.flows.scripted import Scripted
from longspan.usage import Usage


@dataclass
class ScriptedForks:
    """Forks that say what `say(text so far, seed)` gives: a text up to a stop string, and a state.

    log: what was done, in order.
    """

    say: object
    count: int
    reasoning: str = "none"
    log: list = field(default_factory=list)
    said: int = 0

    def __post_init__(self):
        self.strands = [Strand() for _ in range(self.count)]

    def speak(self, numbers, seeds, *, enough=None, **generation):
        self.log.append(("speak", list(numbers), list(seeds), generation))
        ended = []
        for number, seed in zip(numbers, seeds, strict=True):
            text, state = self.say(self.strands[number].text, seed)
            tokens = len(text.split())
            if tokens > generation["max_new_tokens"]:
                text, state = " ".join(text.split()[: generation["max_new_tokens"]]), "cut"
                tokens = generation["max_new_tokens"]
            old = self.strands[number]
            self.strands[number] = Strand(text=old.text + text, tokens=old.tokens + tokens, state=state)
            self.said += tokens
            ended += [number] if state in ("ended", "met") else []
        ended.sort(key=lambda number: self.strands[number].tokens)
        for number in ended[enough:] if enough is not None else []:
            self.strands[number].state = "stopped"
        return ended[:enough]

    def put(self, number, text, *, over=""):
        self.log.append(("put", number, text))
        strand = self.strands[number]
        strand.text, strand.state = strand.text + text, "open"

    def choose(self, numbers):
        self.log.append(("choose", list(numbers)))
        self.strands = [replace(self.strands[number]) for number in numbers]

    @property
    def usage(self):
        return Usage(
            prompt_tokens=7,
            generated_tokens=self.said,
            kv_bytes=0,
            peak_kv_bytes=0,
            prefill_seconds=0.0,
            decode_seconds=1.0,
        )

    def close(self):
        self.log.append(("close",))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class ScriptedForking(Scripted):
    """A scripted chat whose replies can be gone on with."""

    def begin(self, say, reasoning="none"):
        self.say, self.reasoning = say, reasoning
        return self

    def forks(self, messages, count):
        self.calls.append(list(messages))
        self.made = ScriptedForks(self.say, count, self.reasoning)
        return self.made
