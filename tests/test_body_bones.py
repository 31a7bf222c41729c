"""A rig as bones that can be drawn, and the one table of radii that all drawings share."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kinestyle.formats.placeholder import build_placeholder, find_bind_pose
from kinestyle.motion.body_shape import RADIUS_M
from kinestyle.motion.canonical import CANONICAL, part_of
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.picture.figure import figure_of
from kinestyle.retarget.body_bones import BodyBone, body_bones, with_body_tips
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.studio.motion_packing import pack_motion
from made_rigs import as_rig, walk


@pytest.fixture(scope="module")
def clip() -> Clip:
    """The made walk on a made rig, in centimetres."""
    return as_rig(walk(1.0).clip, metres_per_unit=0.01)


def bones_of(clip: Clip) -> dict[tuple[str, str], BodyBone]:
    """By the names of both ends; a tip is called "tip"."""
    c = correspond(clip)
    skeleton = with_body_tips(clip.skeleton, c)
    offsets = np.concatenate([skeleton.offsets, skeleton.end_offsets])
    length = np.linalg.norm(offsets, axis=-1).tolist()
    bones = body_bones(skeleton, c.mapping.joints, length, 1.0 / c.scale_to_canonical)
    names = (*skeleton.names, *["tip"] * len(skeleton.end_parents))
    return {(names[bone.start], names[bone.end]): bone for bone in bones}


def test_every_role_has_a_bone_as_thick_as_the_table_says(clip: Clip) -> None:
    bones = bones_of(clip)
    assert {bone.role for bone in bones.values()} == {*CANONICAL.names, ""}
    for (start, end), role, radii in (
        (("LeftUpLeg", "LeftLeg"), "left_thigh", ("thigh", "shin")),
        (("RightForeArm", "RightHand"), "right_forearm", ("forearm", "hand")),
        (("LeftToe", "tip"), "left_toe", ("toe", "toe")),
        (("Neck", "Head"), "neck", ("neck", "head")),
    ):
        found = bones[start, end]
        first, last = (100.0 * RADIUS_M[part] for part in radii)
        assert found.role == role
        assert found.span == (0.0, 1.0)
        assert found.radii == pytest.approx((first, 0.5 * (first + last)), rel=0.01)


def test_a_joint_between_two_roles_is_of_the_body_and_what_hangs_on_it_is_thin(clip: Clip) -> None:
    bones = bones_of(clip)
    assert bones["Spine", "Spine1"].role == bones["Spine1", "Spine2"].role == "spine"
    finger = bones["LeftHand", "LeftHandIndex1"]
    assert finger.role == ""
    assert max(finger.radii) < 0.5 * 100.0 * RADIUS_M["hand"]


def with_joints(skeleton: Skeleton, parent: str, offsets: list[list[float]]) -> Skeleton:
    """The skeleton with a chain of further joints below one of its own, as its last ones."""
    count, above = skeleton.joint_count, skeleton.index(parent)
    return replace(
        skeleton,
        names=(*skeleton.names, *(f"more_{i}" for i in range(len(offsets)))),
        parents=np.append(skeleton.parents, [above, *range(count, count + len(offsets) - 1)]),
        offsets=np.concatenate([skeleton.offsets, offsets]),
    )


def bones_of_skeleton(skeleton: Skeleton, roles: dict[str, int]) -> list[BodyBone]:
    offsets = np.concatenate([skeleton.offsets, skeleton.end_offsets])
    return body_bones(skeleton, roles, np.linalg.norm(offsets, axis=-1).tolist(), 1.0)


ROLES = {name: joint for joint, name in enumerate(CANONICAL.names)}


def test_several_twist_joints_in_a_row_do_not_make_a_limb_thin() -> None:
    forearm, hand = CANONICAL.index("left_forearm"), CANONICAL.index("left_hand")
    parents, offsets = CANONICAL.parents.tolist(), CANONICAL.offsets.tolist()
    names, third = list(CANONICAL.names), (np.array(offsets[hand]) / 3.0).tolist()
    # two twists take the place of the hand, which hangs on the second: all later joints move up
    parents = [p + 2 if p >= hand else p for p in parents]
    parents[hand:hand] = [forearm, hand]
    parents[hand + 2] = hand + 1
    names[hand:hand] = ["twist_1", "twist_2"]
    offsets[hand : hand + 1] = [third] * 3
    skeleton = Skeleton(tuple(names), np.array(parents), np.array(offsets))
    roles = {name: names.index(name) for name in CANONICAL.names}
    between = [bone for bone in bones_of_skeleton(skeleton, roles) if bone.role == "left_forearm"]
    assert [bone.start for bone in between] == [forearm, hand, hand + 1]
    assert min(min(bone.radii) for bone in between) > 0.9 * RADIUS_M["hand"]


def test_a_handle_far_from_the_body_is_left_out_and_a_prop_is_not() -> None:
    held = with_joints(CANONICAL, "left_hand", [[0.3, 0.0, 0.0], [0.2, 0.0, 0.0]])
    far = with_joints(CANONICAL, "left_hand", [[0.9, 0.0, 0.0]])
    first = CANONICAL.joint_count
    assert {first, first + 1} <= {bone.end for bone in bones_of_skeleton(held, ROLES)}
    assert first not in {bone.end for bone in bones_of_skeleton(far, ROLES)}


def test_a_head_is_a_ball_above_its_joint_and_has_no_bones_within(clip: Clip) -> None:
    head = clip.skeleton.index("Head")
    with_eye = with_joints(clip.skeleton, "Head", [[0.0, 8.0, 9.0]])
    eyed = replace(
        clip,
        skeleton=with_eye,
        local_position=np.concatenate(
            [clip.local_position, np.tile([[[0.0, 8.0, 9.0]]], (clip.frame_count, 1, 1))], axis=1
        ),
        local_rotation=np.concatenate(
            [clip.local_rotation, np.tile([[[1.0, 0.0, 0.0, 0.0]]], (clip.frame_count, 1, 1))],
            axis=1,
        ),
    )
    c = correspond(eyed)
    found = [bone for bone in pack_bones(eyed, c) if bone["start"] == head]
    assert [bone["role"] for bone in found] == ["head"]
    low, high = found[0]["span"]
    assert 0.0 < low < high < 1.0


def test_ends_that_a_rig_does_not_have_are_the_canonical_ones(clip: Clip) -> None:
    bare = replace(
        clip,
        skeleton=replace(
            clip.skeleton, end_parents=np.zeros(0, dtype=int), end_offsets=np.zeros((0, 3))
        ),
    )
    c = correspond(bare)
    tipped = with_body_tips(bare.skeleton, c)
    # hands have fingers, which are ends enough
    assert [bare.skeleton.names[joint] for joint in tipped.end_parents] == [
        "LeftToe",
        "RightToe",
        "Head",
    ]
    wanted = with_body_tips(clip.skeleton, correspond(clip))
    assert np.linalg.norm(tipped.end_offsets, axis=-1) == pytest.approx(
        np.linalg.norm(wanted.end_offsets[wanted.end_parents != 0], axis=-1)[:3], rel=0.6
    )
    assert with_body_tips(tipped, c).end_parents.tolist() == tipped.end_parents.tolist()


def test_what_is_no_body_is_thin_bones_and_a_point_is_a_ball() -> None:
    chain = Skeleton(("a", "b"), np.array([-1, 0]), np.array([[0.0, 0.0, 0.0], [0.0, 0.4, 0.0]]))
    (bone,) = bones_of_skeleton(chain, {})
    assert (bone.start, bone.end, bone.role) == (0, 1, "")
    (ball,) = bones_of_skeleton(Skeleton(("a",), np.array([-1]), np.zeros((1, 3))), {})
    assert (ball.start, ball.end, ball.radii) == (0, 0, (0.05, 0.05))


# ---------------------------------------------------------------- one table for all


def pack_bones(clip: Clip, c: Correspondence) -> list[dict[str, Any]]:
    """What the studio's page gets."""
    data = pack_motion(clip, c)
    (length,) = struct.unpack("<I", data[:4])
    return json.loads(data[4 : 4 + length])["bones"]


def test_the_studio_gets_the_same_bones_in_metres(clip: Clip) -> None:
    c = correspond(clip)
    found, wanted = pack_bones(clip, c), list(bones_of(clip).values())
    assert [(b["start"], b["end"], b["role"]) for b in found] == [
        (bone.start, bone.end, bone.role) for bone in wanted
    ]
    for bone, other in zip(found, wanted, strict=True):
        assert bone["radii"] == pytest.approx([0.01 * radius for radius in other.radii], abs=1e-3)
    thighs = [bone["radii"][0] for bone in found if part_of(bone["role"]) == "thigh"]
    assert thighs == pytest.approx([RADIUS_M["thigh"]] * 2, rel=0.02)


@pytest.mark.parametrize("part", RADIUS_M)
def test_a_radius_in_the_table_is_what_every_drawing_uses(
    clip: Clip, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    c, pose = correspond(clip), find_bind_pose(clip)

    def drawn() -> list[np.ndarray]:
        return [
            build_placeholder(pose).vertex,
            np.array([bone["radii"] for bone in pack_bones(clip, c)]),
            figure_of(clip).radius,
        ]

    before = drawn()
    monkeypatch.setitem(RADIUS_M, part, 0.5 * RADIUS_M[part])
    changed = [not np.array_equal(a, b) for a, b in zip(before, drawn(), strict=True)]
    assert changed[:2] == [True, True]
    # pictures draw a head and a lower spine of their own
    assert changed[2] == (part not in ("head", "spine"))


def test_a_face_and_hair_are_no_bones_whatever_they_hang_on() -> None:
    names = ["face_root", "jaw", "tongue"]
    chain = with_joints(CANONICAL, "head", [[0.0, 0.05, 0.02], [0.0, -0.1, 0.1], [0.0, 0.0, 0.2]])
    count = CANONICAL.joint_count
    skeleton = replace(chain, names=(*CANONICAL.names, *names))
    usual = bones_of_skeleton(CANONICAL, ROLES)
    assert bones_of_skeleton(skeleton, ROLES) == [
        bone._replace(end=bone.end + 3) if bone.end >= count else bone for bone in usual
    ]
    for name, is_drawn in (("LeftEye", False), ("mixamorig:Hair1", False), ("ForearmTwist", True)):
        hung = with_joints(CANONICAL, "neck", [[0.0, 0.1, 0.2]])
        hung = replace(hung, names=(*CANONICAL.names, name))
        assert (count in {bone.end for bone in bones_of_skeleton(hung, ROLES)}) == is_drawn, name
