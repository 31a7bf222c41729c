"""Hands give way to legs that locked feet have moved."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.body_shape import LEGS, depth_in_body, depth_in_legs
from kinestyle.motion.canonical import CANONICAL, HIPS, SIDES, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import WindowSize
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.hands import _hands_and_legs, hands_halo, hands_out_of_legs
from kinestyle.runtime import restyled
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import X, Z, as_rig, walk

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
make_actions = importlib.import_module("make_actions")

FRAMES = 60
BENT = slice(20, 40)
"""When a leg is in a hand."""
STYLED = {f"{side}_{part}": 1.0 for side in SIDES for part in ("hand", "clavicle")}


def standing(degrees: float, sides: tuple[str, ...] = ("left",), ahead: float = 15.0) -> Clip:
    """Somebody whose hands are ahead of the thighs, and whose thighs come up into them by so many
    degrees for some frames.
    """
    clip = walk(3.0).clip
    world = np.tile(rotation.IDENTITY, (FRAMES, CANONICAL.joint_count, 1))
    up = np.sin(np.pi * np.clip((np.arange(FRAMES) - BENT.start) / 20.0, 0.0, 1.0)) ** 2
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hang = rotation.exp(-sign * np.radians(100.0) * Z)
        forward = rotation.exp(-np.radians(ahead) * X)
        for bone in ("upper_arm", "forearm", "hand"):
            world[:, CANONICAL.index(f"{side}_{bone}")] = rotation.multiply(forward, hang)
        lift = rotation.exp(-np.radians(degrees) * (up * (side in sides))[:, None] * X)
        world[:, CANONICAL.index(f"{side}_thigh")] = lift
        knee = rotation.multiply(lift, rotation.exp(np.radians(10.0) * X))
        for bone in ("shin", "foot", "toe"):
            world[:, CANONICAL.index(f"{side}_{bone}")] = knee
    root = np.repeat(clip.world_position[:1, HIPS], FRAMES, axis=0)
    return canonical_clip(root, world, 1.0 / 30.0, "standing")


def on_rig(degrees: float, sides: tuple[str, ...] = ("left",)) -> Clip:
    return as_rig(standing(degrees, sides))


def depth(clip: Clip, c: Correspondence) -> Array:
    """(T, 2) metres, in legs."""
    canonical = to_canonical(clip, c)
    inside = depth_in_body(canonical.world_position, canonical.world_rotation)
    return np.asarray(inside[:, :, LEGS].max(axis=-1))


@pytest.fixture(scope="module")
def correspondence() -> Correspondence:
    return correspond(as_rig(walk(3.0).clip))


NO_HOLD = np.zeros(FRAMES)


def test_hands_and_legs_are_where_the_canonical_skeleton_has_them(
    correspondence: Correspondence,
) -> None:
    for clip in (on_rig(40.0), as_rig(walk(3.0).clip)):
        found = depth_in_legs(*_hands_and_legs(clip, correspondence))
        np.testing.assert_allclose(found, depth(clip, correspondence), atol=1e-9)


def test_a_hand_in_a_leg_comes_out_and_the_rest_stays(correspondence: Correspondence) -> None:
    c, before, after = correspondence, on_rig(0.0), on_rig(40.0)
    assert depth(before, c).max() < -0.02
    assert depth(after, c)[:, 0].max() > 0.03
    out = hands_out_of_legs(before, after, c, STYLED, NO_HOLD)
    assert depth(out, c).max() < 0.0
    arm = [c.mapping.joints[f"left_{part}"] for part in ("clavicle", "upper_arm", "forearm")]
    others = np.setdiff1d(np.arange(c.skeleton.joint_count), [*arm, c.mapping.joints["left_hand"]])
    np.testing.assert_array_equal(out.local_rotation[:, others], after.local_rotation[:, others])
    np.testing.assert_array_equal(out.local_position, after.local_position)
    hand = c.mapping.joints["left_hand"]
    apart = rotation.multiply(
        rotation.inverse(after.world_rotation[:, hand]), out.world_rotation[:, hand]
    )
    assert rotation.angle(apart).max() < 1e-6, "a hand keeps its own rotation"
    near = np.flatnonzero((depth(after, c) > -0.012).any(axis=1))
    far = np.ones(FRAMES, bool)
    far[near[0] - hands_halo(1.0 / 30.0) : near[-1] + hands_halo(1.0 / 30.0) + 1] = False
    assert far.any()
    np.testing.assert_array_equal(out.local_rotation[far], after.local_rotation[far])


def test_nothing_is_done_where_no_hand_is_at_a_leg(correspondence: Correspondence) -> None:
    c, before, after = correspondence, on_rig(0.0), on_rig(40.0)
    assert hands_out_of_legs(before, before, c, STYLED, NO_HOLD) is before
    assert hands_out_of_legs(before, after, c, {}, NO_HOLD) is after
    none = dict.fromkeys(STYLED, 0.0)
    assert hands_out_of_legs(before, after, c, none, NO_HOLD) is after


def test_a_hand_that_was_in_the_leg_stays(correspondence: Correspondence) -> None:
    c, after = correspondence, on_rig(40.0)
    out = hands_out_of_legs(after, after, c, STYLED, NO_HOLD)
    np.testing.assert_array_equal(out.local_rotation, after.local_rotation)


def test_hands_that_hold_one_thing_go_together(correspondence: Correspondence) -> None:
    c, before, after = correspondence, on_rig(0.0), on_rig(40.0)
    hands = [c.mapping.joints[f"{side}_hand"] for side in SIDES]
    between = np.diff(after.world_position[:, hands], axis=1)
    apart = [
        np.linalg.norm(
            np.diff(
                hands_out_of_legs(before, after, c, STYLED, hold).world_position[:, hands], axis=1
            )
            - between,
            axis=-1,
        ).max()
        * c.scale_to_canonical
        for hold in (NO_HOLD, NO_HOLD + 1.0)
    ]
    assert apart[0] > 0.03
    assert apart[1] < 0.2 * apart[0]


def test_a_piece_decides_as_the_whole_does(correspondence: Correspondence) -> None:
    c, before, after = correspondence, on_rig(0.0), on_rig(40.0)
    whole = hands_out_of_legs(before, after, c, STYLED, NO_HOLD)
    halo = hands_halo(1.0 / 30.0)
    for start in (0, 22, 30, 37):
        first, last = max(0, start - halo), min(FRAMES, start + 8 + halo)
        piece = hands_out_of_legs(
            before.window(first, last),
            after.window(first, last),
            c,
            STYLED,
            NO_HOLD[first:last],
        )
        np.testing.assert_allclose(
            piece.local_rotation[start - first : start - first + 8],
            whole.local_rotation[start : start + 8],
            atol=1e-12,
        )


def test_nothing_pops_where_a_leg_goes_through_a_hand(correspondence: Correspondence) -> None:
    """A thigh that comes from below and goes on above: first one side is nearer, then the other."""
    c, before, after = correspondence, on_rig(0.0), on_rig(60.0)
    out = hands_out_of_legs(before, after, c, STYLED, NO_HOLD)
    hand = c.mapping.joints["left_hand"]
    step = np.linalg.norm(np.diff(out.world_position[:, hand], axis=0), axis=-1)
    assert step.max() * c.scale_to_canonical < 0.07


@pytest.fixture(scope="module")
def picking_up(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    folder = tmp_path_factory.mktemp("actions")
    make_actions.write_actions(folder)
    return read_motion(folder / "pick_up.bvh")


def test_who_picks_something_up_does_not_reach_through_a_leg(
    picking_up: Clip, released: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis, code = released.analyse(picking_up), released.style_of("masculinity")
    c = analysis.correspondence
    kept, legs = (released.apply(analysis, code, parts=parts) for parts in ("all", "lower"))
    monkeypatch.setattr(restyled, "hands_out_of_legs", lambda _, after, *__: after)
    through = released.apply(analysis, code)
    was = np.maximum(depth(picking_up, c), 0.0)
    deeper = [(depth(clip, c) - was).max() for clip in (through, kept)]
    assert deeper[0] > 0.02
    assert deeper[1] < 0.001
    # arms that take no style have the clip's own numbers
    arms = [c.mapping.joints[role] for role in c.mapping.joints if role.endswith(("arm", "hand"))]
    np.testing.assert_array_equal(legs.local_rotation[:, arms], picking_up.local_rotation[:, arms])


def test_a_long_clip_in_windows_has_its_hands_out_too(
    picking_up: Clip, released: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forth = np.arange(picking_up.frame_count)
    clip = picking_up.sample(np.resize(np.concatenate([forth, forth[::-1]]), 6 * len(forth)))
    code = released.style_of("masculinity")

    def styled(size: WindowSize) -> Clip:
        of_size = Stylizer(released.bundle, size)
        return of_size.apply(of_size.analyse(clip, cycle="no"), code, cycle="no")

    whole = WindowSize(10**9, 1e9)
    results = [styled(size) for size in (whole, WindowSize(0, 0.0, 128))]
    monkeypatch.setattr(restyled, "hands_out_of_legs", lambda _, after, *__: after)
    through = styled(whole)
    assert turned_apart(results[0], through) > 0.05, "hands had to come out"
    assert turned_apart(*results) < 1.7e-4


def turned_apart(one: Clip, other: Clip) -> float:
    """Radians, at most."""
    turn = rotation.multiply(rotation.inverse(one.local_rotation), other.local_rotation)
    return float(rotation.angle(turn).max())
