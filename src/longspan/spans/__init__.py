"""Documents, places in them, and answers whose quotes are checked against them."""

from longspan.spans.answer import Answer, Unread, split_reasoning
from longspan.spans.citations import Citation, cite, verify
from longspan.spans.claims import Claim, claims
from longspan.spans.cutting import passages, sentences
from longspan.spans.display import printable
from longspan.spans.document import Document, Span, merge
from longspan.spans.encoder import Encoder, encoder_of
from longspan.spans.listing import Listing, files_under, listing
from longspan.spans.places import Place, Places
from longspan.spans.relevance import content_words, relevance
from longspan.spans.rendering import layout, render
from longspan.spans.tokens import Tokens, count_tokens, tokenize

__all__ = [
    "Answer",
    "Citation",
    "Claim",
    "Document",
    "Encoder",
    "Listing",
    "Place",
    "Places",
    "Span",
    "Tokens",
    "Unread",
    "cite",
    "claims",
    "content_words",
    "count_tokens",
    "encoder_of",
    "files_under",
    "layout",
    "listing",
    "merge",
    "passages",
    "printable",
    "relevance",
    "render",
    "sentences",
    "split_reasoning",
    "tokenize",
    "verify",
]
