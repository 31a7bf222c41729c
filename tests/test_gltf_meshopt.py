"""Numbers compressed with meshopt are read; what is compressed stays so in what is written."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gltf_clips import BLENDER, CENTIMETRES, plain, restyled, same_rotations
from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.formats.gltf.meshopt import decode_view
from kinestyle.json_object import JsonObject
from made_gltf import character
from made_meshopt import EXTENSION, as_glb, compressed, encoded

OF = JsonObject("x.glb", "bufferViews[0]", {}, MotionFileError)


def decoded(data: bytes, count: int, stride: int, kind: str = "NONE") -> bytes:
    return decode_view(data, "ATTRIBUTES", kind, count, stride, OF)


@given(
    count=st.integers(1, 700),
    words=st.integers(1, 64),
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0, 1, 2, 5, 20, 255]),
)
@settings(max_examples=60, deadline=None)
def test_what_was_encoded_comes_back(count: int, words: int, seed: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    steps = random.integers(-spread, spread + 1, (count, 4 * words))
    rows = np.cumsum(steps, axis=0).astype(np.uint8)
    assert decoded(encoded(rows), count, 4 * words) == rows.tobytes()


def test_filters() -> None:
    # a quaternion without its second component, of 12 bits: x, z, w scaled by sqrt(2) * 2047
    q = np.array([0.5, 0.7, -0.3, np.sqrt(1 - 0.25 - 0.49 - 0.09)])
    scale = 2047
    rest = [np.rint(q[(1 + k) % 4] * np.sqrt(2.0) * scale) for k in (1, 2, 3)]
    stored = np.array([[*rest, (scale & ~3) | 1]]).astype("<i2")
    found = np.frombuffer(decoded(encoded(stored.view(np.uint8)), 1, 8, "QUATERNION"), "<i2")
    np.testing.assert_allclose(found / 32767.0, q, atol=1e-3)

    mantissa, exponent = np.array([1, -3, 2**23 - 1, 0]), np.array([0, -2, -20, 5])
    stored = ((exponent << 24) | (mantissa & 0xFFFFFF)).astype("<i4")[None]
    found = np.frombuffer(decoded(encoded(stored.view(np.uint8)), 1, 16, "EXPONENTIAL"), "<f4")
    np.testing.assert_array_equal(found, np.float32(mantissa * 2.0**exponent))

    normal = np.array([0.6, -0.48, -0.64])
    folded = normal[:2] / np.abs(normal).sum()
    folded = (1.0 - np.abs(folded[::-1])) * np.sign(folded)
    stored = np.array([[*np.rint(folded * 127), 127, 5]]).astype("<i1")
    found = np.frombuffer(decoded(encoded(stored.view(np.uint8)), 1, 4, "OCTAHEDRAL"), "<i1")
    np.testing.assert_allclose(found[:3] / 127.0, normal, atol=0.02)
    assert found[3] == 5


def test_a_compressed_character() -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    expected = parse_gltf(made.glb(), "x.glb")
    data = compressed(made)
    clip = parse_gltf(data, "x.glb")
    np.testing.assert_array_equal(clip.local_position, expected.local_position)
    np.testing.assert_array_equal(clip.local_rotation, expected.local_rotation)
    assert format_gltf(clip, "x.glb")[0] == data

    changed = restyled(clip)
    result, notes = format_gltf(changed, "x.glb")
    assert notes == ()
    back = parse_gltf(result, "x.glb")
    np.testing.assert_allclose(back.world_position, changed.world_position, atol=1e-5)
    same_rotations(back.local_rotation, changed.local_rotation)
    # what did not change is compressed as it was
    before, after = plain(data), plain(result)
    views = len(before["bufferViews"])
    assert after["bufferViews"][:views] == before["bufferViews"]
    assert after["buffers"][1] == before["buffers"][1]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("mode", "TRIANGLES", "2 or 4"),
        ("filter", "NOISE", "filter"),
        ("byteStride", 3, "byteStride"),
        ("byteStride", 1024, "byteStride"),
        ("count", 0, "count"),
        ("count", 10**12, "count"),
        ("count", 7, "ends at byte"),
        ("byteOffset", 10**8, "byteLength"),
        ("byteLength", 20, "cut off"),
        ("buffer", 1, "buffer"),
    ],
)
def test_damage_is_refused_with_a_sentence(key: str, value: Any, says: str) -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    data = compressed(made)
    tree = plain(data)
    number = tree["animations"][0]["samplers"][0]["output"]
    view = tree["bufferViews"][tree["accessors"][number]["bufferView"]]
    view["extensions"][EXTENSION][key] = value
    blob = data[20 + struct.unpack_from("<I", data, 12)[0] + 8 :]
    with pytest.raises(MotionFileError, match=says):
        parse_gltf(as_glb(tree, blob), "x.glb")


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_other_bytes(data: st.DataObject) -> None:
    rows = np.cumsum(np.arange(64 * 8).reshape(64, 8) % 7, axis=0).astype(np.uint8)
    good = bytearray(encoded(rows))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    for some in (bytes(good), bytes(good[:cut])):
        with contextlib.suppress(MotionFileError):
            assert len(decoded(some, 64, 8, "QUATERNION")) == 64 * 8


def test_a_later_version_is_refused() -> None:
    rows = np.zeros((16, 4), np.uint8)
    with pytest.raises(MotionFileError, match=r"version 0xa1 of meshopt, .*without compression"):
        decoded(b"\xa1" + encoded(rows)[1:], 16, 4)
