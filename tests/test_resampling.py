"""Motion between its frames: at another frame rate, and at any fractional frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import (
    resample,
    resample_rotation,
    resample_vector,
    sample_times,
    spline_rotation,
    spline_vector,
)
from kinestyle.motion.skeleton import Skeleton
from made_rigs import about_x, walk

ONE = Skeleton(("only",), np.array([-1]), np.zeros((1, 3)))


def spinning(
    frame_count: int, frame_rate: float, radians_a_second: float, axis: rotation.Array
) -> Clip:
    """One joint that turns evenly and travels evenly, with quaternion signs at random as files have
    them.
    """
    time = np.arange(frame_count) / frame_rate
    turn = rotation.exp(time[:, None, None] * radians_a_second * axis)
    turn *= np.random.default_rng(0).choice([-1.0, 1.0], (frame_count, 1, 1))
    return Clip(
        ONE,
        time[:, None, None] * np.array([1.0, -2.0, 3.0]),
        turn,
        1.0 / frame_rate,
        "spinning",
        source="its file",
    )


def test_times() -> None:
    clip = spinning(61, 120.0, 1.0, np.eye(3)[0])
    assert (clip.frame_count, clip.frame_rate, clip.duration_seconds) == (
        61,
        pytest.approx(120.0),
        pytest.approx(0.5),
    )


@settings(max_examples=60, deadline=None)
@given(
    frame_count=st.integers(1, 200),
    before=st.sampled_from([24.0, 29.97, 30.0, 1 / 0.0333333, 60.0, 1 / 0.0083333, 120.0]),
    after=st.sampled_from([24.0, 30.0, 60.0, 120.0]),
)
def test_frames_are_as_many_as_fit(frame_count: int, before: float, after: float) -> None:
    clip = spinning(frame_count, before, 1.0, np.eye(3)[0])
    times = sample_times(clip, after)
    assert times[0] == 0.0
    np.testing.assert_allclose(np.diff(times), 1.0 / after)
    assert times[-1] <= clip.duration_seconds + 1e-6 / after
    assert clip.duration_seconds - times[-1] < 1.0 / after
    found = resample(clip, after)
    assert (found.frame_count, found.frame_rate) == (len(times), pytest.approx(after))
    assert found.source is None  # what a file said of its frames no longer holds


@pytest.mark.parametrize("frame_rate", [30.0, 29.97, 1 / 0.0083333, 120.0])
def test_the_same_rate_changes_nothing(frame_rate: float) -> None:
    clip = replace(walk(2.0).clip, frame_time_seconds=1.0 / frame_rate)
    found = resample(clip, clip.frame_rate)
    np.testing.assert_allclose(found.local_position, clip.local_position, atol=1e-9)
    np.testing.assert_allclose(found.local_rotation, clip.local_rotation, atol=1e-9)


def test_every_fourth_frame() -> None:
    clip = walk(2.0, 120.0).clip
    found = resample(clip, 30.0)
    np.testing.assert_allclose(found.world_position, clip.world_position[::4], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    axis=st.sampled_from([*np.eye(3), rotation.normalize([1.0, -2.0, 0.5])]),
    speed=st.floats(-20.0, 20.0),
    after=st.sampled_from([24.0, 50.0, 117.0]),
)
def test_an_even_turn_stays_even(axis: rotation.Array, speed: float, after: float) -> None:
    # far more than whole turns about any axis: through each seam that Euler angles have
    found = resample(spinning(91, 30.0, speed, axis), after)
    time = np.arange(found.frame_count) / after
    wanted = rotation.exp(time[:, None, None] * speed * axis)
    assert (
        rotation.angle(rotation.multiply(rotation.inverse(wanted), found.local_rotation)).max()
        < 1e-9
    )
    np.testing.assert_allclose(
        found.local_position[:, 0], time[:, None] * [1.0, -2.0, 3.0], atol=1e-9
    )


def test_there_and_back() -> None:
    clip = spinning(31, 30.0, 5.0, np.eye(3)[1])
    back = resample(resample(clip, 120.0), 30.0)
    assert back.frame_count == clip.frame_count
    assert (
        rotation.angle(
            rotation.multiply(rotation.inverse(clip.local_rotation), back.local_rotation)
        ).max()
        < 1e-9
    )


def test_frames_beyond_the_ends_are_the_ends() -> None:
    clip = spinning(5, 30.0, 1.0, np.eye(3)[0])
    at_frame = np.array([-3.0, 0.0, 4.0, 9.5])
    np.testing.assert_allclose(
        resample_vector(clip.local_position, at_frame), clip.local_position[[0, 0, 4, 4]]
    )
    np.testing.assert_allclose(
        resample_rotation(clip.local_rotation, at_frame), clip.local_rotation[[0, 0, 4, 4]]
    )


def test_a_clip_of_one_frame() -> None:
    clip = spinning(1, 30.0, 1.0, np.eye(3)[0])
    assert clip.duration_seconds == 0.0
    assert resample(clip, 120.0).frame_count == 1


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
