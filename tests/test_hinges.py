"""Elbows and knees are bent no further back than straight, or than the input's."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, canonical_clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.hinges import (
    HINGE,
    LOWER,
    OVERSTRETCH,
    UPPER,
    bent_back,
    without_overstretching,
)
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
