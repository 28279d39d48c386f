"""What a pass made goes when the pass is over, without waiting for the collector."""

from __future__ import annotations

import gc

import pytest
import torch

from tiny import tiny_model, tokens

PLANS = (
    "",
    "positions=dca",
    "positions=dpe(scales=[2,8],neighbour=8)",
    "pattern=xattention(block=16)",
    "pattern=minference(patterns=vertical-slash,block=16)",
    "pattern=minference(patterns=vertical-slash,block=16) positions=self-extend(neighbour=16)",
    "pattern=uniprefill(share=0.3,first=0,every=1,sinks=0,last=8,block=16)",
    "pattern=squeezed(block=16)",
    "policy=snapkv(budget=16,window=8,when=chunk)",
    "policy=kvzip(budget=50%)",
    "policy=h2o(budget=16,when=chunk)",
    "selector=quest(budget=16)",
    "selector=em-llm",
    "codec=int4",
)


@pytest.mark.parametrize("plan", PLANS)
def test_reading_and_generating_leave_no_tensors_in_cycles(plan):
    with tiny_model().session(plan, chunk=32) as session:
        session.read(tokens(64))  # what is made once is there
        gc.collect()
        gc.freeze()  # what thousands of tests left need not be looked at again
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            session.read(tokens(96, seed=1))
            for _ in session.generate(max_new_tokens=4):
                pass
            gc.collect()
            left = [each.shape for each in gc.garbage if isinstance(each, torch.Tensor)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left == []
