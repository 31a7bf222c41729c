"""What a style changes of a motion, at 30 frames a second and at any other rate.

What the networks give is not used as motion but as a change: the input decoded in the new style
against the input decoded in its own. The autoencoder's error is in both and falls out, what the
networks do not know is never touched, and the change can be taken in any strength, none at all
included.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.resampling import SPLINE_REACH, spline_rotation, spline_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    fade_rotation,
    limit_angular_velocity,
    scale_rotation,
    suppress_flips,
)
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.sequences import Rendering

ANGULAR_VELOCITY_LIMIT = (np.radians(12.0), np.radians(25.0), 4.0)
"""How fast, in radians a frame, a change of style may rotate a joint; from where on it is surely
the decoder's failure; and the smoothing, in frames, that failures get. They are single frames in
which a joint flips between two ways of doing something."""

FLIP_LIMIT = (np.radians(25.0), 12)
"""How fast, in radians a frame, a smoothed change still rotates a joint if it has no one way to go,
and over how many frames before and after it fades: an arm overhead, say, that the decoder takes for
one that hangs."""

HEIGHT_CLAMP_M = (0.1, 0.2)
"""From which change of the hips' height on a style cannot be quite believed, and the most that is
ever taken over: learned styles change it by up to .12 m, and where the body hangs or lunges the
networks take it for one that stands."""

MOST_RISE_M = 0.4
"""The most that a style whose hips' height is measured lowers or raises them, in any strength."""

_NUMBERS_AT_ONCE = 2**19
"""Joints do not depend on each other: a long change is made of a few of them at a time."""


@dataclass(frozen=True, eq=False)
class Change:
    """What a style changes, at 30 frames a second.

    rotation: (T30, 21, 4) of each joint in the world, after times the inverse of before; in single
        precision for a long clip
    rise: (T30,) metres, of the hips
    pace: (T30, 3) metres a frame, of the hips over the ground, in the world
    share: (T30,) how much of the style there is at each moment; None: all of it, always
    """

    rotation: Array
    rise: Array
    pace: Array
    share: Array | None

    def faded(self, share: Array) -> Change:
        """share: (T30,) 0 to 1 -> as much of the change."""
        return Change(
            fade_rotation(self.rotation, share.astype(self.rotation.dtype)),
            share * self.rise,
            share[:, None] * self.pace,
            share if self.share is None else share * self.share,
        )

    def of(self, frames: slice) -> Change:
        """The same of some frames only."""
        return Change(
            self.rotation[frames],
            self.rise[frames],
            self.pace[frames],
            None if self.share is None else self.share[frames],
        )

    def at(self, first: int, last: int, frame_time_seconds: float) -> Change:
        """The same for the frames from `first` up to, not including, `last` of a clip at another
        rate.
        """
        at_frame = np.arange(first, last) * frame_time_seconds * FRAME_RATE
        start = max(0, int(at_frame[0]) - SPLINE_REACH)
        some = slice(start, ceil(at_frame[-1]) + SPLINE_REACH + 1)
        at_frame = at_frame - start
        return Change(
            spline_rotation(self.rotation[some].astype(float, copy=False), at_frame),
            spline_vector(self.rise[some], at_frame),
            spline_vector(self.pace[some], at_frame) * FRAME_RATE * frame_time_seconds,
            None
            if self.share is None
            else np.clip(spline_vector(self.share[some], at_frame), 0.0, 1.0),
        )


def find_change(
    before: Rendering,
    after: Rendering,
    heading: Array,
    strength: float | Array,
    share: Array,
    decoded: bool = True,
) -> Change:
    """before, after: a clip in its own style and in another; the rotations of `after` become those
        of the change, for of a long clip they are large
    heading: (T30,) radians; strength: one, or (T30,)
    share: (T30,) how much of the style is wanted at each moment
    decoded: whether networks say it, which fail in single frames
    """
    faded = None if share.min() >= 1.0 else share
    frames, joints = before.rotation.shape[:2]
    turns = after.rotation
    at_once = max(1, _NUMBERS_AT_ONCE // (4 * frames))
    for start in range(0, joints, at_once):
        some = slice(start, start + at_once)
        was, now = (of.rotation[:, some].astype(float, copy=False) for of in (before, after))
        turns[:, some] = _tidy(_in_world(was, now, heading), strength, faded, decoded)
    amount = strength * share
    pace = np.zeros((frames, 3))
    pace[:, [0, 2]] = amount[:, None] * (after.velocity - before.velocity)
    rise = amount * soft_clamp_height(after.height - before.height)
    if isinstance(strength, np.ndarray):
        faded = share * (strength / strength.max())
    return Change(turns, rise, rotation.turn_about_y(heading, pace), faded)


def soft_clamp_height(rise: Array) -> Array:
    """rise: (T,) metres -> the same, but from the smaller bound of `HEIGHT_CLAMP_M` on it
    approaches the larger one.
    """
    certain, most = HEIGHT_CLAMP_M
    beyond = np.maximum(np.abs(rise) - certain, 0.0)
    return np.sign(rise) * (
        np.minimum(np.abs(rise), certain) + (most - certain) * np.tanh(beyond / (most - certain))
    )


def measured_rise(rise: Array, strength: float | Array, share: Array) -> Array:
    """rise: (T,) metres by which the hips are higher in a style that is measured, not decoded: a
    crouch may be as low as it is -> what of it is taken over; strength, share: as in `find_change`
    """
    return share * np.clip(strength * rise, -MOST_RISE_M, MOST_RISE_M)


def _in_world(before: Array, after: Array, heading: Array) -> Array:
    """before, after: (T, K, 4) world rotations without the heading, (T,) radians -> (T, K, 4) the
    change in the world.
    """
    change = rotation.multiply(after, rotation.inverse(before))
    # the same rotation, about an axis that is turned with the body
    change[..., 1:] = rotation.turn_about_y(heading[:, None], change[..., 1:])
    return change


def _tidy(change: Array, strength: float | Array, share: Array | None, decoded: bool) -> Array:
    """change: (T, K, 4) -> the same in the wanted strength, without what is a failure of the
    decoder.
    """
    if decoded:
        change = suppress_flips(
            limit_angular_velocity(change, *ANGULAR_VELOCITY_LIMIT), *FLIP_LIMIT
        )
    factor = strength[:, None, None] if isinstance(strength, np.ndarray) else strength
    scaled = scale_rotation(change, factor)
    return scaled if share is None else fade_rotation(scaled, share)
