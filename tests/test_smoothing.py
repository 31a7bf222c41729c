"""Calming rotations that flip: slow turning is left alone, a flip is spread over time, and its ends show no corner."""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import calm_rotation

USUAL, WILD, SIGMA = 0.2, 0.4, 4.0


def about_x(radians: Array) -> Array:
    """radians: (T,) -> (T, 4), turns about +X."""
    return rotation.exp(np.stack([radians, 0 * radians, 0 * radians], axis=-1))


def steps(q: Array) -> Array:
    """q: (T, 4) -> (T - 1,) radians from each frame to the next."""
    return rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:]))


def test_slow_turning_is_left_alone():
    q = about_x(np.cumsum(np.full(40, 0.9 * USUAL)))
    np.testing.assert_allclose(steps(calm_rotation(q, USUAL, WILD, SIGMA)), steps(q), atol=1e-9)


def test_a_flip_is_spread_over_time():
    q = about_x(np.where(np.arange(60) < 30, 0.0, 1.6))
    calm = calm_rotation(q, USUAL, WILD, SIGMA)
    assert steps(calm).max() < 0.25
    # far from the flip nothing has changed
    np.testing.assert_allclose(rotation.angle(rotation.multiply(rotation.inverse(q), calm))[[0, 10, 50, 59]], 0.0, atol=1e-3)
    # and no corner: the second difference is small as well
    assert np.abs(np.diff(steps(calm))).max() < 0.12


def test_other_joints_are_left_alone():
    still, flip = np.zeros(60), np.where(np.arange(60) < 30, 0.0, 1.6)
    calm = calm_rotation(np.stack([about_x(still), about_x(flip)], axis=1), USUAL, WILD, SIGMA)
    np.testing.assert_allclose(rotation.angle(calm[:, 0]), 0.0, atol=1e-9)
    assert rotation.angle(calm[:, 1]).max() > 1.5


def test_short_clips():
    q = about_x(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(calm_rotation(q, USUAL, WILD, SIGMA), q)
    assert np.isfinite(calm_rotation(about_x(np.array([0.0, 2.0, 0.0])), USUAL, WILD, SIGMA)).all()
