"""What a BVH file says beyond its motion, and how its columns of numbers become positions and
rotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import AXIS_INDEX, Array
from kinestyle.motion.skeleton import Skeleton

CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")
_JUMP_DEGREES = 180.0
_CHUNK_ROTATIONS = 2**12
"""Computed at a time: intermediate arrays stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class RotationGroup:
    """Joints whose rotation channels name the same axes in the same order.

    order: N of the letters XYZ, N from 0 to 3
    joints: (G,) joint indices
    columns: (G, N) their columns
    """

    order: str
    joints: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True, eq=False)
class BvhLayout:
    """What a BVH file says beside its motion, and the numbers it had: enough to write an unmodified
    clip number for number.

    skeleton: the joints of the hierarchy, in the order of the file
    channels: for each joint its channels in the order of the file, each one of `CHANNELS`
    first_columns: for each joint the column of its first channel
    head_text: the text before the frame count: hierarchy, MOTION and the label "Frames:"
    between_text: the text between frame count and frame time
    frame_time_text: the frame time as written: 0.0083333 is not 0.00833
    values: (T, C) numbers of the file, degrees and file units; no frames for a layout that was not
        read
    decimals: the most digits any value had after its point
    shortest: whether values are printed with as few digits as tell them apart, as in a file with
        exponents (1.2e-17)
    column_count: of all characters in the file; None: those of the channels
    newline: how the rows end
    encoding, byte_order_mark: how the text becomes bytes
    """

    skeleton: Skeleton
    channels: tuple[tuple[str, ...], ...]
    first_columns: tuple[int, ...]
    head_text: str
    between_text: str
    frame_time_text: str
    values: Array
    decimals: int = 6
    shortest: bool = False
    column_count: int | None = None
    newline: str = "\n"
    encoding: str = "utf-8"
    byte_order_mark: bytes = b""

    @property
    def channel_count(self) -> int:
        """C, how many values a frame has."""
        return self.column_count or sum(map(len, self.channels))

    def translates(self, joint: int) -> bool:
        """Whether a joint has a channel for its position on each axis."""
        return sum(name.endswith("position") for name in self.channels[joint]) == 3

    def window(self, start: int, stop: int) -> BvhLayout:
        """The same with the values of some frames only."""
        return replace(self, values=self.values[start:stop])

    def followed_by(self, other: BvhLayout) -> BvhLayout:
        """The same with the values of another one's frames behind its own."""
        return replace(self, values=np.concatenate([self.values, other.values]))

    def at(self, at_frame: Array) -> BvhLayout:
        """The same with the values at (M,) fractional frame numbers, straight between frames; where
        a value jumps by half a turn or more, that of the nearer one.
        """
        if not len(self.values):
            return self
        at_frame = np.clip(at_frame, 0.0, len(self.values) - 1.0)
        low = np.floor(at_frame).astype(int)
        high, part = np.minimum(low + 1, len(self.values) - 1), (at_frame - low)[:, None]
        step = self.values[high] - self.values[low]
        part = np.where(np.abs(step) < _JUMP_DEGREES, part, part.round())
        return replace(self, values=self.values[low] + part * step)

    def only(self, joints: Sequence[int]) -> BvhLayout:
        """What `decode` needs for some joints, ascending, each with all above it."""
        return replace(
            self,
            skeleton=self.skeleton.only(joints),
            channels=tuple(self.channels[joint] for joint in joints),
            first_columns=tuple(self.first_columns[joint] for joint in joints),
        )

    @cached_property
    def rotation_groups(self) -> tuple[RotationGroup, ...]:
        """All joints, grouped by the order of their rotation channels: each order is computed
        once.
        """
        found: dict[str, list[tuple[int, list[int]]]] = {}
        for joint, (names, first) in enumerate(zip(self.channels, self.first_columns, strict=True)):
            rotations = [
                (name[0], first + i) for i, name in enumerate(names) if name.endswith("rotation")
            ]
            found.setdefault("".join(axis for axis, _ in rotations), []).append(
                (joint, [column for _, column in rotations])
            )
        groups = []
        for order, rows in found.items():
            columns = np.array([row for _, row in rows], dtype=int).reshape(len(rows), len(order))
            groups.append(RotationGroup(order, np.array([joint for joint, _ in rows]), columns))
        return tuple(groups)

    @cached_property
    def position_columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The P position channels as three (P,) arrays: joint, axis, column."""
        rows = [
            (joint, AXIS_INDEX[name[0]], first + i)
            for joint, (names, first) in enumerate(
                zip(self.channels, self.first_columns, strict=True)
            )
            for i, name in enumerate(names)
            if name.endswith("position")
        ]
        joint, axis, column = np.array(rows, dtype=int).reshape(-1, 3).T
        return joint, axis, column


def decode(layout: BvhLayout, values: Array) -> tuple[Array, Array]:
    """values: (T, C) degrees and file units -> local positions (T, J, 3) in file units, local
    rotations (T, J, 4) wxyz.
    """
    frames, joints = len(values), layout.skeleton.joint_count
    local_position = np.empty((frames, joints, 3))
    local_position[:] = layout.skeleton.offsets
    joint, axis, position_column = layout.position_columns
    local_position[:, joint, axis] = values[:, position_column]
    local_rotation = np.empty((frames, joints, 4))
    groups = [
        (group, _evenly(group.joints), [_evenly(column) for column in group.columns.T])
        for group in layout.rotation_groups
    ]
    size = max(1, _CHUNK_ROTATIONS // joints)
    for start in range(0, frames, size):
        part, rotations = values[start : start + size], local_rotation[start : start + size]
        for group, group_joints, columns in groups:
            angles = np.empty((len(columns), len(part), len(group.joints)))
            for angle, column in zip(angles, columns, strict=True):
                np.multiply(part[:, column], np.pi / 180.0, out=angle)
            angles = np.moveaxis(angles, 0, -1)
            if isinstance(group_joints, slice):
                rotation.from_euler(angles, group.order, out=rotations[:, group_joints])
            else:
                rotations[:, group_joints] = rotation.from_euler(angles, group.order)
    return local_position, local_rotation


def _evenly(indices: np.ndarray) -> np.ndarray | slice:
    """indices: (G,) int -> the same as an ascending slice where that is possible: a slice spares a
    copy.
    """
    step = int(indices[1] - indices[0]) if len(indices) > 1 else 1
    even = step > 0 and np.array_equal(indices, indices[0] + step * np.arange(len(indices)))
    return slice(int(indices[0]), int(indices[-1]) + 1, step) if even else indices
