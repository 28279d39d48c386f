"""Tiny models that can be told apart, and plans with parts of every kind."""

from functools import cache

from longspan.loading import Loaded
from longspan.model import Model
from tiny import tiny_network, tiny_tokenizer


@cache
def small_model(family="llama", digest="tiny"):
    """A tiny model whose weights are said to have this digest."""
    loaded = Loaded(
        network=tiny_network(family),
        tokenizer=tiny_tokenizer(),
        name=f"tiny-{digest}",
        digest=digest,
        source="",
    )
    return Model(loaded)


PLANS = [
    "",
    "positions=self-extend(group=4,neighbour=32)",
    "pattern=a-shape(sinks=4,window=32)",
    "pattern=uniprefill(share=0.3,first=0,every=1,sinks=0,last=8,block=16)",
    "pattern=uniprefill(share=0.3,first=0,every=1,sinks=0,last=8,block=16) codec=kivi(residual_length=16)",
    "pattern=uniprefill(share=0.3,first=0,every=1,sinks=0,last=8,block=16) codec=mapped",
    "policy=streamingllm(budget=40,when=chunk)",
    "policy=lacache(budget=40,allocator=ladder(span=1))",
    "policy=snapkv(budget=60,window=8)",
    "policy=h2o(budget=40,when=chunk)",
    "policy=expected-attention(budget=40,when=chunk)",
    "policy=kvzip(budget=40)",
    "policy=adakv(budget=48,window=8)",
    "policy=snapkv(budget=60,window=8,disposer=quantize)",
    "policy=snapkv(budget=60,window=8,when=chunk,disposer=move)",
    "policy=knorm(budget=40,disposer=merge)",
    "selector=quest(budget=48,page=8,dense=0)",
    "selector=tokenselect(budget=16,sinks=4,local=16,reading=16)",
    "selector=em-llm(budget=16,sinks=4,local=16,reading=16,longest=16)",
    "selector=squeezed(budget=0.3,clusters=0.2,local=16)",
    "selector=shadowkv(budget=16,outliers=2,local=8)",
    "selector=shadowkv(budget=16,chunk=4,outliers=2,local=8) codec=low-rank(rank=4,recent=16)",
    "codec=int8",
    "codec=int4(group_size=16)",
    "codec=kivi(bits=2,residual_length=16)",
    "codec=million(residual_length=16,nbits=4)",
    "codec=think(window=8,recent_size=16)",
    "codec=low-rank(recent=16)",
    "codec=mapped",
    "policy=tova(budget=60,when=chunk) selector=quest(budget=32,page=8,dense=1) codec=kivi(bits=4,residual_length=8)",
]
