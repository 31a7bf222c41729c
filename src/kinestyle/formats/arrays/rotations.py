"""How arrays write rotations: as rotation vectors, as six numbers, as matrices."""

from __future__ import annotations

from typing import Literal

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

Form = Literal["vector", "columns", "rows", "interleaved", "matrix"]
"""vector: axis times angle in radians
columns, rows: six numbers, the first two columns (HumanML3D), or rows (PyTorch3D), of the matrix
interleaved: the two columns side by side (HMR, SPIN)
matrix: (3, 3)
"""
SIZE: dict[Form, int] = {"vector": 3, "columns": 6, "rows": 6, "interleaved": 6, "matrix": 9}
SIX: tuple[Form, ...] = ("rows", "columns", "interleaved")
_SIDE_BY_SIDE = [0, 2, 4, 1, 3, 5]
_SQUARE, _UNIT = 0.1, 0.1


def decode(numbers: Array, form: Form) -> Array:
    """numbers: (..., n) with n of `SIZE` -> (..., 4) unit quaternions."""
    numbers = numbers.astype(float)
    if form == "vector":
        return rotation.exp(numbers)
    if form == "matrix":
        matrix = numbers.reshape(*numbers.shape[:-1], 3, 3)
        return rotation.from_sixd(matrix[..., :2].swapaxes(-1, -2).reshape(*matrix.shape[:-2], 6))
    if form == "interleaved":
        numbers = numbers[..., _SIDE_BY_SIDE]
    found = rotation.from_sixd(numbers)
    return rotation.inverse(found) if form == "rows" else found


def encode(q: Array, form: Form) -> Array:
    """(..., 4) -> (..., n)"""
    if form == "vector":
        return rotation.log(q)
    if form == "matrix":
        return rotation.to_matrix(q).reshape(*q.shape[:-1], 9)
    six = rotation.to_sixd(rotation.inverse(q) if form == "rows" else q)
    return six[..., np.argsort(_SIDE_BY_SIDE)] if form == "interleaved" else six


def fits(numbers: Array, form: Form) -> bool:
    """Whether numbers (..., n) can be rotations in a form: six numbers are two unit vectors at a
    right angle, matrices have three, and vectors are no longer than a turn or so.
    """
    if form == "vector":
        return bool(np.linalg.norm(numbers, axis=-1).max(initial=0.0) < 7.0)
    if form == "matrix":
        vectors = numbers.reshape(*numbers.shape[:-1], 3, 3)
    else:
        six = numbers[..., _SIDE_BY_SIDE] if form == "interleaved" else numbers
        vectors = six.reshape(*six.shape[:-1], 2, 3)
    unit = np.abs(np.linalg.norm(vectors, axis=-1) - 1.0)
    square = np.abs(np.sum(vectors[..., 0, :] * vectors[..., 1, :], axis=-1))
    return bool(np.median(unit) < _UNIT and np.median(square) < _SQUARE)
