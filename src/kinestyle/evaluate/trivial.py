"""Baselines without a model, which stand beside every result.

*Copy content* gives the input back, *copy style* the reference; both are real clips. *Statistics*
moves every joint of the input to the reference's mean rotation and scales its swings to the
reference's: the oldest style transfer there is (of colours, between pictures: Reinhard et al.
2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import local_to_world_rotation, world_to_local_rotation
from kinestyle.retarget.features import heading

MOST_SCALING = 3.0
"""Swings grow or shrink by at most this factor: a joint that hardly moves in one clip has no scale.
"""


@dataclass(frozen=True, eq=False)
class JointStatistics:
    """Mean and standard deviation over the frames of a clip, heading removed.

    mean: (21, 4) rotations relative to the parents
    std: (21, 3) radians about the axes of each mean
    height_mean, height_std: of the hips, metres
    """

    mean: Array
    std: Array
    height_mean: float
    height_std: float


def joint_statistics(canonical: Clip) -> JointStatistics:
    """The statistics of a clip on the canonical skeleton."""
    return _statistics(_heading_free_local(canonical), canonical.world_position[:, HIPS, 1])[0]


def transfer_statistics(canonical: Clip, wanted: JointStatistics) -> Clip:
    """The clip with another clip's joint statistics, on the canonical skeleton; heading and
    trajectory are kept.
    """
    own, swing = _statistics(_heading_free_local(canonical), canonical.world_position[:, HIPS, 1])
    local = rotation.multiply(wanted.mean, rotation.exp(swing * _scale(wanted.std, own.std)))
    facing = rotation.about_y(heading(canonical))[:, None]
    root = canonical.world_position[:, HIPS].copy()
    rise = (root[:, 1] - own.height_mean) * _scale(wanted.height_std, own.height_std)
    root[:, 1] = wanted.height_mean + rise
    world = rotation.multiply(facing, local_to_world_rotation(CANONICAL, local))
    return canonical_clip(root, world, canonical.frame_time_seconds, canonical.name)


def _heading_free_local(canonical: Clip) -> Array:
    """(T, 21, 4) relative to the parents, the hips relative to the heading."""
    unturned = rotation.about_y(-heading(canonical))[:, None]
    return world_to_local_rotation(CANONICAL, rotation.multiply(unturned, canonical.world_rotation))


def _statistics(local: Array, height: Array) -> tuple[JointStatistics, Array]:
    """local: (T, 21, 4), height: (T,) -> the statistics, and the swings (T, 21, 3) about each
    joint's mean in radians.
    """
    mean = np.stack([rotation.mean(local[:, joint]) for joint in range(local.shape[1])])
    swing = rotation.log(rotation.multiply(rotation.inverse(mean), local))
    return JointStatistics(
        mean, swing.std(axis=0), float(height.mean()), float(height.std())
    ), swing


def _scale(wanted: Array | float, own: Array | float) -> Array:
    return np.clip(np.divide(wanted, np.maximum(own, 1e-9)), 1.0 / MOST_SCALING, MOST_SCALING)
