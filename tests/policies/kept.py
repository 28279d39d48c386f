"""Which entries a session kept."""

from longspan.session import Session


def kept(session: Session, sequence: int = 0) -> list[list[list[int]]]:
    """Original positions of the entries, by layer and KV head."""
    return [
        [row for group in layer.store.groups() for row in group.positions().tolist()]
        for layer in session.sequences[sequence].layers
    ]
