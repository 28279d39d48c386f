"""Reading and generating by longspan, stock transformers and engines on the same file, side by side in one run.

    python benchmarks/decode.py --text BOOK.txt [--model M.gguf] [--length 1024 ...] [--rounds 3]
        [--python llama-cpp-python=PYTHON ...] [--openvino FOLDER] [--before FOLDER] [--out benchmarks/results/decode]

Every engine runs in a process of its own (`engines.py`), with two threads, one after another, rounds in turn, so that
a change in the machine's speed falls on all; beyond 8k tokens a third of the rounds. All read the same ids: a user's
turn with the beginning of the book, in which some facts lie. Then 24 tokens follow, of which the first two do not
count; then each fact is asked for after the text as if it were the only question. `--python` says in which
environment an engine is installed, by its package's name; what is installed nowhere is said and left out. OpenVINO
reads a folder: `optimum-cli export openvino --model EXPANDED --task text-generation-with-past --weight-format int4
--sym --group-size 64 FOLDER`, EXPANDED being the folder that `longspan models pull --weights expanded M.gguf`
names. `--before` is a worktree of an older longspan, which expands the weights.

Before each process the memory is read by a plain sum; `of bus` is the time in which the bytes of a token (matrices,
keys and values) would pass at that speed, as a share of the time that the token took. A run that was stopped goes on.
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
from random import Random
from typing import Any

import torch
from decode_cases import CASES, Case, Sizes, chosen, draw, show, table
from engines import NOT_INSTALLED
from records import Records, environment

from longspan.loading.digest import file_digest
from longspan.loading.find import find
from longspan.loading.gguf_header import read_header
from longspan.loading.gguf_tokenizer import tokenizer_of
from longspan.loading.load import pull

COUNT, ANSWER = 24, 16
LONG = 8192
PLACES = ("Lisbon", "Oslo", "Nairobi", "Lima", "Kyoto", "Tbilisi", "Hanoi", "Tallinn", "Quito", "Dakar")
SOURCE = Path(__file__).parents[1]


class Text:
    """A user's turn of exactly so many ids with facts in it, and questions about them."""

    def __init__(self, tokenizer: Any, book: Path, length: int, facts: int) -> None:
        turn = [{"role": "user", "content": "<<text>>"}]
        shown = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        opening, closing = shown.split("<<text>>")

        def ids(text: str) -> list[int]:
            return tokenizer(text, add_special_tokens=False)["input_ids"]

        random = Random(length)  # noqa: S311
        self.codes = {place: str(random.randint(10_000, 99_999)) for place in random.sample(PLACES, facts)}
        inserted = [
            ids(f"\nThe access code of the office in {place} is {code}.\n")
            for place, code in self.codes.items()
        ]
        first = ids(opening)
        room = length - len(first) - sum(map(len, inserted))
        prose = ids(book.read_text("utf-8"))
        if not 0 < room <= len(prose):
            raise SystemExit(f"{book} has {len(prose):,} tokens, {room:,} are wanted for {length:,}")
        self.ids = first
        cuts = [round((number + 0.5) / facts * room) for number in range(facts)]
        for start, end, fact in zip([0, *cuts], [*cuts, room], [*inserted, []], strict=True):
            self.ids += prose[start:end] + fact
        asked = "\n\nWhat is the access code of the office in {}? Answer with the number alone."
        self.questions = [ids(asked.format(place) + closing) for place in self.codes]


def memory_speed() -> float:
    """Bytes a second of a plain sum over half a gigabyte."""
    numbers, best = torch.ones(2**27), float("inf")
    for _ in range(4):
        began = time.perf_counter()
        numbers.sum()
        best = min(best, time.perf_counter() - began)
    return numbers.nbytes / best


def measured(case: Case, job: dict[str, Any], options: argparse.Namespace) -> dict[str, Any] | str:
    """What one process found, or why there is nothing."""
    python = dict(options.python).get(case.package, sys.executable)
    source = options.before if case.before else SOURCE
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "job.json", Path(folder) / "found.json"
        given.write_text(json.dumps(job | {"package": case.package} | case.options))
        threads = {"OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": str(source / "src")}
        done = subprocess.run(
            [python, Path(__file__).with_name("engines.py"), given, found],
            env=os.environ | threads,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode == NOT_INSTALLED:
            return (
                f"{case.package} is not installed in {python}; install it there, or give "
                f"--python {case.package}=PYTHON of the environment that has it"
            )
        if done.returncode or not found.exists():
            return f"it ended with {done.returncode}: {done.stderr.strip()[-2000:]}"
        return json.loads(found.read_text())


def _text(tokenizer: Any, said: list[int] | str | None) -> str | None:
    return tokenizer.decode(said) if isinstance(said, list) else said


def pair(text: str) -> tuple[str, str]:
    """A package and the Python of its environment."""
    name, _, path = text.partition("=")
    packages = sorted({case.package for case in CASES})
    if name not in packages or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text} is not NAME=PATH with NAME one of {', '.join(packages)}")
    return name, path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--length", type=int, action="append", help="1024, 8192 and 32768 unless given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--facts", type=int, default=5, help="asked for in the first round")
    parser.add_argument("--only", action="append", metavar="NAME", help="a case by its name in the table")
    parser.add_argument("--python", type=pair, action="append", default=[], metavar="PACKAGE=PATH")
    parser.add_argument("--openvino", type=Path, help="the exported folder")
    parser.add_argument("--before", type=Path, help="a worktree of an older version")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/decode"))
    parser.add_argument("--json", action="store_true", help="print the rows instead of the table")
    options = parser.parse_args()
    if options.before and not (options.before / "src" / "longspan").is_dir():
        parser.error(f"--before={options.before} has no src/longspan; name a worktree of the older version")
    unknown = set(options.only or ()) - {case.name for case in CASES}
    if unknown:
        parser.error(f"--only={min(unknown)} is none of {', '.join(case.name for case in CASES)}")
    return options


def main() -> None:
    """Every case of every length, round by round."""
    options = arguments()
    torch.set_num_threads(options.threads)
    checkpoint = find(options.model)
    header = read_header(checkpoint.path)
    tokenizer, folder = tokenizer_of(header), pull(options.model, dtype="bfloat16", weights="expanded").path
    sizes = Sizes.of(header, options.openvino)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    head = {"model": checkpoint.name, "digest": file_digest(checkpoint.path), "file_bytes": sizes.file}
    head |= environment() | {"text": options.text.name}
    records = Records(options.out.with_suffix(".json"), head=head, key=("case", "length", "round"))
    failed, missing = False, set()
    for length in options.length or (1024, LONG, 32_768):
        text = Text(tokenizer, options.text, length, options.facts)
        for number in range(options.rounds if length <= LONG else max(1, options.rounds // 3)):
            for case in chosen(length, options):
                if records.has(case=case.name, length=length, round=number) or case.package in missing:
                    continue
                job = {
                    "model": str(checkpoint.path),
                    "folder": str(folder),
                    "openvino": str(options.openvino),
                    "ids": text.ids,
                    "count": COUNT,
                    "questions": text.questions if number == 0 else [],
                    "answer": ANSWER,
                    "threads": options.threads,
                }
                bus = memory_speed()
                found = measured(case, job, options)
                if isinstance(found, str):
                    print(f"{case.name}: {found}", file=sys.stderr, flush=True)
                    missing |= {case.package} if "is not installed" in found else set()
                    failed = True
                    continue
                said = [_text(tokenizer, each) for each in found.pop("answers")]
                row = {
                    "case": case.name,
                    "length": length,
                    "round": number,
                    "read_seconds": found.pop("read"),
                    "step_seconds": found.pop("steps"),
                    "said": _text(tokenizer, found.pop("said")),
                    "bus_bytes_per_second": bus,
                    "token_bytes": sizes.of_token(case, length, found["number_bytes"]),
                    "answers": said,
                    "found": [
                        None if each is None else code in each
                        for each, code in zip(said, text.codes.values(), strict=False)
                    ],
                } | found
                records.add(row)
                step = statistics.median(row["step_seconds"][2:])
                print(
                    f"{case.name:<58} {length:>6} round {number}: {length / row['read_seconds']:7.1f} tokens/s, "
                    f"{1e3 * step:6.1f} ms a token",
                    file=sys.stderr,
                    flush=True,
                )
    lines = table(records.rows)
    if options.json:
        print(json.dumps(lines, indent=1))
    else:
        show(lines)
    if lines:
        draw(options.out.with_suffix(".svg"), lines)
    sys.exit(failed)


if __name__ == "__main__":
    main()
