"""Smoothing over time: only what is too fast is smoothed, and nothing flips."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    fade_rotation,
    largest_within,
    limit_angular_velocity,
    scale_rotation,
    segments,
    smooth_in_time,
    suppress_flips,
)
from made_rigs import about_x

USUAL, WILD, SIGMA = 0.2, 0.4, 4.0


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


def test_smoothing_keeps_what_is_even_and_widens_a_peak() -> None:
    np.testing.assert_allclose(smooth_in_time(np.full((20, 3), 7.0), 4.0), 7.0)
    ramp = np.linspace(0.0, 1.0, 100)
    np.testing.assert_allclose(smooth_in_time(ramp, 2.0)[10:-10], ramp[10:-10], atol=1e-12)
    peak = np.zeros(201)
    peak[100] = 1.0
    smooth = smooth_in_time(peak, 5.0)
    assert smooth.sum() == pytest.approx(1.0)
    assert np.sqrt(np.sum(smooth * (np.arange(201) - 100) ** 2)) == pytest.approx(5.0, rel=0.02)
    np.testing.assert_array_equal(smooth_in_time(peak, 0.0), peak)


def test_segments() -> None:
    assert segments(np.array([True, False, True, True, False, True])) == [(0, 1), (2, 4), (5, 6)]
    assert segments(np.zeros(3, dtype=bool)) == []
    assert segments(np.ones(3, dtype=bool)) == [(0, 3)]


@pytest.mark.parametrize("frames", [0, 1, 2, 7, 45])
def test_largest_within_is_the_largest(frames: int) -> None:
    values = np.random.default_rng(frames).standard_normal((20, 3))
    largest = largest_within(values, frames)
    for t in range(20):
        around = values[max(0, t - frames) : t + frames + 1]
        np.testing.assert_array_equal(largest[t], around.max(axis=0))
