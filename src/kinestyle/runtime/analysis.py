"""What is known of a motion before a style is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic

import numpy as np

from kinestyle.bundle import Style
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.survey import Survey
from kinestyle.runtime.action import Action, find_action
from kinestyle.runtime.out_of_domain import DomainScore
from kinestyle.runtime.posture import Posture, own_posture
from kinestyle.runtime.seen import MotionOf, Seen
from kinestyle.runtime.sequences import Rendering
from kinestyle.runtime.settings import CycleMode, Settings


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Generic[MotionOf]):
    """Everything that need not be computed again when the style changes.

    seen: what of the clip is restyled, and all below belongs to: not a T-pose in front of it, and
        of a cycle more than one round
    cycle: as in `Settings`, for which that was found
    survey: what shows in the whole motion only: contacts, locked feet
    content: (C, P/8), P the frames at 30 a second with their padding
    style: the motion's own; unchanged: the motion in it
    heading: (T30,) radians
    rotation: (T30, 21, 4), height: (T30,) of the motion itself, as in `Rendering`
    domain: how well the bundle knows such motion
    moments: (T,) fractional frame numbers at which its frames are in the clip that was analysed
        first, see `Stylizer.in_time`; None where it is that clip
    in_time: the last analysis that `Stylizer.in_time` made of it, by its moments
    """

    seen: Seen[MotionOf]
    cycle: CycleMode
    correspondence: Correspondence
    survey: Survey
    content: np.ndarray
    style: Style
    unchanged: Rendering
    heading: Array
    rotation: Array
    height: Array
    domain: DomainScore
    moments: Array | None = None
    in_time: dict[bytes, Analysis[MotionOf]] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"<Analysis of {self.clip!r}>"

    @property
    def clip(self) -> MotionOf:
        """The whole motion, with what there is to tell of it."""
        return self.seen.whole

    @property
    def contact(self) -> np.ndarray:
        """(T, 4) bool at the clip's own rate, see `kinestyle.retarget.contacts`."""
        return self.seen.in_whole(self.survey.contact)

    @property
    def is_cycle(self) -> bool:
        """Whether it was analysed as one."""
        unrolled = self.seen.unrolled
        return unrolled is not None and unrolled.cycle is not None

    def frames_given(self, at: Array) -> Array:
        """at: (N,) frame numbers of what is restyled, in fractions -> the same of the clip that was
        analysed first. Rounds of a cycle before and after it are at its ends.
        """
        of_rest = np.clip(at - self.seen.begins, 0.0, self.seen.rest.frame_count - 1.0)
        of_whole = of_rest + self.seen.lead_in
        if self.moments is None:
            return np.asarray(of_whole)
        return np.interp(of_whole, np.arange(len(self.moments)), self.moments)

    @cached_property
    def own_domain(self) -> DomainScore:
        """`domain` of the clip's own frames, for notes."""
        return self.domain.part(self.seen.feature_frames, self.seen.lead_in_seconds)

    def notes(self, settings: Settings) -> tuple[str, ...]:
        """What to tell a user of a restyling beyond `clip.warnings`, whatever the style."""
        return (*self.correspondence.mapping.warnings, *self.own_domain.notes(settings))

    @property
    def own_action_notes(self) -> tuple[str, ...]:
        """Of the clip's own frames, see `Action.notes`."""
        own = self.action.of(self.seen.feature_frames)
        return own.notes(self.seen.lead_in_seconds)

    @cached_property
    def posture(self) -> Posture:
        """How the body is held in it."""
        return own_posture(self.rotation, self.height - self.survey.elevation)

    @cached_property
    def action(self) -> Action:
        """What the motion does, and which limbs do what the bundle does not know."""
        return find_action(
            self.rotation,
            self.height,
            self.unchanged.rotation,
            self.domain.times_reference,
            self.survey.elevation,
        )
