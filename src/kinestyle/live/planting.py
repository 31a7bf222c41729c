"""Planted feet of a stream: where they are locked to, and how far the body travels over them.

Of a whole clip, a step's place is where the result's foot is on average. A stream shows a quarter
of a second of a step when the foot lands, and where it is then on average, it stays. A foot is
drawn to that place as soon as its step is seen to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kinestyle.live.calibration import Calibration
from kinestyle.live.performer import Performer
from kinestyle.motion import rotation
from kinestyle.motion.canonical import SIDES, UP
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import remove_short_segments, segments
from kinestyle.retarget.contacts import (
    CONTACT_REST_HEIGHT_M,
    SHORTEST_SECONDS,
    SPEED_M_S,
    STILL_HEIGHT_M,
    STILL_M_S,
    STILL_SECONDS,
    is_low,
    slower,
)
from kinestyle.retarget.foot_lock import amount_of_change, feet_in_contact, leg_change
from kinestyle.retarget.footsteps import FADE_SECONDS, FootLock, Step, drift_correction
from kinestyle.retarget.legs import LegTrajectory, both_positions

CHANGE_SECONDS = 5.0
"""Over which the change of the legs is averaged, of which a whole clip has one average."""

_RECENT_SECONDS = 0.5
"""Of frames before those that leave next: so long a contact or a gap may be and still be short."""


class FoundLocks(NamedTuple):
    """What is known of locked feet in N frames of a stream.

    locked: (N, 2) bool; locks: of the left and the right foot, in numbers of these frames
    amount: 0 to 1, how much the legs are changed
    """

    locked: np.ndarray
    locks: tuple[FootLock, ...]
    amount: float


class Contacts:
    """When feet are to be locked: what left already was decided, and is not decided again."""

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._frame_time = calibration.frame_time_seconds
        self._recent = max(2, round(_RECENT_SECONDS / self._frame_time))
        self._decided = np.zeros((0, 2), dtype=bool)
        self._decided_stop = 0

    def find(self, performer: Performer, first: int, left: int, stop: int) -> np.ndarray:
        """(stop - first, 2) bool. left: the first frame that did not leave yet"""
        start = max(performer.first, min(first, left - self._recent))
        contact = self._in_contact(performer, start, stop)
        locked = feet_in_contact(contact) | self._still(performer, start, stop)
        known = slice(max(start, self._decided_stop - len(self._decided)), self._decided_stop)
        if known.stop > start:
            rows = self._decided[len(self._decided) - (known.stop - known.start) :]
            locked[known.start - start : known.stop - start] = rows
        return locked[first - start :]

    def decide(self, locked: np.ndarray, first: int, stop: int) -> None:
        """locked: (N, 2) of frames from `first` on, of which those up to `stop` leave."""
        if self._decided_stop < first:
            # nothing was to be locked in between
            self._decided, self._decided_stop = self._decided[:0], first
        new = locked[self._decided_stop - first : stop - first]
        self._decided = np.concatenate([self._decided, new])[-4 * self._recent :]
        self._decided_stop = stop

    def _in_contact(self, performer: Performer, start: int, stop: int) -> np.ndarray:
        position = performer.contacts(start, stop)
        above_rest = position[..., 1] - CONTACT_REST_HEIGHT_M
        low = is_low(above_rest, self._calibration.standing)
        contact = slower(position, SPEED_M_S, self._frame_time) & low
        shortest = max(1, round(SHORTEST_SECONDS / self._frame_time))
        return remove_short_segments(_without_short_end(contact, shortest), shortest)

    def _still(self, performer: Performer, start: int, stop: int) -> np.ndarray:
        c = self._calibration.correspondence
        clip = performer.clip(start, stop)
        ankles = both_positions(clip, c, "foot").swapaxes(0, 1) * c.scale_to_canonical
        low = ankles[..., 1] - self._calibration.stand < STILL_HEIGHT_M
        still = slower(ankles, STILL_M_S, self._frame_time) & low
        shortest = max(1, round(STILL_SECONDS / self._frame_time))
        # a foot that was still at the window's beginning was so, or is decided
        return remove_short_segments(
            _without_short_end(still, shortest, values=(True,)), shortest, values=(True,)
        )


def _without_short_end(
    mask: np.ndarray, shortest: int, values: tuple[bool, ...] = (False, True)
) -> np.ndarray:
    """mask: (N, K) bool -> the same, its last stretch as what is before it where it is shorter than
    `shortest`: nobody knows yet whether it gets longer.
    """
    result = mask.copy()
    for column in result.T:
        change = np.flatnonzero(column[1:] != column[:-1])
        if len(change) and len(column) - 1 - change[-1] < shortest and column[-1] in values:
            column[change[-1] + 1 :] = column[change[-1]]
    return result


@dataclass(eq=False)
class _Known:
    """A step, in numbers of the stream; settled: its place is not found again."""

    step: Step
    settled: bool = False


class FootSteps:
    """The steps of one foot."""

    def __init__(self, floors: tuple[float, float], frame_time: float, metres: float) -> None:
        self._floors, self._frame_time, self._metres = floors, frame_time, metres
        self._fade = max(1, round(FADE_SECONDS / frame_time))
        self._steps: list[_Known] = []
        self._drift: tuple[int, Array] = (0, np.zeros(3))
        """Up to which frame, the drift that was taken away."""

    @property
    def begins(self) -> list[int]:
        """The first frames of the steps that still count."""
        return [known.step.start for known in self._steps]

    def find(
        self,
        first: int,
        left: int,
        leaves: int,
        locked: np.ndarray,
        legs: tuple[LegTrajectory, LegTrajectory],
        amount: float,
    ) -> FootLock:
        """The lock in the N frames from `first` on, in numbers of these frames.

        left: the first frame that did not leave yet; leaves: the first that will not leave next
        locked: (N,) bool; legs: in the input and in the result; amount: as in `lock_feet_to`
        """
        was, now = legs
        drift = self._drift_of(first, leaves, locked, was, amount)
        steps = []
        for start, stop in segments(locked):
            known = self._step(first, first + start, start == 0)
            if not known.settled:
                self._place(known, slice(start, stop), was, now, drift)
                self._draw(known, left)
            if known.step.stop <= left or first + stop > left:
                known.step = replace(known.step, stop=first + stop)
            # what has landed stays
            known.settled = known.settled or known.step.start < leaves
            steps.append(known)
        self._steps = [
            one for one in self._steps if one not in steps and self._counts(one, first)
        ] + steps
        self._part(left)
        in_window = tuple(
            replace(one.step, start=one.step.start - first, stop=one.step.stop - first)
            for one in self._steps
        )
        return FootLock(in_window, drift, *self._floors)

    def _counts(self, known: _Known, first: int) -> bool:
        step = known.step
        return known.settled and step.stop + step.fade_out > first

    def _step(self, first: int, start: int, at_edge: bool) -> _Known:
        for known in self._steps:
            step = known.step
            if step.start == start or (at_edge and step.start <= first <= step.stop):
                return known
        nowhere = np.zeros(3)
        fresh = Step(start, start + 1, 0, self._fade, rotation.IDENTITY, nowhere, nowhere)
        # what was thought of a step that has not begun yet is thought again
        return _Known(fresh)

    def _place(
        self, known: _Known, rows: slice, was: LegTrajectory, now: LegTrajectory, drift: Array
    ) -> None:
        """Where the foot is to stand, by the frames of the step that are known."""
        changed = rotation.multiply(
            now.foot_rotation[rows], rotation.inverse(was.foot_rotation[rows])
        )
        products = (changed[:, :, None] * changed[:, None]).sum(axis=0)
        mean = rotation.mean_of_products(products[None])[0]
        heading = rotation.about_y(2.0 * np.arctan2(mean[2], mean[0]))
        centre = was.pivot[rows].mean(axis=0) + drift[rows].mean(axis=0)
        new_centre = np.where(UP > 0.0, centre, now.pivot[rows].mean(axis=0))
        known.step = replace(known.step, heading=heading, centre=centre, new_centre=new_centre)

    def _draw(self, known: _Known, left: int) -> None:
        """How early the foot is drawn to a step that was just seen to come."""
        if known.step.fade_in == 0:
            fade_in = min(self._fade, max(known.step.start - left, 0))
            known.step = replace(known.step, fade_in=fade_in)

    def _part(self, left: int) -> None:
        """A gap between two steps that is shorter than their fades is both of them's."""
        self._steps.sort(key=lambda known: known.step.start)
        for before, after in zip(self._steps, self._steps[1:], strict=False):
            gap = after.step.start - before.step.stop
            if before.step.stop >= left:
                before.step = replace(before.step, fade_out=max(min(self._fade, gap), 0))
            after.step = replace(after.step, fade_in=max(min(after.step.fade_in, gap), 0))

    def _drift_of(
        self, first: int, leaves: int, locked: np.ndarray, was: LegTrajectory, amount: float
    ) -> Array:
        steps = drift_correction(
            was, locked, np.full(len(locked), amount), self._frame_time, self._metres
        )
        drift = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        at, value = self._drift
        drift += value - drift[max(at - first, 0)]
        self._drift = leaves, drift[min(leaves - first, len(drift) - 1)].copy()
        return drift


class Planting:
    """Both feet of a stream."""

    def __init__(self, calibration: Calibration) -> None:
        self._c = calibration.correspondence
        frame_time = calibration.frame_time_seconds
        self.contacts = Contacts(calibration)
        self._feet = [
            FootSteps(floors, frame_time, self._c.scale_to_canonical)
            for floors in calibration.floors
        ]
        assert len(self._feet) == len(SIDES), "both legs have floors"
        self._frames_averaged = CHANGE_SECONDS / frame_time
        self._squared = self._seen = 0.0

    def began_before(self, frame: int) -> bool:
        """Whether a step that still counts began before this frame."""
        return any(begin < frame for foot in self._feet for begin in foot.begins)

    def find(
        self,
        frames: tuple[int, int, int],
        locked: np.ndarray,
        was: Sequence[LegTrajectory],
        now: Sequence[LegTrajectory],
    ) -> FoundLocks:
        """frames: the first one of N; the first that did not leave yet; the first that will not
            leave next
        locked: (N, 2) bool; was, now: (N, ...) of both legs in the input and in the result
        """
        amount = self._amount(was, now)
        locks = tuple(
            foot.find(*frames, locked[:, column], (before, after), amount)
            for column, (foot, before, after) in enumerate(zip(self._feet, was, now, strict=True))
        )
        return FoundLocks(locked, locks, amount)

    def _amount(self, was: Sequence[LegTrajectory], now: Sequence[LegTrajectory]) -> float:
        squared, count = leg_change(was, now)
        self._seen = min(self._seen + len(was[0].foot), self._frames_averaged)
        share = len(was[0].foot) / self._seen
        self._squared += min(share, 1.0) * (squared / count - self._squared)
        return amount_of_change(self._squared, self._c.scale_to_canonical)
