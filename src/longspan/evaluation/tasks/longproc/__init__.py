"""LongProc: procedures to be written out step by step (https://arxiv.org/abs/2501.05414).

Generated at any length, and with the published items where they lie in the folder of local data. Travel planning is
left out.
"""

from longspan.credit import Credit
from longspan.evaluation.tasks.longproc.belief import BeliefTracking
from longspan.evaluation.tasks.longproc.countdown import Countdown
from longspan.evaluation.tasks.longproc.html_table import HtmlToTsv
from longspan.evaluation.tasks.longproc.path import PathTraversal
from longspan.evaluation.tasks.longproc.program import PseudoCode
from longspan.evaluation.tasks.longproc.published import PUBLISHED

CREDITS = (
    Credit(
        kind="task",
        name="longproc",
        field=182,
        missing="Travel planning is left out, and programs are compared as text, since no code of a model "
        "is run.",
    ),
)

TASKS = (
    Countdown(),
    PathTraversal(),
    BeliefTracking(),
    PseudoCode(),
    *PUBLISHED,
    *(HtmlToTsv(level=level) for level in ("0.5k", "2k", "8k")),
)
