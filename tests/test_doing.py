"""Whether two motions do the same: what a style changes counts little, another action much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.runtime.doing import Doing, likeness, mix_doings
from kinestyle.runtime.posture import own_posture
from made_rigs import walk


def done(clip: Clip) -> Doing:
    found = own_posture(clip.world_rotation, clip.world_position[:, 0, 1]).doing
    assert found is not None
    return found


def turned(clip: Clip, degrees: float, *bones: str) -> Clip:
    """With bones turned about the X axis."""
    local = clip.local_rotation.copy()
    for bone in bones:
        joint = CANONICAL.index(bone)
        turn = rotation.exp(np.radians(degrees) * np.eye(3)[0])
        local[:, joint] = rotation.multiply(turn, local[:, joint])
    return clip.with_motion(clip.local_position, local)


def at(clip: Clip, frames: np.ndarray) -> Clip:
    return clip.with_motion(clip.local_position[frames], clip.local_rotation[frames])


@pytest.fixture(scope="module")
def plain() -> Clip:
    return walk(seconds=4.0).clip


def test_a_style_leaves_what_is_done_as_it_is(plain: Clip) -> None:
    first = done(plain)
    assert likeness(first, first) == 1.0
    stooped = turned(plain, 25.0, "spine", "chest", "left_forearm", "right_forearm")
    assert likeness(first, done(stooped)) == 1.0
    assert likeness(done(stooped), first) == 1.0
    slower = at(plain, np.linspace(0, plain.frame_count - 1, 150).round().astype(int))
    assert likeness(first, done(slower)) > 0.9


def test_another_action_is_none_of_a_style(plain: Clip) -> None:
    every = np.arange(plain.frame_count)
    first = done(plain)
    for frames in (0 * every, every[::-1]):  # to stand, and to walk backwards
        assert likeness(first, done(at(plain, frames))) == 0.0
    assert likeness(first, replace(first, pace=4.0 * first.pace)) < 0.5
    assert likeness(first, replace(first, ranges=2.0 * first.ranges)) < 0.1


def test_the_arm_that_does_something_tells(plain: Clip) -> None:
    standing = at(plain, np.zeros(plain.frame_count, dtype=int))
    left, right = (turned(standing, -150.0, f"{side}_upper_arm") for side in ("left", "right"))
    np.testing.assert_allclose(done(left).acting, [1.0, 0.0], atol=1e-3)
    assert likeness(done(left), done(left)) == 1.0
    assert likeness(done(left), done(right)) == likeness(done(left), done(standing)) == 0.0


def test_the_pace_is_that_of_the_body(plain: Clip) -> None:
    walked = plain.world_position[-1, 0] - plain.world_position[0, 0]
    seconds = (plain.frame_count - 1) * plain.frame_time_seconds
    found = done(plain)
    np.testing.assert_allclose(found.pace, walked[[0, 2]] / seconds, atol=0.05)
    assert found.stepping == pytest.approx(1.0, abs=0.01)


def test_what_is_not_known_is_not_alike(plain: Clip) -> None:
    assert likeness(None, done(plain)) == likeness(done(plain), None) == 0.0


def test_what_several_do_is_mixed(plain: Clip) -> None:
    first = done(plain)
    other = replace(first, acting=first.acting + 1.0, pace=3.0 * first.pace, stepping=0.0)
    mixed = mix_doings([first, other], np.array([0.5, 0.5]))
    np.testing.assert_allclose(mixed.pace, 2.0 * first.pace)
    np.testing.assert_allclose(mixed.acting, first.acting + 0.5)
    assert mixed.stepping == pytest.approx(0.5 * first.stepping)
