"""glTF files: what is read, what is refused, that a file's own content stays, and that any other
clip gets a sound file.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf import GltfSource, format_gltf, parse_gltf, read_gltf, write_gltf
from kinestyle.formats.gltf.keys import FrameGrid, find_grid
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip, StatedWorld
from kinestyle.motion.skeleton import Skeleton, tip_position
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.world_frame import bring_into_world, mirror_axis
from kinestyle.runtime.stylizer import Stylizer
from made_gltf import PNG, Made, Seen, accessor, character, see
from made_rigs import RIG_NAMES, any_rotations, as_rig, rig_names, walk

WALK = walk(2.0).clip
OWN = any_rotations(4, len(rig_names()))
RIG = as_rig(WALK, OWN)
BLENDER = {"scale": [0.01] * 3, "rotation": [-float(np.sqrt(0.5)), 0.0, 0.0, float(np.sqrt(0.5))]}
"""The node above the joints, as exporters write it for a rig in centimetres with Z up."""
CENTIMETRES = as_rig(WALK, OWN, metres_per_unit=0.01, up="Z")
SHORT = CENTIMETRES.with_motion(CENTIMETRES.local_position[:15], CENTIMETRES.local_rotation[:15])


def frame_times(clip: Clip) -> np.ndarray:
    return np.arange(clip.frame_count) * clip.frame_time_seconds


def same_rotations(a: np.ndarray, b: np.ndarray, radians: float = 1e-6) -> None:
    assert rotation.angle(rotation.multiply(rotation.inverse(a), b)).max() < radians


def check_new_file(clip: Clip) -> tuple[Clip, Seen]:
    """A clip of another format through a .glb file: names, hierarchy, times and places are kept,
    and another reader agrees.
    """
    data, _ = format_gltf(clip, "x.glb")
    found = parse_gltf(data, "x.glb")
    expected, _ = bring_into_world(clip)
    assert found.skeleton.names == clip.skeleton.names
    np.testing.assert_array_equal(found.skeleton.parents, clip.skeleton.parents)
    np.testing.assert_array_equal(found.skeleton.end_parents, clip.skeleton.end_parents)
    assert (found.frame_count, found.frame_time_seconds) == (
        clip.frame_count,
        clip.frame_time_seconds,
    )
    assert (found.world, found.warnings) == (METRES_Y_UP, ())
    np.testing.assert_allclose(found.world_position, expected.world_position, atol=1e-4)
    same_rotations(found.local_rotation, expected.local_rotation)
    seen = see(data, frame_times(clip))
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(seen.place(name), expected.world_position[:, j], atol=1e-4)
    tips = tip_position(expected.skeleton, expected.world_position, expected.world_rotation)
    np.testing.assert_allclose(
        tip_position(found.skeleton, found.world_position, found.world_rotation), tips, atol=1e-4
    )
    return found, seen


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("metres_per_unit", [1.0, 0.01, 0.0254])
@pytest.mark.parametrize("moving_root", [False, True])
def test_any_rig_in_a_new_file(up: str, metres_per_unit: float, moving_root: bool) -> None:
    own = any_rotations(7, len(rig_names(moving_root)))
    check_new_file(
        as_rig(WALK, own, metres_per_unit=metres_per_unit, up=up, moving_root=moving_root)
    )


@pytest.mark.parametrize(
    "frame_time", [0.0083333, 1.0 / 120.0, 0.0333333, 1.0 / 30.0, 0.04, 0.01668335]
)
def test_frame_times_are_kept(frame_time: float) -> None:
    check_new_file(replace(RIG, frame_time_seconds=frame_time))


def test_the_example(walk_clip: Clip, tmp_path: Path) -> None:
    check_new_file(walk_clip)
    path = tmp_path / "walk.glb"
    assert write_motion(walk_clip, path) == ()
    again = tmp_path / "walk.bvh"
    write_motion(read_motion(path), again)
    np.testing.assert_allclose(
        read_motion(again).world_position, bring_into_world(walk_clip)[0].world_position, atol=1e-4
    )


@pytest.mark.parametrize(
    "file",
    ["zombie", "dab", "jumping", "wave_hello", "jesse_dance", "jumping_jacks", "bvh_test1", "bvh_test2", "bvh_test3", "sample",
     "scaled_131_01", "cmu_12_01_walk"],
)  # fmt: skip
def test_real_clips_in_a_new_file(data_dir: Path, file: str) -> None:
    check_new_file(read_motion(data_dir / "wild" / f"{file}.bvh"))


def test_the_body_of_a_new_file() -> None:
    """The mesh is skinned to the joints, stands in a T-pose, and is where the bones are."""
    _, seen = check_new_file(as_rig(WALK, OWN, up="Z", metres_per_unit=0.01))
    file = seen.file
    skin, primitive = file.skins[0], file.meshes[0].primitives[0]
    vertices, joints = (
        accessor(file, primitive.attributes.POSITION),
        accessor(file, primitive.attributes.JOINTS_0),
    )
    weights, indices = (
        accessor(file, primitive.attributes.WEIGHTS_0),
        accessor(file, primitive.indices)[:, 0].astype(int),
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert joints.max() < len(skin.joints)
    assert indices.max() < len(vertices)
    rest = see(character_at_rest(file), np.zeros(1))
    bind = accessor(file, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    # what is drawn is joint matrix times inverse bind matrix; in the rest pose that changes nothing
    np.testing.assert_allclose(
        rest.world[0, skin.joints] @ bind, np.tile(np.eye(4), (len(skin.joints), 1, 1)), atol=1e-5
    )
    places = rest.world[0, :, :3, 3]
    assert vertices[:, 1].min() == pytest.approx(0.0, abs=0.06)
    assert vertices[:, 1].max() == pytest.approx(1.70, abs=0.1)
    left, right = (places[rest.names.index(f"{side}Hand")] for side in ("Left", "Right"))
    shoulder = places[rest.names.index("LeftArm")]
    assert left[0] - right[0] > 1.2  # arms spread, left along +X
    assert abs(left[1] - shoulder[1]) < 0.05
    drawn = np.einsum(
        "vij,vj->vi",
        (rest.world[0, skin.joints] @ bind)[joints[:, 0].astype(int)],
        np.c_[vertices, np.ones(len(vertices))],
    )
    followed = places[np.array(skin.joints)[joints[:, 0].astype(int)]]
    assert np.linalg.norm(drawn[:, :3] - followed, axis=1).max() < 0.65
    corners = vertices[indices].reshape(-1, 3, 3)
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = accessor(file, primitive.attributes.NORMAL)[indices].reshape(-1, 3, 3).mean(axis=1)
    assert (np.sum(facing * normals, axis=-1) > 0).mean() > 0.99


def character_at_rest(file: object) -> bytes:
    """The same file with an animation that moves nothing."""
    file.animations[0].channels = []  # type: ignore[attr-defined]
    return b"".join(file.save_to_bytes())  # type: ignore[attr-defined]


def check_character(
    made: Made, expected: Clip, prefix: str = "mixamorig:", atol: float = 1e-5
) -> Clip:
    """A made file is read as the world that the specification says it shows."""
    data = made.glb()
    clip = parse_gltf(data, "character.glb")
    assert isinstance(clip.source, GltfSource)
    seen = see(data, clip.source.grid.times())
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(clip.world_position[:, j], seen.place(name), atol=1e-5)
    for j, name in enumerate(expected.skeleton.names):
        found = clip.skeleton.names.index(prefix + name)
        np.testing.assert_allclose(
            clip.world_position[:, found], expected.world_position[:, j], atol=atol
        )
    assert (clip.frame_count, clip.frame_time_seconds) == (
        expected.frame_count,
        expected.frame_time_seconds,
    )
    return clip


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("skinned", [False, True])
@pytest.mark.parametrize("start", [0.0, 1.0 / 24.0])
def test_a_character_as_exporters_write_it(reverse: bool, skinned: bool, start: float) -> None:
    clip = check_character(
        character(
            CENTIMETRES, armature=BLENDER, reverse=reverse, skinned=skinned, start_seconds=start
        ),
        RIG,
    )
    mapping = map_joints(clip)
    names = clip.skeleton.names
    assert {role: names[joint] for role, joint in mapping.joints.items()} == {
        role: "mixamorig:" + name for role, name in RIG_NAMES.items()
    }
    assert (mapping.family, mapping.unit) == ("Mixamo", "m")
    assert names[0] == "Armature"
    assert clip.warnings == (
        "character.glb holds 2 animations; 'Walk' was read, 'T-Pose' left as found",
    )


def plain(data: bytes) -> dict:
    """The JSON of a .glb file."""
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size])


def restyled(clip: Clip) -> Clip:
    """Another motion of the same clip: the hips travel otherwise, the left arm turns otherwise from
    the tenth frame on.
    """
    names = clip.skeleton.names
    hips, arm = (
        next(j for j, name in enumerate(names) if name.endswith(part))
        for part in ("Hips", "LeftArm")
    )
    position, turn = clip.local_position.copy(), clip.local_rotation.copy()
    position[:, hips] += np.linspace(0.0, 0.2, clip.frame_count)[:, None] * [1.0, 0.0, 1.0]
    turn[10:, arm] = rotation.multiply(turn[10:, arm], rotation.exp(np.array([0.0, 0.3, 0.1])))
    return clip.with_motion(position, turn)


def test_a_character_keeps_all_but_the_motion_that_changed() -> None:
    data = character(CENTIMETRES, armature=BLENDER, reverse=True).glb()
    clip = restyled(parse_gltf(data, "character.glb"))
    result, notes = format_gltf(clip, "out.glb")
    assert notes == ()
    before, after = plain(data), plain(result)
    assert {**before, "accessors": 0} == {**after, "accessors": 0}
    a, b = see(data, frame_times(clip)), see(result, frame_times(clip))
    changed = {"mixamorig:LeftArm", "mixamorig:Hips"}
    changed_accessors = set()
    for channel, sampler in zip(
        before["animations"][0]["channels"], before["animations"][0]["samplers"], strict=True
    ):
        name, path = a.names[channel["target"]["node"]], channel["target"]["path"]
        if (name, path) in {("mixamorig:LeftArm", "rotation"), ("mixamorig:Hips", "translation")}:
            changed_accessors.add(sampler["output"])
        else:
            assert name not in changed or (name, path) == ("mixamorig:Hips", "rotation")
    for i in range(len(before["accessors"])):
        same = np.array_equal(accessor(a.file, i), accessor(b.file, i))
        assert same == (i not in changed_accessors), before["accessors"][i]
        assert same == (
            before["accessors"][i] == after["accessors"][i]
        )  # least and greatest values
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(b.place(name), clip.world_position[:, j], atol=1e-5)
    arm = before["animations"][0]["samplers"][list(rig_names()).index("LeftArm")]["output"]
    np.testing.assert_array_equal(accessor(a.file, arm)[:10], accessor(b.file, arm)[:10])


def test_an_unchanged_clip_gives_back_its_file(tmp_path: Path) -> None:
    data = character(CENTIMETRES, armature=BLENDER).glb()
    path, out = tmp_path / "in.glb", tmp_path / "out.glb"
    path.write_bytes(data)
    clip = read_gltf(path)
    assert write_gltf(clip, out) == ()
    assert out.read_bytes() == data
    flipped = clip.with_motion(clip.local_position, -clip.local_rotation)
    assert format_gltf(flipped, "out.glb")[0] == data


def test_a_character_in_another_manner(released: Stylizer) -> None:
    """The whole way: read, map, restyle, write, read. The rig's names, everything else of the file
    and its places are right.
    """
    data = character(CENTIMETRES, armature=BLENDER, reverse=True).glb()
    clip = parse_gltf(data, "character.glb")
    result = released.stylize(clip, style="old")
    written = parse_gltf(format_gltf(result, "out.glb")[0], "out.glb")
    assert written.skeleton.names == clip.skeleton.names
    np.testing.assert_allclose(written.world_position, result.world_position, atol=1e-5)
    assert np.abs(written.world_position - clip.world_position).max() > 0.02
    # the same motion on the same rig in another file changes in the same way
    bare = replace(RIG.skeleton, end_parents=np.zeros(0, dtype=int), end_offsets=np.zeros((0, 3)))
    plain_result = released.stylize(replace(RIG, skeleton=bare), style="old")
    for j, name in enumerate(RIG.skeleton.names):
        found = written.skeleton.names.index("mixamorig:" + name)
        np.testing.assert_allclose(
            written.world_position[:, found], plain_result.world_position[:, j], atol=2e-3
        )
    assert format_gltf(released.stylize(clip, style="old", strength=0.0), "out.glb")[0] == data


def test_what_is_no_gltf() -> None:
    for data in (b"", b"  \n", b"HIERARCHY", b"{}", b"[]", b"glTF", b"glTF" + b"\0" * 40):
        with pytest.raises(MotionFileError):
            parse_gltf(data, "x.glb")


def test_the_ways_in_which_numbers_are_stored() -> None:
    """Normalised integers, rows between other rows, sparse accessors, and accessors that start as
    zeros.
    """
    for dtype, atol in (("<i2", 2e-4), ("<i1", 0.05)):
        check_character(character(CENTIMETRES, armature=BLENDER, dtype=dtype), RIG, atol=atol)

    made = character(CENTIMETRES, armature=BLENDER)
    expected = parse_gltf(made.glb(), "plain.glb")
    outputs = [sampler["output"] for sampler in made.tree["animations"][0]["samplers"][:3]]
    stored = [see_accessor(made, number) for number in outputs]
    between = np.concatenate(stored[:2], axis=1).astype("<f4")
    view = made.view(between.tobytes(), byteStride=32)
    for i, number in enumerate(outputs[:2]):
        made.tree["accessors"][number] |= {"bufferView": view, "byteOffset": 16 * i}
    rows = np.arange(0, len(stored[2]), 3)
    sparse = {
        "count": len(rows),
        "indices": {"bufferView": made.view(rows.astype("<u2").tobytes()), "componentType": 5123},
        "values": {"bufferView": made.view(stored[2][rows].astype("<f4").tobytes())},
    }
    made.tree["accessors"][outputs[2]]["sparse"] = sparse
    changed = stored[2].copy()
    changed[rows] = 0.0  # what stands below is not what counts
    place = made.tree["bufferViews"][made.tree["accessors"][outputs[2]]["bufferView"]]
    made.blob[place["byteOffset"] : place["byteOffset"] + place["byteLength"]] = changed.astype(
        "<f4"
    ).tobytes()
    found = parse_gltf(made.glb(), "stored.glb")
    np.testing.assert_array_equal(found.local_rotation, expected.local_rotation)

    written = parse_gltf(format_gltf(restyled(found), "x.glb")[0], "x.glb")
    np.testing.assert_allclose(written.world_position, restyled(expected).world_position, atol=1e-5)

    all_sparse = made.tree["accessors"][outputs[2]]
    del all_sparse["bufferView"]
    all_sparse["sparse"] = {
        "count": len(stored[2]),
        "indices": {
            "bufferView": made.view(np.arange(len(stored[2])).astype("<u4").tobytes()),
            "componentType": 5125,
        },
        "values": {"bufferView": made.view(stored[2].astype("<f4").tobytes())},
    }
    np.testing.assert_array_equal(
        parse_gltf(made.glb(), "x.glb").local_rotation, expected.local_rotation
    )


def see_accessor(made: Made, number: int) -> np.ndarray:
    return accessor(pygltflib.GLTF2.load_from_bytes(made.glb()), number)


def two_joints(
    keys: list[float], turns: np.ndarray, interpolation: str, moves: np.ndarray | None = None
) -> bytes:
    """A joint on another, of which the first turns by the values of a curve, and moves by those of
    another.
    """
    made = Made()
    made.put("nodes", {"name": "a", "children": [1]})
    made.put("nodes", {"name": "b", "translation": [0.0, 1.0, 0.0]})
    at = made.array(np.array(keys))
    curves = [("rotation", turns[..., [1, 2, 3, 0]].reshape(-1, 4))] + (
        [] if moves is None else [("translation", moves.reshape(-1, 3))]
    )
    samplers = [
        {"input": at, "output": made.array(values), "interpolation": interpolation}
        for _, values in curves
    ]
    channels = [
        {"sampler": i, "target": {"node": 0, "path": path}} for i, (path, _) in enumerate(curves)
    ]
    made.put("animations", {"samplers": samplers, "channels": channels})
    return made.glb()


def test_curves_between_their_keys() -> None:
    turns = rotation.exp(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.6, 0.0, 0.0]]))
    turns[1] = -turns[1]  # the shorter way counts, whatever the sign
    moves = np.array([[0.0, 0, 0], [1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    linear = parse_gltf(two_joints([0.0, 0.5, 1.0], turns, "LINEAR", moves), "x.glb")
    assert (linear.frame_count, linear.frame_time_seconds) == (31, 1.0 / 30.0)
    same_rotations(linear.local_rotation[[0, 15, 30], 0], turns)
    same_rotations(linear.local_rotation[5, 0], rotation.exp(np.array([0.0, 0.0, 1.0 / 3.0])))
    np.testing.assert_allclose(linear.local_position[5, 0], moves[1] / 3.0, atol=1e-6)
    step = parse_gltf(two_joints([0.0, 0.5, 1.0], turns, "STEP", moves), "x.glb")
    same_rotations(step.local_rotation[[0, 14, 15, 29, 30], 0], turns[[0, 0, 1, 1, 2]])
    np.testing.assert_allclose(step.local_position[[14, 15], 0], moves[[0, 1]])

    # a cubic: values and slopes of t^3 - 2 t, which it must follow exactly
    times = np.array([0.0, 0.4, 1.0])
    place, slope = times**3 - 2 * times, 3 * times**2 - 2
    rows = np.stack([slope, place, slope], axis=1)[..., None] * np.ones(3)
    still = np.tile([[0.0, 0, 0, 0], [1.0, 0, 0, 0], [0.0, 0, 0, 0]], (3, 1, 1))
    cubic = parse_gltf(two_joints(times.tolist(), still, "CUBICSPLINE", rows), "x.glb")
    t = np.arange(31) / 30.0
    np.testing.assert_allclose(cubic.local_position[:, 0, 1], t**3 - 2 * t, atol=1e-6)
    same_rotations(cubic.local_rotation[:, 0], np.tile(rotation.IDENTITY, (31, 1)))

    # keys of a recording with tangents: the frames are the keys
    frames = rotation.exp(np.stack([0 * t, np.sin(t), 0 * t], axis=-1))
    rows = np.stack([frames * 9.0, frames, -frames * 9.0], axis=1)
    found = parse_gltf(two_joints(t.tolist(), rows, "CUBICSPLINE"), "x.glb")
    same_rotations(found.local_rotation[:, 0], frames)


@pytest.mark.parametrize("interpolation", ["LINEAR", "STEP", "CUBICSPLINE"])
@pytest.mark.parametrize("every", [1, 3])
def test_new_motion_on_curves_of_all_kinds(interpolation: str, every: int) -> None:
    t = np.arange(31)[::every] / 30.0
    frames = rotation.exp(np.stack([0 * t, np.sin(t), 0 * t], axis=-1))
    rows = np.stack([frames, frames, frames], axis=1) if interpolation == "CUBICSPLINE" else frames
    data = two_joints([*t.tolist(), 31 / 30.0], np.concatenate([rows, rows[-1:]]), interpolation)
    clip = parse_gltf(data, "x.glb")
    assert clip.frame_count == 32
    turned = clip.with_motion(
        clip.local_position,
        rotation.multiply(clip.local_rotation, rotation.exp(np.array([0.3, 0.2, 0.1]))),
    )
    found = parse_gltf(format_gltf(turned, "x.glb")[0], "x.glb")
    assert (found.frame_count, found.frame_time_seconds) == (32, clip.frame_time_seconds)
    same_rotations(found.local_rotation, turned.local_rotation)
    assert format_gltf(clip, "x.glb")[0] == data


@pytest.mark.parametrize(
    ("frames", "seconds"),
    [
        (151, 1 / 30),
        (2, 1 / 24),
        (72000, 1 / 120),
        (400, 1001 / 30000),
        (300, 0.0333333),
        (90, 0.0166667),
        (40, 0.1),
        (9000, 0.04),
    ],
)
@pytest.mark.parametrize("start", [0.0, 1 / 24, 50.0])
def test_frame_rates_are_found_in_keys(frames: int, seconds: float, start: float) -> None:
    keys = (start + np.arange(frames) * seconds).astype(np.float32).astype(float)
    grid = find_grid([keys])
    assert (grid.frame_count, grid.exact) == (frames, True)
    # what 32-bit times tell apart
    assert grid.frame_time_seconds == pytest.approx(seconds, rel=2e-6 if frames > 2 else 5e-4)
    if frames > 2 and start == 0.0 and seconds in (1 / 30, 1 / 24, 1 / 120, 0.04, 1001 / 30000):
        assert grid.frame_time_seconds == seconds


def test_frames_of_keys_that_are_few_or_uneven() -> None:
    beat = np.arange(121) / 60.0
    assert (
        find_grid([beat, beat[[0, 120]], beat[[0, 7, 9]]]).frame_count == 121
    )  # curves that an exporter thinned
    assert (
        find_grid([np.array([0.0, 1.0, 2.0])]).frame_time_seconds == 1 / 30
    )  # an animator's, once a second
    assert find_grid([np.array([0.0, 5 / 24, 31 / 24])]).frame_time_seconds == 1 / 24
    assert find_grid([beat[[0, 3, 10, 61]], beat[[1, 2]]]) == FrameGrid(0.0, 1 / 60, 62, True)
    stray = find_grid([beat, np.array([0.3123])])
    assert (stray.frame_count, stray.exact) == (121, False)
    odd = find_grid([np.array([0.0, 0.1234, 0.777, 1.111])])
    assert (odd.frame_time_seconds, odd.frame_count, odd.exact) == (1 / 30, 34, False)
    assert find_grid([np.array([2.5])]) == FrameGrid(2.5, 1 / 30, 1, True)
    assert find_grid([np.array([0.0, 0.0, 0.0])]).frame_count == 1
    assert find_grid([beat], 0.0166667).frame_time_seconds == 0.0166667
    assert find_grid([beat], 0.02).frame_time_seconds == 1 / 60  # a statement that the keys deny
    clip = parse_gltf(
        two_joints([0.0, 0.1234, 0.777], np.tile(rotation.IDENTITY, (3, 1)), "LINEAR"), "odd.glb"
    )
    assert clip.warnings == (
        "the keys of odd.glb lie on no common frame rate; they were read at 30 frames/s",
    )


def test_scales_and_mirrors_above_the_joints() -> None:
    for armature in (
        {"scale": [0.01, 0.01, -0.01]},
        {"scale": [-0.01, 0.01, 0.01], "translation": [1.0, 2.0, 3.0]},
        {"scale": [-0.01, -0.01, -0.01], "rotation": [0.5, 0.5, 0.5, 0.5]},
        {"matrix": [0.0, 0, -0.01, 0, 0, 0.01, 0, 0, 0.01, 0, 0, 0, 4.0, 5.0, 6.0, 1.0]},
        {"matrix": [-0.01, 0, 0, 0, 0, 0.01, 0, 0, 0, 0, 0.01, 0, 4.0, 5.0, 6.0, 1.0]},
    ):
        data = character(SHORT, armature=armature).glb()
        clip = parse_gltf(data, "x.glb")
        seen = see(data, frame_times(clip))
        for j, name in enumerate(clip.skeleton.names):
            np.testing.assert_allclose(clip.world_position[:, j], seen.place(name), atol=1e-5)
        changed = restyled(clip)
        written = format_gltf(changed, "x.glb")[0]
        seen = see(written, frame_times(clip))
        for j, name in enumerate(clip.skeleton.names):
            np.testing.assert_allclose(changed.world_position[:, j], seen.place(name), atol=1e-5)


def scaled(node: str, scale: list[float], grows: bool = False) -> bytes:
    made = character(SHORT, armature=BLENDER, props=False)
    number = next(i for i, n in enumerate(made.tree["nodes"]) if n["name"] == node)
    made.tree["nodes"][number]["scale"] = scale
    if grows:
        animation = made.tree["animations"][0]
        values = np.linspace(scale, [0.5 * s for s in scale], SHORT.frame_count)
        animation["channels"].append(
            {"sampler": len(animation["samplers"]), "target": {"node": number, "path": "scale"}}
        )
        animation["samplers"].append(
            {"input": animation["samplers"][0]["input"], "output": made.array(values)}
        )
    return made.glb()


def test_scaled_joints() -> None:
    for data in (
        scaled("mixamorig:Spine", [1.2] * 3),
        scaled("mixamorig:Hips", [1.5] * 3, grows=True),
        scaled("mixamorig:LeftToe", [1.0, 2.0, 3.0]),  # nothing hangs on it
        scaled("mixamorig:LeftFoot", [1.0, 2.0, 3.0]),  # only a toe does, which it merely moves
    ):
        clip = parse_gltf(data, "x.glb")
        changed = restyled(clip)
        for one, motion in ((data, clip), (format_gltf(changed, "x.glb")[0], changed)):
            seen = see(one, frame_times(clip))
            for j, name in enumerate(clip.skeleton.names):
                np.testing.assert_allclose(motion.world_position[:, j], seen.place(name), atol=1e-5)
    for data in (
        scaled("mixamorig:Spine", [1.0, 1.2, 1.0]),
        scaled("Armature", [0.01, 0.02, 0.01]),
    ):
        with pytest.raises(
            MotionFileError,
            match=r"nodes\[\d+\]: found a scale of .* would bend the joints .* apply the scale",
        ):
            parse_gltf(data, "x.glb")


def test_a_rig_that_is_mirrored_in_its_file_maps_as_it_looks() -> None:
    """The numbers of a left-handed rig below a mirror: what is seen is a proper body."""
    mirrored = mirror_axis(as_rig(WALK, OWN, metres_per_unit=0.01))
    clip = check_character(character(mirrored, armature={"scale": [-0.01, 0.01, 0.01]}), RIG)
    mapping = map_joints(clip)
    assert not mapping.swapped
    assert not [warning for warning in mapping.warnings if "swapped" in warning]


def test_a_clip_cut_short_keeps_its_character() -> None:
    data = character(CENTIMETRES, armature=BLENDER).glb()
    clip = parse_gltf(data, "character.glb")
    cut = clip.with_motion(clip.local_position[5:25], clip.local_rotation[5:25])
    result, notes = format_gltf(cut, "cut.glb")
    assert notes == ("cut.glb: what moves beside the rig kept its own times",)
    found = parse_gltf(result, "cut.glb")
    assert (found.frame_count, found.frame_time_seconds) == (20, clip.frame_time_seconds)
    np.testing.assert_allclose(found.world_position, cut.world_position, atol=1e-5)
    assert plain(result)["meshes"] == plain(data)["meshes"]
    bare = parse_gltf(character(CENTIMETRES, armature=BLENDER, props=False).glb(), "x.glb")
    assert (
        format_gltf(
            bare.with_motion(bare.local_position[5:25], bare.local_rotation[5:25]), "cut.glb"
        )[1]
        == ()
    )
    slower = replace(clip, frame_time_seconds=0.05)
    found = parse_gltf(format_gltf(slower, "x.glb")[0], "x.glb")
    assert (found.frame_count, found.frame_time_seconds) == (clip.frame_count, 0.05)
    np.testing.assert_allclose(found.world_position, clip.world_position, atol=1e-5)


def test_another_rig_on_the_source_of_a_character_is_a_file_of_its_own() -> None:
    clip = parse_gltf(character(CENTIMETRES, armature=BLENDER).glb(), "character.glb")
    check_new_file(replace(RIG, source=clip.source))


def test_curves_that_share_their_numbers_are_parted() -> None:
    """One accessor for two joints, one sampler for two channels, and bytes that two accessors
    share: only one of them changes.
    """
    still = np.tile(rotation.IDENTITY, (RIG.frame_count, 1))
    sharing = RIG.with_motion(RIG.local_position, RIG.local_rotation.copy())
    names = list(rig_names())
    left, right, neck = (names.index(name) for name in ("LeftArm", "RightArm", "Neck"))
    sharing.local_rotation[:, [left, right, neck]] = still[:, None]
    for how in ("accessor", "sampler", "bytes"):
        made = character(sharing, props=False)
        samplers, channels = (made.tree["animations"][0][key] for key in ("samplers", "channels"))
        if how == "accessor":
            samplers[right]["output"] = samplers[left]["output"]
        elif how == "sampler":
            channels[right]["sampler"] = channels[left]["sampler"]
        else:
            accessors = made.tree["accessors"]
            accessors[samplers[right]["output"]]["bufferView"] = accessors[
                samplers[left]["output"]
            ]["bufferView"]
        clip = parse_gltf(made.glb(), "x.glb")
        changed = restyled(clip)
        found = parse_gltf(format_gltf(changed, "x.glb")[0], "x.glb")
        same_rotations(found.local_rotation, changed.local_rotation)


def test_joints_without_curves_get_some_when_they_move() -> None:
    made = character(CENTIMETRES, armature=BLENDER, props=False)
    animation = made.tree["animations"][0]
    names = list(rig_names())
    gone = {(names.index("LeftArm"), "rotation"), (names.index("Hips"), "translation")}
    animation["channels"] = [
        c for c in animation["channels"] if (c["target"]["node"], c["target"]["path"]) not in gone
    ]
    # a node that stands by a matrix may not move by a curve
    arm = made.tree["nodes"][names.index("LeftArm")]
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.to_matrix(np.array(arm.pop("rotation"))[[3, 0, 1, 2]])
    matrix[:3, 3] = arm.pop("translation")
    arm["matrix"] = matrix.T.ravel().tolist()
    clip = parse_gltf(made.glb(), "x.glb")
    hips = clip.skeleton.index("mixamorig:Hips")
    assert np.ptp(clip.local_position[:, hips], axis=0).max() == 0.0
    changed = restyled(clip)
    found = parse_gltf(format_gltf(changed, "x.glb")[0], "x.glb")
    np.testing.assert_allclose(found.world_position, changed.world_position, atol=1e-5)
    assert "matrix" not in found.source.document.root.fields["nodes"][names.index("LeftArm")]


def test_gltf_as_text_with_files_beside_it(tmp_path: Path) -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    expected = parse_gltf(made.glb(), "x.glb")
    image = made.tree["images"][0]
    tree = {**made.tree, "images": [{"uri": "cloth%20one.png", "name": "cloth"}], "buffers": []}
    half = len(made.blob) // 2 // 4 * 4
    while any(
        v["byteOffset"] < half < v["byteOffset"] + v["byteLength"] for v in tree["bufferViews"]
    ):
        half += 4
    views = [
        v if v["byteOffset"] < half else {**v, "buffer": 1, "byteOffset": v["byteOffset"] - half}
        for v in tree["bufferViews"]
    ]
    coded = base64.b64encode(made.blob[half:]).decode()
    tree["bufferViews"] = views
    tree["buffers"] = [
        {"uri": "data%20one.bin", "byteLength": half},
        {
            "uri": "data:application/octet-stream;base64," + coded,
            "byteLength": len(made.blob) - half,
        },
    ]
    (tmp_path / "data one.bin").write_bytes(made.blob[:half])
    (tmp_path / "cloth one.png").write_bytes(PNG)
    path = tmp_path / "character.gltf"
    path.write_text(json.dumps(tree, indent=1), encoding="utf-8")
    clip = read_motion(path)
    np.testing.assert_array_equal(clip.local_rotation, expected.local_rotation)
    for changed in (clip, restyled(clip)):
        for name in ("out.glb", "out.gltf"):
            out = tmp_path / "elsewhere" / name
            out.parent.mkdir(exist_ok=True)
            assert write_motion(changed, out) == ()
            found = read_motion(out)
            np.testing.assert_allclose(found.world_position, changed.world_position, atol=1e-5)
            assert found.source.document.root.fields["meshes"] == made.tree["meshes"]
            taken = found.source.document.root.fields["images"][0]
            assert (taken["name"], taken["mimeType"]) == ("cloth", "image/png")
            view = found.source.document.views[taken["bufferView"]].fields
            start = view.get("byteOffset", 0)
            assert found.source.document.buffers[0][start : start + view["byteLength"]] == PNG
    alone = read_motion(tmp_path / "elsewhere" / "out.gltf")
    assert format_gltf(alone, "x.gltf")[0] == (tmp_path / "elsewhere" / "out.gltf").read_bytes()
    (tmp_path / "cloth one.png").unlink()
    assert "cloth%20one.png" in write_motion(clip, tmp_path / "out.glb")[0]
    (tmp_path / "data one.bin").unlink()
    with pytest.raises(MotionFileError, match=r"data one\.bin was not found"):
        read_motion(path)
    assert image["mimeType"] == "image/png"


UNREACHED = [
    "../secret.bin",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://a.b/c.bin",
    "//host/c.bin",
    "a\\b.bin",
]
UNREACHED += ["x/../../secret.bin", "%2e%2e/secret.bin", "http://[", "link.bin"]


@pytest.mark.parametrize("uri", [*UNREACHED, "", "\0"])
def test_a_file_reaches_for_no_others(uri: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    tree = {**Made().tree, "buffers": [{"uri": uri, "byteLength": 16}]}
    path = folder / "x.gltf"
    path.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(
        MotionFileError,
        match=r"buffers\[0\].uri: found .*, expected the name of a file beside this one",
    ):
        read_gltf(path)
    with pytest.raises(MotionFileError, match="beside this one"):
        parse_gltf(path.read_bytes(), "x.gltf")


def test_which_of_several_animations_and_rigs_is_read() -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    made.tree["animations"].reverse()
    clip = parse_gltf(made.glb(), "x.glb")
    assert clip.source.animation == 1
    changed = restyled(clip)
    result = plain(format_gltf(changed, "x.glb")[0])
    assert result["animations"][0] == made.tree["animations"][0]

    # a small second rig beside it, and two nodes of one name
    first = len(made.tree["nodes"])
    made.put("nodes", {"name": "mixamorig:Hips", "children": [first + 1]})
    made.put("nodes", {"name": "Tail", "translation": [0.0, 0.0, 1.0]})
    made.put("skins", {"joints": [first, first + 1]})
    made.tree["scenes"][0]["nodes"].append(first)
    clip = parse_gltf(made.glb(), "x.glb")
    assert (
        "x.glb holds 2 rigs; that below 'Armature' was taken, 'mixamorig:Hips' left as found"
        in clip.warnings
    )
    made.tree["nodes"][3]["name"] = made.tree["nodes"][2]["name"]
    clip = parse_gltf(made.glb(), "x.glb")
    assert any("several nodes named" in warning for warning in clip.warnings)
    assert len(set(clip.skeleton.names)) == len(clip.skeleton.names)
    del made.tree["nodes"][4]["name"]
    assert "node_4" in parse_gltf(made.glb(), "x.glb").skeleton.names


def test_a_small_skin_on_a_body_of_bare_nodes() -> None:
    """A hat with a skin on one joint: the body that the animation moves is the rig all the same."""
    made = character(CENTIMETRES, armature=BLENDER)
    names = [node.get("name") for node in made.tree["nodes"]]
    made.tree["skins"][0] = {"joints": [names.index("mixamorig:Head")]}
    assert len(map_joints(parse_gltf(made.glb(), "x.glb")).joints) == 21


def test_a_clip_without_a_body_in_a_new_file() -> None:
    """A swinging rod: what is assumed of its world is said, and it can be seen."""
    skeleton = Skeleton(
        ("top", "rod"), np.array([-1, 0]), np.array([[0.0, 100.0, 0.0], [0.0, -90.0, 0.0]])
    )
    turn = np.tile(rotation.IDENTITY, (10, 2, 1))
    turn[:, 0] = rotation.exp(np.linspace(-1.0, 1.0, 10)[:, None] * [0.0, 0.0, 1.0])
    rod = Clip(skeleton, np.tile(skeleton.offsets, (10, 1, 1)), turn, 0.04, "rod")
    _, seen = check_new_file(rod)
    notes = format_gltf(rod, "x.glb")[1]
    assert len(notes) == 2
    assert "centimetres were assumed" in notes[0]
    assert len(seen.file.accessors) > 0
    alone = Clip(
        Skeleton(("top",), np.array([-1]), np.zeros((1, 3))),
        np.zeros((3, 1, 3)),
        turn[:3, :1],
        0.04,
        "one joint",
    )
    check_new_file(alone)
    stated = replace(CENTIMETRES, world=StatedWorld(0.01, (0.0, 0.0, 1.0)))
    assert format_gltf(stated, "x.glb")[1] == ()
    check_new_file(stated)


@pytest.mark.parametrize("broken", ["position", "rotation", "frames"])
def test_what_cannot_be_written(broken: str, tmp_path: Path) -> None:
    position, turn = RIG.local_position.copy(), RIG.local_rotation.copy()
    if broken == "position":
        position[3, 2] = np.nan
    elif broken == "rotation":
        turn[3, 2] = np.inf
    else:
        position, turn = position[:0], turn[:0]
    with pytest.raises(MotionFileError, match=r"x\.glb cannot be written: found a"):
        write_gltf(RIG.with_motion(position, turn), tmp_path / "x.glb")
    assert not list(tmp_path.iterdir())


def test_through_the_command_line(
    walk_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BVH in and glTF out, glTF in and out, a manner across formats, nothing at strength 0, and
    what is in a file.
    """
    monkeypatch.chdir(tmp_path)
    Path("character.glb").write_bytes(character(CENTIMETRES, armature=BLENDER).glb())

    def kinestyle(line: str) -> str:
        result = CliRunner().invoke(main, line.split())
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.stdout

    assert kinestyle(f"stylize {walk_file} --style old -o old.glb") == "old.glb\n"
    kinestyle(f"stylize {walk_file} --style old -o old.bvh")
    np.testing.assert_allclose(
        read_motion("old.glb").world_position,
        bring_into_world(read_motion("old.bvh"))[0].world_position,
        atol=1e-4,
    )
    kinestyle(f"stylize character.glb --like {walk_file} -o like.glb")
    kinestyle(f"stylize {walk_file} --like character.glb -o like.bvh")
    before, after = read_motion("character.glb"), read_motion("like.glb")
    assert after.skeleton.names == before.skeleton.names
    assert np.abs(after.world_position - before.world_position).max() > 0.005
    kinestyle("stylize character.glb --style proud --strength 0 -o same.glb")
    assert Path("same.glb").read_bytes() == Path("character.glb").read_bytes()
    found = json.loads(kinestyle("inspect character.glb --json"))
    assert (found["up"], found["unit"], found["family"], found["missing"]) == (
        "+Y",
        "m",
        "Mixamo",
        [],
    )
