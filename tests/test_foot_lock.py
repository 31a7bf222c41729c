"""Planted feet stay as the input's were, whatever was done to the body above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEG_LENGTH_M
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import segments
from kinestyle.retarget.changes import apply_change
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.retarget.features import heading
from kinestyle.retarget.foot_lock import FAR_M, lock_feet, locked_feet, stance_velocity
from kinestyle.retarget.footsteps import STEADY, STEADY_M_S
from made_rigs import AXES_TO_Y_UP, X, Y, Z, any_rotations, as_rig, rig_names, stand, walk

SIDES = ("Left", "Right")
FRAME_RATE = 60.0
WALK = walk(3.6, FRAME_RATE)
CONTACT = np.repeat(WALK.planted, 2, axis=1)
LEG_ROLES = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shin", "foot")
)


def disturbance(frames: int, size: float = 1.0) -> tuple[Array, Array]:
    """A change that sways hips and legs and moves the hips: without care, feet would slide, rise
    and sink.
    """
    time = np.arange(frames) / FRAME_RATE
    change = np.tile(rotation.IDENTITY, (frames, CANONICAL.joint_count, 1))
    for k, role in enumerate(("hips", *LEG_ROLES)):
        wave = np.stack(
            [
                np.sin(3.0 * time + k),
                0.6 * np.sin(2.0 * time + 2.0 * k),
                0.5 * np.cos(2.5 * time + k),
            ],
            axis=-1,
        )
        change[:, CANONICAL.index(role)] = rotation.exp(0.15 * size * wave)
    root = np.stack(
        [0.03 * np.sin(4.0 * time), 0.06 * np.sin(5.0 * time) + 0.02, 0.04 * np.cos(3.0 * time)],
        axis=-1,
    )
    return change, size * root


@dataclass(frozen=True, eq=False)
class Case:
    before: Clip
    disturbed: Clip
    after: Clip
    correspondence: Correspondence


def planted_case(
    canonical: Clip = WALK.clip, contact: np.ndarray = CONTACT, size: float = 1.0, **options: Any
) -> Case:
    before = as_rig(canonical, **options)
    found = correspond(before)
    disturbed = apply_change(before, found, *disturbance(before.frame_count, size))
    return Case(before, disturbed, lock_feet(before, disturbed, found, contact), found)


CASE = planted_case()


def place(clip: Clip, name: str) -> Array:
    """(T, 3) the world place of a joint."""
    return clip.world_position[:, clip.skeleton.index(name)]


def speed(clip: Clip, name: str) -> Array:
    """(T - 1,) how far a joint goes from each frame to the next, metres a second."""
    return np.linalg.norm(np.diff(place(clip, name), axis=0), axis=-1) * FRAME_RATE


def steps_within(planted: np.ndarray) -> np.ndarray:
    """(T - 1,) both the frame and the next are planted."""
    return planted[1:] & planted[:-1]


@pytest.mark.parametrize("side", SIDES)
def test_the_disturbance_disturbs(side: str) -> None:
    held = steps_within(WALK.planted[:, SIDES.index(side)])
    assert speed(CASE.disturbed, side + "Foot")[held].mean() > 0.1
    assert (
        np.abs(place(CASE.disturbed, side + "Foot") - place(CASE.before, side + "Foot"))[:, 1].max()
        > 0.03
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("part", ["Foot", "Toe"])
def test_a_planted_foot_stays(side: str, part: str) -> None:
    planted = WALK.planted[:, SIDES.index(side)]
    assert speed(CASE.after, side + part)[steps_within(planted)].max() < 0.002
    height = [place(clip, side + part)[planted, 1] for clip in (CASE.after, CASE.before)]
    np.testing.assert_allclose(*height, atol=1e-3)
    # flat feet stay flat
    joint = CASE.before.skeleton.index(side + part)
    up = rotation.rotate(CASE.after.world_rotation[planted, joint], Y)
    np.testing.assert_allclose(up, np.broadcast_to(Y, up.shape), atol=1e-3)


def sliding(factor: float) -> Clip:
    """The walk, while the floor is drawn away under it: planted feet slide at 0.15 to 0.3 m/s times
    the factor.
    """
    shift = WALK.clip.local_position.copy()
    time = np.arange(len(shift)) / FRAME_RATE
    shift[:, 0] += factor * np.stack(
        [0.05 * np.sin(5.0 * time), 0.01 * np.sin(7.0 * time), 0.15 * time], axis=-1
    )
    return WALK.clip.with_motion(shift, WALK.clip.local_rotation)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("factor", "size", "least", "most"),
    [
        (2.2, 1.0, 0.98, 1.02),  # faster than a drift: as the input's
        (1.0, 1.0, 0.95 - STEADY, 1.02),
        (0.4, 1.0, 0.95 - STEADY, 1.15 - STEADY),  # a drift, of which a part is taken away
        (0.4, 0.001, 0.98, 1.02),  # hardly changed: hardly another drift
    ],
)
def test_a_foot_that_slides_slides_as_much_or_less(
    side: str, factor: float, size: float, least: float, most: float
) -> None:
    case = planted_case(sliding(factor), size=size)
    held = steps_within(WALK.planted[:, SIDES.index(side)])
    for part in ("Foot", "Toe"):
        was, now = (speed(clip, side + part)[held] for clip in (case.before, case.after))
        assert was.min() > (2.0 * STEADY_M_S if factor > 2.0 else 0.01)
        assert (now <= most * was + 1e-3).all()
        assert (now >= least * was - 1e-3).all()


@pytest.mark.parametrize("side", SIDES)
def test_a_heel_that_rises_turns_about_the_toe(side: str) -> None:
    made = walk(3.6, FRAME_RATE, heel_rise=0.5)
    case = planted_case(made.clip, np.repeat(made.planted, 2, axis=1))
    held = steps_within(made.planted[:, SIDES.index(side)])
    assert speed(case.before, side + "Foot")[held].max() > 0.3
    assert speed(case.after, side + "Toe")[held].max() < 0.002
    was, now = (speed(clip, side + "Foot")[held] for clip in (case.before, case.after))
    np.testing.assert_allclose(now, was, rtol=0.02, atol=0.002)


def test_a_body_that_turned_keeps_the_feet_that_turned_with_it() -> None:
    before, turn = CASE.before, rotation.about_y(0.5)
    hips = place(before, "Hips")
    change = np.broadcast_to(turn, (before.frame_count, CANONICAL.joint_count, 4))
    turned = apply_change(before, CASE.correspondence, change, rotation.rotate(turn, hips) - hips)
    after = lock_feet(before, turned, CASE.correspondence, CONTACT)
    np.testing.assert_allclose(after.world_position, turned.world_position, atol=1e-6)
    np.testing.assert_allclose(
        after.world_position, rotation.rotate(turn, before.world_position), atol=1e-6
    )


@pytest.mark.parametrize("side", SIDES)
def test_contacts_as_found_do_as_well(side: str) -> None:
    contact = find_contacts(WALK.clip)
    case = planted_case(contact=contact)
    column = 2 * SIDES.index(side)
    held = steps_within(contact[:, column : column + 2].any(axis=1))
    was, now = (speed(clip, side + "Foot")[held] for clip in (case.before, case.after))
    assert (now <= 1.02 * was + 2e-3).all()


def test_legs_keep_their_bones_and_nothing_else_is_touched() -> None:
    before, disturbed, after = CASE.before, CASE.disturbed, CASE.after
    names = before.skeleton.names
    others = np.array([name != "Hips" for name in names])
    np.testing.assert_array_equal(after.local_position[:, others], before.local_position[:, others])
    upper = np.array([not name.endswith(("UpLeg", "Leg", "Foot", "Toe")) for name in names])
    np.testing.assert_array_equal(
        after.local_rotation[:, upper], disturbed.local_rotation[:, upper]
    )
    # the hips come down if anything, and never up or aside
    lowered = place(after, "Hips") - place(disturbed, "Hips")
    np.testing.assert_allclose(lowered[:, [0, 2]], 0.0, atol=1e-9)
    assert lowered[:, 1].max() < 1e-9
    assert -0.1 < lowered[:, 1].min() < -0.01


def knee_ahead(clip: Clip, side: str, front: Array) -> Array:
    """(T,) how far the knee lies before the line from hip to ankle."""
    hip, knee, ankle = (place(clip, side + part) for part in ("UpLeg", "Leg", "Foot"))
    line = rotation.normalize(ankle - hip)
    off = (knee - hip) - np.sum((knee - hip) * line, axis=-1, keepdims=True) * line
    return np.sum(off * front, axis=-1)


@pytest.mark.parametrize("side", SIDES)
def test_knees_bend_to_the_front(side: str) -> None:
    front = rotation.rotate(rotation.about_y(heading(WALK.clip)), Z)
    assert knee_ahead(CASE.before, side, front).min() > 0.02
    assert knee_ahead(CASE.after, side, front).min() > 0.0


def test_corrections_come_and_go_smoothly() -> None:
    for side in SIDES:
        off = place(CASE.after, side + "Foot") - place(CASE.disturbed, side + "Foot")
        planted = WALK.planted[:, SIDES.index(side)]
        edges = [edge for run in segments(planted) for edge in run if 0 < edge < len(planted) - 1]
        assert edges
        assert np.linalg.norm(off[edges], axis=-1).max() > 0.03  # it would show if it came at once
        assert np.linalg.norm(np.diff(off, axis=0), axis=-1).max() < 0.02
        # it goes on as it went, at the edges as everywhere
        assert np.linalg.norm(np.diff(off, n=2, axis=0), axis=-1).max() < 0.006
        for part in ("UpLeg", "Leg", "Foot", "Toe"):
            joint = CASE.after.skeleton.index(side + part)
            steps = [
                rotation.angle(rotation.multiply(rotation.inverse(world[:-1]), world[1:])).max()
                for world in (
                    clip.world_rotation[:, joint]
                    for clip in (CASE.before, CASE.disturbed, CASE.after)
                )
            ]
            assert steps[2] < 2.0 * max(steps[:2]) + np.radians(1.0)


@pytest.mark.parametrize("side", SIDES)
def test_a_foot_lands_and_leaves_as_it_did(side: str) -> None:
    planted = WALK.planted[:, SIDES.index(side)]
    steps = [
        step
        for start, stop in segments(planted)
        for step in (start - 2, start - 1, stop - 1, stop)
        if 0 <= step < len(planted) - 1
    ]
    was, now, loose = (
        speed(clip, side + "Foot")[steps] for clip in (CASE.before, CASE.after, CASE.disturbed)
    )
    assert np.abs(loose - was).max() > 0.2
    assert np.abs(now - was).max() < 0.06


def hurried() -> Clip:
    """The walk on a floor that is drawn away so fast that no foot is still."""
    shift = WALK.clip.local_position.copy()
    shift[:, 0, 0] += np.arange(len(shift)) / FRAME_RATE
    return WALK.clip.with_motion(shift, WALK.clip.local_rotation)


def test_far_from_a_step_nothing_is_corrected() -> None:
    contact = np.zeros_like(CONTACT)
    contact[:20, :2] = True
    before = as_rig(hurried())
    change, root = disturbance(before.frame_count)
    raised = apply_change(
        before, CASE.correspondence, change, root + 0.15 * Y
    )  # nothing sinks either
    after = lock_feet(before, raised, CASE.correspondence, contact)
    np.testing.assert_allclose(after.local_rotation[60:], raised.local_rotation[60:], atol=1e-9)
    assert np.abs(after.local_rotation[:20] - raised.local_rotation[:20]).max() > 0.01


def test_nothing_planted_changes_nothing() -> None:
    case = planted_case(hurried(), contact=np.zeros_like(CONTACT))
    np.testing.assert_array_equal(case.after.local_rotation, case.disturbed.local_rotation)
    np.testing.assert_array_equal(case.after.local_position, case.disturbed.local_position)


def test_a_foot_that_is_still_is_held_without_contact() -> None:
    case = planted_case(contact=np.zeros_like(CONTACT))
    for column, side in enumerate(SIDES):
        well_within = np.convolve(WALK.planted[:, column], np.ones(9), mode="same") == 9
        assert speed(case.after, side + "Foot")[steps_within(well_within)].max() < 0.02


@pytest.mark.parametrize("lowered_m", [0.05, 0.12])
def test_no_foot_sinks_into_the_floor(lowered_m: float) -> None:
    before = CASE.before
    contact = CONTACT.copy()
    contact[:, 2:] = False  # the right foot only passes over the floor
    change, root = disturbance(before.frame_count)
    lower = apply_change(before, CASE.correspondence, change, root - lowered_m * Y)
    after = lock_feet(before, lower, CASE.correspondence, contact)
    for part in ("RightFoot", "RightToe"):
        floor = np.minimum(place(before, part)[:, 1], np.percentile(place(before, part)[:, 1], 5.0))
        assert (place(lower, part)[:, 1] - floor).min() < -0.02
        assert (place(after, part)[:, 1] - floor).min() > -0.005


def test_a_first_frame_from_elsewhere_does_not_pull_a_leg_along() -> None:
    """A file that begins with a frame of a rest pose at the origin jumps to its motion."""
    start = WALK.clip.local_position.copy()
    start[0, 0] += [3.0, 0.0, -2.0]
    contact = CONTACT.copy()
    contact[:2] = False
    case = planted_case(WALK.clip.with_motion(start, WALK.clip.local_rotation), contact=contact)
    for side in SIDES:
        off = np.linalg.norm(
            place(case.after, side + "Foot") - place(case.disturbed, side + "Foot"), axis=-1
        )
        assert off[0] < off[1:40].max() + FAR_M


def test_no_change_stays_none() -> None:
    before, found = CASE.before, CASE.correspondence
    after = lock_feet(before, before, found, CONTACT)
    np.testing.assert_allclose(after.world_position, before.world_position, atol=1e-6)
    assert (
        rotation.angle(
            rotation.multiply(rotation.inverse(before.world_rotation), after.world_rotation)
        ).max()
        < 1e-4
    )


OTHERS: dict[str, dict[str, Any]] = {
    "Z up, centimetres": {"up": "Z", "metres_per_unit": 0.01},
    "any axes": {"own": any_rotations(5, len(rig_names()))},
    "a moving joint above the hips, Z up, inches": {
        "moving_root": True,
        "up": "Z",
        "metres_per_unit": 0.0254,
    },
}


@pytest.mark.parametrize("rig", OTHERS)
def test_units_and_axes_do_not_matter(rig: str) -> None:
    options = OTHERS[rig]
    case = planted_case(**options)
    to_y_up, metres = AXES_TO_Y_UP[options.get("up", "Y")], options.get("metres_per_unit", 1.0)
    for name in CASE.after.skeleton.names:
        found = rotation.rotate(to_y_up, place(case.after, name)) * metres
        np.testing.assert_allclose(found, place(CASE.after, name), atol=1e-6, err_msg=name)


def test_a_rig_without_toes() -> None:
    case = planted_case(without=frozenset({"left_toe", "right_toe"}))
    for column, side in enumerate(SIDES):
        held = steps_within(WALK.planted[:, column])
        assert speed(case.after, side + "Foot")[held].max() < 0.002


def standing(knee_radians: float | Array) -> Clip:
    """Somebody who stands with knees bent by so much, (60,) or all the time; less than nothing is
    overstretched.
    """
    clip = stand(60, FRAME_RATE)
    bent = np.broadcast_to(knee_radians, 60)
    local = clip.local_rotation.copy()
    for side in ("left", "right"):
        for part, share in (("thigh", -0.5), ("shin", 1.0), ("foot", -0.5)):
            local[:, CANONICAL.index(f"{side}_{part}")] = rotation.exp(share * bent[:, None] * X)
    lower = clip.local_position.copy()
    lower[:, 0, 1] -= LEG_LENGTH_M * (1.0 - np.cos(0.5 * bent))
    return as_rig(clip.with_motion(lower, local))


def bones(clip: Clip) -> Array:
    """(T, 4, 3) the directions of thighs and shins."""
    ends = [("UpLeg", "Leg"), ("Leg", "Foot")]
    return rotation.normalize(
        np.stack(
            [place(clip, side + b) - place(clip, side + a) for side in SIDES for a, b in ends],
            axis=1,
        )
    )


def turns(clip: Clip) -> Array:
    """(T - 1, 4) radians by which thighs and shins turn from each frame to the next."""
    bone = bones(clip)
    return rotation.angle(rotation.between(bone[:-1], bone[1:]))


def test_a_deep_squat_in_which_a_thigh_rolls_over_in_the_data() -> None:
    """Some solvers let the thigh jump by half a turn about itself and the knee bend the other way
    for it: no bone moves.
    """
    clip = standing(np.radians(140.0 + 18.0 * np.sin(np.arange(60) / 10.0)))
    rolled = clip.local_rotation.copy()
    half_turn = rotation.exp(np.pi * Y)
    for side in SIDES:
        thigh, shin = (clip.skeleton.index(side + part) for part in ("UpLeg", "Leg"))
        rolled[15:, thigh] = rotation.multiply(rolled[15:, thigh], half_turn)
        rolled[15:, shin] = rotation.multiply(rotation.inverse(half_turn), rolled[15:, shin])
    before = clip.with_motion(clip.local_position, rolled)
    np.testing.assert_allclose(bones(before), bones(clip), atol=1e-9)
    disturbed = apply_change(before, CASE.correspondence, *disturbance(60))
    after = lock_feet(before, disturbed, CASE.correspondence, np.ones((60, 4), dtype=bool))
    assert turns(after).max() < turns(before).max() + np.radians(2.0)


@pytest.mark.parametrize("size", [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("knee_radians", [-0.08, -0.03, 0.0, 0.03])
def test_knees_near_straight_do_not_snap(knee_radians: float, size: float) -> None:
    """Also while a slider passes from no change, which keeps overstretched knees, to one that bends
    them to the front.
    """
    clip = standing(knee_radians + 0.01 * np.sin(np.arange(60) / 4.0))
    disturbed = apply_change(clip, CASE.correspondence, *disturbance(60, size))
    after = lock_feet(clip, disturbed, CASE.correspondence, np.ones((60, 4), dtype=bool))
    assert turns(after).max() < np.radians(2.5)
    # and no foot misses its place by more than a hair for it
    for side in SIDES:
        assert (
            np.abs(place(after, side + "Foot")[:, 1] - place(clip, side + "Foot")[:, 1]).max()
            < 4e-3
        )


@pytest.mark.parametrize(
    ("knee_radians", "lift_m"),
    [
        (0.0, 0.05),
        (0.0, 0.0),
        (0.02, -0.05),
        (0.0, 0.2),
        (0.0, -0.05),
        (-0.01, -0.05),
        (-0.1, -0.05),
    ],
)
@pytest.mark.parametrize("yaw", [0.0, 0.3])
def test_straight_legs(knee_radians: float, lift_m: float, yaw: float) -> None:
    clip, found = (
        standing(knee_radians),
        CASE.correspondence,
    )  # the same rig, where its knees were seen to bend
    change = np.tile(rotation.about_y(yaw), (60, CANONICAL.joint_count, 1))
    raised = apply_change(clip, found, change, np.tile(lift_m * Y, (60, 1)))
    after = lock_feet(clip, raised, found, np.ones((60, 4), dtype=bool))
    assert np.isfinite(after.local_rotation).all()
    assert np.isfinite(after.local_position).all()
    front = np.broadcast_to(rotation.rotate(rotation.about_y(yaw), Z), (60, 3))
    for side in SIDES:
        np.testing.assert_allclose(
            place(after, side + "Foot")[:, 1], place(clip, side + "Foot")[:, 1], atol=2e-3
        )
        assert knee_ahead(after, side, front).min() > (0.05 if lift_m < 0 else -1e-3)


@pytest.mark.parametrize("knee_radians", [0.15, 0.25, 0.5])
def test_legs_are_as_straight_as_in_the_style(knee_radians: float) -> None:
    """Legs of the input are bent further, and the body is on its feet in both."""
    clip, styled = standing(0.7 * np.ones(60)), standing(knee_radians * np.ones(60))
    after = lock_feet(clip, styled, CASE.correspondence, np.ones((60, 4), dtype=bool))
    for side in SIDES:
        wanted, found = (knee_flexion(one, side) for one in (styled, after))
        np.testing.assert_allclose(found, wanted, atol=np.radians(4.0))


def knee_flexion(clip: Clip, side: str) -> Array:
    """(T,) radians."""
    hip, knee, ankle = (place(clip, side + part) for part in ("UpLeg", "Leg", "Foot"))
    thigh, shin = rotation.normalize(knee - hip), rotation.normalize(ankle - knee)
    return np.asarray(np.arccos(np.clip(rotation.dot(thigh, shin), -1.0, 1.0)))


def test_a_single_frame() -> None:
    before = CASE.before.with_motion(CASE.before.local_position[:1], CASE.before.local_rotation[:1])
    raised = CASE.disturbed.with_motion(
        CASE.disturbed.local_position[:1], CASE.disturbed.local_rotation[:1]
    )
    after = lock_feet(before, raised, CASE.correspondence, np.ones((1, 4), dtype=bool))
    np.testing.assert_allclose(
        place(after, "LeftToe")[:, 1], place(before, "LeftToe")[:, 1], atol=1e-3
    )


@pytest.mark.parametrize("rig", OTHERS)
def test_stance_velocity_is_what_keeps_the_feet(rig: str) -> None:
    case = planted_case(hurried(), **OTHERS[rig])
    frames = case.before.frame_count
    c = case.correspondence
    one_foot = CONTACT.copy()
    one_foot[:, 2:] = False
    turned = apply_change(case.before, c, disturbance(frames)[0], np.zeros((frames, 3)))
    velocity, known = stance_velocity(case.before, turned, c, locked_feet(case.before, c, one_foot))
    held = steps_within(WALK.planted[:, 0])
    np.testing.assert_array_equal(known[:-1], held)
    np.testing.assert_array_equal(velocity[:, 1], 0.0)
    np.testing.assert_array_equal(velocity[~known.astype(bool)], 0.0)
    travel = np.cumsum(velocity, axis=0) - velocity
    moved = apply_change(case.before, c, disturbance(frames)[0], travel)
    toe = (
        rotation.rotate(c.axes, place(moved, "LeftToe") - place(case.before, "LeftToe"))
        * c.scale_to_canonical
    )
    step = np.linalg.norm(np.diff(toe, axis=0)[held][:, [0, 2]], axis=-1)
    assert step.max() < 1e-9


def test_stance_velocity_of_no_change_is_none() -> None:
    locked = locked_feet(CASE.before, CASE.correspondence, CONTACT)
    velocity, known = stance_velocity(CASE.before, CASE.before, CASE.correspondence, locked)
    np.testing.assert_array_equal(velocity, 0.0)
    assert known.max() == 1.0
