"""The canonical skeleton: 21 joints, metres, Y up, facing +Z, left along +X, at rest in a T-pose
with palms down.

Every clip is brought onto it before a network sees it. All rest rotations are the identity: a
joint's world rotation says directly how its bone has rotated away from the T-pose.

Proportions are segment lengths as fractions of stature from Drillis and Contini (1966), as
tabulated by Winter, "Biomechanics and Motor Control of Human Movement", for a stature of 1.70 m.
That table treats the trunk as one piece; it is divided by eye here.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import (
    Skeleton,
    joints_first,
    joints_inside,
    place_few,
    rest_position,
    world_to_local_rotation,
)

STATURE_M = 1.70

SIDES = ("left", "right")
UP, LEFT, FORWARD = np.eye(3)[[1, 0, 2]]


def _build() -> Skeleton:
    rows: list[tuple[str, str | None, tuple[float, float, float]]] = [
        ("hips", None, (0.0, 0.530, 0.0))
    ]
    tips: list[tuple[str, tuple[float, float, float]]] = []
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        rows += [
            (f"{side}_thigh", "hips", (sign * 0.055, 0.0, 0.0)),
            (f"{side}_shin", f"{side}_thigh", (0.0, -0.245, 0.0)),
            (f"{side}_foot", f"{side}_shin", (0.0, -0.246, 0.0)),
            (f"{side}_toe", f"{side}_foot", (0.0, -0.017, 0.085)),
        ]
        tips.append((f"{side}_toe", (0.0, 0.0, 0.040)))
    rows += [
        ("spine", "hips", (0.0, 0.090, 0.0)),
        ("chest", "spine", (0.0, 0.055, 0.0)),
        ("neck", "chest", (0.0, 0.145, 0.0)),
        ("head", "neck", (0.0, 0.055, 0.0)),
    ]
    tips.append(("head", (0.0, 0.125, 0.0)))
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        rows += [
            (f"{side}_clavicle", "chest", (sign * 0.030, 0.120, 0.0)),
            (f"{side}_upper_arm", f"{side}_clavicle", (sign * 0.080, 0.0, 0.0)),
            (f"{side}_forearm", f"{side}_upper_arm", (sign * 0.172, 0.0, 0.0)),
            (f"{side}_hand", f"{side}_forearm", (sign * 0.157, 0.0, 0.0)),
        ]
        tips.append((f"{side}_hand", (sign * 0.100, 0.0, 0.0)))
    names = [name for name, _, _ in rows]
    return Skeleton(
        names=tuple(names),
        parents=np.array([names.index(parent) if parent else -1 for _, parent, _ in rows]),
        offsets=STATURE_M * np.array([offset for _, _, offset in rows]),
        end_parents=np.array([names.index(name) for name, _ in tips]),
        end_offsets=STATURE_M * np.array([offset for _, offset in tips]),
    )


CANONICAL = _build()
"""The canonical skeleton."""

REST_POSITION_M = rest_position(CANONICAL)
"""(21, 3) its joints in the T-pose, soles on the floor."""

HIPS = CANONICAL.index("hips")

_BONES_ALONG = [
    (axis, joints, CANONICAL.parents[joints], CANONICAL.offsets[joints, axis])
    for axis in range(3)
    for joints in [1 + np.flatnonzero(CANONICAL.offsets[1:, axis])]
]
"""For each axis the joints that lie along it from their parents, the parents, and how far: most
bones lie along one, which is rotated with half of the operations that a vector takes.
"""

_WAYS = CANONICAL.offsets.copy()
_WAYS[HIPS] = 0.0
"""(21, 3) metres, from each joint's parent to it, the hips at the origin."""

_LONG = 2**15
"""Numbers of rotations from which on that pays: below, what counts is how often numpy is called."""

LEG_LENGTH_M = float(
    -CANONICAL.offsets[[CANONICAL.index("left_shin"), CANONICAL.index("left_foot")], 1].sum()
)
"""Hip to ankle. Travel is scaled by it between rigs."""


def mirror_name(name: str) -> str:
    """The same joint on the other side of the body; joints of the trunk are their own."""
    if name.startswith("left_"):
        return "right_" + name[len("left_") :]
    if name.startswith("right_"):
        return "left_" + name[len("right_") :]
    return name


def has_side(name: str) -> bool:
    """Whether a joint is on one side of the body."""
    return name.startswith(("left_", "right_"))


def part_of(name: str) -> str:
    """A joint's name without its side: "thigh" for "left_thigh". Joints of the trunk have none."""
    return name.removeprefix("left_").removeprefix("right_")


MIRROR = np.array([CANONICAL.index(mirror_name(name)) for name in CANONICAL.names])
"""(21,) for each joint, the index of its mirror image."""


def canonical_clip(
    root_position: Array, world_rotation: Array, frame_time_seconds: float, name: str = "clip"
) -> Clip:
    """root_position: (T, 3) metres, world_rotation: (T, 21, 4) -> a clip on the canonical
    skeleton.
    """
    local_position = np.tile(CANONICAL.offsets, (len(root_position), 1, 1))
    local_position[:, HIPS] = root_position
    clip = Clip(
        CANONICAL,
        local_position,
        world_to_local_rotation(CANONICAL, world_rotation),
        frame_time_seconds,
        name,
    )
    position = joints_from_hips(world_rotation)
    position += root_position[:, None]
    return clip.with_world(position, world_rotation)


def joints_from_hips(world_rotation: Array) -> Array:
    """world_rotation: (..., 21, 4) -> (..., 21, 3) metres from the hips."""
    if world_rotation.size < _LONG:
        return place_few(CANONICAL, _WAYS, world_rotation)
    world = joints_first(world_rotation)
    found = np.zeros((3, *world.shape[:-1]), world.dtype)
    position = found.transpose(*range(1, found.ndim), 0)
    for axis, joints, parents, length in _BONES_ALONG:
        along = rotation.rotated_axis(world[parents], axis)
        along *= length.reshape(-1, *[1] * (along.ndim - 1))
        position[joints] += along
    for joints in CANONICAL.levels[1:]:
        position[joints] += position[CANONICAL.parents[joints]]
    return joints_inside(position)
