# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which Blender writes a rotation, without bpy."""

from __future__ import annotations

import numpy as np

from kinestyle.formats.euler_curves import euler_curves
from kinestyle.motion import rotation

Array = np.ndarray

PATHS = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
"""The property of a pose bone in each mode; the others, the orders of Euler angles, have one."""

_TINY = 1e-9


def path_of(mode: str) -> str:
    return PATHS.get(mode, "rotation_euler")


def size_of(mode: str) -> int:
    return 4 if mode in PATHS else 3


def to_quaternion(values: Array, mode: str) -> Array:
    """values: (T, 4) or (T, 3) of a rotation mode -> (T, 4) unit quaternions wxyz."""
    if mode == "QUATERNION":
        found = rotation.normalize(values)
        # Blender takes a quaternion of no length as no rotation
        return np.where(np.any(values, axis=-1, keepdims=True), found, rotation.IDENTITY)
    if mode == "AXIS_ANGLE":
        return rotation.exp(rotation.normalize(values[:, 1:]) * values[:, :1])
    # the axes of "XYZ" are turned about in this order, the last one outermost
    order = mode[::-1]
    return rotation.from_euler(values[:, _axes(order)], order)


def from_quaternion(q: Array, mode: str, near: Array) -> Array:
    """q: (T, 4) -> (T, 4) or (T, 3) values of a rotation mode without jumps, the first as near as
    may be to `near`, (4,) or (3,), which stood there before.
    """
    if mode == "QUATERNION":
        q = rotation.continuous(q)
        return -q if float(q[0] @ near) < 0.0 else q
    if mode == "AXIS_ANGLE":
        return _axis_angle(q, near)
    order = mode[::-1]
    axes = _axes(order)
    free = np.zeros((len(q), 1), dtype=bool)
    none = np.zeros((len(q), 1, 3))
    found = euler_curves(q[:, None], order, free, none, near[None, axes])[:, 0]
    values = np.empty_like(found)
    values[:, axes] = found
    return values


def _axes(order: str) -> list[int]:
    return ["XYZ".index(letter) for letter in order]


def _axis_angle(q: Array, near: Array) -> Array:
    q = rotation.continuous(q)
    size = np.linalg.norm(q[:, 1:], axis=-1)
    angle = 2.0 * np.arctan2(size, q[:, 0])
    values = np.empty((len(q), 4))
    axis = near[1:] if np.any(near[1:]) else np.array([0.0, 1.0, 0.0])
    before = float(near[0])
    for frame in range(len(q)):
        if size[frame] > _TINY:
            found = q[frame, 1:] / size[frame]
            turned = angle[frame]
            if found @ axis < 0.0:
                found, turned = -found, -turned
            axis = found
        else:
            turned = angle[frame]
        before = turned + 2.0 * np.pi * np.round((before - turned) / (2.0 * np.pi))
        values[frame, 0], values[frame, 1:] = before, axis
    return values


def basis_matrices(location: Array, q: Array, scale: Array) -> Array:
    """location: (T, 3), q: (T, 4), scale: (T, 3) -> (T, 4, 4), as a pose bone's `matrix_basis`."""
    basis = np.zeros((len(q), 4, 4))
    basis[:, :3, :3] = rotation.to_matrix(q) * scale[:, None, :]
    basis[:, :3, 3] = location
    basis[:, 3, 3] = 1.0
    return basis


def split(basis: Array) -> tuple[Array, Array, Array]:
    """(T, 4, 4) -> location (T, 3), rotation (T, 4), scale (T, 3)."""
    linear = basis[:, :3, :3]
    scale = np.linalg.norm(linear, axis=-2)
    mirrored = np.linalg.det(linear) < 0.0
    scale[mirrored] *= -1.0
    return (
        basis[:, :3, 3],
        rotation.from_matrix(
            linear / np.maximum(np.abs(scale), _TINY)[:, None, :] * np.sign(scale)[:, None, :]
        ),
        scale,
    )
