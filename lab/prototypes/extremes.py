"""What a clip does is kept: hands and feet get as high, as low and as far as they did.

A prototype, measured in lab/LOG.md (2026-11-28).

An action is often an extreme: a punch is the hand at its farthest, a kick the foot at its highest,
a pick-up the hand on the floor. Where a limb of the input comes near such an extreme, the result's
hand or foot may deviate from it only by a part of the limb's range, in the direction that makes the
extreme: its height, or its distance from the hips over the ground. Two bones reach for that, so
that trunk, hips and the other limbs keep the style; the trunk gives way only where a limb would be
too short. Elsewhere nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, LEFT, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics, world_to_local_rotation
from kinestyle.motion.smoothing import largest_within, limit_angular_velocity, smooth_in_time

RANGE_M = 0.25
"""A limb whose height or reach varies by less does nothing that has to be kept."""

FREE, MOST = 0.05, 0.16
"""Shares of the range: a deviation up to the first is free, none at an extreme exceeds the second.
"""

NEAR, FAR = 0.12, 0.45
"""Shares of the range: from how far away from an extreme it begins to count, and from where it
counts wholly."""

_LIMBS = {
    "left_arm": ("left_upper_arm", "left_forearm", "left_hand", -UP),
    "right_arm": ("right_upper_arm", "right_forearm", "right_hand", UP),
    "left_leg": ("left_thigh", "left_shin", "left_foot", LEFT),
    "right_leg": ("right_thigh", "right_shin", "right_foot", LEFT),
}
_TRUNK = [CANONICAL.index(name) for name in ("spine", "chest", "neck", "head")]


@dataclass(frozen=True, eq=False)
class Extreme:
    """weight: (T,) how much it counts; allowed_m: how far the value may be off at weight 1."""

    weight: Array
    free_m: float
    most_m: float


def extreme_of(values: Array, sign: float) -> Extreme | None:
    """values: (T,) metres -> where they come near their largest (sign 1) or smallest (-1) value."""
    span = float(np.ptp(values))
    if span < RANGE_M:
        return None
    below = (np.max(sign * values) - sign * values) / span
    weight = np.clip((FAR - below) / (FAR - NEAR), 0.0, 1.0)
    weight = weight * weight * (3.0 - 2.0 * weight)
    weight = smooth_in_time(largest_within(weight, 5), 3.0)
    return Extreme(weight, FREE * span, MOST * span)


def limited(deviation: Array, extreme: Extreme) -> Array:
    """deviation: (T,) metres -> what of it is allowed."""
    size = np.abs(deviation)
    room = extreme.most_m - extreme.free_m
    soft = np.minimum(size, extreme.free_m) + room * np.tanh(
        np.maximum(size - extreme.free_m, 0.0) / room
    )
    return (1.0 - extreme.weight) * deviation + extreme.weight * np.sign(deviation) * soft


def keep_extremes(before: Clip, change: Array, rise: Array) -> tuple[Array, Array]:
    """before: on the canonical skeleton at 30 frames a second; change: (T, 21, 4) what its world
    rotations are to be turned by; rise: (T,) metres, of the hips -> both, such that extremes are
    kept.
    """
    root = before.world_position[:, HIPS]
    world = rotation.multiply(change, before.world_rotation)
    was = before.world_position
    for _ in range(2):
        place = _places(root + rise[:, None] * UP, world)
        trunk = np.ones(len(root))
        for upper, lower, end, hinge in _LIMBS.values():
            i, j, k = (CANONICAL.index(name) for name in (upper, lower, end))
            target = _target(was[:, k] - root, place[:, k] - root, root[:, 1])
            if target is None:
                continue
            target = target + root
            axis = rotation.rotate(world[:, i], np.broadcast_to(hinge, target.shape))
            length = np.linalg.norm(CANONICAL.offsets[j]) + np.linalg.norm(CANONICAL.offsets[k])
            short = np.linalg.norm(target - place[:, i], axis=-1) - 0.995 * length
            trunk = np.minimum(trunk, 1.0 - np.clip(short / 0.1, 0.0, 1.0))
            a, b = reach(place[:, i], place[:, j], place[:, k], target, axis)
            a, b = (
                limit_angular_velocity(q, np.radians(6.0), np.radians(15.0), 3.0) for q in (a, b)
            )
            world[:, i], world[:, j] = (
                rotation.multiply(a, world[:, i]),
                rotation.multiply(b, world[:, j]),
            )
        if trunk.min() > 0.999:
            break
        share = 1.0 - smooth_in_time(largest_within(1.0 - trunk, 6), 4.0)
        changed = rotation.multiply(world, rotation.inverse(before.world_rotation))
        changed[:, _TRUNK] = rotation.power(changed[:, _TRUNK], share[:, None])
        rise = rise * share
        world = rotation.multiply(changed, before.world_rotation)
    return rotation.multiply(world, rotation.inverse(before.world_rotation)), rise


def _target(was: Array, now: Array, hips_height: Array) -> Array | None:
    """was, now: (T, 3) of a hand or foot from where the hips are in the input -> where it should be
    instead of now; None: anywhere."""
    target = now.copy()
    found = False
    height = was[:, 1] + hips_height
    off = now[:, 1] - was[:, 1]
    for sign in (1.0, -1.0):
        extreme = extreme_of(height, sign)
        if extreme is not None:
            off, found = limited(off, extreme), True
    target[:, 1] = was[:, 1] + off
    far = np.linalg.norm(was[:, [0, 2]], axis=-1)
    extreme = extreme_of(far, 1.0)
    if extreme is not None:
        found = True
        level = now[:, [0, 2]]
        reached = np.linalg.norm(level, axis=-1)
        wanted = far + limited(reached - far, extreme)
        # towards where the input's limb goes: a direction is part of the action
        aim = rotation.normalize(level + extreme.weight[:, None] * 0.5 * was[:, [0, 2]])
        target[:, [0, 2]] = wanted[:, None] * aim
    return target if found else None


def _places(root: Array, world: Array) -> Array:
    position = np.tile(CANONICAL.offsets, (len(root), 1, 1))
    position[:, HIPS] = root
    return forward_kinematics(CANONICAL, position, world_to_local_rotation(CANONICAL, world))[0]


def reach(
    root: Array, middle: Array, end: Array, target: Array, hinge: Array, longest: float = 0.999
) -> tuple[Array, Array]:
    """How to rotate a limb's two bones such that its end comes to lie at a target.

    root, middle, end, target: (..., 3) positions; hinge: (..., 3) unit axis about which the limb
    flexes, which decides the plane where the limb is nearly straight

    -> world rotations (..., 4) to apply before those that the upper and the lower bone have. A
    target out of reach is approached up to `longest` of the limb's whole length.
    """
    upper, lower = middle - root, end - middle
    a, b = (np.linalg.norm(bone, axis=-1) for bone in (upper, lower))
    line, along = rotation.normalize(end - root), rotation.normalize(target - root)
    swing = rotation.between(line, along)
    off = upper - np.sum(upper * line, axis=-1, keepdims=True) * line
    length = np.linalg.norm(target - root, axis=-1)
    length = np.clip(length, np.abs(a - b) * 1.001 + 1e-6, longest * (a + b))
    cosine = np.clip((a * a + length * length - b * b) / (2.0 * a * length), -1.0, 1.0)
    sine = np.sqrt(1.0 - cosine * cosine)
    # what a limb is bent by already decides the plane; what it is bent by beyond that, its hinge
    more = np.maximum(a * sine - np.linalg.norm(off, axis=-1), 0.0)
    front = rotation.normalize(np.cross(line, hinge))
    pole = off + more[..., None] * front
    pole -= np.sum(pole * line, axis=-1, keepdims=True) * line
    pole = rotation.rotate(swing, rotation.normalize(pole))
    new_upper = a[..., None] * (cosine[..., None] * along + sine[..., None] * pole)
    new_lower = length[..., None] * along - new_upper
    rotations = []
    for was, now in ((upper, new_upper), (lower, new_lower)):
        swung = rotation.normalize(rotation.rotate(swing, was))
        bend = rotation.between(swung, rotation.normalize(now))
        rotations.append(rotation.multiply(bend, swing))
    return rotations[0], rotations[1]
