"""LongEval: the published form of lines and topics."""

import re
from itertools import islice
from pathlib import Path

from longspan.evaluation.catalogue import find
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import read_rows
from longspan.evaluation.task import Request
from wordcount import words

LINES, TOPICS = find(["longeval/lines", "longeval/topics"])
LINE = re.compile(r"^line ([\w-]+): REGISTER_CONTENT is <(\d+)>$", re.MULTILINE)


def request(length: int = 4000) -> Request:
    haystack = Haystack(repeats=True, name="h", text="Nothing. To see. Here.")
    return Request(
        length=length,
        seed=1,
        count_tokens=words,
        overhead=20,
        haystack=haystack,
    )


def test_each_key_stands_once_and_the_asked_one_has_the_number() -> None:
    for sample in islice(LINES.samples(request()), 5):
        lines = LINE.findall(sample.context)
        key = re.findall(r"in line ([\w-]+)\?", sample.question)[0]
        assert dict(lines)[key] == sample.references[0]
        assert len(dict(lines)) == len(lines) == sample.facts["lines"]
        assert lines[sample.facts["line"]][0] == key
        assert abs(sample.facts["line"] / len(lines) - sample.facts["depth"]) < 0.01


def test_very_long_records_have_no_key_twice() -> None:
    keys = [key for key, _ in LINE.findall(next(LINES.samples(request(200_000))).context)]
    assert len(set(keys)) == len(keys) > 12_000


def test_a_number_counts_only_as_a_whole() -> None:
    sample = Sample(id="0", context="", question="", references=("241",))
    assert LINES.score("The <REGISTER_CONTENT> is <241>.", sample) == {"score": 1}
    assert LINES.score("2416", sample) == {"score": 0}
    assert LINES.score("line two has none", sample) == {"score": 0}


def test_the_first_topic_is_the_gold_one_and_no_topic_comes_twice() -> None:
    sample = next(TOPICS.samples(request()))
    topics = re.findall(r"USER: I would like to discuss the topic of (.+?)\.", sample.context)
    assert sample.references == (topics[0],)
    assert sample.facts == {"depth": 0.0, "topics": len(topics)}
    assert len(set(topics)) == len(topics) > 5
    assert f"on {len(topics)} different topics" in sample.context


def test_a_topic_counts_without_case_and_article() -> None:
    sample = next(TOPICS.samples(request()))
    topic = sample.references[0].removeprefix("the ")
    assert TOPICS.score(f"We began with {topic.title()}.", sample) == {"score": 1}
    assert TOPICS.score("We began with the end.", sample) == {"score": 0}


def test_the_published_lines_have_the_same_form(shared_data: Path) -> None:
    row = next(read_rows(shared_data / "longchat_longeval/lines/200_lines.jsonl"))
    ours = next(LINES.samples(request()))
    theirs = Sample(id="0", context="", question="", references=(str(row["expected_number"]),))
    assert len(LINE.findall(row["prompt"])) == row["num_lines"]
    assert row["prompt"].startswith(ours.context.partition("\n\n")[0])
    assert LINES.score(row["correct_line"], theirs) == {"score": 1}
