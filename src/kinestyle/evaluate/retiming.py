"""A real clip in another's time: what a motion would be like in another manner if it kept the time
that it has.

Two takes of one thing never keep the same time, and no restyling here changes a clip's. The nearest
real clip of the wanted manner, brought to the time of the input, is therefore what results can be
held against, and what they can learn from.
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
"""Frames of a clip to one of its alignment."""

UNEVEN_M = 0.01
"""What it costs, in metres a joint, to let the other motion stand still for a frame or to leave one
of its frames out.
"""

EVEN_FRAMES = 2.0
"""Smoothing of an alignment, frames at `TRUTH_RATE`: time should not stumble."""


def align(
    motion: Array, others: Sequence[Array], step_penalty: float = UNEVEN_M
) -> list[tuple[float, Array]]:
    """motion: (T, 21, 3), others: K motions (T_k, 21, 3) -> for each the cost and (T,), which of
    its frames is where.

    The cost is in metres a joint and frame. An alignment may begin and end anywhere in the other
    motion, so that walks need not start on the same foot; from one frame to the next the other
    stands still, goes on by one, or by two.
    """
    apart = np.full((len(motion), len(others), max(map(len, others))), np.inf, np.float32)
    for k, other in enumerate(others):
        apart[:, k, : len(other)] = mean_joint_distance(motion, other)
    steps = np.empty(apart.shape, np.int8)
    total = apart[0]
    for i in range(1, len(motion)):
        by_one, by_two = (np.full_like(total, np.inf) for _ in range(2))
        by_one[:, 1:], by_two[:, 2:] = total[:, :-1], total[:, :-2] + step_penalty
        ways = np.stack([total + step_penalty, by_one, by_two])
        steps[i] = ways.argmin(axis=0)
        total = ways.min(axis=0) + apart[i]
    place = total.argmin(axis=1)
    cost = total[np.arange(len(others)), place] / len(motion)
    path = np.empty((len(motion), len(others)), int)
    for i in range(len(motion) - 1, 0, -1):
        path[i] = place
        place = place - steps[i, np.arange(len(others)), place]
    path[0] = place
    return list(zip(cost.tolist(), path.T, strict=True))


def frames_along(
    path: Array, frames: int, other_frames: int, even_frames: float = EVEN_FRAMES
) -> Array:
    """path: (T',) steps of an alignment -> (T,) where in the other clip each of `frames` frames is,
    between frames as well.
    """
    even = smooth_in_time(path.astype(float), even_frames)
    return np.minimum(
        EVERY * np.interp(np.arange(frames) / EVERY, np.arange(len(even)), even), other_frames - 1
    )


def retimed(canonical: Clip, at_frame: Array) -> Clip:
    """A clip on the canonical skeleton at other moments of its own, (T,) fractional frame numbers."""
    root = resample_vector(canonical.local_position[:, HIPS], at_frame)
    world = resample_rotation(canonical.world_rotation, at_frame)
    return canonical_clip(root, world, canonical.frame_time_seconds, canonical.name)
