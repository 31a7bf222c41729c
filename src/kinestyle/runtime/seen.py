"""What of a motion the networks see: not a pose in front of it that is no part of it, and of a
cycle more than one round.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import with_lead_in
from kinestyle.motion.rotation import Array
from kinestyle.motion.warp import warp
from kinestyle.motion.window import WINDOWS, Motion, WindowSize, collect
from kinestyle.note import Note
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.runtime.change import Change
from kinestyle.runtime.cycles import Unrolled, unroll
from kinestyle.runtime.settings import CycleMode

AnyMotion = TypeVar("AnyMotion", bound=Motion)
MotionOf = TypeVar("MotionOf", bound=Motion, covariant=True)


@dataclass(frozen=True, eq=False)
class Seen(Generic[MotionOf]):
    """A motion, and what of it is restyled.

    whole: the motion as it was given, with what there is to tell of it
    lead_in: how many of its first frames are left alone
    rest: the frames behind them; those of the whole where there are none
    unrolled: the motion that these are a piece of; None where they are all of it
    """

    whole: MotionOf
    lead_in: int
    rest: Motion
    unrolled: Unrolled | None

    @property
    def motion(self) -> Motion:
        """What is restyled."""
        if self.unrolled is not None:
            return self.unrolled.motion
        return self.rest if self.lead_in else self.whole

    @property
    def begins(self) -> int:
        """The frame of `motion` that is the first one of `rest`."""
        return 0 if self.unrolled is None else self.unrolled.frames.start

    @property
    def returns(self) -> tuple[int, int] | None:
        """As `Unrolled.returns`."""
        return None if self.unrolled is None else self.unrolled.returns

    @property
    def feature_frames(self) -> slice:
        """Where the frames of `rest` are among those of `motion`, at 30 frames a second."""
        return slice(None) if self.unrolled is None else self.unrolled.feature_frames

    @property
    def lead_in_seconds(self) -> float:
        return self.lead_in * self.whole.frame_time_seconds

    def with_warnings(self, *more: str) -> Seen[MotionOf]:
        """The same with more to tell the user."""
        return replace(self, whole=self.whole.with_warnings(*more))

    @property
    def piece(self) -> Motion:
        """What is hurried or slowed: the frames that move, up to the one with which the next round
        of a cycle begins.
        """
        return self.rest if self.unrolled is None else self.unrolled.piece

    def in_time(self, moments: Array, smooth: Collection[int]) -> Timed[MotionOf]:
        """The same with its piece at (M,) ascending fractional frame numbers; what stands before
        and after it stands as long as before. smooth: as in `warp`
        """
        unrolled, frozen = self.unrolled, 0
        if unrolled is not None:
            moments = moments[: len(moments) - unrolled.begins_again]
            frozen = unrolled.frozen
        last = self.rest.frame_count - frozen - 1
        of_rest = np.concatenate([np.minimum(moments, last), last + 1.0 + np.arange(frozen)])
        of_whole = np.concatenate([np.arange(self.lead_in), self.lead_in + of_rest])
        whole: Any = warp(self.whole, of_whole, smooth)
        if unrolled is None:
            rest = warp(self.rest, moments, smooth) if self.lead_in else whole
            whole = with_lead_in(whole, self.lead_in, rest)
            return Timed(replace(self, whole=whole, rest=rest), of_whole, moments)
        piece = warp(unrolled.piece, moments, smooth)
        if not self.lead_in:
            piece = replace(piece, source=whole.source)
        timed = unrolled.in_time(piece)
        rest = timed.with_frozen_end(piece)
        if self.lead_in:
            whole = with_lead_in(whole, self.lead_in, rest)
        else:
            whole = whole.with_motion(rest.local_position, rest.local_rotation)
        seen = Seen(whole, self.lead_in, rest, timed)
        return Timed(seen, of_whole, unrolled.moments_in(timed, moments))

    def in_whole(self, contact: np.ndarray) -> np.ndarray:
        """contact: (N, ...) bool, of `motion` -> (T, ...) of the whole; False in the lead-in."""
        rest = contact
        if self.unrolled is not None:
            rest = contact[self.unrolled.frames]
            rest = np.concatenate([rest, np.repeat(rest[-1:], self.unrolled.frozen, axis=0)])
        return np.concatenate([np.zeros((self.lead_in, *rest.shape[1:]), dtype=bool), rest])

    def change(self, change: Change) -> Change:
        """As `Unrolled.repeated_change`."""
        return change if self.unrolled is None else self.unrolled.repeated_change(change)

    def put_back(self, result: Motion, size: WindowSize = WINDOWS) -> Motion:
        """result: of `motion` -> of the whole. A clip, if that is one."""
        if self.unrolled is not None:
            done = self.unrolled.put_back(result)
            result = replace(done, warnings=self.whole.warnings)
        elif isinstance(self.whole, Clip):
            result = collect(result, size)
        return with_lead_in(self.whole, self.lead_in, result)


class Timed(NamedTuple, Generic[MotionOf]):
    """What is seen of a motion in another time.

    of_whole, of_motion: fractional frame numbers of the whole, and of `Seen.motion`, as they were,
        at which the frames are now
    """

    seen: Seen[MotionOf]
    of_whole: Array
    of_motion: Array


def see(
    motion: AnyMotion, rest: Motion, lead_in: int, c: Correspondence, mode: CycleMode
) -> Seen[AnyMotion]:
    """rest, lead_in: what `without_lead_in` gives; c: of the rest; mode: as in `Settings.cycle`"""
    unrolled = unroll(rest, c, mode) if isinstance(rest, Clip) else None
    notes: tuple[str, ...] = () if unrolled is None else unrolled.notes
    if lead_in:
        frames = "frame is a pose" if lead_in == 1 else f"{lead_in} frames are one pose"
        notes = (
            Note(
                f"the first {frames} that is no part of the motion in {motion.name}, such as a "
                f"T-pose: kept as it is, and all behind it restyled as if it began there",
                "lead-in",
                f"The first {frames} apart from the motion: kept as it is",
            ),
            *notes,
        )
    told = motion.with_warnings(*notes) if notes else motion
    return Seen(told, lead_in, rest, unrolled)
