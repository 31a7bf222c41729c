"""Hands that stay where they were in the world, whatever the body does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep
from kinestyle.retarget.changes import set_world_rotations
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import y_up_position
from kinestyle.retarget.limb_ik import reach

_ARM = ("upper_arm", "forearm", "hand")
_HINGE = dict(zip(SIDES, (-UP, UP), strict=True))
"""The axis about which each elbow flexes, at rest."""

_LEAST_REACH_M = 0.002
"""Arms reach wholly for what is farther away than this: a straight one bends by much for a rounding
error.
"""


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
        roles = [f"{side}_{part}" for part in _ARM]
        if any(role not in c.mapping.joints for role in roles):
            continue
        shoulder, elbow, wrist = (y_up_position(after, c, role) for role in roles)
        wanted = y_up_position(before, c, roles[-1]) + over_ground
        target = wrist + amount[:, None] * (wanted - wrist)
        upper, lower, hand = (c.mapping.joints[role] for role in roles)
        facing = rotation.multiply(
            c.axes,
            rotation.multiply(after.world_rotation[:, upper], c.align[CANONICAL.index(roles[0])]),
        )
        hinge = rotation.rotate(facing, np.broadcast_to(_HINGE[side], wrist.shape))
        turns = reach(shoulder, elbow, wrist, target, hinge, np.ones(len(wrist)))
        far = np.linalg.norm(target - wrist, axis=-1) * c.scale_to_canonical
        part = smootherstep(far / _LEAST_REACH_M)
        for joint, turn in zip((upper, lower), turns, strict=True):
            in_file = rotation.multiply(
                rotation.inverse(c.axes), rotation.multiply(rotation.power(turn, part), c.axes)
            )
            world[joint] = rotation.multiply(in_file, after.world_rotation[:, joint])
        world[hand] = rotation.interpolate(
            after.world_rotation[:, hand], before.world_rotation[:, hand], amount
        )
    return after.with_motion(after.local_position, set_world_rotations(after, world))
