"""A task, and a metric: how many stars stand in a text."""

from dataclasses import dataclass

from longspan.evaluation.metrics.named import Metric
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated


@dataclass(frozen=True, kw_only=True)
class Stars(Generated):
    """Stars among dots."""

    def make(self, random, index, request):
        marks = [random.choice(".*") for _ in range(1 << 16)]

        def build(count):
            text = "".join(marks[:count])
            return Sample(
                id="", context=text, question="\nHow many stars?", references=(str(text.count("*")),)
            )

        return self.largest(build, request)

    def score(self, output, sample):
        return {"score": near(output, sample.references)}


def near(output, references):
    digits = "".join(each for each in output if each.isdigit())
    return max(1 / (1 + abs(int(digits or 0) - int(each))) for each in references)


NEAR = Metric(score=near, words="one over one more than how far the answer's number is off")
TASKS = (
    Stars(
        name="stars/count",
        description="How many stars stand among dots?",
        max_new_tokens=8,
        diffusion="high",
        scope="high",
        metric=NEAR.words,
        paper="A stranger's task",
        link="https://example.org/stars",
        form="marks, then the question",
    ),
)
ENTRY_POINTS = {"longspan.tasks": {"stars": "counting:TASKS"}, "longspan.metrics": {"near": "counting:NEAR"}}
