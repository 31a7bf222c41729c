"""Rotations as arrays: unit quaternions (wxyz), matrices, axis-angle vectors, the 6-D form and
Euler angles.

Every function broadcasts over leading axes. A quaternion `q` rotates a column vector as `q v q*`;
`multiply(a, b)` applies `b` first. Angles are radians; degrees exist only in file readers and
writers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]

AXIS_INDEX = {"X": 0, "Y": 1, "Z": 2}
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def normalize(vector: ArrayLike, epsilon: float = 1e-12) -> Array:
    """vector: (..., N) -> the same directions with length 1; vectors shorter than `epsilon` come
    back as zeros.
    """
    v = np.asarray(vector, dtype=float) if not isinstance(vector, np.ndarray) else vector
    length = np.sqrt(np.sum(v * v, axis=-1, keepdims=True))
    return np.where(length > epsilon, v / np.maximum(length, epsilon), 0.0)


def multiply(a: Array, b: Array) -> Array:
    """a, b: (..., 4) quaternions -> (..., 4), the rotation `b` followed by `a`."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    w = aw * bw - ax * bx - ay * by - az * bz
    # moveaxis and stack would take as long as the arithmetic itself, in the innermost of all loops
    product = np.empty((*w.shape, 4), w.dtype)
    product[..., 0] = w
    product[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    product[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    product[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return product


def cross(a: Array, b: Array) -> Array:
    """a, b: (..., 3) -> (..., 3), the vector product; `np.cross` takes three times as long for a
    clip.
    """
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    x = ay * bz - az * by
    product = np.empty((*x.shape, 3), x.dtype)
    product[..., 0] = x
    product[..., 1] = az * bx - ax * bz
    product[..., 2] = ax * by - ay * bx
    return product


def inverse(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (..., 4), the opposite rotations."""
    return q * np.array([1.0, -1.0, -1.0, -1.0], dtype=q.dtype)


def rotate(q: Array, v: Array) -> Array:
    """q: (..., 4) unit quaternions, v: (..., 3) -> (..., 3), the vectors rotated."""
    w, u = q[..., :1], q[..., 1:]
    t = 2.0 * cross(u, v)
    return v + w * t + cross(u, t)


def angle(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (...), the rotation angle in [0, pi] radians, accurate for
    tiny angles.
    """
    return 2.0 * np.arctan2(np.sqrt(np.sum(q[..., 1:] ** 2, axis=-1)), np.abs(q[..., 0]))


def exp(axis_angle: Array) -> Array:
    """axis_angle: (..., 3) rotation vectors in radians -> (..., 4) unit quaternions."""
    half = 0.5 * np.sqrt(np.sum(axis_angle * axis_angle, axis=-1, keepdims=True))
    return np.concatenate([np.cos(half), 0.5 * np.sinc(half / np.pi) * axis_angle], axis=-1)


def log(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (..., 3) rotation vectors in radians, the shorter way
    round.
    """
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.sqrt(np.sum(q[..., 1:] ** 2, axis=-1, keepdims=True))
    half = np.arctan2(sine, q[..., :1])
    # half / sin(half) tends to 1 where the angle vanishes
    scale = np.where(sine > 1e-9, half / np.maximum(sine, 1e-9), 1.0)
    return 2.0 * scale * q[..., 1:]


def power(q: Array, exponent: ArrayLike) -> Array:
    """q: (..., 4), exponent: (...) -> (..., 4), the rotation taken `exponent` times as far, the
    shorter way round.
    """
    return exp(log(q) * np.asarray(exponent, dtype=q.dtype)[..., None])


def interpolate(a: Array, b: Array, weight: ArrayLike) -> Array:
    """a, b: (..., 4), weight: (...) in [0, 1] -> (..., 4), spherical interpolation along the
    shorter arc.
    """
    return multiply(a, power(multiply(inverse(a), b), weight))


def between(a: Array, b: Array) -> Array:
    """a, b: (..., 3) unit vectors -> (..., 4), the smallest rotation that takes `a` to `b`.

    For opposite vectors the axis is free; one perpendicular to `a` is taken.
    """
    a, b = np.broadcast_arrays(a, b)
    dot = np.sum(a * b, axis=-1, keepdims=True)
    q = np.concatenate([1.0 + dot, np.cross(a, b)], axis=-1)
    least = np.eye(3, dtype=dot.dtype)[np.argmin(np.abs(a), axis=-1)]
    half_turn = np.concatenate([np.zeros_like(dot), np.cross(a, least)], axis=-1)
    return normalize(np.where(dot < -1.0 + 4.0 * np.finfo(dot.dtype).eps, half_turn, q))


def continuous(q: Array) -> Array:
    """q: (T, ..., 4) -> the same rotations with signs chosen so that neighbours in time lie on one
    hemisphere.
    """
    if len(q) < 2:
        return q
    dot = np.sum(q[1:] * q[:-1], axis=-1, keepdims=True)
    flips = np.cumprod(np.where(dot < 0, -1.0, 1.0).astype(q.dtype), axis=0)
    return np.concatenate([q[:1], q[1:] * flips], axis=0)


def mean(q: Array, weight: Array | None = None) -> Array:
    """q: (N, 4), weight: (N,) -> (4,), the mean rotation (the quaternion that is closest to all,
    signs ignored).
    """
    weighted = q if weight is None else q * weight[:, None]
    return mean_of_products(weighted.T @ q)


def mean_of_products(products: Array) -> Array:
    """products: (4, 4) the sum over quaternions of each one times its transpose -> (4,), their mean
    rotation.
    """
    _, vectors = np.linalg.eigh(products)
    return vectors[:, -1]


def to_matrix(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (..., 3, 3) rotation matrices."""
    return np.stack(
        [np.stack([_matrix_entry(q, i, j) for j in range(3)], axis=-1) for i in range(3)], axis=-2
    )


def _matrix_entry(q: Array, i: int, j: int) -> Array:
    """q: (..., 4) unit quaternions -> (...), row i and column j of their matrices."""
    if i == j:
        a, b = (q[..., 1 + k] for k in range(3) if k != i)
        return 1 - 2 * (a * a + b * b)
    low, high = (q[..., 1 + k] for k in sorted((i, j)))
    across = q[..., 0] * q[..., 1 + (3 - i - j)]
    return 2 * (low * high + across if (i - j) % 3 == 1 else low * high - across)


def from_matrix(matrix: Array) -> Array:
    """matrix: (..., 3, 3) rotation matrices -> (..., 4) unit quaternions with w >= 0.

    Of four algebraically equal forms the one with the largest pivot is taken: none divides by
    nearly zero.
    """
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    forms = np.stack(
        [
            np.stack([1 + xx + yy + zz, a, b, c], axis=-1),
            np.stack([a, 1 + xx - yy - zz, d, e], axis=-1),
            np.stack([b, d, 1 - xx + yy - zz, f], axis=-1),
            np.stack([c, e, f, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    pivot = np.argmax(np.stack([xx + yy + zz, xx, yy, zz], axis=-1), axis=-1)
    q = normalize(np.take_along_axis(forms, pivot[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def to_sixd(q: Array) -> Array:
    """q: (..., 4) -> (..., 6), the first two columns of the rotation matrix, one after the other
    (Zhou et al. 2019).
    """
    m = to_matrix(q)
    return np.concatenate([m[..., 0], m[..., 1]], axis=-1)


def from_sixd(sixd: Array) -> Array:
    """sixd: (..., 6) two vectors, not necessarily orthonormal -> (..., 4), by Gram-Schmidt (Zhou et
    al. 2019).
    """
    x = normalize(sixd[..., :3])
    y = sixd[..., 3:]
    y = normalize(y - np.sum(x * y, axis=-1, keepdims=True) * x)
    return from_matrix(np.stack([x, y, np.cross(x, y)], axis=-1))


def from_axes(primary: Array, secondary: Array) -> Array:
    """primary, secondary: (..., 3) -> (..., 4), the rotation that takes X to `primary`, and Y as
    near to `secondary` as possible.
    """
    return from_sixd(np.concatenate([primary, secondary], axis=-1))


def from_euler(angles: Array, order: str, out: Array | None = None) -> Array:
    """angles: (..., N) radians about the axes named in `order` ("ZXY", or fewer letters), intrinsic
    -> (..., 4), written to `out` where that is given.

    The first letter is applied last, as BVH has it: "ZXY" is Rz Rx Ry.
    """
    half = 0.5 * np.asarray(angles, dtype=float)
    cos, sin = np.cos(half), np.sin(half)
    out = np.empty((*half.shape[:-1], 4)) if out is None else out
    if len(set(order)) == len(order) == 3:
        _three_axes(cos, sin, order, out)
        return out
    q = np.broadcast_to(IDENTITY, (*half.shape[:-1], 4))
    for i, letter in enumerate(order):
        about_axis = np.zeros((*half.shape[:-1], 4))
        about_axis[..., 0] = cos[..., i]
        about_axis[..., 1 + AXIS_INDEX[letter]] = sin[..., i]
        q = multiply(q, about_axis) if i else about_axis
    out[...] = q
    return out


def _three_axes(cos: Array, sin: Array, order: str, out: Array) -> None:
    """cos, sin: (..., 3) of half the angles about three different axes -> `out` (..., 4), the
    product with its zero terms left out.
    """
    first, second, third = (AXIS_INDEX[letter] for letter in order)
    sign = 1.0 if (second - first) % 3 == 1 else -1.0
    ca, cb, cc = np.moveaxis(cos, -1, 0)
    sa, sb, sc = np.moveaxis(sin, -1, 0)
    w, a, b, c = ca * cb, sa * cb, ca * sb, sign * (sa * sb)
    out[..., 0] = w * cc - c * sc
    out[..., 1 + first] = a * cc + sign * (b * sc)
    out[..., 1 + second] = b * cc - sign * (a * sc)
    out[..., 1 + third] = w * sc + c * cc


def to_euler(q: Array, order: str) -> Array:
    """q: (..., 4) -> (..., 3) radians for three different axes ("ZXY", ...), the middle angle in
    [-pi/2, pi/2].

    In gimbal lock the last angle is set to zero.
    """
    first, second, third = (AXIS_INDEX[letter] for letter in order)
    sign = 1.0 if (second - first) % 3 == 1 else -1.0
    sine = sign * _matrix_entry(q, first, third)
    cos_last, sin_last = _matrix_entry(q, first, first), -sign * _matrix_entry(q, first, second)
    # atan2 keeps full precision near +-90 degrees, where asin loses half the digits
    cosine = np.hypot(cos_last, sin_last)
    middle = np.arctan2(sine, cosine)
    a = np.asarray(
        np.arctan2(-sign * _matrix_entry(q, second, third), _matrix_entry(q, third, third))
    )
    c = np.asarray(np.arctan2(sin_last, cos_last))
    locked = cosine < 1e-8
    if locked.any():
        a = np.where(
            locked,
            np.arctan2(sign * _matrix_entry(q, third, second), _matrix_entry(q, second, second)),
            a,
        )
        c = np.where(locked, 0.0, c)
    return np.stack([a, middle, c], axis=-1)


def other_euler(angles: Array) -> Array:
    """angles: (..., 3) radians, three different axes -> the other triple of the same rotation."""
    return np.stack(
        [angles[..., 0] + np.pi, np.pi - angles[..., 1], angles[..., 2] + np.pi], axis=-1
    )


def euler_near(angles: Array, reference: Array) -> Array:
    """angles, reference: (..., 3) radians, three different axes -> the equal Euler triple nearest
    to `reference`.

    A rotation has two triples, each free by whole turns. The nearest one keeps curves unbroken in
    an animator's graph editor.
    """
    full = 2.0 * np.pi
    candidates = [
        a - full * np.round((a - reference) / full) for a in (angles, other_euler(angles))
    ]
    cost = [np.sum(np.abs(a - reference), axis=-1, keepdims=True) for a in candidates]
    return np.where(cost[0] <= cost[1], candidates[0], candidates[1])


def about_y(radians: ArrayLike) -> Array:
    """radians: (...) -> (..., 4), the rotations about +Y."""
    half = 0.5 * np.asarray(radians, dtype=float)
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, np.sin(half), zero], axis=-1)


def wrap(radians: ArrayLike) -> Array:
    """radians: (...) -> the same angles in [-pi, pi)."""
    return (np.asarray(radians, dtype=float) + np.pi) % (2.0 * np.pi) - np.pi
