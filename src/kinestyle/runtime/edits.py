"""What is done to a motion beside its style: a part of it, a cycle, in place, on another bone, at
another rate. It is done last, to a result as to any motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.errors import ClipError, RigError, wrong_type
from kinestyle.motion.clip import Clip
from kinestyle.motion.part import part_of
from kinestyle.motion.rotation import Array
from kinestyle.motion.warp import frame_after, warp
from kinestyle.motion.window import EachFrame, Motion, collect, require_motion
from kinestyle.note import Note
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.retarget.placement import in_place, with_travel_on
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.presets import as_rig
from kinestyle.runtime.cycles import find_cycle
from kinestyle.runtime.looping import FAR_APART_M, Loop, loop_ends
from kinestyle.runtime.settings import Settings

LOWEST_FPS = 0.1


@dataclass(frozen=True)
class Edit:
    """Which frames of a motion become which of the result.

    name: what messages call the motion
    start, stop: the first frame that is taken, and the one after the last
    loop: over how many of these a cycle is blended, which has so many frames less
    frame_time_seconds, out_frame_time_seconds: of the motion, and of the result
    """

    name: str
    start: int
    stop: int
    loop: int
    frame_time_seconds: float
    out_frame_time_seconds: float

    @property
    def frame_count(self) -> int:
        """Of the motion that is taken, before its rate changes."""
        return self.stop - self.start - self.loop

    @property
    def resamples(self) -> bool:
        return self.out_frame_time_seconds != self.frame_time_seconds

    @cached_property
    def at_frame(self) -> Array:
        """(M,) fractional numbers of the frames that are taken, at which the result's are."""
        last = self.frame_count - 1
        if not self.resamples:
            return np.arange(last + 1, dtype=float)
        step = self.out_frame_time_seconds / self.frame_time_seconds
        if self.loop and last:
            # a cycle is a whole number of frames, so that its last is its first
            return np.linspace(0.0, last, max(2, round(last / step) + 1))
        return np.arange(int(np.floor(last / step + 1e-6)) + 1) * step

    @property
    def moments(self) -> Array:
        """(M,) the same as numbers of the motion's frames."""
        return self.start + self.at_frame

    def changes(self, frame_count: int) -> bool:
        """Whether a motion of so many frames gets others."""
        return (self.start, self.stop, self.loop) != (0, frame_count, 0) or self.resamples


def plan_edit(motion: Motion, settings: Settings, moments: Array | None = None) -> Edit:
    """What the settings take of a motion.

    moments: (T,) fractional numbers of the clip's frames at which those of the motion are, where
        its tempo changed: times are the clip's

    Raises ClipError for a part that the motion does not have.
    """
    seconds, count = motion.frame_time_seconds, motion.frame_count

    def frame(moment: float | str) -> int:
        at = float(moment[:-1]) if isinstance(moment, str) else moment / seconds
        if moments is not None:
            at = float(frame_after(moments, np.array([at]))[0])
        return round(at)

    start = 0 if settings.start is None else frame(settings.start)
    stop = count if settings.stop is None else min(frame(settings.stop) + 1, count)
    if start >= count:
        raise ClipError(
            f"from is {_said(settings.start)}, which is behind the end of {motion.name}: it has "
            f"{count} frames, {(count - 1) * seconds:.4g} s"
        )
    if start >= stop:
        raise ClipError(
            f"from is {_said(settings.start)} and to {_said(settings.stop)}, expected a part of "
            f"{motion.name} that ends behind its beginning"
        )
    out = 1.0 / settings.out_fps if settings.out_fps >= LOWEST_FPS else seconds
    if 0.0 < settings.out_fps < LOWEST_FPS:
        raise ClipError(
            f"out_fps is {settings.out_fps:g}, expected 0, or frames a second from {LOWEST_FPS:g}"
        )
    if abs(out / seconds - 1.0) < 1e-4:
        out = seconds
    if settings.loop > 0 and stop - start < 2 * settings.loop + 2:
        raise ClipError(
            f"loop is {settings.loop} for the {stop - start} frames that are taken of "
            f"{motion.name}, expected {2 * settings.loop + 2} frames or more; give loop fewer"
        )
    return Edit(motion.name, start, stop, settings.loop, seconds, out)


def _said(moment: float | str | None) -> str:
    return "its beginning" if moment is None else f"{moment} s".replace("f s", "f")


def edit(motion: Motion, settings: Settings, c: Correspondence | None = None) -> Motion:
    """The motion as the settings' `start`, `stop`, `loop`, `in_place`, `root_motion` and `out_fps`
    have it. A clip, if that is one, or becomes a cycle.

    c: of its rig, where known; it is found in the motion where it is needed

    Raises ClipError, RigError.
    """
    require_motion(motion, "motion")
    if not isinstance(settings, Settings):
        raise wrong_type("settings", settings, "Settings, such as Settings(in_place=True)")
    return apply_edit(motion, plan_edit(motion, settings), settings, c)


def resample(motion: Motion, frame_rate: float) -> Motion:
    """The motion at another rate, in frames a second; it lasts as long. Bodies move along splines
    between the frames, all else straight; frames that both rates have stay the very same.

    Raises ClipError, StyleError for a rate that none has.
    """
    if not frame_rate:
        raise ClipError("frame_rate is 0, expected frames a second")
    return edit(motion, Settings(out_fps=frame_rate))


def apply_edit(
    motion: Motion, plan: Edit, settings: Settings, c: Correspondence | None = None
) -> Motion:
    """As `edit`, of frames that are chosen already."""
    places = settings.in_place or settings.root_motion != "keep"
    if c is None and (plan.loop or places or plan.resamples):
        c = _correspondence(motion, settings, needed=bool(plan.loop) or places)
    taken, turn = part_of(motion, plan.start, plan.stop), None
    if plan.loop:
        assert c is not None, "found above"
        clip = taken if isinstance(taken, Clip) else collect(taken)
        made = loop_ends(clip, c, plan.loop, settings.feet == "lock")
        taken, turn = made.clip.with_warnings(*_loop_notes(plan, made)), made.cycle.turn
    elif places and settings.cycle != "no" and isinstance(taken, Clip) and c is not None:
        found = find_cycle(taken, c, asked=settings.cycle == "yes")
        turn = found.turn if found is not None and found.whole else None
    if settings.in_place:
        assert c is not None, "found above"
        taken = in_place(taken, c, turn)
    if settings.root_motion != "keep":
        assert c is not None, "found above"
        taken = with_travel_on(taken, c, settings.root_motion, turn)
    return _at_rate(taken, plan, c)


def edit_base(base: Motion, plan: Edit, c: Correspondence) -> Motion:
    """The frames of a motion that belong to those of a result that was edited."""
    return _at_rate(part_of(base, plan.start, plan.start + plan.frame_count), plan, c)


def _correspondence(motion: Motion, settings: Settings, *, needed: bool) -> Correspondence | None:
    """Raises RigError where it is needed and no body is found."""
    try:
        return correspond(motion, map_joints(motion, as_rig(settings.rig)))
    except RigError:
        if needed:
            raise
        return None


def _loop_notes(plan: Edit, made: Loop) -> list[str]:
    gone, turn = float(np.linalg.norm(made.cycle.travel)), abs(np.degrees(made.cycle.turn))
    way = f"goes {gone:.2f} m" if gone else "stays where it is"
    turns = f" and turns {turn:.0f} degrees" if turn else ""
    notes: list[str] = [
        Note(
            f"{plan.name} is a cycle of {made.cycle.period} frames now, whose last pose is its "
            f"first, with {plan.loop} frames blended; a round {way}{turns}",
            "looped",
            f"A cycle of {made.cycle.period} frames now; a round {way}{turns}",
            period_frames=made.cycle.period,
        )
    ]
    if made.apart_m > FAR_APART_M:
        notes.append(
            Note(
                f"the two ends of {plan.name} are up to {100 * made.apart_m:.0f} cm apart in a "
                f"joint, so that the blend passes through poses that nobody took; the body looks "
                f"most as in the beginning with --to {plan.start + made.better_last}f",
                "seam",
                f"The ends are {100 * made.apart_m:.0f} cm apart: end at frame "
                f"{plan.start + made.better_last} instead",
                better_last_frame=plan.start + made.better_last,
                apart_m=round(float(made.apart_m), 3),
            )
        )
    return notes


def _at_rate(motion: Motion, plan: Edit, c: Correspondence | None) -> Motion:
    """The motion at the rate of the result, along splines where it is a body's."""
    if not plan.resamples:
        return motion
    smooth = [] if c is None else c.body[0]
    warped = warp(motion, plan.at_frame, smooth)
    if isinstance(warped, Clip):
        return replace(warped, frame_time_seconds=plan.out_frame_time_seconds)
    return Retimed(warped, plan.out_frame_time_seconds)


@dataclass(frozen=True, eq=False)
class Retimed(EachFrame):
    """The frames of a longer motion at another rate."""

    motion: Motion
    seconds: float

    @property
    def frame_time_seconds(self) -> float:
        return self.seconds

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        clip = self.motion.window(start, stop, joints)
        return replace(clip, frame_time_seconds=self.seconds)
