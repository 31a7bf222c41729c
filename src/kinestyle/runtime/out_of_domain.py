"""How far a clip is from what a bundle knows: the error with which the bundle's autoencoder gives
it back.

Motion unlike all that was learned (lying, breakdance) comes back as something else, and so do
changes made to it. The error says so before anybody looks, and moment by moment: where it is too
large, a style is faded out rather than made up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kinestyle.motion import rotation as rotations
from kinestyle.motion.canonical import HIPS, UP, joints_from_hips
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import largest_within, ramp, segments, smooth_in_time
from kinestyle.note import Note, Span
from kinestyle.retarget.features import FRAME_RATE

if TYPE_CHECKING:
    from kinestyle.runtime.settings import Settings

KIND = "out-of-domain"
"""Of notes."""

_ROUNDED = 1e-12
"""What is left of a style by rounding alone is nothing: where nothing should be, nothing is."""

FADE, FADE_FRAMES = (7.0, 13.0), 8.0
"""From how many times the reference error on a style fades, and from where nothing of it is left.
The error is smoothed over so many frames at 30 a second. Clips of the training motion's kind stay
below 6.5 times, walks, jogs and gestures on other rigs mostly below 6; squats, high kicks and jumps
have 6 to 16, clips that lie down 27 to 35."""

FADE_OF_KEPT = (13.0, 19.0)
"""The same where the action is kept, see `kinestyle.runtime.action`: limbs then go their own way,
and what is left of the style is a posture, which suits a kick as well. Up to the first are kicks,
punches, squats and most dances."""

LYING = (0.1, -0.1)
"""A pelvis whose own up axis points up by less than the first begins to lie face down or to stand
on its head, by less than the second it does: there no posture suits, and `FADE` holds. Who picks
something off the floor bends the pelvis to .1."""

FAR = 6.0
"""From so many times the reference error on, a clip is far from what the bundle knows. Clips of the
styles with little motion, and of other rigs, have 2 to 5 times it; dances and clips with damaged
limbs more."""


@dataclass(frozen=True, eq=False)
class DomainScore:
    """How well a bundle's autoencoder gives one clip back.

    name: the clip's
    error_cm: (T30,) mean distance of the joints from where they were, hips aside
    reference_cm: the same on motion like what the bundle learned from; None where the bundle does
        not say
    lying: (T30,) 0 to 1, see `lying_of`; None: it does not
    begins_seconds: the time of the first frame in the clip
    """

    name: str
    error_cm: Array
    reference_cm: float | None
    lying: Array | None = None
    begins_seconds: float = 0.0

    def part(self, frames: slice, begins_seconds: float) -> DomainScore:
        """The score of some of the frames, the first of which is at this time of the clip."""
        return replace(
            self,
            error_cm=self.error_cm[frames],
            lying=None if self.lying is None else self.lying[frames],
            begins_seconds=begins_seconds,
        )

    @property
    def times_reference(self) -> Array:
        """(T30,) the error as a multiple of the reference error; NaN where that is not known."""
        return self.error_cm / (self.reference_cm or np.nan)

    @cached_property
    def share(self) -> Array:
        """(T30,) how much of a style's strength is left at each moment: 1 wherever the bundle knows
        such motion.
        """
        return self._left(self._beyond(*FADE))

    @cached_property
    def share_of_kept(self) -> Array:
        """(T30,) the same where the action is kept."""
        beyond = self._beyond(*FADE_OF_KEPT)
        if self.lying is not None:
            beyond = np.maximum(beyond, self.lying * self._beyond(*FADE))
        return self._left(beyond)

    def share_under(self, settings: Settings) -> Array:
        """(T30,) how much of a style's strength is left under these settings."""
        if settings.out_of_domain == "ignore":
            return np.ones(len(self.error_cm))
        return self.share if settings.action == "free" else self.share_of_kept

    def _beyond(self, first: float, last: float) -> Array:
        """(T30,) 0 up to `first` times the reference error, 1 from `last` on."""
        if self.reference_cm is None:
            return np.zeros(len(self.error_cm))
        beyond = (smooth_in_time(self.times_reference, FADE_FRAMES) - first) / (last - first)
        return np.clip(beyond, 0.0, 1.0)

    def _left(self, beyond: Array) -> Array:
        # widened before it is smoothed, so that nothing is left of a style where nothing should be
        widened = largest_within(beyond, round(FADE_FRAMES))
        left = 1.0 - smooth_in_time(widened, 0.5 * FADE_FRAMES)
        return np.where(left > _ROUNDED, left, 0.0)

    @property
    def is_far(self) -> bool:
        """Whether the clip as a whole is far from what the bundle knows."""
        return bool(self.times_reference.mean() > FAR)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to tell a user: nothing, unless the clip is far."""
        if not self.is_far:
            return ()
        sentence = f"{self._found}; look at the result, a lower strength may be better"
        short = "The motion is unfamiliar: a lower strength may be better"
        return (Note(sentence, KIND, short, times_reference=round(self._times, 1)),)

    def notes(self, settings: Settings) -> tuple[str, ...]:
        """What to tell a user of what was done: the warnings, or, where a style is faded, when and
        how far.
        """
        share = self.share_under(settings)
        if share.min() > 0.99:
            return self.warnings
        parts = segments(share < 0.99)
        when = ", ".join(
            f"{self.begins_seconds + start / FRAME_RATE:.1f} to "
            f"{self.begins_seconds + stop / FRAME_RATE:.1f} s"
            for start, stop in parts[:4]
        )
        when += f" and {len(parts) - 4} more times" if len(parts) > 4 else ""
        left = (
            f"at the least {100.0 * share.min():.0f} % of it is left there, "
            f"{100.0 * share.mean():.0f} % on average of the clip"
        )
        sentence = f"{self._found} in part; the style is faded from {when} ({left})"
        return (
            Note(
                sentence,
                KIND,
                f"The motion is unfamiliar: {100.0 * share.mean():.0f} % of the style kept",
                spans_of(share < 0.99, self.begins_seconds),
                kept_share=round(float(share.mean()), 3),
                least_share=round(float(share.min()), 3),
                times_reference=round(self._times, 1),
            ),
        )

    @property
    def _times(self) -> float:
        return float(self.times_reference.mean())

    @property
    def _found(self) -> str:
        error = f"{self.error_cm.mean():.1f} cm, {self._times:.0f} times its reference error"
        return f"{self.name} is unlike what the model learned from (given back to {error})"


def spans_of(where: np.ndarray, begins_seconds: float) -> list[Span]:
    """where: (T30,) bool -> when it is so, in seconds of the clip; begins_seconds: the time of the
    first frame.
    """
    at = begins_seconds
    return [
        (round(at + first / FRAME_RATE, 2), round(at + last / FRAME_RATE, 2))
        for first, last in segments(where)
    ]


def lying_of(rotation: Array) -> Array:
    """rotation: (T30, 21, 4) world rotations -> (T30,) 0 to 1, how much the body is upside down,
    see `LYING`.
    """
    upright = rotations.rotate(rotation[:, HIPS], np.broadcast_to(UP, (len(rotation), 3)))[:, 1]
    return ramp(upright, LYING)


def reconstruction_error_cm(rotation: Array, decoded: Array) -> Array:
    """rotation, decoded: (N, 21, 4) world rotations with the heading removed, of a clip and of what
    the autoencoder made of it -> (N,) as `DomainScore.error_cm`.
    """
    # by joints, not by rotations: errors add up along a limb, as they do for the user
    apart = joints_from_hips(decoded) - joints_from_hips(rotation)
    return 100.0 * rotations.length(apart).mean(axis=-1)
