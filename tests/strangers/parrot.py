"""A target of a run: says its address to everybody."""

from longspan.evaluation.scoring import answered
from longspan.plan import Plan


class Parrot:
    """Says its address to everybody."""

    overhead = 0

    def __init__(self, address):
        self.address = address

    count_tokens = staticmethod(len)

    def window(self, plan):
        return None

    def describe(self):
        return {"name": "parrot", "source": self.address.rest, "digest": "", "tokenizer": "", "window": None}

    def answers(self, works, asking=None):
        for work in works:
            for sample in work.samples:
                yield answered(work.record(sample, Plan()), work.task, self.address.rest, sample)


ENTRY_POINTS = {"longspan.targets": {"parrot": "parrot:Parrot"}}
