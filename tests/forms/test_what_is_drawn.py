"""What is drawn is of the form that was asked for, whatever the model prefers."""

import json
import math
import re
import time
from contextlib import suppress

import jsonschema
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan import Form
from longspan.errors import FormError
from longspan.forms.matching import Matching
from longspan.forms.vocabulary import vocabulary_of
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling
from longspan.spans.pieces import pieces_of
from piecewise import STOP, sentence_pieces
from tiny import tiny_tokenizer

CPU = torch.device("cpu")
TOKENIZERS = {"byte level": (tiny_tokenizer(), 2), "byte fallback": (sentence_pieces(), STOP)}
HEAD = 320
"""Tokens of a head that is wider than either vocabulary."""


def followed(form, tokenizer):
    return Matching(form, vocabulary_of(tokenizer))


def drawn(form, seed, kind="byte level", *, count=80, temperature=1.0, **asked):
    """Tokens that chance draws in a form until it ends, their text, and whether it is complete."""
    tokenizer, end = TOKENIZERS[kind]
    chances = torch.Generator().manual_seed(seed)
    sampler = Sampler(Sampling(temperature=temperature, seed=seed, **asked), CPU, followed(form, tokenizer))
    sampler.begin([], {end})
    tokens = []
    while len(tokens) < count:
        tokens.append(sampler.draw(5 * torch.randn(HEAD, generator=chances)))
        told = sampler.said()
        if tokens[-1] == end or told.closed:
            break
    data = pieces_of(tokenizer).data
    text = b"".join(data(token) for token in tokens if token != end)
    assert all(token not in tokenizer.all_special_ids or token == end for token in tokens)
    return tokens, text, told.complete


REGEX = st.recursive(
    st.one_of(
        st.text(st.sampled_from('abé/ "x\n'), min_size=1, max_size=3).map(re.escape),
        st.sampled_from(["[a-f]", "[^a-z]", "[0-9]", ".", "é?"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.builds("({}){}".format, inner, st.sampled_from(["*", "?", "+", "{2}", "{1,3}"])),
    ),
    max_leaves=6,
)


@inputs(40)
@given(pattern=REGEX, seed=st.integers(0, 999), kind=st.sampled_from(sorted(TOKENIZERS)))
def test_regular_expressions_match_the_whole(pattern, seed, kind):
    form = Form.regex(pattern)
    _, text, complete = drawn(form, seed, kind)
    if complete:
        assert re.fullmatch(pattern, text.decode())
        assert form.holds(text.decode())
    else:
        assert not form.holds(text.decode(errors="surrogateescape"))


NAMES = st.sampled_from(["a", "b", "né", "x y", '"'])
SCHEMA = st.recursive(
    st.one_of(
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "maxLength": 4}]),
        st.builds(lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
                  st.integers(-50, 50), st.integers(0, 200)),
        st.builds(lambda values: {"enum": values}, st.lists(NAMES, min_size=1, max_size=3, unique=True)),
        st.just({"type": "string", "pattern": "^[a-c]{1,3}$"}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
                  inner, st.integers(0, 2), st.integers(0, 2)),
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).flatmap(
            lambda parts: st.sets(st.sampled_from(sorted(parts))).map(
                lambda required: {"type": "object", "properties": parts, "required": sorted(required),
                                  "additionalProperties": False})),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
    ),
    max_leaves=5,
)  # fmt: skip


@inputs(40)
@given(
    schema=SCHEMA, seed=st.integers(0, 999), kind=st.sampled_from(sorted(TOKENIZERS)), compact=st.booleans()
)
def test_json_is_what_its_schema_allows(schema, seed, kind, compact):
    form = Form.json_schema(schema, compact=compact)
    _, text, complete = drawn(form, seed, kind, count=400)
    assert complete or len(text) >= 100
    if complete:
        jsonschema.validate(json.loads(text), schema)
        assert form.holds(text.decode())
    assert not form.holds(text.decode(errors="surrogateescape") + "}")


@inputs(40)
@given(
    options=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), min_size=1, max_size=9),
    seed=st.integers(0, 999),
    kind=st.sampled_from(sorted(TOKENIZERS)),
)  # fmt: skip
def test_choices_are_made(options, seed, kind):
    form = Form.choice(options)
    _, text, complete = drawn(form, seed, kind)
    assert complete
    assert text.decode() in options
    assert [form.holds(option) for option in options] == [True] * len(options)


def test_grammars_are_those_of_lark():
    form = Form.lark('start: noun " " verb\nnoun: "cats" | "dogs"\nverb: "sleep" | "run"')
    found = {drawn(form, seed)[1].decode() for seed in range(40)}
    assert found == {f"{noun} {verb}" for noun in ("cats", "dogs") for verb in ("sleep", "run")}


@inputs(30)
@given(pattern=REGEX, seed=st.integers(0, 99), undone=st.integers(1, 5))
def test_going_back_and_forking_leave_no_trace(pattern, seed, undone):
    tokens, _, _ = drawn(Form.regex(pattern), seed)
    matching = followed(Form.regex(pattern), tiny_tokenizer())
    matching.begin({2})
    masks = [matching.mask(HEAD)]
    for token in tokens:
        assert matching.allows(token) == bool(masks[-1][token])
        twin = matching.fork()
        matching.take(token)
        masks.append(matching.mask(HEAD))
        assert torch.equal(twin.mask(HEAD), masks[-2])
    back = min(undone, len(tokens))
    matching.back(back)
    assert torch.equal(matching.mask(HEAD), masks[len(tokens) - back])
    matching.back(len(tokens) - back)
    assert torch.equal(matching.mask(HEAD), masks[0])


def test_only_tokens_of_the_form_are_drawn_whatever_is_preferred():
    matching = followed(Form.regex("[ab]{2}"), tiny_tokenizer())
    matching.begin({2})
    data = pieces_of(tiny_tokenizer()).data
    assert {data(int(token)) for token in matching.mask(HEAD).nonzero()} == {b"a", b"b"}
    assert not matching.complete
    for _ in range(2):
        matching.take(int(matching.mask(HEAD).nonzero()[0]))
    assert matching.closed
    assert matching.mask(HEAD).nonzero().tolist() == [[2]]


def test_greedily_it_is_the_likeliest_of_those_that_are_allowed():
    for seed in range(20):
        row = torch.randn(HEAD, generator=torch.Generator().manual_seed(seed))
        matching = followed(Form.regex("[a-f].*"), tiny_tokenizer())
        expected = int(row.masked_fill(~matching.mask(HEAD), -math.inf).argmax())
        sampler = Sampler(Sampling(), CPU, matching)
        assert int(sampler.distribution(row).argmax()) == expected
        assert sampler.draw(row) == expected


def test_filters_come_after_the_form():
    form = Form.regex("[ab]")
    row = torch.zeros(HEAD)
    row[10:20] = 50.0  # tokens of which no text of the form goes on with one
    found = Sampler(Sampling(temperature=1.0, top_k=2, top_p=0.9), CPU, followed(form, tiny_tokenizer()))
    assert sorted(found.distribution(row).nonzero()[:, 0].tolist()) == sorted(
        token for token in range(259) if pieces_of(tiny_tokenizer()).data(token) in (b"a", b"b")
    )


def test_the_shortest_length_gives_way_to_the_form():
    assert len(drawn(Form.regex("a*"), 0, min_tokens=12)[0]) > 12
    assert drawn(Form.regex("a{3}"), 0, min_tokens=12)[1] == b"aaa"


def test_what_bans_all_that_the_form_allows_is_told():
    token = next(token for token in range(259) if pieces_of(tiny_tokenizer()).data(token) == b"a")
    with pytest.raises(FormError, match="no token is left that the form allows"):
        drawn(Form.regex("a"), 0, logit_bias={token: -math.inf})


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Form.regex("(a"), r"regular expression '\(a' is refused at character 1: unclosed group"),
        (lambda: Form.regex("ab(?=c)"), "at character 3: look-around"),
        (lambda: Form.regex(""), "regular expression is ''; give a text of 1 or more characters"),
        (lambda: Form.regex("a" * 70_000), "has 70,000 bytes, allowed are 65,536"),
        (lambda: Form.regex("\ud800"), "half of a character at 0"),
        (lambda: Form.json_schema("{'a': 1}"), "no JSON at line 1, character 2"),
        (lambda: Form.json_schema([1]), r"JSON schema is '\[1\]'; give an object"),
        (lambda: Form.json_schema({"a": {1, 2}}), "cannot be written as JSON"),
        (lambda: Form.json_schema({"properties": {"a": {"type": "strng"}}}), "at #/properties/a: Invalid type: strng"),
        (lambda: Form.json_schema({"items": {"items": {"not": {}}}}), r"at #/items/items: Unimplemented keys"),
        (lambda: Form.json_schema({"properties": {"a": {"pattern": "(a"}}}), "unclosed group"),
        (lambda: Form.json_schema(False), "JSON schema is false"),
        (lambda: Form.json_schema('{"a":' * 3000 + "1" + "}" * 3000), "nested too deeply|recursion limit"),
        (lambda: Form.json_schema({"multipleOf": 10**9}), "multipleOf=1000000000 at #, allowed is up to 10,000"),
        (lambda: Form.lark("start: foo"), 'grammar is refused at line 1, character 8: unknown name: "foo"'),
        (lambda: Form.lark('start: "a"\nfoo: ('), "grammar is refused at line 2, character 7"),
        (lambda: Form.choice([]), r"choice=\[\] is no list of texts"),
        (lambda: Form.choice("yes"), "choice='yes' is no list of texts"),
        (lambda: Form.choice(["yes", ""]), "choice is ''"),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused_in_a_line_with_the_place(make, told):
    with pytest.raises(FormError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "scheme", ["http://127.0.0.1:{}/x", "https://127.0.0.1:{}/x", "file:///etc/motd", "o.json"]
)
def test_nothing_is_fetched(scheme):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        with pytest.raises(FormError, match="retriev"):
            Form.json_schema({"properties": {"a": {"$ref": scheme.format(server.getsockname()[1])}}})
        with pytest.raises(TimeoutError):
            server.accept()


DOUBLING = {f"a{level}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/a{level - 1}"}] * 2, "items": False}
            for level in range(1, 30)}  # fmt: skip
BOMBS = {
    "counters": lambda: Form.regex("(a{1000}){1000}"),
    "nested counters": lambda: Form.regex("((a{1,1000}){1,1000}){1,1000}"),
    "a huge counter": lambda: Form.regex("a{1,1000000000}"),
    "counted anything": lambda: Form.regex("(.{1,1000}){1,1000}"),
    "many states": lambda: Form.regex("(?s)(.*a.{300})*"),
    "deep groups": lambda: Form.regex("(" * 5000 + "a" + ")" * 5000),
    "a large enum": lambda: Form.json_schema({"enum": [f"value {number}" for number in range(10_000)]}),
    "a huge enum": lambda: Form.json_schema({"enum": [f"value {number}" for number in range(100_000)]}),
    "a $ref to itself": lambda: Form.json_schema({"$ref": "#"}),
    "$refs around": lambda: Form.json_schema(
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    ),
    "$refs that double": lambda: Form.json_schema(
        {"$defs": {"a0": {"type": "string"}, **DOUBLING}, "$ref": "#/$defs/a29"}
    ),
    "anyOf of allOf": lambda: Form.json_schema(
        {"allOf": [{"anyOf": [{"properties": {f"k{one}{two}": {"minimum": two}}} for two in range(10)]}
                   for one in range(8)]}
    ),
    "nested repeats": lambda: Form.json_schema(
        {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000, "items": {"minItems": 1000}}}
    ),
    "many properties": lambda: Form.json_schema({"properties": {f"k{one}": {} for one in range(20_000)}}),
    "long strings": lambda: Form.json_schema({"type": "string", "minLength": 100_000, "maxLength": 10_000_000}),
    "a pattern": lambda: Form.json_schema({"type": "string", "pattern": "^(a{1,1000}){1,1000}$"}),
    "a divisor": lambda: Form.json_schema({"type": "integer", "multipleOf": 999_983}),
    "many rules": lambda: Form.lark("start: " + " | ".join(f'"v{number}"' for number in range(5000))),
    "too many rules": lambda: Form.lark("start: " + " | ".join(f'"v{number}"' for number in range(50_000))),
    "left recursion": lambda: Form.lark('start: start start | "a" | '),
    "ambiguity": lambda: Form.lark('start: a\na: a a a | a a | "x" | "xx"'),
    "repeated rules": lambda: Form.lark('start: a{1,100000}\na: b{1,100000}\nb: "x"{1,100000}'),
    "products": lambda: Form.lark("start: T\nT: /(.*a.*){20}/ & /(.*b.*){20}/ & ~/.*abc.*/"),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_would_take_for_ever_is_refused_soon(bomb):
    followed(Form.regex("a"), tiny_tokenizer())  # what is made once for a model
    began = time.process_time()
    with suppress(FormError):
        drawn(BOMBS[bomb](), 0, count=20)
    assert time.process_time() - began < 3
