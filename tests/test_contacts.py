"""When a foot is planted, and when it stands still."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.smoothing import segments
from kinestyle.retarget.contacts import find_contacts, find_still
from made_rigs import X, Y, Z, stand, walk

RATES = [24.0, 30.0, 60.0, 120.0]


def with_thigh(canonical: Clip, radians: rotation.Array) -> Clip:
    """The left leg lifted to the front by `radians` (T,)."""
    local = canonical.local_rotation.copy()
    thigh = CANONICAL.index("left_thigh")
    local[:, thigh] = rotation.multiply(rotation.exp(-radians[:, None] * X), local[:, thigh])
    return canonical.with_motion(canonical.local_position, local)


def moved(canonical: Clip, shift: rotation.Array) -> Clip:
    """The root moved by `shift` (T, 3)."""
    position = canonical.local_position.copy()
    position[:, 0] += shift
    return canonical.with_motion(position, canonical.local_rotation)


@pytest.mark.parametrize("frame_rate", RATES)
def test_a_walk_plants_its_feet_in_turn(frame_rate: float) -> None:
    made = walk(4.0, frame_rate)
    contact = find_contacts(made.clip)
    for column, truth in zip(contact.T, np.repeat(made.planted, 2, axis=1).T, strict=True):
        assert len(segments(column)) == len(segments(truth))
        # a foot that has hardly left or not quite reached its place may count as planted, for 0.08
        # s
        assert not (truth & ~column).any()
        wide = round(0.08 * frame_rate)
        near = np.convolve(truth, np.ones(2 * wide + 1), mode="same") > 0
        assert not (column & ~near).any()


@pytest.mark.parametrize("frame_rate", RATES)
@pytest.mark.parametrize(
    ("speed_m_s", "planted"), [(0.0, True), (0.3, True), (0.6, False), (2.0, False)]
)
def test_a_fast_foot_is_not_planted(frame_rate: float, speed_m_s: float, planted: bool) -> None:
    clip = stand(60, frame_rate)
    slide = speed_m_s * np.arange(60)[:, None] / frame_rate * Z
    assert (find_contacts(moved(clip, slide)) == planted).all()


def test_a_lifted_foot_is_not_planted() -> None:
    contact = find_contacts(with_thigh(stand(), np.full(40, 1.0)))
    assert not contact[:, :2].any()
    assert contact[:, 2:].all()


@pytest.mark.parametrize(("height_m", "planted"), [(0.05, True), (0.2, False)])
def test_a_thick_sole_stands_but_nobody_stands_on_air(height_m: float, planted: bool) -> None:
    assert (find_contacts(moved(stand(), height_m * Y)) == planted).all()


@pytest.mark.parametrize(
    ("frame_rate", "seconds", "lifted"),
    [
        (24.0, 0.25, True),
        (30.0, 0.25, True),
        (120.0, 0.25, True),
        (60.0, 0.04, False),
        (120.0, 0.04, False),
    ],
)
def test_a_hop_of_a_moment_is_none(frame_rate: float, seconds: float, lifted: bool) -> None:
    frames = round(3.0 * frame_rate)
    time = np.arange(frames) / frame_rate
    up = np.where(np.abs(time - 1.5) <= seconds / 2, 1.0, 0.0)
    contact = find_contacts(with_thigh(stand(frames, frame_rate), up))
    assert (not contact[:, :2].all()) == lifted


@pytest.mark.parametrize("frame_rate", RATES)
@pytest.mark.parametrize(
    ("height_m", "speed_m_s", "still"),
    [(0.0, 0.0, True), (0.15, 0.0, True), (0.25, 0.0, False), (0.15, 0.2, True), (0.0, 0.4, False)],
)
def test_a_foot_is_still_on_its_tips_too(
    frame_rate: float, height_m: float, speed_m_s: float, still: bool
) -> None:
    frames = round(2.0 * frame_rate)
    time = np.arange(frames)[:, None] / frame_rate
    ankles = np.stack([height_m * Y + speed_m_s * time * Z, np.zeros((frames, 3))], axis=1)
    np.testing.assert_array_equal(
        find_still(ankles, 1.0 / frame_rate), np.broadcast_to([still, True], (frames, 2))
    )


def test_a_foot_that_pauses_for_a_moment_is_not_still() -> None:
    time = np.arange(60)[:, None] / 30.0
    ankles = np.stack([0.1 * np.sin(8.0 * time) * X, 0.1 * np.sin(8.0 * time) * X], axis=1)
    assert not find_still(ankles, 1.0 / 30.0)[4:-4].any()
    assert not find_still(ankles[:1], 1.0 / 30.0).any()
