"""What a clip is: frozen arrays whose shapes fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, check_writable
from kinestyle.motion.skeleton import Skeleton
from made_rigs import walk

CLIP = Clip(
    Skeleton(("only",), np.array([-1]), np.zeros((1, 3))),
    np.arange(15.0).reshape(5, 1, 3),
    np.tile(rotation.IDENTITY, (5, 1, 1)),
    1 / 30,
)


def test_with_motion_keeps_the_rest() -> None:
    before = CLIP.world_position
    moved = CLIP.with_motion(CLIP.local_position + 1.0, CLIP.local_rotation)
    assert (moved.skeleton, moved.source, moved.name) == (CLIP.skeleton, CLIP.source, CLIP.name)
    np.testing.assert_allclose(moved.world_position, before + 1.0)
    np.testing.assert_array_equal(CLIP.world_position, before)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AssertionError, match="local_position has shape"):
        CLIP.with_motion(CLIP.local_position[:4], CLIP.local_rotation)
    with pytest.raises(AssertionError, match="frame time"):
        replace(CLIP, frame_time_seconds=0.0)


def test_a_clip_that_no_file_can_hold() -> None:
    check_writable(CLIP, "x.bvh")
    with pytest.raises(MotionFileError, match=r"x\.bvh cannot be written: .* without frames"):
        check_writable(CLIP.with_motion(CLIP.local_position[:0], CLIP.local_rotation[:0]), "x.bvh")
    broken = CLIP.local_position.copy()
    broken[3, 0, 1] = np.inf
    with pytest.raises(MotionFileError, match="position that is not finite at frame 4 of joint"):
        check_writable(CLIP.with_motion(broken, CLIP.local_rotation), "x.bvh")


def test_windows_have_what_is_known_of_the_clip() -> None:
    """A window of a clip whose joints were placed is not placed again, and is where it would be."""
    clip = replace(walk(seconds=0.6).clip, name="not placed")
    alone = clip.window(3, 9, [0, 1]), clip.window(3, 9)
    assert not {"world_position", "world_rotation"} & set(clip.__dict__)
    assert len(clip.world_position) == clip.frame_count
    known = clip.window(3, 9, [0, 1]), clip.window(3, 9), clip.with_warnings("odd").window(3, 9)
    for window, other in zip(known, (*alone, alone[1]), strict=True):
        assert {"world_position", "world_rotation"} <= set(window.__dict__)
        np.testing.assert_allclose(window.world_position, other.world_position, atol=1e-12)
        np.testing.assert_allclose(window.world_rotation, other.world_rotation, atol=1e-12)
