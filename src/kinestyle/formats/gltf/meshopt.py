"""Views that are compressed with EXT_meshopt_compression, as `gltfpack -c` and `gltf-transform
optimize` write them.

Attributes are stored byte by byte: of each row's byte k the differences to the row before, in
groups of 16, each group with as few bits as it needs. Filters then turn whole numbers into
quaternions, unit vectors or floats. Numbers of vertices have codes of their own, see
`meshopt_indices`.
"""

from __future__ import annotations

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.json_object import JsonObject
from kinestyle.motion.rotation import Array

EXTENSIONS = ("EXT_meshopt_compression", "KHR_meshopt_compression")
MAX_STRIDE = 256
_VERSION_0 = 0xA0
_GROUP = 16
_BLOCK_BYTES, _BLOCK_ROWS = 8192, 256
_TAIL = 32
"""Bytes at the end, at least: they hold the row before the first one."""
_PAIRS = np.array([[byte >> shift & 3 for shift in (6, 4, 2, 0)] for byte in range(256)], np.uint8)
_NIBBLES = np.array([[byte >> 4, byte & 15] for byte in range(256)], np.uint8)
_FULL_PAIRS = bytes((_PAIRS == 3).sum(axis=1).astype(np.uint8))
_FULL_NIBBLES = bytes((_NIBBLES == 15).sum(axis=1).astype(np.uint8))


class _DamagedError(Exception):
    """What is wrong with the bytes."""


def decode_view(
    data: bytes, mode: str, kind: str, count: int, stride: int, of: JsonObject
) -> bytes:
    """data: a compressed view -> its count * stride bytes.

    mode, kind: the extension's mode and filter; of: the extension, for messages. Raises
    MotionFileError.
    """
    if mode != "ATTRIBUTES":
        of.refuse("mode", "a mode of the extension")
    try:
        rows = _attributes(data, count, stride)
    except _DamagedError as error:
        raise MotionFileError(f"{of.file}, {of.where}: {error}") from error
    if kind == "QUATERNION" and stride == 8:
        return _quaternions(rows.view("<i2")).astype("<i2").tobytes()
    if kind == "EXPONENTIAL" and stride % 4 == 0:
        return _exponents(rows.view("<i4")).astype("<f4").tobytes()
    if kind == "OCTAHEDRAL" and stride in (4, 8):
        dtype = "<i1" if stride == 4 else "<i2"
        return _directions(rows.view(dtype)).astype(dtype).tobytes()
    if kind != "NONE":
        of.refuse("filter", "one that suits byteStride")
    return rows.tobytes()


def _attributes(data: bytes, count: int, stride: int) -> np.ndarray:
    """The rows (count, stride) uint8 of a view of attributes. Raises _DamagedError."""
    tail = max(stride, _TAIL)
    if len(data) < 1 + tail:
        raise _DamagedError("its compressed data is cut off")
    if data[0] != _VERSION_0:
        raise _DamagedError(
            f"its numbers are compressed in version {data[0]:#x} of meshopt, expected "
            f"{_VERSION_0:#x}; export without compression"
        )
    end = len(data) - tail
    rows = min((_BLOCK_BYTES // stride) & ~(_GROUP - 1), _BLOCK_ROWS)
    kinds, starts, at = bytearray(), list[int](), 1
    sizes = [min(rows, count - row) for row in range(0, count, rows)]
    for size in sizes:
        for _ in range(stride):
            at = _scan(data, at, end, -(-size // _GROUP), kinds, starts)
    if at != end:
        raise _DamagedError(f"its compressed data ends at byte {at} instead of {end}")
    packed = np.frombuffer(data, np.uint8)
    groups = _groups(packed, np.frombuffer(kinds, np.uint8), np.array(starts))
    steps, first = np.empty((stride, count), np.uint8), 0
    row = 0
    for size in sizes:
        number = -(-size // _GROUP) * stride
        block = groups[first : first + number].reshape(stride, -1)
        steps[:, row : row + size] = block[:, :size]
        first, row = first + number, row + size
    # zigzag: 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
    signed = (steps >> 1) ^ (np.uint8(0) - (steps & 1))
    values = np.cumsum(signed, axis=1, dtype=np.uint8) + packed[-stride:, None]
    return np.ascontiguousarray(values.T)


def _scan(data: bytes, at: int, end: int, groups: int, kinds: bytearray, starts: list[int]) -> int:
    """Find where each group of one byte's row begins: `kinds` gets its number of bits, 0 to 3 for
    0, 2, 4 and 8, `starts` its first byte. Returns the byte after the last. Raises _DamagedError.
    """
    header = at
    at += (groups + 3) // 4
    if at > end:
        raise _DamagedError("its compressed data is cut off")
    for group in range(groups):
        kind = data[header + group // 4] >> 2 * (group % 4) & 3
        kinds.append(kind)
        starts.append(at)
        if kind == 1:
            at += 4 + sum(data[at : at + 4].translate(_FULL_PAIRS))
        elif kind == 2:
            at += 8 + sum(data[at : at + 8].translate(_FULL_NIBBLES))
        elif kind == 3:
            at += _GROUP
        if at > end:
            raise _DamagedError("its compressed data is cut off")
    return at


def _groups(data: np.ndarray, kinds: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The values (G, 16) uint8 of groups, from their kinds and first bytes."""
    found = np.zeros((len(kinds), _GROUP), np.uint8)
    for kind, packed, table in ((1, 4, _PAIRS), (2, 8, _NIBBLES)):
        which = np.flatnonzero(kinds == kind)
        first = starts[which]
        values = table[data[first[:, None] + np.arange(packed)]].reshape(-1, _GROUP)
        # the greatest number says that the value follows in a byte of its own
        full = values == table.max()
        place = first[:, None] + packed + np.cumsum(full, axis=1) - 1
        found[which] = np.where(full, data[np.where(full, place, 0)], values)
    which = np.flatnonzero(kinds == 3)
    found[which] = data[starts[which][:, None] + np.arange(_GROUP)]
    return found


def _quaternions(stored: np.ndarray) -> Array:
    """stored: (N, 4) int16 -> (N, 4) as normalised int16: three components, and which one is left
    out and how finely they are stored in the last two bits and all bits of the fourth.
    """
    fourth = stored[:, 3].astype(np.int64)
    three = stored[:, :3] * (np.sqrt(0.5) / (fourth | 3))[:, None]
    last = np.sqrt(np.maximum(1.0 - (three**2).sum(axis=1), 0.0))
    values = np.concatenate([three, last[:, None]], axis=1)
    place = ((fourth & 3)[:, None] + np.array([1, 2, 3, 0])) & 3
    found = np.empty_like(values)
    np.put_along_axis(found, place, values, axis=1)
    return np.rint(found * 32767.0)


def _exponents(stored: np.ndarray) -> Array:
    """stored: int32 with an exponent in the upper 8 bits and a mantissa below -> floats."""
    mantissa = (stored << 8) >> 8
    with np.errstate(over="ignore"):
        return np.ldexp(mantissa.astype(np.float32), stored >> 24)


def _directions(stored: np.ndarray) -> Array:
    """stored: (N, 4) -> (N, 4), unit vectors from the octahedron they are folded onto."""
    most = float(np.iinfo(stored.dtype).max)
    x, y, one = (stored[:, k].astype(float) for k in range(3))
    z = one - np.abs(x) - np.abs(y)
    fold = np.minimum(z, 0.0)
    x, y = x + np.where(x >= 0, fold, -fold), y + np.where(y >= 0, fold, -fold)
    vector = np.stack([x, y, z], axis=1)
    length = np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-12)
    return np.concatenate([np.rint(vector * (most / length)), stored[:, 3:]], axis=1)
