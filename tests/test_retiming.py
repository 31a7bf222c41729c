"""Alignments of two motions, and a clip in another clip's time."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.evaluate.retiming import EVERY, align, frames_along, retimed
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from made_rigs import walk


def shifted(metres: Array) -> Array:
    """metres: (T,) -> (T, 21, 3), a body that is moved along X by so much in each frame."""
    return np.tile(np.eye(3)[0], (len(metres), 21, 1)) * metres[:, None, None]


def path_of(motion: Array, other: Array, step_penalty: float) -> list[int]:
    ((_, path),) = align(motion, [other], step_penalty)
    return path.tolist()


def test_where_all_frames_are_alike_time_goes_on_evenly() -> None:
    still = shifted(np.zeros(8))
    assert path_of(still[:5], still, 0.01) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("step_penalty", "steps"), [(0.01, {1}), (0.001, {2})])
def test_a_frame_is_left_out_only_where_that_is_worth_the_penalty(
    step_penalty: float, steps: set[int]
) -> None:
    """The other motion is half as fast, so that it is 4 mm off in sum if it keeps its own pace."""
    motion, other = shifted(0.004 * np.arange(3)), shifted(0.002 * np.arange(5))
    assert set(np.diff(path_of(motion, other, step_penalty))) == steps


@pytest.mark.parametrize(("step_penalty", "steps"), [(0.01, {1}), (0.001, {0})])
def test_a_frame_is_repeated_only_where_that_is_worth_the_penalty(
    step_penalty: float, steps: set[int]
) -> None:
    """The other motion drifts by 4 mm a frame, away from one that stands still."""
    other = 0.004 * np.arange(3)
    ((cost, path),) = align(shifted(np.zeros(3)), [shifted(other)], step_penalty)
    assert set(np.diff(path)) == steps
    wanted = min(0.004 * (0 + 1 + 2), 2.0 * step_penalty) / 3.0
    assert cost == pytest.approx(wanted, rel=1e-3)


def test_frames_between_those_of_an_alignment_are_interpolated_and_end_in_the_clip() -> None:
    at_frame = frames_along(np.arange(20), 39, 60)
    np.testing.assert_allclose(at_frame[12:-12], np.arange(39)[12:-12], atol=0.01)
    assert len(at_frame) == 39
    assert frames_along(np.arange(30), 60, 50).max() == 49
    # an uneven alignment is smoothed
    uneven = np.repeat(np.arange(0, 20, 2), 2)
    steps = np.diff(frames_along(uneven, len(uneven) * EVERY, 60)[8:-8])
    assert np.ptp(steps) < 0.2


def test_a_clip_at_other_moments_of_its_own() -> None:
    clip = walk(1.0).clip
    canonical = to_canonical(clip, correspond(clip))
    every = np.arange(canonical.frame_count)
    np.testing.assert_allclose(
        retimed(canonical, every).world_position, canonical.world_position, atol=1e-9
    )
    slower = retimed(canonical, every[:-1] + 0.5).world_position
    np.testing.assert_allclose(
        slower, 0.5 * (canonical.world_position[:-1] + canonical.world_position[1:]), atol=2e-3
    )
    assert np.abs(slower - canonical.world_position[:-1]).max() > 1e-2
