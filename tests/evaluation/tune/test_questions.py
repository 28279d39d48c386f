"""Questions made from documents: whole, in the text, as long as asked for, and scored by their answers."""

import re
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.probes import KINDS, quotable, quotes
from longspan.evaluation.tune.questions import MIN_TEXT, Questions, hide, in_order
from longspan.spans import Document
from wordcount import words

QUESTIONS = ("needle", "quote", "pair", "two-hop")


def request(length=500, seed=0, count_tokens=words) -> Request:
    return Request(
        length=length,
        seed=seed,
        count_tokens=count_tokens,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text=""),
    )


def book(name: str, sentences: int) -> Document:
    """Prose in which no sentence begins like another."""
    random = Random(name)
    words = [
        "boat",
        "keeper",
        "lamp",
        "north",
        "storm",
        "rope",
        "letter",
        "island",
        "winter",
        "gull",
        "stone",
    ]
    lines = [
        f"{' '.join(random.choices(words, k=6)).capitalize()} {number} and {' '.join(random.choices(words, k=7))}."
        for number in range(sentences)
    ]
    paragraphs = [" ".join(lines[start : start + 4]) for start in range(0, sentences, 4)]
    return Document(name, "# A heading\n\n" + "\n\n".join(paragraphs))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus((book("a.md", 60), book("b.md", 60)))


@pytest.fixture(scope="module")
def task(corpus) -> Questions:
    return Questions(corpus=corpus, kinds=QUESTIONS)


@given(length=st.integers(350, 2000), seed=st.integers(0, 50), number=st.integers(0, 20))
def test_prompt_and_answer_fit_the_length_and_fill_it(task, length, seed, number):
    asked = request(length, seed)
    samples = task.context(number, asked)
    longest = max(map(asked.prompt_tokens, samples)) + task.max_new_tokens
    assert longest <= length
    everything = all(piece.strip() in samples[0].context for piece in task.corpus.pieces)
    assert longest > length - 50 or everything


def test_all_questions_of_a_context_share_it_so_that_it_is_read_once(task):
    samples = list(islice(task.samples(request()), 12))
    contexts = [sample.context for sample in samples]
    assert [contexts.index(context) for context in contexts] == [0] * 4 + [4] * 4 + [8] * 4
    assert [sample.facts["kind"] for sample in samples] == list(QUESTIONS) * 3
    assert len({sample.id for sample in samples}) == 12


def test_a_sample_is_a_function_of_seed_length_and_number(task):
    few, many = (list(islice(task.samples(request()), n)) for n in (5, 20))
    assert many[:5] == few
    assert next(task.samples(request(seed=1))).context != few[0].context


def test_a_right_answer_scores_1_and_another_0(task):
    for sample in islice(task.samples(request()), 12):
        assert task.score(f" {sample.references[0]} And so on.", sample)["score"] == 1
        assert task.score(" I do not know 99999.", sample)["score"] == 0
        assert task.score("", sample)["score"] == 0


def test_what_is_asked_for_is_in_the_text_at_the_stated_depth(task):
    for sample in islice(task.samples(request(800)), 40):
        flat = " ".join(sample.context.split())
        kind, answer = sample.facts["kind"], sample.references[0]
        if kind == "quote":
            sought = f"{sample.prefix} {answer}"
        elif kind == "two-hop":
            city = re.search(rf"{sample.prefix} (\w+)\.", flat)[1]
            sought = f"The secret code of {city} is {answer}."
        else:
            sought = f"{sample.prefix} {answer}"
        assert flat.count(sought) == 1
        place = re.search(r"\s+".join(map(re.escape, sought.split()[:6])), sample.context).start()
        assert sample.facts["depth"] == pytest.approx(place / len(sample.context), abs=0.1)
        assert answer not in sample.question + sample.prefix


def test_hidden_sentences_lie_at_all_depths(task):
    depths = [
        sample.facts["depth"]
        for sample in islice(task.samples(request(1000)), 400)
        if sample.facts["kind"] == "needle"
    ]
    assert len(depths) == 100
    for third in range(3):
        assert 15 < sum(third <= 3 * depth < third + 1 for depth in depths) < 52


def test_the_text_around_is_that_of_the_documents(task, corpus):
    text = "".join(document.text for document in corpus.documents)
    for number in range(5):
        context = task.context(number, request())[0].context
        own = [line for line in re.split(r"(?<=\.)\s+", context) if " and " in line]
        assert len(own) > 10
        assert all(line.strip() in text for line in own)


def test_a_context_ends_with_a_sentence(task):
    for number in range(10):
        samples = task.context(number, request())
        text = samples[0].context.removesuffix("The text has ended. ").rstrip()
        assert text.endswith((".", "# A heading"))


def test_small_documents_are_read_whole_and_once():
    task = Questions(corpus=Corpus((book("short", 12),)), kinds=("needle",))
    context = task.context(0, request(4000))[0].context
    assert all(context.count(piece.strip()) == 1 for piece in task.corpus.pieces)


def test_a_length_without_room_for_text_is_refused(task):
    with pytest.raises(
        TaskError, match=rf"length=120 leaves \d+ tokens for text, {MIN_TEXT} are needed; raise"
    ):
        task.context(0, request(120))
    with pytest.raises(TaskError, match="give one with length="):
        task.context(0, request(None))


def test_documents_without_prose_cannot_be_quoted():
    table = Corpus((Document("t", "| a | b |\n| 1 | 2 |\n" * 200),))
    with pytest.raises(TaskError, match="no sentence to quote"):
        next(Questions(corpus=table, kinds=("quote",)).samples(request()))
    kinds = {each.facts["kind"] for each in islice(Questions(corpus=table).samples(request()), 20)}
    assert kinds == set(KINDS) - {"quote"}


def test_unknown_kinds_and_too_many_questions_are_refused(corpus):
    with pytest.raises(ValueError, match="kinds='riddle' is not one of"):
        Questions(corpus=corpus, kinds=("riddle",))
    with pytest.raises(ValueError, match="number of kinds=12 is outside 1"):
        Questions(corpus=corpus, kinds=("needle",) * 12)


@pytest.mark.parametrize(
    ("given_words", "wanted", "share"),
    [
        ("a b c d", "a b c", 1),
        ("a b x", "a b c d", 0.5),
        ("x a b", "a b", 0),
        ("", "a", 0),
        ("a", "a b c d", 0.25),
    ],
)
def test_a_quote_counts_up_to_the_first_wrong_word(given_words, wanted, share):
    assert in_order(given_words.split(), wanted.split()) == share


def test_case_and_punctuation_of_a_quote_do_not_matter(task):
    quote = next(each for each in task.samples(request()) if each.facts["kind"] == "quote")
    shouted = quote.references[0].upper().replace(".", "!")
    assert task.score(shouted, quote)["score"] == 1


def test_only_prose_is_quoted():
    assert quotable("The new crane lifts nine hundred kilograms, twice what the old one did.")
    for piece in (
        "Too short to be quoted.",
        "| a | table | with | many | cells | in | one | long | line | . |",
        "See [the page about this](page.md) for all that there is to know on it.",
        "A line of ten or more words that just does not end",
        "word " * 41 + "end.",
    ):
        assert not quotable(piece)


def test_sentences_that_begin_alike_are_not_quoted():
    twins = ["The lamp burns all night and the keeper sleeps until the morning."] * 2
    other = "Nobody ever saw the letter that came with the boat from the north."
    found = quotes(Random(0), [*twins, other], 3)
    assert [f"{probe.prefix} {probe.answer}" for probe in found] == [other]


@given(
    pieces=st.lists(st.sampled_from(["One. ", "Two.\n\n", "Three.\n", "四。"]), min_size=1, max_size=8),
    depths=st.lists(st.floats(0, 1), max_size=4),
)
def test_hiding_changes_nothing_of_the_text(pieces, depths):
    hidden = [(depth, f"Hidden{number}.") for number, depth in enumerate(depths)]
    text = hide(hidden, pieces)
    assert all(text.count(sentence) == 1 for _, sentence in hidden)
    for _, sentence in hidden:
        text = re.sub(rf"{re.escape(sentence)}\s*", "", text, count=1)
    assert "".join(text.split()) == "".join("".join(pieces).split())
