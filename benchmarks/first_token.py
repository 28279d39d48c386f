"""How long a question of a document waits for its first token, before and after a change, in one run.

    python benchmarks/first_token.py --before FOLDER [--tokens 7000] [--repeat 5] [--out FILE]

FOLDER holds longspan before the change, such as a git worktree. Both versions run `longspan ask` in fresh processes,
in turn, so that a change in the machine's speed falls on both, each with an empty folder for contexts; rounds before
the first are not counted. Seconds are from the start of the process to the first piece of the answer, and of the parts
on the way that can be told apart: loading, counting, naming, reading, saving. `save` counts only what is saved before
the first token, `whole` ends with the process. The document is the beginning of the built-in essays. `encoded` says how
often the document passed through the tokenizer, `peak` the most memory that the process had.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1]
QUESTION = "What does the author say about working on your own projects?"
PARTS = ("load", "count", "name", "read", "save")


def measured(file: str, arguments: list[str]) -> dict[str, Any]:
    """Runs the command in this process and says what it took; the process began at LONGSPAN_BEGAN."""
    import resource

    import longspan
    import longspan.cli.answering as answering
    import longspan.flows.ask as flow
    import longspan.model as model
    from longspan.cli import main
    from longspan.session import Session
    from longspan.spans.encoder import Encoder

    source = Path(os.environ["PYTHONPATH"].partition(os.pathsep)[0]).resolve()
    if source not in Path(longspan.__file__).resolve().parents:
        raise SystemExit(f"{longspan.__file__} runs, not the one of {source}; uninstall longspan here")
    began, text = float(os.environ["LONGSPAN_BEGAN"]), Path(file).read_text("utf-8")
    found: dict[str, Any] = dict.fromkeys(PARTS, 0.0) | {"encoded": 0}

    def timed(owner: Any, name: str, part: str) -> None:
        original = getattr(owner, name)

        def wrapped(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(*given, **named)
            finally:
                if "first" not in found:
                    found[part] += time.perf_counter() - start

        setattr(owner, name, wrapped)

    timed(model, "load", "load")
    timed(flow, "plan_reading", "count")
    timed(Session, "name", "name")
    timed(Session, "read", "read")
    timed(Session, "save", "save")
    stretches, shown = Encoder.stretches, answering.Display.stream

    def counted(self: Encoder, given: str, **named: Any) -> Any:
        found["encoded"] += given.count(text.strip())
        return stretches(self, given, **named)

    def first(self: answering.Display, piece: str) -> None:
        found.setdefault("first", time.time() - began)
        shown(self, piece)

    Encoder.stretches, answering.Display.stream = counted, first
    sys.argv = ["longspan", "ask", file, QUESTION, *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    if "first" not in found:
        raise SystemExit("no piece of an answer was shown, so there was no first token")
    found["whole"] = time.time() - began
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def asked(source: Path, file: Path, arguments: list[str]) -> dict[str, Any]:
    """`longspan ask` of one version, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        environment = os.environ | {
            "PYTHONPATH": str(source / "src"),
            "LONGSPAN_CONTEXTS": str(Path(folder) / "contexts"),
            "LONGSPAN_BEGAN": str(time.time()),
        }
        command = [sys.executable, __file__, "--child", str(out), str(file), *arguments]
        finished = subprocess.run(command, env=environment, capture_output=True, text=True)
        if finished.returncode:
            raise SystemExit(f"longspan ask of {source} failed:\n{finished.stderr}")
        return json.loads(out.read_text())


def main() -> None:
    """Everything in one run."""
    if sys.argv[1:2] == ["--child"]:
        out, file, *arguments = sys.argv[2:]
        Path(out).write_text(json.dumps(measured(file, arguments)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=7000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(SOURCE / "src"))
    if not (options.before / "src" / "longspan").is_dir():
        parser.error(f"--before={options.before} has no src/longspan; name a worktree of the older version")
    arguments = ["--max-new-tokens", "16", *(["--model", options.model] if options.model else [])]
    from records import head

    import longspan
    from longspan.evaluation.haystack import Haystack

    model = longspan.load(options.model)
    text = Haystack.essays().text
    ids = model.tokenizer(text, return_offsets_mapping=True)
    offsets = ids["offset_mapping"]
    if not 1 <= options.tokens < len(offsets):
        parser.error(
            f"--tokens={options.tokens} is not within 1 .. {len(offsets) - 1}, the tokens of the essays"
        )
    end = offsets[options.tokens][0]
    record = head(model) | {"tokens": options.tokens}
    del model
    versions = {"before": options.before, "after": SOURCE}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in versions}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "essays.txt"
        file.write_text(text[:end], "utf-8")
        for number in range(options.repeat + 1):
            order = list(versions.items()) if number % 2 else list(versions.items())[::-1]
            for name, source in order:
                found = asked(source, file, arguments)
                print(number, name, json.dumps(found), flush=True)
                if number:
                    rounds[name].append(found)
    record["rounds"] = rounds
    record["median"] = {
        name: {key: statistics.median(each[key] for each in found) for key in found[0]}
        for name, found in rounds.items()
    }
    print(json.dumps(record["median"], indent=1))
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
