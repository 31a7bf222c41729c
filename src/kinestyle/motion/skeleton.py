"""A skeleton as arrays: names, parents and offsets, parents always before their children."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

_NUMBERS_AT_ONCE = 2**17
"""Of world rotations: what is made of more is larger than the processor's cache."""

_FEW_JOINTS = 128
"""Of a skeleton: places of so few are one product with a matrix."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """J joints in an order in which each parent comes before its children.

    names: J names, unique
    parents: (J,) int, -1 for the root; `parents[j] < j`
    offsets: (J, 3) from parent to joint at rest, in file units (metres on the canonical skeleton)
    end_parents, end_offsets: (E,) int and (E, 3), the tips beyond the last joints (BVH's end sites)
    """

    names: tuple[str, ...]
    parents: np.ndarray
    offsets: Array
    end_parents: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    end_offsets: Array = field(default_factory=lambda: np.zeros((0, 3)))

    def __post_init__(self) -> None:
        count = len(self.names)
        assert self.parents.shape == (count,), (
            f"{count} names but parents have shape {self.parents.shape}"
        )
        assert self.offsets.shape == (count, 3), (
            f"{count} names but offsets have shape {self.offsets.shape}"
        )
        assert count and self.parents[0] == -1, "the first joint is the root"
        assert (self.parents[1:] < np.arange(1, count)).all(), (
            "each parent comes before its children"
        )

    @property
    def joint_count(self) -> int:
        """J."""
        return len(self.names)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """J tuples of child indices."""
        found: list[list[int]] = [[] for _ in self.names]
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(joint)
        return tuple(map(tuple, found))

    @cached_property
    def levels(self) -> tuple[np.ndarray, ...]:
        """Joint indices by depth. One level is computed at once from the level above."""
        depth = np.zeros(self.joint_count, dtype=int)
        for joint, parent in enumerate(self.parents):
            depth[joint] = depth[parent] + 1 if parent >= 0 else 0
        return tuple(np.flatnonzero(depth == d) for d in range(depth.max() + 1))

    def index(self, name: str) -> int:
        """The index of a joint by its name. Raises KeyError for a name that is not there."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(
                f"no joint is named {name!r}; the skeleton has {', '.join(self.names)}"
            ) from None

    def only(self, joints: Sequence[int]) -> Skeleton:
        """The skeleton of some joints, ascending, each with all above it."""
        index = {int(joint): i for i, joint in enumerate(joints)}
        ends = [i for i, parent in enumerate(self.end_parents.tolist()) if parent in index]
        return Skeleton(
            tuple(self.names[joint] for joint in joints),
            np.array([index.get(int(self.parents[joint]), -1) for joint in joints]),
            self.offsets[list(joints)],
            np.array([index[int(self.end_parents[i])] for i in ends], dtype=int),
            self.end_offsets[ends],
        )

    def ancestors(self, joint: int) -> list[int]:
        """The joints from the parent of `joint` up to the root."""
        chain = []
        while (joint := int(self.parents[joint])) >= 0:
            chain.append(joint)
        return chain

    @cached_property
    def sums(self) -> Array:
        """(J, J) what makes of ways from each parent the ways from the origin: 1 for a joint itself
        and those that it hangs on.
        """
        found = np.eye(self.joint_count)
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                found[joint] += found[parent]
        return found

    @cached_property
    def leaps(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Joints and ancestors of theirs: from one to the next twice as far up, all of those that
        are not beyond the root. So few steps go down a skeleton, however deep it is.
        """
        found, above = [], self.parents
        while (above >= 0).any():
            joints = np.flatnonzero(above >= 0)
            found.append((joints, above[joints]))
            above = np.where(above >= 0, above[above], -1)
        return tuple(found)

    def leading_to(self, joints: Iterable[int]) -> np.ndarray:
        """(J,) bool, the joints that are among `joints` or above one of them."""
        key = tuple(joints)
        if key not in self._leading:
            leads = np.zeros(self.joint_count, dtype=bool)
            for joint in key:
                leads[[joint, *self.ancestors(joint)]] = True
            self._leading[key] = leads
        return self._leading[key].copy()

    @cached_property
    def _leading(self) -> dict[tuple[int, ...], np.ndarray]:
        """What `leading_to` has found."""
        return {}

    def below(self, joint: int) -> np.ndarray:
        """(J,) bool, a joint and all that hangs on it."""
        if joint not in self._below:
            found = np.zeros(self.joint_count, dtype=bool)
            found[joint] = True
            for other in range(joint + 1, self.joint_count):
                parent = self.parents[other]
                found[other] = parent >= 0 and found[parent]
            self._below[joint] = found
        return self._below[joint].copy()

    @cached_property
    def _below(self) -> dict[int, np.ndarray]:
        """What `below` has found."""
        return {}


def same_skeleton(a: Skeleton, b: Skeleton, tolerance: float) -> bool:
    """Whether two skeletons have the same names in the same order, and offsets within `tolerance`
    file units.
    """
    return a is b or (
        a.names == b.names
        and np.array_equal(a.parents, b.parents)
        and np.allclose(a.offsets, b.offsets, rtol=0, atol=tolerance)
        and np.array_equal(a.end_parents, b.end_parents)
        and np.allclose(a.end_offsets, b.end_offsets, rtol=0, atol=tolerance)
    )


def joints_first(values: Array) -> Array:
    """(..., J, N) -> (J, ..., N), the same memory.

    What the functions below return lies in memory in this order: going down a skeleton, whole
    joints are read and written.
    """
    joints = values.ndim - 2
    return values.transpose(joints, *range(joints), joints + 1)


def joints_inside(values: Array) -> Array:
    """(J, ..., N) -> (..., J, N), the same memory."""
    return values.transpose(*range(1, values.ndim - 1), 0, values.ndim - 1)


def local_to_world_rotation(skeleton: Skeleton, local_rotation: Array) -> Array:
    """local_rotation: (..., J, 4) relative to each parent -> (..., J, 4) in the world."""
    # whole joints together, as they are read
    local = np.ascontiguousarray(joints_first(local_rotation))
    world = np.empty(local.shape, local.dtype)
    world[skeleton.levels[0]] = local[skeleton.levels[0]]
    for joints in skeleton.levels[1:]:
        world[joints] = rotation.multiply(world[skeleton.parents[joints]], local[joints])
    return joints_inside(world)


def world_rotation_of(skeleton: Skeleton, local_rotation: Array, joint: int) -> Array:
    """local_rotation: (..., J, 4) -> (..., 4) of one joint in the world."""
    turned = local_rotation[..., joint, :]
    for above in skeleton.ancestors(joint):
        turned = rotation.multiply(local_rotation[..., above, :], turned)
    return turned


def world_to_local_rotation(skeleton: Skeleton, world_rotation: Array) -> Array:
    """world_rotation: (..., J, 4) -> (..., J, 4) relative to each parent."""
    world = joints_first(world_rotation)
    local = np.empty(world.shape, world.dtype)
    child, root = skeleton.parents >= 0, skeleton.levels[0]
    local[root] = world[root]
    above = rotation.inverse(world[skeleton.parents[child]])
    local[child] = rotation.multiply(above, world[child])
    return joints_inside(local)


def forward_kinematics(
    skeleton: Skeleton, local_position: Array, local_rotation: Array
) -> tuple[Array, Array]:
    """local_position: (..., J, 3), local_rotation: (..., J, 4) -> world positions (..., J, 3) and
    rotations (..., J, 4).

    `local_position` of the root is its position in the world; of another joint, the vector from its
    parent in the parent's frame.
    """
    world_rotation = local_to_world_rotation(skeleton, local_rotation)
    return place_joints(skeleton, local_position, world_rotation), world_rotation


def place_joints(skeleton: Skeleton, local_position: Array, world_rotation: Array) -> Array:
    """World positions (..., J, 3) from local ones, as in `forward_kinematics`, (..., J, 3), and
    world rotations (..., J, 4).
    """
    parents, root = np.maximum(skeleton.parents, 0), skeleton.levels[0]
    world = joints_first(world_rotation)
    local = joints_first(np.broadcast_to(local_position, (*world_rotation.shape[:-1], 3)))
    found = np.empty((3, *world.shape[:-1]), np.result_type(world, local))
    position = found.transpose(*range(1, found.ndim), 0)
    at_once = max(1, _NUMBERS_AT_ONCE * len(world) // max(1, world.size))
    for start in range(0, len(world), at_once):
        some = slice(start, start + at_once)
        position[some] = rotation.rotate(world[parents[some]], local[some])
    position[root] = local[root]
    for joints in skeleton.levels[1:]:
        position[joints] += position[parents[joints]]
    return joints_inside(position)


def few_in_world(
    skeleton: Skeleton, local_position: Array, local_rotation: Array
) -> tuple[Array, Array]:
    """As `forward_kinematics`, but for rounding, in fewer operations: of a few frames, what counts
    is how often numpy is called.
    """
    world = np.array(joints_first(local_rotation), order="C")
    for joints, above in skeleton.leaps:
        world[joints] = rotation.multiply(world[above], world[joints])
    world_rotation = joints_inside(world)
    return place_few(skeleton, local_position, world_rotation), world_rotation


def place_few(skeleton: Skeleton, local_position: Array, world_rotation: Array) -> Array:
    """As `place_joints`, but for rounding, in fewer operations."""
    if skeleton.joint_count > _FEW_JOINTS:
        return place_joints(skeleton, local_position, world_rotation)
    world, root = joints_first(world_rotation), skeleton.levels[0]
    local = joints_first(np.broadcast_to(local_position, (*world_rotation.shape[:-1], 3)))
    way = rotation.rotate(world[np.maximum(skeleton.parents, 0)], local)
    way[root] = local[root]
    # (3, J, N): no component lies between those of another
    ways = np.ascontiguousarray(way.transpose(-1, *range(way.ndim - 1))).reshape(3, len(world), -1)
    found = (skeleton.sums.astype(way.dtype, copy=False) @ ways).reshape(3, *way.shape[:-1])
    return found.transpose(*range(2, found.ndim), 1, 0)


def rest_position(skeleton: Skeleton) -> Array:
    """(J, 3) positions with all joints unrotated and the root at its offset. In many files that is
    no pose at all.
    """
    unrotated = np.tile(rotation.IDENTITY, (skeleton.joint_count, 1))
    return forward_kinematics(skeleton, skeleton.offsets, unrotated)[0]


def tip_position(skeleton: Skeleton, world_position: Array, world_rotation: Array) -> Array:
    """World positions (..., J, 3) and rotations (..., J, 4) -> (..., E, 3), the world positions of
    the end sites.
    """
    parents = skeleton.end_parents
    return world_position[..., parents, :] + rotation.rotate(
        world_rotation[..., parents, :], skeleton.end_offsets
    )
