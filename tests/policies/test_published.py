"""What a method does by its name alone: the settings of its authors' published runs."""

import pytest

from longspan.plan import Plan

PUBLISHED = {
    "policy=snapkv": {"window": 32, "kernel": 7, "pooling": "max"},
    "policy=adakv": {
        "window": 32,
        "kernel": 7,
        "pooling": "max",
        "allocator": {"method": "adakv", "floor": 0.2, "rule": "blend"},
    },
    "policy=pyramidkv": {
        "window": 8,
        "kernel": 7,
        "pooling": "max",
        "allocator": {"method": "pyramid", "beta": 20.0, "base": None},
    },
    "policy=h2o": {"recent": 0.5, "score": "sum"},
    "policy=streamingllm": {"sinks": 4, "when": "chunk", "every": 1},
    "policy=lacache": {"sinks": 4, "allocator": {"method": "ladder", "span": 16, "overlap": 0}},
    "policy=look-once": {"threshold": 1e-8, "last": 0.2, "scaled": False},
    "policy=expected-attention": {"future": 512, "sinks": 4, "epsilon": 0.01},
    "policy=kvzip": {"chunk": 2000, "tail": 8, "allocator": {"method": "model-wide", "floor": 0.0}},
    "selector=quest": {"page": 16, "dense": 2},
    "selector=infllm": {
        "block": 128,
        "representatives": 4,
        "top": 16,
        "sinks": 128,
        "local": 4096,
        "reading": 512,
    },
    "selector=tokenselect": {"budget": 2048, "sinks": 128, "local": 512, "reading": 512},
    "selector=longcache": {"spans": 127, "span": 32, "top": 4, "sinks": 32, "local": 4096, "reading": 512},
    "selector=shadowkv": {"budget": 2048, "chunk": 8, "outliers": 48},
    "selector=actqkv": {
        "block": 32,
        "representatives": 4,
        "top": 46,
        "sinks": 64,
        "local": 512,
        "reading": 256,
    },
    "pattern=hip": {"dense": 3},
    "pattern=xattention": {"stride": 16, "threshold": 0.9, "block": 128},
    "pattern=uniprefill": {"share": 0.99, "first": 7, "every": 4},
    "positions=self-extend": {"group": 8, "neighbour": 1024, "scale_base": None},
    "positions=string": {"shift": 0.33, "local": 128},
}


@pytest.mark.parametrize("text", PUBLISHED)
def test_a_name_alone_is_the_published_setting(text):
    (table,) = Plan.parse(text).describe().values()
    assert {name: table[name] for name in PUBLISHED[text]} == PUBLISHED[text]
