"""Whether what was found in a rig is a human body at all: animals on four legs have the same names.

A body on all fours has its trunk along the floor, its hands as low as its feet, and its knees off
the floor, as nobody's are who crawls. An animal's forelegs are as long as its hind legs besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kinestyle.motion.canonical import SIDES
from kinestyle.motion.percentile import median
from kinestyle.motion.rotation import Array, normalize

_LYING_TRUNK = 0.6
"""Cosine between trunk and up, below which a trunk is along the floor."""
_LOW_HANDS, _HIGH_KNEES, _HIGH_HIPS = 0.35, 0.1, 0.35
"""As shares of a leg's length: hands at most so far above the feet, knees and hips at least."""
_MOST_FRAMES = 0.7
"""In which a body is on all fours that does."""
_FORELEG = 0.8
"""Arm over leg: no human has more, and few animals on four legs less."""


@dataclass(frozen=True)
class FourLegs:
    """How a body stands on all fours. foreleg: its arms' length over its legs'"""

    foreleg: float

    @property
    def is_animal(self) -> bool:
        """Whether it is built like an animal, and not only in the posture of one."""
        return self.foreleg > _FORELEG


def find_four_legs(position: Array, joints: Mapping[str, int], up: Array) -> FourLegs | None:
    """position: (T, J, 3) of sampled frames; joints: role -> joint; up: (3,). None where the body
    does not go on four legs for most of the clip.
    """

    def place(role: str) -> Array:
        return position[:, joints[role]]

    def ends(part: str) -> list[str]:
        return [f"{side}_{part}" for side in SIDES]

    def height(roles: list[str]) -> Array:
        return np.mean([place(role) @ up for role in roles], axis=0)

    hands = [role if role in joints else f"{role[:-4]}forearm" for role in ends("hand")]
    legs = _length(
        [[place(f"{side}_{part}") for part in ("thigh", "shin", "foot")] for side in SIDES]
    )
    arms = _length(
        [
            [place(f"{side}_upper_arm"), place(f"{side}_forearm"), place(hand)]
            for side, hand in zip(SIDES, hands, strict=True)
        ]
    )
    trunk = normalize(place("chest") - place("hips")) @ up
    feet = np.minimum(*(place(role) @ up for role in ends("foot")))
    lies = np.abs(trunk) < _LYING_TRUNK
    low = height(hands) - feet < _LOW_HANDS * legs
    found = FourLegs(arms / max(legs, 1e-12))
    if found.is_animal:  # whatever its legs do: they fly in a gallop
        return found if lies.mean() > 0.5 and low.mean() > 0.5 else None
    knees = height(ends("shin")) - feet > _HIGH_KNEES * legs
    hips = place("hips") @ up - feet > _HIGH_HIPS * legs
    return found if (lies & low & knees & hips).mean() > _MOST_FRAMES else None


def _length(limbs: list[list[Array]]) -> float:
    """The mean length of limbs along their joints."""
    return float(
        np.mean(
            [
                sum(median(np.linalg.norm(b - a, axis=-1)) for a, b in pairwise(limb))
                for limb in limbs
            ]
        )
    )
