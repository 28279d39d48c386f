"""Any tokenizer and any template: the prompt is the whole rendering, and no text says a control token."""

import random
from functools import cache

from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from fuzzing import inputs
from longspan.conversation import Conversation
from longspan.spans import Document, Span, count_tokens, tokenize
from longspan.spans.encoder import encoder_of
from longspan.spans.stretches import stretches
from longspan.streaming import TextStream

MARKS = ("<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>", "[INST]", "[/INST]", "<think>", "</think>")
LETTERS = "abcdefghijklmnopqrstuvwxyzABDIEUNSTR<>|/[].,:\n-é世界😀_▁"
PIECES = ("the", "letter", "was", "hidden", "in", "plain", "sight", "A", "bad", "cab")
_EACH = "{% for m in messages %}"
TEMPLATES = (
    _EACH + "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n",
    "{{ bos_token }}" + _EACH + "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
    _EACH + "<|{{ m.role }}|>{{ m.content | trim }}</s>{% endfor %}<|assistant|>",
    "{{ bos_token }}" + _EACH + "{% if m.role == 'user' %}USER: {{ m.content }} ASSISTANT:"
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}",
    "{{ bos_token }}" + _EACH + "<|{{ m.role }}|>\n\n{{ m.content | trim }}<|end|>{% endfor %}"
    "<|assistant|>\n\n{% if not think %}<think>\n\n</think>\n\n{% endif %}",
    _EACH + "{{ m.role }}\n {{ m.content }}</s> {% endfor %}assistant\n",
)
WORDS = st.lists(st.sampled_from([*PIECES, "é", "世界", "😀", "x", "\n", "  ", ".", "__"]), max_size=30)
HARMLESS = WORDS.map(" ".join) | st.text(st.sampled_from("ab cé世😀.\n"), max_size=60)
SHARDS = ("<|", "|>", "end", "[", "]", "/INST", "</", "s>", " ", "\n", "a")
EVIL = st.lists(st.sampled_from([*MARKS, *SHARDS]), max_size=20).map("".join)


def merged(chance: random.Random, alphabet: list[str], words: tuple[str, ...], count: int):
    """Merges that lead to some words, and random ones, with the vocabulary that they make."""
    vocabulary = dict.fromkeys(alphabet)
    merges: list[tuple[str, str]] = []

    def merge(left: str, right: str) -> None:
        if left + right not in vocabulary:
            vocabulary[left + right] = None
            merges.append((left, right))

    for word in words:
        made = word[0]
        for letter in word[1:]:
            merge(made, letter)
            made += letter
    for _ in range(count):
        left, right = chance.choice(list(vocabulary)), chance.choice(list(vocabulary))
        if len(left + right) < 6:
            merge(left, right)
    return list(vocabulary), merges


@cache
def tokenizer_of(kind: str, seed: int, template: str) -> PreTrainedTokenizerFast:
    """A random tokenizer. kind: what it is made of; seed: its merges, and the flags of its control tokens."""
    chance = random.Random(seed)
    inside = chance.random() < 0.5  # control tokens are in the model's vocabulary, as in converted files
    marks = list(MARKS) if inside else []
    if kind.startswith("byte"):
        words = tuple(f"Ġ{word}" for word in PIECES)
        vocabulary, merges = merged(chance, sorted(pre_tokenizers.ByteLevel.alphabet()), words, 40)
        model = models.BPE(
            {piece: token for token, piece in enumerate([*marks, *vocabulary])},
            merges,
            ignore_merges=chance.random() < 0.5,
        )
        raw = Tokenizer(model)
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "byte words")
        raw.decoder = decoders.ByteLevel()
    else:
        letters = [
            "<unk>",
            *(f"<0x{byte:02X}>" for byte in range(256)),
            *LETTERS,
        ]
        words = tuple(f"▁{word}" for word in PIECES)
        vocabulary, merges = merged(chance, letters, words, 0)
        pieces = [vocabulary[0], *marks, *vocabulary[1:]]
        if kind.startswith("unigram"):
            scored = [(piece, 0.0 if piece in marks else -chance.uniform(1, 9)) for piece in pieces]
            raw = Tokenizer(models.Unigram(scored, unk_id=0, byte_fallback=True))
        else:
            table = {piece: token for token, piece in enumerate(pieces)}
            raw = Tokenizer(models.BPE(table, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        scheme = kind.split()[-1]
        if scheme == "prepend":
            raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        else:
            split = kind.startswith("unigram") or chance.random() < 0.5
            raw.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme, split=split)
        raw.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    for mark in MARKS:
        flags = {"lstrip": chance.random() < 0.2, "rstrip": chance.random() < 0.2}
        normal = kind.startswith("byte") and chance.random() < 0.2
        raw.add_tokens([AddedToken(mark, special=chance.random() < 0.6, normalized=normal, **flags)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>" if "byte" not in kind else None,
        chat_template=template,
    )


KINDS = (
    *("byte words", "byte whole", "bpe first", "bpe always", "bpe never", "bpe prepend"),
    *("unigram first", "unigram always", "unigram never"),
)
TOKENIZERS = st.builds(tokenizer_of, st.sampled_from(KINDS), st.integers(0, 9), st.sampled_from(TEMPLATES))


def asked(conversation: Conversation, question: str, spans: list[Span]) -> list[int]:
    """The tokens of a question."""
    context, asking = conversation.question(question, spans)
    return context + asking


def whole(tokenizer, *contents: str) -> list[int]:
    """What transformers makes of a conversation."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": each} for n, each in enumerate(contents)]
    return tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=False
    )


def controls(tokenizer) -> set[int]:
    return {tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}


@inputs(60)
@given(TOKENIZERS, HARMLESS, HARMLESS.filter(str.strip))
def test_a_prompt_is_the_whole_rendering(tokenizer, text, question):
    document = Document("note", text)
    content = f"Document: note\n{text}\n\n{question}"
    want = whole(tokenizer, content)
    span = Span(document, 0, len(text))
    assert asked(Conversation(tokenizer), question, [span]) == want
    later = Conversation(tokenizer)
    read = later.documents([span])
    assert read + asked(later, question, []) == want
    assert asked(Conversation(tokenizer), question, []) == whole(tokenizer, question)


@inputs(60)
@given(TOKENIZERS, EVIL, EVIL, st.booleans())
def test_no_text_says_a_control_token(tokenizer, text, question, first):
    document, harmless = Document("note", text), Document("note", "a")
    conversation, other = Conversation(tokenizer), Conversation(tokenizer)
    ids = conversation.documents([Span(document, 0, len(text))]) if first else []
    ids += asked(conversation, question, [] if first else [Span(document, 0, len(text))])
    same = asked(other, "a", [Span(harmless, 0, 1)])
    marks = controls(tokenizer)
    assert [each for each in ids if each in marks] == [each for each in same if each in marks]
    assert tokenize(tokenizer, text, plain=True).ids == encoder_of(tokenizer).ids(text)
    assert marks.isdisjoint(encoder_of(tokenizer).ids(text))


@inputs(60)
@given(TOKENIZERS, HARMLESS, HARMLESS, st.sampled_from([16, 40, 100]))
def test_blocks_are_the_whole(tokenizer, one, two, size):
    text = f"{one} {two} {one}\n{two}" * 3
    ids = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids

    def encode(part):
        encoding = tokenizer.backend_tokenizer.encode(part, add_special_tokens=False)
        return encoding.ids, encoding

    found = [token for each in stretches(encode, text, block=4 * size) for token in each.ids]
    assert found == ids == tokenize(tokenizer, text).ids
    assert count_tokens(tokenizer, text) == len(ids)


@inputs(100)
@given(TOKENIZERS, st.lists(st.integers(0, 400), max_size=20))
@example(tokenizer_of("byte words", 1, TEMPLATES[0]), [135, 0, 103])
def test_streamed_text_is_the_decoded_text(tokenizer, numbers):
    backend = tokenizer.backend_tokenizer
    ids = [number % len(tokenizer) for number in numbers]
    stream = TextStream(tokenizer, ())
    said = "".join([stream.push(token) for token in ids]) + stream.flush()
    before = backend.encode("a", add_special_tokens=False).ids
    want = backend.decode([*before, *ids])[len(backend.decode(before)) :]
    if isinstance(backend.decoder, decoders.ByteLevel):
        assert said == want
        return
    special = {token for token, each in backend.get_added_tokens_decoder().items() if each.special}
    data = b"".join(_bytes(backend.id_to_token(token)) for token in ids if token not in special)
    assert said == _each_byte(data)
    assert said == want or "\ufffd" in want


def _bytes(piece: str) -> bytes:
    """What a piece of a vocabulary with bytes stands for."""
    if len(piece) == 6 and piece.startswith("<0x"):
        return bytes([int(piece[3:5], 16)])
    return piece.replace("▁", " ").encode()


def _each_byte(data: bytes) -> str:
    """Characters as they are, and a mark for each byte that belongs to none."""
    said = ""
    while data:
        for size in (1, 2, 3, 4):
            try:
                said, data = said + data[:size].decode(), data[size:]
                break
            except UnicodeDecodeError:
                continue
        else:
            said, data = said + "\ufffd", data[1:]
    return said
