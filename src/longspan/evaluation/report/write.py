"""Writing a report: a page for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longspan.atomic import write_text
from longspan.errors import LongspanError
from longspan.evaluation.record import RunFolder
from longspan.evaluation.report.answers import Answers
from longspan.evaluation.report.cost import cost
from longspan.evaluation.report.effective import FIGURES, Reach, definition, reaches
from longspan.evaluation.report.front import Standing, standings
from longspan.evaluation.report.judged import Judged, judged
from longspan.evaluation.report.summary import Finding, findings
from longspan.evaluation.report.table import Row, mean_rows, task_rows
from longspan.evaluation.report.together import together
from longspan.spans import printable


class ReportError(LongspanError):
    """A report that cannot be written: a library is absent, or the folder cannot be written."""


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Where a report was written, and what it says.

    html: a page that needs no other file; csv: a row for each plan, task and length; json: all figures. standings:
    the plans at each length, on the samples that all of them answered. findings: the same in words. reaches: up to
    which length each plan's scores hold. judged: what judges said, apart from the scores. notes: what readers must
    know of the figures. missing: answers that are still to come.
    """

    html: Path
    csv: Path
    json: Path
    plans: tuple[str, ...]
    standings: tuple[Standing, ...]
    findings: tuple[Finding, ...]
    reaches: tuple[Reach, ...]
    judged: tuple[Judged, ...]
    notes: tuple[str, ...]
    missing: int

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: the paths, the fronts, the words, and how far scores hold."""
        return {
            "files": {"html": str(self.html), "csv": str(self.csv), "json": str(self.json)},
            "plans": list(self.plans),
            "missing": self.missing,
            "notes": list(self.notes),
            "summary": {finding.title: list(finding.sentences) for finding in self.findings},
            "standings": [standing.to_dict() for standing in self.standings],
            "effective": {
                **definition(),
                "rows": [{"plan": each.plan, "task": each.task, **each.to_dict()} for each in self.reaches],
            },
        }


def write_report(
    folder: RunFolder | str | os.PathLike[str],
    *others: RunFolder | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
) -> ReportFiles:
    """Writes report.html, report.csv and report.json into a run's folder, whatever is finished of the run.

    others: further runs in the same report, see `together`; it then goes to the folder `out`. Raises TaskError where
    there is no run or no answer, ReportError where matplotlib is not installed, ValueError where `out` is lacking or
    cannot be written.
    """
    runs = [each if isinstance(each, RunFolder) else RunFolder(each) for each in (folder, *others)]
    if others and out is None:
        raise ValueError("a report of several runs needs a folder of its own; name one with out=...")
    place = runs[0].path if out is None else Path(out)
    answers = together(runs)
    try:
        from longspan.evaluation.report.page import page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise ReportError(
            "a report draws with matplotlib, which is not installed; pip install 'longspan[evaluation]'"
        ) from error
    rows, means, stand = task_rows(answers), mean_rows(answers), standings(answers)
    files = ReportFiles(
        html=place / "report.html",
        csv=place / "report.csv",
        json=place / "report.json",
        plans=answers.plans,
        standings=stand,
        findings=findings(stand),
        reaches=reaches(rows),
        judged=judged(runs[0], answers) if not others else (),
        notes=answers.notes,
        missing=answers.missing,
    )
    _write(
        files.html,
        page(
            answers,
            standings=stand,
            findings=files.findings,
            reaches=files.reaches,
            judged=files.judged,
            rows=rows,
            means=means,
        ),
    )
    _write(files.csv, _table(rows, files.reaches))
    _write(
        files.json,
        json.dumps(_values(answers, files, rows, means), indent=2, ensure_ascii=False, allow_nan=False),
    )
    return files


def _values(
    answers: Answers, files: ReportFiles, rows: tuple[Row, ...], means: tuple[Row, ...]
) -> Mapping[str, Any]:
    return {
        "run": answers.run,
        **({"runs": dict(answers.runs)} if len(answers.runs) > 1 else {}),
        **{name: value for name, value in files.to_dict().items() if name != "files"},
        "judged": [each.to_dict() for each in files.judged],
        "cost": cost(answers).to_dict(),
        "means": [row.to_dict() for row in means],
        "rows": [row.to_dict() for row in rows],
    }


def _table(rows: tuple[Row, ...], reaches: tuple[Reach, ...]) -> str:
    """How far a plan's scores hold on a task stands on each of its lines, nothing where it is not known."""
    known = {(each.plan, each.task): each.to_dict() for each in reaches}
    values = [row.to_dict() | known.get((row.plan, row.name), {}) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[*rows[0].to_dict(), *FIGURES], lineterminator="\n")
    writer.writeheader()
    writer.writerows(values)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Characters that would steer the reader's screen are replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, printable(text) + "\n" * (not text.endswith("\n")))
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror or error}); name a folder that can with out=..."
        ) from error
