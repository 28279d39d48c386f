"""Perplexity of a book by longspan and by other engines on the same file: is it the same model, and what do forms cost?

    python benchmarks/same_model.py --text BOOK.txt [--model M.gguf] [--tokens 32768] [--window 2048]
        [--weights packed ...] [--python llama-cpp-python=PYTHON ...] [--out benchmarks/results/same-model.json]

The windowing is that of llama.cpp's own measurement: the first tokens of the text in windows that do not overlap, each
read as a new text, and the loss of the second half of each counts. All engines are given the same ids, each in a
process of its own. Beside each perplexity stands how far it is from the first row, stock on the expanded weights in
float32, with the standard error of that distance over windows: the same tokens are compared, so it is small. What is
not installed is said and left out. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines import ENGINES, NOT_INSTALLED, IkLlama, LlamaCppPython, Longspan, Transformers

SOURCE = Path(__file__).parents[1]
FORMS = ("expanded", "packed", "int8", "int4")


def losses(engine: Any, ids: list[int]) -> Sequence[float]:
    """−log p of every token but the first, of a new text."""
    if isinstance(engine, Transformers | Longspan):
        return _by_torch(_logits(engine, ids), ids)
    if isinstance(engine, LlamaCppPython):
        engine.llama.reset()
        engine.llama.eval(ids)
        return _by_numpy(engine.llama.scores[: len(ids) - 1], ids[1:])
    if isinstance(engine, IkLlama):
        return _by_ik(engine, ids)
    raise NotImplementedError(f"{type(engine).__name__} gives no likelihoods of what it reads")


def _logits(engine: Transformers | Longspan, ids: list[int]) -> Any:
    """After every token `[n, vocab]`."""
    import torch

    if isinstance(engine, Transformers):
        with torch.inference_mode():
            return engine.network(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    with engine.model.session(engine.plan) as session:
        return session.logits(ids)


def _by_torch(logits: Any, ids: list[int]) -> list[float]:
    import torch

    wanted = torch.tensor(ids[1:])
    parts = zip(logits[:-1].split(256), wanted.split(256), strict=True)
    found = [-some.float().log_softmax(-1).gather(1, targets[:, None])[:, 0] for some, targets in parts]
    return torch.cat(found).tolist()


def _by_numpy(logits: Any, wanted: list[int]) -> list[float]:
    import numpy

    rows = numpy.asarray(logits, dtype=numpy.float32)
    top = rows.max(1)
    of_all = numpy.log(numpy.exp(rows - top[:, None]).sum(1, dtype=numpy.float64)) + top
    return (of_all - rows[numpy.arange(len(wanted)), wanted]).tolist()


def _by_ik(engine: IkLlama, ids: list[int]) -> list[float]:
    import numpy

    engine.begin(len(ids))
    found: list[float] = []
    for start in range(0, len(ids), 512):
        part = ids[start : start + 512]
        batch = engine.parts.make_batch_range(part, pos_start=start, logits_last=False)
        for place in range(len(part)):
            batch.logits[place] = 1
        failed = engine.context.decode(batch)
        engine.calls.llama_batch_free(batch)
        if failed:
            raise RuntimeError(f"llama_decode returned {failed}")
        shape = (len(part), engine.model.n_vocab)
        logits = numpy.ctypeslib.as_array(engine.context.get_logits(0), shape=shape)
        wanted = ids[start + 1 : start + 1 + len(part)]
        found += _by_numpy(logits[: len(wanted)], wanted)
    return found


def child(given: Path, out: Path) -> None:
    """Mean loss of the second half of each window, in the environment of an engine."""
    job = json.loads(given.read_text())
    try:
        engine = ENGINES[job["package"]](job)
    except ImportError as failed:
        print(failed, file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    halves = [losses(engine, ids)[len(ids) // 2 :] for ids in job["windows"]]
    out.write_text(json.dumps([math.fsum(half) / len(half) for half in halves]))


def cases(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What is compared, by its name."""
    forms = {
        f"longspan {form}": {"package": "longspan", "weights": form, "plan": ""}
        for form in options.weights or FORMS
    }
    others = {name: {"package": name} for name in ("llama-cpp-python", "ik-llama-cpp-python")}
    stock = {
        f"transformers {dtype}": {"package": "transformers", "dtype": dtype}
        for dtype in ("float32", "bfloat16")
    }
    return stock | forms | others


def main() -> None:
    """One row a case."""
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    from decode import pair
    from records import Records, environment

    from longspan.loading.digest import file_digest
    from longspan.loading.find import find
    from longspan.loading.gguf_header import read_header
    from longspan.loading.gguf_tokenizer import tokenizer_of
    from longspan.loading.load import pull

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", action="append", help=f"one of {', '.join(FORMS)}; all unless given")
    parser.add_argument("--python", type=pair, action="append", default=[], metavar="PACKAGE=PATH")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/same-model.json"))
    options = parser.parse_args()
    checkpoint = find(options.model)
    tokenizer = tokenizer_of(read_header(checkpoint.path))
    ids = tokenizer(options.text.read_text("utf-8"), add_special_tokens=False)["input_ids"]
    if not options.window <= options.tokens <= len(ids):
        parser.error(
            f"--tokens={options.tokens} is not within {options.window} .. {len(ids)}, those of the text"
        )
    count = options.tokens // options.window
    windows = [ids[number * options.window : (number + 1) * options.window] for number in range(count)]
    head = {"model": checkpoint.name, "digest": file_digest(checkpoint.path), "text": options.text.name}
    records = Records(options.out, head=head | environment(), key=("case", "tokens", "window"))
    folder = pull(options.model, dtype="float32", weights="expanded").path
    job = {"model": str(checkpoint.path), "folder": str(folder), "ids": windows[0], "windows": windows}
    for name, case in cases(options).items():
        key = {"case": name, "tokens": options.tokens, "window": options.window}
        if records.has(**key):
            continue
        python = dict(options.python).get(case["package"], sys.executable)
        with tempfile.TemporaryDirectory() as place:
            given, out = Path(place) / "job.json", Path(place) / "found.json"
            given.write_text(json.dumps(job | case | {"threads": options.threads, "every": True}))
            done = subprocess.run(
                [python, __file__, "--child", given, out],
                env=os.environ | {"PYTHONPATH": str(SOURCE / "src"), "OMP_NUM_THREADS": str(options.threads)},
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
            if done.returncode or not out.exists():
                print(f"{name}: {done.stderr.strip()[-1000:]}", file=sys.stderr, flush=True)
                continue
            records.add(key | {"losses": json.loads(out.read_text())})
    rows = [row for row in records.rows if (row["tokens"], row["window"]) == (options.tokens, options.window)]
    for row in rows:
        apart = [own - first for own, first in zip(row["losses"], rows[0]["losses"], strict=True)]
        error = statistics.stdev(apart) / math.sqrt(len(apart)) if len(apart) > 1 else math.nan
        print(
            f"{row['case']:<24} perplexity {math.exp(statistics.fmean(row['losses'])):8.4f}, "
            f"{100 * math.expm1(statistics.fmean(apart)):+.3f} % ± {100 * error:.3f}"
        )


if __name__ == "__main__":
    main()
