"""Requests that go between the layers of a long prompt's passes."""

import pytest
import torch

import longspan
from longspan.running.source import Prompt
from longspan.running.speaking import speakers
from longspan.serving.interleaving import LONG, Interleaving
from longspan.serving.turns import Turns

CHUNK = 2 * LONG


@pytest.fixture(scope="module", params=["recognised", "by its modules"])
def model(request, small_folder):
    model = longspan.load(small_folder)
    if request.param == "by its modules":
        model.network.model.layers[0].mlp.register_forward_hook(lambda *_: None)
        assert model.seam.whole is None
    return model


class Reader:
    """A session that reads a prompt and then speaks, as one request."""

    def __init__(self, model, count, seed, limit=6):
        self.session = model.session(chunk=CHUNK)
        ids = torch.randint(5, 200, (count,), generator=torch.Generator().manual_seed(seed)).tolist()
        prompt = Prompt.of(self.session.batch.conversations, ids)
        (self.request,) = self.session.batch.reading(prompt, rounds=False, more=False, reserve=0)
        said_by = speakers(model.seam, model.tokenizer, 1, max_new_tokens=limit)
        self.request.speaker = said_by[0]

    @property
    def sequence(self):
        return self.session.sequences[0]


def run(model, readers, meanwhile=lambda passes, step: None):
    """Runs requests, the first from the beginning; who took part in each step.

    All steps are made alike, also those between two layers of another's pass: what is kept from one to the next is
    written to in both, and what is made in torch's mode for inference can only be written to there.
    """
    told, running = [], []

    def tell(among, steps):
        assert not torch.is_inference_mode_enabled()
        told.append([names[each] for each in among])

    names = {each.request: number for number, each in enumerate(readers)}
    passes = Interleaving(
        model.seam,
        Turns(CHUNK, lambda each: ""),
        meanwhile=lambda: meanwhile(passes, len(told)),
        told=tell,
    )
    passes.add(readers[0].request)
    while passes.runner.requests:
        passes.step()
        running.append(len(told))
    return told


def alone(model, *of, **more):
    reader = Reader(model, *of, **more)
    run(model, [reader])
    return reader.sequence.tokens, reader.sequence.upcoming


def test_who_joins_while_a_book_is_read_speaks_before_it_is_read_and_all_get_the_bits_of_those_alone(model):
    book, short, shorter = Reader(model, 700, 1), Reader(model, 90, 2), Reader(model, 20, 3, limit=40)
    left = [short, shorter]

    def meanwhile(passes, step):
        if left:
            passes.add(left.pop().request)

    told = run(model, [book, short, shorter], meanwhile)
    ended = {name: max(place for place, step in enumerate(told) if name in step) for name in (0, 1)}
    assert ended[1] < ended[0]
    assert told.index([0]) > told.index([2])
    for reader, of, more in ((book, (700, 1), {}), (short, (90, 2), {}), (shorter, (20, 3), {"limit": 40})):
        tokens, upcoming = alone(model, *of, **more)
        assert reader.sequence.tokens == tokens
        assert torch.equal(reader.sequence.upcoming, upcoming)


def test_who_is_dropped_in_a_pass_leaves_it_at_the_next_layer(model):
    book, short = Reader(model, 700, 1), Reader(model, 20, 2)

    def meanwhile(passes, step):
        if short.request not in passes.runner.requests and not short.request.finished:
            passes.add(short.request)
        if book.request in passes.runner.passing:
            assert not passes.remove(book.request)

    told = run(model, [book, short], meanwhile)
    assert book.request.error is not None
    assert book.sequence.run == 0
    assert told[-1] in ([0], [1])
    assert short.sequence.tokens == alone(model, 20, 2)[0]
    assert model.seam.between is None


def test_what_fails_within_another_pass_leaves_that_alone(model):
    book, short = Reader(model, 700, 1), Reader(model, 20, 2)

    def broken(sequence):
        raise ArithmeticError("this one fails")

    short.request.after = broken
    left = [short]
    run(model, [book, short], lambda passes, step: passes.add(left.pop().request) if left else None)
    assert isinstance(short.request.error, ArithmeticError)
    assert book.sequence.tokens == alone(model, 700, 1)[0]


def test_what_reads_much_of_its_own_lets_others_read_and_speak(model):
    short = Reader(model, 90, 2)
    left = [short]
    passes = Interleaving(
        model.seam,
        Turns(CHUNK, lambda each: ""),
        meanwhile=lambda: passes.add(left.pop().request) if left else None,
        told=lambda among, steps: None,
    )
    text = " ".join(f"Keeper {number} lit lamp {number * 7 % 50}." for number in range(40))
    whole = model.session(chunk=CHUNK).read(text)
    kept = passes.aside(lambda: whole.fork("policy=kvzip(budget=25%)"))
    assert short.sequence.run >= 90
    expected = model.session(chunk=CHUNK).read(text).fork("policy=kvzip(budget=25%)")
    assert torch.equal(kept.entries(1).keys, expected.entries(1).keys)


def test_who_spoke_between_layers_goes_on_speaking_after_them(model):
    book = Reader(model, 300, 1)
    talkers = [Reader(model, 20 + number, number, limit=120) for number in range(2, 5)]
    left = list(talkers)
    run(
        model,
        [book, *talkers],
        lambda passes, step: [passes.add(left.pop().request) for _ in list(left)],
    )
    for number, each in enumerate(talkers, 2):
        assert each.request.error is None
        assert each.sequence.tokens == alone(model, 20 + number, number, limit=120)[0]
