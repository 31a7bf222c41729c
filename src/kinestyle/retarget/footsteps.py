"""The steps of one leg and what its foot is locked to in each.

A step is a stretch of frames over which a foot is locked. While it lasts, the result's foot moves
as the input's did, at one constant position and heading: those of the result's foot on average.
Averages over a step, and the drift up to a frame, are added up window by window: a step may be
longer than any window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.percentile import percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import segments, smootherstep
from kinestyle.motion.window import Window
from kinestyle.retarget.legs import LegTrajectory

FADE_SECONDS = 0.25
"""How long before and after a step the foot takes between its own trajectory and the locked one."""

STEADY, STEADY_M_S = 0.5, 0.15
"""The share of a planted foot's drift that is taken away, and the speed up to which it is. From
twice that speed on, the foot slides as it did.
"""


@dataclass(frozen=True, eq=False)
class Step:
    """One step, in the input and in the result. Positions in file units, rotated to Y up.

    start, stop: its first frame and the one after its last
    fade_in, fade_out: how many frames before and after it the foot is still drawn to it
    heading: (4,) rotation about +Y of the result's foot against the input's
    centre: (3,) mean position of the input's foot, without its drift
    new_centre: (3,) the same in the result
    stays: whether the result's foot is where the input's is
    """

    start: int
    stop: int
    fade_in: int
    fade_out: int
    heading: Array
    centre: Array
    new_centre: Array
    stays: bool = False


@dataclass(frozen=True, eq=False)
class Around:
    """The frames of a window that are in steps or fade to them: N of all steps, one step after the
    other. A frame between two steps is there for each.

    row: (N,) where they are among the frames that the window reads
    share: (N,) 1 in the step, fading to 0 before and after it. In a gap shorter than the fade, one
        step passes smoothly into the next
    nearest: (N,) which of the N is the nearest one inside of the step
    heading, centre, new_centre, stays: (N, ...) of the step
    """

    row: np.ndarray
    share: Array
    nearest: np.ndarray
    heading: Array
    centre: Array
    new_centre: Array
    stays: np.ndarray

    @classmethod
    def of(cls, steps: Sequence[Step], window: Window) -> Around:
        """steps: at least one, all with a weight in the window"""
        start, stop, fade_in, fade_out = np.array(
            [(step.start, step.stop, step.fade_in, step.fade_out) for step in steps]
        ).T
        first = np.maximum(start - fade_in, window.first)
        count = np.minimum(stop + fade_out, window.last) - first
        step = np.repeat(np.arange(len(steps)), count)
        # the number, among the N, of what would be the clip's first frame
        begins = (np.cumsum(count) - count - first)[step]
        frame = np.arange(len(step)) - begins
        rising = 1.0 - (start[step] - frame) / (fade_in[step] + 1)
        falling = 1.0 - (frame - stop[step] + 1) / (fade_out[step] + 1)
        # a step's edge may lie outside of the window: only for frames that are thrown away
        inside = np.clip(frame, start[step], stop[step] - 1)
        inside = np.clip(inside, first[step], (first + count)[step] - 1)
        return cls(
            frame - window.first,
            smootherstep(np.minimum(rising, falling)),
            inside + begins,
            *(
                np.stack([getattr(one, name) for one in steps])[step]
                for name in ("heading", "centre", "new_centre", "stays")
            ),
        )


@dataclass(frozen=True, eq=False)
class FootLock:
    """What one leg's foot is locked to over a whole clip.

    steps: in their order
    drift: (T, 3) added to the input's foot to take away a part of its drift
    ankle_floor, pivot_floor: heights of the input's ankle and pivot when they stand
    """

    steps: tuple[Step, ...]
    drift: Array
    ankle_floor: float
    pivot_floor: float

    def staying(self, unchanged: np.ndarray) -> FootLock:
        """unchanged: (T,) bool, where the result is the input -> the same, with steps that reach to
        such frames where they are in the input.
        """

        def reaches(step: Step) -> bool:
            first = max(0, step.start - step.fade_in)
            return bool(unchanged[first : step.stop + step.fade_out].any())

        steps = (
            replace(step, stays=True, heading=rotation.IDENTITY) if reaches(step) else step
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))

    def around(self, window: Window) -> Around | None:
        """Where steps have a weight in the frames that a window reads; None where none has."""
        steps = [
            step
            for step in self.steps
            if step.start - step.fade_in < window.last and step.stop + step.fade_out > window.first
        ]
        return Around.of(steps, window) if steps else None


class StepMeasure:
    """Finds a `FootLock`: `add` each window of a clip in turn, read with a halo of one frame, then
    `finish`.

    locked: (T,) bool, where the foot is locked
    metres: canonical metres in a unit of the file
    """

    def __init__(self, locked: np.ndarray, frame_time_seconds: float, metres: float) -> None:
        self._locked, self._frame_time, self._metres = locked, frame_time_seconds, metres
        self._segments = segments(locked)
        count = len(self._segments)
        begins = np.diff(locked.astype(np.int8), prepend=0) > 0
        self._segment = np.cumsum(begins) - 1
        self._pivot_was, self._pivot_now, self._off = (np.zeros((count, 3)) for _ in range(3))
        self._rotation = np.zeros((count, 4, 4))
        self._drift: list[Array] = []

    def add(self, window: Window, was: LegTrajectory, now: LegTrajectory, amount: Array) -> None:
        """was, now: the leg in the input and in the result, (N, ...) the frames that the window
        reads; amount: (N,) how much was changed, 0 to 1.
        """
        steps = drift_correction(
            was, self._locked[window.read], amount, self._frame_time, self._metres
        )
        drift = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        if self._drift:
            # the frame before the window is the last one of the window before
            drift += self._drift[-1][-1]
        self._drift.append(drift[window.core])
        row = np.flatnonzero(self._locked[window.wanted])
        if not len(row):
            return
        segment = self._segment[window.wanted][row]
        starts = np.flatnonzero(np.diff(segment, prepend=-1))
        row = row + window.core.start
        changed = rotation.multiply(
            now.foot_rotation[row], rotation.inverse(was.foot_rotation[row])
        )
        for total, values in (
            (self._rotation, changed[:, :, None] * changed[:, None]),
            (self._pivot_was, was.pivot[row]),
            (self._pivot_now, now.pivot[row]),
            (self._off, drift[row]),
        ):
            total[segment[starts]] += np.add.reduceat(values, starts)

    def finish(self, ankle_floor: float, pivot_floor: float) -> FootLock:
        """The lock, when every window was added; floors as in `FootLock`."""
        fade = max(1, round(FADE_SECONDS / self._frame_time))
        bounds = np.array(self._segments).reshape(-1, 2)
        start, stop = bounds.T
        count = (stop - start)[:, None]
        mean = rotation.mean_of_products(self._rotation)
        heading = rotation.about_y(2.0 * np.arctan2(mean[:, 2], mean[:, 0]))
        centre = self._pivot_was / count + self._off / count
        new_centre = np.where(UP > 0.0, centre, self._pivot_now / count)
        # up to the step before, and to the one after
        far = len(self._locked) + fade
        stops, starts = np.concatenate([[-fade], stop]), np.concatenate([start, [far]])
        fades = np.minimum(fade, [start - stops[:-1], starts[1:] - stop])
        steps = tuple(
            Step(first, last, fade_in, fade_out, *where)
            for first, last, fade_in, fade_out, *where in zip(
                *bounds.T.tolist(), *fades.tolist(), heading, centre, new_centre, strict=True
            )
        )
        drift = self._drift[0] if len(self._drift) == 1 else np.concatenate(self._drift)
        return FootLock(steps, drift, ankle_floor, pivot_floor)


def floor_of(height: Array) -> float:
    """height: (T,) of one of the input's joints -> where it is when it stands."""
    return float(percentile(height, 5.0))


def drift_correction(
    was: LegTrajectory,
    locked: np.ndarray,
    amount: Array,
    frame_time_seconds: float,
    metres: float,
) -> Array:
    """was: (T, ...) of the input -> (T - 1, 3) to be added from each frame to the next to take away
    a part of a locked foot's drift.
    """
    drift = drift_of(was)
    speed = np.linalg.norm(drift, axis=-1) * metres / frame_time_seconds
    slow = 1.0 - smootherstep(speed / STEADY_M_S - 1.0)
    stays_locked = locked[1:] & locked[:-1]
    return -(amount[1:] * STEADY * slow * stays_locked)[:, None] * drift


def drift_of(was: LegTrajectory) -> Array:
    """(T - 1, 3) how far a foot drifts over the ground from each frame to the next.

    What drifts is the slowest point between ankle and toe: a foot that rolls over its heel or its
    toe does not drift. Taking away a part of that point's motion makes neither ankle nor toe
    faster.
    """
    a, b = (np.diff(p, axis=0) * (1.0 - UP) for p in (was.foot, was.pivot))
    apart = np.sum((a - b) ** 2, axis=-1)
    share = np.clip(np.sum(a * (a - b), axis=-1) / np.maximum(apart, 1e-12), 0.0, 1.0)
    return np.asarray(a + share[:, None] * (b - a))
