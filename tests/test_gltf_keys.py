"""The frames on which the keys of glTF curves lie, and curves at those frames."""

from __future__ import annotations

import numpy as np
import pytest

from gltf_clips import same_rotations, two_joints
from kinestyle.formats.gltf import parse_gltf
from kinestyle.formats.gltf.keys import FrameGrid, find_grid
from kinestyle.motion import rotation


def test_curves_between_their_keys() -> None:
    turns = rotation.exp(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.6, 0.0, 0.0]]))
    turns[1] = -turns[1]  # the shorter way counts, whatever the sign
    moves = np.array([[0.0, 0, 0], [1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    linear = parse_gltf(two_joints([0.0, 0.5, 1.0], turns, "LINEAR", moves), "x.glb")
    assert (linear.frame_count, linear.frame_time_seconds) == (31, 1.0 / 30.0)
    same_rotations(linear.local_rotation[[0, 15, 30], 0], turns)
    same_rotations(linear.local_rotation[5, 0], rotation.exp(np.array([0.0, 0.0, 1.0 / 3.0])))
    np.testing.assert_allclose(linear.local_position[5, 0], moves[1] / 3.0, atol=1e-6)
    step = parse_gltf(two_joints([0.0, 0.5, 1.0], turns, "STEP", moves), "x.glb")
    same_rotations(step.local_rotation[[0, 14, 15, 29, 30], 0], turns[[0, 0, 1, 1, 2]])
    np.testing.assert_allclose(step.local_position[[14, 15], 0], moves[[0, 1]])

    # a cubic: values and slopes of t^3 - 2 t, which it must follow exactly
    times = np.array([0.0, 0.4, 1.0])
    place, slope = times**3 - 2 * times, 3 * times**2 - 2
    rows = np.stack([slope, place, slope], axis=1)[..., None] * np.ones(3)
    still = np.tile([[0.0, 0, 0, 0], [1.0, 0, 0, 0], [0.0, 0, 0, 0]], (3, 1, 1))
    cubic = parse_gltf(two_joints(times.tolist(), still, "CUBICSPLINE", rows), "x.glb")
    t = np.arange(31) / 30.0
    np.testing.assert_allclose(cubic.local_position[:, 0, 1], t**3 - 2 * t, atol=1e-6)
    same_rotations(cubic.local_rotation[:, 0], np.tile(rotation.IDENTITY, (31, 1)))

    # keys of a recording with tangents: the frames are the keys
    frames = rotation.exp(np.stack([0 * t, np.sin(t), 0 * t], axis=-1))
    rows = np.stack([frames * 9.0, frames, -frames * 9.0], axis=1)
    found = parse_gltf(two_joints(t.tolist(), rows, "CUBICSPLINE"), "x.glb")
    same_rotations(found.local_rotation[:, 0], frames)


@pytest.mark.parametrize(
    ("frames", "seconds"),
    [
        (151, 1 / 30),
        (2, 1 / 24),
        (72000, 1 / 120),
        (400, 1001 / 30000),
        (300, 0.0333333),
        (90, 0.0166667),
        (40, 0.1),
        (9000, 0.04),
    ],
)
@pytest.mark.parametrize("start", [0.0, 1 / 24, 50.0])
def test_frame_rates_are_found_in_keys(frames: int, seconds: float, start: float) -> None:
    keys = (start + np.arange(frames) * seconds).astype(np.float32).astype(float)
    grid = find_grid([keys])
    assert (grid.frame_count, grid.exact) == (frames, True)
    # what 32-bit times tell apart
    assert grid.frame_time_seconds == pytest.approx(seconds, rel=2e-6 if frames > 2 else 5e-4)
    if frames > 2 and start == 0.0 and seconds in (1 / 30, 1 / 24, 1 / 120, 0.04, 1001 / 30000):
        assert grid.frame_time_seconds == seconds


def test_frames_of_keys_that_are_few_or_uneven() -> None:
    beat = np.arange(121) / 60.0
    assert (
        find_grid([beat, beat[[0, 120]], beat[[0, 7, 9]]]).frame_count == 121
    )  # curves that an exporter thinned
    assert (
        find_grid([np.array([0.0, 1.0, 2.0])]).frame_time_seconds == 1 / 30
    )  # an animator's, once a second
    assert find_grid([np.array([0.0, 5 / 24, 31 / 24])]).frame_time_seconds == 1 / 24
    assert find_grid([beat[[0, 3, 10, 61]], beat[[1, 2]]]) == FrameGrid(0.0, 1 / 60, 62, True)
    stray = find_grid([beat, np.array([0.3123])])
    assert (stray.frame_count, stray.exact) == (121, False)
    odd = find_grid([np.array([0.0, 0.1234, 0.777, 1.111])])
    assert (odd.frame_time_seconds, odd.frame_count, odd.exact) == (1 / 30, 34, False)
    assert find_grid([np.array([2.5])]) == FrameGrid(2.5, 1 / 30, 1, True)
    assert find_grid([np.array([0.0, 0.0, 0.0])]).frame_count == 1
    assert find_grid([beat], 0.0166667).frame_time_seconds == 0.0166667
    assert find_grid([beat], 0.02).frame_time_seconds == 1 / 60  # a statement that the keys deny
    clip = parse_gltf(
        two_joints([0.0, 0.1234, 0.777], np.tile(rotation.IDENTITY, (3, 1)), "LINEAR"), "odd.glb"
    )
    assert clip.warnings == (
        "the keys of odd.glb lie on no common frame rate; they were read at 30 frames/s",
    )
