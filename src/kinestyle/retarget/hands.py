"""Hands that stay where they were in the world, whatever the body does, and hands that give way to
legs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import PALM, depth_in_legs, way_out_of_legs
from kinestyle.motion.canonical import CANONICAL, SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import joints_first, joints_inside, local_to_world_rotation
from kinestyle.motion.smoothing import smooth_in_time, smootherstep
from kinestyle.retarget.changes import set_world_rotations
from kinestyle.retarget.correspondence import Correspondence, to_canonical
from kinestyle.retarget.legs import LEG, y_up_position
from kinestyle.retarget.limb_ik import reach

ARM = ("upper_arm", "forearm", "hand")
_HINGE = dict(zip(SIDES, (-UP, UP), strict=True))
"""The axis about which each elbow flexes, at rest."""

_LEAST_REACH_M = 0.002
"""Arms reach wholly for what is farther away than this: a straight one bends by much for a rounding
error.
"""

_CLEAR_M, _SOFT_M = 0.012, 0.006
"""Hands that are nearer to a leg than the first give way to it, and wholly if nearer by the second:
what is left of them is out of the leg.
"""

_SMOOTH_SECONDS = 0.025
"""What ways out of legs are smoothed by."""

_LONGEST = 0.985
"""Of an arm's length: a hand that is wanted farther away makes the shoulder give way."""

_PASSES = 3
"""How often arms reach: a rig's own are not as long as the canonical ones."""

_HANDS = [CANONICAL.index(f"{side}_hand") for side in SIDES]
_LEG_JOINTS = np.array([[CANONICAL.index(f"{side}_{part}") for part in LEG] for side in SIDES])
_BONES = [
    joint
    for joint in range(1, CANONICAL.joint_count)
    if CANONICAL.leading_to([*_HANDS, *_LEG_JOINTS[:, -1].tolist()])[joint]
]
"""What leads from the hips to hands and feet, parents first."""


def hold_hands(
    before: Clip, after: Clip, c: Correspondence, share: Mapping[str, Array], travel: Array
) -> Clip:
    """The clip `after` with its hands where they are in `before`, as far as arms reach.

    share: by side, (T,) 0 to 1, how much of that; sides that are left out keep what they have
    travel: (T, 3) metres, canonical axes, how far the body is over the ground from where it was: a
        hand goes along
    """
    world: dict[int, Array] = {}
    over_ground = travel * (1.0 - UP) / c.scale_to_canonical
    for side, amount in share.items():
        if not _has_arm(c, side):
            continue
        wrist, wanted = (y_up_position(clip, c, f"{side}_hand") for clip in (after, before))
        target = wrist + amount[:, None] * (wanted + over_ground - wrist)
        world |= _reaching(after, c, side, wrist, target)
        hand = c.mapping.joints[f"{side}_hand"]
        world[hand] = rotation.interpolate(
            after.world_rotation[:, hand], before.world_rotation[:, hand], amount
        )
    return after.with_motion(after.local_position, set_world_rotations(after, world))


def hands_out_of_legs(
    before: Clip, after: Clip, c: Correspondence, share: Mapping[str, float], hold: Array
) -> Clip:
    """The clip `after` with its hands out of thighs and shins, as far as they were out of them in
    `before`: locked feet move the legs. Only frames `hands_halo` around those with a hand in a leg
    or at it change; a clip without any is returned as it is.

    share: by role of hands and clavicles, how much of that each side's arm and shoulder do, 0 to 1;
        roles that are left out keep what they have
    hold: (T,) 0 to 1, whether both hands hold one thing
    """
    sides = [side for side in SIDES if share.get(f"{side}_hand") and _has_arm(c, side)]
    near = np.flatnonzero((depth_in_legs(*_hands_and_legs(after, c)) > -_CLEAR_M).any(axis=1))
    if not len(near) or not sides:
        return after
    ways = np.zeros((after.frame_count, 2, 3))
    ways[near] = _ways_out(before.sample(near), after.sample(near), c, share, hold[near])
    # a hand that passes through a leg has one way out and then the other
    way = smooth_in_time(ways, _SMOOTH_SECONDS / after.frame_time_seconds)
    gone = np.flatnonzero(rotation.length(way).any(axis=1))
    some = after.sample(gone)
    for side in sides:
        some = _with_hand_moved(some, c, side, way[gone, SIDES.index(side)], share)
    turned = after.local_rotation.copy()
    turned[gone] = some.local_rotation
    return after.with_motion(after.local_position, turned)


def hands_halo(frame_time_seconds: float) -> int:
    """How many frames before and after a frame decide what `hands_out_of_legs` makes of it."""
    return int(np.ceil(3.0 * _SMOOTH_SECONDS / frame_time_seconds)) + 1


def _ways_out(
    before: Clip, after: Clip, c: Correspondence, share: Mapping[str, float], hold: Array
) -> Array:
    """(T, 2, 3) how far each wrist goes for its hand to be out of the legs, frame by frame; file
    units, rotated to Y up.
    """
    way, was = np.zeros((after.frame_count, 2, 3)), _body(before, c)
    for _ in range(_PASSES):
        out = way_out_of_legs(was, _body(after, c), _CLEAR_M, _SOFT_M) / c.scale_to_canonical
        if not out.any():
            break
        out += hold[:, None, None] * out[:, ::-1]
        for column, side in enumerate(SIDES):
            more = share.get(f"{side}_hand", 0.0) * out[:, column]
            if more.any() and _has_arm(c, side):
                wrist = y_up_position(after, c, f"{side}_hand")
                after = _with_hand_moved(after, c, side, more, share)
                way[:, column] += y_up_position(after, c, f"{side}_hand") - wrist
    return way


def _has_arm(c: Correspondence, side: str) -> bool:
    return all(f"{side}_{part}" in c.mapping.joints for part in ARM)


def _reaching(
    after: Clip, c: Correspondence, side: str, wrist: Array, target: Array
) -> dict[int, Array]:
    """World rotations (T, 4) in file axes, by joint, of upper arm and forearm that bring a wrist
    (T, 3) to its target (T, 3), both in file units, rotated to Y up.
    """
    upper, lower = (c.mapping.joints[f"{side}_{part}"] for part in ARM[:2])
    shoulder, elbow = (y_up_position(after, c, f"{side}_{part}") for part in ARM[:2])
    facing = rotation.multiply(
        c.axes,
        rotation.multiply(
            after.world_rotation[:, upper], c.align[CANONICAL.index(f"{side}_upper_arm")]
        ),
    )
    hinge = rotation.rotate(facing, np.broadcast_to(_HINGE[side], wrist.shape))
    turns = reach(shoulder, elbow, wrist, target, hinge, np.ones(len(wrist)))
    far = np.linalg.norm(target - wrist, axis=-1) * c.scale_to_canonical
    part = smootherstep(far / _LEAST_REACH_M)
    world = {}
    for joint, turn in zip((upper, lower), turns, strict=True):
        in_file = rotation.multiply(
            rotation.inverse(c.axes), rotation.multiply(rotation.power(turn, part), c.axes)
        )
        world[joint] = rotation.multiply(in_file, after.world_rotation[:, joint])
    return world


def _with_hand_moved(
    clip: Clip, c: Correspondence, side: str, way: Array, share: Mapping[str, float]
) -> Clip:
    """The clip with a hand farther by a way (T, 3), file units, rotated to Y up."""
    if (of_shoulder := share.get(f"{side}_clavicle", 0.0)) > 0.0:
        clip = _with_shoulder_moved(clip, c, side, way, of_shoulder)
    wrist, hand = y_up_position(clip, c, f"{side}_hand"), c.mapping.joints[f"{side}_hand"]
    world = _reaching(clip, c, side, wrist, wrist + way)
    world[hand] = clip.world_rotation[:, hand]
    return clip.with_motion(clip.local_position, set_world_rotations(clip, world))


def _with_shoulder_moved(
    clip: Clip, c: Correspondence, side: str, way: Array, share: float
) -> Clip:
    """The clip with a shoulder where its arm is long enough for its hand to go a way (T, 3).

    share: 0 to 1, of the way that the shoulder would go for that
    """
    arm = [f"{side}_{part}" for part in ARM]
    shoulder, elbow, wrist = (y_up_position(clip, c, role) for role in arm)
    longest = rotation.length(elbow - shoulder) + rotation.length(wrist - elbow)
    longest = np.maximum(_LONGEST * longest, rotation.length(wrist - shoulder))
    line = wrist + way - shoulder
    lacking = np.maximum(rotation.length(line) - longest, 0.0)
    if not lacking.any():
        return clip
    bone = shoulder - y_up_position(clip, c, f"{side}_clavicle")
    moved = bone + share * lacking[:, None] * rotation.normalize(line)
    turn = rotation.between(rotation.normalize(bone), rotation.normalize(moved))
    turn = rotation.multiply(rotation.inverse(c.axes), rotation.multiply(turn, c.axes))
    world = {c.mapping.joints[role]: clip.world_rotation[:, c.mapping.joints[role]] for role in arm}
    clavicle = c.mapping.joints[f"{side}_clavicle"]
    world[clavicle] = rotation.multiply(turn, clip.world_rotation[:, clavicle])
    return clip.with_motion(clip.local_position, set_world_rotations(clip, world))


def _body(clip: Clip, c: Correspondence) -> tuple[Array, Array]:
    """(T, 21, 3) metres and (T, 21, 4), on the canonical skeleton."""
    canonical = to_canonical(clip, c)
    return canonical.world_position, canonical.world_rotation


def _hands_and_legs(clip: Clip, c: Correspondence) -> tuple[Array, Array]:
    """Where `to_canonical` has them, from the hips, and in file axes: the middles of both hands (2,
    T, 3), and thigh, shin and foot of both legs (2, 3, T, 3); metres.
    """
    joints, part = c.limbs
    local = joints_inside(joints_first(clip.local_rotation)[joints])
    world = joints_first(local_to_world_rotation(part.skeleton, local))
    above = [int(CANONICAL.parents[joint]) for joint in _BONES] + _HANDS
    # a role that the rig lacks is turned as the one above it
    while lacking := [role for role in above if CANONICAL.names[role] not in part.mapping.joints]:
        above = [int(CANONICAL.parents[role]) if role in lacking else role for role in above]
    bone = rotation.rotate(c.align[above], np.concatenate([CANONICAL.offsets[_BONES], PALM]))
    by = [part.mapping.joints[CANONICAL.names[role]] for role in above]
    along = rotation.rotate(world[by], bone[:, None])
    position = np.zeros((CANONICAL.joint_count, *along.shape[1:]))
    for joint, way in zip(_BONES, along, strict=False):
        position[joint] = position[CANONICAL.parents[joint]] + way
    return position[_HANDS] + along[len(_BONES) :], position[_LEG_JOINTS]
