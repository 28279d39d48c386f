"""Lost in the Middle: one pair, or one document, among many that look alike (https://arxiv.org/abs/2307.03172)."""

from longspan.credit import Credit
from longspan.evaluation.source import Source
from longspan.evaluation.task import Task
from longspan.evaluation.tasks.lost_in_the_middle.documents import MultiDocument, PublishedDocuments
from longspan.evaluation.tasks.lost_in_the_middle.pairs import KeyValue, PublishedPairs

_SITE = "github.com/nelson-liu/lost-in-the-middle"
_DOCUMENTS = "Numbered documents with titles, then the question; the answer begins with Answer:"
_OBJECT = "The JSON object, then the key; the answer begins with Corresponding value:"


def _published(pairs: int) -> PublishedPairs:
    file = f"kv_retrieval_data/kv-retrieval-{pairs}_keys.jsonl.gz"
    return PublishedPairs(
        name=f"lost-in-the-middle/kv-{pairs}",
        description=f"Give the value of one of {pairs} keys in a JSON object of random identifiers, as published.",
        max_new_tokens=100,
        source=_SITE,
        licence="MIT",
        form=_OBJECT,
        data=Source(files=(f"lost_in_the_middle/{file}",), address=f"https://{_SITE}/blob/main/{file}"),
    )


_PLACES = {10: (0, 4, 9), 20: (0, 4, 9, 14, 19), 30: (0, 4, 9, 14, 19, 24, 29)}
"""Where the gold document stands in the paper's files, by their number of documents."""


def _documents(total: int, place: int) -> PublishedDocuments:
    file = f"qa_data/{total}_total_documents/nq-open-{total}_total_documents_gold_at_{place}.jsonl.gz"
    return PublishedDocuments(
        name=f"lost-in-the-middle/{total}-documents-{place}",
        description=f"Answer a question from the one document of {total}, number {place + 1}, that has the answer.",
        max_new_tokens=100,
        source=_SITE,
        licence="MIT; CC BY-SA 3.0 (Natural Questions, Wikipedia)",
        form=_DOCUMENTS,
        data=Source(files=(f"lost_in_the_middle/{file}",), address=f"https://{_SITE}/blob/main/{file}"),
    )


CREDITS = (Credit(kind="task", name="lost-in-the-middle", field=191),)

TASKS: tuple[Task, ...] = (
    KeyValue(
        name="lost-in-the-middle/key-value",
        description="Give the value of one key in a JSON object of random identifiers.",
        max_new_tokens=100,
        form=_OBJECT,
    ),
    *(_published(pairs) for pairs in (75, 140, 300)),
    *(_documents(total, place) for total, places in _PLACES.items() for place in places),
    MultiDocument(
        name="lost-in-the-middle/multi-document",
        description="Answer a question from the one document, among many, that has the answer.",
        max_new_tokens=100,
        source=f"{_SITE} in the folder of local data, else generated",
        licence="CC BY-SA 3.0 (Natural Questions), Apache-2.0 (generated)",
        form=_DOCUMENTS,
    ),
)
