"""Documents for tests of flows: pages about nothing, with facts on some of them."""

from longspan.flows.base import Events
from longspan.spans import Document

FACT = "The baker hid the letter under the stone."
OTHER = "The stone lies behind the mill."


def book(facts, pages=12, name="book.txt"):
    """A book in which facts stand at the end of the pages of their numbers."""
    texts = [f"Page {number}. " + "The sea was calm that day. " * 15 for number in range(pages)]
    for number, fact in facts.items():
        texts[number] += fact
    return Document(name, "\n\n".join(texts))


def heard(**generation):
    """Events, and the lists of what they were told: steps and pieces."""
    steps, pieces = [], []
    return Events(step=steps.append, stream=pieces.append, generation=generation), steps, pieces
