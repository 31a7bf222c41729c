"""Inverse kinematics of a limb: two bones reach for a target, knees and elbows bend forwards."""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep

_CLEAR, _CLEAR_BACKWARDS = np.radians(30.0), np.radians(60.0)
"""Flexion from which on a knee's own plane is trusted: bent to the front, and bent backwards, which
may be overstretching.
"""

_FRONT = 0.5
"""How much the front weighs in the plane of a knee that is not bent at all."""

_TINY = 1e-200
"""Less than any area, whatever the unit of the rig."""


def reach(
    hip: Array, knee: Array, ankle: Array, target: Array, hinge: Array, amount: Array
) -> tuple[Array, Array]:
    """The rotations (T, 4) in the world that bring a leg's ankle to its target: of the thigh, and
    of the shin. Shoulder, elbow and hand of an arm do as well.

    hip, knee, ankle, target: (T, 3) positions; a target that is too far is approached
    hinge: (T, 3) the axis about which the knee flexes forwards: for a leg, to the body's left
    amount: (T,) 0 to 1, how much the front of the thigh may decide over the knee's own plane
    """
    # all at once: what it takes is mostly a matter of how often numpy is called
    ways = np.stack([knee - hip, ankle - knee, ankle - hip, target - hip])
    a, b, _, far = rotation.length(ways)
    thigh, shin, line, new_line = rotation.normalize(ways)
    swing = rotation.between(line, new_line)
    pole, share = _pole(line, thigh, shin, hinge, amount * _FRONT)
    length = np.clip(far, np.abs(a - b) + 1e-6 * a, (a + b) * (1.0 - 1e-9))
    flexion = share * (np.pi - _corner(a, b, length))
    length = np.sqrt(a * a + b * b + 2.0 * a * b * np.cos(flexion))
    lean = _corner(a, length, b)[:, None]
    # each bone swings with its leg, and bends from there
    swung = rotation.rotate(swing, np.stack([thigh, shin, pole]))
    new_thigh = a[:, None] * (np.cos(lean) * new_line + np.sin(lean) * swung[2])
    new_bones = np.stack([new_thigh, length[:, None] * new_line - new_thigh])
    bend = rotation.between(swung[:2], rotation.normalize(new_bones))
    of_thigh, of_shin = rotation.multiply(bend, swing)
    return of_thigh, of_shin


def _pole(
    line: Array, thigh: Array, shin: Array, hinge: Array, front_weight: Array
) -> tuple[Array, Array]:
    """line, thigh, shin: (T, 3) unit vectors of the leg before it reaches -> the direction (T, 3)
    in which the knee bends, square to the line, and the share (T,) of the bend that is left.

    front_weight: (T,) how much the front weighs for a knee that is not bent

    A leg that is nearly straight shows no plane of its own: the less it is bent, the more the front
    of its thigh decides. A leg that is bent by more than a knee overstretches shows its plane
    surely, whatever was taken for its hinge. A knee that goes over from bending backwards to
    bending to the front passes through straight: there its share is below 1.
    """
    off = 0.5 * (thigh - shin)
    off -= rotation.dot(off, line)[:, None] * line
    front = rotation.normalize(rotation.cross(line, hinge))
    flexion = np.arctan2(rotation.length(rotation.cross(thigh, shin)), rotation.dot(thigh, shin))
    bent = rotation.length(off)
    backwards = 0.5 - 0.5 * rotation.dot(off, front) / np.maximum(bent, 1e-12)
    clear = _CLEAR + (_CLEAR_BACKWARDS - _CLEAR) * backwards**2
    pole = off + (front_weight * (1.0 - smootherstep(flexion / clear)))[:, None] * front
    size = rotation.length(pole)
    share = np.minimum(size / np.maximum(bent, 1e-9), 1.0)
    return rotation.normalize(np.where(size[:, None] > 1e-9, pole, front)), share


def _corner(a: Array, b: Array, opposite: Array) -> Array:
    """The angle in radians between sides a and b of a triangle, whose third side is `opposite`."""
    return np.arccos(
        np.clip((a * a + b * b - opposite * opposite) / np.maximum(2.0 * a * b, _TINY), -1.0, 1.0)
    )
