"""Timing and what clips are a piece of: cycles stay cycles, of whole frames; a T-pose in front of a
motion is held as long as before.
"""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond
from kinestyle.retarget.treadmill import find_belt
from kinestyle.runtime.cycles import find_cycle
from kinestyle.runtime.stylizer import Stylizer
from made_cycles import walk_cycle
from test_cycles import hips_of, pose_of, stance_velocities

each_style = pytest.mark.parametrize("style", ["active", "elderly"])


def seam(clip: Clip, whole: bool) -> float:
    """How far the worst joint is, in canonical metres, from where the round begins again."""
    pose = pose_of(clip, correspond(clip))
    end = pose[-1] if whole else 2.0 * pose[-1] - pose[-2]
    return float(np.linalg.norm(pose[0] - end, axis=-1).max())


@each_style
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_a_cycle_stays_one(timely: Stylizer, style: str, in_place: bool, whole: bool) -> None:
    clip = walk_cycle(30.0, in_place)
    clip = clip if whole else clip.window(0, clip.frame_count - 1)
    analysis = timely.analyse(clip)
    code = timely.style_of(style)
    timed = timely.in_time(analysis, code, timing="style")
    result = timely.apply(analysis, code, timing="style")
    assert result.frame_count == timed.clip.frame_count != clip.frame_count
    assert (result.frame_count < clip.frame_count) == (style == "active")
    for made in (timed.clip, result) if whole else ():
        found = find_cycle(made, correspond(made))
        assert found is not None
        assert found.period == made.frame_count - 1
        assert found.is_in_place == in_place
    before, after = analysis.seen.unrolled, timed.seen.unrolled
    assert before is not None
    assert before.cycle is not None
    assert after is not None
    assert after.cycle is not None
    assert after.cycle.period == result.frame_count - whole
    pace = (clip.frame_count - 1) / (result.frame_count - 1)
    assert seam(result, whole) < 1.5 * max(1.0, pace**2) * seam(clip, whole) + 0.02
    kept = timely.apply(analysis, code)
    assert seam(result, whole) < max(1.0, pace**2) * seam(kept, whole) + 0.02


@each_style
def test_the_step_over_the_seam_is_as_all_others(timely: Stylizer, style: str) -> None:
    """Of a clip without its last frame: the first one, once more, is one step behind it."""
    clip = walk_cycle(30.0).window(0, walk_cycle(30.0).frame_count - 1)
    timed = timely.in_time(timely.analyse(clip), timely.style_of(style), timing="style")
    unrolled = timed.seen.unrolled
    assert unrolled is not None
    pose = pose_of(unrolled.motion, timed.correspondence)
    step = np.linalg.norm(np.diff(pose, axis=0), axis=-1).mean(axis=-1)
    at = unrolled.margin + timed.clip.frame_count
    near = step[at - 6 : at + 5]
    bend = np.abs(np.diff(near)).max()
    assert bend < 2.0 * np.abs(np.diff(step[unrolled.frames])).max()


@each_style
def test_a_treadmill_goes_at_the_styles_pace(timely: Stylizer, style: str) -> None:
    clip = walk_cycle(30.0, True)
    analysis, code = timely.analyse(clip), timely.style_of(style)
    timed = timely.in_time(analysis, code, timing="style")
    pace = (clip.frame_count - 1) / (timed.clip.frame_count - 1)
    belts = [find_belt(each.clip, each.correspondence, repeats=True) for each in (analysis, timed)]
    assert belts[0] is not None
    assert belts[1] is not None
    speeds = [float(np.linalg.norm(belt)) for belt in belts]  # type: ignore[arg-type]
    assert speeds[1] == pytest.approx(pace * speeds[0], rel=0.1)
    result = timely.apply(analysis, code, timing="style")
    hips = hips_of(result, timed.correspondence)
    assert np.linalg.norm(hips[-1] - hips[0]) < 0.02, "it stays on its treadmill"
    left, right = stance_velocities(result, timed.correspondence, timed.contact)
    assert np.linalg.norm(left - right) < 0.35 * np.linalg.norm(left)


def with_a_pose_in_front(clip: Clip, frames: int) -> Clip:
    position = np.concatenate([np.repeat(clip.local_position[:1], frames, 0), clip.local_position])
    still = np.repeat(clip.local_rotation[:1], frames, axis=0).copy()
    still[...] = [1.0, 0.0, 0.0, 0.0]
    return clip.with_motion(position, np.concatenate([still, clip.local_rotation]))


@each_style
@pytest.mark.parametrize("frames", [1, 20])
def test_a_pose_in_front_is_held_as_long(
    timely: Stylizer, walk_clip: Clip, style: str, frames: int
) -> None:
    clip = with_a_pose_in_front(walk_clip, frames)
    analysis = timely.analyse(clip)
    assert analysis.seen.lead_in == frames
    result = timely.apply(analysis, timely.style_of(style), timing="style")
    alone = timely.stylize(walk_clip, style, timing="style")
    assert result.frame_count == frames + alone.frame_count
    np.testing.assert_array_equal(result.local_rotation[:frames], clip.local_rotation[:frames])
    np.testing.assert_array_equal(result.local_position[:frames], clip.local_position[:frames])
    fit = timely.apply(analysis, timely.style_of(style), timing="fit")
    assert fit.frame_count == clip.frame_count
    np.testing.assert_array_equal(fit.local_rotation[:frames], clip.local_rotation[:frames])
