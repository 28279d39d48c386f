"""Whether answers are of the form that they are held to, with and without drafts, and what that takes.

    python benchmarks/forms.py [--only schema|regex|choice] [--count 1000] [--side 50] [--model-count 20] [--out F]

A random model of single bytes, which prefers anything to a form, generates `count` times for each form, with and
without drafts, drawn at temperature 1, `side` texts side by side; the default model, its weights packed, goes on with a
note `model-count` times, greedily. Every answer is read by others: `json` and `jsonschema`, Python's `re`, a list.
Wrong is an answer that is no text of its form, or that ended by itself before it was; those that met the limit of 200
tokens are counted apart. Besides: milliseconds to compile a form, for a mask and for a look at one token, and how long
what was made to take for ever took until it was refused, or followed for 20 tokens.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

import longspan
from longspan import Form, Model
from longspan.errors import FormError
from longspan.forms.matching import Matching
from longspan.forms.vocabulary import vocabulary_of
from longspan.loading import Loaded

LIMIT = 200
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 4},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "maxItems": 1},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
PATTERN = "[A-Z][a-z]{1,6} [0-9]{4}( (am|pm))?"
CHOICES = ["north", "northwest", "south", "none of them"]
DECODES = ("", "decode=prompt-lookup(gate=false)")
BOMBS: dict[str, Callable[[], Form]] = {
    "nested repeats": lambda: Form.json_schema(
        {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}}
    ),
    "enum of 10,000": lambda: Form.json_schema({"enum": [f"value {number}" for number in range(10_000)]}),
    "enum of 100,000": lambda: Form.json_schema({"enum": [f"value {number}" for number in range(100_000)]}),
    "$ref to itself": lambda: Form.json_schema({"$ref": "#"}),
    "(a{1000}){1000}": lambda: Form.regex("(a{1000}){1000}"),
    "a{1,1000000000}": lambda: Form.regex("a{1,1000000000}"),
    "((a{1,1000}){1,1000}){1,1000}": lambda: Form.regex("((a{1,1000}){1,1000}){1,1000}"),
    "50,000 rules": lambda: Form.lark("start: " + " | ".join(f'"v{number}"' for number in range(50_000))),
}


def is_of_schema(text: str) -> bool:
    try:
        jsonschema.validate(json.loads(text), SCHEMA)
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


FORMS: dict[str, tuple[Callable[[], Form], Callable[[str], bool]]] = {
    "schema": (lambda: Form.json_schema(SCHEMA, compact=True), is_of_schema),
    "regex": (lambda: Form.regex(PATTERN), lambda text: bool(re.fullmatch(PATTERN, text))),
    "choice": (lambda: Form.choice(CHOICES), CHOICES.__contains__),
}


def random_model() -> Model:
    """A small model whose weights are chance, with a token for each byte, and a head that is wider than they are."""
    torch.manual_seed(0)
    alphabet = ["<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    own = Tokenizer(models.BPE(vocab={piece: token for token, piece in enumerate(alphabet)}, merges=[]))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    own.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<end>")  # noqa: S106
    config = AutoConfig.for_model(
        "llama", vocab_size=len(alphabet) + 15, hidden_size=64, intermediate_size=96,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, eos_token_id=0,
    )  # fmt: skip
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return Model(
        Loaded(network=network, tokenizer=tokenizer, name="random", digest="", source="made by chance")
    )


def held(
    model: Model, form: Form, check: Callable[[str], bool], decode: str, count: int, side: int
) -> dict[str, Any]:
    """What came of so many generations by chance."""
    found: Counter[str] = Counter()
    tokens, drafted, accepted, began = 0, 0, 0, time.perf_counter()
    for first in range(0, count, side):
        torch.manual_seed(first)
        size = min(side, count - first)
        with model.session(decode, size=size) as session:
            session.read([torch.randint(1, 257, (8,)).tolist() for _ in range(size)])
            texts, ends = [""] * size, [longspan.Step(sequence=0, token=0, text="")] * size
            for step in session.generate(max_new_tokens=LIMIT, temperature=1.0, form=form):
                texts[step.sequence] += step.text
                ends[step.sequence] = step
            usage = session.usage
        tokens += usage.generated_tokens
        drafted, accepted = drafted + usage.drafted_tokens, accepted + usage.accepted_tokens
        for text, end in zip(texts, ends, strict=True):
            right = check(text) if end.complete else end.finished == "length"
            found["wrong" if not right else "of its form" if end.complete else "cut"] += 1
    return {
        **found,
        "tokens": tokens,
        "drafted": drafted,
        "accepted": accepted,
        "seconds": round(time.perf_counter() - began, 1),
    }


def asked(model: Model, form: Form, check: Callable[[str], bool], decode: str, count: int) -> dict[str, Any]:
    """What a real model answers, greedily."""
    found: Counter[str] = Counter()
    seconds, tokens, drafted, accepted = 0.0, 0, 0, 0
    with model.session(decode) as session:
        session.read("Notes of the harbour. Anna, 34, came north on 2024-05-17 with a red boat.\n")
        for number in range(count):
            with session.fork() as twin:
                twin.read(f"Entry {number}: ")
                before = twin.usage
                steps = list(twin.generate(max_new_tokens=LIMIT, form=form))
                seconds += twin.usage.decode_seconds - before.decode_seconds
                drafted += twin.usage.drafted_tokens - before.drafted_tokens
                accepted += twin.usage.accepted_tokens - before.accepted_tokens
            text = "".join(step.text for step in steps)
            found[
                "wrong" if steps[-1].complete != check(text) else "of its form" if check(text) else "cut"
            ] += 1
            tokens += len(steps)
    return {
        **found,
        "tokens": tokens,
        "drafted": drafted,
        "accepted": accepted,
        "ms a token": round(1000 * seconds / tokens, 1),
    }


def costs(model: Model, make: Callable[[], Form]) -> dict[str, float]:
    """Milliseconds that a form takes to compile, a mask, and a look at one token, of this thread's own time."""
    vocabulary = vocabulary_of(model.tokenizer)
    began = time.thread_time()
    matching = Matching(make(), vocabulary)
    compiled = time.thread_time() - began
    chances = torch.Generator().manual_seed(0)
    masks, looks = [], []
    while not matching.closed and len(masks) < LIMIT:
        began = time.thread_time()
        allowed = matching.mask(len(vocabulary.data))
        masks.append(time.thread_time() - began)
        left = allowed.nonzero()[:, 0]
        if not len(left):
            break
        token = int(left[torch.randint(len(left), (1,), generator=chances)])
        began = time.thread_time()
        matching.allows(token)
        looks.append(time.thread_time() - began)
        matching.take(token)
    return {
        "compile": round(1000 * compiled, 2),
        "mask": round(1000 * statistics.median(masks), 3),
        "mask, slowest": round(1000 * max(masks), 3),
        "look": round(1000 * statistics.median(looks), 4),
    }


def bombs(model: Model) -> dict[str, str]:
    """Seconds until each was refused, or followed for 20 tokens."""
    vocabulary, found = vocabulary_of(model.tokenizer), {}
    for name, make in BOMBS.items():
        began, said = time.thread_time(), "followed"
        try:
            matching = Matching(make(), vocabulary)
            for _ in range(20):
                left = matching.mask(vocabulary.size).nonzero()[:, 0]
                if matching.closed or not len(left):
                    break
                matching.take(int(left[-1]))
        except FormError:
            said = "refused"
        found[name] = f"{said} after {time.thread_time() - began:.2f} s"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=FORMS, help="by default all")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--side", type=int, default=50)
    parser.add_argument("--model-count", type=int, default=20)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    real = longspan.load(weights="packed")
    model = random_model()
    record: dict[str, Any] = {"costs in ms": {}, "random": {}, "real": {}}
    for name, (make, check) in FORMS.items():
        if given.only not in (None, name):
            continue
        record["costs in ms"][name] = costs(real, make)
        print(name, record["costs in ms"][name], flush=True)
        for decode in DECODES:
            key = f"{name}; {decode or 'no drafts'}"
            record["random"][key] = held(model, make(), check, decode, given.count, given.side)
            print(key, record["random"][key], flush=True)
            record["real"][key] = asked(real, make(), check, decode, given.model_count)
            print(key, record["real"][key], flush=True)
    record["bombs"] = bombs(real)
    print(record["bombs"])
    if given.out:
        given.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
