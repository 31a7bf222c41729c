"""glTF files: what is read, what is refused, that a file's own content stays, and that any other clip gets a sound file."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.formats import read_motion, write_motion
from kinestyle.motion.gltf import GltfSource, format_gltf, parse_gltf, read_gltf, write_gltf
from kinestyle.motion.mapping import map_joints
from kinestyle.motion.skeleton import tip_position
from kinestyle.motion.world_frame import bring_into_world
from kinestyle.runtime.stylizer import Stylizer
from made_gltf import Made, Seen, accessor, character, see
from made_rigs import RIG_NAMES, any_rotations, as_rig, rig_names, walk

WALK = walk(2.0).clip
OWN = any_rotations(4, len(rig_names()))
RIG = as_rig(WALK, OWN)
BLENDER = {"scale": [0.01] * 3, "rotation": [-float(np.sqrt(0.5)), 0.0, 0.0, float(np.sqrt(0.5))]}
"""The node above the joints, as exporters write it for a rig in centimetres with Z up."""
CENTIMETRES = as_rig(WALK, OWN, metres_per_unit=0.01, up="Z")


def frame_times(clip: Clip) -> np.ndarray:
    return np.arange(clip.frame_count) * clip.frame_time_seconds


def same_rotations(a: np.ndarray, b: np.ndarray, radians: float = 1e-6) -> None:
    assert rotation.angle(rotation.multiply(rotation.inverse(a), b)).max() < radians


def check_new_file(clip: Clip) -> tuple[Clip, Seen]:
    """A clip of another format through a .glb file: names, hierarchy, times and places are kept, and another reader agrees."""
    data, _ = format_gltf(clip, "x.glb")
    found = parse_gltf(data, "x.glb")
    expected, _ = bring_into_world(clip)
    assert found.skeleton.names == clip.skeleton.names
    np.testing.assert_array_equal(found.skeleton.parents, clip.skeleton.parents)
    np.testing.assert_array_equal(found.skeleton.end_parents, clip.skeleton.end_parents)
    assert (found.frame_count, found.frame_time_seconds) == (clip.frame_count, clip.frame_time_seconds)
    assert (found.world, found.warnings) == (METRES_Y_UP, ())
    np.testing.assert_allclose(found.world_position, expected.world_position, atol=1e-4)
    same_rotations(found.local_rotation, expected.local_rotation)
    seen = see(data, frame_times(clip))
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(seen.place(name), expected.world_position[:, j], atol=1e-4)
    tips = tip_position(expected.skeleton, expected.world_position, expected.world_rotation)
    np.testing.assert_allclose(tip_position(found.skeleton, found.world_position, found.world_rotation), tips, atol=1e-4)
    return found, seen


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("metres_per_unit", [1.0, 0.01, 0.0254])
@pytest.mark.parametrize("moving_root", [False, True])
def test_any_rig_in_a_new_file(up: str, metres_per_unit: float, moving_root: bool) -> None:
    own = any_rotations(7, len(rig_names(moving_root)))
    check_new_file(as_rig(WALK, own, metres_per_unit=metres_per_unit, up=up, moving_root=moving_root))


@pytest.mark.parametrize("frame_time", [0.0083333, 1.0 / 120.0, 0.0333333, 1.0 / 30.0, 0.04, 0.01668335])
def test_frame_times_are_kept(frame_time: float) -> None:
    check_new_file(replace(RIG, frame_time_seconds=frame_time))


def test_the_example(walk_clip: Clip, tmp_path: Path) -> None:
    check_new_file(walk_clip)
    path = tmp_path / "walk.glb"
    assert write_motion(walk_clip, path) == ()
    again = tmp_path / "walk.bvh"
    write_motion(read_motion(path), again)
    np.testing.assert_allclose(read_motion(again).world_position, bring_into_world(walk_clip)[0].world_position, atol=1e-4)


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
    vertices, joints = accessor(file, primitive.attributes.POSITION), accessor(file, primitive.attributes.JOINTS_0)
    weights, indices = accessor(file, primitive.attributes.WEIGHTS_0), accessor(file, primitive.indices)[:, 0].astype(int)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert joints.max() < len(skin.joints)
    assert indices.max() < len(vertices)
    rest = see(character_at_rest(file), np.zeros(1))
    bind = accessor(file, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    # what is drawn is joint matrix times inverse bind matrix; in the rest pose that changes nothing
    np.testing.assert_allclose(rest.world[0, skin.joints] @ bind, np.tile(np.eye(4), (len(skin.joints), 1, 1)), atol=1e-5)
    places = rest.world[0, :, :3, 3]
    assert vertices[:, 1].min() == pytest.approx(0.0, abs=0.06)
    assert vertices[:, 1].max() == pytest.approx(1.70, abs=0.1)
    left, right = (places[rest.names.index(f"{side}Hand")] for side in ("Left", "Right"))
    shoulder = places[rest.names.index("LeftArm")]
    assert left[0] - right[0] > 1.2  # arms spread, left along +X
    assert abs(left[1] - shoulder[1]) < 0.05
    drawn = np.einsum(
        "vij,vj->vi", (rest.world[0, skin.joints] @ bind)[joints[:, 0].astype(int)], np.c_[vertices, np.ones(len(vertices))]
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


def check_character(made: Made, expected: Clip, prefix: str = "mixamorig:", atol: float = 1e-5) -> Clip:
    """A made file is read as the world that the specification says it shows."""
    data = made.glb()
    clip = parse_gltf(data, "character.glb")
    assert isinstance(clip.source, GltfSource)
    seen = see(data, clip.source.grid.times())
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(clip.world_position[:, j], seen.place(name), atol=1e-5)
    for j, name in enumerate(expected.skeleton.names):
        found = clip.skeleton.names.index(prefix + name)
        np.testing.assert_allclose(clip.world_position[:, found], expected.world_position[:, j], atol=atol)
    assert (clip.frame_count, clip.frame_time_seconds) == (expected.frame_count, expected.frame_time_seconds)
    return clip


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("skinned", [False, True])
@pytest.mark.parametrize("start", [0.0, 1.0 / 24.0])
def test_a_character_as_exporters_write_it(reverse: bool, skinned: bool, start: float) -> None:
    clip = check_character(character(CENTIMETRES, armature=BLENDER, reverse=reverse, skinned=skinned, start_seconds=start), RIG)
    mapping = map_joints(clip)
    names = clip.skeleton.names
    assert {role: names[joint] for role, joint in mapping.joints.items()} == {
        role: "mixamorig:" + name for role, name in RIG_NAMES.items()
    }
    assert (mapping.family, mapping.unit) == ("Mixamo", "m")
    assert names[0] == "Armature"
    assert clip.warnings == ("character.glb holds 2 animations; 'Walk' was read, 'T-Pose' left as found",)


def plain(data: bytes) -> dict:
    """The JSON of a .glb file."""
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size])


def restyled(clip: Clip) -> Clip:
    """Another motion of the same clip: the hips travel otherwise, the left arm turns otherwise from the tenth frame on."""
    names = clip.skeleton.names
    hips, arm = (next(j for j, name in enumerate(names) if name.endswith(part)) for part in ("Hips", "LeftArm"))
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
    for channel, sampler in zip(before["animations"][0]["channels"], before["animations"][0]["samplers"], strict=True):
        name, path = a.names[channel["target"]["node"]], channel["target"]["path"]
        if (name, path) in {("mixamorig:LeftArm", "rotation"), ("mixamorig:Hips", "translation")}:
            changed_accessors.add(sampler["output"])
        else:
            assert name not in changed or (name, path) == ("mixamorig:Hips", "rotation")
    for i in range(len(before["accessors"])):
        same = np.array_equal(accessor(a.file, i), accessor(b.file, i))
        assert same == (i not in changed_accessors), before["accessors"][i]
        assert same == (before["accessors"][i] == after["accessors"][i])  # least and greatest values
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
    """The whole way: read, map, restyle, write, read. The rig's names, everything else of the file and its places are right."""
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
        np.testing.assert_allclose(written.world_position[:, found], plain_result.world_position[:, j], atol=2e-3)
    assert format_gltf(released.stylize(clip, style="old", strength=0.0), "out.glb")[0] == data


def test_what_is_no_gltf() -> None:
    for data in (b"", b"  \n", b"HIERARCHY", b"{}", b"[]", b"glTF", b"glTF" + b"\0" * 40):
        with pytest.raises(MotionFileError):
            parse_gltf(data, "x.glb")
