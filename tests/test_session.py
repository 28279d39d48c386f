"""Sessions: reading, forking, batches, and numbers that are exact."""

import pytest
import torch
from torch.testing import assert_close

from longspan.spans import Document, Span
from tiny import embedded, headed, saying, tiny_model, tokens

TOKEN = 2 * 3 * 2 * 16 * 4
"""Bytes of a token's keys and values: both, in each layer and KV head, of head_dim numbers."""
PLANS = [
    "",
    "positions=self-extend(group=4,neighbour=16)",
    "policy=snapkv(budget=40,window=8,when=chunk) selector=quest(budget=24,page=4,dense=0) codec=int8",
    "policy=adakv(budget=40,window=8)",
]


def made(session, count=12, **sampling):
    return [step.token for step in session.generate(max_new_tokens=count, **sampling)]


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt_oss"])
@pytest.mark.parametrize("chunk", [16, 2048])
def test_read_in_pieces_is_read_at_once(family, chunk):
    model, ids, more = tiny_model(family), tokens(120), tokens(10, seed=1)
    with model.session(chunk=chunk) as pieces, model.session(chunk=chunk) as whole:
        pieces.read(ids[:1]).read(ids[1:50]).read(ids[50:])
        assert pieces.seen == whole.read(ids).seen == [120]
        assert_close(pieces.logits(more), whole.logits(more), atol=1e-5, rtol=0)


def test_everything_that_can_be_read_is_the_same_tokens():
    model = tiny_model()
    text = "A lamp é"
    ids = model.tokenizer(text)["input_ids"]
    document = Document("d", f"{text}{text}")
    for source in (text, ids, tuple(ids), torch.tensor(ids)):
        with embedded(model.network) as taken, model.session() as session:
            session.read(source)
        assert taken == ids
    opened = []
    for source in (document, [Span(document, 0, len(document.text))]):
        with embedded(model.network) as taken, model.session() as session:
            assert session.read(source).next_logits is not None
        opened.append(taken)
    assert opened[0] == opened[1]
    assert opened[0][-2 * len(ids) :] == ids * 2


@pytest.mark.parametrize("plan", PLANS)
def test_a_batch_is_its_sequences_alone(plan):
    model = tiny_model()
    texts = [tokens(5), tokens(130, seed=1), tokens(64, seed=2)]
    alone, logits = [], []
    for text in texts:
        with model.session(plan, chunk=32) as session, headed(model.network) as rows:
            alone.append(made(session.read(text)))
            logits.append(rows)
    with model.session(plan, size=3, chunk=32) as session, headed(model.network) as rows:
        steps = list(session.read(texts).generate(max_new_tokens=12))
    together = [[step.token for step in steps if step.sequence == number] for number in range(3)]
    assert together == alone
    # The prompts end one after the other: 5, 64 and 130 tokens in chunks of 32.
    order = [0, 2, 1]
    # What is stored in 8 bits may round to the number beside it where the last bit of a product differs.
    atol = 1e-3 if "codec" in plan else 1e-5
    for place, number in enumerate(order):
        assert_close(rows[place], logits[number][0], atol=atol, rtol=0)
    for step in range(1, len(alone[0])):
        for number in range(3):
            assert_close(rows[3 * step + number], logits[number][step], atol=atol, rtol=0)


def test_sequences_of_a_batch_end_on_their_own():
    model = tiny_model()
    # The three speak in turns; the third ends at once, then the first.
    with saying(model.network, [5, 6, 2, 2, 8, 9]), model.session(size=3) as session:
        session.read([tokens(4), tokens(9), tokens(6)])
        steps = [(step.sequence, step.token, step.finished) for step in session.generate(max_new_tokens=3)]
    assert steps == [
        (0, 5, ""),
        (1, 6, ""),
        (2, 2, "stop"),
        (0, 2, "stop"),
        (1, 8, ""),
        (1, 9, "length"),
    ]


def test_no_token_is_padding():
    model = tiny_model()
    texts = [tokens(5), tokens(40, seed=1), tokens(33, seed=2)]
    with model.session(size=3, chunk=16) as session, embedded(model.network) as taken:
        session.read(texts)
        assert len(taken) == 5 + 40 + 33
        assert sorted(taken) == sorted(torch.cat(texts).tolist())
        list(session.generate(max_new_tokens=4, temperature=5.0, seed=0))
        assert len(taken) == 5 + 40 + 33 + 3 * 3  # what is drawn last is not run
        assert session.usage.prompt_tokens == 78
        assert session.usage.generated_tokens == 12


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("chunk", [16, 2048])
def test_the_head_runs_on_the_last_position_only(size, chunk):
    model = tiny_model()
    texts = [tokens(100, seed=seed) for seed in range(size)]
    with model.session(size=size, chunk=chunk) as session, headed(model.network) as rows:
        session.read(texts if size > 1 else texts[0])
        assert len(rows) == size
        list(session.generate(max_new_tokens=5, temperature=5.0, seed=0))
        assert len(rows) == size * 5


@pytest.mark.parametrize("plan", PLANS)
def test_forks_go_their_own_ways(plan):
    model = tiny_model()
    ids, left, right = tokens(100), tokens(20, seed=1), tokens(3, seed=2)

    def fresh(more):
        with model.session(plan, chunk=32) as session:
            return made(session.read(ids).read(more)), session.logits(left)

    with model.session(plan, chunk=32) as one:
        two = one.read(ids).fork()
        one.read(left)
        two.read(right)
        for session, more in ((one, left), (two, right)):
            expected, logits = fresh(more)
            assert made(session) == expected
            assert torch.equal(session.logits(left), logits)
        two.close()
        assert one.seen > [0]
        assert one.logits(left).isfinite().all()


@pytest.mark.parametrize("plan", PLANS)
def test_a_fork_amid_an_answer_goes_on_like_the_other(plan):
    with tiny_model().session(plan, chunk=32) as one:
        made(one.read(tokens(100)), 5)
        two = one.fork()
        assert one.seen == two.seen == [105]
        assert made(one) == made(two)


@pytest.mark.parametrize("plan", PLANS)
def test_generating_in_parts_is_generating_at_once(plan):
    with tiny_model().session(plan, chunk=32) as one, tiny_model().session(plan, chunk=32) as two:
        assert made(one.read(tokens(100)), 5) + made(one, 7) == made(two.read(tokens(100)), 12)


def test_bytes_and_tokens_are_exact():
    with tiny_model().session(chunk=16) as session:
        assert session.usage.kv_bytes == 0
        session.read(tokens(100))
        assert session.usage.kv_bytes == 100 * TOKEN
        session.read(tokens(23))
        assert session.usage.kv_bytes == 123 * TOKEN
        assert session.usage.prompt_tokens == 123
        made(session, 10, temperature=5.0, seed=0)
        # While it generates, a session holds room for all that it may generate.
        assert session.usage.kv_bytes == 133 * TOKEN
        assert session.usage.generated_tokens == 10
        assert session.usage.peak_kv_bytes >= session.usage.kv_bytes
        assert session.peak_entries == 132
        assert session.usage.truncated_tokens == 0
    assert session.usage.kv_bytes == 0
    assert session.usage.peak_kv_bytes >= 133 * TOKEN


def test_seconds_are_spent_where_they_are_counted():
    with tiny_model().session() as session:
        session.read(tokens(300))
        reading = session.usage
        assert reading.prefill_seconds > 0 == reading.decode_seconds
        made(session)
        assert session.usage.prefill_seconds == reading.prefill_seconds
        assert session.usage.decode_seconds > 0


def test_progress_counts_every_token():
    heard = []
    with tiny_model().session(size=2, chunk=16) as session:
        session.read([tokens(40), tokens(25)], progress=heard.append)
    assert [(step.processed, step.total) for step in heard] == [(32, 65), (57, 65), (65, 65)]
    assert heard[0].seconds <= heard[-1].seconds


def test_a_session_that_went_on_meanwhile_does_not_go_on_generating():
    with tiny_model().session() as session:
        session.read(tokens(20))
        steps = session.generate(max_new_tokens=8, stop=())
        next(steps)
        session.read(tokens(5))
        with pytest.raises(ValueError, match="the session went on with something else"):
            next(steps)
