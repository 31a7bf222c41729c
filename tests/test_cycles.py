"""Cycles: found, still cycles afterwards, and what is on a treadmill stays there."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.legs import contact_positions
from kinestyle.retarget.treadmill import find_belt
from kinestyle.runtime.cycles import find_cycle, unroll
from kinestyle.runtime.settings import Root
from kinestyle.runtime.stylizer import Stylizer
from made_cycles import RATES, walk_cycle

each_rate = pytest.mark.parametrize("rate", RATES)
each_place = pytest.mark.parametrize("in_place", [False, True])


def on_a_circle(clip: Clip, c: Correspondence, radians: float) -> Clip:
    """The clip turned about up ever more, by so much at its end."""
    angle = np.linspace(0.0, radians, clip.frame_count)
    back = rotation.inverse(c.axes)
    turn = rotation.multiply(rotation.multiply(back, rotation.about_y(angle)), c.axes)
    position, turned = clip.local_position.copy(), clip.local_rotation.copy()
    step = np.diff(position[:, 0], axis=0, prepend=position[:1, 0])
    position[:, 0] = np.cumsum(rotation.rotate(turn, step), axis=0)
    turned[:, 0] = rotation.multiply(turn, turned[:, 0])
    return clip.with_motion(position, turned)


def pose_of(clip: Clip, c: Correspondence) -> Array:
    """(T, J, 3) canonical metres from the hips, Y up."""
    position = rotation.rotate(c.axes, clip.world_position) * c.scale_to_canonical
    return position - position[:, [c.mapping.joints["hips"]]]


def hips_of(clip: Clip, c: Correspondence) -> Array:
    """(T, 2) canonical metres over the ground."""
    hips = rotation.rotate(c.axes, clip.world_position[:, c.mapping.joints["hips"]])
    return hips[:, [0, 2]] * c.scale_to_canonical


def stance_velocities(clip: Clip, c: Correspondence, contact: np.ndarray) -> list[Array]:
    """(2,) metres a second, of the left and the right foot while it stands."""
    position = contact_positions(clip, c, to_canonical(clip, c))[..., [0, 2]]
    velocity = np.diff(position, axis=0) / clip.frame_time_seconds
    stands = contact[1:] & contact[:-1]
    return [
        np.concatenate([velocity[stands[:, k], k] for k in columns]).mean(axis=0)
        for columns in ((0, 1), (2, 3))
    ]


# ---------------------------------------------------------------- found


@each_rate
@each_place
def test_a_stride_is_a_cycle(rate: float, in_place: bool) -> None:
    clip = walk_cycle(rate, in_place)
    cycle = find_cycle(clip, correspond(clip))
    assert cycle is not None
    assert cycle.whole
    assert cycle.period == clip.frame_count - 1
    assert cycle.is_in_place == in_place
    if rate < 30.0:  # at low rates a walk may go on anyhow from its last frame
        return
    cut = clip.window(0, clip.frame_count - 1)
    cycle = find_cycle(cut, correspond(cut))
    assert cycle is not None
    assert not cycle.whole
    assert cycle.period == cut.frame_count
    assert cycle.is_in_place == in_place


@pytest.mark.parametrize("metres", [0.0, 0.008, 0.02])
def test_exporters_may_be_a_little_off(metres: float) -> None:
    clip = walk_cycle(30.0)
    off = clip.local_rotation.copy()
    arm = clip.skeleton.index("LeftArm")
    bend = rotation.exp(np.array([0.0, 0.0, metres / 0.55]))
    off[-1, arm] = rotation.multiply(bend, off[-1, arm])
    clip = clip.with_motion(clip.local_position, off)
    assert find_cycle(clip, correspond(clip)) is not None


def test_what_does_not_repeat_is_none(walk_clip: Clip) -> None:
    c = correspond(walk_clip)
    stride = walk_cycle(30.0)
    for clip in (
        walk_clip,
        walk_clip.window(0, 20),
        walk_clip.window(0, 3),
        stride.window(0, stride.frame_count - 3),
        stride.sample(np.r_[np.arange(15), np.arange(14, -1, -1)]),  # there and back
        walk_clip.sample(np.zeros(60, dtype=int)),
    ):
        assert find_cycle(clip, c) is None
        assert unroll(clip, c, "auto") is None
    asked = find_cycle(walk_clip, c, asked=True)
    assert asked is not None
    assert asked.period == walk_clip.frame_count - 1


@each_rate
def test_the_belt_runs_as_fast_as_the_walk_went(rate: float) -> None:
    travels, stays = walk_cycle(rate), walk_cycle(rate, in_place=True)
    c = correspond(stays)
    belt = find_belt(stays, c, repeats=True)
    assert belt is not None
    gone = np.diff(hips_of(travels, correspond(travels))[[0, -1]], axis=0)[0]
    np.testing.assert_allclose(belt[[0, 2]], gone / travels.duration_seconds, atol=0.08)
    assert find_belt(travels, correspond(travels)) is None


def test_who_stands_or_jumps_is_on_no_belt(walk_clip: Clip) -> None:
    c = correspond(walk_clip)
    assert find_belt(walk_clip, c) is None
    assert find_belt(walk_clip.sample(np.zeros(60, dtype=int)), c) is None
    assert find_belt(walk_clip.window(0, 2), c) is None


def test_a_motion_goes_on_as_it_began() -> None:
    """In each round the body is where the round before brought it, turned as far."""
    straight = walk_cycle(30.0)
    c = correspond(straight)
    clip = on_a_circle(straight, c, 0.9)
    unrolled = unroll(clip, c, "auto")
    assert unrolled is not None
    assert unrolled.cycle is not None
    assert unrolled.cycle.turn == pytest.approx(0.9, abs=0.05)
    motion, period = unrolled.motion, unrolled.cycle.period
    np.testing.assert_allclose(
        motion.local_position[unrolled.frames], clip.local_position, atol=1e-9
    )
    np.testing.assert_array_equal(motion.local_rotation[unrolled.frames], clip.local_rotation)
    step = np.linalg.norm(np.diff(motion.world_position, axis=0), axis=-1)
    usual = np.linalg.norm(np.diff(clip.world_position, axis=0), axis=-1)
    assert (step.max(axis=0) <= 1.1 * usual.max(axis=0) + 1e-6).all()
    at = np.arange(period, motion.frame_count)
    pose = pose_of(motion, c)
    back = rotation.about_y(np.array(-unrolled.cycle.turn))
    np.testing.assert_allclose(rotation.rotate(back, pose[at]), pose[at - period], atol=2e-3)


# ---------------------------------------------------------------- the result


@each_rate
@each_place
@pytest.mark.parametrize("style", ["old", "exhausted"])
def test_the_result_is_a_cycle(released: Stylizer, rate: float, in_place: bool, style: str) -> None:
    clip = walk_cycle(rate, in_place)
    analysis = released.analyse(clip)
    c = analysis.correspondence
    result = released.apply(analysis, released.style_of(style))
    pose, before = pose_of(result, c), pose_of(clip, c)
    assert np.linalg.norm(pose - before, axis=-1).max() > 0.03
    assert np.linalg.norm(pose[-1] - pose[0], axis=-1).max() < 0.01
    over = np.concatenate([pose[:-1], pose[:3]])
    bend = np.linalg.norm(np.diff(over, 2, axis=0), axis=-1).max(axis=1)
    assert bend[-3:].max() <= 1.05 * bend[:-3].max()
    np.testing.assert_allclose(hips_of(result, c)[0], hips_of(clip, c)[0], atol=0.02)
    gone = hips_of(result, c)[-1] - hips_of(result, c)[0]
    if not in_place:
        assert np.linalg.norm(gone) > 0.5
        return
    assert np.linalg.norm(gone) < 1e-6
    left, right = stance_velocities(result, c, analysis.contact)
    belt = 0.5 * (left + right)
    assert np.linalg.norm(belt) > 0.5
    assert np.linalg.norm(left - belt) < 0.05 * np.linalg.norm(belt)


@pytest.mark.parametrize("root", get_args(Root))
@each_place
def test_in_every_root_mode(released: Stylizer, root: Root, in_place: bool) -> None:
    clip = walk_cycle(30.0, in_place)
    c = correspond(clip)
    result = released.stylize(clip, "exhausted", root=root)
    pose = pose_of(result, c)
    assert np.linalg.norm(pose[-1] - pose[0], axis=-1).max() < 0.01
    if root == "keep":
        np.testing.assert_array_equal(result.local_position, clip.local_position)
    if in_place:
        assert np.linalg.norm(np.diff(hips_of(result, c)[[0, -1]], axis=0)) < 1e-6


def test_a_short_one_and_one_that_ends_a_frame_early(released: Stylizer) -> None:
    quick = walk_cycle(30.0, in_place=True, pace=1.9)
    assert quick.duration_seconds < 0.65
    c = correspond(quick)
    pose = pose_of(released.stylize(quick, "old"), c)
    assert np.linalg.norm(pose[-1] - pose[0], axis=-1).max() < 0.01
    clip = walk_cycle(30.0, in_place=True)
    cut = clip.window(0, clip.frame_count - 1)
    whole, short = released.stylize(clip, "old"), released.stylize(cut, "old")
    assert short.frame_count == cut.frame_count
    apart = pose_of(short, c) - pose_of(whole, c)[:-1]
    assert np.linalg.norm(apart, axis=-1).max() < 0.02


def test_a_turn_of_each_round_goes_on(released: Stylizer) -> None:
    straight = walk_cycle(30.0)
    c = correspond(straight)
    clip = on_a_circle(straight, c, 0.9)
    result = released.stylize(clip, "old")
    pose = pose_of(result, c)
    turn = rotation.about_y(np.array(0.9))
    assert np.linalg.norm(rotation.rotate(turn, pose[0]) - pose[-1], axis=-1).max() < 0.02


def test_frames_that_an_exporter_repeated_stay_at_the_end(released: Stylizer) -> None:
    clip = walk_cycle(24.0, in_place=True)
    longer = clip.sample(np.minimum(np.arange(clip.frame_count + 4), clip.frame_count - 1))
    c = correspond(clip)
    whole, result = released.stylize(clip, "old"), released.stylize(longer, "old")
    pose = pose_of(result, c)
    np.testing.assert_allclose(pose[-5:], np.repeat(pose[-5:-4], 5, axis=0), atol=1e-12)
    assert np.linalg.norm(pose[:-4] - pose_of(whole, c), axis=-1).max() < 0.02
    contact = released.analyse(longer).contact
    assert contact.shape == (longer.frame_count, 4)
    assert (contact[-5:] == contact[-1]).all()


def test_hips_in_place_do_not_drift_without_a_belt(released: Stylizer, walk_clip: Clip) -> None:
    """A sway over standing feet, there and back."""
    stand = walk_clip.sample(np.zeros(61, dtype=int))
    position, turned = stand.local_position.copy(), stand.local_rotation.copy()
    phase = np.linspace(0.0, 2.0 * np.pi, 61)
    for name, axis in (("Spine", 0), ("LeftArm", 1), ("RightArm", 2)):
        joint = stand.skeleton.index(name)
        sway = rotation.exp(0.3 * np.sin(phase)[:, None] * np.eye(3)[axis])
        turned[:, joint] = rotation.multiply(turned[:, joint], sway)
    hips = stand.skeleton.index("Hips")
    position[:, hips, 0] += 0.02 * np.sin(phase) * np.ptp(stand.world_position[0, :, 1])
    clip = stand.with_motion(position, turned)
    c = correspond(clip)
    assert unroll(clip, c, "auto") is not None
    result = released.stylize(clip, "youthful")
    assert np.linalg.norm(np.diff(hips_of(result, c)[[0, -1]], axis=0)) < 1e-6


# ---------------------------------------------------------------- the setting


def test_no_is_as_a_clip_that_begins_and_ends(released: Stylizer) -> None:
    clip = walk_cycle(30.0, in_place=True)
    code = released.style_of("old")
    auto = released.analyse(clip)
    off = released.analyse(clip, cycle="no")
    assert off.seen.unrolled is None
    assert off.clip.warnings == clip.warnings
    direct = released.apply(off, code, cycle="no")
    # an analysis that was made for another setting is made again
    again = released.apply(auto, code, cycle="no")
    np.testing.assert_array_equal(direct.local_rotation, again.local_rotation)
    cycle = released.apply(auto, code)
    assert np.abs(cycle.local_rotation - direct.local_rotation).max() > 1e-3
    yes = released.stylize(clip, "old", cycle="yes")
    np.testing.assert_array_equal(yes.local_rotation, cycle.local_rotation)


def test_asked_for_any_clip_is_closed(released: Stylizer, walk_clip: Clip) -> None:
    clip = walk_clip.window(20, 90)
    c = correspond(clip)
    before = pose_of(clip, c)
    result = released.stylize(clip, "old", cycle="yes")
    seam = np.linalg.norm(pose_of(result, c)[-1] - pose_of(result, c)[0], axis=-1).max()
    assert seam < np.linalg.norm(before[-1] - before[0], axis=-1).max() + 0.05


def test_strength_0_is_the_file(clip_file: Path) -> None:
    write_motion(walk_cycle(30.0, in_place=True), clip_file)
    line = ["stylize", "walk.bvh", "--style", "old", "-o", "out.bvh"]
    done = CliRunner().invoke(main, [*line, "--strength", "0"])
    assert done.exit_code == 0
    assert Path("out.bvh").read_bytes() == clip_file.read_bytes()
    done = CliRunner().invoke(main, line)
    assert "walk is a cycle of" in done.stderr
    assert "on a treadmill" in done.stderr
    told = read_motion("out.bvh")
    assert find_cycle(told, correspond(told)) is not None
    done = CliRunner().invoke(main, [*line, "--cycle", "no"])
    assert "cycle" not in done.stderr


def test_a_cycle_behind_a_lead_in(released: Stylizer) -> None:
    from test_lead_in import with_pose

    clip = walk_cycle(30.0, in_place=True)
    led = with_pose(clip, 3)
    alone, result = released.stylize(clip, "old"), released.stylize(led, "old")
    np.testing.assert_array_equal(result.local_rotation[:3], led.local_rotation[:3])
    np.testing.assert_allclose(result.local_rotation[3:], alone.local_rotation, atol=1e-9)
