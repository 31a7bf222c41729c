"""How a rig of any axes, units and zero pose relates to the canonical skeleton, and its motion
there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.formats.bvh import read_bvh
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
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
)
from retarget_rigs import (
    EACH_RIG,
    FRAMES,
    HELD,
    MADE,
    RIGS,
    WALK,
    apart_degrees,
    bone_degrees,
    roles,
)


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
