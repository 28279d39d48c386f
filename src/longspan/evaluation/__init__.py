"""Measuring: tasks, metrics, a runner that resumes, a report, and the search for the best plan."""

from longspan.credit import Credit
from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.record import Record, RunFolder
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task, TaskError

CREDITS = (
    Credit(
        kind="command",
        name="eval",
        field=5,
        missing="Methods that fine-tune a model are not compared, since nothing is trained here.",
    ),
    Credit(
        kind="command",
        name="eval",
        field=133,
        missing="Every task states its diffusion and scope by our own judgement; the paper surveys no task "
        "of ours.",
    ),
    Credit(
        kind="command",
        name="eval",
        field=148,
        missing="Of its benchmarks those that are listed here, and of its accelerations those that a plan "
        "can name.",
    ),
    Credit(kind="command", name="eval", field=236),
    Credit(kind="probe", name="grounding", field=250),
    Credit(kind="probe", name="position", field=191),
)
"""Of commands and probes; a family of tasks lists its own."""

__all__ = [
    "CREDITS",
    "Generated",
    "Haystack",
    "Record",
    "Request",
    "RunFolder",
    "Sample",
    "Task",
    "TaskError",
    "find",
]
