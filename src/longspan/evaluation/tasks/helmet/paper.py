"""The paper, and where its files lie."""

from __future__ import annotations

from longspan.evaluation.source import Source

PAPER = "HELMET: How to Evaluate Long-Context Language Models Effectively and Thoroughly"
LINK = "https://arxiv.org/abs/2410.02694"
ARCHIVE = "https://huggingface.co/datasets/princeton-nlp/HELMET (data.tar.gz)"

LENGTHS = ("8k", "16k", "32k", "64k", "128k")
"""Lengths for which the paper has files, in tokens of Llama 2."""


def archived(file: str) -> Source:
    """A file of the paper's archive, which unpacks into a folder data; that folder's name may also be helmet."""
    return Source(files=(f"helmet/{file}", f"data/{file}", file), address=ARCHIVE)


def prompts(file: str) -> Source:
    """A file with worked examples, which the paper's archive does not have but its code does."""
    return Source(
        files=(f"helmet/prompts/{file}", f"prompts/{file}", file),
        address=f"https://github.com/princeton-nlp/HELMET (prompts/{file})",
    )
