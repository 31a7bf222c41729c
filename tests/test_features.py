"""The numbers a network sees: complete, independent of frame rate, position and heading, and
invertible.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, MIRROR, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.features import (
    LAYOUT,
    FeatureLayout,
    at_feature_rate,
    clip_to_features,
    features_to_clip,
    heading,
    heading_free_rotation,
    mirror_features,
    pad_last,
)
from made_rigs import X, Z, stand, turned, walk

RATES = [24.0, 30.0, 60.0, 120.0]
WALK = walk(3.0, start_heading=2.5).clip  # its heading passes through half a turn
FEATURES = clip_to_features(WALK)


def mirrored(canonical: Clip) -> Clip:
    """The motion seen in a mirror that swaps left and right, the plane x = 0."""
    root = canonical.world_position[:, 0] * [-1.0, 1.0, 1.0]
    world = canonical.world_rotation[:, MIRROR] * [1.0, 1.0, -1.0, -1.0]
    return canonical_clip(root, world, canonical.frame_time_seconds)


def test_slices_are_complete_and_disjoint() -> None:
    names = [name for name, _ in LAYOUT.sizes]
    every = np.concatenate([np.arange(LAYOUT.size)[LAYOUT[name]] for name in names])
    np.testing.assert_array_equal(every, np.arange(260))
    assert FEATURES.shape == (WALK.frame_count, 260)
    assert [len(FEATURES[0, LAYOUT[name]]) for name in names] == [size for _, size in LAYOUT.sizes]


def test_without_names_the_others() -> None:
    layout = FeatureLayout((("a", 2), ("b", 1), ("c", 3)))
    np.testing.assert_array_equal(layout.without("b"), [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(layout.without("a", "c"), [2])
    with pytest.raises(KeyError, match=r"'d'.*a, b, c"):
        layout["d"]


def test_what_the_slices_hold() -> None:
    position = FEATURES[:, LAYOUT["joint_position"]].reshape(-1, 21, 3)
    np.testing.assert_allclose(position[:, 0, [0, 2]], 0.0, atol=1e-12)
    np.testing.assert_allclose(position[:, 0, 1:2], FEATURES[:, LAYOUT["root_height"]], atol=1e-12)
    np.testing.assert_allclose(position[..., 1], WALK.world_position[..., 1], atol=1e-12)
    across = (
        position[:, CANONICAL.index("left_thigh")] - position[:, CANONICAL.index("right_thigh")]
    )
    assert (across[:, 0] > 0.15).all()  # left is +X whichever way it walks
    travel = FEATURES[:, LAYOUT["root_xz_velocity"]] * 30.0
    assert np.abs(travel[:, 0]).max() < 0.2
    assert travel[:, 1].mean() == pytest.approx(0.7, abs=0.02)  # and ahead is +Z
    velocity = FEATURES[:, LAYOUT["joint_velocity"]].reshape(-1, 21, 3)
    np.testing.assert_allclose(
        velocity[:, 0, [0, 2]], FEATURES[:, LAYOUT["root_xz_velocity"]], atol=1e-12
    )
    length = np.linalg.norm(np.diff(WALK.world_position, axis=0), axis=-1)
    np.testing.assert_allclose(np.linalg.norm(velocity[:-1], axis=-1), length, atol=1e-12)
    np.testing.assert_array_equal(FEATURES[:, LAYOUT["foot_contact"]], find_contacts(WALK))


def test_there_and_back() -> None:
    yaw, start = heading(WALK)[0], WALK.world_position[0, 0, [0, 2]]
    back = features_to_clip(FEATURES, yaw, start)
    np.testing.assert_allclose(back.world_position, WALK.world_position, atol=1e-6)
    off = rotation.angle(
        rotation.multiply(rotation.inverse(back.world_rotation), WALK.world_rotation)
    )
    assert off.max() < 1e-6
    # and without a place and heading it starts at the origin and faces +Z
    anew = features_to_clip(FEATURES)
    assert heading(anew)[0] == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(anew.world_position[0, 0, [0, 2]], 0.0, atol=1e-12)
    np.testing.assert_allclose(clip_to_features(anew), FEATURES, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(yaw=st.floats(-10.0, 10.0), x=st.floats(-50.0, 50.0), z=st.floats(-50.0, 50.0))
def test_where_it_is_and_which_way_it_goes_do_not_matter(yaw: float, x: float, z: float) -> None:
    np.testing.assert_allclose(
        clip_to_features(turned(WALK, yaw, x * X + z * Z)), FEATURES, atol=1e-9
    )


def test_heading_is_where_the_body_faces() -> None:
    for yaw in (-3.0, 0.0, 0.5, 3.1):
        found = heading(turned(stand(), yaw, np.zeros(3)))
        np.testing.assert_allclose(rotation.wrap(found - yaw), 0.0, atol=1e-9)
    # hips and shoulders sway about the way that it walks
    path = 2.5 + 0.6 * np.sin(0.9 * np.arange(91) / 30.0)
    np.testing.assert_allclose(rotation.wrap(heading(WALK) - path), 0.0, atol=0.2)


def test_mirroring_twice_is_nothing() -> None:
    np.testing.assert_array_equal(mirror_features(mirror_features(FEATURES)), FEATURES)
    assert mirror_features(FEATURES.astype(np.float32)).dtype == np.float32
    assert np.abs(mirror_features(FEATURES) - FEATURES).max() > 0.1


def test_mirrored_features_are_those_of_the_mirrored_clip() -> None:
    np.testing.assert_allclose(
        clip_to_features(mirrored(WALK)), mirror_features(FEATURES), atol=1e-9
    )


def test_heading_free_rotations() -> None:
    free = heading_free_rotation(FEATURES)
    whole = rotation.multiply(rotation.about_y(heading(WALK))[:, None], free)
    assert (
        rotation.angle(rotation.multiply(rotation.inverse(whole), WALK.world_rotation)).max() < 1e-9
    )


@pytest.mark.parametrize("frame_rate", RATES)
def test_other_rates_give_the_features_of_30(frame_rate: float) -> None:
    found = clip_to_features(walk(3.0, frame_rate, 2.5).clip)
    assert found.shape == FEATURES.shape
    keep = LAYOUT.without("foot_contact", "joint_velocity", "root_yaw_velocity")
    np.testing.assert_allclose(found[:, keep], FEATURES[:, keep], atol=0.02)


def test_the_rate_that_files_write_for_30_keeps_its_frames() -> None:
    clip = walk(3.0, 1 / 0.0333333).clip
    found = at_feature_rate(clip)
    assert found.frame_rate == pytest.approx(30.0, rel=1e-12)
    np.testing.assert_array_equal(found.local_rotation, clip.local_rotation)


@pytest.mark.parametrize("frame_count", [1, 2])
def test_hardly_any_frames(frame_count: int) -> None:
    found = clip_to_features(stand(frame_count))
    assert found.shape == (frame_count, 260)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, LAYOUT["joint_velocity"]], 0.0)
    np.testing.assert_array_equal(found[:, LAYOUT["foot_contact"]], 1.0)


def test_pad_last() -> None:
    held = pad_last(FEATURES, len(FEATURES) + 5)
    np.testing.assert_array_equal(held[: len(FEATURES)], FEATURES)
    still = ("root_yaw_velocity", "root_xz_velocity", "joint_velocity")
    assert all((held[-5:, LAYOUT[name]] == 0.0).all() for name in still)
    keep = LAYOUT.without(*still)
    np.testing.assert_array_equal(held[-5:, keep], np.tile(FEATURES[-1, keep], (5, 1)))
    for frames in (0, 3, len(FEATURES)):
        np.testing.assert_array_equal(pad_last(FEATURES, frames), FEATURES)
