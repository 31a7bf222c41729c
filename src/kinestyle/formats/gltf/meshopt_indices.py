"""Numbers of vertices that are compressed with EXT_meshopt_compression, in the modes TRIANGLES and
INDICES.

A triangle is mostly one byte: which of the last 16 edges it shares, and which of the last 16
vertices, or the next new one, is its third corner.
"""

from __future__ import annotations

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.json_object import JsonObject

MODES = ("TRIANGLES", "INDICES")
_TRIANGLES, _INDICES = 0xE0, 0xD0
_RECENT = 16
_TABLE_BYTES, _TAIL_BYTES = 16, 4
_MAX_INDEX = 2**32 - 1


def decode_indices(data: bytes, mode: str, count: int, stride: int, of: JsonObject) -> bytes:
    """data: a compressed view -> its count * stride bytes. of: the extension, for messages. Raises
    MotionFileError.
    """
    if stride not in (2, 4):
        of.refuse("byteStride", "2 or 4 for numbers of vertices")
    if mode == "TRIANGLES" and count % 3:
        of.refuse("count", "a multiple of 3")
    try:
        found = _triangles(data, count) if mode == "TRIANGLES" else _sequence(data, count)
        values = np.array(found, dtype=np.int64)
        if values.min(initial=0) < 0 or values.max(initial=0) > _MAX_INDEX:
            raise IndexError
    except (IndexError, OverflowError):
        raise MotionFileError(f"{of.file}, {of.where}: its compressed data is damaged") from None
    return values.astype("<u2" if stride == 2 else "<u4").tobytes()


class _Bytes:
    """Bytes read one after the other. Raises IndexError beyond their end."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at, self.last = data, at, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def difference(self) -> int:
        """A signed number in groups of 7 bits."""
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def number(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise IndexError

    def index(self) -> int:
        """The number of a vertex, stored as the difference to the one before."""
        self.last += self.difference()
        return self.last


def _sequence(data: bytes, count: int) -> list[int]:
    """Numbers of vertices in any order. Raises IndexError."""
    if len(data) < 1 + _TAIL_BYTES or data[0] & 0xF0 != _INDICES:
        raise IndexError
    rest, last, found = _Bytes(data[:-_TAIL_BYTES], 1), [0, 0], []
    for _ in range(count):
        value = rest.number()
        which, value = value & 1, value >> 1
        last[which] += (value >> 1) ^ -(value & 1)
        found.append(last[which])
    return found


class _Recent:
    """The last edges and vertices, and the next new vertex."""

    def __init__(self) -> None:
        self.edges = [(0, 0)] * _RECENT
        self.vertices = [0] * _RECENT
        self.edge_at = self.vertex_at = self.next = 0

    def new(self) -> int:
        self.next += 1
        return self.next - 1

    def edge(self, back: int) -> tuple[int, int]:
        return self.edges[(self.edge_at - 1 - back) % _RECENT]

    def vertex(self, back: int) -> int:
        return self.vertices[(self.vertex_at - back) % _RECENT]

    def keep(self, vertex: int) -> None:
        self.vertices[self.vertex_at % _RECENT] = vertex
        self.vertex_at += 1

    def keep_edges(self, *edges: tuple[int, int]) -> None:
        for edge in edges:
            self.edges[self.edge_at % _RECENT] = edge
            self.edge_at += 1


def _triangles(data: bytes, count: int) -> list[int]:
    """Three numbers for each triangle. Raises IndexError."""
    codes = count // 3
    if len(data) < 1 + codes + _TABLE_BYTES or data[0] not in (_TRIANGLES, _TRIANGLES | 1):
        raise IndexError
    most_recent = 13 if data[0] & 15 else 15
    table = data[-_TABLE_BYTES:]
    rest, recent = _Bytes(data[:-_TABLE_BYTES], 1 + codes), _Recent()
    found: list[int] = []
    for code in data[1 : 1 + codes]:
        if code < 0xF0:
            found += _on_an_edge(code, most_recent, rest, recent)
        else:
            found += _of_its_own(code, table, rest, recent)
    return found


def _on_an_edge(code: int, most_recent: int, rest: _Bytes, recent: _Recent) -> tuple[int, int, int]:
    """A triangle that shares a known edge."""
    a, b = recent.edge(code >> 4)
    third = code & 15
    if third == 0:
        c = recent.new()
        recent.keep(c)
    elif third < most_recent:
        c = recent.vertex(1 + third)
    else:
        # one before or behind the last that was stored, or any
        c = rest.index() if third == 15 else rest.last + (-1 if third == 13 else 1)
        rest.last = c
        recent.keep(c)
    recent.keep_edges((c, b), (a, c))
    return a, b, c


def _of_its_own(code: int, table: bytes, rest: _Bytes, recent: _Recent) -> tuple[int, int, int]:
    """A triangle that shares no known edge."""
    if code < 0xFE:
        pair, first, any_other = table[code & 15], 0, False
    else:
        pair, first, any_other = rest.byte(), 0 if code == 0xFE else 15, True
        if pair == 0:
            recent.next = 0
    kinds = first, pair >> 4, pair & 15
    corners = [recent.new() if kind == 0 else recent.vertex(kind) for kind in kinds]
    if any_other:
        corners = [
            rest.index() if kind == 15 else corner
            for kind, corner in zip(kinds, corners, strict=True)
        ]
    for at, (kind, corner) in enumerate(zip(kinds, corners, strict=True)):
        if at == 0 or kind == 0 or (any_other and kind == 15):
            recent.keep(corner)
    a, b, c = corners
    recent.keep_edges((b, a), (c, b), (a, c))
    return a, b, c
