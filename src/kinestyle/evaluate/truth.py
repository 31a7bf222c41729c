"""Distance to the truth: how far a motion is from the nearest real clip of the same content and
style.

Two takes never keep the same time, so they are compared along the alignment that dynamic time
warping finds (Sakoe and Chiba 1978, unit weights), on joint positions without heading and without
the trajectory over the ground. No classifier takes part that a result could please: a result is
near only if the body is where a real one would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.rotation import Array
from kinestyle.retarget.features import FRAME_RATE, LAYOUT

TRUTH_RATE = 15.0
"""Frames a second at which motions are aligned. At twice the rate the figures change by less than a
hundredth, for four times the cost.
"""


def body_positions(features: Array) -> Array:
    """features: (T, 260) -> (T', 21, 3) float32 metres at `TRUTH_RATE`, relative to the floor below
    the hips, facing +Z.
    """
    every = round(FRAME_RATE / TRUTH_RATE)
    position = features[::every, LAYOUT["joint_position"]]
    return position.reshape(len(position), CANONICAL.joint_count, 3).astype(np.float32)


def warped_distances(motion: Array, others: Sequence[Array]) -> Array:
    """motion: (T, 21, 3), others: K motions (T_k, 21, 3) -> (K,) metres a joint, the mean along
    each optimal alignment.

    Alignments begin and end together; a step goes on in one motion, the other or both. All K are
    aligned at once, one anti-diagonal of the K cost tables after the other.
    """
    frames, longest = len(motion), max(map(len, others))
    cost = np.zeros(
        (len(others), frames, frames + longest), dtype=np.float32
    )  # [k, i, i + j], so that a diagonal is a column
    for k, other in enumerate(others):
        apart = mean_joint_distance(motion, other)
        for i, row in enumerate(apart):
            cost[k, i, i : i + len(row)] = row
    cost = np.ascontiguousarray(np.moveaxis(cost, 2, 0))
    # total and number of steps of the best alignments that end in the two diagonals before, [k, i +
    # 1]; i = -1 is outside
    outside = np.full((len(others), frames + 1), np.inf, dtype=np.float32)
    before, last = (
        (outside.copy(), np.zeros_like(outside)),
        (outside.copy(), np.zeros_like(outside)),
    )
    before[0][:, 0] = 0.0  # where every alignment comes from
    result = np.zeros(len(others))
    ends = np.array([frames + len(other) - 2 for other in others])
    for diagonal in range(frames + longest - 1):
        total, steps = outside.copy(), np.zeros_like(outside)
        best, count = before[0][:, :-1], before[1][:, :-1]
        for candidate, its in (
            (last[0][:, 1:], last[1][:, 1:]),
            (last[0][:, :-1], last[1][:, :-1]),
        ):
            nearer = candidate < best
            best, count = np.where(nearer, candidate, best), np.where(nearer, its, count)
        total[:, 1:], steps[:, 1:] = best + cost[diagonal], count + 1.0
        total[:, 1 : max(0, diagonal - longest + 1) + 1] = (
            np.inf
        )  # i such that j would be beyond the longest
        total[:, min(diagonal + 1, frames) + 1 :] = np.inf
        for k in np.flatnonzero(ends == diagonal).tolist():
            result[k] = total[k, frames] / steps[k, frames]
        before, last = last, (total, steps)
    return result


def mean_joint_distance(a: Array, b: Array) -> Array:
    """a: (T, J, 3), b: (T', J, 3) -> (T, T'), the mean over joints of how far they are apart."""
    a, b = a.swapaxes(0, 1), b.swapaxes(0, 1)
    squared = (
        (a * a).sum(-1)[:, :, None] + (b * b).sum(-1)[:, None, :] - 2.0 * (a @ b.swapaxes(1, 2))
    )
    return np.sqrt(np.maximum(squared, 0.0)).mean(axis=0)


@dataclass(frozen=True, eq=False)
class Take:
    """A real clip of a cell: its file's name and its body (T, 21, 3)."""

    name: str
    body: Array


@dataclass(frozen=True, eq=False)
class Cell:
    """All real clips of one content in one style: the truth for a result."""

    takes: tuple[Take, ...]

    def distances(self, body: Array) -> dict[str, float]:
        """body: (T, 21, 3) -> metres a joint to each take, by its file's name."""
        return dict(
            zip(
                (take.name for take in self.takes),
                warped_distances(body, [take.body for take in self.takes]),
                strict=True,
            )
        )

    @cached_property
    def floor(self) -> float:
        """The mean distance from one take to the nearest other, metres a joint. No result can be
        expected to be nearer.
        """
        if len(self.takes) < 2:
            return float("nan")
        return float(
            np.mean([nearest(self.distances(take.body), {take.name}) for take in self.takes])
        )


def nearest(distances: dict[str, float], leave_out: Iterable[str]) -> float:
    """The smallest distance of `Cell.distances` without some takes; NaN where none is left."""
    left_out = set(leave_out)
    return min(
        (distance for name, distance in distances.items() if name not in left_out),
        default=float("nan"),
    )
