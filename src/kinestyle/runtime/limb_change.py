"""Limbs of a change: they reach for targets, and what flips fades.

A limb is rotated by three joints in a row: two bones, and the hand or foot at their end.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    larger_beside,
    limit_angular_velocity,
    ramp,
    scale_rotation,
    segments,
    smootherstep,
    spread_in_time,
)
from kinestyle.retarget.limb_ik import reach
from kinestyle.runtime.hinges import END, HINGE, LOWER, STRAIGHT, UPPER, between_bends

_LIMBS = np.stack([UPPER, LOWER, END])
"""(3, L) the joints of each limb."""

_LARGE_ROTATION = (np.radians(45.0), np.radians(85.0))
"""From which change of a suspected limb's rotation on it fades, and from where on it is dropped."""

_LEAP = np.radians(70.0), np.radians(100.0)
"""How fast, in radians a frame, a limb of the input turns where its capture failed, and hardly ever
else: its change fades. Kicks and throws have up to 50 degrees."""

LONGEST = 0.995
"""Of a limb's length: a hand that is wanted farther away makes the trunk give way."""

LENGTH_M = rotation.length(CANONICAL.offsets[[LOWER, END]]).sum(axis=0)
"""(L,) of both bones."""

_VELOCITY_LIMIT = (np.radians(9.0), np.radians(20.0), 3.0)
"""As `kinestyle.runtime.change.ANGULAR_VELOCITY_LIMIT`, for what reaching adds."""

_FADING_LIMIT = (np.radians(12.0), np.radians(25.0), 4.0)
"""The same for a limb that fades."""

_FOLDED = (0.07, 0.17)
"""Of a limb's length: an end nearer to its own root than the first does not reach, for a small way
there turns the whole limb; from the second on it does wholly. Elbows flex to about .3."""

_GONE = 0.01
"""Of a change: a whole turn is less than 4 degrees."""

_LEAST_REACH_M = 0.002
"""Limbs reach wholly for what is farther away than this."""

_NOTHING_M = 1e-9
"""What rounding leaves between two places that are one."""


def without_flips(before: Array, change: Array, suspicion: Array, of_whole: Array) -> Array:
    """before: (T, 21, 4) world rotations of the input, change: (T, 21, 4) -> a copy; a suspected
    limb that rotates by much fades, as one that leaps in the input, and goes on the same way round
    while it does. Its elbow or knee is bent by something between what it was and what it would be.

    of_whole: (T,) the share of the change at strength 1 that `change` is, above 0
    """
    change = change.copy(order="K")
    leaps = _leaps(before)
    if not (suspicion.any() or leaps.any()):
        return change
    joints = _LIMBS
    angle = rotation.angle(change[:, joints]).max(axis=1) / of_whole[:, None]
    failed = np.maximum(suspicion * ramp(angle, _LARGE_ROTATION), leaps)
    share = 1.0 - spread_in_time(failed, 8)
    for limb in np.flatnonzero(failed.any(axis=0)):
        # where hardly anything is left, the way round begins again: one that has been followed
        # all around would be scaled as a whole turn
        fades, gone = share[:, limb] < 1.0, share[:, limb] < _GONE
        for start, stop in [*segments(fades & ~gone), *segments(gone)]:
            at = (slice(start, stop), joints[:, limb])
            left = share[start:stop, limb, None]
            was, now = before[at], rotation.multiply(change[at], before[at])
            upper, end = (
                rotation.multiply(scale_rotation(change[at][:, bone], left), was[:, bone])
                for bone in (0, 2)
            )
            bent, wanted = (
                rotation.multiply(rotation.inverse(pose[:, 0]), pose[:, 1]) for pose in (was, now)
            )
            lower = rotation.multiply(upper, between_bends(bent, wanted, STRAIGHT[limb], left))
            faded = np.stack([upper, lower, end], axis=1)
            change[at] = rotation.multiply(faded, rotation.inverse(was))
        limb_joints = joints[:, limb]
        change[:, limb_joints] = limit_angular_velocity(change[:, limb_joints], *_FADING_LIMIT)
    return change


def _leaps(before: Array) -> Array:
    """before: (T, 21, 4) world rotations -> (T, L) 0 to 1, whether a limb leaps."""
    if len(before) < 2:
        return np.zeros((len(before), len(UPPER)))
    bones = before[:, _LIMBS[:2]]
    step = rotation.angle(rotation.multiply(rotation.inverse(bones[:-1]), bones[1:])).max(axis=1)
    return larger_beside(ramp(step, _LEAP))


def reach_for(change: Array, world: Array, position: Array, target: Array) -> None:
    """Turn upper and lower bones in a change (T, 21, 4), such that the ends of the limbs come to
    their targets (T, L, 3).

    world: (T, 21, 4) rotations, position: (T, 21, 3) metres, both with the change
    """
    limbs = position[:, _LIMBS]
    # a straight limb bends by much for a rounding error: nothing is done where nothing is wanted
    far = rotation.length(target - limbs[:, 2])
    some = far > _NOTHING_M
    limb = np.nonzero(some)[1]
    root, middle, end = limbs.swapaxes(0, 1)[:, some]
    # what is straightened all the way overshoots between two frames
    way, before = target[some] - root, rotation.length(end - root)
    longest, wanted = np.maximum(LONGEST * LENGTH_M[limb], before), rotation.length(way)
    way *= np.minimum(longest / np.maximum(wanted, 1e-9), 1.0)[:, None]
    hinge = rotation.rotate(world[:, UPPER][some], HINGE[limb])
    turns = reach(root, middle, end, root + way, hinge, np.ones(len(limb)))
    share = smootherstep(far[some] / _LEAST_REACH_M)
    share *= ramp(np.minimum(wanted, before) / LENGTH_M[limb], _FOLDED)
    both = np.zeros((2, *some.shape, 4))
    both[..., 0] = 1.0
    both[:, some] = rotation.power(np.stack(turns), share)
    limited = limit_angular_velocity(both.swapaxes(0, 1), *_VELOCITY_LIMIT)
    bones = _LIMBS[:2]
    change[:, bones] = rotation.multiply(limited, change[:, bones])


def steady_limbs(change: Array) -> None:
    """Smooth the limbs of a change (T, 21, 4) where they turn too fast: several reachings, none of
    which does, may add up to that.
    """
    change[:, _LIMBS] = limit_angular_velocity(change[:, _LIMBS], *_FADING_LIMIT)
