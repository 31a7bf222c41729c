"""Joints that are moved by a limb without hanging on it.

Feet for inverse kinematics hang on the root, so that they can stay in place: the leg ends at the
shin, and its foot lies elsewhere in the tree, at the shin's end in every frame. Controls of the
foot may lie there too. Whoever moves the leg has to carry them along.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from kinestyle.motion.canonical import SIDES
from kinestyle.motion.percentile import median
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.names import JointName, read_names

_RIGID = 0.06
"""How much the distance of a foot from its shin may change, as a share of it. IK that cannot reach
its target leaves the foot behind.
"""
MOST_STRAY = 0.2
"""The same for a foot that somebody names: more is another joint."""
_PARTS = ("thigh", "shin", "foot")

_AT_THE_ANKLE = 0.03
"""As a share of the shin: what is that near to the ankle in all frames goes with it."""


def feet_elsewhere(skeleton: Skeleton, position: Array) -> dict[int, int]:
    """Feet by name that do not hang on a leg -> the shin at whose end they lie.

    position: (T, J, 3) world positions of sampled frames
    """
    named = _named(skeleton.names)
    if not any(part == "foot" for _, part in named):
        return {}
    found: dict[int, int] = {}
    for side in SIDES:
        thighs, shins, feet = (named.get((side, part), ()) for part in _PARTS)
        legs = sorted({*thighs, *shins})
        below = np.any([skeleton.below(joint) for joint in legs], axis=0) if legs else None
        if below is None or any(below[foot] for foot in feet):
            continue
        pairs = [
            (change, foot, shin)
            for foot in feet
            for shin in shins
            if (change := _change(position[:, foot] - position[:, shin])) < _RIGID
        ]
        if pairs:
            # of equals the foot that is nearest to the root, which carries the others
            _, foot, shin = min(pairs, key=lambda pair: (round(pair[0], 2), pair[1]))
            found[foot] = shin
    return found if len(found) == len(SIDES) else {}


def carried_joints(
    skeleton: Skeleton, position: Array, joints: Mapping[str, int]
) -> tuple[tuple[int, int], ...]:
    """Each joint that a leg carries without its hanging there, and what carries it: feet by their
    shins, then whatever lies at an ankle by the foot.

    joints: role -> joint
    """
    found = []
    leading = skeleton.leading_to(joints.values())
    for side in SIDES:
        thigh, shin, foot = (joints[f"{side}_{part}"] for part in ("thigh", "shin", "foot"))
        if shin not in skeleton.ancestors(foot):
            found.append((foot, shin))
        hanging = skeleton.below(thigh) | skeleton.below(foot) | leading
        length = float(median(np.linalg.norm(position[:, foot] - position[:, shin], axis=-1)))
        apart = np.linalg.norm(position - position[:, foot : foot + 1], axis=-1).max(axis=0)
        near = np.flatnonzero((apart < _AT_THE_ANKLE * length) & ~hanging)
        found += [(int(joint), foot) for joint in near if int(skeleton.parents[joint]) not in near]
    return tuple(found)


def strays(position: Array, foot: int, shin: int) -> float:
    """How much the distance of a foot from its shin changes, as a share of it; position: (T, J,
    3).
    """
    return _change(position[:, foot] - position[:, shin])


@lru_cache(maxsize=64)
def _named(names: tuple[str, ...]) -> Mapping[tuple[str, str], tuple[int, ...]]:
    """Side ("" for none) and part of a leg -> the joints whose names speak of it."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for joint, name in enumerate(read_names(names)):
        for part in _PARTS:
            if _weight(name, part):
                key = name.side, part
                found[key] = (*found.get(key, ()), joint)
    return found


def _weight(name: JointName, part: str) -> bool:
    """Whether a name speaks of a part of a leg, and of no other more clearly."""
    return name.weight(part) >= 0.5 and name.weight(part) == max(name.roles.values())


def _change(vector: Array) -> float:
    """vector: (T, 3) -> how much its length changes, as a share of it, in the half of the frames in
    which it is shorter: IK that does not reach leaves a foot too far away, never too near.
    """
    length = np.linalg.norm(vector, axis=-1)
    usual = float(median(length))
    return (usual - float(length.min())) / max(usual, 1e-12)
