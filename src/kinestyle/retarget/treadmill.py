"""Clips that go in place: how fast the belt below their feet runs.

Games' cycles are often made so: the hips stay where they are, and the feet that stand slide back,
all with one velocity.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import percentile
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import leg_trajectories, y_up_position

LOW_M = 0.04
"""How high above where it stands an ankle or toe may be and still stand."""

SLOWEST_M_S, FASTEST_M_S = 0.2, 12.0
"""Of a belt: slower feet are shifted, not carried, and nobody runs faster."""

ALIKE, ALIKE_M_S = 0.12, 0.05
"""Velocities of feet on one belt differ by at most this share of the belt's, and so much more."""

SHARE_ALIKE, SIDE_FRAMES = 0.45, 2
"""Of the moments at which an ankle or toe is low, this share at least is spent on the belt; and
each side has so many such moments."""

STAYS_SHARE, BOUNCE_M = 0.5, 0.6
"""Hips in place range over less than this share of the way that the belt goes, end nearer than a
quarter of it to where they began, and rise and fall by less than so much: who jumps or rolls is on
no belt."""

_MOST_VELOCITIES = 800


def find_belt(clip: Clip, c: Correspondence, repeats: bool = False) -> Array | None:
    """(3,) canonical metres a second, Y up and level: the velocity with which the body would travel
    if the feet that stand stood still; None for a clip that is not on a belt.

    repeats: whether the clip is a cycle, whose last frame is its first once more
    """
    if clip.frame_count < 2 * SIDE_FRAMES:
        return None
    joints, c = c.legs
    clip = clip.window(0, clip.frame_count, joints)
    hips = y_up_position(clip, c, "hips") * c.scale_to_canonical
    seconds = clip.duration_seconds
    range_ = np.ptp(hips, axis=0)
    slowest = max(SLOWEST_M_S, float(range_[[0, 2]].max()) / (STAYS_SHARE * seconds))
    if range_[1] > BOUNCE_M or slowest > FASTEST_M_S:
        return None
    velocity, side = _low_velocities(clip, c, repeats)
    if not len(velocity):
        return None
    ended = float(np.linalg.norm((hips[-1] - hips[0])[[0, 2]]))
    if np.mean(np.linalg.norm(velocity, axis=-1) > 0.5 * slowest) < SHARE_ALIKE:
        return None
    mode, alike = _most_common(velocity)
    of_side = [int(np.sum(alike & (side == k))) for k in range(len(SIDES))]
    if alike.mean() < SHARE_ALIKE or min(of_side) < SIDE_FRAMES:
        return None
    if np.linalg.norm(mode) < max(slowest, 4.0 * ended / seconds):
        return None
    return np.array([-mode[0], 0.0, -mode[1]])


def _low_velocities(clip: Clip, c: Correspondence, repeats: bool) -> tuple[Array, np.ndarray]:
    """(N, 2) metres a second over the ground of ankles and toes while they are low, and (N,) which
    side each is of.
    """
    legs = leg_trajectories(clip, c)
    found, sides = [], []
    for part in ("foot", "pivot"):
        position = np.stack([getattr(leg, part) for leg in legs]) * c.scale_to_canonical
        standing = percentile(position[..., 1], 5.0, axis=1).min()
        velocity = _velocity(position, clip.frame_time_seconds, repeats)[..., [0, 2]]
        low = position[..., 1] < standing + LOW_M
        found.append(velocity[low])
        sides.append(np.nonzero(low)[0])
    velocity, side = np.concatenate(found), np.concatenate(sides)
    every = -(-len(velocity) // _MOST_VELOCITIES) or 1
    return velocity[::every], side[::every]


def _velocity(position: Array, frame_time_seconds: float, repeats: bool) -> Array:
    """position: (K, T, 3) -> (K, T, 3) a second; of a cycle, over its seam too."""
    if repeats:
        before, after = position[:, -2:-1], position[:, 1:2]
        position = np.concatenate([before, position, after], axis=1)
    velocity = np.asarray(np.gradient(position, frame_time_seconds, axis=1))
    return velocity[:, 1:-1] if repeats else velocity


def _most_common(velocity: Array) -> tuple[Array, np.ndarray]:
    """velocity: (N, 2) -> (2,) the one that most are like, and (N,) bool, which are."""
    near = ALIKE * np.linalg.norm(velocity, axis=-1) + ALIKE_M_S
    apart = np.linalg.norm(velocity[:, None] - velocity, axis=-1)
    mode = velocity[np.argmax(np.sum(apart < near[:, None], axis=1))]
    for _ in range(8):
        alike = _alike(velocity, mode)
        mode = velocity[alike].mean(axis=0)
    return mode, _alike(velocity, mode)


def _alike(velocity: Array, mode: Array) -> np.ndarray:
    """(N,) bool. Twice as far as between two of them: `mode` need not be their middle yet."""
    apart = np.linalg.norm(velocity - mode, axis=-1)
    return np.asarray(apart <= 2.0 * (ALIKE * np.linalg.norm(mode) + ALIKE_M_S))


def belt_in_file(velocity: Array, c: Correspondence, frame_time_seconds: float) -> Array:
    """velocity: (3,) as `find_belt` returns it -> (3,) file units a frame, in the file's axes."""
    back = rotation.inverse(c.axes)
    level = velocity * (1.0 - UP)
    return rotation.rotate(back, level) * frame_time_seconds / c.scale_to_canonical
