"""Variable tracking: which variables hold a value, through assignments hidden in noise."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from string import ascii_uppercase

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.hiding import interleaved
from longspan.evaluation.tasks.ruler.family import NOISE, Ruler

_EXAMPLE_LINES = 12
_BEFORE = "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n"
_QUESTION = "\nQuestion: Find all variables that are assigned the value {value} in the text above."
_PREFIX = (
    " Answer: According to the chain(s) of variable assignment in the text above, {count} variables are assigned "
    "the value {value}, they are: "
)


@dataclass(frozen=True)
class Chain:
    """Variables of which the first holds the value and each other one takes that of the one before."""

    value: str
    variables: list[str]
    depths: list[float]

    def statements(self) -> list[tuple[float, str]]:
        """The assignments with their depths, in order."""
        lines = [f"VAR {self.variables[0]} = {self.value}"]
        lines += [
            f"VAR {later} = VAR {former}"
            for former, later in zip(self.variables, self.variables[1:], strict=False)
        ]
        return list(zip(self.depths, lines, strict=True))


@dataclass(frozen=True, kw_only=True)
class VariableTracking(Ruler):
    """Variable tracking as in RULER, after one solved example of some 500 tokens with shorter names.

    chains: chains of assignments, of which the first is asked for; hops: assignments of one variable to another in
    each. Facts: `hops`, and `depth`, that of the first assignment of the chain asked for.
    """

    max_new_tokens: int = 30
    form: str = (
        "a solved example, noise with assignments, question; the answer begins with a given half sentence"
    )
    chains: int = 1
    hops: int = 4

    def __post_init__(self) -> None:
        for name, value in (("chains", self.chains), ("hops", self.hops)):
            if value < 1:
                raise ValueError(f"{name}={value} is outside 1 and more; choose 1 or more")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Chains at random depths, each in its order."""
        example = self._chains(random, letters=3)
        solved = (
            self._context(example, _EXAMPLE_LINES)
            + self._worded(_QUESTION, example)
            + self._worded(_PREFIX, example)
            + " ".join(example[0].variables)
            + "\n\n"
        )
        chains = self._chains(random, letters=5)

        def build(lines: int) -> Sample:
            return Sample(
                id="",
                context=solved + self._context(chains, lines),
                question=self._worded(_QUESTION, chains),
                prefix=self._worded(_PREFIX, chains),
                references=tuple(chains[0].variables),
                facts={"depth": chains[0].depths[0], "hops": self.hops},
            )

        return self.largest(build, request)

    def _chains(self, random: Random, *, letters: int) -> list[Chain]:
        names = Endless(random, distinct(lambda random: "".join(random.choices(ascii_uppercase, k=letters))))
        values = Endless(random, distinct(lambda random: str(random.randint(10_000, 99_999))))
        size = self.hops + 1
        variables = names.first(size * self.chains)
        return [
            Chain(
                value,
                variables[place * size : (place + 1) * size],
                sorted(random.random() for _ in range(size)),
            )
            for place, value in enumerate(values.first(self.chains))
        ]

    def _context(self, chains: list[Chain], lines: int) -> str:
        statements = [statement for chain in chains for statement in chain.statements()]
        return _BEFORE + "\n".join(interleaved([NOISE] * lines, statements))

    def _worded(self, text: str, chains: list[Chain]) -> str:
        return text.format(value=chains[0].value, count=self.hops + 1)
