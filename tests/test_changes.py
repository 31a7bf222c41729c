"""Changes of motion go from the canonical skeleton onto rigs of any axes, units and zero pose."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.changes import apply_change, from_canonical, set_world_rotations
from kinestyle.retarget.correspondence import to_canonical
from made_rigs import (
    AXES_TO_Y_UP,
    X,
)
from retarget_rigs import (
    EACH_RIG,
    FRAMES,
    HELD,
    MADE,
    NOTHING,
    RIGS,
    apart_degrees,
    some_change,
)


@EACH_RIG
def test_motion_comes_back_from_the_canonical_skeleton(rig: str) -> None:
    clip, c = MADE[rig], HELD[rig]
    found = from_canonical(to_canonical(clip, c), c, clip)
    np.testing.assert_allclose(
        found.world_position, clip.world_position, atol=1e-9 / c.scale_to_canonical
    )
    assert apart_degrees(found.world_rotation, clip.world_rotation).max() < 1e-5


@EACH_RIG
def test_one_pose_of_the_rig_is_enough_to_put_motion_on_it(rig: str) -> None:
    clip, c = MADE[rig], HELD[rig]
    canonical = to_canonical(clip, c)
    pose = clip.with_motion(clip.local_position[7:8], clip.local_rotation[7:8])
    found = from_canonical(canonical, c, pose)
    assert (found.frame_count, found.frame_time_seconds) == (
        clip.frame_count,
        clip.frame_time_seconds,
    )
    again = to_canonical(found, c)
    assert apart_degrees(again.world_rotation, canonical.world_rotation)[c.roles].max() < 1e-5
    np.testing.assert_allclose(
        again.world_position[:, 0], canonical.world_position[:, 0], atol=1e-9
    )
    own = [j for j, name in enumerate(clip.skeleton.names) if name.endswith("Index1")]
    np.testing.assert_array_equal(
        found.local_rotation[:, own], np.repeat(pose.local_rotation[:, own], FRAMES, axis=0)
    )


@EACH_RIG
def test_no_change_gives_the_clip_back(rig: str) -> None:
    clip = MADE[rig]
    found = apply_change(clip, HELD[rig], NOTHING, np.zeros((FRAMES, 3)))
    np.testing.assert_allclose(found.local_rotation, clip.local_rotation, atol=1e-9)
    np.testing.assert_array_equal(found.local_position, clip.local_position)
    assert found.skeleton is clip.skeleton


@EACH_RIG
@pytest.mark.parametrize("seed", [0, 1])
def test_what_changed_on_the_rig_is_what_changed_on_the_canonical_skeleton(
    rig: str, seed: int
) -> None:
    clip, c = MADE[rig], HELD[rig]
    change, root_change = some_change(seed)
    before = to_canonical(clip, c)
    after = to_canonical(apply_change(clip, c, change, root_change), c)
    wanted = rotation.multiply(change, before.world_rotation)
    assert apart_degrees(after.world_rotation, wanted)[c.roles].max() < 1e-6
    np.testing.assert_allclose(
        after.world_position[:, 0], before.world_position[:, 0] + root_change, atol=1e-9
    )


@EACH_RIG
def test_the_hips_move_by_metres(rig: str) -> None:
    clip, c, options = MADE[rig], HELD[rig], RIGS[rig]
    change, root_change = some_change(2)
    found = apply_change(clip, c, change, root_change)
    hips = clip.skeleton.index("Hips")
    moved = found.world_position[:, hips] - clip.world_position[:, hips]
    to_y_up = AXES_TO_Y_UP[options.get("up", "Y")]
    np.testing.assert_allclose(
        rotation.rotate(to_y_up, moved) * options.get("metres_per_unit", 1.0),
        root_change,
        atol=1e-6,
    )
    # nothing else is torn from its place
    others = np.arange(clip.skeleton.joint_count) != hips
    np.testing.assert_array_equal(found.local_position[:, others], clip.local_position[:, others])


@EACH_RIG
def test_joints_without_a_role_keep_their_own_motion(rig: str) -> None:
    clip, c = MADE[rig], HELD[rig]
    found = apply_change(clip, c, *some_change(3))
    own = [
        j
        for j, name in enumerate(clip.skeleton.names)
        if name == "Reference" or name.endswith("Index1")
    ]
    assert len(own) == 2 + ("Reference" in clip.skeleton.names)
    np.testing.assert_array_equal(found.local_rotation[:, own], clip.local_rotation[:, own])


def test_a_joint_between_two_of_the_spine_shares_their_bend() -> None:
    clip, c = MADE["inches, any axes"], HELD["inches, any axes"]
    change = NOTHING.copy()
    bend = rotation.exp(np.linspace(0.0, 1.0, FRAMES)[:, None] * X)
    change[:, CANONICAL.index("chest")] = bend
    found = apply_change(clip, c, change, np.zeros((FRAMES, 3)))
    for name, share in (("Spine", 0.0), ("Spine1", 0.5), ("Spine2", 1.0), ("Neck", 0.0)):
        joint = clip.skeleton.index(name)
        turned = rotation.multiply(
            found.world_rotation[:, joint], rotation.inverse(clip.world_rotation[:, joint])
        )
        assert (
            apart_degrees(
                turned[:, None], rotation.power(bend, np.full(FRAMES, share))[:, None]
            ).max()
            < 1e-6
        ), name


def test_set_world_rotations() -> None:
    clip = MADE["a moving joint above the hips"]
    random = np.random.default_rng(4)
    chosen = [clip.skeleton.index(name) for name in ("Hips", "LeftLeg", "Head")]
    wanted = {joint: rotation.normalize(random.standard_normal((FRAMES, 4))) for joint in chosen}
    local = set_world_rotations(clip, wanted)
    found = clip.with_motion(clip.local_position, local)
    for joint, world in wanted.items():
        assert apart_degrees(found.world_rotation[:, joint, None], world[:, None]).max() < 1e-6
    others = [joint for joint in range(clip.skeleton.joint_count) if joint not in chosen]
    np.testing.assert_array_equal(local[:, others], clip.local_rotation[:, others])
    # and where nothing turns, no sign flips either
    same = set_world_rotations(clip, {joint: -clip.world_rotation[:, joint] for joint in chosen})
    np.testing.assert_allclose(same, clip.local_rotation, atol=1e-12)
    np.testing.assert_array_equal(set_world_rotations(clip, {}), clip.local_rotation)
