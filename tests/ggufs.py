"""GGUF files written field by field, so that each of them can lie."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

from gguf import GGUFReader, GGUFValueType

_LAYOUTS = dict(
    zip(
        range(13), ["<B", "<b", "<H", "<h", "<I", "<i", "<f", "<?", None, None, "<Q", "<q", "<d"], strict=True
    )
)
TEXT, LIST = GGUFValueType.STRING, GGUFValueType.ARRAY


@dataclass
class Entry:
    """One tensor's entry in the header, and its bytes; offset: where it says that they lie, if that is a lie."""

    name: str
    sizes: list[int]
    kind: int
    data: bytes
    offset: int | None = None


@dataclass
class Gguf:
    """The fields of a file: metadata by key as (kind, value), a list as (LIST, (kind, values))."""

    metadata: dict[str, tuple[int, object]] = field(default_factory=dict)
    tensors: list[Entry] = field(default_factory=list)
    tensor_count: int | None = None
    metadata_count: int | None = None

    @classmethod
    def read(cls, path: Path) -> "Gguf":
        reader, found = GGUFReader(path), cls()
        for each in reader.fields.values():
            if not each.name.startswith("GGUF."):
                value = (each.types[1], each.contents()) if each.types[0] is LIST else each.contents()
                found.metadata[each.name] = (each.types[0], value)
        found.tensors = [
            Entry(each.name, [int(size) for size in each.shape], int(each.tensor_type), each.data.tobytes())
            for each in reader.tensors
        ]
        return found

    def set(self, key: str, kind: int, value: object) -> "Gguf":
        self.metadata[key] = (kind, value)
        return self

    def drop(self, key: str) -> "Gguf":
        del self.metadata[key]
        return self

    def header(self) -> bytes:
        """Everything before the tensors' values."""
        tensors = len(self.tensors) if self.tensor_count is None else self.tensor_count
        metadata = len(self.metadata) if self.metadata_count is None else self.metadata_count
        out = b"GGUF" + struct.pack("<IQQ", 3, tensors, metadata)
        for key, (kind, value) in self.metadata.items():
            out += _text(key) + struct.pack("<I", kind) + _value(kind, value)
        place = 0
        for each in self.tensors:
            out += _text(each.name) + struct.pack(f"<I{len(each.sizes)}Q", len(each.sizes), *each.sizes)
            out += struct.pack("<IQ", each.kind, place if each.offset is None else each.offset)
            place += len(_padded(each.data))
        return _padded(out)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.header() + b"".join(_padded(each.data) for each in self.tensors))
        return path


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)


def _text(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind: int, value: object) -> bytes:
    if kind == TEXT:
        return _text(value)
    if kind == LIST:
        inner, values = value
        if isinstance(values, bytes):
            return struct.pack("<IQ", inner, len(values)) + values
        return struct.pack("<IQ", inner, len(values)) + b"".join(_value(inner, each) for each in values)
    return struct.pack(_LAYOUTS[kind], value)
