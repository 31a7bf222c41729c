"""Measures on motion whose answer is known: feet, jerk, path, rotations, limits, distances between
motions and between sets.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kinestyle.evaluate.measures import (
    FLIP_RADIANS,
    REST_BONE,
    SWING_LIMIT_DEGREES,
    bent_aside,
    beyond_limits,
    bone_flips,
    floor_error,
    geodesic,
    jerk,
    overextended,
    path_error,
    planted_speed,
    skating_ratio,
    twists,
)
from kinestyle.evaluate.statistics import (
    estimate,
    frechet_distance,
    mean_pairwise_distance,
    over_repeats,
    student_t,
)
from kinestyle.evaluate.trivial import MOST_SCALING, joint_statistics, transfer_statistics
from kinestyle.evaluate.truth import Cell, Take, body_positions, nearest, warped_distances
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_JOINTS
from kinestyle.retarget.features import clip_to_features, heading
from made_rigs import stand, turned, walk


def stiff(root: Array, frame_rate: float = 30.0) -> Clip:
    """root: (T, 3) metres -> the T-pose carried along it, so that every joint moves as the
    root does.
    """
    world = np.tile(rotation.IDENTITY, (len(root), CANONICAL.joint_count, 1))
    return canonical_clip(root, world, 1.0 / frame_rate)


def trajectory(frames: int, frame_rate: float, x: Any = 0.0, y: Any = 0.0, z: Any = 0.0) -> Array:
    return np.stack(np.broadcast_arrays(x, y, z, np.arange(frames) / frame_rate), axis=-1)[:, :3]


# ---------------------------------------------------------------- measures


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 120.0])
def test_the_speed_of_a_foot_that_slides(frame_rate: float) -> None:
    time = np.arange(30) / frame_rate
    # 0.5 m/s along the floor; up and down is no sliding
    clip = stiff(
        trajectory(30, frame_rate, x=0.3 * time, y=1.0 + np.sin(9.0 * time), z=-0.4 * time),
        frame_rate,
    )
    speed = planted_speed(clip, np.ones((30, 4), dtype=bool))
    assert speed.shape == (29 * 4,)
    np.testing.assert_allclose(speed, 0.5)


def test_only_planted_frames_count() -> None:
    time = np.arange(20) / 30.0
    clip = stiff(trajectory(20, 30.0, x=np.where(time < time[10], 0.0, 2.0 * (time - time[10]))))
    contact = np.zeros((20, 4), dtype=bool)
    assert len(planted_speed(clip, contact)) == 0
    contact[:11, 2] = True
    np.testing.assert_allclose(planted_speed(clip, contact), np.zeros(10), atol=1e-12)
    contact[:, 2] = False
    contact[12:15, 0] = True
    contact[17, 1] = True  # one frame alone shows no speed
    np.testing.assert_allclose(planted_speed(clip, contact), [2.0, 2.0])


def test_each_contact_is_of_its_own_joint() -> None:
    # the left ankle turns about the hip, the right leg stands
    frames = 16
    world = np.tile(rotation.IDENTITY, (frames, CANONICAL.joint_count, 1))
    swing = rotation.exp(np.linspace(-0.01, 0.01, frames)[:, None] * np.array([1.0, 0.0, 0.0]))
    for name in ("left_thigh", "left_shin", "left_foot", "left_toe"):
        world[:, CANONICAL.index(name)] = swing
    clip = canonical_clip(np.tile([0.0, 0.9, 0.0], (frames, 1)), world, 1.0 / 30.0)
    leg = np.linalg.norm(
        CANONICAL.offsets[[CANONICAL.index("left_shin"), CANONICAL.index("left_foot")]], axis=-1
    ).sum()
    for column, joint in enumerate(CONTACT_JOINTS):
        contact = np.zeros((frames, 4), dtype=bool)
        contact[:, column] = True
        speed = planted_speed(clip, contact)
        if CANONICAL.names[joint] == "left_foot":
            np.testing.assert_allclose(speed, leg * 0.02 / 15 * 30, rtol=1e-3)
        elif CANONICAL.names[joint].startswith("right"):
            np.testing.assert_allclose(speed, 0.0, atol=1e-12)


@pytest.mark.parametrize("frame_rate", [30.0, 60.0])
def test_the_jerk_of_a_cubic(frame_rate: float) -> None:
    time = np.arange(40) / frame_rate
    cubic = stiff(
        trajectory(
            40, frame_rate, x=2.0 * time**3, y=1.0 - 3.0 * time**3 + time**2, z=6.0 * time**3 - time
        ),
        frame_rate,
    )
    assert jerk(cubic) == pytest.approx(6.0 * 7.0)
    square = stiff(trajectory(40, frame_rate, x=5.0 * time**2, y=1.0 + time), frame_rate)
    assert jerk(square) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_too_few_frames_have_no_jerk_and_one_has_no_speed(frames: int) -> None:
    assert jerk(stand(frames)) == 0.0
    assert len(planted_speed(stand(frames), np.ones((frames, 4), dtype=bool))) == 4 * (frames - 1)


def test_the_floor_error_is_how_far_the_lower_foot_is_off() -> None:
    reference = walk().clip
    for lift in (0.07, -0.02):
        assert floor_error(
            turned(reference, 0.0, np.array([0.0, lift, 0.0])), reference
        ) == pytest.approx(abs(lift))
    assert floor_error(
        turned(reference, 1.0, np.array([3.0, 0.0, 0.0])), reference
    ) == pytest.approx(0.0, abs=1e-9)
    half = reference.local_position.copy()
    half[: len(half) // 2, 0, 1] += 0.1
    share = (len(half) // 2) / len(half)
    assert floor_error(
        reference.with_motion(half, reference.local_rotation), reference
    ) == pytest.approx(0.1 * share)
    # a foot that is lifted is not the lower one
    world = np.tile(rotation.IDENTITY, (9, CANONICAL.joint_count, 1))
    for name in ("left_thigh", "left_shin", "left_foot", "left_toe"):
        world[:, CANONICAL.index(name)] = rotation.exp(np.array([-0.9, 0.0, 0.0]))
    on_one_leg = canonical_clip(np.tile(CANONICAL.offsets[0], (9, 1)), world, 1.0 / 30.0)
    assert floor_error(on_one_leg, stand(9)) == pytest.approx(0.0, abs=1e-9)


def test_a_path_is_compared_over_the_ground_only() -> None:
    time = np.arange(31) / 30.0
    straight = stiff(trajectory(31, 30.0, z=2.0 * time, y=1.0))
    aside = stiff(trajectory(31, 30.0, x=0.3, z=2.0 * time, y=1.0 + np.sin(time)))
    assert path_error(aside, straight) == pytest.approx((0.3, 2.0))
    slower = stiff(trajectory(31, 30.0, z=1.5 * time, y=1.0))
    assert path_error(slower, straight) == pytest.approx((0.25, 2.0))


def bent(
    joint: str, axis: tuple[float, float, float], degrees: Array | float, frames: int = 20
) -> Clip:
    """The T-pose with one joint turned relative to its parent."""
    clip = stand(frames)
    local = clip.local_rotation.copy()
    angle = np.broadcast_to(np.radians(degrees), (frames,))
    local[:, CANONICAL.index(joint)] = rotation.exp(angle[:, None] * np.array(axis))
    return clip.with_motion(clip.local_position, local)


def test_geodesic_is_the_mean_angle_of_world_rotations() -> None:
    still, waving = (
        clip_to_features(clip) for clip in (stand(20), bent("left_forearm", (0.0, 1.0, 0.0), -30.0))
    )
    # forearm and hand turn, 19 joints do not
    assert geodesic(waving, still) == pytest.approx(math.radians(30.0) * 2 / 21)
    assert geodesic(still, still) == pytest.approx(0.0, abs=1e-6)
    elsewhere = clip_to_features(turned(walk().clip, 1.0, np.array([3.0, 0.0, -1.0])))
    assert geodesic(elsewhere, clip_to_features(walk().clip)) == pytest.approx(0.0, abs=1e-6)


def test_each_rest_bone_points_along_its_limb() -> None:
    assert np.linalg.norm(REST_BONE, axis=-1) == pytest.approx(np.ones(21))
    wanted = {
        "hips": (0, 1, 0),
        "chest": (0, 1, 0),
        "head": (0, 1, 0),
        "left_upper_arm": (1, 0, 0),
        "right_hand": (-1, 0, 0),
    }
    for name, direction in {
        **wanted,
        "left_shin": (0, -1, 0),
        "left_toe": (0, 0, 1),
        "left_clavicle": (1, 0, 0),
    }.items():
        np.testing.assert_allclose(REST_BONE[CANONICAL.index(name)], direction, atol=1e-9)


def test_a_flip_is_what_turns_much_more_than_the_input_in_one_frame() -> None:
    jump = np.where(np.arange(20) == 9, 60.0, 0.0)
    flipped = bent("left_forearm", (0.0, 1.0, 0.0), -jump)
    # there and back, forearm and hand
    assert bone_flips(flipped, stand(20)) == 4
    assert bone_flips(flipped, flipped) == 0
    assert bone_flips(stand(20), flipped) == 0
    below = 0.9 * np.degrees(FLIP_RADIANS)
    assert (
        bone_flips(
            bent("left_forearm", (0.0, 1.0, 0.0), np.where(np.arange(20) == 9, -below, 0.0)),
            stand(20),
        )
        == 0
    )
    # a twist about the bone turns no direction
    assert bone_flips(bent("left_forearm", (1.0, 0.0, 0.0), jump), stand(20)) == 0


@pytest.mark.parametrize(
    ("joint", "axis", "fine", "beyond"),
    [
        ("left_shin", (1.0, 0.0, 0.0), 90.0, -20.0),
        ("right_shin", (1.0, 0.0, 0.0), 150.0, 165.0),
        ("left_forearm", (0.0, 1.0, 0.0), -130.0, 15.0),
        ("right_forearm", (0.0, 1.0, 0.0), 130.0, -15.0),
        ("left_shin", (0.0, 0.0, 1.0), 6.0, 20.0),
        ("right_forearm", (0.0, 0.0, 1.0), -6.0, -20.0),
        ("right_forearm", (1.0, 0.0, 0.0), 80.0, None),
        ("head", (1.0, 0.0, 0.0), 40.0, SWING_LIMIT_DEGREES["head"] + 5.0),
        ("right_thigh", (0.0, 0.0, 1.0), 100.0, SWING_LIMIT_DEGREES["thigh"] + 5.0),
    ],
)
def test_limits_of_joints(
    joint: str, axis: tuple[float, float, float], fine: float, beyond: float | None
) -> None:
    assert beyond_limits(bent(joint, axis, fine)) == 0.0
    if beyond is not None:
        half = np.where(np.arange(20) < 10, beyond, 0.0)
        assert beyond_limits(bent(joint, axis, half)) == pytest.approx(0.5 / 20)


@pytest.mark.parametrize(
    ("joint", "axis", "back"),
    [
        ("left_shin", (1.0, 0.0, 0.0), -20.0),
        ("right_forearm", (0.0, 1.0, 0.0), -15.0),
        ("left_forearm", (0.0, 1.0, 0.0), 15.0),
    ],
)
def test_a_hinge_bends_back_where_the_inputs_does_not(
    joint: str, axis: tuple[float, float, float], back: float
) -> None:
    half = bent(joint, axis, np.where(np.arange(20) < 10, back, 0.0))
    assert overextended(half, stand(20)) == pytest.approx(0.5)
    assert overextended(half, half) == 0.0
    assert overextended(bent(joint, axis, -8.0 * back), stand(20)) == 0.0  # fully flexed
    assert overextended(bent(joint, axis, 0.2 * back), stand(20)) == 0.0


@pytest.mark.parametrize("joint", ["left_forearm", "right_shin"])
def test_a_hinge_is_bent_aside_where_the_inputs_is_not(joint: str) -> None:
    half = bent(joint, (0.0, 0.0, 1.0), np.where(np.arange(20) < 10, 20.0, 0.0))
    assert bent_aside(half, stand(20)) == pytest.approx(0.5)
    assert bent_aside(half, half) == 0.0
    assert bent_aside(bent(joint, (0.0, 0.0, 1.0), 8.0), stand(20)) == 0.0


@pytest.mark.parametrize("rate", [30.0, 120.0])
def test_a_forearm_that_turns_about_itself_is_seen(rate: float) -> None:
    still = replace(stand(40), frame_time_seconds=1.0 / rate)
    turning = np.where(np.arange(40) < 20, 0.0, 90.0)
    over = bent("left_forearm", (1.0, 0.0, 0.0), turning, 40)
    over = replace(over, frame_time_seconds=1.0 / rate)
    assert bone_flips(over, still) == 0, "its direction stays"
    assert twists(over, still) == rate / 30.0
    assert twists(over, over) == twists(still, over) == 0


def test_a_foot_skates_where_it_is_low_and_quick() -> None:
    at_rest = stand(20).world_position[:, CONTACT_JOINTS]
    assert skating_ratio(at_rest, 0.05) == 0.0
    frame = np.arange(20.0)

    def moved(metres_a_frame: float, height: float) -> Array:
        left = at_rest.copy()
        left[:, 0, 0] += metres_a_frame * np.minimum(frame, 10)  # half of the time
        left[:, 0, 1] += height
        return left

    assert skating_ratio(moved(0.03, 0.0), 0.05) == pytest.approx(10 / 19)
    assert skating_ratio(moved(0.02, 0.0), 0.05) == 0.0
    assert skating_ratio(moved(0.03, 0.06), 0.05) == 0.0
    assert skating_ratio(at_rest[:1], 0.05) == 0.0


def test_a_walk_is_within_limits() -> None:
    assert beyond_limits(walk().clip) == 0.0


# ---------------------------------------------------------------- distance to the truth


def plainly_warped(a: Array, b: Array) -> float:
    """The same by the book, cell after cell."""
    cost = np.linalg.norm(a[:, None] - b[None], axis=-1).mean(axis=-1)
    best = {(-1, -1): (0.0, 0)}
    for i in range(len(a)):
        for j in range(len(b)):
            before = [best[p] for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p in best]
            total, steps = min(before, key=lambda found: found[0])
            best[i, j] = total + cost[i, j], steps + 1
        best.pop((-1, -1), None)
    total, steps = best[len(a) - 1, len(b) - 1]
    return total / steps


def test_warping_many_at_once_is_warping_each_by_the_book() -> None:
    random = np.random.default_rng(0)
    motions = [
        np.cumsum(random.normal(size=(frames, 21, 3)), axis=0).astype(np.float32)
        for frames in (23, 30, 1, 17, 23, 60, 2)
    ]
    for motion in (motions[0], motions[2], motions[5]):
        wanted = [plainly_warped(motion.astype(float), other.astype(float)) for other in motions]
        np.testing.assert_allclose(
            warped_distances(motion, motions), wanted, rtol=1e-4, atol=1e-3
        )  # float32


def test_a_motion_in_another_time_place_and_direction_is_the_same_motion() -> None:
    motion = body_positions(clip_to_features(walk(3.0).clip))
    moved = body_positions(
        clip_to_features(turned(walk(3.0).clip, 1.0, np.array([3.0, 0.0, -1.0])))
    )
    slow = body_positions(
        clip_to_features(replace(resample(walk(3.0).clip, 60.0), frame_time_seconds=1.0 / 30.0))
    )
    still = body_positions(clip_to_features(stand(60)))
    same, slower, other = warped_distances(motion, [moved, slow, still])
    assert same == pytest.approx(0.0, abs=2e-3)
    assert slower < 0.01 < 0.1 < other


def test_a_shift_of_all_joints_is_its_own_distance() -> None:
    motion = body_positions(clip_to_features(walk().clip))
    assert warped_distances(motion, [motion + np.float32([0.0, 0.05, 0.0])])[0] == pytest.approx(
        0.05, rel=0.1
    )


def test_the_nearest_take_and_the_floor_of_a_cell() -> None:
    base = np.zeros((10, 21, 3), dtype=np.float32)
    cell = Cell(
        tuple(
            Take(name, base + np.float32([x, 0.0, 0.0]))
            for name, x in (("a", 0.0), ("b", 0.1), ("c", 0.4))
        )
    )
    distances = cell.distances(base + np.float32([-0.1, 0.0, 0.0]))
    assert distances == pytest.approx({"a": 0.1, "b": 0.2, "c": 0.5}, abs=1e-4)
    assert nearest(distances, ()) == pytest.approx(0.1, abs=1e-4)
    assert nearest(distances, {"a", "elsewhere"}) == pytest.approx(0.2, abs=1e-4)
    assert math.isnan(nearest(distances, distances))
    assert cell.floor == pytest.approx((0.1 + 0.1 + 0.3) / 3, abs=1e-3)
    assert math.isnan(Cell(cell.takes[:1]).floor)


# ---------------------------------------------------------------- trivial transfer


def test_a_clip_with_its_own_statistics_is_itself() -> None:
    clip = turned(walk().clip, 0.7, np.array([1.0, 0.0, 2.0]))
    same = transfer_statistics(clip, joint_statistics(clip))
    np.testing.assert_allclose(same.world_position, clip.world_position, atol=1e-6)


def test_statistics_are_transferred_and_the_trajectory_is_kept() -> None:
    clip, reference = (
        walk(3.0, start_heading=0.4).clip,
        bent("left_upper_arm", (0.0, 0.0, 1.0), np.linspace(-80.0, -40.0, 20)),
    )
    made = transfer_statistics(clip, joint_statistics(reference))
    wanted, found = joint_statistics(reference), joint_statistics(made)
    apart = rotation.angle(rotation.multiply(rotation.inverse(found.mean), wanted.mean))
    assert apart[CANONICAL.index("left_upper_arm")] < 0.05
    assert found.height_mean == pytest.approx(wanted.height_mean)
    np.testing.assert_allclose(
        made.world_position[:, 0, [0, 2]], clip.world_position[:, 0, [0, 2]], atol=1e-9
    )
    # the swings keep their course, in another size
    joint = CANONICAL.index("left_shin")
    own = joint_statistics(clip).std[joint].max()
    assert found.std[joint].max() == pytest.approx(own / MOST_SCALING, rel=0.05)
    assert abs(rotation.wrap(heading(made) - heading(clip))).max() < 0.6


# ---------------------------------------------------------------- numbers of many


def test_the_estimate_of_independent_results_is_the_usual_one() -> None:
    values = [0.0, 1.0, 0.0, 1.0, float("nan")]
    found = estimate(values, range(5))
    assert found.value == 0.5
    assert found.interval == pytest.approx(1.96 * math.sqrt(1.0 / 3.0) / 2.0)
    assert estimate([1.0] * 9, range(9)).interval == 0.0
    assert math.isnan(estimate([1.0], "a").interval)
    assert math.isnan(estimate([], "").value)


def test_results_of_one_group_do_not_make_an_interval_narrower() -> None:
    values, groups = np.array([0.0, 1.0, 1.0, 0.0]), ["a", "b", "c", "d"]
    once, often = (
        estimate(values, groups),
        estimate(np.repeat(values, 5), np.repeat(groups, 5).tolist()),
    )
    assert often.value == once.value
    assert often.interval == pytest.approx(once.interval)


def test_an_estimate_of_a_ratio_covers_the_truth() -> None:
    random = np.random.default_rng(0)
    inside = []
    for _ in range(300):
        under = random.uniform(1.0, 3.0, 80)
        over = 0.6 * under + random.normal(0.0, 0.3, 80) + np.repeat(random.normal(0.0, 0.2, 20), 4)
        found = estimate(over, np.repeat(np.arange(20), 4).tolist(), under)
        inside.append(abs(found.value - 0.6) < found.interval)
    assert 0.88 < np.mean(inside) < 0.98
    assert estimate([1.0, 2.0], "ab", [2.0, 4.0]).value == 0.5


def test_repeats_are_few() -> None:
    found = over_repeats([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.interval == pytest.approx(4.3027 / math.sqrt(3.0), rel=1e-4)
    assert math.isnan(over_repeats([1.0]).interval)
    assert math.isnan(over_repeats([]).value)


def test_many_repeats_have_a_t_of_their_own() -> None:
    """It used to be 2.1 for every count above ten."""
    for count, t in ((11, 2.2281), (20, 2.0930), (100, 1.9842)):
        values = np.arange(count, dtype=float)
        error = values.std(ddof=1) / math.sqrt(count)
        assert over_repeats(values.tolist()).interval == pytest.approx(t * error, rel=1e-4)


@pytest.mark.parametrize(
    ("freedom", "two_sided_95", "two_sided_99"),
    [
        (1, 12.706, 63.657),
        (2, 4.303, 9.925),
        (3, 3.182, 5.841),
        (4, 2.776, 4.604),
        (7, 2.365, 3.499),
        (10, 2.228, 3.169),
        (15, 2.131, 2.947),
        (20, 2.086, 2.845),
        (30, 2.042, 2.750),
        (120, 1.980, 2.617),
        (10_000, 1.960, 2.576),
    ],
)
def test_quantiles_of_student_are_those_of_the_tables(
    freedom: int, two_sided_95: float, two_sided_99: float
) -> None:
    assert student_t(freedom) == pytest.approx(two_sided_95, abs=6e-4)
    assert student_t(freedom, 0.99) == pytest.approx(two_sided_99, abs=6e-4)


def test_the_frechet_distance_of_gaussians_that_are_known() -> None:
    random = np.random.default_rng(1)
    a = random.normal(size=(4000, 3)) * [1.0, 2.0, 0.5]
    b = random.normal(size=(5000, 3)) * [2.0, 2.0, 0.5] + [0.0, 3.0, 0.0]
    # (2 - 1)^2 between standard deviations, 3^2 between means
    assert frechet_distance(a, b) == pytest.approx(10.0, rel=0.05)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    # fewer vectors than numbers in each
    few = random.normal(size=(20, 50))
    assert frechet_distance(few, few + 1.0) == pytest.approx(50.0)


def test_the_mean_distance_between_two_of_many() -> None:
    assert mean_pairwise_distance(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])) == pytest.approx(
        10.0 / 3.0
    )
    assert mean_pairwise_distance(np.ones((4, 7, 3))) == 0.0
