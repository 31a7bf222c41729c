"""How thick a body is: one table for placeholder characters, pictures, the studio, and for hands
that must not go through it.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, SIDES, part_of
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep

RADIUS_M = {
    "hips": 0.095,
    "thigh": 0.075,
    "shin": 0.052,
    "foot": 0.038,
    "toe": 0.030,
    "spine": 0.100,
    "chest": 0.105,
    "neck": 0.050,
    "head": 0.085,
    "clavicle": 0.055,
    "upper_arm": 0.045,
    "forearm": 0.036,
    "hand": 0.030,
}
"""Metres, at the joint that plays a role: a slim adult as tall as the canonical skeleton. Sides are
alike, so that roles go by their part, see `kinestyle.motion.canonical.part_of`.
"""

CLEAR_M = {"trunk": 0.025, "legs": 0.045}
"""Hands that are farther from the body than this do not touch it, also when locked feet have moved
the legs a little."""

_SOLIDS = (
    ("hips", "spine", "hips"),
    ("spine", "chest", "spine"),
    ("chest", "neck", "chest"),
    ("neck", "head", "neck"),
    ("left_thigh", "right_thigh", "hips"),
    ("left_upper_arm", "right_upper_arm", "clavicle"),
    ("left_thigh", "left_shin", "thigh"),
    ("right_thigh", "right_shin", "thigh"),
    ("left_shin", "left_foot", "shin"),
    ("right_shin", "right_foot", "shin"),
)
"""What hands must not go through: from one joint to another, as thick as a part."""

_START, _END = (np.array([CANONICAL.index(solid[k]) for solid in _SOLIDS]) for k in (0, 1))
_RADIUS = np.array([RADIUS_M[part_of(solid[2])] for solid in _SOLIDS])
_CLEAR = np.array(
    [CLEAR_M["legs" if "shin" in end or "foot" in end else "trunk"] for _, end, _ in _SOLIDS]
)
LEGS = np.flatnonzero([solid[2] in ("thigh", "shin") for solid in _SOLIDS])
"""Which of the solids are thighs and shins."""

_HANDS = np.array([CANONICAL.index(f"{side}_hand") for side in SIDES])
PALM = 0.5 * np.stack(
    [CANONICAL.end_offsets[CANONICAL.end_parents.tolist().index(hand)] for hand in _HANDS]
)
"""(2, 3) metres from a wrist to the middle of its hand, at rest."""

_BONES_OF_LEG = slice(0, 2), slice(1, 3)
_LEG_RADIUS = np.tile([RADIUS_M["thigh"], RADIUS_M["shin"]], 2)


def depth_in_body(position: Array, world_rotation: Array) -> Array:
    """A body on the canonical skeleton, (T, 21, 3) metres and (T, 21, 4) -> (T, 2, 10) metres: how
    deep the middle of the left and the right hand lies in trunk, neck and legs; negative outside.
    """
    return _depth(position, world_rotation)[0]


def depth_in_legs(hands: Array, legs: Array) -> Array:
    """(T, 2) metres: how deep the middle of the left and the right hand lies in any thigh or shin,
    as `depth_in_body`.

    hands: (2, T, 3) metres, of the palms' middles; legs: (2, 3, T, 3), of thigh, shin and foot of
        the left and the right leg
    """
    start, end = (legs[:, some].reshape(-1, *legs.shape[2:]) for some in _BONES_OF_LEG)
    off = hands[:, None] - nearest_on_segment(hands[:, None], start, end)
    depth = _LEG_RADIUS[:, None] - rotation.length(off)
    return np.asarray(depth.max(axis=1).T)


def way_out_of_body(position: Array, world_rotation: Array, allowed: Array) -> Array:
    """(T, 2, 3) metres: what takes both hands out of the body as far as they are deeper in it, or
    nearer to it than `CLEAR_M`, than is allowed.

    allowed: (T, 2, 10) metres, as `depth_in_body` gives them for another motion
    """
    depth, off, distance = _depth(position, world_rotation)
    deeper = np.maximum(depth - np.maximum(allowed, -_CLEAR), 0.0)
    outwards = off / np.maximum(distance, 1e-9)[..., None]
    return np.asarray((deeper[..., None] * outwards).sum(axis=2))


def way_out_of_legs(
    before: tuple[Array, Array], now: tuple[Array, Array], clear: float, soft: float
) -> Array:
    """(T, 2, 3) metres: what takes both hands out of thighs and shins as far as they are deeper in
    them, or nearer to them than `clear`, than they were before. One that is deep in a leg goes out
    where it was before, whichever side is nearer.

    before, now: (T, 21, 3) metres and (T, 21, 4), a body on the canonical skeleton
    soft: metres; of a way that is shorter there is less
    """
    (was, was_off, was_distance), (depth, off, distance) = (
        [values[:, :, LEGS] for values in _depth(*body)] for body in (before, now)
    )
    deeper = np.maximum(depth - np.maximum(was, -clear), 0.0)
    bones = _START[LEGS]
    turned = rotation.multiply(now[1][:, bones], rotation.inverse(before[1][:, bones]))
    side = rotation.rotate(turned[:, None], was_off / np.maximum(was_distance, 1e-9)[..., None])
    outwards = off / np.maximum(distance, 1e-9)[..., None]
    near = smootherstep(distance / _RADIUS[LEGS])[..., None]
    outwards = np.asarray(rotation.normalize(side + near * (outwards - side)))
    along = rotation.dot(off, outwards)
    far = np.sqrt(along**2 + (distance + deeper) ** 2 - distance**2) - along
    far = far * smootherstep(deeper / soft)
    return np.asarray((far[..., None] * outwards).sum(axis=2))


def _depth(position: Array, world_rotation: Array) -> tuple[Array, Array, Array]:
    """(T, 2, 10) depth, (T, 2, 10, 3) from the axes of the solids to the middle of a hand, and the
    length of that.
    """
    middle = position[:, _HANDS] + rotation.rotate(world_rotation[:, _HANDS], PALM)
    off = middle[:, :, None] - nearest_on_segment(
        middle[:, :, None], position[:, None, _START], position[:, None, _END]
    )
    distance = rotation.length(off)
    return _RADIUS - distance, off, distance


def nearest_on_segment(point: Array, start: Array, end: Array) -> Array:
    """point, start, end: (..., 3) -> (..., 3) the point of the segment that is nearest."""
    along, to_point = end - start, point - start
    squared = np.maximum(rotation.dot(along, along), 1e-12)
    share = np.clip(rotation.dot(to_point, along) / squared, 0.0, 1.0)
    return np.asarray(start + share[..., None] * along)
