"""What is scored of what a model said: not its reasoning."""

from copy import copy

import pytest
from toy import HAYSTACK, given, toy

from longspan.evaluation import Record, RunFolder, Sample
from longspan.evaluation.asking import Asking
from longspan.evaluation.job import Job
from longspan.evaluation.local import Local
from longspan.evaluation.prompt import prompt_of
from longspan.evaluation.report.answers import faults
from longspan.evaluation.run import run
from longspan.evaluation.scoring import answered
from tiny import tiny_model

SAMPLE = Sample(id="0", context="The lamp. ", question="What?", references=("lamp",))
BLANK = Record(task="f/t", length=None, sample="0", plan="")


@pytest.mark.parametrize(
    ("said", "thinks", "output", "reasoning"),
    [
        (" lamp\n", False, " lamp\n", ""),
        ("<think>Is it?</think>\n\nlamp", False, "lamp", "Is it?"),
        ("Is it?\n</think>\nlamp", False, "lamp", "Is it?"),
        ("Is it?</think>lamp", True, "lamp", "Is it?"),
        ("Is it", True, "", "Is it"),
        ("<think>Is it", False, "", "Is it"),
        ("lamp <think>no</think>", False, "lamp <think>no</think>", ""),
        ("<think>\n\n</think>\n\nlamp", False, "lamp", ""),
        ("", True, "", ""),
    ],
)
def test_reasoning_is_kept_and_not_scored(said, thinks, output, reasoning):
    seen = []
    task = given()
    object.__setattr__(task, "score", lambda text, sample: seen.append(text) or {"score": 0.5})
    record = answered(BLANK, task, said, SAMPLE, thinks=thinks)
    assert (record.output, record.reasoning) == (output, reasoning)
    assert seen == [output]


def test_a_template_may_have_begun_the_reasoning():
    tokenizer = copy(tiny_model().tokenizer)
    plain = tokenizer.chat_template
    for end, thinks in (("<think>\n", True), ("<think>\n\n</think>\n\n", False), ("", False)):
        tokenizer.chat_template = plain + end
        assert prompt_of(tokenizer, SAMPLE, chat=True).thinks is thinks
        assert prompt_of(tokenizer, SAMPLE, chat=True, system="Be brief.").thinks is thinks
        assert prompt_of(tokenizer, SAMPLE, chat=False).thinks is False


def test_answers_have_room_to_think_in_and_what_ended_there_is_told(tmp_path):
    job = Job(tasks=(toy(),), lengths=(200,), samples=2, haystack=HAYSTACK, asking=Asking(thinking=9))
    run(job, Local(tiny_model()), RunFolder(tmp_path))
    records = list(RunFolder(tmp_path).records())
    assert {record.generated_tokens for record in records} == {6 + 9}
    assert all(record.prompt_tokens + 6 <= 200 for record in records)
    lost = answered(BLANK, given(), "<think>Well", SAMPLE)
    (line,) = faults([*records, lost])
    assert line.startswith(
        "1 of 3 answers ended within their reasoning, the first of f/t, and count as empty"
    )
