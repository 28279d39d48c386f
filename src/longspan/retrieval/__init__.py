"""Finding the parts of documents that speak of a question, and an index of a folder that is kept."""

from longspan.credit import Credit

CREDITS = (
    Credit(
        kind="function",
        name="longspan.retrieval.segments.segmented",
        field=248,
        missing="The trained classifier is not fetched, since its weights are on the hub alone: given to it, wtpsplit "
        "with weights of one's own says where sentences end, and without it the rules of longspan do.",
    ),
)
