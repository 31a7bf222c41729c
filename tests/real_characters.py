"""The rows of `real_cases` for FBX, glTF and VRM files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kinestyle.formats.table import read_animations, read_motion, write_motion
from kinestyle.retarget.transfer import transfer
from kinestyle.rig.mapping import map_joints
from real_cases import Case

ZOMBIE = "zombie_walk.fbx"


def _reads(frames: int, animation: str) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        clip = read_motion(path)
        assert (clip.frame_count, clip.animation) == (frames, animation), (
            f"found {clip.frame_count} frames of {clip.animation!r}, expected {frames} of "
            f"{animation!r}"
        )
        assert not clip.is_still, "nothing moves"

    return check


def _each_animation_is_reached(path: Path) -> None:
    frames = {clip.animation: clip.frame_count for clip in read_animations(path)}
    assert frames == {"Idle": 60, "Run": 22, "TPose": 2, "Walk": 32}, frames


def _takes_a_clip_and_stays(path: Path) -> None:
    """Retargeting onto the character adds an animation that is what is read from then on."""
    clip, target = read_motion(path.parent / ZOMBIE), read_motion(path)
    result = transfer(clip, target)
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"out{path.suffix}"
        notes = write_motion(result, out)
        assert not any("plain body" in note for note in notes), notes
        back = read_motion(out)
        assert back.frame_count == clip.frame_count, f"found {back.frame_count} frames"
        assert back.animation == "zombie_walk", back.animation
        off = np.abs(back.world_position - result.world_position).max()
        size = np.ptp(result.world_position[0, :, 1])
        assert off < 1e-4 * size, f"joints are {off / size:.1e} of the height off"
        assert len(out.read_bytes()) > 0.9 * len(path.read_bytes()), "the meshes are gone"


def _has_roles(**expected: str) -> Callable[[Path], None]:
    """Roles are those of the file's extension; a few of them are named here."""

    def check(path: Path) -> None:
        clip = read_motion(path)
        mapping = map_joints(clip)
        names = {role: clip.skeleton.names[joint] for role, joint in mapping.joints.items()}
        found = {role: names.get(role) for role in expected}
        assert found == expected, found
        assert set(mapping.confidence.values()) == {1.0}
        with TemporaryDirectory() as folder:
            out = Path(folder) / f"out{path.suffix}"
            write_motion(clip, out)
            assert out.read_bytes() == path.read_bytes(), "the file is another"

    return check


def _is_as(other: str) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        clip, expected = read_motion(path), read_motion(path.parent / other)
        assert clip.world_position.shape == expected.world_position.shape
        off = np.abs(clip.world_position - expected.world_position).max()
        # rotations are compressed to 16 bits
        assert off < 1e-3, f"joints are {off:.1e} m off"

    return check


def _all_nodes_are_joints(path: Path) -> None:
    count = read_motion(path).skeleton.joint_count
    assert count == 22, f"found {count} joints, expected all 22 nodes"


CHARACTERS: tuple[Case, ...] = (
    Case(
        "characters/mixamo_two_takes_nomesh.fbx",
        "the active animation is read, not the T-pose before it",
        _reads(32, "mixamo.com"),
    ),
    Case(
        "characters/Soldier_four_animations_nomesh.glb",
        "each of its animations can be read",
        _each_animation_is_reached,
    ),
    Case(
        "characters/Soldier_four_animations_nomesh.glb",
        "another clip becomes a further animation of 36 frames",
        _takes_a_clip_and_stays,
    ),
    Case(
        "characters/soldier_meshopt.glb",
        "read as the file that it was compressed from",
        _is_as("Soldier_four_animations_nomesh.glb"),
    ),
    Case(
        "characters/sa_HumanoidRunTurn.fbx",
        "its keys are read, not the span that leaves out most of them",
        _reads(271, "Take 001"),
    ),
    Case(
        "characters/no_span_made.fbx",
        "its keys are read where no span is stated",
        _reads(30, "mixamo.com"),
    ),
    Case(
        "characters/SK_Mannequin.fbx",
        "a target without a stop time keeps its mesh",
        _takes_a_clip_and_stays,
    ),
    Case(
        "characters/unity_DefaultMale.fbx",
        "a target without an animation gets one and keeps its mesh",
        _takes_a_clip_and_stays,
    ),
    Case(
        "characters/Godette_vrm_v4.vrm",
        "its rest pose is a pose, with the roles of the extension",
        _has_roles(hips="pelvis_Armature", spine="tummy_Armature", left_hand="hand.l_Armature"),
    ),
    Case(
        "characters/Godette_vrm_v4.vrm",
        "a VRM character is a target and keeps all that it is",
        _takes_a_clip_and_stays,
    ),
    Case(
        "characters/idle_loop.vrma",
        "read, with the roles of the extension",
        _has_roles(spine="torso_2", chest="torso_4"),
    ),
    Case(
        "characters/test.vrma",
        "read although only one arm moves",
        _has_roles(hips="hips", left_thigh="leftUpperLeg", right_toe="rightToes"),
    ),
    Case(
        "characters/pc_bitmoji_jump-flip.glb",
        "without a skin, all nodes below the common root are joints",
        _all_nodes_are_joints,
    ),
    Case(
        "characters/maya_kenney_character_7700_binary.fbx",
        "a target of another frame rate keeps its mesh",
        _takes_a_clip_and_stays,
    ),
)
