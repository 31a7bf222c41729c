"""Stairs, ramps, platforms and jumps: a body keeps its height over the ground that it is on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion.canonical import HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep
from kinestyle.retarget.contacts import measure_contacts
from kinestyle.retarget.ground import Ground, find_ground
from kinestyle.retarget.legs import role_position
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import Y, as_rig, walk

SECONDS = 4.0
GRAVITY_M_S2 = 9.81


def seconds_of(clip: Clip) -> Array:
    return np.arange(clip.frame_count) * clip.frame_time_seconds


def lifted(clip: Clip, height: Array) -> Clip:
    """The canonical clip with the whole body lifted, height: (T,) metres."""
    root = clip.world_position[:, HIPS] + height[:, None] * Y
    return canonical_clip(root, clip.world_rotation, clip.frame_time_seconds, "lifted")


def onto_a_platform(height_m: float) -> Clip:
    clip = walk(SECONDS).clip
    return lifted(clip, height_m * smootherstep((seconds_of(clip) - 1.6) / 0.4))


def up_a_ramp(rise: float) -> Clip:
    clip = walk(SECONDS).clip
    path = np.linalg.norm(np.diff(clip.world_position[:, HIPS], axis=0, prepend=0), axis=-1)
    path[0] = 0.0
    return lifted(clip, rise * np.cumsum(path))


def jumping(height_m: float) -> Clip:
    """Somebody who stands, jumps on the spot, and stands again."""
    clip = walk(SECONDS).clip
    still = clip.with_motion(
        np.repeat(clip.local_position[:1], clip.frame_count, axis=0),
        np.repeat(clip.local_rotation[:1], clip.frame_count, axis=0),
    )
    apart = seconds_of(clip) - 2.0
    return lifted(still, np.maximum(height_m - 0.5 * GRAVITY_M_S2 * apart**2, 0.0))


def ground_of(clip: Clip) -> Ground:
    return find_ground(*measure_contacts(clip), clip.frame_time_seconds)


def test_a_level_walk_is_on_the_floor() -> None:
    ground = ground_of(walk(SECONDS).clip)
    assert ground.height.max() < 0.06
    assert ground.flight.max() < 0.05
    assert not ground.raised.any()


@pytest.mark.parametrize("height_m", [0.2, 0.4, 0.8])
def test_a_platform_is_ground(height_m: float) -> None:
    clip = onto_a_platform(height_m)
    ground, time = ground_of(clip), seconds_of(clip)
    assert ground.height[time < 1.3].max() < 0.06
    np.testing.assert_allclose(ground.height[time > 2.6], height_m, atol=0.06)
    assert ground.raised[time > 2.6].any(axis=1).mean() > 0.5
    assert not ground.raised[time < 1.3].any()


def test_a_ramp_is_ground() -> None:
    clip = up_a_ramp(0.1)
    ground = ground_of(clip)
    lift = clip.world_position[:, HIPS, 1] - walk(SECONDS).clip.world_position[:, HIPS, 1]
    late = lift > 0.12
    assert late.sum() > 30
    np.testing.assert_allclose(ground.height[late], lift[late], atol=0.08)


@pytest.mark.parametrize("height_m", [0.15, 0.4, 0.7])
def test_a_jump_is_flight_above_the_ground(height_m: float) -> None:
    ground = ground_of(jumping(height_m))
    assert ground.height.max() < 0.06
    assert ground.flight.max() == pytest.approx(height_m, abs=0.02)
    assert not ground.raised.any(), "nobody stands at the top of a jump"


def test_who_never_rests_is_in_the_air() -> None:
    ground = find_ground(np.full((40, 4), 0.5), np.zeros((40, 4), dtype=bool), 1.0 / 30.0)
    np.testing.assert_array_equal(ground.height, 0.0)
    assert ground.flight.min() > 0.3


def hips_over(clip: Clip, stylizer: Stylizer, kept: str) -> tuple[Array, Array, list[Array]]:
    """Seconds, the height of the hips in the clip, and in several styles."""
    analysis = stylizer.analyse(as_rig(clip))
    c = analysis.correspondence
    before = role_position(analysis.clip, c, "hips")[:, 1]
    after = [
        role_position(stylizer.apply(analysis, style.mean, action=kept), c, "hips")[:, 1]
        for style in stylizer.styles[::4]
    ]
    return seconds_of(analysis.clip), before, after


@pytest.mark.parametrize("height_m", [0.25, 0.4, 0.6])
def test_the_body_stays_above_a_platform(released: Stylizer, height_m: float) -> None:
    sunk: dict[str, float] = {}
    for kept in ("keep", "free"):
        time, before, after = hips_over(onto_a_platform(height_m), released, kept)
        # how much lower the hips are than in the style on the floor
        lost = [
            (before - hips)[time > 2.6].mean() - (before - hips)[time < 1.3].mean()
            for hips in after
        ]
        sunk[kept] = max(lost)
    assert sunk["keep"] < 0.06
    assert sunk["free"] > 0.1


@pytest.mark.parametrize("height_m", [0.25, 0.5])
def test_a_jump_keeps_its_height_in_every_style(released: Stylizer, height_m: float) -> None:
    left: dict[str, float] = {}
    for kept in ("keep", "free"):
        time, _, after = hips_over(jumping(height_m), released, kept)
        stands = (time < 1.2) | (time > 2.8)
        left[kept] = min(
            (hips[abs(time - 2.0) < 0.1].max() - hips[stands].mean()) / height_m for hips in after
        )
    assert left["keep"] > 0.9
    assert left["free"] < 0.85


def test_level_ground_leaves_a_rise_as_it_is(released: Stylizer) -> None:
    """With no limb in doubt nothing is kept, and nothing changed by keeping it."""
    analysis = released.analyse(as_rig(walk(SECONDS).clip))
    assert analysis.survey.elevation.max() < 0.06
    known = replace(analysis, domain=replace(analysis.domain, reference_cm=None))
    code = released.style_of("tired")
    free, kept = (released.apply(known, code, action=mode) for mode in ("free", "keep"))
    lifts = [role_position(clip, analysis.correspondence, "hips")[:, 1] for clip in (free, kept)]
    np.testing.assert_allclose(*lifts, atol=1e-6)


def test_a_leg_that_bends_does_not_lift_the_ground() -> None:
    """A foot that is held up stands on nothing: the other one is on the floor."""
    clip = walk(SECONDS).clip
    above, slow = measure_contacts(clip)
    above, slow = above.copy(), slow.copy()
    above[:, :2] += 0.5
    slow[:, :2] = True
    ground = find_ground(above, slow, clip.frame_time_seconds)
    assert not ground.raised.any()
