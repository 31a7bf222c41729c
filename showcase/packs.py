"""Files of a recording: a JSON object and named arrays in one compressed file.

zlib of: 4 bytes, little endian, of the object's length; the object, filled up with spaces to a
multiple of 4; the arrays, one after the other, each filled up to a multiple of 4 bytes. The
object's `arrays` says what they are: name, type and shape, time last. Of `i2` the second
differences over time are stored, modulo 2**16, first all low bytes, then all high ones: motion is
smooth, so most of these numbers are small. `page/recording.js` reads them.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

LEVEL = 9


def pack(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """head: fit for JSON; arrays: int16 (..., T), uint8 or float32. The same bytes each time."""
    described, parts = [], []
    for name, array in arrays.items():
        kind = {"int16": "i2", "uint8": "u1", "float32": "f4"}[array.dtype.name]
        described.append([name, kind, list(array.shape)])
        data = _smooth(array) if kind == "i2" else array.astype(array.dtype.newbyteorder("<"))
        parts.append(data.tobytes())
    text = json.dumps({**head, "arrays": described}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(part + b"\0" * (-len(part) % 4) for part in parts)
    return zlib.compress(struct.pack("<I", len(text)) + text + body, LEVEL)


def _smooth(array: np.ndarray) -> np.ndarray:
    """array: (..., T) int16 -> (2, N) bytes, low and high, of its second differences over time."""
    numbers = array.astype(np.int64)
    for _ in range(2):
        numbers = np.diff(numbers, axis=-1, prepend=0)
    wrapped = (numbers & 0xFFFF).astype("<u2").reshape(-1)
    return np.stack([wrapped & 0xFF, wrapped >> 8]).astype(np.uint8)


def quantised(array: np.ndarray, step: float) -> np.ndarray:
    """array: (T, ...) -> (..., T) int16 in steps. An assertion fails for what is too large."""
    numbers = np.rint(np.moveaxis(array, 0, -1) / step)
    assert np.abs(numbers).max(initial=0) < 2**15, (
        f"{np.abs(array).max():g} is more than 16 bits in steps of {step:g} hold"
    )
    return numbers.astype(np.int16)
