"""Euler angles for rotations over time, without jumps: exact with three channels, nearest with
fewer.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import AXIS_INDEX, Array


def euler_curves(
    q: Array, order: str, fixed: np.ndarray, fixed_angles: Array, start: Array | None = None
) -> Array:
    """q: (T, G, 4) rotations -> (T, G, N) angles in radians about the N axes of `order`, without
    jumps in time.

    fixed: (T, G) bool, the frames whose angles are given
    fixed_angles: (T, G, N) radians, used where `fixed`
    start: (G, N) radians to begin near, where the first frame is not fixed

    Equal rotations have many angles. From each fixed frame on, a curve takes those that are nearest
    to the frame before. With fewer than three axes, the angles are those of the nearest rotation
    that can be expressed.
    """
    angles = _principal(q, order)
    first = angles[0]
    if start is not None:
        first = (
            rotation.euler_near(first, start)
            if len(order) == 3
            else start + rotation.wrap(first - start)
        )
    # with the first frame fixed at its own angles, every frame has a fixed one to count from
    given = np.where(fixed[..., None], fixed_angles, angles)
    given[0] = np.where(fixed[0][:, None], fixed_angles[0], first)
    anchor = fixed.copy()
    anchor[0] = True
    time = np.arange(len(q))[:, None]
    last_anchor = np.maximum.accumulate(np.where(anchor, time, 0), axis=0)

    if len(order) == 3:
        flipped = np.where(anchor, np.cos(given[..., 1]) < 0, False)
        angles = np.where(flipped[..., None], rotation.other_euler(given), given)
        angles = _through_lock(q, order, angles, anchor)
        angles = np.where(
            _take_other(angles, flipped, last_anchor)[..., None],
            rotation.other_euler(angles),
            angles,
        )
    travelled = np.zeros_like(angles)
    travelled[1:] = np.cumsum(rotation.wrap(angles[1:] - angles[:-1]), axis=0)
    back = last_anchor[..., None]
    wanted = (
        np.take_along_axis(given, back, axis=0)
        + travelled
        - np.take_along_axis(travelled, back, axis=0)
    )
    # whole turns are added to the angles instead of taking the sum: rounding does not pile up
    unbroken = angles + 2.0 * np.pi * np.round((wanted - angles) / (2.0 * np.pi))
    return np.where(fixed[..., None], fixed_angles, unbroken)


def _principal(q: Array, order: str) -> Array:
    """q: (..., 4) -> (..., N) radians of the nearest rotation about the N axes of `order`, each
    within one turn.
    """
    if len(order) == 3:
        return rotation.to_euler(q, order)
    if len(order) == 1:
        return 2.0 * np.arctan2(q[..., 1 + AXIS_INDEX[order]], q[..., 0])[..., None]
    first, second = (AXIS_INDEX[letter] for letter in order)
    third = 3 - first - second
    sign = 1.0 if (second - first) % 3 == 1 else -1.0
    # the product of two axis rotations is (ca cb, sa cb, ca sb, +-sa sb) in half angles: its dot
    # product with q is a bilinear form in (ca, sa) and (cb, sb), which the first pair of singular
    # vectors makes largest
    w, x, y, z = q[..., 0], q[..., 1 + first], q[..., 1 + second], sign * q[..., 1 + third]
    left, _, right = np.linalg.svd(
        np.stack([np.stack([w, y], axis=-1), np.stack([x, z], axis=-1)], axis=-2)
    )
    a, b = left[..., :, 0], right[..., 0, :]
    return 2.0 * np.stack(
        [np.arctan2(a[..., 1], a[..., 0]), np.arctan2(b[..., 1], b[..., 0])], axis=-1
    )


def _through_lock(q: Array, order: str, angles: Array, anchor: np.ndarray) -> Array:
    """In gimbal lock, where only the sum or difference of the first and the last angle matters,
    keep the curve's last angle.
    """
    locked = (np.abs(np.cos(angles[..., 1])) < 2e-8) & ~anchor
    if not locked.any():
        return angles
    time = np.arange(len(q))[:, None]
    before = np.maximum.accumulate(np.where(locked, 0, time), axis=0)
    last = np.take_along_axis(angles[..., 2], before, axis=0)
    rest = rotation.to_euler(
        rotation.multiply(q, rotation.inverse(rotation.from_euler(last[..., None], order[2]))),
        order,
    )
    rest[..., 2] += last
    return np.where(locked[..., None], rest, angles)


def _take_other(angles: Array, flipped: np.ndarray, last_anchor: np.ndarray) -> np.ndarray:
    """(T, G) bool: where the other triple continues the curve.

    Whether a step should change from one triple to the other does not depend on the triple it
    starts from: taking the other triple at both ends leaves the difference the same. So the
    sequential choice is a running count of changes.
    """
    stay = np.sum(np.abs(rotation.wrap(angles[1:] - angles[:-1])), axis=-1)
    change = np.sum(np.abs(rotation.wrap(rotation.other_euler(angles)[1:] - angles[:-1])), axis=-1)
    count = np.zeros(angles.shape[:-1], dtype=int)
    count[1:] = np.cumsum(change < stay, axis=0)
    since = count - np.take_along_axis(count, last_anchor, axis=0)
    return np.asarray((since + np.take_along_axis(flipped, last_anchor, axis=0)) % 2 == 1)
