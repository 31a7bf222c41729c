"""What comes next: the same again where it came before, and a slower rest where it did not."""

from __future__ import annotations

import numpy as np

from kinestyle.live.forecast import forecast
from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import at_feature_rate

AHEAD = 15


def world(clip: Clip) -> tuple[Array, Array]:
    """Hips (T, 3) and rotations (T, 21, 4) in the world, at 30 a second."""
    canonical = at_feature_rate(to_canonical(clip, correspond(clip)))
    return canonical.world_position[:, HIPS], canonical.world_rotation


def turning(hips: Array, turned: Array, radians: float) -> tuple[Array, Array]:
    """The same motion, which turns by an angle a frame."""
    by = rotation.about_y(radians * np.arange(len(hips)))
    steps = rotation.rotate(by[:-1], np.diff(hips, axis=0))
    way = np.concatenate([hips[:1], hips[0] + np.cumsum(steps, axis=0)])
    return way, rotation.multiply(by[:, None], turned)


def apart(found: tuple[Array, Array], true: tuple[Array, Array]) -> tuple[float, float]:
    """Metres of the hips, radians of the joints in the mean."""
    off = rotation.angle(rotation.multiply(rotation.inverse(found[1]), true[1]))
    return float(np.linalg.norm(found[0] - true[0], axis=-1).mean()), float(off.mean())


def test_a_walk_goes_on_as_it_went_on_a_step_ago(walk_clip: Clip) -> None:
    for radians in (0.0, 0.02):
        hips, turned = turning(*world(walk_clip), radians)
        assert len(hips) > 120 + AHEAD
        for now in (100, 108, 116):
            seen, true = (hips[:now], turned[:now]), (hips[now:], turned[now:])
            true = true[0][:AHEAD], true[1][:AHEAD]
            found = forecast(*seen, AHEAD)
            # with the last frames alone nothing is known but how fast joints are
            blind = forecast(hips[now - 8 : now], turned[now - 8 : now], AHEAD)
            metres, angle = apart(found, true)
            assert metres < 0.06
            assert angle < 0.5 * apart(blind, true)[1]
            assert found[0].shape == (AHEAD, 3)
            assert np.allclose(rotation.length(found[1]), 1.0)


def test_it_begins_where_the_motion_is(walk_clip: Clip) -> None:
    hips, turned = world(walk_clip)
    found = forecast(hips[:100], turned[:100], AHEAD)
    metres, angle = apart((found[0][:1], found[1][:1]), (hips[100:101], turned[100:101]))
    assert metres < 0.01
    assert angle < 0.02


def test_what_never_came_before_slows_down(walk_clip: Clip) -> None:
    hips, turned = world(walk_clip)
    random = np.random.default_rng(0)
    elsewhere = rotation.normalize(random.standard_normal((60, 21, 4)))
    before = np.concatenate([elsewhere, turned[60:100]])
    found = forecast(hips[:100], before, AHEAD)
    blind = forecast(hips[92:100], turned[92:100], AHEAD)
    np.testing.assert_allclose(found[1], blind[1], atol=1e-12)
    step = rotation.angle(rotation.multiply(found[1][1:], rotation.inverse(found[1][:-1])))
    assert (step[-1] < 0.1 * step[0] + 1e-9).all()


def test_one_frame_stays(walk_clip: Clip) -> None:
    hips, turned = world(walk_clip)
    found = forecast(hips[:1], turned[:1], 3)
    np.testing.assert_array_equal(found[1], np.repeat(turned[:1], 3, axis=0))
    np.testing.assert_array_equal(found[0], np.repeat(hips[:1], 3, axis=0))
