"""What a motion does, in a few numbers that a style changes little and an action much.

They tell whether a reference and a clip do the same, in styles that nobody learned and without any
network: how far hands and feet range, how long arms do something of their own, how long the body
steps, and how fast and where to it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import ramp
from kinestyle.retarget.features import FRAME_RATE

RANGES_M, ACTING, STEPPING = (0.3, 0.12), 0.8, 0.4
"""Two motions do as different things as a unit says if their hands, or their feet, range so much
farther in one of them, if an arm does something of its own for so much more of the time, or if they
step for so much more of it."""

PACE, SLOWEST = 0.6, 0.5
"""The same of how fast and where to they go: a share of the faster pace, that and so many m/s."""

GESTURING = 0.2
"""How much more what differs counts where arms do something of their own all the while: a raised
hand is more like a wave than a walk is like a run."""

SAME_ACTION = (1.2, 0.8)
"""How far all of that is apart, as a length: from the first on two motions do not do the same, up
to the second they surely do. Of pairs of one action in two styles about nine tenths of set 2 and
three quarters of set 1 are below the mean of both; of two actions 1 in 20, mostly a walk and a run.
"""


def _ends(bone: str) -> list[int]:
    return [CANONICAL.index(f"{side}_{bone}") for side in SIDES]


_ENDS, _FEET, _GROUND = _ends("hand") + _ends("foot"), _ends("foot"), [0, 2]


@dataclass(frozen=True, eq=False)
class Doing:
    """What a motion does.

    ranges: (4, 3) metres, how far left and right hand and foot go about where they are in the mean,
        seen from the hips
    acting: (2,) 0 to 1, how much of the time left and right arm do something of their own
    stepping: 0 to 1, how much of the time is spent in steps
    pace: (2,) m/s, how fast the body goes to its left, and ahead
    """

    ranges: Array
    acting: Array
    stepping: float
    pace: Array


def find_doing(position: Array, acting: Array, stepping: Array) -> Doing:
    """position: (T, 21, 3) metres from the hips, facing +Z, at 30 frames a second; acting: (T, 2),
    stepping: (T,) as in `Doing`, at each moment.
    """
    foot = position[:, _FEET]
    moved = FRAME_RATE * np.diff(foot, axis=0, append=foot[-1:])
    # the body goes as fast as the lower foot goes the other way
    lower = moved[np.arange(len(foot)), foot[:, :, 1].argmin(axis=1)]
    return Doing(
        position[:, _ENDS].std(axis=0),
        acting.mean(axis=0),
        float(stepping.mean()),
        -lower[:, _GROUND].mean(axis=0),
    )


def mix_doings(doings: Sequence[Doing], shares: Array) -> Doing:
    """shares: (N,) of sum 1"""
    return Doing(
        np.tensordot(shares, np.stack([one.ranges for one in doings]), 1),
        shares @ np.stack([one.acting for one in doings]),
        float(shares @ [one.stepping for one in doings]),
        shares @ np.stack([one.pace for one in doings]),
    )


def likeness(first: Doing | None, second: Doing | None) -> float:
    """0 to 1, how surely two motions do the same, in whatever styles; 0 where it is not known."""
    if first is None or second is None:
        return 0.0
    apart = np.linalg.norm(first.ranges - second.ranges, axis=-1)
    ranges = apart.reshape(-1, len(SIDES)).max(axis=1) / RANGES_M
    acting = np.abs(first.acting - second.acting).max() / ACTING
    stepping = (first.stepping - second.stepping) / STEPPING
    fastest = max(float(np.linalg.norm(each.pace)) for each in (first, second))
    pace = float(np.linalg.norm(first.pace - second.pace)) / (SLOWEST + fastest) / PACE
    away = float(np.linalg.norm([*ranges, acting, stepping, pace]))
    gesturing = float(np.minimum(first.acting, second.acting).max())
    return float(ramp(np.array(away * (1.0 + GESTURING * gesturing)), SAME_ACTION))
