"""How FBX counts time: in ticks, of which a frame has a whole number at every usual frame rate."""

from __future__ import annotations

import numpy as np

TICKS_A_SECOND = 46_186_158_000

CUSTOM_RATE = 14
_TIME_MODES = {
    120.0: 1,
    100.0: 2,
    60.0: 3,
    50.0: 4,
    48.0: 5,
    30.0: 6,
    25.0: 10,
    24.0: 11,
    1000.0: 12,
    96.0: 15,
    72.0: 16,
    30.0 / 1.001: 9,
    24.0 / 1.001: 13,
    60.0 / 1.001: 17,
    120.0 / 1.001: 18,
}
"""Frames a second -> the number by which a file states it. Any other rate is a custom one and
stated in full.
"""

_ROUNDED = 4.5e-4
"""BVH files write a 120th of a second as 0.0083333 and even as 0.00833: a rate that is as near as
this to a usual one means it. The closest different ones, 60 and 59.94, are twice as far apart.
"""

_OTHER_MODES = {7: 30.0, 8: 30.0 / 1.001}
"""Drop-frame time codes: frames have other names, but are as many."""


def stated_rate(mode: int, otherwise: float) -> float:
    """Frames a second for the number `mode` of a file, or `otherwise` for an unknown number.

    The library rounds some rates and does not know the last ones.
    """
    known = {number: rate for rate, number in _TIME_MODES.items()} | _OTHER_MODES
    return known.get(mode, otherwise)


def frame_ticks(frame_count: int, frame_rate: float, start: int = 0) -> np.ndarray:
    """(T,) int64, the time of each frame in ticks, the first at `start`. frame_rate: frames a
    second.
    """
    # a float product of frame time and frame number would be off by ticks after an hour
    whole, rest = divmod(TICKS_A_SECOND / frame_rate, 1.0)
    frames = np.arange(frame_count, dtype=np.int64)
    return start + frames * np.int64(whole) + np.round(frames * rest).astype(np.int64)


def key_rate(frame_rate: float) -> tuple[int, float]:
    """The number that states a frame rate, or `CUSTOM_RATE`, and the frames a second at which keys
    are set.

    A rate that is a usual one but for rounding gets keys at the usual rate: they lie on whole
    frames in every program.
    """
    near = (usual for usual in _TIME_MODES if abs(frame_rate / usual - 1.0) < _ROUNDED)
    usual = next(near, None)
    return (CUSTOM_RATE, frame_rate) if usual is None else (_TIME_MODES[usual], usual)


def unrounded_rate(stated: float, custom: float) -> float:
    """The clip's own frames a second. A file that states a usual rate has them as its custom
    rate.
    """
    return custom if custom > 0 and abs(custom / stated - 1.0) < _ROUNDED else stated
