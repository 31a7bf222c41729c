"""What can be measured of motion without a judge. All take clips on the canonical skeleton, in metres."""

from __future__ import annotations

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.contacts import CONTACT_JOINTS
from kinestyle.motion.rotation import Array


def planted_speed(canonical: Clip, contact: np.ndarray) -> Array:
    """Speeds over the ground, metres a second, of the foot joints in the frames in which `contact` (T, 4) says they are planted.

    `contact` is the input's, also for a result: that foot should be planted there. (N,), every planted joint and frame.
    """
    if canonical.frame_count < 2:
        return np.zeros(0)
    position = canonical.world_position[:, CONTACT_JOINTS][..., [0, 2]]
    speed = np.linalg.norm(np.diff(position, axis=0), axis=-1) / canonical.frame_time_seconds
    return speed[contact[:-1] & contact[1:]]


def jerk(canonical: Clip) -> float:
    """Mean length of the third derivative of joint positions, metres a second cubed; 0 for fewer than four frames."""
    if canonical.frame_count < 4:
        return 0.0
    third = np.diff(canonical.world_position, n=3, axis=0) / canonical.frame_time_seconds**3
    return float(np.linalg.norm(third, axis=-1).mean())


def floor_error(canonical: Clip, reference: Clip) -> float:
    """Mean difference in metres between the heights of the lower foot in two clips of equal length: floating or sinking."""
    height = [clip.world_position[:, CONTACT_JOINTS, 1].min(axis=1) for clip in (canonical, reference)]
    return float(np.abs(height[0] - height[1]).mean())


def interval(values: Array) -> float:
    """Half the width of the 95 % confidence interval of a mean, from the spread of its values. values: (N,)."""
    return float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
