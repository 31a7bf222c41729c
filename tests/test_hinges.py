"""Elbows and knees bend one way only, or as the input's do; what fades does so steadily."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, canonical_clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.hinges import (
    ASIDE,
    END,
    HINGE,
    LOWER,
    OVERSTRETCH,
    STRAIGHT,
    UPPER,
    WRUNG,
    bent_back,
    between_bends,
    in_their_planes,
    unwrung,
    without_overstretching,
)
from kinestyle.runtime.limb_change import steady_limbs, without_flips
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk

FRAMES = 40


def flexed(limb: int, degrees: Array) -> Array:
    """(T, 21, 4) world rotations of the T-pose, turned as a whole, with one limb flexed."""
    world = np.tile(rotation.IDENTITY, (len(degrees), CANONICAL.joint_count, 1))
    turn = rotation.exp(np.radians(degrees)[:, None] * HINGE[limb])
    world[:, LOWER[limb]] = rotation.multiply(turn, world[:, LOWER[limb]])
    return rotation.multiply(rotation.exp(np.array([0.3, 1.0, -0.4])), world)


def change_between(before: Array, after: Array) -> Array:
    return rotation.multiply(after, rotation.inverse(before))


@pytest.mark.parametrize("limb", range(4))
def test_a_limb_that_a_style_opens_too_far_is_brought_back_to_straight(limb: int) -> None:
    was, wanted = np.full(FRAMES, 5.0), np.linspace(120.0, -30.0, FRAMES)
    before, after = flexed(limb, was), flexed(limb, wanted)
    np.testing.assert_allclose(np.degrees(bent_back(before)[:, limb]), -was, atol=1e-6)
    change = change_between(before, after)
    world = rotation.multiply(without_overstretching(before, change), before)
    back = bent_back(world)[:, limb]
    assert back.max() <= OVERSTRETCH + 1e-9
    flexing = wanted >= 0.0
    np.testing.assert_array_equal(world[flexing], rotation.multiply(change, before)[flexing])
    step = rotation.angle(
        rotation.multiply(rotation.inverse(world[:-1, LOWER[limb]]), world[1:, LOWER[limb]])
    )
    assert step.max() <= np.radians(150.0 / (FRAMES - 1)) + 1e-9, "no jump"
    np.testing.assert_array_equal(world[:, UPPER], rotation.multiply(change, before)[:, UPPER])


def test_a_rig_that_overstretches_may_do_so_as_far_as_it_did() -> None:
    before, after = flexed(0, np.full(FRAMES, -20.0)), flexed(0, np.full(FRAMES, -35.0))
    change = change_between(before, after)
    back = bent_back(rotation.multiply(without_overstretching(before, change), before))[:, 0]
    assert np.radians(20.0) < back.min() <= back.max() <= np.radians(20.0) + OVERSTRETCH + 1e-9
    same = change_between(before, before)
    np.testing.assert_array_equal(without_overstretching(before, same), same)


def test_a_limb_that_is_flexed_by_half_a_turn_is_not_bent_back() -> None:
    back = bent_back(flexed(2, np.array([175.0, 185.0])))
    assert (back[:, 2] < 0.0).all()


def bent_about(limb: int, degrees: Array, aside: Array) -> Array:
    """As `flexed`, about a hinge that is itself turned aside, by degrees, about the upper bone."""
    turned = rotation.exp(np.radians(aside)[:, None] * STRAIGHT[limb])
    hinge = rotation.rotate(turned, np.tile(HINGE[limb], (len(degrees), 1)))
    world = np.tile(rotation.IDENTITY, (len(degrees), CANONICAL.joint_count, 1))
    world[:, LOWER[limb]] = rotation.exp(np.radians(degrees)[:, None] * hinge)
    return rotation.multiply(rotation.exp(np.array([0.3, 1.0, -0.4])), world)


def aside_of(world: Array, limb: int) -> Array:
    """(T,) radians by which a limb bends out of its plane."""
    own = rotation.multiply(rotation.inverse(world[:, UPPER[limb]]), world[:, LOWER[limb]])
    return np.arcsin(np.abs(rotation.dot(rotation.rotate(own, STRAIGHT[limb]), HINGE[limb])))


@pytest.mark.parametrize("limb", range(4))
def test_a_limb_that_is_bent_aside_rolls_into_its_plane(limb: int) -> None:
    before = flexed(limb, np.full(FRAMES, 60.0))
    after = bent_about(limb, np.linspace(2.0, 110.0, FRAMES), np.linspace(-95.0, 70.0, FRAMES))
    change = change_between(before, after)
    world = rotation.multiply(in_their_planes(before, change), before)
    assert np.degrees(aside_of(after, limb).max()) > 60.0
    assert aside_of(world, limb).max() < ASIDE[1] + np.radians(4.0)
    # nothing but the upper bone rolls, about itself
    others = np.arange(CANONICAL.joint_count) != UPPER[limb]
    np.testing.assert_array_equal(world[:, others], rotation.multiply(change, before)[:, others])
    along = CANONICAL.offsets[LOWER[limb]]
    np.testing.assert_allclose(
        *(rotation.rotate(each[:, UPPER[limb]], along) for each in (world, after)), atol=1e-9
    )
    assert quickest_degrees(world[:, UPPER[limb]]) < 12.0


def test_a_limb_may_bend_as_far_aside_as_it_did() -> None:
    before = bent_about(0, np.full(FRAMES, 70.0), np.full(FRAMES, 25.0))
    same = change_between(before, before)
    np.testing.assert_array_equal(in_their_planes(before, same), same)
    further = change_between(before, bent_about(0, np.full(FRAMES, 70.0), np.full(FRAMES, 60.0)))
    world = rotation.multiply(in_their_planes(before, further), before)
    assert aside_of(before, 0).max() < aside_of(world, 0).max() < aside_of(before, 0).max() + 0.1


def test_a_limb_that_is_bent_straight_backwards_does_not_roll() -> None:
    before = flexed(0, np.full(FRAMES, 30.0))
    degrees = np.where(np.arange(FRAMES) % 2 == 0, 179.0, 181.0)
    change = change_between(before, bent_about(0, np.full(FRAMES, 40.0), degrees))
    np.testing.assert_array_equal(in_their_planes(before, change), change)


def wrung(limb: int, degrees: Array) -> Array:
    """As `flexed` by 40 degrees, the hand turned about the forearm."""
    world = flexed(limb, np.full(len(degrees), 40.0))
    turn = rotation.exp(np.radians(degrees)[:, None] * STRAIGHT[limb])
    world[:, END[limb]] = rotation.multiply(world[:, LOWER[limb]], turn)
    return world


@pytest.mark.parametrize("limb", range(2))
def test_a_hand_that_is_turned_far_turns_its_forearm(limb: int) -> None:
    before = wrung(limb, np.zeros(FRAMES))
    change = change_between(before, wrung(limb, np.linspace(-10.0, 100.0, FRAMES)))
    after = rotation.multiply(change, before)
    world = rotation.multiply(unwrung(before, change), before)
    hand = rotation.multiply(rotation.inverse(world[:, LOWER[limb]]), world[:, END[limb]])
    assert rotation.angle(hand).max() < WRUNG[1] + np.radians(4.0)
    others = np.arange(CANONICAL.joint_count) != LOWER[limb]
    np.testing.assert_array_equal(world[:, others], after[:, others])
    np.testing.assert_allclose(
        *(rotation.rotate(each[:, LOWER[limb]], STRAIGHT[limb]) for each in (world, after)),
        atol=1e-9,
    )
    little = change_between(before, wrung(limb, np.linspace(-15.0, 15.0, FRAMES)))
    np.testing.assert_array_equal(unwrung(before, little), little)
    same = change_between(after, after)
    np.testing.assert_array_equal(unwrung(after, same), same)


def test_what_several_reachings_add_up_to_is_steadied() -> None:
    change = np.tile(rotation.IDENTITY, (FRAMES, CANONICAL.joint_count, 1))
    turned = np.radians(np.where(np.arange(FRAMES) < 20, 0.0, 60.0))
    for joint in (UPPER[0], END[3], CANONICAL.index("head")):
        change[:, joint] = rotation.exp(turned[:, None] * HINGE[0])
    steady_limbs(change)
    assert quickest_degrees(change[:, [UPPER[0], END[3]]]) < 15.0
    assert quickest_degrees(change[:, CANONICAL.index("head")]) == pytest.approx(60.0)


def test_a_limb_that_leaps_in_the_input_is_left_as_it_was_there() -> None:
    leaping = np.where(np.arange(FRAMES) == 20, 150.0, 10.0)
    before = flexed(2, leaping)
    turned = np.tile(rotation.IDENTITY, (FRAMES, CANONICAL.joint_count, 1))
    turned[:] = rotation.exp(np.array([0.0, 0.5, 0.0]))
    faded = without_flips(before, turned, np.zeros((FRAMES, 4)), np.ones(FRAMES))
    left = rotation.angle(faded)
    assert left[20, [UPPER[2], LOWER[2]]].max() < 0.01
    np.testing.assert_allclose(left[0], 0.5, atol=0.01)
    assert quickest_degrees(faded[:, [UPPER[0], LOWER[3]]]) == pytest.approx(0.0, abs=1e-6)


def test_no_elbow_of_a_released_style_is_bent_back(released: Stylizer) -> None:
    clip = walk(3.0).clip
    straight = clip.world_rotation.copy()
    for limb in range(2):
        straight[:, LOWER[limb]] = straight[:, UPPER[limb]]
    clip = as_rig(canonical_clip(clip.world_position[:, HIPS], straight, clip.frame_time_seconds))
    analysis = released.analyse(clip)
    most = dict.fromkeys(("free", "keep"), 0.0)
    for style in released.styles[::4]:
        code = released.style_of(Cue.of(style.name))
        for action in most:
            result = released.apply(analysis, code, action=action)
            world = to_canonical(result, analysis.correspondence).world_rotation
            most[action] = max(most[action], bent_back(world)[:, :2].max())
    assert most["keep"] <= OVERSTRETCH + np.radians(0.5) < most["free"]


def quickest_degrees(turns: Array) -> float:
    """The largest step of (T, ..., 4) from one frame to the next."""
    steps = rotation.multiply(rotation.inverse(turns[:-1]), turns[1:])
    return float(np.degrees(rotation.angle(steps).max()))


def test_a_roll_that_goes_all_around_fades_without_a_jump() -> None:
    straight = STRAIGHT[0]
    bent = rotation.exp(np.tile(np.radians(40.0) * HINGE[0], (120, 1)))
    degrees = np.concatenate([np.linspace(0.0, 90.0, 80), np.linspace(97.0, 400.0, 40)])
    rolled = rotation.multiply(bent, rotation.exp(np.radians(degrees)[:, None] * straight))
    between = between_bends(bent, rolled, straight, np.full((120, 1), 0.3))
    assert quickest_degrees(rolled) > 7.0
    assert quickest_degrees(between) < 3.0
    np.testing.assert_allclose(
        rotation.angle(rotation.multiply(rotation.inverse(bent[0]), between[0])), 0.0, atol=1e-6
    )


def test_a_limb_that_fades_is_no_quicker_than_a_style_may_be() -> None:
    """A forearm that a style bends to the other side, about an axis that goes round meanwhile."""
    before = flexed(0, np.full(FRAMES, 50.0))
    axis = np.radians(np.linspace(150.0, 210.0, FRAMES))
    frame = before[:, UPPER[0]]
    about = np.cos(axis)[:, None] * HINGE[0] + np.sin(axis)[:, None] * np.array([0.0, 0.0, 1.0])
    after = before.copy()
    after[:, LOWER[0]] = rotation.multiply(frame, rotation.exp(np.radians(132.0) * about))
    suspicion = np.zeros((FRAMES, 4))
    suspicion[:, 0] = 0.5
    change = change_between(before, after)
    faded = without_flips(before, change, suspicion, np.ones(FRAMES))
    assert quickest_degrees(change[:, LOWER[0]]) < 5.0
    assert 1.0 < quickest_degrees(faded[:, LOWER[0]]) < 20.0
