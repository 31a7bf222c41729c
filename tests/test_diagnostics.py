"""What looks wrong in a clip is found, and nothing in clips that are as they should be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.formats.table import read_motion
from kinestyle.inspection.diagnostics import facing
from kinestyle.inspection.report import inspect_clip
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond
from kinestyle.rig.mapping import map_joints, rig_of
from made_rigs import RIG_NAMES, any_rotations, as_rig, rig_names, walk

X, Y, Z = np.eye(3)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return as_rig(walk(3.0).clip, metres_per_unit=0.01)


def diagnose(clip: Clip) -> dict[str, str]:
    return {diagnostic.kind: diagnostic.message for diagnostic in inspect_clip(clip).diagnostics}


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("frame_rate", [10.0, 30.0, 120.0])
def test_a_good_clip_is_passed(up: str, frame_rate: float) -> None:
    own = np.tile(
        rotation.IDENTITY if up == "Y" else rotation.exp(-0.5 * np.pi * X), (len(rig_names()), 1)
    )
    rig = as_rig(walk(3.0, frame_rate).clip, own, up=up)
    assert diagnose(rig) == {}


def test_bones_that_change_length(clip: Clip) -> None:
    position = clip.local_position.copy()
    position[:, clip.skeleton.index("LeftLeg")] *= np.linspace(1.0, 1.2, clip.frame_count)[:, None]
    assert (
        "those to LeftLeg"
        in diagnose(clip.with_motion(position, clip.local_rotation))["stretching"]
    )
    position = clip.local_position.copy()
    position[:, clip.skeleton.index("LeftLeg")] *= np.linspace(1.0, 1.02, clip.frame_count)[:, None]
    assert "stretching" not in diagnose(clip.with_motion(position, clip.local_rotation))


def test_a_floor_that_is_not_at_zero(clip: Clip) -> None:
    position = clip.local_position.copy()
    position[:, 0] -= 97.0 * Y
    assert "0.97 m below zero" in diagnose(clip.with_motion(position, clip.local_rotation))["floor"]


def test_feet_in_the_air(clip: Clip) -> None:
    position = clip.local_position.copy()
    position[20:, 0] += 60.0 * Y
    assert (
        "far off the floor, 0.6"
        in diagnose(clip.with_motion(position, clip.local_rotation))["floor"]
    )


def test_frames_that_repeat(clip: Clip) -> None:
    frames = np.sort([*range(clip.frame_count), *range(10, 40, 3)])
    message = diagnose(clip.with_motion(clip.local_position[frames], clip.local_rotation[frames]))[
        "duplicates"
    ]
    assert (
        message
        == f"10 of {len(frames)} frames are the same as the one before, frame 12 the first of them"
    )
    still = np.zeros(20, dtype=int)
    assert (
        "nothing moves"
        in diagnose(clip.with_motion(clip.local_position[still], clip.local_rotation[still]))[
            "duplicates"
        ]
    )


def test_jumps(clip: Clip) -> None:
    position = clip.local_position.copy()
    position[50:, 0] += 100.0 * X
    assert (
        "the body jumps by up to 1.0"
        in diagnose(clip.with_motion(position, clip.local_rotation))["jumps"]
    )
    local = clip.local_rotation.copy()
    joint = clip.skeleton.index("LeftHand")
    local[50, joint] = rotation.multiply(local[50, joint], rotation.exp(3.0 * X))
    message = diagnose(clip.with_motion(clip.local_position, local))["jumps"]
    assert message.startswith("LeftHand turn by up to 17")
    assert message.endswith("at frames 51, 52")


def test_a_pose_in_front_of_the_motion(clip: Clip) -> None:
    local = clip.local_rotation.copy()
    local[0] = rotation.IDENTITY
    local[0, 0] = rotation.about_y(3.0)
    assert "a rest pose in front" in diagnose(clip.with_motion(clip.local_position, local))["jumps"]


def test_sides_that_are_not_alike(clip: Clip) -> None:
    position = clip.local_position.copy()
    position[:, clip.skeleton.index("LeftForeArm")] *= 1.4
    assert (
        "the left upper arm is 1.40 times"
        in diagnose(clip.with_motion(position, clip.local_rotation))["sides"]
    )
    other = {"Left": "Right", "Right": "Left"}
    names = tuple(
        next((other[s] + n[len(s) :] for s in other if n.startswith(s)), n)
        for n in clip.skeleton.names
    )
    assert (
        "left and right were swapped"
        in diagnose(replace(clip, skeleton=replace(clip.skeleton, names=names)))["sides"]
    )


def test_a_body_on_its_head(clip: Clip) -> None:
    """Legs drawn up to the chest all the time."""
    local = clip.local_rotation.copy()
    for name in ("LeftUpLeg", "RightUpLeg"):
        joint = clip.skeleton.index(name)
        local[:, joint] = rotation.multiply(rotation.exp(-2.4 * X), local[:, joint])
    rig = rig_of(clip, map_joints(clip))
    found = {
        diagnostic.kind: diagnostic.message
        for diagnostic in inspect_clip(
            clip.with_motion(clip.local_position, local), rig
        ).diagnostics
    }
    assert "folded up to the trunk" in found["hips"]


def test_rest_poses_that_are_none() -> None:
    scrambled = as_rig(walk(3.0).clip, any_rotations(3, len(rig_names())))
    assert "no standing body" in diagnose(scrambled)["rest"]
    tipped = as_rig(walk(3.0).clip, np.tile(rotation.IDENTITY, (len(rig_names()), 1)), up="Z")
    assert diagnose(tipped)["rest"] == "at rest the body stands along +Y, in motion along +Z"


@pytest.mark.parametrize(
    ("heading", "axis"), [(0.0, "+Z"), (0.5 * np.pi, "+X"), (np.pi, "-Z"), (-0.5 * np.pi, "-X")]
)
def test_which_way_a_body_faces(heading: float, axis: str) -> None:
    rig = as_rig(walk(2.0, start_heading=heading).clip)
    found, beside = facing(rig, correspond(rig))
    assert found == axis
    assert beside < np.radians(20.0)
    tipped = as_rig(walk(2.0, start_heading=heading).clip, up="Z")
    assert facing(tipped, correspond(tipped))[0] == {"+Z": "-Y", "-Z": "+Y"}.get(axis, axis)


def test_inspect_says_it(walk_file: Path) -> None:
    result = CliRunner().invoke(main, ["inspect", str(walk_file), "--json"])
    found = json.loads(result.stdout)
    assert found["facing"][0] in "+-"
    assert 0.0 <= found["facing_off_degrees"] <= 45.1
    assert [row["kind"] for row in found["diagnostics"]] == list(diagnose(read_motion(walk_file)))
    text = CliRunner().invoke(main, ["inspect", str(walk_file)]).stdout
    assert f"facing {found['facing']}" in text
    assert set(RIG_NAMES) >= set(found["joints"])


def test_real_clips_are_passed_except_for_what_is_known(data_dir: Path) -> None:
    """CMU's clips begin with a T-pose; the character rig floats and has hands that flip."""
    for pattern, known in (
        ("bandai/*-1/data/*walk_*normal_001.bvh", {"rest"}),
        ("wild/zombie.bvh", set()),
        ("wild/jumping_jacks.bvh", set()),
        ("unlabelled/hdm05/HDM_mm_depositFloorR_023_120.amc", set()),
        ("unlabelled/cmu/01_01.bvh", {"jumps"}),
        ("unlabelled/cmu/iclone/001_01.bvh", {"rest", "floor"}),
        ("wild/bvh_test3.bvh", {"rest"}),
    ):
        for path in sorted(data_dir.glob(pattern))[:1]:
            assert set(diagnose(read_motion(path))) == known, path.name
