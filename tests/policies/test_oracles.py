"""The entries that kvpress keeps for the same model, tokens and fraction."""

import json
import os
from pathlib import Path

import pytest
import torch
from kept import kept
from transformers import AutoModelForCausalLM

from longspan.plan import Plan
from longspan.policies.adakv import AdaKV
from longspan.policies.allocators.adakv import AdaKV as Adaptive
from longspan.policies.allocators.pyramid import Pyramid
from longspan.policies.chunkkv import ChunkKV
from longspan.policies.keydiff import KeyDiff
from longspan.policies.knorm import Knorm
from longspan.policies.lagkv import LagKV
from longspan.policies.pyramidkv import PyramidKV
from longspan.policies.snapkv import SnapKV
from longspan.policies.streamingllm import StreamingLLM
from longspan.policies.tova import TOVA
from tiny import model_of

KVPRESS = {"window": 32, "kernel": 5, "pooling": "avg"}

METHODS = {
    "snapkv(window=32,kernel=5)": (SnapKV, KVPRESS),
    "streaming-llm(sinks=4)": (StreamingLLM, {"sinks": 4, "when": "end"}),
    "adakv(snapkv,alpha=0.2)": (AdaKV, KVPRESS | {"allocator": Adaptive(rule="guard")}),
    "tova": (TOVA, {}),
    "knorm": (Knorm, {}),
    "keydiff": (KeyDiff, {}),
    "pyramidkv(window=32,kernel=5,beta=20)": (PyramidKV, KVPRESS | {"allocator": Pyramid(base=0)}),
    "chunkkv(snapkv,chunk=20)": (ChunkKV, KVPRESS),
}


def folder() -> Path | None:
    """LONGSPAN_ORACLES, or shared/oracles beside the repository or one of its parents."""
    if "LONGSPAN_ORACLES" in os.environ:
        return Path(os.environ["LONGSPAN_ORACLES"])
    beside = [parent / "shared" / "oracles" for parent in Path(__file__).resolve().parents]
    return next((path for path in beside if path.is_dir()), None)


@pytest.fixture(scope="module")
def oracle():
    found = folder()
    if found is None:
        pytest.skip("no folder shared/oracles beside the repository; LONGSPAN_ORACLES can name one")
    network = AutoModelForCausalLM.from_pretrained(found / "tiny-llama", dtype=torch.float32).eval()
    return model_of(network), json.loads((found / "kvpress-0.5.5-kept.json").read_text())


@pytest.mark.parametrize("chunk", [2048, 64])
@pytest.mark.parametrize("removed", ["0.5", "0.75"])
@pytest.mark.parametrize("method", METHODS)
def test_kept_sets_are_those_of_kvpress(oracle, method, removed, chunk):
    model, answers = oracle
    part, parameters = METHODS[method]
    with model.session(Plan(policy=part(budget=1 - float(removed), **parameters)), chunk=chunk) as session:
        assert kept(session.read(answers["input_ids"])) == answers["kept"][f"{method} @ removed={removed}"]


@pytest.mark.parametrize("removed", ["0.5", "0.75"])
def test_lagkv_and_kvpress_choose_among_the_same_ties(oracle, removed):
    """Of 320 entries only one partition, 4 .. 131, can be scored; the other 192 tie at kvpress, and fill the budget."""
    model, answers = oracle
    tied = {*range(4), *range(132, 320)}
    with model.session(Plan(policy=LagKV(budget=1 - float(removed)))) as session:
        mine = kept(session.read(answers["input_ids"]))
    theirs = answers["kept"][f"lagkv @ removed={removed}"]
    for my_layer, their_layer in zip(mine, theirs, strict=True):
        for my_row, their_row in zip(my_layer, their_layer, strict=True):
            assert len(my_row) == len(their_row)
            assert {*my_row, *their_row} <= tied
            assert my_row == [*range(4), *range(320 - len(their_row) + 4, 320)]
