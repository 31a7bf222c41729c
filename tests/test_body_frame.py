"""Which axis is up and how long a unit is, found in motion."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.rig.body_frame import DOUBTFUL_UP, find_up, standing_axis
from kinestyle.rig.mapping import map_joints
from named_rigs import X, Y, Z, make_rig, named, turned
from rig_namings import FAMILIES


@pytest.mark.parametrize("axis", ["+X", "-Y", "-Z"])
def test_unusual_up_axes(axis: str) -> None:
    made = make_rig(FAMILIES["Mixamo"])
    wanted = np.eye(3)["XYZ".index(axis[1])] * (1.0 if axis[0] == "+" else -1.0)
    turn = rotation.between(Y, wanted)
    np.testing.assert_array_equal(map_joints(turned(made.clip, turn)).up, wanted)


def test_a_clip_that_ends_lying_down() -> None:
    made = make_rig(FAMILIES["Bandai-Namco"], frame_count=90)
    clip = made.clip
    falling = np.clip(np.linspace(-1.5, 1.5, 90), 0.0, 1.0)
    turn = rotation.exp(np.radians(90.0) * falling[:, None] * X)
    world_position = clip.world_position[:, clip.skeleton.index("Hips")]
    lying = rotation.rotate(turn, world_position)
    lying[:, 1] += 15.0 * falling - (lying[:, 1] - world_position[:, 1] * (1.0 - falling))
    local_rotation = clip.local_rotation.copy()
    local_rotation[:, 0] = rotation.multiply(turn, local_rotation[:, 0])
    local_position = clip.local_position.copy()
    hips_offset = rotation.rotate(local_rotation[:, 0], local_position[:, 1])
    local_position[:, 0] = lying - hips_offset
    mapping = map_joints(clip.with_motion(local_position, local_rotation))
    np.testing.assert_array_equal(mapping.up, Y)
    assert named(clip, mapping) == made.expected


def test_the_rest_pose_decides_where_a_clip_on_the_floor_leaves_up_open() -> None:
    still = np.ones((40, 1))
    # two frames of ten on the feet, then along Z on the floor
    trunk = np.where(np.arange(40)[:, None] < 8, Y, 0.9 * Z + 0.1 * Y)
    hips = np.where(np.arange(40)[:, None] < 8, 0.9 * Y, 0.1 * Y)
    head, ankles = hips + 0.6 * trunk, hips - 0.85 * trunk
    body = np.stack([hips, head, ankles, hips + 0.2 * X * still], axis=1)
    lying = hips, head, ankles, body
    # the floor at zero tells, with a doubt; on another floor it tells nothing
    up, margin = find_up(*lying)
    np.testing.assert_array_equal(up, Y)
    assert margin < DOUBTFUL_UP
    up, margin = find_up(*(place + 3.0 * Y for place in lying))
    np.testing.assert_array_equal(up, Z)
    assert margin < 0.4
    np.testing.assert_array_equal(find_up(*lying, Y)[0], Y)
    np.testing.assert_array_equal(find_up(*lying, Z)[0], Z)
    upright = hips[:8], head[:8], ankles[:8], body[:8]
    np.testing.assert_array_equal(find_up(*upright, Z)[0], Y)


def test_which_rest_poses_stand() -> None:
    nowhere = np.zeros(3)
    np.testing.assert_array_equal(standing_axis(nowhere, Y, -Y + 0.2 * X), Y)
    np.testing.assert_array_equal(standing_axis(nowhere, 0.6 * Z, -0.8 * Z), Z)
    assert standing_axis(nowhere, X, -X) is None
    assert standing_axis(nowhere, Y, Y) is None
    assert standing_axis(nowhere, Y, Z) is None
    assert standing_axis(nowhere, nowhere, nowhere) is None


def test_a_stature_that_no_unit_explains() -> None:
    made = make_rig(FAMILIES["Mixamo"], metres_per_unit=0.0385)
    mapping = map_joints(made.clip)
    assert mapping.unit == "unknown"
    assert mapping.metres_per_unit == pytest.approx(0.0385, rel=0.05)
    assert any("no usual unit" in warning for warning in mapping.warnings)
