"""Extremes of hands and feet, jumps, and hands in the body, where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.evaluate.events import (
    HANDS_AND_FEET,
    Event,
    Reach,
    curve_correlations,
    find_events,
    find_jumps,
    hands_in_body,
    jump_height,
    keeps_event,
    reach_of,
)
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_REST_HEIGHT_M
from kinestyle.retarget.correspondence import correspond, to_canonical
from made_rigs import as_rig, stand, walk

RIGHT_FOOT = HANDS_AND_FEET.index("right_foot")


def kick(height_m: float = 0.8, at: int = 40, frames: int = 90) -> Reach:
    """A right foot that rises to a height and goes as far to the front; nothing else moves."""
    position = np.zeros((frames, 4, 3))
    position[:, :2, 1] = 1.0
    bump = np.exp(-((np.arange(frames) - at) ** 2) / 50.0)
    position[:, RIGHT_FOOT, 1] = height_m * bump
    position[:, RIGHT_FOOT, 2] = height_m * bump
    return Reach(position, np.zeros((frames, 3)), 1.0 / 30.0)


def test_the_events_of_a_kick_are_those_of_its_foot() -> None:
    found = {(event.curve, event.highest): event for event in find_events(kick())}
    assert set(found) == {((0, 3), True), ((0, 3), False), ((1, 3), True)}
    assert found[(0, 3), True] == Event((0, 3), True, 40, pytest.approx(0.8))
    assert find_events(kick(0.29)) == []


@pytest.mark.parametrize(
    ("height_m", "at", "kept"),
    [
        (0.8, 40, True),
        (0.61, 40, True),  # a quarter of .8 m lower is just kept
        (0.59, 40, False),
        (1.01, 40, False),  # too high is not the same kick either
        (0.8, 46, True),  # .2 s later
        (0.8, 56, False),  # the frames within .2 s are far from the extreme
    ],
)
def test_an_event_is_kept_near_its_height_and_its_time(
    height_m: float, at: int, kept: bool
) -> None:
    event = next(e for e in find_events(kick()) if e.curve == (0, 3) and e.highest)
    assert keeps_event(event, kick(), kick(height_m, at)) is kept


def test_curves_that_stand_still_do_not_correlate() -> None:
    assert curve_correlations(kick(), kick()) == [pytest.approx(1.0)] * 2
    assert curve_correlations(kick(), kick(0.0)) == [0.0, 0.0]
    assert curve_correlations(kick(), kick(0.8, 80))[0] < 0.2
    assert curve_correlations(kick(0.1), kick()) == []


def test_what_a_rig_lacks_has_no_event() -> None:
    made = kick()
    lacking = replace(made, position=np.where(np.arange(4)[:, None] == 3, np.nan, made.position))
    assert find_events(lacking) == []
    assert curve_correlations(lacking, made) == []
    assert lacking.longest_step_m == 0.0


def test_reach_is_of_the_rigs_own_joints_in_metres() -> None:
    canonical = walk(2.0).clip
    rig = as_rig(canonical, metres_per_unit=0.01, up="Z")
    found = reach_of(rig, correspond(rig))
    expected = canonical.world_position[:, [CANONICAL.index(name) for name in HANDS_AND_FEET]]
    np.testing.assert_allclose(found.curves[0].T, expected[..., 1], atol=0.02)
    hips = canonical.world_position[:, :1]
    apart = np.linalg.norm((expected - hips)[..., [0, 2]], axis=-1)
    np.testing.assert_allclose(found.curves[1].T, apart, atol=1e-3)
    no_hands = as_rig(canonical, without=frozenset({"left_hand", "right_hand"}))
    lacking = reach_of(no_hands, correspond(no_hands))
    assert np.isnan(lacking.position[:, :2]).all()
    assert np.isfinite(lacking.position[:, 2:]).all()


def hop(height_m: float, climb_m: float = 0.0) -> tuple[Array, np.ndarray]:
    """Both feet leave the floor for frames 30 to 50 and land `climb_m` higher."""
    time = np.arange(90)
    flying = (time >= 30) & (time < 50)
    share = np.clip((time - 29) / 21.0, 0.0, 1.0)
    rise = climb_m * share + np.where(flying, height_m * np.sin(np.pi * share), 0.0)
    feet = np.zeros((90, 4, 3))
    feet[..., 1] = CONTACT_REST_HEIGHT_M + rise[:, None]
    return feet, np.tile(~flying[:, None], (1, 4))


def test_a_jump_is_measured_from_the_ground_below_it() -> None:
    feet, contact = hop(0.4)
    assert find_jumps(feet, contact, 1.0 / 30.0) == [slice(30, 50)]
    assert jump_height(feet, slice(30, 50)) == pytest.approx(0.4, abs=0.01)
    stairs, contact = hop(0.4, climb_m=0.3)
    assert jump_height(stairs, slice(30, 50)) == pytest.approx(0.4, abs=0.03)
    assert find_jumps(*hop(0.05, climb_m=0.3), 1.0 / 30.0) == []  # up a step is no jump
    in_the_air = np.zeros((90, 4), dtype=bool)
    assert find_jumps(feet, in_the_air, 1.0 / 30.0) == []


def with_hand_at(height: float) -> Clip:
    """Standing with the left arm turned about the shoulder, from hanging to across the chest."""
    clip = stand(10)
    world = clip.world_rotation.copy()
    for part in ("upper_arm", "forearm", "hand"):
        world[:, CANONICAL.index(f"left_{part}")] = rotation.exp(np.array([0.0, height, 0.0]))
    return canonical_clip(clip.world_position[:, 0], world, 1.0 / 30.0)


def test_a_hand_in_the_body_is_seen_and_one_beside_it_is_not() -> None:
    assert hands_in_body(stand(10)) == 0.0
    assert hands_in_body(with_hand_at(-0.5 * np.pi)) == 0.0  # straight ahead
    folded = with_hand_at(0.0)
    world = folded.world_rotation.copy()
    # the forearm folded back towards the shoulder ends behind it, in the trunk's line
    for part in ("forearm", "hand"):
        world[:, CANONICAL.index(f"left_{part}")] = rotation.exp(np.array([0.0, np.pi, 0.0]))
    world[5:, CANONICAL.index("left_forearm")] = rotation.IDENTITY
    world[5:, CANONICAL.index("left_hand")] = rotation.IDENTITY
    assert hands_in_body(canonical_clip(folded.world_position[:, 0], world, 1.0 / 30.0)) == 0.5


def test_events_survive_the_canonical_skeleton() -> None:
    rig = as_rig(walk(2.0).clip)
    c = correspond(rig)
    canonical = to_canonical(rig, c)
    again = reach_of(canonical, correspond(canonical))
    for event in find_events(reach_of(rig, c)):
        assert keeps_event(event, reach_of(rig, c), again)
