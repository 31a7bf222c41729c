"""glTF files that are damaged: each is refused with a sentence that says where and what was
expected, and none does harm.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle import json_object
from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf import accessors, document, format_gltf, nodes, parse_gltf, reader
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from made_gltf import Made, character
from made_rigs import as_rig, walk

pytestmark = pytest.mark.usefixtures("time_limit")

RIG = as_rig(walk(0.5).clip, metres_per_unit=0.01, up="Z")
ARMATURE = {"scale": [0.01] * 3, "rotation": [-0.7071068, 0.0, 0.0, 0.7071068]}
MADE = character(RIG, armature=ARMATURE)
GOOD = MADE.glb()
WALK_OUTPUT = MADE.tree["animations"][0]["samplers"][0]["output"]
WALK_INPUT = MADE.tree["animations"][0]["samplers"][0]["input"]
VIEW = MADE.tree["accessors"][WALK_OUTPUT]["bufferView"]


def damaged(*path: Any, value: Any = None, gone: bool = False) -> bytes:
    """The file with one place of its JSON another: a value, or nothing there."""
    made = Made(copy.deepcopy(MADE.tree), bytearray(MADE.blob))
    at: Any = made.tree
    for key in path[:-1]:
        at = at[key]
    if gone:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made.glb()


def with_numbers(number: int, change: Callable[[np.ndarray], None]) -> bytes:
    """The file with other numbers in one accessor."""
    made = Made(copy.deepcopy(MADE.tree), bytearray(MADE.blob))
    entry = made.tree["accessors"][number]
    view = made.tree["bufferViews"][entry["bufferView"]]
    rows = (
        np.frombuffer(made.blob, "<f4", view["byteLength"] // 4, view["byteOffset"])
        .copy()
        .reshape(entry["count"], -1)
    )
    change(rows)
    made.blob[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] = rows.tobytes()
    return made.glb()


def put(index: Any, value: Any) -> Callable[[np.ndarray], None]:
    def change(rows: np.ndarray) -> None:
        rows[index] = value

    return change


SIGNALLING = np.array([0x7F800001], dtype=np.uint32).view(np.float32)[0]
SAMPLER = ("animations", 0, "samplers", 0)
CHANNEL = ("animations", 0, "channels", 0)
SPARSE = {
    "count": 1,
    "indices": {"bufferView": VIEW, "componentType": 5121},
    "values": {"bufferView": VIEW},
}
INVALID: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "x.glb is empty, expected a glTF file"),
    "another format": (b"HIERARCHY\nROOT Hips", "found no sound JSON"),
    "not text": (b"\xff\xfe\x00", "is no UTF-8 text"),
    "JSON that is a list": (b"[1]", "found JSON that is no object"),
    "JSON without anything": (b"{}", "asset.version: found nothing, expected text"),
    "JSON with NaN": (b'{"asset": NaN}', "found NaN in its JSON"),
    "JSON cut off": (b'{"asset": {"version": "2.0"', "line 1, column"),
    "JSON nested deeply": (b'{"a":' * 100000, "nested too deeply"),
    "a number of many digits": (b'{"asset": ' + b"9" * 5000 + b"}", "too many digits"),
    "header cut off": (GOOD[:15], "ends within its header"),
    "version 1": (GOOD[:4] + b"\1" + GOOD[5:], "is version 1 of binary glTF, expected 2"),
    "cut in the JSON": (GOOD[:400], "the file is incomplete"),
    "cut in the buffer": (GOOD[:-100], "the file is incomplete"),
    "a chunk too long": (
        GOOD[:12] + struct.pack("<I", 2**31) + GOOD[16:],
        "the chunk at byte 12 has 2147483648 bytes",
    ),
    "no JSON chunk": (GOOD[:16] + b"ABCD" + GOOD[20:], "found no JSON chunk at byte 12"),
    "glTF 1": (
        damaged("asset", "version", value="1.0"),
        'asset.version: found "1.0", expected version 2.0',
    ),
    "glTF 3": (damaged("asset", "minVersion", value="2.1"), "asset.minVersion"),
    "no nodes": (damaged("nodes", value=[]), "of which the file has 0"),
    "a child that is not there": (
        damaged("nodes", 0, "children", value=[99]),
        "nodes[0].children: found [99]",
    ),
    "a child twice": (
        damaged("nodes", 0, "children", value=[1, 1]),
        "as nodes[1] does on nodes[0]",
    ),
    "a circle": (
        damaged("nodes", 24, "children", value=[24]),
        "nodes[24].children: found [24], expected no node above itself",
    ),
    "children that are no list": (
        damaged("nodes", 0, "children", value=3),
        "expected a list of the numbers of nodes",
    ),
    "a node that is no object": (damaged("nodes", 3, value=3), "nodes: found"),
    "a translation of two": (
        damaged("nodes", 3, "translation", value=[1, 2]),
        "nodes[3].translation: found [1, 2], expected 3",
    ),
    "a translation of words": (
        damaged("nodes", 3, "translation", value=["1", 2, 3]),
        "expected 3 numbers",
    ),
    "a translation out of all bounds": (
        damaged("nodes", 3, "translation", value=[1e300, 0, 0]),
        "expected 3 numbers from -1e+12 to 1e+12",
    ),
    "a rotation of zeros": (
        damaged("nodes", 24, "rotation", value=[0, 0, 0, 0]),
        "expected a quaternion of length 1",
    ),
    "a sheared matrix": (
        damaged(
            "nodes",
            24,
            value={
                **MADE.tree["nodes"][24],
                "matrix": [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
            },
        ),
        "without shear; apply the transforms and export again",
    ),
    "a matrix of zeros": (damaged("nodes", 24, "matrix", value=[0.0] * 16), "without shear"),
    "a name that is a number": (
        damaged("nodes", 3, "name", value=7),
        "nodes[3].name: found 7, expected text",
    ),
    "a skin without joints": (damaged("skins", 0, "joints", value=[]), "skins[0].joints: found []"),
    "a skin on nodes that are not there": (
        damaged("skins", 0, "joints", value=[-1]),
        "of which the file has",
    ),
    "a channel without sampler": (
        damaged(*CHANNEL, "sampler", gone=True),
        "channels[0].sampler: found nothing",
    ),
    "a channel on a sampler that is not there": (
        damaged(*CHANNEL, "sampler", value=99),
        "a whole number from 0 to",
    ),
    "a channel on true": (
        damaged(*CHANNEL, "sampler", value=True),
        "channels[0].sampler: found true",
    ),
    "a channel on a node that is not there": (
        damaged(*CHANNEL, "target", "node", value=999),
        "the number of a node",
    ),
    "two channels for one path": (
        damaged(*CHANNEL, "target", "node", value=1),
        "no second channel for the rotation of nodes[1]",
    ),
    "an interpolation of another kind": (
        damaged(*SAMPLER, "interpolation", value="BEZIER"),
        "expected one of LINEAR, STEP",
    ),
    "cubic without tangents": (
        damaged(*SAMPLER, "interpolation", value="CUBICSPLINE"),
        "values for 16 keys, expected 48",
    ),
    "an input that is not there": (
        damaged(*SAMPLER, "input", value=999),
        "the number of an accessor",
    ),
    "an output of another kind": (
        damaged("accessors", WALK_OUTPUT, "type", value="VEC3"),
        'found "VEC3", expected "VEC4"',
    ),
    "fewer values than keys": (
        damaged("accessors", WALK_OUTPUT, "count", value=15),
        "found 15 values for 16 keys, expected 16",
    ),
    "an accessor beyond its view": (
        damaged("accessors", WALK_OUTPUT, "count", value=17),
        "within its 256 bytes",
    ),
    "an accessor that starts late": (
        damaged("accessors", WALK_OUTPUT, "byteOffset", value=4),
        "the file is damaged",
    ),
    "an accessor that starts before": (
        damaged("accessors", WALK_OUTPUT, "byteOffset", value=-4),
        "byteOffset: found -4",
    ),
    "an accessor of nothing": (
        damaged("accessors", WALK_OUTPUT, "count", value=0),
        "count: found 0",
    ),
    "an accessor of zeros without end": (
        damaged(
            "accessors", WALK_OUTPUT, value={"componentType": 5126, "type": "VEC4", "count": 2**50}
        ),
        "expected a number of rows, a whole number from 1 to",
    ),
    "zeros for rotations": (
        damaged(
            "accessors", WALK_OUTPUT, value={"componentType": 5126, "type": "VEC4", "count": 16}
        ),
        "found a rotation of zeros",
    ),
    "an unknown component": (
        damaged("accessors", WALK_OUTPUT, "componentType", value=5124),
        "expected one of 5120",
    ),
    "a view that is not there": (
        damaged("accessors", WALK_OUTPUT, "bufferView", value=9999),
        "the number of a buffer view",
    ),
    "a view beyond its buffer": (
        damaged("bufferViews", VIEW, "byteOffset", value=len(MADE.blob) - 8),
        "where its buffer ends",
    ),
    "a view of no buffer": (
        damaged("bufferViews", VIEW, "buffer", value=1),
        "the number of a buffer",
    ),
    "a stride shorter than a row": (
        damaged("bufferViews", VIEW, "byteStride", value=8),
        "at least the 16 bytes of a row",
    ),
    "a stride of nothing": (
        damaged("bufferViews", VIEW, "byteStride", value=0),
        "a whole number from 4 to 252",
    ),
    "compressed numbers": (
        damaged("bufferViews", VIEW, "extensions", value={"EXT_meshopt_compression": {}}),
        "extensions.EXT_meshopt_compression.byteStride: found nothing",
    ),
    "sparse rows that fall": (
        damaged("accessors", WALK_OUTPUT, "sparse", value={**SPARSE, "count": 16}),
        "rows that do not rise",
    ),
    "more sparse rows than rows": (
        damaged("accessors", WALK_OUTPUT, "sparse", value={**SPARSE, "count": 17}),
        "sparse.count",
    ),
    "sparse rows of fractions": (
        damaged(
            "accessors",
            WALK_OUTPUT,
            "sparse",
            value={**SPARSE, "indices": {"bufferView": VIEW, "componentType": 5122}},
        ),
        "expected one of 5121, 5123, 5125",
    ),
    "a value that is not a number": (
        with_numbers(WALK_OUTPUT, put((3, 2), np.nan)),
        "in row 3, expected numbers",
    ),
    "a value that signals that it is not a number": (
        with_numbers(WALK_OUTPUT, put((3, 2), SIGNALLING)),
        "in row 3, expected numbers",
    ),
    "an infinite value": (
        with_numbers(WALK_OUTPUT, put((5, 0), np.inf)),
        "in row 5, expected numbers of at most 1e+12",
    ),
    "a time that is not a number": (with_numbers(WALK_INPUT, put(7, np.nan)), "[nan] in row 7"),
    "times that fall": (
        with_numbers(WALK_INPUT, put(7, 0.0)),
        "found a key at 0.0 s after one at 0.2",
    ),
    "frames without end": (with_numbers(WALK_INPUT, put(15, 1e11)), "frames, expected at most"),
    "a buffer longer than it is": (
        GOOD.replace(b'"buffers": [{"byteLength": ', b'"buffers": [{"byteLength":9'),
        "incomplete",
    ),
    "a buffer without data": (
        json.dumps({**MADE.tree, "buffers": [{"byteLength": len(MADE.blob)}]}).encode(),
        "that holds data",
    ),
    "damaged base64": (
        json.dumps(
            {**MADE.tree, "buffers": [{"byteLength": 4, "uri": "data:a/b;base64,AA*A"}]}
        ).encode(),
        "buffers[0].uri: its base64 data is damaged",
    ),
    "base64 too short": (
        json.dumps(
            {**MADE.tree, "buffers": [{"byteLength": 40, "uri": "data:a/b;base64,AAAA"}]}
        ).encode(),
        "byteLength: found 40, expected at most 3",
    ),
    "data that is not base64": (
        json.dumps(
            {**MADE.tree, "buffers": [{"byteLength": 4, "uri": "data:text/plain,abcd"}]}
        ).encode(),
        "expected base64 data",
    ),
}


def test_the_good_file_is_good() -> None:
    assert parse_gltf(GOOD, "x.glb").frame_count == 16
    assert parse_gltf(damaged("asset", "copyright", value="someone"), "x.glb").frame_count == 16


@pytest.mark.parametrize("case", INVALID)
def test_damage_is_refused_with_a_sentence(case: str) -> None:
    data, sentence = INVALID[case]
    with pytest.raises(MotionFileError) as error:
        parse_gltf(data, "x.glb")
    message = str(error.value)
    assert sentence in message
    assert message.startswith("x.glb")
    assert "\n" not in message
    assert len(message) < 400


def test_what_is_odd_but_can_be_read() -> None:
    trailing = parse_gltf(GOOD + b"more", "x.glb")
    assert trailing.warnings[0] == "x.glb goes on after its end, 4 bytes, which were passed over"
    assert (
        parse_gltf(damaged(*CHANNEL, "target", "path", value="pointer"), "x.glb").frame_count == 16
    )
    assert (
        parse_gltf(damaged("nodes", 3, "name", value="\ud800"), "x.glb").skeleton.names.count("?")
        == 1
    )
    assert parse_gltf(damaged("cameras", value="nonsense"), "x.glb").frame_count == 16
    chunk = struct.pack("<I4s", 4, b"more") + b"abcd"
    more = GOOD[:8] + struct.pack("<I", len(GOOD) + len(chunk)) + GOOD[12:] + chunk
    changed = moved(parse_gltf(more, "x.glb"))
    assert format_gltf(changed, "x.glb")[0].endswith(chunk)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, limit, sentence in (
        (document, "MAX_JSON_BYTES", 100, "more than the limit of 100"),
        (document, "MAX_FILE_BYTES", 100, "byteLength"),
        (json_object, "MAX_ITEMS", 10, "expected a list of at most 10 objects"),
        (nodes, "MAX_JOINTS", 10, "joints, more than the limit of 10"),
        (reader, "MAX_FRAMES", 10, "found 16 frames, expected at most 10"),
        (reader, "MAX_JOINT_FRAMES", 100, "frames, expected at most"),
        (accessors, "MAX_VALUES", 10, "a whole number from 1 to 10"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, limit)
            with pytest.raises(MotionFileError, match=sentence):
                parse_gltf(GOOD, "x.glb")


def moved(clip: Clip) -> Clip:
    turn = rotation.multiply(clip.local_rotation, rotation.exp(np.array([0.1, 0.2, 0.3])))
    return clip.with_motion(clip.local_position + 0.1, turn)


def survives(data: bytes) -> None:
    """A file is read and written again, or refused with a sentence."""
    try:
        clip = parse_gltf(data, "x.glb")
    except MotionFileError:
        return
    assert np.isfinite(clip.local_position).all()
    np.testing.assert_allclose(np.linalg.norm(clip.local_rotation, axis=-1), 1.0, atol=1e-6)
    for written in (clip, moved(clip)):
        try:
            again = format_gltf(written, "x.glb")[0]
        except MotionFileError:
            continue
        parse_gltf(again, "x.glb")


@pytest.mark.parametrize("key", ["samplers", "channels"])
def test_an_animation_that_lacks_a_list_moves_nothing(key: str) -> None:
    made = Made(copy.deepcopy(MADE.tree), bytearray(MADE.blob))
    del made.tree["animations"][0][key]
    survives(made.glb())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_cut_and_any_damaged_bytes(data: st.DataObject) -> None:
    blob = bytearray(GOOD)
    end = 20 + struct.unpack_from("<I", GOOD, 12)[0]
    for _ in range(data.draw(st.integers(0, 4))):
        # mostly in the JSON, where a byte tells more
        blob[data.draw(st.one_of(st.integers(0, end), st.integers(0, len(blob) - 1)))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.one_of(st.just(len(blob)), st.integers(0, len(blob))))
    survives(bytes(blob[:cut]))


VALUES = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        3,
        2**31,
        2**64,
        10**400,
        1.5,
        1e308,
        -1e-300,
        1e12,
        "",
        "x",
        "VEC4",
        "\ud800",
        [],
        {},
        [0],
        [None],
        [[]],
        {"a": 1},
        [0.0] * 3,
        [1e-30] * 3,
        [1e12] * 3,
        [0.0] * 4,
    ]
)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_other_value_anywhere(data: st.DataObject) -> None:
    made = Made(copy.deepcopy(MADE.tree), bytearray(MADE.blob))
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = made.tree
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and data.draw(st.integers(0, 9)):
                at = at[key]
                continue
            if data.draw(st.integers(0, 5)):
                at[key] = copy.deepcopy(data.draw(VALUES))
            else:
                del at[key]
            break
        if not made.tree:
            break
    survives(made.glb())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_other_numbers(data: st.DataObject) -> None:
    samplers = MADE.tree["animations"][0]["samplers"]
    number = data.draw(
        st.sampled_from(
            [
                samplers[0]["input"],
                samplers[3]["output"],
                samplers[24]["output"],
                samplers[25]["output"],
            ]
        )
    )
    width = st.floats(width=32)
    special = st.sampled_from([0.0, -0.0, 1e-38, 1e12, -1e12, 1e-12, 0.1])
    values = data.draw(st.lists(st.one_of(width, special), min_size=1, max_size=8))

    def change(rows: np.ndarray) -> None:
        flat = rows.reshape(-1)
        start = data.draw(st.integers(0, len(flat) - 1))
        count = len(flat[start : start + len(values)])
        flat[start : start + count] = values[:count]

    survives(with_numbers(number, change))
