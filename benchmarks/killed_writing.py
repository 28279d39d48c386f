"""Long texts whose writing is killed at random moments, over and over, until it comes to its end.

    python benchmarks/killed_writing.py [--kills 100] [--words 2000] [--seed 0]

A server of this process says what it is asked for, and other words to each question. Each method writes once without a
stop, then over and over: a process of `longspan write` gets SIGKILL at a random moment, and the next goes on, until one
ends. What must be: the text is the same to the letter, the file is there whole or not at all, and no reply that was
kept is asked for again, so that a kill costs at most the replies that were under way. Processes are forks of this one,
so that a start takes no time. A line for each method: kills, replies that were asked for twice, and what was not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from obedient import obeys, served

METHODS = ("agent-write", "self-lengthen", "l2mac", "surveyx", "dynamic-context(branches=2)")
AT_ONCE = 4
"""Replies that may be under way at a time."""


def run(words: list[str], log: Path) -> int:
    """Starts the command in a fork of this process. Returns its id."""
    child = os.fork()
    if child:
        return child
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["longspan", *words]
    try:
        from longspan.cli import main

        main()
    except SystemExit as stopped:
        os._exit(int(stopped.code or 0))
    os._exit(1)


def ended(child: int, seconds: float | None) -> int | None:
    """The exit code of a process; None where it was killed after so many seconds."""
    until = None if seconds is None else time.perf_counter() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.perf_counter() >= until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.001)


def killed(method: str, kills: int, arguments: argparse.Namespace, folder: Path, drawn: random.Random) -> str:
    """Writes once without a stop, then with so many, and says how that went."""
    with served(obeys, pause=0.02) as (url, asked):
        words = ["write", "Tell of Veddin and its lamp", "--words", str(arguments.words), "--method", method]
        words += ["--endpoint", url, "--model", "obedient"]
        if method == "surveyx":
            words += ["--sources", str(folder / "sources")]
        log, whole, out = folder / "log.txt", folder / "whole.md", folder / "out.md"
        began = time.perf_counter()
        if ended(run([*words, "--out", str(whole)], log), None) != 0:
            return f"{method}: fails: {log.read_text()[-500:]}"
        took, once = time.perf_counter() - began, Counter(asked)
        asked.clear()
        done = ends = twice = 0
        faults = []
        while done < kills:
            asked.clear()
            out.unlink(missing_ok=True)
            code, own = None, 0
            while code is None and done < kills:
                code = ended(run([*words, "--out", str(out)], log), drawn.uniform(0, took))
                done, own = done + (code is None), own + (code is None)
                if out.exists() and out.read_text() != whole.read_text():
                    faults.append("another text")
            if code is None:
                code = ended(run([*words, "--out", str(out)], log), None)
            ends += 1
            if code != 0 or not out.exists():
                faults.append(f"exit code {code}: {log.read_text()[-300:]}")
            again = sum((Counter(asked) - once).values())
            twice += again
            if set(asked) != set(once) or again > own * AT_ONCE:
                faults.append(f"{again} replies asked for again after {own} kills")
        return (
            f"{method}: {done} kills in {ends} texts of {sum(once.values())} replies, {took:.1f} s each; {twice} of "
            f"them were under way and asked for again; {'; '.join(faults) or 'same text each time, nothing lost'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    import longspan.loading
    from longspan.cli import write  # noqa: F401

    weights: Any = longspan.loading.load_weights(None)
    longspan.loading.load_weights = lambda *_, **__: weights
    drawn = random.Random(arguments.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["LONGSPAN_CACHE"] = str(folder / "cache")
        (folder / "sources").mkdir()
        for number in range(4):
            said = " ".join(
                f"On day {day} the lamp {number} of Veddin burned {day} pints." for day in range(30)
            )
            (folder / "sources" / f"log{number}.txt").write_text(said)
        for number, method in enumerate(METHODS):
            share = arguments.kills // len(METHODS) + (number < arguments.kills % len(METHODS))
            print(killed(method, share, arguments, folder, drawn), flush=True)
    print(json.dumps({"kills": arguments.kills, "words": arguments.words, "seed": arguments.seed}))


if __name__ == "__main__":
    main()
