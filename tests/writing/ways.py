"""Every way to write, at work on one task."""

from longspan.flows.base import Events
from longspan.flows.scripted import Scripted
from longspan.spans import Document
from longspan.writing.agent_write import AgentWrite
from longspan.writing.base import Task
from longspan.writing.dynamic_context import DynamicContext
from longspan.writing.l2mac import L2mac
from longspan.writing.self_lengthen import SelfLengthen
from longspan.writing.surveyx import SurveyX
from obedient import obeys

LOG = Document(
    "log.txt", " ".join(f"On day {day} the lamp of Veddin burned {day} pints." for day in range(40))
)
WAYS = {
    "agent-write": (AgentWrite(), ()),
    "self-lengthen": (SelfLengthen(), ()),
    "l2mac": (L2mac(), ()),
    "surveyx": (SurveyX(checks=0), (LOG,)),
    "dynamic-context": (DynamicContext(), ()),
}


def write(way, chat, words=1000, steps=None):
    writing, sources = way
    said = [] if steps is None else steps
    return writing.write(
        chat, Task(text="Tell of Veddin.", words=words, sources=sources), Events(step=said.append)
    )


def scripted(says=obeys, **options):
    return Scripted([("", says)], longest=options.pop("longest", None), **options)
