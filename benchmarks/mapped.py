"""A context far larger than the memory it may take: read, asked, saved, and killed while saving.

    python benchmarks/mapped.py [--tokens 131072] [--memory 2.0] [--model M] [--out benchmarks/results/mapped.json]

Keys and values lie in mapped files. The limit is the kernel's own for memory that is no file (RLIMIT_DATA), set before
anything is read: a process that wanted more would fail. Pages of the mapped files that happen to be in memory are not
under it; the system takes them back when somebody needs them. What is read is the built-in essays again and again,
with a number hidden in the middle; positions are stretched over the length, which says nothing about how well so
small a model uses it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAN = "positions=yarn(factor={factor}) pattern=a-shape(sinks=128,window=1920) selector=quest codec=mapped"
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from mapped import opened
session, _ = opened({arguments!r})
print("saving", flush=True)
session.save(Path({path!r}))
"""


def anonymous() -> int:
    """Bytes of memory now that are no file's."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))


def opened(arguments: tuple[str | None, int]):
    """A session of a model that has read so many tokens, its seconds, and the most memory that it took."""
    import longspan
    from longspan.evaluation.haystack import Haystack

    name, tokens = arguments
    model = longspan.load(name)
    ids = model.tokenizer(Haystack.essays().text)["input_ids"]
    hidden = model.tokenizer("\n\nThe secret number of the lighthouse is 4711.\n\n")["input_ids"]
    text = (ids * (tokens // len(ids) + 1))[: tokens - len(hidden)]
    text[tokens // 2 : tokens // 2] = hidden
    factor = -(-(tokens + 256) // model.window)
    session = model.session(PLAN.format(factor=factor), chunk=2048)
    began, peak = time.perf_counter(), 0

    def progress(done) -> None:
        nonlocal peak
        peak = max(peak, anonymous())
        if done.processed % 16384 == 0:
            print(f"{done.processed:,} tokens, {done.seconds:.0f} s, {peak / 2**30:.2f} GiB", flush=True)

    session.read(text, progress=progress)
    return session, (time.perf_counter() - began, peak)


def main() -> None:
    """Everything in one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=131_072)
    parser.add_argument("--memory", type=float, default=2.0, help="GiB of memory that are no file")
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where it is saved")
    options = parser.parse_args()
    limit = int(options.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    session, (read, peak) = opened((options.model, options.tokens))
    usage = session.usage
    began = time.perf_counter()
    with session.fork() as fork:
        fork.read("\n\nThe secret number of the lighthouse is", more=True)
        answer = "".join(step.text for step in fork.generate(max_new_tokens=16))
        asked = time.perf_counter() - began
        held = fork.usage
    peak = max(peak, anonymous())
    path = options.folder / "longspan-128k.context"
    began = time.perf_counter()
    session.save(path)
    saved = time.perf_counter() - began
    size = path.stat().st_size
    session.close()
    path.unlink()
    left = killed(options, path)
    record = {
        "tokens": options.tokens,
        "memory_limit_bytes": limit,
        "peak_anonymous_bytes": max(peak, anonymous()),
        "mapped_bytes": usage.offloaded_bytes,
        "memory_of_keys_and_values": held.kv_bytes,
        "read_seconds": read,
        "ask_seconds": asked,
        "answer": answer,
        "save_seconds": saved,
        "saved_bytes": size,
        "left_after_kill": left,
    }
    print(json.dumps(record, indent=2))
    if options.out:
        options.out.write_text(json.dumps(record, indent=2) + "\n")


def killed(options: argparse.Namespace, path: Path) -> list[str]:
    """What lies at the path, and beside it by its name, after a process was killed half a second into saving."""
    code = CHILD.format(
        here=str(Path(__file__).parent),
        arguments=(options.model, min(options.tokens, 16_384)),
        path=str(path),
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.strip() == "saving":
            break
    time.sleep(0.15)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    return [each.name for each in path.parent.iterdir() if each.name == path.name]


if __name__ == "__main__":
    main()
