"""Made styles by number, each a random way to hold and to move a body.

What a stylizer needs most there is hardly any of: one motion in two styles, frame by frame. A made
style (`kinestyle.runtime.made_styles`) gives such pairs without limit and without anyone's terms:
the same clip, on the canonical skeleton, as it is, in style A and in style B.
"""

from __future__ import annotations

import numpy as np

from kinestyle.bundle.made_style import MadeStyle
from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.rotation import Array

HELD_OUT_EVERY = 10
"""Of the numbers of styles, every tenth is never learned from: those are what P6 asks for."""

OFFSET_DEGREES = {
    "spine": (9.0, 3.0, 3.0),
    "chest": (9.0, 4.0, 3.0),
    "neck": (9.0, 5.0, 4.0),
    "head": (9.0, 6.0, 5.0),
    "clavicle": (2.0, 5.0, 7.0),
    "upper_arm": (8.0, 9.0, 12.0),
    "hand": (9.0, 7.0, 9.0),
}
"""Standard deviations of the constant rotation of each part about its parent's left, up and front
axes."""
MOST_OFFSET = np.radians(35.0)
"""No part is held further off than this."""

_TRUNK = ("spine", "chest", "neck", "head")


def held_out(number: int) -> bool:
    """Whether a style is never learned from."""
    return number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def draw_style(number: int) -> MadeStyle:
    """The style of a number, the same on every machine: some are subtle, some strong, most are
    symmetric, and each is marked by a few things.
    """
    random = np.random.default_rng(number)
    size = float(np.exp(random.normal(0.15, 0.4)))
    symmetric = bool(random.random() < 0.7)

    def normal(std: float, share: float = 1.0) -> float:
        """Zero in all but a share of styles."""
        drawn = random.random() < share, float(size * std * random.standard_normal())
        return drawn[1] if drawn[0] else 0.0

    def factor(std: float, share: float, most: float = 2.5) -> float:
        return float(np.clip(np.exp(normal(std, share)), 1.0 / most, most))

    offsets = _draw_offsets(random, size, symmetric)
    elbow = size * np.abs(random.standard_normal(2)) * np.radians(18.0)
    elbow *= random.choice([1.0, -0.6])
    return MadeStyle(
        offsets=offsets,
        elbow_flexion=np.full(2, elbow[0]) if symmetric else elbow,
        amplitude=(factor(0.35, 0.8), factor(0.4, 0.8)),
        lag_seconds=float(np.clip(normal(0.06, 0.5), -0.1, 0.13)),
        smoothing_seconds=float(np.clip(normal(0.08, 0.5), -0.08, 0.25)),
        tremble=min(abs(normal(0.025, 0.25)), 0.06),
        tremble_hz=float(random.uniform(3.0, 7.0)),
        hip_height_m=float(np.clip(normal(0.045) - 0.025 * size, -0.2, 0.03)),
        hip_pitch=float(np.clip(normal(np.radians(5.0), 0.7), -0.25, 0.25)),
        bounce=factor(0.4, 0.7),
        sway_m=float(np.clip(normal(0.025, 0.5), -0.06, 0.06)),
        toe_out=float(np.clip(normal(np.radians(9.0), 0.7), -0.5, 0.6)),
        step_width_m=float(np.clip(normal(0.03, 0.7), -0.05, 0.12)),
        stride=factor(0.12, 0.6, 1.4),
        lift=factor(0.3, 0.5, 2.0),
        limp=0.0 if symmetric else float(np.clip(normal(0.5, 0.6), -1.0, 1.0)),
        twist=factor(0.4, 0.6),
        tempo=factor(0.15, 0.5, 1.4),
        number=number,
    )


def _draw_offsets(random: np.random.Generator, size: float, symmetric: bool) -> Array:
    offsets = np.zeros((CANONICAL.joint_count, 3))
    for part, degrees in OFFSET_DEGREES.items():
        names = [part] if part in _TRUNK else [f"{side}_{part}" for side in SIDES]
        for name in names:
            vector = np.radians(degrees) * size * random.standard_normal(3)
            if part in _TRUNK and symmetric:
                vector[1:] *= 0.25
            length = np.linalg.norm(vector)
            offsets[CANONICAL.index(name)] = vector * min(1.0, MOST_OFFSET / length)
        if part not in _TRUNK and symmetric:
            left, right = map(CANONICAL.index, names)
            offsets[right] = offsets[left] * [1.0, -1.0, -1.0]
    return offsets
