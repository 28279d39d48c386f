"""The header of a GGUF file: metadata and where each tensor lies.

Every count, length and offset is checked against the size of the file before it is believed, so a truncated
or hostile file ends in `CorruptModel` and not in a hang, a huge allocation or a wrong tensor. The format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType

from longspan.errors import CorruptModel, UnsupportedModel

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_FORMATS = {
    GGUFValueType.UINT8: "<B",
    GGUFValueType.INT8: "<b",
    GGUFValueType.UINT16: "<H",
    GGUFValueType.INT16: "<h",
    GGUFValueType.UINT32: "<I",
    GGUFValueType.INT32: "<i",
    GGUFValueType.FLOAT32: "<f",
    GGUFValueType.BOOL: "<?",
    GGUFValueType.UINT64: "<Q",
    GGUFValueType.INT64: "<q",
    GGUFValueType.FLOAT64: "<d",
}
_LENGTH = struct.Struct("<Q")
_MAX_DIMENSIONS = 4
_MAX_VALUES = 2**22
"""In all arrays together: a vocabulary of a million tokens with scores, types and merges has as many."""

Scalar = str | int | float | bool
T = TypeVar("T", str, int)


@dataclass(frozen=True, kw_only=True)
class GgufTensor:
    """One tensor of the file, still in its quantized blocks."""

    name: str
    shape: tuple[int, ...]
    """In torch's order: the dimension that lies contiguously comes last."""
    kind: GGMLQuantizationType
    start: int
    """Offset of its first byte in the file."""
    size: int
    """Bytes in the file."""


@dataclass(frozen=True, kw_only=True)
class GgufHeader:
    """What a GGUF file says about itself."""

    path: Path
    metadata: dict[str, Scalar]
    """Single values only; the arrays (vocabulary, merges) are checked and left to the tokenizer."""
    arrays: dict[str, int]
    """Length of each array."""
    places: dict[str, int]
    """Where the values of each array begin in the file."""
    tensors: dict[str, GgufTensor]
    _read: dict[str, list[Scalar]] = field(default_factory=dict, repr=False, compare=False)

    def texts(self, key: str) -> list[str]:
        """The values of an array of texts, none where the file has no such array."""
        return self._values(key, str, "texts")

    def numbers(self, key: str) -> list[int]:
        """The values of an array of whole numbers, none where the file has no such array."""
        return self._values(key, int, "whole numbers")

    def single(self, key: str, default: Scalar | None = None) -> Scalar | None:
        """A single value; raises `CorruptModel` where the file has an array in its place."""
        if key in self.arrays:
            raise self.corrupt(f"metadata {key!r} is a list and a single value was expected")
        return self.metadata.get(key, default)

    def corrupt(self, problem: str) -> CorruptModel:
        """The error for a file that contradicts itself."""
        return CorruptModel(f"{self.path} is damaged: {problem}; download it again")

    def _values(self, key: str, wanted: type[T], name: str) -> list[T]:
        if key in self.metadata:
            raise self.corrupt(f"metadata {key!r} is a single value and a list was expected")
        if key not in self.places:
            return []
        if key not in self._read:
            with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                cursor = _Cursor(self.path, data)
                cursor.position = self.places[key]
                self._read[key] = cursor.array()
        found = self._read[key]
        if any(type(each) is not wanted for each in found):
            raise self.corrupt(f"metadata {key!r} holds no {name}")
        return cast("list[T]", found)


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of a GGUF file.

    Raises `CorruptModel` when the file is not GGUF or contradicts itself, `UnsupportedModel` for versions,
    byte orders and quantizations that cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise CorruptModel(
                f"{path} is not a GGUF file (it does not start with 'GGUF'); download it again"
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Cursor(path, data).header()


class _Cursor:
    """Reads one value after the other and never beyond the end of the file."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path = path
        self.data = data
        self.position = len(_MAGIC)
        self.values = 0

    def corrupt(self, problem: str) -> CorruptModel:
        return CorruptModel(f"{self.path} is damaged: {problem}; download it again")

    def advance(self, count: int) -> int:
        """Step over `count` bytes and return where they began."""
        start = self.position
        if count > len(self.data) - start:
            raise self.corrupt(f"its header ends at byte {start:,} of {len(self.data):,} within a value")
        self.position += count
        return start

    def scalar(self, kind: GGUFValueType) -> int | float | bool:
        layout = _FORMATS[kind]
        value: int | float | bool = struct.unpack_from(
            layout, self.data, self.advance(struct.calcsize(layout))
        )[0]
        return value

    def unsigned(self, kind: GGUFValueType = GGUFValueType.UINT64) -> int:
        return int(self.scalar(kind))

    def step(self) -> int:
        """Step over a text and return where it began."""
        start = self.position + _LENGTH.size
        if start > len(self.data):
            self.advance(_LENGTH.size)
        (length,) = _LENGTH.unpack_from(self.data, self.position)
        self.position = start
        if length > len(self.data) - start:
            self.advance(length)
        self.position += length
        return start

    def text(self) -> str:
        start = self.step()
        try:
            return self.data[start : self.position].decode("utf-8")
        except UnicodeDecodeError:
            raise self.corrupt(f"the text at byte {start:,} is not UTF-8") from None

    def kind(self) -> GGUFValueType:
        number = self.unsigned(GGUFValueType.UINT32)
        try:
            return GGUFValueType(number)
        except ValueError:
            raise self.corrupt(f"metadata of unknown type {number}") from None

    def skip_array(self) -> int:
        """Step over an array and return its length."""
        kind, length = self.kind(), self.unsigned()
        if kind is GGUFValueType.ARRAY:
            raise self.corrupt("metadata holds an array of arrays")
        self.values += length
        if self.values > _MAX_VALUES and length <= len(self.data) - self.position:
            raise self.corrupt(f"its metadata lists {self.values:,} values, allowed are {_MAX_VALUES:,}")
        if kind is GGUFValueType.STRING:
            if length > len(self.data) - self.position:
                self.advance(length)
            for _ in range(length):
                self.step()
        else:
            self.advance(length * struct.calcsize(_FORMATS[kind]))
        return length

    def array(self) -> list[Scalar]:
        """The values of an array of single values."""
        kind, length = self.kind(), self.unsigned()
        if kind is GGUFValueType.STRING:
            return [self.text() for _ in range(length)]
        layout = _FORMATS[kind]
        start = self.advance(length * struct.calcsize(layout))
        return list(struct.unpack_from(f"<{length}{layout[1:]}", self.data, start))

    def header(self) -> GgufHeader:
        version = self.unsigned(GGUFValueType.UINT32)
        if version not in _VERSIONS:
            what = "big-endian" if version & 0xFFFF == 0 else f"version {version}"
            raise UnsupportedModel(
                f"{self.path} is a {what} GGUF file and versions 2 and 3 in little-endian order are read; "
                "convert it or use the model's safetensors files"
            )
        tensor_count, metadata_count = self.unsigned(), self.unsigned()
        metadata: dict[str, Scalar] = {}
        arrays: dict[str, int] = {}
        places: dict[str, int] = {}
        for _ in range(metadata_count):
            key, kind = self.text(), self.kind()
            if key in metadata or key in arrays:
                raise self.corrupt(f"metadata {key!r} comes twice")
            if kind is GGUFValueType.ARRAY:
                places[key] = self.position
                arrays[key] = self.skip_array()
            else:
                metadata[key] = self.text() if kind is GGUFValueType.STRING else self.scalar(kind)
        entries = [self.tensor_entry() for _ in range(tensor_count)]
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or alignment <= 0 or alignment & (alignment - 1):
            raise self.corrupt(f"alignment {alignment!r} is not a power of two")
        start = math.ceil(self.position / alignment) * alignment
        tensors: dict[str, GgufTensor] = {}
        expected = 0
        for name, shape, kind_number, offset in entries:
            if name in tensors:
                raise self.corrupt(f"tensor {name!r} comes twice")
            tensors[name] = self.located(name, shape, kind_number, start + offset)
            if offset != expected:
                raise self.corrupt(
                    f"tensor {name!r} lies at byte {offset:,} of the weights and {expected:,} was expected"
                )
            expected += math.ceil(tensors[name].size / alignment) * alignment
        if (left := len(self.data) - start - expected) > 0:
            raise self.corrupt(f"its last {left:,} bytes belong to no tensor")
        return GgufHeader(path=self.path, metadata=metadata, arrays=arrays, places=places, tensors=tensors)

    def tensor_entry(self) -> tuple[str, tuple[int, ...], int, int]:
        name, dimensions = self.text(), self.unsigned(GGUFValueType.UINT32)
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise self.corrupt(f"tensor {name!r} has {dimensions} dimensions")
        fastest_first = [self.unsigned() for _ in range(dimensions)]
        return name, tuple(reversed(fastest_first)), self.unsigned(GGUFValueType.UINT32), self.unsigned()

    def located(self, name: str, shape: tuple[int, ...], kind_number: int, start: int) -> GgufTensor:
        try:
            kind = GGMLQuantizationType(kind_number)
        except ValueError:
            raise UnsupportedModel(
                f"{self.path} holds tensor {name!r} in quantization number {kind_number}, which cannot be "
                "read; use a common one such as Q4_K_M or Q8_0"
            ) from None
        block, block_bytes = GGML_QUANT_SIZES[kind]
        if shape[-1] == 0 or shape[-1] % block:
            raise self.corrupt(f"rows of tensor {name!r} have {shape[-1]} values, not a multiple of {block}")
        size = math.prod(shape) // block * block_bytes
        if start + size > len(self.data):
            raise CorruptModel(
                f"{self.path} is cut short: it has {len(self.data):,} bytes and tensor {name!r} ends at "
                f"{start + size:,}; download it again"
            )
        return GgufTensor(name=name, shape=shape, kind=kind, start=start, size=size)
