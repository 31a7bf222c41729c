"""End sites that cannot be the end of a hand, a foot or a head are passed over: the rig is as one
without them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.rig.mapping import map_joints
from made_rigs import any_rotations, as_rig, rig_names, walk

WALK = walk(3.0).clip
NO_TOES = frozenset({"left_toe", "right_toe"})
RIGS = {
    "as the canonical skeleton": {"metres_per_unit": 0.01},
    "any axes": {"metres_per_unit": 0.01, "own": any_rotations(5, len(rig_names()))},
}
ENDS = ("head", "left_hand", "right_hand", "left_toe", "right_toe", "left_foot", "right_foot")


def with_ends(clip: Clip, offset_of: dict[str, object]) -> tuple[Clip, Correspondence]:
    """The clip with other end sites: offsets (3,) in the joints' frames, by role."""
    mapping = map_joints(clip)
    parents = [mapping.joints[role] for role in offset_of]
    offsets = np.array([np.asarray(offset, dtype=float) for offset in offset_of.values()])
    skeleton = replace(
        clip.skeleton, end_parents=np.array(parents, dtype=int), end_offsets=offsets.reshape(-1, 3)
    )
    changed = replace(clip, skeleton=skeleton)
    return changed, correspond(changed, mapping)


def in_joint(clip: Clip, joint: int, direction: list[float]) -> np.ndarray:
    """A direction of the world, as a joint sees it in the first frame."""
    q = rotation.inverse(clip.world_rotation[0, joint])
    return rotation.rotate(q, np.array(direction))


@pytest.mark.parametrize("rig", RIGS)
@pytest.mark.parametrize("toes", [True, False])
@pytest.mark.parametrize("kind", ["a constant", "the last bone once more", "straight up"])
def test_what_cannot_be_an_end_is_passed_over(rig: str, toes: bool, kind: str) -> None:
    options = RIGS[rig] | ({} if toes else {"without": NO_TOES})
    if not toes and "own" in options:
        options["own"] = any_rotations(5, len(rig_names(without=NO_TOES)))
    clip = as_rig(WALK, **options)
    joints = map_joints(clip).joints
    roles = [role for role in ENDS if role in joints and (toes or not role.endswith("toe"))]
    roles = [role for role in roles if not (toes and role.endswith("foot"))]
    offsets: dict[str, object] = {}
    for role in roles:
        joint = joints[role]
        if kind == "straight up":
            offsets[role] = 10.0 * in_joint(clip, joint, [0.0, 1.0, 0.0])
        elif kind == "a constant":
            offsets[role] = [0.0, 1.0, 0.0]
        else:
            offsets[role] = clip.skeleton.offsets[joint]
    _, bare = with_ends(clip, {})
    _, found = with_ends(clip, offsets)
    off = rotation.multiply(rotation.inverse(bare.align), found.align)
    apart = np.degrees(rotation.angle(off))
    for role in roles:
        if kind == "the last bone once more" and not role.endswith("foot"):
            continue  # for hands, toes and the head this may well be their direction
        if kind == "a constant" and "own" in options:
            continue  # where axes are any, a constant may point anywhere
        if kind == "straight up" and role == "head":
            continue  # where it is
        assert apart[CANONICAL.index(role)] < 1.0, role


@pytest.mark.parametrize("rig", RIGS)
def test_an_end_that_can_be_one_is_believed(rig: str) -> None:
    """A foot that points ahead and aside, and a hand that is bent: no average would find them."""
    own = RIGS[rig].get("own")
    options = {"own": any_rotations(5, len(rig_names(without=NO_TOES)))} if own is not None else {}
    clip = as_rig(WALK, without=NO_TOES, metres_per_unit=0.01, **options)
    mapping = map_joints(clip)
    aside = np.radians(25.0)
    for role, direction in (
        ("left_foot", [np.sin(aside), -0.3, np.cos(aside)]),
        ("left_hand", [np.cos(aside), np.sin(aside), 0.0]),
    ):
        joint = mapping.joints[role]
        # in the canonical joint's own frame, in which a rig's joint is turned by its `align`
        frame = correspond(clip, mapping).align[CANONICAL.index(role)]
        tip = rotation.rotate(frame, np.array(direction)) * 15.0
        changed, found = with_ends(clip, {role: tip})
        bone = rotation.rotate(
            rotation.inverse(found.align[CANONICAL.index(role)]),
            rotation.normalize(changed.skeleton.end_offsets[0]),
        )
        # the end lies where the canonical one does: along the foot, along the hand
        end = (
            int(np.flatnonzero(CANONICAL.end_parents == CANONICAL.index(role))[0])
            if (role == "left_hand")
            else None
        )
        wanted = (
            CANONICAL.end_offsets[end]
            if end is not None
            else CANONICAL.offsets[CANONICAL.index("left_toe")]
        )
        assert np.dot(bone, rotation.normalize(wanted)) > 0.999, role
        assert joint == changed.skeleton.end_parents[0]
