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

_READ_APART = 2**12
"""Of quaternions: components of more numbers are worth a copy where each is read several times."""

_FEW_NUMBERS = 2**13
"""Of so few, what counts is how many operations there are, not how the numbers lie in memory."""

_COMPLEX = {np.dtype(f"f{size}"): np.dtype(f"c{2 * size}") for size in (4, 8)}


def normalize(vector: ArrayLike, epsilon: float = 1e-12) -> Array:
    """vector: (..., N) -> the same directions with length 1; vectors shorter than `epsilon` come
    back as zeros.
    """
    v = np.asarray(vector, dtype=float) if not isinstance(vector, np.ndarray) else vector
    if v.ndim == 1:
        # of a single vector, what counts is how many operations there are
        single = np.sqrt(v @ v)
        return v / single if single > epsilon else np.zeros_like(v)
    size = length(v)
    if v.size <= _FEW_NUMBERS and v.ndim > 1:
        return _unit_rows(v, size, epsilon)
    divisor = np.maximum(size, epsilon)
    unit = _vectors(size) if v.shape[-1] == 3 else _rows(size, v.shape[-1])
    for i in range(v.shape[-1]):
        np.divide(v[..., i], divisor, out=unit[..., i])
    if not np.min(size, initial=np.inf) > epsilon:
        unit[~(size > epsilon)] = 0.0
    return unit


def _unit_rows(v: Array, size: Array, epsilon: float) -> Array:
    """As `normalize`, in few operations. size: (...) lengths of the vectors"""
    if np.min(size, initial=np.inf) > epsilon:
        return np.asarray(v / size[..., None])
    unit = v / np.maximum(size, epsilon)[..., None]
    unit[~(size > epsilon)] = 0.0
    return np.asarray(unit)


def dot(a: Array, b: Array) -> Array:
    """a, b: (..., N) -> (...), the scalar product. N is small: a sum over the last axis takes five
    times as long.
    """
    if a.size <= _FEW_NUMBERS >= b.size:
        product = a * b
        total = product[..., 0] + product[..., 1]
        for i in range(2, product.shape[-1]):
            total += product[..., i]
        return np.asarray(total)
    total = np.asarray(a[..., 0] * b[..., 0])
    for i in range(1, a.shape[-1]):
        total += a[..., i] * b[..., i]
    return total


def length(vector: Array) -> Array:
    """vector: (..., N) -> (...)."""
    return np.asarray(np.sqrt(dot(vector, vector)))


def multiply(a: Array, b: Array) -> Array:
    """a, b: (..., 4) quaternions -> (..., 4), the rotation `b` followed by `a`.

    This is the innermost of all loops. With `i j = k`, a quaternion is two complex numbers, (w + x
    i) + (y + z i) j, and a product four of theirs instead of sixteen of real ones.
    """
    for one, other in ((a, b), (b, a)):
        if _is_identity(one) and one.dtype == other.dtype:
            return np.array(other)
    (p, q), (r, s) = _complex_pair(a), _complex_pair(b)
    first, second = np.asarray(p * r), np.asarray(p * s)
    first -= q * np.conjugate(s)
    second += q * np.conjugate(r)
    product = _rows(first, 2)
    product[..., 0], product[..., 1] = first, second
    return product.view(first.real.dtype)


def _complex_pair(q: Array) -> tuple[np.ndarray, np.ndarray]:
    """q: (..., 4) -> w + x i and y + z i, each (...) complex."""
    whole = q if q.strides[-1] == q.itemsize else np.ascontiguousarray(q)
    pair = whole.view(_COMPLEX[q.dtype])
    return pair[..., 0], pair[..., 1]


def _is_identity(q: Array) -> bool:
    """Whether this is one rotation, and by nothing: such as that to Y up of most files."""
    return q.ndim == 1 and bool(q[0] == 1.0) and not q[1:].any()


def _rows(like: np.ndarray, count: int) -> np.ndarray:
    """An array (..., count) to be filled, each row of which lies in memory in one place, as
    quaternions do. The axes of `like`, (...), lie as they do in that: what goes through one after
    the other need not jump.
    """
    if like.flags.c_contiguous:
        return np.empty((*like.shape, count), like.dtype)
    order = _far_first(like)
    made = np.empty((*(like.shape[axis] for axis in order), count), like.dtype)
    return made.transpose(*(order.index(axis) for axis in range(like.ndim)), like.ndim)


def _far_first(like: np.ndarray) -> list[int]:
    """The axes, those first along which numbers lie far from each other."""
    strides = like.strides
    return sorted(range(like.ndim), key=lambda axis: -strides[axis])


def _vectors(like: np.ndarray) -> np.ndarray:
    """An array (..., 3) to be filled, as `_rows`, but each component of which lies in memory in one
    place: what is done with vectors is done component by component, in half the time.
    """
    if like.flags.c_contiguous:
        made = np.empty((3, *like.shape), like.dtype)
        return made.transpose(*range(1, made.ndim), 0)
    order = _far_first(like)
    made = np.empty((3, *(like.shape[axis] for axis in order)), like.dtype)
    return made.transpose(*(1 + order.index(axis) for axis in range(like.ndim)), 0)


def cross(a: Array, b: Array) -> Array:
    """a, b: (..., 3) -> (..., 3), the vector product; `np.cross` takes three times as long for a
    clip.
    """
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    x = np.asarray(ay * bz - az * by)
    product = _vectors(x)
    product[..., 0] = x
    product[..., 1] = az * bx - ax * bz
    product[..., 2] = ax * by - ay * bx
    return product


def inverse(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (..., 4), the opposite rotations."""
    opposite = np.negative(q)
    opposite[..., 0] = q[..., 0]
    return opposite


def rotate(q: Array, v: Array) -> Array:
    """q: (..., 4) unit quaternions, v: (..., 3) -> (..., 3), the vectors rotated."""
    if _is_identity(q) and q.dtype == v.dtype:
        return np.array(v)
    w, x, y, z = (q[..., i] for i in range(4))
    if q.size > _READ_APART:
        w, x, y, z = (component.copy(order="K") for component in (w, x, y, z))
    a, b, c = (v[..., i] for i in range(3))
    # (t, s, r) = 2 u x v, for u the vector part; then v + w (t, s, r) + u x (t, s, r)
    t, s, r = np.asarray(y * c), np.asarray(z * a), np.asarray(x * b)
    for twice, less in ((t, z * b), (s, x * c), (r, y * a)):
        twice -= less
        twice += twice
    rotated = _vectors(t)
    for i, (u, first, other, second, turned, own) in enumerate(
        ((y, r, z, s, t, a), (z, t, x, r, s, b), (x, s, y, t, r, c))
    ):
        component = rotated[..., i]
        np.multiply(u, first, out=component)
        component -= other * second
        component += w * turned
        component += own
    return rotated


def rotated_axis(q: Array, axis: int) -> Array:
    """q: (..., 4) unit quaternions -> (..., 3), where they take the axis X (0), Y (1) or Z (2): a
    column of their matrices.
    """
    w, own, second, third = (q[..., i] for i in (0, *(1 + (axis + k) % 3 for k in range(3))))
    along = np.asarray(second * second + third * third)
    found = _vectors(along)
    along *= -2.0
    np.add(along, 1.0, out=found[..., axis])
    for k, (one, other) in enumerate(((second, third), (third, -second)), start=1):
        component = found[..., (axis + k) % 3]
        np.multiply(own, one, out=component)
        component += w * other
        component *= 2.0
    return found


def angle(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (...), the rotation angle in [0, pi] radians, accurate for
    tiny angles.
    """
    return 2.0 * np.arctan2(length(q[..., 1:]), np.abs(q[..., 0]))


def exp(axis_angle: Array) -> Array:
    """axis_angle: (..., 3) rotation vectors in radians -> (..., 4) unit quaternions."""
    half = 0.5 * length(axis_angle)
    q = _rows(half, 4)
    q[..., 0] = np.cos(half)
    scale = 0.5 * np.sinc(half / np.pi)
    for i in range(3):
        np.multiply(scale, axis_angle[..., i], out=q[..., 1 + i])
    return q


def log(q: Array) -> Array:
    """q: (..., 4) unit quaternions -> (..., 3) rotation vectors in radians, the shorter way
    round.
    """
    w, sine = q[..., 0], length(q[..., 1:])
    half = np.arctan2(sine, np.abs(w))
    # half / sin(half) tends to 1 where the angle vanishes
    scale = 2.0 * np.where(sine > 1e-9, half / np.maximum(sine, 1e-9), 1.0)
    scale = np.asarray(np.where(w < 0, -scale, scale))
    vector = _vectors(scale)
    for i in range(3):
        np.multiply(scale, q[..., 1 + i], out=vector[..., i])
    return vector


def power(q: Array, exponent: ArrayLike) -> Array:
    """q: (..., 4), exponent: (...) -> (..., 4), the rotation taken `exponent` times as far, the
    shorter way round.
    """
    # `exp` of a multiple of `log`, without the vector in between
    w, sine = q[..., 0], length(q[..., 1:])
    times = np.asarray(exponent, dtype=q.dtype)
    half = np.asarray(times * np.arctan2(sine, np.abs(w)))
    share = np.sin(half) / np.maximum(sine, 1e-9)
    if not np.min(sine, initial=1.0) > 1e-9:
        share = np.where(sine > 1e-9, share, times)
    share = np.where(w < 0, -share, share)
    return _of_axis(np.cos(half), share, q)


def scaled(q: Array, factor: ArrayLike) -> Array:
    """q: (..., 4), factor: (...) -> (..., 4), the rotation by `factor` times its angle, which goes
    to a whole turn: not the shorter way round, but always the same. One by no angle stays that.
    """
    sine = length(q[..., 1:])
    turns = sine > 1e-12
    half = np.asarray(factor * np.where(turns, np.arctan2(sine, q[..., 0]), 0.0))
    return _of_axis(np.cos(half), np.sin(half) / np.where(turns, sine, np.inf), q)


def _of_axis(cosine: Array, share: Array, q: Array) -> Array:
    """cosine, share: (...), q: (..., 4) -> (..., 4), quaternions of which the vector is so much of
    that of `q`.
    """
    made = _rows(np.asarray(share), 4)
    made[..., 0] = cosine
    for i in range(1, 4):
        np.multiply(share, q[..., i], out=made[..., i])
    return made


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
    cosine = dot(a, b)
    q = _rows(cosine, 4)
    q[..., 0], q[..., 1:] = 1.0 + cosine, cross(a, b)
    opposite = cosine < -1.0 + 4.0 * np.finfo(cosine.dtype).eps
    if opposite.any():
        least = np.eye(3, dtype=cosine.dtype)[np.argmin(np.abs(a[opposite]), axis=-1)]
        q[opposite, 0], q[opposite, 1:] = 0.0, cross(a[opposite], least)
    return normalize(q)


def continuous(q: Array) -> Array:
    """q: (T, ..., 4) -> the same rotations with signs chosen so that neighbours in time lie on one
    hemisphere.
    """
    if len(q) < 2:
        return q
    flips = dot(q[1:], q[:-1]) < 0
    if not flips.any():
        return q
    sign = np.cumprod(np.where(flips, -1.0, 1.0).astype(q.dtype), axis=0)
    return np.concatenate([q[:1], q[1:] * sign[..., None]], axis=0)


def mean(q: Array, weight: Array | None = None) -> Array:
    """q: (N, 4), weight: (N,) -> (4,), the mean rotation (the quaternion that is closest to all,
    signs ignored).
    """
    weighted = q if weight is None else q * weight[:, None]
    return mean_of_products(weighted.T @ q)


def mean_of_products(products: Array) -> Array:
    """products: (..., 4, 4) the sum over quaternions of each one times its transpose -> (..., 4),
    their mean rotation.
    """
    _, vectors = np.linalg.eigh(products)
    return vectors[..., -1]


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


Components = tuple[Array, Array, Array]
"""Vectors (..., 3) as their components, each (...): nothing jumps from one vector to the next."""


def from_matrix(matrix: Array) -> Array:
    """matrix: (..., 3, 3) rotation matrices -> (..., 4) unit quaternions with w >= 0."""
    x, y, z = (_components(matrix[..., i]) for i in range(3))
    return _from_columns(x, y, z)


def _components(v: Array) -> Components:
    return v[..., 0], v[..., 1], v[..., 2]


def _from_columns(x: Components, y: Components, z: Components) -> Array:
    """x, y, z: the columns of rotation matrices -> (..., 4) unit quaternions with w >= 0.

    Of four algebraically equal forms the one with the trace is taken, or where that is negative the
    one with the largest pivot: none divides by nearly zero.
    """
    trace = np.asarray(x[0] + y[1] + z[2])
    form = [np.asarray(one) for one in (1.0 + trace, y[2] - z[1], z[0] - x[2], x[1] - y[0])]
    others = trace < 0.0
    any_others = bool(others.any())
    if any_others:
        pivoted = _by_largest_axis(*(_where(others, column) for column in (x, y, z)))
        for component, better in zip(form, pivoted, strict=True):
            component[others] = better
    size = form[0] * form[0]
    for component in form[1:]:
        size += component * component
    share = 1.0 / np.sqrt(size)
    if any_others:
        share = np.where(form[0] < 0.0, -share, share)
    q = _rows(trace, 4)
    for i, component in enumerate(form):
        np.multiply(component, share, out=q[..., i])
    return q


def _where(some: np.ndarray, v: Components) -> Components:
    return v[0][some], v[1][some], v[2][some]


def _by_largest_axis(x: Components, y: Components, z: Components) -> Array:
    """(4, N) the forms of `_from_columns` that have an entry of the diagonal for their pivot."""
    xx, yy, zz = x[0], y[1], z[2]
    a, b, c = y[2] - z[1], z[0] - x[2], x[1] - y[0]
    d, e, f = x[1] + y[0], z[0] + x[2], z[1] + y[2]
    by_x, by_y = (xx >= yy) & (xx >= zz), yy >= zz
    forms = (
        (a, b, c),
        (1.0 + xx - yy - zz, d, e),
        (d, 1.0 - xx + yy - zz, f),
        (e, f, 1.0 - xx - yy + zz),
    )
    return np.stack(
        [np.where(by_x, of_x, np.where(by_y, of_y, of_z)) for of_x, of_y, of_z in forms]
    )


def to_sixd(q: Array, out: Array | None = None) -> Array:
    """q: (..., 4) -> (..., 6), the first two columns of the rotation matrix, one after the other
    (Zhou et al. 2019), written to `out` where that is given.
    """
    out = np.empty((*q.shape[:-1], 6), q.dtype) if out is None else out
    out[..., :3], out[..., 3:] = rotated_axis(q, 0), rotated_axis(q, 1)
    return out


def from_sixd(sixd: Array) -> Array:
    """sixd: (..., 6) two vectors, not necessarily orthonormal -> (..., 4), by Gram-Schmidt (Zhou et
    al. 2019).
    """
    x = _unit(_components(sixd))
    y = _components(sixd[..., 3:])
    along = x[0] * y[0] + x[1] * y[1] + x[2] * y[2]
    y = _unit((y[0] - along * x[0], y[1] - along * x[1], y[2] - along * x[2]))
    z = x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]
    return _from_columns(x, y, z)


def _unit(v: Components, epsilon: float = 1e-12) -> Components:
    """As `normalize`."""
    size = v[0] * v[0] + v[1] * v[1]
    size += v[2] * v[2]
    size = np.sqrt(size)
    if not np.min(size, initial=1.0) > epsilon:
        size = np.where(size > epsilon, size, np.inf)
    share = 1.0 / size
    return v[0] * share, v[1] * share, v[2] * share


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


def turn_about_y(radians: Array, v: Array) -> Array:
    """radians: (...), v: (..., 3) -> (..., 3), the vectors turned about +Y: what `rotate` makes of
    `about_y` in a third of the time.
    """
    cos, sin = np.cos(radians), np.sin(radians)
    x = np.asarray(cos * v[..., 0] + sin * v[..., 2])
    turned = _vectors(x)
    turned[..., 0] = x
    turned[..., 1] = v[..., 1]
    turned[..., 2] = cos * v[..., 2] - sin * v[..., 0]
    return turned


def wrap(radians: ArrayLike) -> Array:
    """radians: (...) -> the same angles in [-pi, pi)."""
    return (np.asarray(radians, dtype=float) + np.pi) % (2.0 * np.pi) - np.pi
