"""Numbers and rotations over time: flips are spread without leaving corners, curves go through
their values without corners, and a rotation taken further goes on the same way round."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.resampling import spline_rotation, spline_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    fade_rotation,
    limit_angular_velocity,
    scale_rotation,
    suppress_flips,
)

USUAL, WILD, SIGMA = 0.2, 0.4, 4.0


def about_x(radians: Array) -> Array:
    """radians: (T,) -> (T, 4), turns about +X."""
    return rotation.exp(np.stack([radians, 0 * radians, 0 * radians], axis=-1))


def steps(q: Array) -> Array:
    """q: (T, 4) -> (T - 1,) radians from each frame to the next."""
    return rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:]))


def test_slow_turning_is_left_alone():
    q = about_x(np.cumsum(np.full(40, 0.9 * USUAL)))
    np.testing.assert_allclose(
        steps(limit_angular_velocity(q, USUAL, WILD, SIGMA)), steps(q), atol=1e-9
    )


def test_a_flip_is_spread_over_time():
    q = about_x(np.where(np.arange(60) < 30, 0.0, 1.6))
    calm = limit_angular_velocity(q, USUAL, WILD, SIGMA)
    assert steps(calm).max() < 0.25
    # far from the flip nothing has changed
    np.testing.assert_allclose(
        rotation.angle(rotation.multiply(rotation.inverse(q), calm))[[0, 10, 50, 59]],
        0.0,
        atol=1e-3,
    )
    # and no corner: the second difference is small as well
    assert np.abs(np.diff(steps(calm))).max() < 0.12


def test_other_joints_are_left_alone():
    still, flip = np.zeros(60), np.where(np.arange(60) < 30, 0.0, 1.6)
    calm = limit_angular_velocity(
        np.stack([about_x(still), about_x(flip)], axis=1), USUAL, WILD, SIGMA
    )
    np.testing.assert_allclose(rotation.angle(calm[:, 0]), 0.0, atol=1e-9)
    assert rotation.angle(calm[:, 1]).max() > 1.5


def test_short_clips():
    q = about_x(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(limit_angular_velocity(q, USUAL, WILD, SIGMA), q)
    assert np.isfinite(
        limit_angular_velocity(about_x(np.array([0.0, 2.0, 0.0])), USUAL, WILD, SIGMA)
    ).all()


def test_a_spline_goes_through_its_values():
    values = np.random.default_rng(3).standard_normal((12, 2, 3))
    at = np.arange(12.0)
    np.testing.assert_allclose(spline_vector(values, at), values, atol=1e-6)
    np.testing.assert_array_equal(
        spline_vector(values, np.array([-1.0, 20.0])), spline_vector(values, np.array([0.0, 11.0]))
    )


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_a_spline_of_what_is_even_is_even(count: int):
    at = np.linspace(0.0, count - 1.0, 4 * count)
    line = np.stack([2.0 + 0.5 * np.arange(count), np.full(count, 7.0)], axis=-1)
    np.testing.assert_allclose(
        spline_vector(line, at),
        np.stack([2.0 + 0.5 * at, np.full(len(at), 7.0)], axis=-1),
        atol=1e-6,
    )


def test_a_spline_has_no_corners():
    at = np.arange(0.0, 39.0, 0.25)
    values = np.sin(np.arange(40.0) / 3.0)
    fine = spline_vector(values, at)
    np.testing.assert_allclose(fine[20:-20], np.sin(at / 3.0)[20:-20], atol=2e-4)
    straight = np.interp(at, np.arange(40.0), values)
    third = [
        np.abs(np.diff(curve, n=3))[20:-20].max() for curve in (np.sin(at / 3.0), fine, straight)
    ]
    assert third[1] < 1.3 * third[0]
    assert third[2] > 10.0 * third[0]


def test_a_spline_of_rotations():
    angle = 0.8 * np.sin(np.arange(30.0) / 4.0)
    q = (
        about_x(angle) * np.where(np.arange(30) % 2, -1.0, 1.0)[:, None]
    )  # the same rotations, whatever the signs
    at = np.arange(5.0, 24.0, 0.25)
    between = spline_rotation(np.stack([q, q], axis=1), at)
    off = rotation.multiply(rotation.inverse(about_x(0.8 * np.sin(at / 4.0))), between[:, 1])
    np.testing.assert_allclose(rotation.angle(off), 0.0, atol=2e-3)


def test_a_rotation_taken_further_goes_on_the_same_way_round():
    angle = np.radians(np.linspace(120.0, 240.0, 50))  # the shorter way round changes in the middle
    q = np.stack([about_x(angle), about_x(0.1 * angle)], axis=1)
    for factor in (0.0, 0.3, 0.5, 1.0, 1.7):
        wanted = np.stack([about_x(factor * angle), about_x(0.1 * factor * angle)], axis=1)
        apart = rotation.multiply(rotation.inverse(wanted), scale_rotation(q, factor))
        np.testing.assert_allclose(rotation.angle(apart), 0.0, atol=1e-7)
    assert steps(rotation.power(q[:, 0], np.asarray(0.5))).max() > 1.0  # which is the trap


def test_a_rotation_of_more_than_half_a_turn_goes_the_shorter_way():
    q = about_x(np.radians(np.linspace(300.0, 350.0, 20)))
    np.testing.assert_allclose(
        rotation.angle(scale_rotation(q, 0.5)), np.radians(np.linspace(30.0, 5.0, 20)), atol=1e-7
    )


def test_what_fades_does_not_flip_where_it_turns_half_round() -> None:
    about = np.radians(180.0 + 30.0 * np.sin(0.2 * np.arange(90)))[:, None, None] * np.array(
        [0.0, 1.0, 0.0]
    )
    q, share = rotation.exp(about), np.linspace(1.0, 0.0, 90)
    faded = fade_rotation(q, share)
    step = rotation.angle(rotation.multiply(rotation.inverse(faded[:-1]), faded[1:]))
    assert np.degrees(step.max()) < 30.0
    np.testing.assert_allclose(
        rotation.angle(rotation.multiply(rotation.inverse(q[0]), faded[0])), 0.0, atol=1e-6
    )
    np.testing.assert_allclose(rotation.angle(faded[-1]), 0.0, atol=1e-6)


def test_a_change_that_flips_fades_around_the_flip_and_nowhere_else() -> None:
    angle = np.where(np.arange(120) < 60, 0.5, 2.5)
    q = rotation.exp(angle[:, None, None] * np.array([1.0, 0.0, 0.0]))
    faded = suppress_flips(q, np.radians(25.0), 12)
    step = rotation.angle(rotation.multiply(rotation.inverse(faded[:-1]), faded[1:]))
    assert np.degrees(step.max()) < 20.0
    np.testing.assert_allclose(faded[:30], q[:30], atol=1e-9)
    np.testing.assert_allclose(rotation.angle(faded[59:61]), 0.0, atol=1e-6)
    calm = q[:60]
    assert suppress_flips(calm, np.radians(25.0), 12) is calm


def test_a_change_that_fades_beyond_half_a_turn_keeps_its_way_round() -> None:
    frames = np.arange(120)
    angle = np.radians(np.where(frames < 70, 140.0 + np.clip(frames - 45, 0, 25) * 3.0, 20.0))
    q = about_x(angle)[:, None]
    faded = suppress_flips(q, np.radians(25.0), 12)
    assert np.degrees(steps(faded[:, 0]).max()) < 25.0
    np.testing.assert_allclose(rotation.angle(faded[69:71]), 0.0, atol=1e-6)


def test_a_change_that_flips_to_the_other_side_comes_back_the_shorter_way() -> None:
    angle = np.radians(np.where(np.arange(120) < 60, -170.0, 40.0))
    faded = suppress_flips(about_x(angle)[:, None], np.radians(25.0), 12)[:, 0]
    assert np.degrees(steps(faded).max()) < 25.0
    assert np.degrees(rotation.angle(faded[60:]).max()) < 40.5
