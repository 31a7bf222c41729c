"""The result of restyling: the hips on their path, the feet locked, a window at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from math import ceil
from typing import Any, Self, TypeVar, cast

import numpy as np

from kinestyle.motion.canonical import SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import segments, smooth_in_time
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
from kinestyle.note import Note
from kinestyle.retarget.changes import carry_along, with_body_moved, with_root_moved
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.retarget.foot_lock import (
    amount_of_change,
    leg_change,
    lock_halo,
    reach_locks,
    stance_velocity,
    with_legs,
)
from kinestyle.retarget.footsteps import FootLock, StepMeasure
from kinestyle.retarget.hands import hands_halo, hands_out_of_legs, hold_hands
from kinestyle.retarget.legs import leg_trajectories
from kinestyle.retarget.survey import Survey
from kinestyle.runtime.layers import Layers
from kinestyle.runtime.settings import FootMode, Root

Found = TypeVar("Found")

STAYS_M = 1e-4
"""How far hips move over the ground that do not travel at all: a clip made to go in place goes in
place in every style.
"""

FAR_END_M = 0.25
"""From which distance on between a result's end and its input's a user is told."""

STANCE_SMOOTHING_SECONDS = 0.05
"""Of what planted feet say of the hips' velocity."""


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
        change: Layers,
        root: Root,
        size: WindowSize,
        progress: Progress | None = None,
        begins: int = 0,
        returns: tuple[int, int] | None = None,
        feet: FootMode = "lock",
        presence: Array | None = None,
        held_hands: Mapping[str, float] | None = None,
        arms: Mapping[str, float] | None = None,
        hold: Array | None = None,
    ) -> None:
        """begins: the frame at which the hips are where they were over the ground
        returns: two frames between which the hips go no farther over the ground than they did
        feet: as in `Settings`
        presence: (T,) 0 to 1, how much of a result there is, where 0 the motion itself; None where
            there is all of it
        held_hands: by side, how much a hand stays where it was in the world, 0 to 1
        arms: by role, how much each hand and shoulder gives way to legs that locked feet move, 0
            to 1
        hold: (T30,) 0 to 1, whether both hands hold one thing, see `Action`
        """
        self.motion, self.correspondence = motion, correspondence
        self.survey, self.change, self.root, self.size = survey, change, root, size
        self.warnings = motion.warnings
        self._joints, self._legs = correspondence.legs
        # a clip that is one window is asked for the same again; what is kept must not refer back to
        # this object, which holds much and is to go when it is not used any more
        self._kept: dict[str, tuple[tuple[int, int], Any]] = {}
        self._travel: Array = np.zeros((motion.frame_count, 3))
        self._presence, self._held_hands = presence, held_hands or {}
        self._arms, self._hold = arms or {}, hold
        locks = feet == "lock" and change.move_legs and bool(survey.locked.any())
        half = 0.5 if locks else 1.0
        self._changed = self._find_travel(part_of_progress(progress, 0.0, half))
        if presence is not None:
            self._travel = _back_on_path(self._travel, presence)
        else:
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
        if self._locks and self._arms:
            halo += hands_halo(self.frame_time_seconds)
        window = Window(start, stop, max(0, start - halo), min(self.frame_count, stop + halo))
        before = self.motion.window(window.first, window.last)
        change = self._change_at(window.first, window.last)
        after = change.turned(before, self.correspondence)
        if change.move_legs:
            after = self._on_its_feet(before, after, change, window)
        if self._locks and self._arms:
            hold = self._hold_at(window)
            after = hands_out_of_legs(before, after, self.correspondence, self._arms, hold)
        if self._held_hands:
            shares = {
                side: np.full(window.read_count, share) for side, share in self._held_hands.items()
            }
            travel = self._travel[window.read]
            after = hold_hands(before, after, self.correspondence, shares, travel)
        if self._presence is not None:
            after = _where_present(before, after, self._presence[window.read])
        return after.window(window.core.start, window.core.stop, joints)

    def _hold_at(self, window: Window) -> Array:
        """(N,) 0 to 1, whether both hands hold one thing."""
        if self._hold is None:
            return np.zeros(window.read_count)
        at = np.arange(window.first, window.last) * self.frame_time_seconds * FRAME_RATE
        return np.interp(at, np.arange(len(self._hold)), self._hold)

    def _on_its_feet(self, before: Clip, turned: Clip, change: Layers, window: Window) -> Clip:
        """The turned clip with the travel of its hips, and its feet locked."""
        travel = self._travel[window.read]
        if self._locks:
            was, legs_turned, _ = self._turned_legs(window.first, window.last)
            legs, lowered = reach_locks(
                leg_trajectories(was, self._legs),
                with_body_moved(legs_turned, self._legs, travel),
                self._legs,
                self._locks,
                window,
                self._amount(change, window.read_count),
                None if self._presence is None else self._presence[window.read],
            )
            in_rig = {self._joints[joint]: each for joint, each in legs.items()}
            lowered += travel / self.correspondence.scale_to_canonical
            after = with_legs(turned, self.correspondence, in_rig, lowered)
        else:
            after = with_root_moved(turned, self.correspondence, travel)
        # hips that are to stay do not come down for the feet's sake
        if self.root == "keep":
            kept = carry_along(
                before, self.correspondence, before.local_position, after.local_rotation
            )
            after = after.with_motion(kept, after.local_rotation)
        return after

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
        if not self.change.move_legs:
            return 0.0
        travels = self.root in ("auto", "planted", "predicted") and self.survey.travel_m >= STAYS_M
        sigma = STANCE_SMOOTHING_SECONDS / self.frame_time_seconds
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
            moved = with_body_moved(turned.window(*core), self._legs, self._travel[window.wanted])
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
            moved = with_body_moved(turned, self._legs, self._travel[window.read])
            legs = leg_trajectories(before, self._legs), leg_trajectories(moved, self._legs)
            for measure, was, now in zip(steps, *legs, strict=True):
                measure.add(window, was, now, self._amount(change, window.read_count))
        locks = [
            measure.finish(*floors)
            for measure, floors in zip(steps, self.survey.floors, strict=True)
        ]
        if self._presence is not None:
            locks = [lock.staying(self._presence == 0.0) for lock in locks]
        return tuple(locks)

    def _windows(self, halo: int) -> list[Window]:
        return self.size.cut(self.frame_count, self.frame_time_seconds, halo)

    def _turned_legs(self, first: int, last: int) -> tuple[Clip, Clip, Layers]:
        """The legs before and after the change, without travel, and the change."""

        def turn() -> tuple[Clip, Clip, Layers]:
            before = self.motion.window(first, last, self._joints)
            change = self._change_at(first, last)
            return before, change.turned(before, self._legs, self._joints), change

        return self._once("legs", first, last, turn)

    def _change_at(self, first: int, last: int) -> Layers:
        return self._once(
            "change", first, last, lambda: self.change.at(first, last, self.frame_time_seconds)
        )

    def _once(self, what: str, first: int, last: int, find: Callable[[], Found]) -> Found:
        """What was found last, if that was of the same frames."""
        frames, found = self._kept.get(what, (None, None))
        if frames != (first, last):
            found = find()
            self._kept[what] = (first, last), found
        return cast(Found, found)

    def _amount(self, change: Layers, frame_count: int) -> Array:
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
    return (
        Note(
            f'the result ends {apart}; root "keep" stays on its path',
            "travel",
            f"Ends {apart}",
            end_distance_m=round(end_distance_m, 3),
        ),
    )


def _back_on_path(travel: Array, presence: Array) -> Array:
    """travel: (T, 3) -> the same, none over the ground where nothing is present: (T,) of 0 to 1.

    What it gains from one such stretch to the next is taken back in between, as much as there is of
    the result; before the first one and after the last the body goes its own way.
    """
    back = travel * UP
    for start, stop in segments(presence > 0.0):
        own = travel[start:stop] * (1.0 - UP)
        begins, ends = start > 0, stop < len(travel)
        gained = travel[stop] * (1.0 - UP) - own[0] if ends else np.zeros(3)
        if begins and ends:
            done = np.cumsum(presence[start:stop]) - presence[start:stop]
            own = own - own[0] - done[:, None] / max(done[-1], 1.0) * gained
        elif ends:
            own = own - own[0] - gained
        elif begins:
            own = own - own[0]
        back[start:stop] += own
    back[presence == 0.0] = 0.0
    return np.asarray(back)


def _where_present(before: Clip, after: Clip, presence: Array) -> Clip:
    """`after`, and the very numbers of `before` where (T,) nothing is present."""
    there = (presence > 0.0)[:, None, None]
    return after.with_motion(
        np.where(there, after.local_position, before.local_position),
        np.where(there, after.local_rotation, before.local_rotation),
    )
