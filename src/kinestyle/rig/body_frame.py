"""How a body stands in the world of its file: which axis is up, which side is left, how long a unit
is.

What the file's format does not state is read off real frames. The rest pose of a file may be wrong:
Y up at rest and Z up in motion, or all bones along X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion.canonical import LEG_LENGTH_M, STATURE_M
from kinestyle.motion.clip import StatedWorld
from kinestyle.motion.percentile import median, percentile
from kinestyle.motion.rotation import Array, normalize
from kinestyle.note import Note

UNITS: dict[str, float] = {
    "m": 1.0,
    "cm": 0.01,
    "inch": 0.0254,
    "CMU": 0.05644,
    "mm": 0.001,
    "foot": 0.3048,
}
"""Unit -> metres. CMU's is its skeletons' own, 0.0254 / 0.45 m. Any two differ by more than adults
do, and so at most one fits.
"""

_STATURE_RANGE_M = (1.40, 2.10)
_LEG_RANGE_M = (0.66, 1.05)
"""Adults, with room for characters and for the estimate's own error."""

CLEAR_UP, DOUBTFUL_UP = 0.4, 0.15
"""Margins of `find_up`: above the first it is clear, below the second it is a guess. Motion on
one's feet has 0.7 and more.
"""

_ON_THE_FLOOR, _OFF_THE_FLOOR, _STEADIER = 0.8, 0.1, 0.02
"""Of `at_zero` and `unsteady` in `find_up`: a floor that is one, one that is none, and how much
less steady it may be.
"""

_STANDS = 0.8
"""A pose stands along an axis if trunk and legs have at least this cosine with it."""

_BENT = 0.06
"""Mean sine of the knees' bend from which on it tells left from right."""

_AXES = np.concatenate([np.eye(3), -np.eye(3)])


@dataclass(frozen=True, eq=False)
class Leg:
    """World positions (T, 3) of one leg's joints; `toe` is None on a rig without toes."""

    thigh: Array
    shin: Array
    foot: Array
    toe: Array | None = None

    def length(self) -> float:
        """Hip to ankle along the bones, in file units."""
        return _length(self.shin - self.thigh) + _length(self.foot - self.shin)


def _length(vector: Array) -> float:
    """vector: (T, 3) -> its median length."""
    return float(median(np.sqrt(np.sum(vector * vector, axis=-1))))


def axis_name(axis: Array) -> str:
    """A signed unit axis (3,) -> "+Y" and the like."""
    index = int(np.argmax(np.abs(axis)))
    return ("+" if axis[index] > 0 else "-") + "XYZ"[index]


AXES: dict[str, Array] = {axis_name(axis): axis for axis in _AXES}
"""Signed unit axes (3,) by name."""


def lateral_agreement(first: Leg, second: Leg) -> float:
    """Whether the legs' joints bend as if the first leg were the left one, in [-1, 1]: positive is
    yes, near 0 cannot tell.

    Where bent knees and feet disagree, the knees are believed, a little: what looks like toes may
    be a heel.
    """
    knees, feet = knee_agreement(first, second), foot_agreement(first, second)
    if feet is None or (abs(knees) > _BENT and knees * feet < 0.0):
        return knees if feet is None else 0.25 * knees
    return 0.5 * (knees + feet)


def knee_agreement(first: Leg, second: Leg) -> float:
    """As `lateral_agreement`, by the knees. A knee bends backwards only: thigh x shin points to the
    body's left in any pose.
    """
    across, votes = normalize(first.thigh - second.thigh), []
    for leg in (first, second):
        thigh, shin = normalize(leg.shin - leg.thigh), normalize(leg.foot - leg.shin)
        votes.append(np.sum(np.cross(thigh, shin) * across, axis=-1))
    return float(np.mean(votes))


def foot_agreement(first: Leg, second: Leg) -> float | None:
    """As `lateral_agreement`, by the feet. A foot points forward: (up the shin) x (along the foot)
    points left. None without toes.
    """
    across, votes = normalize(first.thigh - second.thigh), []
    for leg in (first, second):
        if leg.toe is not None:
            shin = normalize(leg.foot - leg.shin)
            votes.append(np.sum(np.cross(-shin, normalize(leg.toe - leg.foot)) * across, axis=-1))
    return float(np.mean(votes)) if votes else None


def clearly_bends(first: Leg, second: Leg) -> bool:
    """Whether knees that bend say for certain that the first leg is the left one, and feet, if
    there are any, do not deny it.
    """
    feet = foot_agreement(first, second)
    return knee_agreement(first, second) > _BENT and (feet is None or feet > 0.0)


def standing_axis(hips: Array, head: Array, ankles: Array) -> Array | None:
    """+Y or +Z (3,), whichever a pose stands along, or None. hips, head, ankles: (3,) positions.

    Never +X: many files have all bones along X at rest, which is no pose.
    """
    fit = np.minimum(_AXES @ normalize(head - hips), _AXES @ normalize(hips - ankles))
    best = int(np.argmax(fit))
    return _AXES[best] if fit[best] > _STANDS and best in (1, 2) else None


def find_up(
    hips: Array, head: Array, ankles: Array, body: Array, rest_up: Array | None = None
) -> tuple[Array, float]:
    """The signed axis of the file's world that points up, (3,), and a margin: above 0.4 is clear,
    below `DOUBTFUL_UP` is a guess.

    hips, head, ankles: (T, 3) world positions, `ankles` the mean of both
    body: (T, N, 3) all joints of the body
    rest_up: the `standing_axis` of the rest pose; it decides between the best two axes where the
        motion is not clear
    """
    trunk, legs = normalize(head - hips), normalize(hips - ankles)
    size = _length(head - hips) + _length(hips - ankles) + 1e-9
    # Most frames have the trunk over the hips and the hips over the feet. Both count: a bow tips
    # the one, a kick or a seat the other.
    upright = (0.5 * (trunk + legs) @ _AXES.T).mean(axis=0)
    # feet come back to one floor, which is often at zero
    lowest = (body @ _AXES.T).min(axis=1)
    floor = percentile(lowest, 20, axis=0)
    unsteady = np.minimum(np.abs(lowest - floor).mean(axis=0) / size, 0.5)
    at_zero = np.exp(-((floor / (0.08 * size)) ** 2))
    # files are Y up or Z up; anything else must be clear from the motion
    usual = np.array([0.0, 0.15, 0.15, -0.1, -0.05, -0.05])
    score = upright - unsteady + 0.15 * at_zero + usual
    order = np.argsort(score)
    up, margin = _AXES[order[-1]], float(score[order[-1]] - score[order[-2]])
    # someone who lies down is as long along the floor as they were tall
    if margin < CLEAR_UP and rest_up is not None and rest_up @ _AXES[order[-2]] == 1.0:
        up = rest_up
    elif rest_up is None and _lies(order[-1], order[-2], unsteady, at_zero):
        up, margin = _AXES[order[-2]], 0.0
    return up, margin


def _lies(best: int, other: int, unsteady: Array, at_zero: Array) -> bool:
    """Whether a body that seems to stand along one axis lies on the floor of another: on that side
    all frames touch one level, at zero, and on the first they do not.

    best, other: indices of axes, of which the second is +Y or +Z; unsteady, at_zero: (6,) as in
    `find_up`
    """
    return bool(
        other in (1, 2)
        and at_zero[best] < _OFF_THE_FLOOR
        and at_zero[other] > _ON_THE_FLOOR
        and unsteady[other] < unsteady[best] + _STEADIER
    )


def find_unit(leg_length: float, trunk_length: float) -> tuple[str, float]:
    """The name of the unit in which leg and stature are an adult's, and its length in metres; or
    "unknown" and the length that makes the leg the canonical one.

    leg_length: hip to ankle, trunk_length: hips to head, both along the bones in file units
    """
    # bones show neither the ankle's height, 0.039 of stature, nor the head above its joint, 0.13
    stature = (leg_length + trunk_length) / (1.0 - 0.039 - 0.13)
    by_leg = leg_length * STATURE_M / LEG_LENGTH_M
    for unit, metres in UNITS.items():
        estimate = metres * float(np.sqrt(stature * by_leg))
        if (
            _STATURE_RANGE_M[0] <= estimate <= _STATURE_RANGE_M[1]
            and _LEG_RANGE_M[0] <= metres * leg_length <= _LEG_RANGE_M[1]
        ):
            return unit, metres
    return "unknown", LEG_LENGTH_M / leg_length


def unit_name(metres_per_unit: float) -> str:
    """The name of a stated unit, or "stated" for one without."""
    return next(
        (unit for unit, metres in UNITS.items() if abs(metres_per_unit / metres - 1.0) < 1e-4),
        "stated",
    )


def contradictions(stated: StatedWorld, by: str, seen_up: Array, margin: float) -> list[str]:
    """A sentence for a statement of a file or a rig that the motion contradicts. The statement is
    believed all the same: someone may lie down.

    by: who states it; seen_up, margin: what `find_up` found
    """
    found: list[str] = []
    if stated.up is not None and margin > CLEAR_UP and seen_up @ np.array(stated.up) < 0.5:
        axis = axis_name(np.array(stated.up))
        found.append(
            Note(
                f"{by} states {axis} up and was believed, but the body stands along "
                f"{axis_name(seen_up)} in this clip",
                "up",
                f"{axis} is stated as up, but the body stands along {axis_name(seen_up)}",
            )
        )
    return found
