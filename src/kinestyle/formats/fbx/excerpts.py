"""Parts of a long FBX file: its scene with those keys of its curves that lie around a span of time.

The library takes some 60 bytes for each key of a file: of an hour of 53 joints a gigabyte. So a
long file is described with few of its keys, and is sampled in one part after the other. At each
time within its span, a part is what the whole file is.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.fbx.records import Document, Record, pieces
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND

MANY_KEYS = 2**21
"""A file with fewer is taken as a whole."""
_FEW = 512
"""Keys of a curve that is taken as a whole, and of one of which few are described."""
_MARGIN = 4
"""Keys beside a span: the slope at a key may follow from the one before and the one behind it."""
_KEYS = ("KeyTime", "KeyValueFloat", "KeyAttrFlags", "KeyAttrDataFloat", "KeyAttrRefCount")
_ATTRIBUTES = 4
"""Numbers of `KeyAttrDataFloat` for each of `KeyAttrFlags`, which stands for `KeyAttrRefCount`
keys."""


class Excerpts:
    """A binary file of FBX 7, in parts."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def is_long(self) -> bool:
        """Whether it has many keys."""
        if self._document.version < 7000:
            return False
        return sum(map(_key_count, self._curves())) > MANY_KEYS

    def outline(self) -> list[bytes | memoryview]:
        """The file with few keys of each curve, its first and its last among them."""
        return self._with(lambda ticks: np.linspace(0, len(ticks) - 1, _FEW).round().astype(int))

    def span(self, first_seconds: float, last_seconds: float) -> list[bytes | memoryview]:
        """The file with the keys from one time to another."""

        def within(ticks: np.ndarray) -> np.ndarray:
            first, last = np.searchsorted(
                ticks, np.array([first_seconds, last_seconds]) * TICKS_A_SECOND
            )
            start = max(0, min(first, len(ticks)) - _MARGIN)
            return np.arange(start, min(len(ticks), last + _MARGIN))

        return self._with(within)

    def _curves(self) -> list[Record]:
        return [
            item
            for top in self._document.all("Objects")
            for item in top.children
            if item.name == "AnimationCurve"
        ]

    def _with(self, choose: Any) -> list[bytes | memoryview]:
        """choose: (K,) rising ticks of a curve's keys -> the indices of those that are kept"""
        kept = {id(item): _cut(item, choose) for item in self._curves() if _key_count(item) > _FEW}
        records = [
            replace(top, children=[kept.get(id(item), item) for item in top.children])
            if top.name == "Objects"
            else top
            for top in self._document.records
        ]
        return pieces(replace(self._document, records=records))


def _key_count(curve: Record) -> int:
    """As the curve states it; 0 for one without keys."""
    times = curve.find("KeyTime")
    if times is None or times.count != 1 or len(times.values) < 5 or times.values[:1] != b"l":
        return 0
    return int(struct.unpack_from("<I", times.values, 1)[0])


def _cut(curve: Record, choose: Any) -> Record:
    """The curve with some of its keys; itself where it is not written as usual, or goes on beyond
    its ends in a way that needs all of them.
    """
    found = {child.name: child for child in curve.children}
    if not set(_KEYS) <= found.keys() or any("Extrapolation" in name for name in found):
        return curve
    arrays = [_array(found[name]) for name in _KEYS]
    if any(array is None for array in arrays):
        return curve
    ticks, values, flags, data, uses = (np.asarray(array) for array in arrays)
    if (
        len(values) != len(ticks)
        or len(flags) != len(uses)
        or len(data) != _ATTRIBUTES * len(uses)
        or (uses < 0).any()
        or uses.sum() != len(ticks)
        or (np.diff(ticks) <= 0).any()
    ):
        return curve
    keys = choose(ticks)
    attribute = np.repeat(np.arange(len(uses)), uses)[keys]
    begins = np.flatnonzero(np.diff(attribute, prepend=-1))
    used = attribute[begins]
    new = (
        ticks[keys],
        values[keys],
        flags[used],
        data.reshape(-1, _ATTRIBUTES)[used].ravel(),
        np.diff(begins, append=len(keys)).astype(uses.dtype),
    )
    changed = {
        name: replace(found[name], values=_unpacked(found[name], array))
        for name, array in zip(_KEYS, new, strict=True)
    }
    return replace(curve, children=[changed.get(child.name, child) for child in curve.children])


def _array(item: Record) -> np.ndarray | None:
    """The one array of a record, None for any other or a damaged one."""
    try:
        found = item.decoded()
    except MotionFileError:
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], np.ndarray) else None


def _unpacked(item: Record, array: np.ndarray) -> bytes:
    """The values of a record with another array of its type, not compressed: nobody stores them."""
    raw = np.ascontiguousarray(array).tobytes()
    return bytes(item.values[:1]) + struct.pack("<III", len(array), 0, len(raw)) + raw
