"""The result of restyling: the hips on their path, the feet locked, a window at a time."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from math import ceil
from typing import Self

import numpy as np

from kinestyle.motion.canonical import SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.motion.window import (
    Motion,
    OfMotion,
    Progress,
    Window,
    WindowSize,
    one_by_one,
    part_of_progress,
    sample_frames,
)
from kinestyle.retarget.changes import apply_change, carry_along, offset_root
from kinestyle.retarget.correspondence import LEG_ROLES, Correspondence
from kinestyle.retarget.foot_lock import (
    amount_of_change,
    leg_change,
    lock_halo,
    reach_locks,
    stance_velocity,
    with_legs,
)
from kinestyle.retarget.footsteps import FootLock, StepMeasure
from kinestyle.retarget.legs import leg_trajectories
from kinestyle.retarget.survey import Survey
from kinestyle.runtime.change import Change
from kinestyle.runtime.settings import FootMode, Root

STAYS_M = 1e-4
"""How far hips move over the ground that do not travel at all: a clip made to go in place goes in
place in every style.
"""

FAR_END_M = 0.25
"""From which distance on between a result's end and its input's a user is told."""

_STANCE_SMOOTHING_SECONDS = 0.05


class Restyled(OfMotion):
    """A motion with a change, a `Motion` again: each window is computed when it is asked for.

    Where the hips travel and what the feet are locked to depends on the whole motion. It is found
    first, in two runs over the legs alone.
    """

    def __init__(
        self,
        motion: Motion,
        correspondence: Correspondence,
        survey: Survey,
        change: Change,
        root: Root,
        size: WindowSize,
        progress: Progress | None = None,
        begins: int = 0,
        returns: tuple[int, int] | None = None,
        feet: FootMode = "lock",
    ) -> None:
        """begins: the frame at which the hips are where they were over the ground
        returns: two frames between which the hips go no farther over the ground than they did
        feet: as in `Settings`"""
        self.motion, self.correspondence = motion, correspondence
        self.survey, self.change, self.root, self.size = survey, change, root, size
        self.warnings = motion.warnings
        self._joints, self._legs = correspondence.part(LEG_ROLES)
        # a clip that is one window is asked for the same legs again
        self._turned_legs = lru_cache(maxsize=1)(self._turn_legs)
        self._change_at = lru_cache(maxsize=1)(self._find_change)
        self._travel = np.zeros((motion.frame_count, 3))
        locks = feet == "lock" and bool(survey.locked.any())
        half = 0.5 if locks else 1.0
        self._changed = self._find_travel(part_of_progress(progress, 0.0, half))
        if begins:
            self._travel -= self._travel[begins] * (1.0 - UP)
        if returns is not None:
            self._travel -= _drift(self._travel, *returns)
        self._locks = self._lock(part_of_progress(progress, half, 1.0)) if locks else ()

    @property
    def frame_count(self) -> int:
        return self.motion.frame_count

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        halo = lock_halo(self.frame_time_seconds) if self._locks else 0
        window = Window(start, stop, max(0, start - halo), min(self.frame_count, stop + halo))
        before = self.motion.window(window.first, window.last)
        change = self._change_at(window.first, window.last)
        after = self._moved(
            _turned(before, self.correspondence, change), self.correspondence, window.read
        )
        if self._locks:
            was, now = (clip.window(0, clip.frame_count, self._joints) for clip in (before, after))
            legs, lowered = reach_locks(
                leg_trajectories(was, self._legs),
                now,
                self._legs,
                self._locks,
                window,
                self._amount(change, window.read_count),
            )
            in_rig = {self._joints[joint]: turned for joint, turned in legs.items()}
            after = with_legs(after, self.correspondence, in_rig, lowered)
        # hips that are to stay do not come down for the feet's sake
        if self.root == "keep":
            kept = carry_along(
                before, self.correspondence, before.local_position, after.local_rotation
            )
            after = after.with_motion(kept, after.local_rotation)
        return after.window(window.core.start, window.core.stop, joints)

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return sample_frames(self, frames)

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        warned = copy(self)
        warned.warnings = (*self.warnings, *more)
        return warned

    def _find_travel(self, progress: Progress | None) -> float:
        """Find how far the hips are from where they were, and return how much the legs changed, 0
        to 1.
        """
        travels = self.root in ("auto", "planted", "predicted") and self.survey.travel_m >= STAYS_M
        sigma = _STANCE_SMOOTHING_SECONDS / self.frame_time_seconds
        travelled, squared, count = np.zeros((1, 3)), 0.0, 0
        for window in one_by_one(self._windows(ceil(3.0 * sigma) + 1), progress):
            before, turned, change = self._turned_legs(window.first, window.last)
            if travels:
                pace = change.pace
                if self.root != "predicted":
                    # Planted feet know best how far the body moves over them; between steps the
                    # predictor says.
                    locked = self.survey.locked[window.read]
                    stance, known = stance_velocity(before, turned, self._legs, locked)
                    known = smooth_in_time(known, sigma)[:, None]
                    pace = known * smooth_in_time(stance, sigma) + (1.0 - known) * pace
                if self.root == "auto":
                    pace = self.survey.carried[window.read, None] * pace
                pace = pace[window.core]
                travelled = np.cumsum(np.concatenate([travelled[-1:], pace]), axis=0)
                self._travel[window.wanted] = travelled[1:] - pace
            self._travel[window.wanted, 1] = (
                0.0 if self.root == "keep" else change.rise[window.core]
            )
            core = window.core.start, window.core.stop
            moved = self._moved(turned.window(*core), self._legs, window.wanted)
            added, number = leg_change(
                leg_trajectories(before.window(*core), self._legs),
                leg_trajectories(moved, self._legs),
            )
            squared, count = squared + added, count + number
        return amount_of_change(squared / count, self._legs.scale_to_canonical)

    def _lock(self, progress: Progress | None) -> tuple[FootLock, ...]:
        """What the left and the right foot are locked to."""
        steps = [
            StepMeasure(
                self.survey.locked[:, column],
                self.frame_time_seconds,
                self._legs.scale_to_canonical,
            )
            for column in range(len(SIDES))
        ]
        for window in one_by_one(self._windows(1), progress):
            before, turned, change = self._turned_legs(window.first, window.last)
            moved = self._moved(turned, self._legs, window.read)
            legs = leg_trajectories(before, self._legs), leg_trajectories(moved, self._legs)
            for measure, was, now in zip(steps, *legs, strict=True):
                measure.add(window, was, now, self._amount(change, window.read_count))
        return tuple(
            measure.finish(*floors)
            for measure, floors in zip(steps, self.survey.floors, strict=True)
        )

    def _windows(self, halo: int) -> list[Window]:
        return self.size.cut(self.frame_count, self.frame_time_seconds, halo)

    def _turn_legs(self, first: int, last: int) -> tuple[Clip, Clip, Change]:
        """The legs before and after the change, without travel, and the change."""
        before = self.motion.window(first, last, self._joints)
        change = self._change_at(first, last)
        return before, _turned(before, self._legs, change), change

    def _find_change(self, first: int, last: int) -> Change:
        return self.change.at(first, last, self.frame_time_seconds)

    def _moved(self, turned: Clip, correspondence: Correspondence, frames: slice) -> Clip:
        """The clip with the travel of these frames."""
        position = offset_root(turned, correspondence, turned.local_rotation, self._travel[frames])
        return turned.with_motion(position, turned.local_rotation)

    def _amount(self, change: Change, frame_count: int) -> Array:
        """(N,) how much was changed at each moment, 0 to 1."""
        share = np.ones(frame_count) if change.share is None else change.share
        return self._changed * share


def _drift(travel: Array, start: int, stop: int) -> Array:
    """travel: (T, 3) -> (T, 3) as much over the ground as it gains between two frames, evenly."""
    gained = (travel[stop] - travel[start]) * (1.0 - UP)
    return np.arange(-start, len(travel) - start)[:, None] / (stop - start) * gained


def travel_notes(end_distance_m: float) -> tuple[str, ...]:
    """What to tell a user of how far a result ends from its input's end."""
    if end_distance_m <= FAR_END_M:
        return ()
    apart = f"{end_distance_m:.2f} m from the clip's end"
    return (f'the result ends {apart}; root "keep" stays on its path',)


def _turned(before: Clip, correspondence: Correspondence, change: Change) -> Clip:
    """The clip with its joints rotated, its hips where they were."""
    return apply_change(before, correspondence, change.rotation, np.zeros((before.frame_count, 3)))
