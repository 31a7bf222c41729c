"""Elbows and knees bend one way only, neither backwards nor aside, and no wrist is wrung.

A style may open an elbow that is nearly straight, and inverse kinematics may turn a knee over. Both
are brought back: no further back than straight, or than in the input, whose own rig may
overstretch. What reaches for a place has bones swing and not roll, so that an elbow comes to bend
out of its plane, and a hand to be turned about its forearm. There the bone above rolls.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEFT, SIDES, UP
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import ramp, scale_rotation, smooth_in_time, softly_at_most

OVERSTRETCH = np.radians(2.0)
"""How far a limb may go beyond straight, or beyond where the input's goes: it nears that softly."""

ASIDE = np.radians(2.0), np.radians(6.0)
"""How far a limb may bend out of the plane of its hinge, and what it nears softly; a limb of the
input that bends further may do so. Learned motion has up to 2.3 degrees."""

WRUNG = np.radians(20.0), np.radians(35.0)
"""How far a hand may be turned about its forearm, and what it nears softly, unless the input's is
further: what is more is the forearm's to turn. Learned motion has up to 25 degrees."""

_BACKWARDS = np.radians(150.0), np.radians(110.0)
"""How far from the way in which its hinge flexes a limb may be bent for its upper bone to roll: up
to the second wholly, from the first on not at all, for it could roll either way round."""

_ROLL_FRAMES = 2.0
"""What a roll is smoothed over."""

TURNED_OVER = np.radians(45.0), np.radians(80.0)
"""From where on a limb is less and less surely bent back, and from where on it is flexed about some
other axis than the one that was taken for its hinge."""

_WHOLE_TURN = 1.5
"""Of a roll's quaternion that is followed over time: how much its real part ranges over where it
may come to a whole turn."""

UPPER = np.array([CANONICAL.index(f"{s}_{b}") for b in ("upper_arm", "thigh") for s in SIDES])
LOWER = np.array([CANONICAL.index(f"{s}_{b}") for b in ("forearm", "shin") for s in SIDES])
END = np.array([CANONICAL.index(f"{s}_{b}") for b in ("hand", "foot") for s in SIDES])
"""The joints of the four limbs: left arm, right arm, left leg, right leg."""

HINGE = np.stack([-UP, UP, LEFT, LEFT])
"""(L, 3) the axes about which elbows and knees flex, at rest."""

STRAIGHT = rotation.normalize(CANONICAL.offsets[END])
"""(L, 3) the directions of the lower bones, at rest."""

_ALONG = rotation.normalize(CANONICAL.offsets[LOWER])
"""(L, 3) the directions of the upper bones, at rest."""

_ARMS = slice(2)

_BONES = np.stack([UPPER, LOWER])

_FLEXED = np.cross(HINGE, STRAIGHT)


def bent_back(world: Array) -> Array:
    """world: (T, 21, 4) rotations -> (T, L) radians by which elbows and knees are bent backwards; a
    limb that is bent by more than a right angle is flexed, whatever its sign.
    """
    return _bent_back(world[:, UPPER], world[:, LOWER])


def _bent_back(upper: Array, lower: Array) -> Array:
    """upper, lower: (..., L, 4) rotations in the world -> (..., L) as `bent_back`."""
    bone = _bone(upper, lower)
    back = -np.arctan2(rotation.dot(bone, _FLEXED), rotation.dot(bone, STRAIGHT))
    return np.where(back < 0.5 * np.pi, back, -back)


def _bone(upper: Array, lower: Array) -> Array:
    """upper, lower: (..., L, 4) rotations in the world -> (..., L, 3) the directions of the lower
    bones, as the upper ones see them.
    """
    return rotation.rotate(rotation.multiply(rotation.inverse(upper), lower), STRAIGHT)


def in_their_planes(before: Array, change: Array) -> Array:
    """before: (T, 21, 4) world rotations of the input, change: (T, 21, 4) -> the change, such that
    elbows and knees bend in the plane of their hinges, or no further out of it than they did. What
    is out of it is the roll of the upper bone, which moves nothing: hands, feet, elbows and knees
    stay where they are.
    """
    was = before[:, _BONES]
    now = rotation.multiply(change[:, _BONES], was)
    upper, lower = np.stack([now, was]).transpose(2, 0, 1, 3, 4)
    bone = _bone(upper, lower)
    aside, flexed = rotation.dot(bone, HINGE), rotation.dot(bone, _FLEXED)[0]
    out, allowed = np.arcsin(np.minimum(np.abs(aside), 1.0))
    wanted = _no_further(out, allowed, ASIDE)
    limbs = np.flatnonzero((out > wanted).any(axis=0))
    if not len(limbs):
        return change
    aside, flexed, wanted = aside[0][:, limbs], flexed[:, limbs], wanted[:, limbs]
    # a roll turns the bend about the bone, so that it is aside by less and flexed by more
    bend = np.maximum(np.hypot(aside, flexed), 1e-9)
    way = np.arctan2(np.abs(aside), flexed)
    roll = way - np.arcsin(np.minimum(np.sin(wanted) / bend, 1.0))
    roll = np.sign(aside) * np.maximum(roll, 0.0) * ramp(way, _BACKWARDS)
    along = rotation.rotate(now[:, 0, limbs], _ALONG[limbs])
    return _with_rolls(change, UPPER[limbs], along, roll)


def unwrung(before: Array, change: Array) -> Array:
    """before: (T, 21, 4) world rotations of the input, change: (T, 21, 4) -> the change, such that
    no hand is turned about its forearm further than hands are, or than it was. The forearm rolls
    with it, which moves nothing.
    """
    forearm, hand, along = LOWER[_ARMS], END[_ARMS], STRAIGHT[_ARMS]
    both = np.stack([forearm, hand])
    now = rotation.multiply(change[:, both], before[:, both])
    turn, allowed = (_turn_about(along, of[:, 0], of[:, 1]) for of in (now, before[:, both]))
    far = np.abs(turn)
    excess = far - _no_further(far, np.abs(allowed), WRUNG)
    if not excess.any():
        return change
    roll = np.sign(turn) * excess * ramp(far, _BACKWARDS)
    return _with_rolls(change, forearm, rotation.rotate(now[:, 0], along), roll)


def _no_further(angle: Array, allowed: Array, bounds: tuple[float, float]) -> Array:
    """angle: (...) of a result, allowed: of the input, radians -> as `softly_at_most` with such
    bounds, or with as much more as the input's is beyond the first.
    """
    more = np.maximum(allowed - bounds[0], 0.0)
    return softly_at_most(angle, more + bounds[0], more + bounds[1])


def _with_rolls(change: Array, joints: Array, along: Array, roll: Array) -> Array:
    """The change (T, 21, 4), some joints (K,) of which roll about themselves.

    along: (T, K, 3) their directions in the world; roll: (T, K) radians, not yet smooth
    """
    turn = rotation.exp(smooth_in_time(roll, _ROLL_FRAMES)[..., None] * along)
    change = change.copy(order="K")
    change[:, joints] = rotation.multiply(turn, change[:, joints])
    return change


def _turn_about(axis: Array, outer: Array, inner: Array) -> Array:
    """outer, inner: (T, K, 4) rotations in the world -> (T, K) radians, -pi to pi, by which the
    inner one is turned about an axis (K, 3) of the outer one.
    """
    turn = rotation.multiply(rotation.inverse(outer), inner)
    return rotation.wrap(2.0 * np.arctan2(rotation.dot(turn[..., 1:], axis), turn[..., 0]))


def between_bends(one: Array, other: Array, straight: Array, share: Array) -> Array:
    """Two rotations (T, 4) of a lower bone against the upper one, and how much (T, 1) there is of
    the other -> those in between. The bone goes straight from the one direction to the other, so
    that it bends back only where one of the two does, and always the same way round.

    straight: (3,) its direction in both frames when it is not bent
    """
    way = rotation.between(*(rotation.rotate(turn, straight) for turn in (one, other)))
    roll = rotation.multiply(rotation.inverse(rotation.multiply(way, one)), other)
    swung = rotation.multiply(scale_rotation(way, share), one)
    return rotation.multiply(swung, _scaled_roll(roll, straight, share))


def _scaled_roll(roll: Array, axis: Array, share: Array) -> Array:
    """roll: (T, 4) rotations about one axis (3,) -> as `scale_rotation`, also where a roll that is
    followed all around comes to a whole turn, which shows no axis.
    """
    scaled, roll = scale_rotation(roll, share), rotation.continuous(roll)
    if np.abs(roll[:, 0] - roll[:, 0].max()).max() < _WHOLE_TURN:
        return scaled
    half = np.unwrap(np.arctan2(rotation.dot(roll[:, 1:], axis), roll[:, 0]))
    # where all or nothing is left of it, whole turns are no matter
    matters = (share * (1.0 - share))[:, 0] + 1e-9
    half -= np.pi * np.round(np.average(half, weights=matters) / np.pi)
    return rotation.exp(2.0 * half[:, None] * share * axis)


def without_overstretching(before: Array, change: Array) -> Array:
    """before: (T, 21, 4) world rotations of the input, change: (T, 21, 4) -> the change, such that
    no elbow or knee is bent further back than straight, or than it was. What is not bent back stays
    what it is, to the last digit.
    """
    was = before[:, _BONES]
    now = rotation.multiply(change[:, _BONES], was)
    # both at once: what it takes is mostly a matter of how often numpy is called
    upper, lower = np.stack([now, was]).transpose(2, 0, 1, 3, 4)
    back, most = _bent_back(upper, lower)
    most = np.maximum(most, 0.0)
    excess = back - softly_at_most(back, most, most + OVERSTRETCH)
    excess *= ramp(back, TURNED_OVER[::-1])
    limbs = np.flatnonzero((excess > 0.0).any(axis=0))
    if not len(limbs):
        return change
    axis = rotation.rotate(now[:, 0, limbs], HINGE[limbs])
    turn = rotation.exp(excess[:, limbs, None] * axis)
    change = change.copy(order="K")
    change[:, LOWER[limbs]] = rotation.multiply(turn, change[:, LOWER[limbs]])
    return change
