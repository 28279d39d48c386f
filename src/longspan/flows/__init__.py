"""Reading and writing beyond any window: how a text that does not fit is read in parts."""

from longspan.credit import Credit
from longspan.registry import Card

CREDITS = (Credit(kind="flow", name="longspan.flows.epicache.EpiCache", field=81),)

CARDS = (
    Card(
        name="best-passages",
        target="longspan.flows.best_passages:BestPassages",
        paper="Retrieval meets Long Context Large Language Models",
        link="https://arxiv.org/abs/2310.03025",
        year=2023,
        training=False,
        changes="Reads the passages that speak most of the question, in the documents' order.",
        field=(236,),
        missing="Passages are found by BM25, where the paper takes the best few by a trained retriever.",
    ),
)
