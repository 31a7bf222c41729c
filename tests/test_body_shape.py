"""How thick a body is, and hands that are in it."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import depth_in_body, nearest_on_segment, way_out_of_body
from kinestyle.motion.canonical import CANONICAL, HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from made_rigs import Y, Z, walk

LEFT, RIGHT = 0, 1


def hand_in_belly() -> Clip:
    """A walk whose left hand is in the trunk in the last half."""
    clip = walk(1.0).clip
    world = np.repeat(clip.world_rotation[:1], 10, axis=0)
    world[:, 1:] = rotation.IDENTITY
    world[5:, CANONICAL.index("left_upper_arm")] = rotation.exp(-0.35 * np.pi * Z)
    for part in ("forearm", "hand"):
        world[5:, CANONICAL.index(f"left_{part}")] = rotation.exp(np.pi * Y)
    root = np.repeat(clip.world_position[:1, HIPS], 10, axis=0)
    return canonical_clip(root, world, 1.0 / 30.0, "belly")


def test_the_nearest_point_of_a_segment_is_an_end_beyond_the_ends() -> None:
    start, end = np.zeros(3), np.array([2.0, 0.0, 0.0])
    points = np.array([[1.0, 3.0, 0.0], [-3.0, 4.0, 0.0], [5.0, 0.0, 4.0]])
    nearest = nearest_on_segment(points, start, end)
    np.testing.assert_allclose(nearest, [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    assert np.linalg.norm(points[0] - nearest_on_segment(points[0], start, start)) == (
        pytest.approx(np.sqrt(10.0))
    )


def test_a_hand_in_the_belly_is_in_the_body() -> None:
    clip = hand_in_belly()
    depth = depth_in_body(clip.world_position, clip.world_rotation).max(axis=-1)
    assert (depth[5:, LEFT] > 0.03).all()
    assert (depth[:5] < 0.0).all()
    assert (depth[:, RIGHT] < 0.0).all()


def test_the_way_out_leads_to_the_skin_and_no_farther_than_the_input_was() -> None:
    clip = hand_in_belly()
    depth = depth_in_body(clip.world_position, clip.world_rotation)
    out = way_out_of_body(clip.world_position, clip.world_rotation, np.zeros_like(depth))
    moved = clip.world_position.copy()
    moved[:, CANONICAL.index("left_hand")] += out[:, LEFT]
    left = depth_in_body(moved, clip.world_rotation)[:, LEFT].max(axis=-1)
    assert left.max() < 0.3 * depth[:, LEFT].max()
    assert not out[:5].any()
    assert not out[:, RIGHT].any()
    assert not way_out_of_body(clip.world_position, clip.world_rotation, depth).any()
