"""The few motion operations that losses need, in torch; parity with `kinestyle.motion` is tested.

A rotation has the shape (..., 3, 3), but lies in memory as nine arrays, column by column: a
processor works through long arrays many times faster than through many vectors of three numbers.
Rotations in another layout are right too, only slower. Nothing here lowers the precision of its
input, autocast or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import LAYOUT


def sixd_to_matrix(sixd: Tensor) -> Tensor:
    """sixd: (..., 6) -> (..., 3, 3), as `rotation.from_sixd`."""
    numbers = sixd.movedim(-1, 0).contiguous().unbind()
    x, second = _unit(numbers[:3]), numbers[3:]
    along = _dot(x, second)
    y = _unit([b - along * a for a, b in zip(x, second, strict=True)])
    return _matrix(
        [*x, *y, x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]
    )


def rotations(features: Tensor) -> Tensor:
    """features: (..., 260) physical -> (..., 21, 3, 3) world rotations with the heading removed."""
    return sixd_to_matrix(features[..., LAYOUT["joint_rotation"]].unflatten(-1, (-1, 6)))


def compose(a: Tensor, b: Tensor) -> Tensor:
    """a, b: (..., 3, 3) -> the rotation a after b, which is a @ b."""
    rows = [[a[..., row, column] for column in range(3)] for row in range(3)]
    columns = [[b[..., row, column] for row in range(3)] for column in range(3)]
    return _matrix([_dot(row, column) for column in columns for row in rows])


def joint_position(world_rotation: Tensor) -> Tensor:
    """world_rotation: (..., 21, 3, 3) -> (..., 21, 3) metres, joints of the canonical skeleton with
    the hips at the origin.
    """
    columns = world_rotation.movedim((-1, -2), (0, 1))
    reach = _reach_on(world_rotation.device, world_rotation.dtype)
    with torch.autocast(world_rotation.device.type, enabled=False):
        position = (columns.reshape(3, -1, CANONICAL.joint_count) @ reach).sum(dim=0)
    return position.reshape(columns.shape[1:]).movedim(0, -1)


def geodesic(a: Tensor, b: Tensor) -> Tensor:
    """a, b: (..., 3, 3) -> (...) radians between rotations; the gradient is finite everywhere."""
    cosine = ((a * b).sum(dim=(-1, -2)) - 1.0) / 2.0
    return torch.acos(cosine.clamp(-1.0 + 1e-6, 1.0 - 1e-6))


@cache
def _reach() -> np.ndarray:
    """(3, 21, 21) metres: the offset from joint [i] along its [axis] to joint [j], for the one bone
    on the path from the hips to j that i rotates; 0 where i is not on that path.

    Positions are one product with it: p_j = sum over i, axis of reach[axis, i, j] * (column `axis`
    of i's rotation).
    """
    reach = np.zeros((3, CANONICAL.joint_count, CANONICAL.joint_count))
    for joint in range(1, CANONICAL.joint_count):
        parent = int(CANONICAL.parents[joint])
        reach[:, :, joint] = reach[:, :, parent]
        reach[:, parent, joint] += CANONICAL.offsets[joint]
    return reach


@cache
def _reach_on(device: torch.device, dtype: torch.dtype) -> Tensor:
    """`_reach`, sent once."""
    return torch.as_tensor(_reach(), dtype=dtype, device=device)


def _matrix(entries: list[Tensor]) -> Tensor:
    """Nine times (...), column by column -> (..., 3, 3)."""
    return torch.stack(entries).unflatten(0, (3, 3)).movedim((0, 1), (-1, -2))


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _unit(vector: Sequence[Tensor]) -> list[Tensor]:
    """At length 1; the zero vector stays zero."""
    scale = torch.rsqrt(_dot(vector, vector) + 1e-24)
    return [number * scale for number in vector]
