"""What of a motion the networks see: not a pose in front of it that is no part of it, and of a
cycle more than one round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import with_lead_in
from kinestyle.motion.window import WINDOWS, Motion, WindowSize, collect
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

    def in_whole(self, contact: np.ndarray) -> np.ndarray:
        """contact: (N, ...) bool, of `motion` -> (T, ...) of the whole; False in the lead-in."""
        rest = contact if self.unrolled is None else contact[self.unrolled.frames]
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


def see(
    motion: AnyMotion, rest: Motion, lead_in: int, c: Correspondence, mode: CycleMode
) -> Seen[AnyMotion]:
    """rest, lead_in: what `without_lead_in` gives; c: of the rest; mode: as in `Settings.cycle`"""
    unrolled = unroll(rest, c, mode) if isinstance(rest, Clip) else None
    notes = () if unrolled is None else unrolled.notes
    if lead_in:
        frames = "frame is a pose" if lead_in == 1 else f"{lead_in} frames are one pose"
        notes = (
            f"the first {frames} that is no part of the motion in {motion.name}, such as a T-pose: "
            f"kept as it is, and all behind it restyled as if it began there",
            *notes,
        )
    told = motion.with_warnings(*notes) if notes else motion
    return Seen(told, lead_in, rest, unrolled)
