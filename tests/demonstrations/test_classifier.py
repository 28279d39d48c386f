"""Labels by their likelihood: the same as reading every prompt for every label."""

from contextlib import nullcontext

import pytest
import torch

from longspan.conversation import begin_ids
from longspan.demonstrations.classifier import Classifier
from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.labels import LabelTree
from longspan.demonstrations.layout import Layout
from longspan.demonstrations.likelihood import scoring_of
from longspan.demonstrations.selections.random import Random
from longspan.demonstrations.selections.similar import Similar
from longspan.errors import WindowExceeded
from longspan.plan import Plan
from longspan.retrieval.retrievers.bm25 import Bm25
from tiny import WINDOW, tiny_model, tiny_tokenizer

LABELS = ("lost card", "lost boat", "a boat", "lost")
POOL = [
    Demonstration(text=text, label=label)
    for text, label in zip(
        ("red card gone", "my boat sank", "which boat", "gone again", "card"),
        (*LABELS, "lost card"),
        strict=True,
    )
]


def ids_of(text):
    return tiny_tokenizer().encode(text, add_special_tokens=False) if text else []


def naive(shown, text, *, greedy=False):
    """The log-likelihoods of all labels, each with a prompt of its own, or the labels by greedy generation."""
    model = tiny_model()
    ids = begin_ids(model.tokenizer) + [
        token
        for each in shown
        for part in (f"{each.text}\nlabel:", f" {each.label}\n\n")
        for token in ids_of(part)
    ]
    ids += ids_of(f"{text}\nlabel:")
    endings = [ids_of(f" {label}\n\n") for label in LABELS]

    def logs(after):
        with torch.no_grad():
            return model.network(torch.tensor([ids + after])).logits[0].float().log_softmax(-1)

    if greedy:
        said = []
        while said not in endings:
            ways = {each[len(said)] for each in endings if each[: len(said)] == said}
            row = logs(said)[-1].tolist()
            said.append(max(sorted(ways), key=row.__getitem__))
        return LABELS[endings.index(said)]
    return [
        sum(float(logs(each)[len(ids) - 1 + place, token]) for place, token in enumerate(each))
        for each in endings
    ]


TEXTS = ("red card", "which boat")


@pytest.mark.parametrize("by", ["likelihood", "greedy", "calibrated"])
@pytest.mark.parametrize("selection", [Random(), Similar(k=2, retriever=Bm25())])
def test_the_label_is_that_of_reading_everything_for_every_label(by, selection):
    with Classifier(tiny_model(), POOL, selection, labels=LABELS, by=by, together=3) as classifier:
        found = list(classifier.classify(TEXTS))
        again = [next(iter(classifier.classify([text]))) for text in TEXTS]
    assert found == again
    for text, each in zip(TEXTS, found, strict=True):
        shown = [POOL[number] for number in each.shown]
        if by == "greedy":
            assert each.label == naive(shown, text, greedy=True)
            continue
        scores = naive(shown, text)
        if by == "calibrated":
            scores = [own - none for own, none in zip(scores, naive(shown, "N/A"), strict=True)]
        assert each.label == LABELS[scores.index(max(scores))]
        assert len(set(scores)) == len(LABELS)


def test_all_likelihoods_are_those_of_a_reading_each():
    model, layout = tiny_model(), Layout(tokenizer=tiny_tokenizer())
    tree = LabelTree([layout.answered(label) for label in LABELS])
    with model.session() as session:
        session.read([*layout.opening, *layout.demonstration(POOL[0]), *layout.asked("boat")])
        found = tree.likelihoods(session)
        assert tree.likeliest(session, 2) == sorted(enumerate(found), key=lambda each: -each[1])[:2]
    assert found == pytest.approx(naive(POOL[:1], "boat"), abs=1e-3)
    scores = scoring_of(model, Plan(), layout)((), POOL[:3], Demonstration(text="boat", label=LABELS[1]))
    assert scores == pytest.approx([naive([each], "boat")[1] for each in POOL[:3]], abs=1e-3)


@pytest.mark.parametrize("ids", [[], [[1], [1]], [[1, 2], [1]], [[1], [1, 2]], [[1], []]])
def test_labels_that_cannot_be_told_apart_are_refused(ids):
    with pytest.raises(ValueError, match="give"):
        LabelTree(ids)


def test_a_longer_prompt_goes_on_with_the_shorter_one(monkeypatch):
    model = tiny_model()
    opened = []
    session = model.session
    monkeypatch.setattr(
        model, "session", lambda *given, **named: opened.append(1) or session(*given, **named)
    )
    with Classifier(model, POOL, Random(), labels=LABELS) as classifier:
        counts = []
        for tokens in (0, 40, 400, 40):
            classifier.tokens = tokens
            (found,) = classifier.classify(["boat"])
            counts.append(len(found.shown))
            assert found.tokens <= tokens
            scores = naive([POOL[number] for number in found.shown], "boat")
            assert found.label == LABELS[scores.index(max(scores))]
    assert counts == [0, counts[1], len(POOL), counts[1]]
    assert 0 < counts[1] < len(POOL)
    assert len(opened) == 3  # nothing is shared with none, and a shorter one is read anew


@pytest.mark.parametrize("windows", ["pcw", "window-ensemble"])
def test_one_window_is_the_plain_prompt_and_several_hold_more_than_the_models_window(windows):
    model = tiny_model()
    with Classifier(model, POOL, Random(), labels=LABELS, windows=windows, window=WINDOW) as classifier:
        (found,) = classifier.classify(["boat"])
    scores = naive([POOL[number] for number in found.shown], "boat")
    assert found.label == LABELS[scores.index(max(scores))]
    many = [Demonstration(text=f"text {number} of many", label=LABELS[number % 4]) for number in range(80)]
    given = {"labels": LABELS, "windows": windows, "window": 200, "tokens": 10 * WINDOW}
    with Classifier(model, many, Random(), **given) as classifier:
        (found,) = classifier.classify(["boat"])
    assert len(found.shown) == len(many)
    assert found.tokens > WINDOW
    refused = pytest.raises(ValueError, match="by=greedy") if windows != "pcw" else nullcontext()
    with refused, Classifier(model, many, Random(), by="greedy", **given) as greedy:
        assert len(list(greedy.classify(["boat", "card"]))) == 2


def test_what_does_not_fit_is_refused_before_it_is_read():
    many = [Demonstration(text=f"text {number} of many", label="a") for number in range(200)]
    with Classifier(tiny_model(), many, Random(), labels=LABELS, tokens=10 * WINDOW) as classifier:
        with pytest.raises(WindowExceeded, match=r"show fewer with tokens=\.\.\."):
            list(classifier.classify(["boat"]))
        assert list(classifier.classify([])) == []
