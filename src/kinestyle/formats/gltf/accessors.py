"""The arrays of numbers in a glTF file: accessors and their views into the buffers, to read and to
write.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.meshopt import EXTENSIONS, MAX_STRIDE, decode_view
from kinestyle.formats.gltf.meshopt_indices import MODES, decode_indices
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, MAX_MAGNITUDE
from kinestyle.json_object import JsonObject
from kinestyle.motion.rotation import Array

COMPONENTS: dict[int, np.dtype[Any]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
FLOAT = 5126
SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MAX_VALUES = 3 * MAX_FRAMES
"""Rows of one accessor; cubic splines have three for each key."""


def read_accessor(document: Document, index: int, kind: str) -> Array:
    """Accessor number `index` of `kind` ("SCALAR", "VEC3", ...) -> (N, size), normalised integers
    as the numbers they stand for.

    Raises MotionFileError for an accessor of another kind, one that reaches beyond its buffer, and
    numbers that are not finite or too large.
    """
    accessor = document.accessors[index]
    if accessor.text("type") != kind:
        accessor.refuse("type", f'"{kind}"')
    component = accessor.integer("componentType", 5120, 5126, "a component type")
    if component not in COMPONENTS:
        accessor.refuse("componentType", f"one of {', '.join(map(str, COMPONENTS))}")
    count = accessor.integer("count", 1, MAX_VALUES, "a number of rows")
    if "bufferView" in accessor.fields:
        values = _rows(document, accessor, "bufferView", COMPONENTS[component], count, SIZES[kind])
    else:
        values = np.zeros((count, SIZES[kind]), COMPONENTS[component])
    sparse = accessor.part("sparse")
    if sparse.fields:
        values = values.copy()
        changed = sparse.integer("count", 1, count, "a number of rows")
        where, what = sparse.part("indices"), sparse.part("values")
        index_component = where.integer(
            "componentType", 5121, 5125, "a component type of whole numbers"
        )
        if index_component not in (5121, 5123, 5125):
            where.refuse("componentType", "one of 5121, 5123, 5125")
        rows = _rows(document, where, "bufferView", COMPONENTS[index_component], changed, 1)[
            :, 0
        ].astype(np.int64)
        if rows.max() >= count or (np.diff(rows) <= 0).any():
            raise MotionFileError(
                f"{where.file}, {where.where}: found rows that do not rise, expected {changed} "
                f"below {count}"
            )
        values[rows] = _rows(
            document, what, "bufferView", COMPONENTS[component], changed, SIZES[kind]
        )
    with np.errstate(all="ignore"):  # what is no finite number is refused below
        found = values.astype(float)
    if component != FLOAT and accessor.fields.get("normalized") is True:
        # the lowest signed number stands for -1 as the next one does
        found = np.maximum(found / np.iinfo(COMPONENTS[component]).max, -1.0)
    if not (np.abs(found) <= MAX_MAGNITUDE).all():
        row = int(np.argmin((np.abs(found) <= MAX_MAGNITUDE).all(axis=1)))
        raise MotionFileError(
            f"{accessor.file}, {accessor.where}: found {found[row].tolist()} in row {row}, "
            f"expected numbers of at most {MAX_MAGNITUDE:g}"
        )
    return found


def plain_rows(document: Document, index: int, size: int) -> np.ndarray | None:
    """The rows (N, size) of an accessor of 32-bit floats in a view of its own file; None for any
    other, and for one that is not sound. Says nothing, and is many times as fast as
    `read_accessor`.
    """
    accessor = document.accessors[index].fields
    try:
        view = document.views[accessor["bufferView"]].fields
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        strides = max(view.get("byteStride", 0), 4 * size), 4
        if (
            accessor["componentType"] != FLOAT
            or {"sparse", "extensions"} & (view | accessor).keys()
        ):
            return None
        buffer = document.buffers[view["buffer"]]
        rows = np.ndarray((accessor["count"], size), "<f4", buffer, start, strides)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return rows if len(rows) and (np.abs(rows) <= MAX_MAGNITUDE).all() else None


def _rows(
    document: Document, owner: JsonObject, key: str, dtype: np.dtype[Any], count: int, size: int
) -> np.ndarray:
    """(count, size) of `dtype` in the view that `owner` names, from the owner's byte offset."""
    number = owner.integer(key, 0, len(document.views) - 1, "the number of a buffer view")
    view = document.views[number]
    extensions = view.part("extensions")
    packed = next((name for name in EXTENSIONS if name in extensions.fields), None)
    if packed is None:
        buffer, start, length = _view_bytes(document, view)
        stride = view.integer(
            "byteStride", 4, 252, "a number of bytes", max(4, dtype.itemsize * size)
        )
        if "byteStride" not in view.fields:
            stride = dtype.itemsize * size
    else:
        buffer, stride = _unpacked(document, number, extensions.part(packed))
        start, length = 0, len(buffer)
    offset = owner.integer("byteOffset", 0, MAX_FILE_BYTES, "a number of bytes", 0)
    if stride < dtype.itemsize * size:
        view.refuse("byteStride", f"at least the {dtype.itemsize * size} bytes of a row")
    needed = offset + stride * (count - 1) + dtype.itemsize * size
    if needed > length:
        raise MotionFileError(
            f"{owner.file}, {owner.where}: found {count} rows, which end at byte {needed} of "
            f"{view.where}, expected them to end within its {length} bytes; the file is damaged"
        )
    return np.ndarray((count, size), dtype, buffer, start + offset, (stride, dtype.itemsize))


def _view_bytes(document: Document, view: JsonObject) -> tuple[bytes | memoryview, int, int]:
    """The buffer that a view, or the extension of one, is in, its first byte there and its size.
    Raises MotionFileError.
    """
    number = view.integer("buffer", 0, len(document.buffers) - 1, "the number of a buffer")
    buffer = document.buffers[number]
    if buffer is None:
        view.refuse("buffer", "a buffer that holds data")
    start = view.integer("byteOffset", 0, MAX_FILE_BYTES, "a number of bytes", 0)
    length = view.integer("byteLength", 1, MAX_FILE_BYTES, "a size in bytes")
    declared = document.buffer_sizes[number]
    if start + length > declared:
        view.refuse("byteLength", f"at most {max(declared - start, 0)}, where its buffer ends")
    return buffer, start, length


def _unpacked(document: Document, number: int, packed: JsonObject) -> tuple[bytes, int]:
    """The bytes of a compressed view, and how many a row has. packed: the extension that says how
    it is compressed. Raises MotionFileError.
    """
    stride = packed.integer("byteStride", 1, MAX_STRIDE, "a number of bytes")
    mode = packed.text("mode")
    if stride % 4 and mode not in MODES:
        packed.refuse("byteStride", "a multiple of 4")
    if number not in document.unpacked:
        buffer, start, length = _view_bytes(document, packed)
        # a byte of what is compressed says at most that 64 are zeros
        count = packed.integer("count", 1, 64 * length // stride + 1, "a number of rows")
        data = bytes(buffer[start : start + length])
        if mode in MODES:
            document.unpacked[number] = decode_indices(data, mode, count, stride, packed)
        else:
            kind = packed.text("filter", "NONE")
            document.unpacked[number] = decode_view(data, mode, kind, count, stride, packed)
    return document.unpacked[number], stride


class Packer:
    """Appends arrays to a buffer, with their accessors and views.

    accessors, views: the file's lists, to which entries are added; blob: the buffer so far
    """

    def __init__(
        self, accessors: list[dict[str, Any]], views: list[dict[str, Any]], blob: bytearray
    ):
        self.accessors, self.views, self.blob = accessors, views, blob

    def add(
        self,
        rows: np.ndarray,
        kind: str,
        target: int | None = None,
        limits: bool = False,
        normalized: bool = False,
    ) -> int:
        """rows: (N, size) or (N,) of a component type -> the number of its accessor.

        target: what a view of vertices is for; limits: whether the accessor states the least and
        the greatest values
        """
        component = next(number for number, dtype in COMPONENTS.items() if dtype == rows.dtype)
        data = np.ascontiguousarray(rows).tobytes()
        at = len(self.blob)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": at, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": component,
            "count": len(rows),
            "type": kind,
        }
        if normalized:
            accessor["normalized"] = True
        if limits:
            table = rows.reshape(len(rows), -1)
            accessor["min"], accessor["max"] = (
                table.min(axis=0).tolist(),
                table.max(axis=0).tolist(),
            )
        self.accessors.append(accessor)
        self.blob += data + b"\0" * (-len(data) % 4)
        return len(self.accessors) - 1
