"""Rotation arithmetic against matrices and against itself, at tiny angles, near half turns and in
gimbal lock.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from made_rigs import any_rotations

ORDERS = ["".join(order) for order in permutations("XYZ")]
ANGLES = [
    0.0,
    1e-12,
    1e-9,
    1e-6,
    1e-3,
    1.0,
    np.pi / 2,
    3.0,
    np.pi - 1e-3,
    np.pi - 1e-6,
    np.pi - 1e-9,
]
TOLERANCE = {np.float64: 1e-12, np.float32: 2e-6}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)

short = settings(max_examples=60, deadline=None)


@st.composite
def unit_vectors(draw: st.DrawFn) -> Array:
    z, around = draw(st.floats(-1.0, 1.0)), draw(st.floats(0.0, 2.0 * np.pi))
    flat = np.sqrt(1.0 - z * z)
    return rotation.normalize(np.array([flat * np.cos(around), flat * np.sin(around), z]))


@st.composite
def quaternions(draw: st.DrawFn) -> Array:
    """Any rotation, by preference an odd one: no turn, a tiny one, nearly a half turn; of either
    sign.
    """
    angle = draw(st.one_of(st.sampled_from(ANGLES), st.floats(0.0, np.pi)))
    q = np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * draw(unit_vectors())])
    return q * draw(st.sampled_from([1.0, -1.0]))


def apart(a: Array, b: Array) -> float:
    """The largest angle between rotations, in radians."""
    return float(np.max(rotation.angle(rotation.multiply(rotation.inverse(a), b))))


@DTYPES
def test_products_inverses_and_turned_vectors_are_those_of_matrices(dtype: type) -> None:
    a, b = any_rotations(0, 5, 7).astype(dtype), any_rotations(1, 7).astype(dtype)
    v = np.random.default_rng(2).standard_normal((5, 1, 3)).astype(dtype)
    A, B = rotation.to_matrix(a), rotation.to_matrix(b)
    close = {"atol": 5 * TOLERANCE[dtype], "rtol": 0.0}
    np.testing.assert_allclose(rotation.to_matrix(rotation.multiply(a, b)), A @ B, **close)
    np.testing.assert_allclose(
        rotation.to_matrix(rotation.inverse(a)), np.swapaxes(A, -1, -2), **close
    )
    np.testing.assert_allclose(rotation.rotate(a, v), (A @ v[..., None])[..., 0], **close)
    np.testing.assert_allclose(np.linalg.det(A), 1.0, **close)


def test_a_quarter_turn_about_each_axis() -> None:
    x, y, z = np.eye(3)
    for axis, before, after in ((x, y, z), (y, z, x), (z, x, y)):
        quarter = rotation.exp(0.5 * np.pi * axis)
        np.testing.assert_allclose(
            quarter, np.array([np.sqrt(0.5), *(np.sqrt(0.5) * axis)]), atol=1e-15
        )
        np.testing.assert_allclose(rotation.rotate(quarter, before), after, atol=1e-15)


@DTYPES
@pytest.mark.parametrize("angle", ANGLES)
def test_log_undoes_exp(angle: float, dtype: type) -> None:
    axis = rotation.normalize(np.random.default_rng(3).standard_normal((50, 3)))
    vector = (angle * axis).astype(dtype)
    q = rotation.exp(vector)
    np.testing.assert_allclose(np.linalg.norm(q, axis=-1), 1.0, atol=TOLERANCE[dtype])
    # of a half turn, float32 does not know which way round it goes
    found = np.where(
        np.sum(rotation.log(q) * vector, axis=-1, keepdims=True) < 0, -1.0, 1.0
    ) * rotation.log(q)
    if dtype is np.float64:
        np.testing.assert_array_equal(found, rotation.log(q))
    # relative: a tiny angle keeps all its digits
    np.testing.assert_allclose(found, vector, atol=4 * TOLERANCE[dtype] * angle, rtol=0.0)
    np.testing.assert_allclose(rotation.angle(q), angle, rtol=4 * TOLERANCE[dtype], atol=1e-30)


@short
@given(q=quaternions())
def test_exp_undoes_log(q: Array) -> None:
    vector = rotation.log(q)
    assert np.linalg.norm(vector) <= np.pi + 1e-12
    assert apart(rotation.exp(vector), q) < 1e-12
    np.testing.assert_allclose(rotation.log(-q), vector, atol=1e-12)


@short
@given(q=quaternions(), first=st.floats(-1.0, 1.0), second=st.floats(-1.0, 1.0))
def test_power_adds(q: Array, first: float, second: float) -> None:
    both = rotation.multiply(rotation.power(q, first), rotation.power(q, second))
    assert apart(both, rotation.power(q, first + second)) < 1e-12
    assert apart(rotation.power(q, 1.0), q) < 1e-12
    assert rotation.angle(rotation.power(q, 0.0)) == 0.0
    assert rotation.angle(rotation.power(q, first)) == pytest.approx(
        abs(first) * rotation.angle(q), abs=1e-12
    )


def test_power_takes_an_exponent_for_each() -> None:
    q = rotation.exp(0.1 * np.eye(3))
    np.testing.assert_allclose(
        rotation.log(rotation.power(q, [1.0, 2.0, -3.0])),
        0.1 * np.diag([1.0, 2.0, -3.0]),
        atol=1e-15,
    )


@short
@given(a=quaternions(), b=quaternions(), weight=st.floats(0.0, 1.0))
def test_interpolation_goes_from_end_to_end_on_the_shorter_arc(
    a: Array, b: Array, weight: float
) -> None:
    assert apart(rotation.interpolate(a, b, 0.0), a) < 1e-12
    assert apart(rotation.interpolate(a, b, 1.0), b) < 1e-12
    found, whole = rotation.interpolate(a, b, weight), apart(a, b)
    assert apart(a, found) == pytest.approx(weight * whole, abs=1e-9)
    assert apart(found, b) == pytest.approx((1.0 - weight) * whole, abs=1e-9)


@short
@given(
    a=unit_vectors(),
    b=unit_vectors(),
    near=st.sampled_from([None, 1.0, -1.0]),
    off=st.sampled_from([0.0, 1e-12, 1e-9, 1e-5, 1e-3]),
)
def test_between_takes_one_vector_to_the_other(
    a: Array, b: Array, near: float | None, off: float
) -> None:
    if near is not None:  # parallel or opposite, or very nearly so
        b = rotation.normalize(near * a + off * b)
    q = rotation.between(a, b)
    assert np.linalg.norm(q) == pytest.approx(1.0, abs=1e-12)
    # where the vectors are opposite to nine digits, a half turn is taken
    np.testing.assert_allclose(rotation.rotate(q, a), b, atol=1e-4 if near == -1.0 else 1e-9)
    # and no rotation does it with less
    assert rotation.angle(q) == pytest.approx(
        np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b), abs=1e-4
    )


@pytest.mark.parametrize("axis", [*np.eye(3), *-np.eye(3)])
def test_between_opposite_axes_is_a_half_turn_across(axis: Array) -> None:
    q = rotation.between(axis, -axis)
    assert rotation.angle(q) == pytest.approx(np.pi)
    assert q[1:] @ axis == pytest.approx(0.0)


@DTYPES
def test_matrices_and_sixd_there_and_back(dtype: type) -> None:
    # all the cases of which from_matrix chooses one: w, x, y or z the largest, and ties
    corners = rotation.normalize(
        np.array([c for c in product([-1.0, 0.0, 1.0], repeat=4) if any(c)])
    )
    q = np.concatenate([any_rotations(4, 200), corners]).astype(dtype)
    for there, back in (
        (rotation.to_matrix, rotation.from_matrix),
        (rotation.to_sixd, rotation.from_sixd),
    ):
        found = back(there(q))
        assert found.dtype == dtype
        assert (found[:, 0] >= 0).all()
        assert apart(found.astype(float), q.astype(float)) < 20 * TOLERANCE[dtype]


@short
@given(angle=st.sampled_from(ANGLES), axis=unit_vectors())
def test_a_matrix_keeps_a_tiny_turn(angle: float, axis: Array) -> None:
    vector = angle * axis
    assert rotation.log(
        rotation.from_matrix(rotation.to_matrix(rotation.exp(vector)))
    ) == pytest.approx(vector, abs=1e-8)


def test_sixd_is_the_first_two_columns() -> None:
    q = any_rotations(5, 3)
    m = rotation.to_matrix(q)
    np.testing.assert_array_equal(
        rotation.to_sixd(q), np.concatenate([m[..., 0], m[..., 1]], axis=-1)
    )


def test_sixd_of_a_network_is_made_orthonormal() -> None:
    q = any_rotations(6, 50)
    x, y = rotation.to_sixd(q)[:, :3], rotation.to_sixd(q)[:, 3:]
    assert (
        apart(rotation.from_sixd(np.concatenate([3.0 * x, 0.2 * y + 0.7 * x], axis=-1)), q) < 1e-12
    )


def test_frame() -> None:
    primary, secondary = np.random.default_rng(7).standard_normal((2, 50, 3))
    q = rotation.from_axes(primary, secondary)
    np.testing.assert_allclose(
        rotation.rotate(q, np.eye(3)[0]), rotation.normalize(primary), atol=1e-12
    )
    side = rotation.rotate(q, np.eye(3)[1])
    np.testing.assert_allclose(
        np.sum(side * np.cross(rotation.normalize(primary), secondary), axis=-1), 0.0, atol=1e-12
    )
    assert (np.sum(side * secondary, axis=-1) > 0).all()


@pytest.mark.parametrize("order", ORDERS)
def test_euler_is_the_product_with_the_first_letter_outermost(order: str) -> None:
    angles = np.random.default_rng(8).uniform(-np.pi, np.pi, (20, 3))
    single = [
        rotation.exp(angles[:, i, None] * np.eye(3)["XYZ".index(letter)])
        for i, letter in enumerate(order)
    ]
    whole = rotation.multiply(single[0], rotation.multiply(single[1], single[2]))
    assert apart(rotation.from_euler(angles, order), whole) < 1e-12
    assert apart(rotation.from_euler(angles[:, :1], order[0]), single[0]) < 1e-12
    assert (
        apart(
            rotation.from_euler(angles[:, :2], order[:2]), rotation.multiply(single[0], single[1])
        )
        < 1e-12
    )


@pytest.mark.parametrize("order", ORDERS)
def test_euler_angles_in_range_come_back(order: str) -> None:
    random = np.random.default_rng(9)
    angles = random.uniform([-np.pi, -1.5, -np.pi], [np.pi, 1.5, np.pi], (200, 3))
    np.testing.assert_allclose(
        rotation.to_euler(rotation.from_euler(angles, order), order), angles, atol=1e-12
    )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("off", [0.0, 1e-12, 1e-9, 1e-8, 1e-7, 1e-5, 1e-3])
def test_euler_in_and_near_gimbal_lock(order: str, off: float) -> None:
    random = np.random.default_rng(10)
    angles = random.uniform(-np.pi, np.pi, (50, 3))
    angles[:, 1] = random.choice([-1.0, 1.0], 50) * (
        np.pi / 2 + random.choice([-1.0, 1.0], 50) * off
    )
    q = rotation.from_euler(angles, order)
    found = rotation.to_euler(q, order)
    assert (np.abs(found[:, 1]) <= np.pi / 2).all()
    assert apart(rotation.from_euler(found, order), q) < 1e-7
    # the middle angle keeps all its digits here, which an arcsine would not
    np.testing.assert_allclose(np.pi / 2 - np.abs(found[:, 1]), off, atol=1e-12)
    if off == 0.0:
        np.testing.assert_array_equal(found[:, 2], 0.0)


@short
@given(q=quaternions(), order=st.sampled_from(ORDERS))
def test_euler_there_and_back(q: Array, order: str) -> None:
    assert apart(rotation.from_euler(rotation.to_euler(q, order), order), q) < 1e-7


ANY_ANGLES = st.lists(st.floats(-10.0, 10.0), min_size=3, max_size=3).map(np.array)


@short
@given(angles=ANY_ANGLES, reference=ANY_ANGLES, order=st.sampled_from(ORDERS))
def test_euler_near_is_the_same_rotation_and_none_is_nearer(
    angles: Array, reference: Array, order: str
) -> None:
    found = rotation.euler_near(angles, reference)
    assert apart(rotation.from_euler(found, order), rotation.from_euler(angles, order)) < 1e-12
    other = np.array([angles[0] + np.pi, np.pi - angles[1], angles[2] + np.pi])
    turns = 2.0 * np.pi * np.array(list(product(range(-5, 6), repeat=3)))
    every = np.concatenate([angles + turns, other + turns])
    assert np.abs(found - reference).sum() <= np.abs(every - reference).sum(axis=-1).min() + 1e-9


def test_euler_near_keeps_a_curve_unbroken() -> None:
    # a middle angle that goes on through 90 degrees, and a first one through 180
    curve = np.stack(
        [np.linspace(2.0, 5.0, 200), np.linspace(0.5, 3.0, 200), np.linspace(-1.0, -4.0, 200)],
        axis=-1,
    )
    found = rotation.to_euler(rotation.from_euler(curve, "ZXY"), "ZXY")
    assert np.abs(np.diff(found, axis=0)).max() > 1.0
    before = curve[0]
    for angles, wanted in zip(found, curve, strict=True):
        before = rotation.euler_near(angles, before)
        np.testing.assert_allclose(before, wanted, atol=1e-9)


def test_continuous_changes_signs_only() -> None:
    steps = rotation.exp(0.3 * np.random.default_rng(11).standard_normal((100, 4, 3)))
    q = steps.copy()
    for i in range(1, len(q)):
        q[i] = rotation.multiply(q[i - 1], steps[i])
    q *= np.random.default_rng(12).choice([-1.0, 1.0], (100, 4, 1))
    found = rotation.continuous(q)
    assert (np.sum(found[1:] * found[:-1], axis=-1) > 0).all()
    np.testing.assert_array_equal(np.abs(found), np.abs(q))
    np.testing.assert_array_equal(found[0], q[0])
    np.testing.assert_array_equal(rotation.continuous(q[:1]), q[:1])


@short
@given(a=quaternions(), b=quaternions())
def test_the_mean_of_two_is_half_way(a: Array, b: Array) -> None:
    if apart(a, b) < 3.0:  # of opposite rotations there is no mean
        assert apart(rotation.mean(np.stack([a, b])), rotation.interpolate(a, b, 0.5)) < 1e-6
        # so near as the eigenvalues let it
        assert apart(rotation.mean(np.stack([a, b]), np.array([1.0, 0.0])), a) < 1e-6


def test_the_mean_of_many() -> None:
    middle = any_rotations(13)
    off = rotation.exp(0.4 * np.random.default_rng(14).standard_normal((50, 3)))
    around = np.concatenate(
        [rotation.multiply(middle, off), -rotation.multiply(middle, rotation.inverse(off))]
    )
    assert apart(rotation.mean(around), middle) < 1e-12
    weight = np.concatenate([np.arange(50), np.arange(50)]).astype(float)
    assert apart(rotation.mean(around, weight), middle) < 1e-12
    # a weight counts like so many of them
    twice = rotation.mean(np.concatenate([around[:7], around[:1], around[:1]]))
    assert apart(rotation.mean(around[:7], np.array([3.0, 1, 1, 1, 1, 1, 1])), twice) < 1e-12


def test_about_y_and_wrap() -> None:
    yaw = np.linspace(-9.0, 9.0, 37)
    forward = rotation.rotate(rotation.about_y(yaw), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(
        forward, np.stack([np.sin(yaw), 0.0 * yaw, np.cos(yaw)], axis=-1), atol=1e-12
    )
    wrapped = rotation.wrap(yaw)
    assert ((wrapped >= -np.pi) & (wrapped < np.pi)).all()
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * yaw), atol=1e-12)
    assert rotation.wrap(np.pi) == -np.pi


def test_normalize_leaves_no_direction_at_zero() -> None:
    np.testing.assert_array_equal(
        rotation.normalize([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]]), [[0.0, 0.0, 0.0], [0.0, 0.6, 0.8]]
    )


def test_float32_stays_float32() -> None:
    q, v = (
        any_rotations(15, 6).astype(np.float32),
        np.random.default_rng(16).standard_normal((6, 3)).astype(np.float32),
    )
    results = {
        "normalize": rotation.normalize(v),
        "multiply": rotation.multiply(q, q),
        "inverse": rotation.inverse(q),
        "rotate": rotation.rotate(q, v),
        "exp": rotation.exp(v),
        "log": rotation.log(q),
        "power": rotation.power(q, 0.5),
        "interpolate": rotation.interpolate(q, q[::-1], np.linspace(0.0, 1.0, 6)),
        "angle": rotation.angle(q),
        "to_matrix": rotation.to_matrix(q),
        "to_euler": rotation.to_euler(q, "ZXY"),
        "mean": rotation.mean(q),
    }
    assert {name: result.dtype for name, result in results.items()} == dict.fromkeys(
        results, np.dtype(np.float32)
    )


def test_float32_between_and_continuous() -> None:
    a = rotation.normalize(np.random.default_rng(17).standard_normal((100, 3))).astype(np.float32)
    q = rotation.between(a, -a)
    np.testing.assert_allclose(rotation.rotate(q, a), -a, atol=1e-4)
    assert q.dtype == np.float32
    assert rotation.continuous(any_rotations(18, 5).astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_do_not_depend_on_how_arrays_lie_in_memory(dtype: type) -> None:
    random = np.random.default_rng(0)
    a, b = (rotation.normalize(random.standard_normal((5, 3, 4)).astype(dtype)) for _ in range(2))
    v = random.standard_normal((5, 3, 3)).astype(dtype)
    both, rotated = rotation.multiply(a, b), rotation.rotate(a, v)
    assert both.dtype == rotated.dtype == dtype

    def turned(values: np.ndarray) -> tuple[np.ndarray, ...]:
        by_joint = np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 1, 0)), 0, 1)
        by_component = np.moveaxis(np.ascontiguousarray(np.moveaxis(values, -1, 0)), 0, -1)
        return values, by_joint, by_component

    for one in turned(a):
        for other in turned(b):
            np.testing.assert_array_equal(rotation.multiply(one, other), both)
        for other in turned(v):
            np.testing.assert_array_equal(rotation.rotate(one, other), rotated)


def test_turning_about_y_is_rotating() -> None:
    random = np.random.default_rng(1)
    radians, v = random.standard_normal((7, 1)), random.standard_normal((7, 3, 3))
    np.testing.assert_allclose(
        rotation.turn_about_y(radians, v), rotation.rotate(rotation.about_y(radians), v), atol=1e-14
    )
