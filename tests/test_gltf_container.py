"""The parts of a glTF file, put together."""

from __future__ import annotations

import json
import struct
import tracemalloc

import pytest

from kinestyle.formats.gltf.container import Container


@pytest.mark.parametrize("size", [0, 1, 4, 10])
@pytest.mark.parametrize("further", [b"", struct.pack("<I4s", 4, b"MORE") + b"more"])
def test_a_glb_has_its_chunks_in_whole_words(size: int, further: bytes) -> None:
    blob = bytearray(range(size))
    data = Container({"asset": {"version": "2.0"}}, [], [], blob, [], further).to_bytes(True)
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    count, kind = struct.unpack_from("<I4s", data, 12)
    text, rest = data[20 : 20 + count], data[20 + count :]
    assert (kind, count % 4) == (b"JSON", 0)
    buffers = [{"byteLength": size}] if size else None
    assert json.loads(text).get("buffers") == buffers
    if size:
        count, kind = struct.unpack_from("<I4s", rest)
        assert (kind, count % 4, count - size < 4) == (b"BIN\0", 0, True)
        assert rest[8 : 8 + size] == bytes(blob)
        assert not rest[8 + size : 8 + count].strip(b"\0")
        rest = rest[8 + count :]
    assert rest == further


def test_a_large_buffer_is_copied_once() -> None:
    container = Container({}, [], [], bytearray(2**23))
    tracemalloc.start()
    try:
        data = container.to_bytes(True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.1 * len(data)
