"""Binary FBX as a tree of records, parsed and written again byte for byte.

A file is a header with its version, a list of records, and a footer. A record has a name, typed
values and a list of further records. It states the byte of the file at which it ends: a change of
length anywhere moves every end that follows. Values stay bytes until somebody asks for them, and
meshes and textures pass through untouched.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from kinestyle.errors import MotionFileError
from kinestyle.motion.rotation import Array

MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
SIXTY_FOUR_BIT = 7500
"""From this version on, ends and counts have 64 bits."""
MAX_ARRAY_BYTES = 2**30
"""Of all arrays of a file together, unpacked: a small file may hold gigabytes of packed zeros."""
MAX_RECORDS = 2**21
MAX_DEPTH = 64

_FIXED = {"Y": 2, "C": 1, "B": 1, "I": 4, "F": 4, "D": 8, "L": 8}
_SCALAR = {"Y": "<h", "C": "<b", "B": "<b", "I": "<i", "F": "<f", "D": "<d", "L": "<q"}
_ARRAY = {"f": "<f4", "d": "<f8", "l": "<i8", "i": "<i4", "b": "<i1", "c": "<u1"}
# what ends a file; Autodesk's readers check the first against the time and id that the file states
_FOOTER_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
_FOOTER_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
FILE_TIME = "1970-01-01 10:00:00:000"
"""The time and id that belong to the footer."""

Value = bool | int | float | str | bytes | np.int64 | Array | NDArray[np.integer]


@dataclass(eq=False)
class Record:
    """One record, mutable: a tree is parsed again for each file that is written from it.

    values: `count` encoded values
    closed: an empty record follows the children; it must if there are any
    """

    name: str
    count: int = 0
    values: bytes | memoryview = b""
    children: list[Record] = field(default_factory=list)
    closed: bool = False

    def find(self, name: str) -> Record | None:
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> Iterator[Record]:
        """All children of that name."""
        return (child for child in self.children if child.name == name)

    def decoded(self) -> list[Value]:
        """The values: numbers, text (as written, with its zero bytes), bytes, arrays. Raises
        MotionFileError.
        """
        return list(_decode(self.values, self.count))

    def replace_value(self, at: int, value: Value) -> None:
        """Replace the value with index `at`; all others keep their bytes."""
        starts = [*_starts(self.values, self.count), len(self.values)]
        before, after = self.values[: starts[at]], self.values[starts[at + 1] :]
        self.values = b"".join([before, encode(value), after])


@dataclass(eq=False)
class Document:
    """A whole file: version such as 7400, top-level records, and the bytes after them."""

    version: int
    records: list[Record]
    footer: bytes = b""

    def all(self, name: str) -> Iterator[Record]:
        """All top-level records of that name."""
        return (record for record in self.records if record.name == name)

    def find(self, name: str) -> Record:
        """A top-level record. Raises MotionFileError where there is none."""
        for record in self.records:
            if record.name == name:
                return record
        raise MotionFileError(f"the file has no {name} record")


def record(name: str, *values: Value, children: list[Record] | None = None) -> Record:
    """A new record; see `encode` for the types of its values."""
    return Record(
        name,
        len(values),
        b"".join(map(encode, values)),
        children or [],
        closed=children is not None,
    )


def encode(value: Value) -> bytes:
    """The bytes of a bool, int (32 bits), np.int64, float (64 bits), str, bytes or array."""
    if isinstance(value, bool):
        return b"C" + struct.pack("<b", value)
    if isinstance(value, np.int64):
        return b"L" + struct.pack("<q", int(value))
    if isinstance(value, int):
        return b"I" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"D" + struct.pack("<d", value)
    if isinstance(value, str):
        text = value.encode("utf-8")
        return b"S" + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return b"R" + struct.pack("<I", len(value)) + value
    kind = next(kind for kind, dtype in _ARRAY.items() if np.dtype(dtype) == value.dtype)
    raw = np.ascontiguousarray(value).astype(_ARRAY[kind]).tobytes()
    packed = zlib.compress(raw, 1) if len(raw) > 128 else raw
    return (
        kind.encode()
        + struct.pack("<III", value.size, int(packed is not raw), len(packed))
        + packed
    )


def is_binary(data: bytes) -> bool:
    return data.startswith(MAGIC)


def parse(data: bytes, name: str) -> Document:
    """data: the bytes of a binary FBX file; name: what messages call it. Raises MotionFileError for
    a damaged file.
    """
    return _Parser(data, name).document()


def serialize(document: Document) -> bytes:
    """The bytes of a file."""
    return b"".join(pieces(document))


def pieces(document: Document) -> list[bytes | memoryview]:
    """The bytes of a file, one piece after the other."""
    wide = document.version >= SIXTY_FOUR_BIT
    out: list[bytes | memoryview] = [MAGIC + struct.pack("<I", document.version)]
    size = len(out[0])
    for top in document.records:
        size = _write(top, out, size, wide)
    out.append(_head(wide, 0, 0, 0, 0))
    size += len(out[-1])
    tail = document.footer[-140:] or struct.pack("<I", document.version) + bytes(120) + _FOOTER_END
    if document.footer and (
        len(document.footer) < 161 or tail[:4] != struct.pack("<I", document.version)
    ):
        # not the usual footer: nothing is known of it, and so nothing of it may change
        return [*out, document.footer]
    size += 20
    return [*out, document.footer[:16] or _FOOTER_ID, bytes(4 + 16 - size % 16), tail]


def _head(wide: bool, end: int, count: int, values: int, name: int) -> bytes:
    return struct.pack("<QQQB" if wide else "<IIIB", end, count, values, name)


def _write(item: Record, out: list[bytes | memoryview], start: int, wide: bool) -> int:
    """Append a record that begins at a byte of the file; returns the one behind it."""
    place, name = len(out), item.name.encode("utf-8", "surrogateescape")
    out += [b"", item.values]
    empty = _head(wide, 0, 0, 0, 0)
    end = start + len(empty) + len(name) + len(item.values)
    for child in item.children:
        end = _write(child, out, end, wide)
    if item.children or item.closed:
        out.append(empty)
        end += len(empty)
    # where it ends is known behind its children
    out[place] = _head(wide, end, item.count, len(item.values), len(name)) + name
    return end


class _Parser:
    def __init__(self, data: bytes, name: str) -> None:
        # records hold views of the file, not copies
        self.data, self.name = memoryview(data), name
        self.records = self.array_bytes = 0

    def fail(self, at: int, what: str) -> NoReturn:
        raise MotionFileError(f"{self.name} is damaged at byte {at}: {what}; export it again")

    def document(self) -> Document:
        if not is_binary(bytes(self.data[: len(MAGIC)])) or len(self.data) < len(MAGIC) + 4:
            raise MotionFileError(
                f"{self.name} does not begin as a binary FBX file does; export it as binary FBX"
            )
        (version,) = struct.unpack_from("<I", self.data, len(MAGIC))
        self.head = struct.Struct("<QQQB" if version >= SIXTY_FOUR_BIT else "<IIIB")
        records, at = self.list(len(MAGIC) + 4, len(self.data), 0)
        return Document(version, records, bytes(self.data[at:]))

    def list(self, at: int, end: int, depth: int) -> tuple[list[Record], int]:
        """The records from `at` to an empty one, and the byte after that."""
        if depth > MAX_DEPTH:
            self.fail(at, f"found records {depth} deep, expected at most {MAX_DEPTH}")
        found: list[Record] = []
        while True:
            item, at = self.record(at, end, depth)
            if item is None:
                return found, at
            found.append(item)

    def record(self, at: int, limit: int, depth: int) -> tuple[Record | None, int]:
        if at + self.head.size > limit:
            self.fail(at, "found the end, expected a further record")
        end, count, size, name_size = self.head.unpack_from(self.data, at)
        start, at = at, at + self.head.size
        if end == 0:
            return None, at
        self.records += 1
        if self.records > MAX_RECORDS:
            self.fail(start, f"found more than {MAX_RECORDS} records")
        values_at = at + name_size
        if not values_at + size <= end <= limit or count > size:
            self.fail(start, f"found a record that would end at byte {end}")
        name = str(self.data[at:values_at], "utf-8", "surrogateescape")
        values = self.data[values_at : values_at + size]
        self.check_values(values, count, values_at)
        item = Record(name, count, values)
        at = values_at + size
        if at < end:
            item.children, at = self.list(at, end, depth + 1)
            item.closed = True
        if at != end:
            self.fail(start, f"found a record that ends at byte {at} instead of {end}")
        return item, end

    def check_values(self, values: memoryview, count: int, at: int) -> None:
        try:
            for start in _starts(values, count):
                if (kind := chr(values[start])) in _ARRAY:
                    (length,) = struct.unpack_from("<I", values, start + 1)
                    self.array_bytes += length * np.dtype(_ARRAY[kind]).itemsize
        except MotionFileError as error:
            self.fail(at, str(error))
        if self.array_bytes > MAX_ARRAY_BYTES:
            self.fail(at, f"found more than {MAX_ARRAY_BYTES} bytes of arrays")


def _starts(values: bytes | memoryview, count: int) -> list[int]:
    """The index at which each of `count` values starts. Raises MotionFileError where they do not
    fill `values` exactly.
    """
    starts, at = [], 0
    try:
        for _ in range(count):
            starts.append(at)
            kind = chr(values[at])
            if kind in _FIXED:
                at += 1 + _FIXED[kind]
            elif kind in "SR":
                at += 5 + struct.unpack_from("<I", values, at + 1)[0]
            elif kind in _ARRAY:
                length, packed, size = struct.unpack_from("<III", values, at + 1)
                if not packed and size != length * np.dtype(_ARRAY[kind]).itemsize:
                    raise MotionFileError(f"found an array of {length} values in {size} bytes")
                at += 13 + size
            else:
                raise MotionFileError(f"found a value of the unknown type {kind!r}")
    except (IndexError, struct.error):
        at = -1
    if at != len(values):
        raise MotionFileError(f"found {count} values that do not fill their {len(values)} bytes")
    return starts


def _decode(values: bytes | memoryview, count: int) -> Iterator[Value]:
    for at in _starts(values, count):
        kind = chr(values[at])
        if kind in _SCALAR:
            (value,) = struct.unpack_from(_SCALAR[kind], values, at + 1)
            yield np.int64(value) if kind == "L" else bool(value) if kind in "CB" else value
        elif kind in "SR":
            (size,) = struct.unpack_from("<I", values, at + 1)
            text = bytes(values[at + 5 : at + 5 + size])
            yield text.decode("utf-8", "surrogateescape") if kind == "S" else text
        else:
            length, packed, size = struct.unpack_from("<III", values, at + 1)
            raw = values[at + 13 : at + 13 + size]
            dtype = np.dtype(_ARRAY[kind])
            if packed:
                unpack = zlib.decompressobj()
                try:
                    raw = unpack.decompress(raw, length * dtype.itemsize + 1)
                except zlib.error as error:
                    raise MotionFileError(
                        f"found a packed array that does not unpack: {error}"
                    ) from error
            if len(raw) != length * dtype.itemsize:
                raise MotionFileError(
                    f"found a packed array of {len(raw)} bytes, expected {length * dtype.itemsize}"
                )
            yield np.frombuffer(raw, dtype)
