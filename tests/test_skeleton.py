"""Skeletons: their order, forward kinematics, and rotations in the world and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, LEG_LENGTH_M, MIRROR, STATURE_M, mirror_name
from kinestyle.motion.skeleton import (
    Skeleton,
    few_in_world,
    forward_kinematics,
    local_to_world_rotation,
    tip_position,
    world_to_local_rotation,
)
from made_rigs import any_rotations

X, Y, Z = np.eye(3)


def any_tree(seed: int, count: int) -> Skeleton:
    random = np.random.default_rng(seed)
    parents = np.array([-1, *(random.integers(0, joint) for joint in range(1, count))])
    return Skeleton(
        tuple(f"joint_{j}" for j in range(count)), parents, random.standard_normal((count, 3))
    )


def test_a_known_pose() -> None:
    arm = Skeleton(
        ("a", "b", "c"), np.array([-1, 0, 1]), np.array([X, Y, Y]), np.array([2]), 0.5 * Y[None]
    )
    quarter = rotation.exp(0.5 * np.pi * Z)  # takes X to Y, Y to -X
    local = np.array([quarter, quarter, rotation.IDENTITY])
    position, world = forward_kinematics(arm, arm.offsets, local)
    np.testing.assert_allclose(position, [X, X - X, -Y], atol=1e-15)
    np.testing.assert_allclose(rotation.rotate(world[2], X), -X, atol=1e-15)
    np.testing.assert_allclose(tip_position(arm, position, world), [-1.5 * Y], atol=1e-15)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_forward_kinematics_is_a_chain_of_matrices(seed: int, count: int) -> None:
    skeleton = any_tree(seed, count)
    local = any_rotations(seed, count)
    position, world = forward_kinematics(skeleton, skeleton.offsets, local)
    for joint in range(count):
        matrix = np.eye(4)
        for link in [*skeleton.ancestors(joint)[::-1], joint]:
            step = np.eye(4)
            step[:3, :3], step[:3, 3] = rotation.to_matrix(local[link]), skeleton.offsets[link]
            matrix = matrix @ step
        np.testing.assert_allclose(position[joint], matrix[:3, 3], atol=1e-12)
        np.testing.assert_allclose(rotation.to_matrix(world[joint]), matrix[:3, :3], atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 150))
def test_few_frames_are_where_many_are(seed: int, count: int) -> None:
    skeleton = any_tree(seed, count)
    local = any_rotations(seed, 6, count)
    offsets = np.random.default_rng(seed).standard_normal((6, count, 3))
    for found, wanted in zip(
        few_in_world(skeleton, offsets, local),
        forward_kinematics(skeleton, offsets, local),
        strict=True,
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_world_and_local_undo_each_other(seed: int, count: int) -> None:
    skeleton = any_tree(seed, count)
    local = any_rotations(seed, 2, 5, count)
    world = local_to_world_rotation(skeleton, local)
    np.testing.assert_allclose(world_to_local_rotation(skeleton, world), local, atol=1e-12)
    np.testing.assert_allclose(
        local_to_world_rotation(skeleton, world_to_local_rotation(skeleton, world)),
        world,
        atol=1e-12,
    )
    # each of the leading axes by itself
    np.testing.assert_array_equal(local_to_world_rotation(skeleton, local[1, 3]), world[1, 3])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_levels_hold_each_joint_once_below_its_parent(seed: int, count: int) -> None:
    skeleton = any_tree(seed, count)
    assert sorted(joint for level in skeleton.levels for joint in level) == list(range(count))
    for depth, level in enumerate(skeleton.levels):
        assert [len(skeleton.ancestors(joint)) for joint in level] == [depth] * len(level)
    assert all(
        skeleton.parents[child] == joint
        for joint, found in enumerate(skeleton.children)
        for child in found
    )
    assert sum(map(len, skeleton.children)) == count - 1


def test_float32_stays_float32() -> None:
    local = any_rotations(0, 4, 21).astype(np.float32)
    position, world = forward_kinematics(CANONICAL, CANONICAL.offsets.astype(np.float32), local)
    assert (
        position.dtype
        == world.dtype
        == world_to_local_rotation(CANONICAL, world).dtype
        == np.float32
    )
    exact, _ = forward_kinematics(CANONICAL, CANONICAL.offsets, local.astype(float))
    np.testing.assert_allclose(position, exact, atol=1e-5)


def test_a_name_that_is_not_there_is_said() -> None:
    assert CANONICAL.names[CANONICAL.index("left_hand")] == "left_hand"
    with pytest.raises(KeyError, match=r"'tail'.*left_thigh"):
        CANONICAL.index("tail")


@pytest.mark.parametrize("parents", [[0, 0], [-1, 1], [-1, 2], [-1]])
def test_joints_out_of_order_are_refused(parents: list[int]) -> None:
    with pytest.raises(AssertionError):
        Skeleton(("a", "b"), np.array(parents), np.zeros((2, 3)))


def test_the_canonical_skeleton_stands_as_it_says() -> None:
    rest, _ = forward_kinematics(CANONICAL, CANONICAL.offsets, np.tile(rotation.IDENTITY, (21, 1)))
    tips = tip_position(CANONICAL, rest, np.tile(rotation.IDENTITY, (21, 1)))
    at = dict(zip(CANONICAL.names, rest, strict=True))
    assert HIPS == 0
    assert tips[:, 1].max() == pytest.approx(STATURE_M, rel=0.005)
    assert 0.0 < at["left_toe"][1] < at["left_foot"][1] < 0.1
    assert at["left_hand"][0] > 0 > at["right_hand"][0]
    assert at["left_toe"][2] > at["left_foot"][2]
    np.testing.assert_allclose(at["left_hand"][1:], at["left_upper_arm"][1:], atol=1e-12)
    assert pytest.approx(LEG_LENGTH_M) == np.linalg.norm(
        at["left_shin"] - at["left_thigh"]
    ) + np.linalg.norm(at["left_foot"] - at["left_shin"])
    np.testing.assert_allclose(rest[MIRROR], rest * [-1.0, 1.0, 1.0], atol=1e-12)
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(21))
    assert mirror_name("right_toe") == "left_toe"
