"""How long `longspan ask` of the README takes, from the start of the process to its end, before and after a change.

    python benchmarks/asking.py --before FOLDER [--model M] [--repeat 5] [--out FILE]

FOLDER holds longspan before the change, such as a git worktree. Both versions run in fresh processes, in turn, so that
a change in the machine's speed falls on both. `first` begins with a cache folder that holds the model's file alone, so
what a version converts, compiles or measures once is part of it. `again` follows it with what that run has left, but
not the context that it kept. `shown` is the time until the answer begins on the terminal, `whole` until the process
ends; `left` are the bytes that both runs added to the cache folder. The answers are kept, since they may differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1]
QUESTION = "What is the name of the inspector?"


def asked(source: Path, cache: Path, model: str | None) -> dict[str, Any]:
    """`longspan ask` of one version on its lighthouse, watched from outside."""
    environment = os.environ | {"PYTHONPATH": str(source / "src"), "LONGSPAN_CACHE": str(cache)}
    with tempfile.TemporaryDirectory() as contexts, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "longspan", "ask", SOURCE / "docs" / "lighthouse.md", QUESTION),
                *(["--model", model] if model else []),
            ],
            env=environment | {"LONGSPAN_CONTEXTS": contexts},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        first = process.stdout.read(1)
        shown = time.perf_counter() - began
        answer = (first + process.stdout.read()).decode()
        failed = process.wait()
        whole = time.perf_counter() - began
        if failed:
            errors.seek(0)
            raise SystemExit(f"longspan ask of {source} failed:\n{errors.read().decode()}")
    return {"shown": shown, "whole": whole, "answer": answer}


def held(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measured(source: Path, models: Path, model: str | None) -> dict[str, Any]:
    """The first run of a version, and one after it."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        if models.is_dir():
            shutil.copytree(models, cache / "models")
        before = held(cache)
        first = asked(source, cache, model)
        return {"first": first, "again": asked(source, cache, model), "left": held(cache) - before}


def main() -> None:
    """Rounds in turn, and medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--model", help="a GGUF file instead of the default model")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(SOURCE / "src"))
    if not (options.before / "src" / "longspan").is_dir():
        parser.error(f"--before={options.before} has no src/longspan; name a worktree of the older version")
    from records import environment

    from longspan.cache_folder import cache_folder
    from longspan.loading.find import find

    checkpoint = find(options.model)  # fetched now, unless it is there
    models = cache_folder() / "models"
    versions = {"before": options.before, "after": SOURCE}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in versions}
    for number in range(options.repeat):
        order = list(versions.items()) if number % 2 else list(versions.items())[::-1]
        for name, source in order:
            found = measured(source, models, options.model)
            print(number, name, json.dumps(found), flush=True)
            rounds[name].append(found)
    median = {
        name: {
            f"{run} {what}": statistics.median(each[run][what] for each in found)
            for run in ("first", "again")
            for what in ("shown", "whole")
        }
        for name, found in rounds.items()
    }
    for what, seconds in median["after"].items():
        earlier = median["before"][what]
        print(
            f"{what:<12} {earlier:6.2f} s before, {seconds:6.2f} s after: {earlier / seconds:.2f} times as fast"
        )
    if options.out:
        record = {"model": checkpoint.name} | environment() | {"rounds": rounds, "median": median}
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
