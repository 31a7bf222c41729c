"""Onto the canonical skeleton and back: rigs of any axes, units and zero pose, and changes that go
back onto them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.formats.bvh import read_bvh
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.changes import apply_change, from_canonical, set_world_rotations
from kinestyle.retarget.correspondence import correspond, to_canonical
from made_rigs import (
    AXES_TO_Y_UP,
    RIG_NAMES,
    X,
    Y,
    any_rotations,
    as_rig,
    rig_names,
    square_axes,
    walk,
)

WALK = walk(3.0).clip
FRAMES = WALK.frame_count
NOTHING = np.tile(rotation.IDENTITY, (FRAMES, 21, 1))
RIGS: dict[str, dict[str, Any]] = {
    "as the canonical skeleton": {},
    "Z up, centimetres": {"up": "Z", "metres_per_unit": 0.01},
    "inches, any axes": {"metres_per_unit": 0.0254, "own": any_rotations(1, len(rig_names()))},
    "a moving joint above the hips": {
        "moving_root": True,
        "up": "Z",
        "metres_per_unit": 0.01,
        "own": any_rotations(2, 25),
    },
    "few joints": {
        "without": frozenset(
            {"spine", "neck", "left_toe", "right_toe", "left_clavicle", "right_clavicle"}
        )
    },
}
EACH_RIG = pytest.mark.parametrize("rig", RIGS)
MADE = {name: as_rig(WALK, **options) for name, options in RIGS.items()}
HELD = {name: correspond(clip) for name, clip in MADE.items()}


def apart_degrees(a: Array, b: Array) -> Array:
    """a, b: (T, J, 4) -> (J,) the largest angle between them, in degrees."""
    return np.degrees(rotation.angle(rotation.multiply(rotation.inverse(a), b))).max(axis=0)


def bone_degrees(a: Array, b: Array) -> Array:
    """a, b: (T, 3) -> (T,) the angle between vectors, in degrees."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))


def some_change(seed: int) -> tuple[Array, Array]:
    """A smooth change of every joint by up to some 30 degrees, and of the hips' place by up to 0.2
    m.
    """
    random = np.random.default_rng(seed)
    time = np.linspace(0.0, 5.0, FRAMES)[:, None, None]
    change = 0.3 * np.sin(time + random.uniform(0.0, 6.0, (1, 21, 3)))
    return rotation.exp(change), 0.2 * np.sin(time[:, 0] + random.uniform(0.0, 6.0, 3))


def roles(*parts: str) -> list[int]:
    return [
        j
        for j, name in enumerate(CANONICAL.names)
        if name.removeprefix("left_").removeprefix("right_") in parts
    ]


@pytest.mark.parametrize(
    "rig",
    [
        "as the canonical skeleton",
        "Z up, centimetres",
        "a moving joint above the hips, straight axes",
    ],
)
def test_the_canonical_skeleton_in_disguise_comes_back(rig: str) -> None:
    clip = MADE.get(rig) or as_rig(WALK, moving_root=True, up="Z", metres_per_unit=0.0254)
    found = to_canonical(clip, correspond(clip))
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-3)
    assert apart_degrees(found.world_rotation, WALK.world_rotation).max() < 0.1
    assert found.frame_rate == clip.frame_rate


@EACH_RIG
def test_unit_axes_and_floor(rig: str) -> None:
    c, options = HELD[rig], RIGS[rig]
    assert c.scale_to_canonical == pytest.approx(options.get("metres_per_unit", 1.0), rel=1e-6)
    assert (
        rotation.angle(
            rotation.multiply(rotation.inverse(c.axes), AXES_TO_Y_UP[options.get("up", "Y")])
        )
        < 1e-9
    )
    assert c.floor * c.scale_to_canonical == pytest.approx(0.0, abs=0.01)
    mapped = {
        CANONICAL.names[role]: MADE[rig].skeleton.names[joint]
        for role, joint in zip(c.roles, c.joints, strict=True)
    }
    assert mapped == {
        role: name for role, name in RIG_NAMES.items() if role not in options.get("without", ())
    }


def test_the_floor_is_where_the_feet_come_to_stand() -> None:
    lifted = WALK.local_position.copy()
    lifted[:, 0, 1] += 0.7
    clip = as_rig(WALK.with_motion(lifted, WALK.local_rotation), metres_per_unit=0.01)
    found = to_canonical(clip, correspond(clip))
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-3)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_zero_pose_that_means_nothing_changes_no_bone(seed: int) -> None:
    clip = as_rig(WALK, any_rotations(seed, len(rig_names())), metres_per_unit=0.01)
    found = to_canonical(clip, correspond(clip))
    hips = CANONICAL.index("hips")
    assert apart_degrees(found.world_rotation, WALK.world_rotation)[hips] < 0.1
    for role, parent in enumerate(CANONICAL.parents):
        if parent >= 0:
            pair = [
                clip.world_position[:, role] - clip.world_position[:, parent]
                for clip in (found, WALK)
            ]
            assert bone_degrees(*pair).max() < 0.1, CANONICAL.names[role]
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-3)
    # the axes of such joints say nothing, so what was measured and carried down is not drawn to
    # them
    assert apart_degrees(found.world_rotation, WALK.world_rotation).max() < 2.0


def arms_off_axis(degrees: float) -> Array:
    """(J, 4) own axes of which the arms' lie along their bones, but turned about them: the elbow's
    hinge is no axis.
    """
    own = np.tile(rotation.IDENTITY, (len(rig_names()), 1))
    for name in ("LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand"):
        own[rig_names().index(name)] = rotation.exp(np.radians(degrees) * X)
    return own


def test_a_hinge_that_is_seen_to_hold_still_is_not_drawn_to_an_axis() -> None:
    # rigs of ASF files turn about an axis 30 degrees off their forearms' own
    clip = as_rig(WALK, arms_off_axis(30.0))
    found = to_canonical(clip, correspond(clip))
    arms = roles("upper_arm", "forearm")
    assert apart_degrees(found.world_rotation, WALK.world_rotation)[arms].max() < 1.0


def test_a_limb_that_overstretches_half_the_time_still_has_its_hinge() -> None:
    local = WALK.local_rotation.copy()
    elbow = CANONICAL.index("left_forearm")
    local[:, elbow] = rotation.exp(0.5 * np.sin(0.3 * np.arange(FRAMES))[:, None] * Y)
    bent = WALK.with_motion(WALK.local_position, local)
    clip = as_rig(bent, any_rotations(5, len(rig_names())))
    found = to_canonical(clip, correspond(clip))
    assert (
        apart_degrees(found.world_rotation, bent.world_rotation)[
            [CANONICAL.index("left_upper_arm"), elbow]
        ].max()
        < 2.0
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


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_joints_whose_axes_lie_along_the_body_give_the_same_motion(seed: int) -> None:
    clip = as_rig(WALK, square_axes(seed, len(rig_names())), metres_per_unit=0.01, up="Z")
    found = to_canonical(clip, correspond(clip))
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-3)
    # how a forearm and a hand are twisted is guessed from the axes of the joint above
    known = [joint for joint in range(21) if joint not in roles("forearm", "hand")]
    assert apart_degrees(found.world_rotation, WALK.world_rotation)[known].max() < 3.0


def test_axes_that_all_joints_share_do_not_matter() -> None:
    for seed in range(8):
        clip = as_rig(WALK, np.tile(square_axes(seed, 1), (len(rig_names()), 1)))
        found = to_canonical(clip, correspond(clip))
        assert apart_degrees(found.world_rotation, WALK.world_rotation).max() < 3.0


def test_a_rig_without_some_joints_moves_as_its_others_do() -> None:
    found = to_canonical(MADE["few joints"], HELD["few joints"])
    assert np.isfinite(found.world_position).all()
    for name, parent in (
        ("spine", "hips"),
        ("neck", "chest"),
        ("left_toe", "left_foot"),
        ("right_clavicle", "chest"),
    ):
        pair = [found.world_rotation[:, CANONICAL.index(joint)] for joint in (name, parent)]
        np.testing.assert_allclose(*pair, atol=1e-12)
    same = roles("hips", "thigh", "shin", "foot")
    np.testing.assert_allclose(
        found.world_position[:, same], WALK.world_position[:, same], atol=1e-3
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


def test_turn_joints() -> None:
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


def test_canonical_clip() -> None:
    found = canonical_clip(WALK.world_position[:, 0], WALK.world_rotation, 1 / 30, "again")
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-12)
    assert (found.name, found.skeleton) == ("again", CANONICAL)


def test_a_clip_of_one_frame() -> None:
    clip = MADE["Z up, centimetres"]
    single = clip.with_motion(clip.local_position[:1], clip.local_rotation[:1])
    found = to_canonical(single, correspond(single))
    assert found.frame_count == 1
    assert np.isfinite(found.world_position).all()
    assert found.world_position[0, 0, 1] == pytest.approx(WALK.world_position[0, 0, 1], abs=0.05)


def bones_of(clip: Clip) -> dict[str, tuple[str, Array]]:
    """Role -> the next role of its chain and the rig's bone to it (T, 3), Y up, where no joint of
    the rig lies between.
    """
    c = correspond(clip)
    position = rotation.rotate(c.axes, clip.world_position)
    size = np.ptp(position[0, :, 1])
    found = {}
    for role, joint in c.mapping.joints.items():
        children = CANONICAL.children[CANONICAL.index(role)]
        child = (
            "neck"
            if role == "chest"
            else CANONICAL.names[children[0]]
            if children and role != "hips"
            else None
        )
        if child in c.mapping.joints and clip.skeleton.parents[c.mapping.joints[child]] == joint:
            bone = position[:, c.mapping.joints[child]] - position[:, joint]
            if np.linalg.norm(bone, axis=-1).mean() > 0.005 * size:
                found[role] = (child, bone)
    return found


@pytest.mark.parametrize(
    "file",
    [
        "bandai/Bandai-Namco-Research-Motiondataset-1/data/dataset-1_bow_active_001.bvh",
        "bandai/Bandai-Namco-Research-Motiondataset-1/data/dataset-1_bye_angry_001.bvh",
        "wild/cmu_12_01_walk.bvh",
        "wild/jumping_jacks.bvh",
        "wild/scaled_131_01.bvh",
        "wild/sample.bvh",
        "wild/zombie.bvh",
    ],
)
def test_real_bones_point_where_they_did(data_dir: Path, file: str) -> None:
    clip = read_bvh(data_dir / file)
    c = correspond(clip)
    canonical = to_canonical(clip, c)
    bones = bones_of(clip)
    assert {
        f"{side}_{part}"
        for side in ("left", "right")
        for part in ("upper_arm", "forearm", "thigh", "shin", "foot")
    } <= set(bones)
    for role, (child, bone) in bones.items():
        rest = rotation.normalize(CANONICAL.offsets[CANONICAL.index(child)])
        shown = rotation.rotate(
            canonical.world_rotation[:, CANONICAL.index(role)], np.broadcast_to(rest, bone.shape)
        )
        assert bone_degrees(shown, bone).max() <= 1.0, role
    # a body that stands on its floor, left on its left, and what the feet see is not sunk in it
    across = (
        canonical.world_position[:, CANONICAL.index("left_thigh")]
        - canonical.world_position[:, CANONICAL.index("right_thigh")]
    )
    front = np.cross(across, Y)
    toes = [
        canonical.world_position[:, CANONICAL.index(f"{side}_toe")] for side in ("left", "right")
    ]
    heels = [
        canonical.world_position[:, CANONICAL.index(f"{side}_foot")] for side in ("left", "right")
    ]
    ahead = sum(
        np.sum((toe - heel) * front, axis=-1) for toe, heel in zip(toes, heels, strict=True)
    )
    assert (ahead > 0).mean() > 0.95
    lowest = np.min([toe[:, 1] for toe in toes], axis=0)
    assert np.percentile(lowest, 10.0) == pytest.approx(0.04, abs=0.06)
