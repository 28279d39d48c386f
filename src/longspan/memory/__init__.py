"""What was said, noted and attached, in one file a user: kept exactly, searched, and erased for good."""

from longspan.memory.folder import erase_memory, memory_names, memory_path
from longspan.memory.memory import Memory
from longspan.memory.records import Attached, Found, Note, Turn
from longspan.memory.vectors import Embeds

__all__ = [
    "Attached",
    "Embeds",
    "Found",
    "Memory",
    "Note",
    "Turn",
    "erase_memory",
    "memory_names",
    "memory_path",
]
