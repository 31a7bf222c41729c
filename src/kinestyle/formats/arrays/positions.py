"""Which axis of an array is which: frames, joints, coordinates, and whatever else there is.

Models agree on none of it: `(T, 22, 3)`, `(22, 3, T)`, `(samples, 22, 3, T)`, `(T, persons, 22,
3)`, `(T, 66)`. An array is read in the way in which it shows a body: bones that keep their lengths,
limbs alike on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np

from kinestyle.formats.arrays.joint_sets import INDEX, JOINT_SETS, JointSet
from kinestyle.motion.rotation import Array

_LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
_UNEVEN, _UNLIKE_SIDES = 0.15, 1.6
"""Above these there is no body: mean relative deviation of the limbs' lengths over time, and the
ratio of both sides.
"""
_PROPORTION = (0.4, 2.5)
"""Of a thigh to a shin, of an upper arm to a forearm, of an arm to a leg."""
_TRIED_FRAMES = 100


@dataclass(frozen=True)
class PositionLayout:
    """How an array holds joint positions.

    joints: its points
    flat: its last axis holds three numbers for each joint
    order: the axes of the array, with the last one divided if it is flat: those of persons or
        samples first, then frames, joints, coordinates
    """

    joints: JointSet
    flat: bool
    order: tuple[int, ...]

    def motions(self, array: Array) -> Array:
        """The array of a file -> (N, T, K, 3), all persons or samples in it; a view if possible."""
        moved = self._divided(array).transpose(self.order)
        return moved.reshape(prod(moved.shape[:-3]), *moved.shape[-3:])

    def put_back(self, array: Array, position: Array, motion: int) -> Array:
        """The array of a file with other positions (T, K, 3) for one of its motions.

        Where the number of frames differs, the new array holds that motion alone.
        """
        moved = self._divided(array).transpose(self.order)
        if moved.shape[-3] == len(position):
            new = moved.astype(float)
            new = new.reshape(-1, *moved.shape[-3:])
            new[motion] = position
            new = new.reshape(moved.shape)
        else:
            new = position.reshape((1,) * (moved.ndim - 3) + position.shape)
        back = new.transpose(np.argsort(self.order))
        return back.reshape(*back.shape[:-2], 3 * self.joints.count) if self.flat else back

    def _divided(self, array: Array) -> Array:
        return array.reshape(*array.shape[:-1], self.joints.count, 3) if self.flat else array


def find_layout(array: Array) -> PositionLayout | None:
    """The layout in which an array shows a body; the likeliest one if none does but its shape is
    the usual one; else None.
    """
    best, least = None, _UNEVEN
    for layout in _possible(array.shape):
        if array.size == 0:
            return layout
        unevenness = unevenness_of(layout.motions(array)[0], layout.joints)
        if unevenness < least:
            best, least = layout, unevenness
    if best is None and array.ndim > 2 and array.shape[-2:] == (22, 3):
        return next(layout for layout in _possible(array.shape) if not layout.flat)
    return best


def _possible(shape: tuple[int, ...]) -> Iterator[PositionLayout]:
    """The layouts that a shape allows, the likeliest first."""
    for count, joints in JOINT_SETS.items():
        for flat in (False, True):
            if flat and (len(shape) < 2 or shape[-1] != 3 * count):
                continue
            axes = (*shape[:-1], count, 3) if flat else shape
            if not 3 <= len(axes) <= 5:
                continue
            found = {
                _ordered(axes, joint, xyz)
                for joint, xyz in permutations(range(len(axes)), 2)
                if axes[joint] == count and axes[xyz] == 3
            }
            for order in sorted(found, key=lambda order: (order[-1] != order[-2] + 1, order[::-1])):
                yield PositionLayout(joints, flat, order)


def _ordered(axes: tuple[int, ...], joint: int, xyz: int) -> tuple[int, ...]:
    """The axes with the frames before joints and coordinates: the longest of the others."""
    others = [axis for axis in range(len(axes)) if axis not in (joint, xyz)]
    frames = max(others, key=lambda axis: (axes[axis], -axis))
    return (*(axis for axis in others if axis != frames), frames, joint, xyz)


def unevenness_of(position: Array, joints: JointSet) -> float:
    """position: (T, K, 3) -> how much its limbs change their lengths, a share; infinite for what
    has not the proportions of a body.
    """
    few = position[:: max(1, len(position) // _TRIED_FRAMES)]
    with np.errstate(all="ignore"):  # what is no finite number is no body
        smpl = np.einsum("jk,tkc->tjc", joints.weights, few.astype(float))
        length = np.stack(
            [
                np.linalg.norm(
                    smpl[:, INDEX[f"{side}_{end}"]] - smpl[:, INDEX[f"{side}_{begin}"]], axis=-1
                )
                for begin, end in _LIMBS
                for side in ("left", "right")
            ],
            axis=-1,
        )
        mean = length.mean(axis=0)
        uneven = float(np.mean(length.std(axis=0) / mean))
        left, right = mean[::2], mean[1::2]
        thigh, shin, upper_arm, forearm = left + right
        ratios = (thigh / shin, upper_arm / forearm, (upper_arm + forearm) / (thigh + shin))
        alike = float(np.maximum(left / right, right / left).max()) < _UNLIKE_SIDES
        proportioned = all(_PROPORTION[0] < ratio < _PROPORTION[1] for ratio in ratios)
    return uneven if alike and proportioned and math.isfinite(uneven) else math.inf
