"""Where turns end, what templates are given, and what is refused in one line."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from longspan.cli.variables import variables_of
from longspan.errors import UnsupportedModel
from longspan.plan import Plan
from longspan.spans import split_reasoning, tokenize
from longspan.spans.encoder import encoder_of
from test_chat import STORY, asked, ids, template, with_tokenizer
from tiny import SPECIAL, TEMPLATE, embedded, saying, tiny_model, tokens

BEGIN, START, END = 0, 1, 2


def ending(tokenizer) -> None:
    """The tokenizer's end token is another than the template's mark."""
    tokenizer.eos_token = SPECIAL[0]


@pytest.mark.parametrize("last", [END, BEGIN], ids=["the mark", "the end of a text"])
def test_the_template_ends_a_turn_and_says_its_mark_once(last):
    model = with_tokenizer(ending)
    model.network.generation_config.eos_token_id = None
    taken, (one, _) = asked(
        model, ("How?", (), [*ids("fine"), last, *ids("more")]), ("And now?", (), [*ids("ok"), END])
    )
    assert one.text == "fine"
    assert taken == template(model, "How?", "fine", "And now?") + ids("ok")
    assert one.usage.generated_tokens == len(ids("fine")) + 1


def test_a_document_after_an_answer_is_the_next_turn():
    model = tiny_model()
    with embedded(model.network) as taken, model.session() as session:
        with saying(model.network, [*ids("fine"), END]):
            session.ask("How?")
        session.read(STORY)
        with saying(model.network, [END]):
            session.ask("Where?")
    said = f"Document: story.txt\n{STORY.text}\n\nWhere?"
    assert taken == template(model, "How?", "fine", said)


def test_documents_read_apart_are_one_prompt():
    model = tiny_model()
    with model.session() as session:
        session.read(STORY).read(STORY)
        document = f"Document: story.txt\n{STORY.text}"
        want = template(model, f"{document}\n\n{document}\n\nWhere?")
        for one in (session.fork(), session):
            with saying(model.network, [END]):
                one.ask("Where?", max_new_tokens=1)
            assert one.sequences[0].tokens == [*want, END]


@pytest.mark.parametrize(
    "broken",
    [
        "{{ raise_exception('a system message\nis required') }}",
        "{% for m in messages %}{{ m.content }",
        "{{ today() }}",
        {"rag": TEMPLATE, "tool_use": TEMPLATE},
    ],
    ids=["raises", "syntax", "undefined", "no default"],
)
def test_a_template_that_fails_is_refused_in_one_line(broken):
    def change(tokenizer):
        tokenizer.chat_template = broken

    model = with_tokenizer(change)
    with model.session() as session:
        with pytest.raises(UnsupportedModel, match=r"chat template of .* fails") as caught:
            session.ask("Where?")
        assert "\n" not in str(caught.value)
        assert len(list(session.read("text").generate(max_new_tokens=2))) == 2


def test_a_template_of_parts_and_variables():
    def change(tokenizer):
        tokenizer.chat_template = (
            "{% for m in messages %}<|im_start|>{% for c in m.content %}{{ c.text }}{% endfor %}<|im_end|>"
            "{% endfor %}{% if think is defined and not think %}<think></think>{% endif %}"
        )

    model = with_tokenizer(change)
    for given, after in ((None, ""), ({"think": False}, "<think></think>")):
        with (
            embedded(model.network) as taken,
            saying(model.network, [END]),
            model.session(template=given) as session,
        ):
            session.ask("hi", max_new_tokens=1)
        assert taken == [START, *ids("hi"), END, *ids(after)]
    for wrong in ({"messages": []}, {"a b": 1}, {"x": object()}, "think"):
        with pytest.raises(ValueError, match="template"):
            model.session(template=wrong)


@pytest.mark.parametrize(
    ("said", "begun", "reasoning", "answer"),
    [
        ("<think>\nso\n</think>\n\nyes", False, "so", "yes"),
        ("so</think>yes", True, "so", "yes"),
        ("<think>so", False, "so", ""),
        ("the tag </think> ends it", False, "", "the tag </think> ends it"),
    ],
)
def test_reasoning_is_apart_from_the_answer(said, begun, reasoning, answer):
    assert split_reasoning(said, begun=begun) == (reasoning, answer)


def test_what_was_reasoned_is_not_cited():
    model = tiny_model()
    said = '<think>"She lit the lamp at nine"</think>No.'
    _, (answer,) = asked(model, ("When?", STORY, [*ids(said), END]))
    assert (answer.reasoning, answer.text) == ('"She lit the lamp at nine"', "No.")
    assert not [each for each in answer.citations if "lamp" in each.quote]
    assert answer.to_dict()["reasoning"] == answer.reasoning


@pytest.mark.parametrize("kind", ["words", "unigram", "whole words"])
def test_a_vocabulary_cannot_make_a_control_token_of_text(kind):
    vocabulary = ["<unk>", "<end>", *"abcdend<>", "end"]
    table = {piece: token for token, piece in enumerate(dict.fromkeys(vocabulary))}
    if kind == "unigram":
        raw = Tokenizer(models.Unigram([(piece, -1.0) for piece in table], unk_id=0))
    elif kind == "words":
        raw = Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    else:
        raw = Tokenizer(models.BPE(table, [], unk_token="<unk>", ignore_merges=True))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.add_special_tokens(["<end>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>")
    assert tokenize(tokenizer, "a <end> b").ids.count(1) == 1
    assert 1 not in tokenize(tokenizer, "a <end> b", plain=True).ids
    encoder = encoder_of(tokenizer)
    assert encoder.ids(encoder.written("a <end> b")) == tokenize(tokenizer, "a <end> b").ids


def test_an_exception_while_an_answer_is_told_closes_the_session():
    model = tiny_model()

    def fail(text):
        raise RuntimeError("mine")

    with model.session() as session:
        with saying(model.network, ids("abcd")), pytest.raises(RuntimeError, match="mine"):
            session.ask("hello?", stream=fail, max_new_tokens=3)
        assert session.seen == [0]
        with pytest.raises(ValueError, match="seed"):
            session.ask("hello?", seed="7")
        assert session.seen == [0], "refused before anything is read"


@pytest.mark.parametrize(
    "source",
    [
        b"abc",
        [5.7, 6.2],
        np.array([5.7]),
        [True],
        torch.tensor([True]),
        torch.tensor([5.5]),
        {"a": 1},
        None,
        ["a"],
    ],
)
def test_what_is_no_source_is_refused(source):
    with tiny_model().session() as session:
        with pytest.raises(ValueError, match="source"):
            session.read(source)
        assert session.seen == [0]


def test_half_a_character_is_refused_before_anything_is_read():
    with tiny_model().session() as session:
        for call in (session.read, session.ask):
            with pytest.raises(ValueError, match="half of a character"):
                call("a\ud800b")
        assert session.seen == [0]


def test_a_seed_gives_a_sequence_the_same_draws_alone_and_in_a_batch():
    model = tiny_model()
    with model.session() as session:
        alone = [
            step.token
            for step in session.read(tokens(9)).generate(temperature=1.0, seed=11, max_new_tokens=6)
        ]
    with model.session(size=2) as session:
        both: list[list[int]] = [[], []]
        session.read([tokens(9), tokens(9)])
        for step in session.generate(temperature=1.0, seed=11, max_new_tokens=6):
            both[step.sequence].append(step.token)
    assert both == [alone, alone]


@pytest.mark.parametrize(
    "how",
    [
        {"seed": 1.5},
        {"seed": True},
        {"seed": 2**64},
        {"max_new_tokens": 1.5},
        {"stop": None},
        {"stop": [1]},
        {"top_k": 1.5},
    ],
)
def test_wrong_types_are_refused_by_name(how):
    with tiny_model().session() as session, pytest.raises(ValueError, match=f"{next(iter(how))}="):
        session.read(tokens(4)).generate(**how)


@pytest.mark.parametrize("temperature", [1e-31, 1e-45, 5e-324])
def test_the_smallest_temperatures_are_greedy(temperature):
    model = tiny_model()
    with model.session() as session:
        session.read(tokens(9))
        greedy, cold = (
            [step.token for step in session.fork().generate(temperature=each, max_new_tokens=4)]
            for each in (0.0, temperature)
        )
    assert greedy == cold


def test_a_plan_of_a_windows_editor_is_read(tmp_path):
    (tmp_path / "plan.toml").write_bytes(b'\xef\xbb\xbfcodec = "int8"\n')
    assert str(Plan.of(tmp_path / "plan.toml")) == "codec=int8"


def test_variables_of_the_command_are_json_or_text():
    assert variables_of(["enable_thinking=false", "mood=kind", "n=3"]) == {
        "enable_thinking": False,
        "mood": "kind",
        "n": 3,
    }
    with pytest.raises(ValueError, match="--template 'a' has no value"):
        variables_of(["a"])
