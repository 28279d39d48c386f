"""One reading and some tokens by one engine, in a process of its own: what `decode.py` starts.

    PYTHON engines.py JOB.json FOUND.json

It runs in the environment of the engine, which need not have longspan or torch, so it imports the engine alone and
only when it is asked for. The job names the engine, the model's files, the ids of a text, how many tokens follow it,
and questions, as ids, each of which is asked after the text as if it were the only one. Reading lasts until the first
token is known; the seconds of the tokens after it follow one by one. Memory is what the kernel counts as resident:
with the engine imported, with the model loaded and used, and at most.
"""

from __future__ import annotations

import ctypes
import importlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

WARM = 64  # tokens that are read before anything is measured
NOT_INSTALLED = 3


class Ran(NamedTuple):
    """A text that was read: seconds until the first token, seconds of each token after it, and what was said."""

    read: float
    steps: list[float]
    said: list[int] | str


def resident(field: str) -> int:
    """Bytes that the kernel counts for this process, now (VmRSS) or at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{field}:"))


class Stepwise:
    """An engine that is given tokens and says which one is the likeliest next."""

    def begin(self, tokens: int) -> None:
        """A new text, of so many tokens at most."""
        raise NotImplementedError

    def next(self, ids: Sequence[int]) -> int:
        """The likeliest token after those that were given before, and these."""
        raise NotImplementedError

    def back(self, length: int) -> None:
        """Forgets all but the first tokens."""
        raise NotImplementedError

    def run(self, ids: list[int], count: int) -> Ran:
        self.begin(len(ids) + 512)
        began = time.perf_counter()
        tokens = [self.next(ids)]
        read, steps = time.perf_counter() - began, []
        for _ in range(count):
            began = time.perf_counter()
            tokens.append(self.next(tokens[-1:]))
            steps.append(time.perf_counter() - began)
        return Ran(read, steps, tokens)

    def ask(self, ids: list[int], question: list[int], count: int) -> list[int] | str | None:
        self.back(len(ids))
        tokens = [self.next(question)]
        while len(tokens) < count:
            tokens.append(self.next(tokens[-1:]))
        return tokens


class Transformers(Stepwise):
    """Stock, with SDPA and a DynamicCache, the whole text in one pass."""

    package, modules = "transformers", ("torch", "transformers")

    def __init__(self, job: dict[str, Any]) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(job["threads"])
        self.torch, self.cache = torch, None
        self.network = AutoModelForCausalLM.from_pretrained(
            job["folder"], dtype=getattr(torch, job["dtype"]), attn_implementation="sdpa"
        ).eval()

    def begin(self, tokens: int) -> None:
        from transformers import DynamicCache

        self.cache = DynamicCache(config=self.network.config)

    def next(self, ids: Sequence[int]) -> int:
        with self.torch.inference_mode():
            given = self.torch.tensor([list(ids)])
            found = self.network(input_ids=given, past_key_values=self.cache, logits_to_keep=1)
        return int(found.logits[0, -1].argmax())

    def back(self, length: int) -> None:
        self.cache.crop(length - self.cache.get_seq_length())


class Longspan:
    """A session under a plan, as its users run it."""

    package, modules = "longspan", ("torch", "transformers", "longspan.session")

    @property
    def number_bytes(self) -> int:
        """Of what is not packed: its own choice, by the processor."""
        return self.model.seam.dtype.itemsize

    def __init__(self, job: dict[str, Any]) -> None:
        import torch

        import longspan

        torch.set_num_threads(job["threads"])
        how = {"weights": job["weights"]} if job["weights"] else {}
        self.model, self.plan, self.session = longspan.load(job["model"], **how), job["plan"], None

    def run(self, ids: list[int], count: int) -> Ran:
        if self.session is not None:
            self.session.close()
        self.session = self.model.session(self.plan, window=max(self.model.window, len(ids) + 512))
        began = time.perf_counter()
        self.session.read(ids)
        self.marks = self.session.mark()
        spoken = self.session.generate(max_new_tokens=count + 1)
        tokens = [next(spoken).token]
        read, steps = time.perf_counter() - began, []
        began = time.perf_counter()
        for step in spoken:
            now = time.perf_counter()
            steps.append(now - began)
            tokens.append(step.token)
            began = now
        return Ran(read, steps, tokens)

    def ask(self, ids: list[int], question: list[int], count: int) -> list[int] | str | None:
        self.session.rewind(self.marks)
        self.session.read(question)
        return [step.token for step in self.session.generate(max_new_tokens=count)]


class LlamaCppPython(Stepwise):
    package, modules = "llama-cpp-python", ("llama_cpp",)

    def __init__(self, job: dict[str, Any]) -> None:
        import llama_cpp

        self.module = llama_cpp
        self.llama = llama_cpp.Llama(
            job["model"],
            n_ctx=len(job["ids"]) + 512,
            n_threads=job["threads"],
            n_threads_batch=job["threads"],
            n_batch=512,
            n_ubatch=512,
            flash_attn=True,
            logits_all=job.get("every", False),
            verbose=False,
        )

    def begin(self, tokens: int) -> None:
        self.llama.reset()

    def next(self, ids: Sequence[int]) -> int:
        self.llama.eval(list(ids))
        return likeliest(self.module.llama_get_logits_ith(self.llama.ctx, -1), self.llama.n_vocab())

    def back(self, length: int) -> None:
        self.llama.n_tokens = length


class IkLlama(Stepwise):
    """ik_llama.cpp by its C interface, since its Python class draws in a Python loop over the vocabulary.

    Flash attention is on wherever the processor has VNNI: the class looks for one of its two forms alone.
    """

    package, modules = "ik-llama-cpp-python", ("ik_llama_cpp", "numpy")

    def __init__(self, job: dict[str, Any]) -> None:
        from ik_llama_cpp import _ctypes_api, _internals

        self.calls, self.parts, self.length = _ctypes_api, _internals, 0
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
        self.model = _internals.IkModel(job["model"])
        self.context = _internals.IkContext(
            self.model,
            n_ctx=len(job["ids"]) + 512,
            n_threads=job["threads"],
            flash_attn=not {"avx_vnni", "avx512_vnni"}.isdisjoint(flags),
        )

    def begin(self, tokens: int) -> None:
        self.context.kv_cache_clear()
        self.length = 0

    def next(self, ids: Sequence[int]) -> int:
        for start in range(0, len(ids), 512):
            part = list(ids[start : start + 512])
            last = start + 512 >= len(ids)
            batch = self.parts.make_batch_range(part, pos_start=self.length, logits_last=last)
            failed = self.context.decode(batch)
            self.calls.llama_batch_free(batch)
            if failed:
                raise RuntimeError(f"llama_decode returned {failed}")
            self.length += len(part)
        return likeliest(self.context.get_logits(-1), self.model.n_vocab)

    def back(self, length: int) -> None:
        remove = self.calls._lib.llama_kv_cache_seq_rm
        remove.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32]
        remove(self.context.ctx, 0, length, -1)
        self.length = length


class XLlamaCpp:
    """llama.cpp's server within the process; seconds are its own."""

    package, modules = "xllamacpp", ("xllamacpp",)

    def __init__(self, job: dict[str, Any]) -> None:
        import xllamacpp

        given = xllamacpp.CommonParams()
        given.model.path, given.n_ctx, given.n_parallel = job["model"], len(job["ids"]) + 512, 1
        given.cpuparams.n_threads = given.cpuparams_batch.n_threads = job["threads"]
        given.n_batch = given.n_ubatch = 512
        given.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
        given.verbosity = 0
        self.server = xllamacpp.Server(given)

    def _wanted(self, ids: list[int], count: int) -> dict[str, Any]:
        return {
            "prompt": ids,
            "n_predict": count,
            "temperature": 0,
            "cache_prompt": True,
            "ignore_eos": True,
            "timings_per_token": True,
        }

    def run(self, ids: list[int], count: int) -> Ran:
        pieces: list[dict[str, Any]] = []
        self.server.handle_completions(self._wanted(ids, count + 1) | {"stream": True}, pieces.append)
        wrong = next((each for each in pieces if "timings" not in each), None)
        if wrong is not None:
            raise RuntimeError(f"llama.cpp did not answer: {json.dumps(wrong)[:300]}")
        timings = [each["timings"] for each in pieces]
        steps = [
            (after["predicted_ms"] - before["predicted_ms"]) * 1e-3
            for before, after in itertools.pairwise(timings)
            if after["predicted_n"] == before["predicted_n"] + 1
        ]
        said = "".join(each["choices"][0]["text"] for each in pieces)
        return Ran(timings[0]["prompt_ms"] * 1e-3, steps, said)

    def ask(self, ids: list[int], question: list[int], count: int) -> list[int] | str | None:
        return self.server.handle_completions(self._wanted(ids + question, count))["choices"][0]["text"]


class OpenVino:
    """An exported folder; `attention` is SDPA, paged, or paged and sparse by XAttention with its defaults."""

    package, modules = "openvino-genai", ("numpy", "openvino", "openvino_genai")

    def __init__(self, job: dict[str, Any]) -> None:
        import numpy
        import openvino
        import openvino_genai

        self.genai, self.openvino, self.numpy = openvino_genai, openvino, numpy
        self.paged = job["attention"] != "sdpa"
        given: dict[str, Any] = {"INFERENCE_NUM_THREADS": job["threads"]}
        if self.paged:
            scheduler = openvino_genai.SchedulerConfig()
            scheduler.cache_size, scheduler.max_num_batched_tokens = 2, 2048
            scheduler.enable_prefix_caching = True
            if job["attention"] == "xattention":
                sparse = openvino_genai.SparseAttentionConfig(
                    mode=openvino_genai.SparseAttentionMode.XATTENTION
                )
                scheduler.use_sparse_attention, scheduler.sparse_attention_config = True, sparse
            given["scheduler_config"] = scheduler
        else:
            given["ATTENTION_BACKEND"] = "SDPA"
        self.pipeline = openvino_genai.LLMPipeline(job["openvino"], "CPU", **given)

    def _generate(self, ids: list[int], count: int) -> Any:
        wanted = self.genai.GenerationConfig(max_new_tokens=count, ignore_eos=True, apply_chat_template=False)
        row = self.numpy.array([ids], dtype=self.numpy.int64)
        given = self.genai.TokenizedInputs(
            self.openvino.Tensor(row), self.openvino.Tensor(self.numpy.ones_like(row))
        )
        return self.pipeline.generate(given, wanted)

    def run(self, ids: list[int], count: int) -> Ran:
        found = self._generate(ids, count + 1)
        steps = [float(each) * 1e-6 for each in found.perf_metrics.raw_metrics.m_durations]
        return Ran(found.perf_metrics.get_ttft().mean * 1e-3, steps, list(found.tokens[0]))

    def ask(self, ids: list[int], question: list[int], count: int) -> list[int] | str | None:
        if not self.paged:
            return None  # it would read the whole text again
        return list(self._generate(ids + question, count).tokens[0])


ENGINES = {
    each.package: each for each in (Transformers, Longspan, LlamaCppPython, IkLlama, XLlamaCpp, OpenVino)
}


def likeliest(logits: Any, count: int) -> int:
    """The place of the largest of so many fp32 numbers behind a pointer."""
    import numpy

    return int(numpy.ctypeslib.as_array(logits, shape=(count,)).argmax())


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    kind = ENGINES[job["package"]]
    try:
        for module in kind.modules:
            importlib.import_module(module)
    except ImportError as failed:
        print(failed, file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    imported = resident("VmRSS")
    engine = kind(job)
    engine.run(job["ids"][:WARM], 2)
    loaded = resident("VmRSS")
    ran = engine.run(job["ids"], job["count"])
    peak = resident("VmHWM")
    answers = [engine.ask(job["ids"], question, job["answer"]) for question in job["questions"]]
    memory = {
        "number_bytes": getattr(engine, "number_bytes", None),
        "imported_bytes": imported,
        "loaded_bytes": loaded,
        "peak_bytes": peak,
    }
    Path(sys.argv[2]).write_text(json.dumps(ran._asdict() | memory | {"answers": answers}))


if __name__ == "__main__":
    main()
