"""VRM characters and animations: glTF whose file says which node is which bone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gltf_clips import BLENDER, CENTIMETRES, RIG, plain
from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import write_bvh
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.formats.gltf.humanoid import BONES, bones_of, roles_of
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.transfer import transfer
from kinestyle.rig.mapping import map_joints
from kinestyle.runtime.stylizer import Stylizer
from made_gltf import Made, character
from made_rigs import RIG_NAMES, rig_names

NAMELESS = [f"bone {i}" for i in range(len(rig_names()))]


def nodes_of_bones(made: Made) -> dict[str, int]:
    """VRM's name of a bone -> the node of the made character."""
    names = [node.get("name", "") for node in made.tree["nodes"]]
    return {BONES[role]: names.index(f"mixamorig:{joint}") for role, joint in RIG_NAMES.items()}


def vrm(version: str, animated: bool = False, misnamed: bool = True) -> Made:
    """A character that states its bones, of a version or as an animation; its joints' names say
    nothing.
    """
    made = character(CENTIMETRES, armature=BLENDER)
    nodes = nodes_of_bones(made)
    extension: dict[str, Any]
    if version == "0.x":
        bones = [{"bone": bone, "node": node} for bone, node in nodes.items()]
        extension = {"VRM": {"specVersion": "0.0", "humanoid": {"humanBones": bones}}}
    else:
        key = "VRMC_vrm" if version == "1.0" else "VRMC_vrm_animation"
        humanoid = {"humanBones": {bone: {"node": node} for bone, node in nodes.items()}}
        extension = {key: {"specVersion": "1.0", "humanoid": humanoid}}
    made.tree |= {"extensions": extension, "extensionsUsed": list(extension)}
    if misnamed:
        for name, node in zip(NAMELESS, made.tree["nodes"], strict=False):
            node["name"] = name
    if not animated:
        del made.tree["animations"]
    return made


@pytest.mark.parametrize("version", ["0.x", "1.0"])
def test_a_vrm_character_is_a_target_that_stays_one(version: str, tmp_path: Path) -> None:
    path, out = tmp_path / "avatar.vrm", tmp_path / "out.vrm"
    path.write_bytes(vrm(version).glb())
    target = read_motion(path)
    assert target.frame_count == 1
    assert "its pose was read" in target.warnings[0]
    mapping = map_joints(target)
    assert set(mapping.joints) == set(RIG_NAMES)
    assert set(mapping.confidence.values()) == {1.0}
    walk = replace(RIG, name="walk")
    result = transfer(walk, target)
    assert write_motion(result, out) == ()
    back = read_motion(out)
    assert (back.animation, back.frame_count) == ("walk", RIG.frame_count)
    np.testing.assert_allclose(back.world_position, result.world_position, atol=1e-5)
    before, after = plain(path.read_bytes()), plain(out.read_bytes())
    for key in ("extensions", "extensionsUsed", "meshes", "materials", "skins", "nodes"):
        assert before[key] == after[key], key
    assert map_joints(back).joints == mapping.joints


def test_an_animation_of_every_joint_and_of_few() -> None:
    made = vrm("animation", animated=True)
    clip = parse_gltf(made.glb(), "x.vrma")
    assert set(map_joints(clip).joints) == set(RIG_NAMES)
    # only one arm moves and nothing is skinned: the bones that are stated are the rig
    del made.tree["skins"]
    del made.tree["meshes"]
    for node in made.tree["nodes"]:
        node.pop("skin", None)
        node.pop("mesh", None)
    arm = nodes_of_bones(character(CENTIMETRES, armature=BLENDER))["leftUpperArm"]
    walk = made.tree["animations"][0]
    walk["channels"] = [one for one in walk["channels"] if one["target"].get("node") == arm]
    assert walk["channels"]
    few = parse_gltf(made.glb(), "x.vrma")
    assert set(map_joints(few).joints) == set(RIG_NAMES)
    assert not few.is_still


def test_a_restyled_animation_keeps_its_file() -> None:
    data = vrm("animation", animated=True).glb()
    clip = parse_gltf(data, "x.vrma")
    result = Stylizer.load().stylize(clip, style="old")
    written, notes = format_gltf(result, "out.vrma")
    assert notes == ()
    assert plain(written)["extensions"] == plain(data)["extensions"]
    back = parse_gltf(written, "out.vrma")
    np.testing.assert_allclose(back.world_position, result.world_position, atol=1e-5)


def test_any_clip_becomes_an_animation_for_vrm(walk_clip, tmp_path: Path) -> None:
    """Joints without a role are folded into those with one, and the hips carry all travel."""
    out = tmp_path / "walk.vrma"
    notes = write_motion(walk_clip, out)
    assert any("bones of a humanoid" in note for note in notes) == (
        walk_clip.skeleton.joint_count > len(map_joints(walk_clip).joints)
    )
    back = read_motion(out)
    assert (back.frame_count, back.world) == (walk_clip.frame_count, METRES_Y_UP)
    before, after = correspond(walk_clip), correspond(back)
    assert set(before.mapping.joints) == set(after.mapping.joints)
    a, b = to_canonical(walk_clip, before), to_canonical(back, after)
    angle = rotation.angle(rotation.multiply(rotation.inverse(a.world_rotation), b.world_rotation))
    assert np.degrees(np.median(angle)) < 0.5
    assert np.abs(a.world_position - b.world_position)[..., 1].max() < 0.03
    tree = plain(out.read_bytes())
    bones = tree["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"]
    hips = bones["hips"]["node"]
    assert set(bones) == {BONES[role] for role in before.mapping.joints}
    moved = [
        channel["target"]["node"]
        for channel in tree["animations"][0]["channels"]
        if channel["target"]["path"] == "translation"
    ]
    assert moved == [hips], "VRM lets the hips alone move"
    # it rests in a T-pose that faces +Z: left is +X, and the feet stand on the floor
    rest = {bone: world_of(tree["nodes"], part["node"]) for bone, part in bones.items()}
    assert rest["leftHand"][0] > 0.4 > -0.4 > rest["rightHand"][0]
    assert abs(rest["leftHand"][1] - rest["leftUpperArm"][1]) < 0.02
    assert rest["leftToes"][2] > rest["leftFoot"][2]
    assert 0.0 < rest["leftFoot"][1] < 0.2


def world_of(nodes: list[dict[str, Any]], at: int) -> np.ndarray:
    """Where a node is at rest."""
    parents = {child: i for i, node in enumerate(nodes) for child in node.get("children", ())}
    position = np.zeros(3)
    while True:
        node = nodes[at]
        q = np.array(node.get("rotation", [0.0, 0.0, 0.0, 1.0]))[[3, 0, 1, 2]]
        position = rotation.rotate(q, position) + np.array(node.get("translation", [0.0] * 3))
        if at not in parents:
            return position
        at = parents[at]


def test_what_is_no_character_is_not_written_as_one(walk_clip, tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"a \.vrm is a character with an author"):
        write_motion(walk_clip, tmp_path / "walk.vrm")
    box = walk_clip.window(0, 1, [0])
    with pytest.raises(MotionFileError, match="moves the bones of a human body"):
        write_motion(box, tmp_path / "box.vrma")
    assert not list(tmp_path.iterdir())


def test_bones_and_roles() -> None:
    assert roles_of({"hips": "a", "spine": "b", "upperChest": "d", "leftEye": "e"}) == {
        "hips": "a",
        "spine": "b",
        "chest": "d",
    }
    assert roles_of({"hips": "a", "spine": "b"}) == {"hips": "a", "chest": "b"}
    assert roles_of({"hips": "a", "spine": "b", "chest": "c", "upperChest": "d"})["chest"] == "c"
    assert bones_of({"hips": 0, "chest": 1}) == {"hips": 0, "spine": 1}


@pytest.mark.parametrize(
    "bones", [None, 3, [], [{"bone": 3, "node": 0}], {"hips": 3}, {"hips": {"node": 10**9}}]
)
def test_bones_that_are_not_sound_are_passed_over(bones: Any, tmp_path: Path) -> None:
    made = vrm("1.0", animated=True, misnamed=False)
    made.tree["extensions"] = {"VRMC_vrm": {"humanoid": {"humanBones": bones}}}
    clip = parse_gltf(made.glb(), "x.vrm")
    assert (clip.roles, len(map_joints(clip).joints)) == ({}, len(RIG_NAMES))
    # and those that are no whole body
    made.tree["extensions"] = {"VRMC_vrm": {"humanoid": {"humanBones": {"hips": {"node": 0}}}}}
    mapping = map_joints(parse_gltf(made.glb(), "x.vrm"))
    assert len(mapping.joints) == len(RIG_NAMES)
    assert any("the body was looked for" in warning for warning in mapping.warnings)


def test_a_bvh_of_the_same_motion_has_no_roles(tmp_path: Path) -> None:
    write_bvh(RIG, tmp_path / "x.bvh")
    assert read_motion(tmp_path / "x.bvh").roles == {}
