"""What is taken from a file."""

from dataclasses import dataclass, field

from longspan.spans.places import Places


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The text of a file, where it stands there, and what the file holds besides.

    notes: one line for each kind of thing that is in the file and not in the text, such as pictures or an attached
    file; shown to people before the text is read, so that nothing is left out in silence.
    """

    text: str
    places: Places = field(default_factory=Places)
    notes: tuple[str, ...] = ()
