"""What a performer does next, as far as the last seconds tell.

People repeat themselves: who walks took the same step a second ago. So motion goes on as it went on
after the moment that was most like this one, and where there was none, every joint slows down.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS, UP
from kinestyle.motion.rotation import Array

SLOWS_DOWN = 0.75
"""How much of a frame's velocity the next one has, at 30 a second, where nothing is known."""

LIKE_FRAMES = 12
"""So many frames up to a moment have to be like those up to now."""

LIKE_RADIANS, UNLIKE_RADIANS = 0.12, 0.3
"""Of joints in the mean: a moment that is so near counts wholly, and one so far not at all."""

FADES = 0.85
"""How much of what is between that moment and now is there in the next frame."""


def forecast(hips: Array, turned: Array, frames: int) -> tuple[Array, Array]:
    """hips: (T, 3), turned: (T, 21, 4) in the world, at 30 a second -> so many frames that come
    after them.
    """
    if len(hips) < 2:
        return np.repeat(hips, frames, axis=0), np.repeat(turned, frames, axis=0)
    slowed = _slowing_down(hips, turned, frames)
    yaw = _yaw(turned[:, HIPS])
    free = rotation.multiply(rotation.about_y(-yaw)[:, None], turned)
    moment, off = _most_alike(free, frames)
    share = np.clip((UNLIKE_RADIANS - off) / (UNLIKE_RADIANS - LIKE_RADIANS), 0.0, 1.0)
    if not share:
        return slowed
    again = _again(hips, free, yaw, moment, frames)
    shares = np.full(again[1].shape[:2], share)
    return (
        slowed[0] + share * (again[0] - slowed[0]),
        rotation.interpolate(slowed[1], again[1], shares),
    )


def _yaw(turned: Array) -> Array:
    """(T, 4) -> (T,) radians about the vertical, without jumps."""
    return np.unwrap(2.0 * np.arctan2(turned[:, 2], turned[:, 0]))


def _slowing_down(hips: Array, turned: Array, frames: int) -> tuple[Array, Array]:
    """Every joint slows down, and the hips travel on."""
    number = np.arange(1, frames + 1)
    amount = SLOWS_DOWN * (1.0 - SLOWS_DOWN**number) / (1.0 - SLOWS_DOWN)
    step = rotation.log(rotation.multiply(turned[-1], rotation.inverse(turned[-2])))
    more = rotation.multiply(rotation.exp(amount[:, None, None] * step), turned[-1])
    velocity = hips[-1] - hips[-2]
    way = number[:, None] * velocity * (1.0 - UP) + amount[:, None] * velocity * UP
    return hips[-1] + way, more


def _most_alike(free: Array, frames: int) -> tuple[int, float]:
    """free: (T, 21, 4) without headings -> the moment that was most like the last one, with
    `frames` frames after it, and how far it is off, radians. Infinitely far where none is early
    enough.
    """
    count = len(free)
    last = count - 1 - max(frames, LIKE_FRAMES)
    if last < LIKE_FRAMES - 1:
        return 0, np.inf
    now = free[count - LIKE_FRAMES :]
    # joint by joint a product of matrices; half the angle between two rotations has it for cosine
    near = np.matmul(free.swapaxes(0, 1), now.transpose(1, 2, 0))
    near *= near
    squared = 1.0 - np.minimum(near.mean(axis=0), 1.0)
    moments = np.arange(LIKE_FRAMES - 1, last + 1)
    back = np.arange(LIKE_FRAMES)
    off = squared[moments[:, None] - (LIKE_FRAMES - 1) + back, back].mean(axis=1)
    best = int(off.argmin())
    return int(moments[best]), 2.0 * float(np.sqrt(off[best]))


def _again(hips: Array, free: Array, yaw: Array, moment: int, frames: int) -> tuple[Array, Array]:
    """What came after a moment, begun from now."""
    then = slice(moment + 1, moment + 1 + frames)
    fades = FADES ** np.arange(1, frames + 1)
    off = rotation.log(rotation.multiply(free[-1], rotation.inverse(free[moment])))
    turned = rotation.multiply(rotation.exp(fades[:, None, None] * off), free[then])
    heading = yaw[then] - yaw[moment] + yaw[-1]
    way = rotation.rotate(rotation.about_y(yaw[-1] - yaw[moment]), hips[then] - hips[moment])
    # the height comes back to what it was then
    rise = (fades - 1.0) * (hips[-1] - hips[moment])[1]
    return (
        hips[-1] + way + rise[:, None] * UP,
        rotation.multiply(rotation.about_y(heading)[:, None], turned),
    )
