"""A real clip in another clip's time.

Two takes never keep the same time, and no restyling here changes a clip's. The nearest real clip of
the target style, brought to the time of the input, is therefore the bound for results, and the
target of supervised training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinestyle.evaluate.truth import TRUTH_RATE, mean_joint_distance
from kinestyle.motion.canonical import HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_rotation, resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.features import FRAME_RATE

EVERY = round(FRAME_RATE / TRUTH_RATE)
"""Frames of a clip for one of its alignment."""

STEP_PENALTY_M = 0.01
"""The cost, in metres a joint, of repeating a frame of the other motion or leaving one out."""

SMOOTHING_FRAMES = 2.0
"""Standard deviation of the smoothing of an alignment, in frames at `TRUTH_RATE`: time should not
stumble.
"""


def align(
    motion: Array, others: Sequence[Array], step_penalty: float = STEP_PENALTY_M
) -> list[tuple[float, Array]]:
    """motion: (T, 21, 3), others: K motions (T_k, 21, 3), metres -> for each the cost, metres a
    joint and frame, and (T,) int, which of its frames goes with each of the motion's.

    An alignment may begin and end anywhere in the other motion, so that walks need not start on the
    same foot. From one frame to the next the other motion goes on by no frame, one or two.
    """
    apart = np.full((len(motion), len(others), max(map(len, others))), np.inf, np.float32)
    for k, other in enumerate(others):
        apart[:, k, : len(other)] = mean_joint_distance(motion, other)
    steps = np.empty(apart.shape, np.int8)
    total = apart[0]
    for i in range(1, len(motion)):
        by_one, by_two = (np.full_like(total, np.inf) for _ in range(2))
        by_one[:, 1:], by_two[:, 2:] = total[:, :-1], total[:, :-2] + step_penalty
        options = np.stack([total + step_penalty, by_one, by_two])
        steps[i] = options.argmin(axis=0)
        total = options.min(axis=0) + apart[i]
    frame = total.argmin(axis=1)
    cost = total[np.arange(len(others)), frame] / len(motion)
    path = np.empty((len(motion), len(others)), int)
    for i in range(len(motion) - 1, 0, -1):
        path[i] = frame
        frame = frame - steps[i, np.arange(len(others)), frame]
    path[0] = frame
    return list(zip(cost.tolist(), path.T, strict=True))


def nearest_in_time(motion: Array, others: Sequence[Array]) -> tuple[int, Array]:
    """As `align`: which of the others is nearest to the motion in its time, and which of its frames
    goes with each.
    """
    found = align(motion, others)
    best = min(range(len(found)), key=lambda k: found[k][0])
    return best, found[best][1]


def frames_along(
    path: Array, frames: int, other_frames: int, smoothing_frames: float = SMOOTHING_FRAMES
) -> Array:
    """path: (T',) of an alignment -> (frames,) fractional frame numbers of the other clip, which
    has `other_frames`.
    """
    even = smooth_in_time(path.astype(float), smoothing_frames)
    at_frame = EVERY * np.interp(np.arange(frames) / EVERY, np.arange(len(even)), even)
    return np.minimum(at_frame, other_frames - 1)


def retimed(canonical: Clip, at_frame: Array) -> Clip:
    """A clip on the canonical skeleton, resampled at (T,) fractional frame numbers of its own."""
    root = resample_vector(canonical.local_position[:, HIPS], at_frame)
    world = resample_rotation(canonical.world_rotation, at_frame)
    return canonical_clip(root, world, canonical.frame_time_seconds, canonical.name)
