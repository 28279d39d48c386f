import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import DocumentError
from longspan.evaluation import Request, TaskError
from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack, HaystackTooShort
from longspan.evaluation.words import listed

SMALL = Haystack(name="small", text="One is first. Two comes\nnext! Is three third? Four ends it.")


def test_sentences_tile_the_text():
    assert SMALL.sentences == ("One is first.", "Two comes next!", "Is three third?", "Four ends it.")
    essays = Haystack.essays()
    assert " ".join(essays.sentences) == " ".join(essays.text.split())


@given(count=st.integers(0, 30), start=st.integers(0, 100))
def test_take_goes_round_and_repeats_only_where_that_is_wanted(count, start):
    wanted = [SMALL.sentences[(start + number) % 4] for number in range(count)]
    assert replace(SMALL, repeats=True).take(count, start) == wanted
    if count <= 4:
        assert SMALL.take(count, start) == wanted
        return
    with pytest.raises(
        HaystackTooShort, match=r"small has 4 sentences, .* name a longer text with haystack="
    ):
        SMALL.take(count, start)


def test_a_length_beyond_the_text_is_refused_and_one_within_is_not():
    """However far the search for the largest sample looks ahead."""
    text = Haystack(name="forty", text=" ".join(f"Boat number {n} is out at sea." for n in range(40)))

    def sample(length):
        wanted = Request(
            length=length, seed=0, count_tokens=lambda each: len(each.split()), overhead=0, haystack=text
        )
        return next(iter(find(["needle/sentence"])[0].samples(wanted)))

    assert sample(300).context.count("Boat") == 25
    for length in (405, 500, 5000):
        with pytest.raises(
            TaskError, match=rf"at length={length:,}: the haystack forty has 40 sentences, 41 .*haystack="
        ):
            sample(length)


def test_digest_tells_texts_apart_whatever_their_name():
    assert SMALL.digest == Haystack(name="other", text=SMALL.text).digest
    assert SMALL.digest != Haystack(name="small", text=SMALL.text + " ").digest


def test_the_essays_are_prose_without_anything_like_a_needle():
    essays = Haystack.essays()
    assert Haystack.built_in().prose.digest == essays.digest
    assert len(essays.text.split()) > 6_000
    assert not re.search(r"\d|magic|pass ?key|[#*•|:]", essays.text)
    assert len({sentence.casefold() for sentence in essays.sentences}) == len(essays.sentences)


def test_the_built_in_text_is_as_long_as_many_books_and_never_says_a_sentence_twice():
    built_in = Haystack.built_in()
    assert len(built_in.sentences) >= 100_000
    sentences = built_in.take(20_000, 90_000)
    assert len(set(sentences)) == 20_000
    assert len(" ".join(sentences).split()) > 250_000
    assert sentences[:3] == list(built_in.sentences[90_000:90_003])
    assert sentences[10_000] == built_in.sentences[0]
    assert not re.search(r"magic|pass ?key|[#*•|:]", " ".join(sentences))


@pytest.mark.parametrize("start", [0, 777, 54_321])
def test_a_needle_is_not_the_only_sentence_of_it_with_a_name_a_date_or_a_number(start):
    """In 40 sentences, about as many as 1,000 tokens hold."""
    built_in = Haystack.built_in()
    text = " ".join(built_in.take(40, start))
    names = [name for name in listed("first_names") if re.search(rf"\b{name}\b", text)]
    assert len(names) >= 8
    assert all(built_in.mentions(name) for name in names)
    assert len(re.findall(r"\b\d+\b", text)) >= 8
    assert re.search(r"\b\d{1,2} [A-Z][a-z]+ \d{4}\b", text)
    assert len(re.findall(r"\b\d{7}\b", " ".join(built_in.take(160, start)))) >= 3


def test_a_file_of_the_user(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("Mine is short. It ends here.", encoding="utf-8")
    haystack = Haystack.open(path)
    assert haystack.name.endswith("mine.txt")
    assert haystack.sentences == ("Mine is short.", "It ends here.")
    with pytest.raises(DocumentError, match=r"absent\.txt"):
        Haystack.open(tmp_path / "absent.txt")


def test_a_folder_of_books(tmp_path):
    (tmp_path / "b.txt").write_text("Second book. It ends.")
    (tmp_path / "a.txt").write_text("First book.")
    (tmp_path / ".hidden").write_text("No.")
    assert Haystack.open(tmp_path).sentences == ("First book.", "Second book.", "It ends.")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DocumentError, match="empty is a folder without files that can be read"):
        Haystack.open(tmp_path / "empty")
