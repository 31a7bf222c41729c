"""Made styles: the same for everybody, exact frame by frame, and kind to the action."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.bundle.made_style import PLAIN, MadeStyle, mirror_style, styled_count
from kinestyle.evaluate.events import find_events, keeps_event, reach_of
from kinestyle.evaluate.measures import beyond_limits
from kinestyle.learn.data.made_styles import MOST_OFFSET, draw_style, held_out
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import correspond
from kinestyle.retarget.features import LAYOUT, clip_to_features, features_to_clip, mirror_features
from kinestyle.runtime.made_styles import MOST_FLEXION, apply_style, elbow_flexion
from made_rigs import walk

NUMBERS = range(40)


@pytest.fixture(scope="module")
def base() -> Clip:
    return walk(2.0, heel_rise=0.5).clip


def punch() -> Clip:
    """A walk whose left hand goes straight to the front and back, then up."""
    clip = walk(2.0).clip
    local = clip.local_rotation.copy()
    time = np.arange(len(local)) / clip.frame_rate
    ahead = np.exp(-(((time - 0.6) / 0.12) ** 2))
    above = np.exp(-(((time - 1.5) / 0.15) ** 2))
    arm, fore = (CANONICAL.index(f"left_{part}") for part in ("upper_arm", "forearm"))
    front = rotation.exp(np.array([0.0, -0.5 * np.pi, 0.0]))
    up = rotation.exp(np.array([0.0, 0.0, 1.3]))
    for share, goal in ((ahead, front), (above, up)):
        local[:, arm] = rotation.interpolate(local[:, arm], goal[None], share)
        local[:, fore] = rotation.interpolate(local[:, fore], rotation.IDENTITY[None], share)
    return clip.with_motion(clip.local_position, local)


def same_style(a: MadeStyle, b: MadeStyle) -> bool:
    return all(
        np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True)
    )


def test_a_number_is_one_style_for_everybody() -> None:
    assert same_style(draw_style(17), draw_style(17))
    assert not any(same_style(draw_style(17), draw_style(n)) for n in range(17))
    style = draw_style(17)
    # what follows from a number must not change: bundles say which numbers they learned from
    assert style.offsets[CANONICAL.index("spine")] == pytest.approx(
        [-0.1530889, -0.0297746, -0.0447625], abs=1e-6
    )
    assert style.tempo == pytest.approx(1.0228248, abs=1e-6)


def test_a_tenth_of_the_styles_is_held_out() -> None:
    assert [n for n in range(40) if held_out(n)] == [9, 19, 29, 39]


def test_what_is_drawn_is_within_its_bounds() -> None:
    styles = [draw_style(n) for n in range(300)]
    sizes = [np.linalg.norm(style.offsets, axis=-1).max() for style in styles]
    assert max(sizes) <= MOST_OFFSET + 1e-9
    assert max(sizes) > 0.9 * MOST_OFFSET
    assert np.ptp([style.hip_height_m for style in styles]) > 0.15
    for name, most in (("stride", 1.4), ("tempo", 1.4), ("lift", 2.0), ("bounce", 2.5)):
        values = np.array([getattr(style, name) for style in styles])
        assert values.max() <= most
        assert values.min() >= 1.0 / most
        assert (values > 1.05).any()
        assert (values < 0.95).any()
    # most styles are symmetric, and the others limp or are held askew
    limps = np.mean([style.limp != 0.0 for style in styles])
    assert 0.1 < limps < 0.3


def test_the_plain_style_changes_nothing(base: Clip) -> None:
    same = apply_style(base, PLAIN)
    np.testing.assert_allclose(same.world_position, base.world_position, atol=2e-3)
    assert same.frame_time_seconds == base.frame_time_seconds


@pytest.mark.parametrize("number", [0, 3, 11])
def test_the_same_style_of_the_same_clip_is_the_same(base: Clip, number: int) -> None:
    first, again = (apply_style(base, draw_style(number)) for _ in range(2))
    np.testing.assert_array_equal(first.local_rotation, again.local_rotation)
    features = clip_to_features(base)
    assert np.abs(clip_to_features(first)[: len(features)].mean() - features.mean()) > 1e-4


def test_each_number_is_heard(base: Clip) -> None:
    """No two of forty styles make the same clip, and most change it by centimetres a joint."""
    plain = base.world_position[:, 1:] - base.world_position[:, :1]
    made = [apply_style(base, replace(draw_style(n), tempo=1.0)).world_position for n in NUMBERS]
    off = [np.linalg.norm(m[:, 1:] - m[:, :1] - plain, axis=-1).mean() for m in made]
    assert np.median(off) > 0.04
    assert min(off) > 0.005
    stacked = np.stack(made)
    apart = np.linalg.norm(stacked[:, None] - stacked[None], axis=-1).mean(axis=(2, 3))
    assert apart[np.triu_indices(len(made), 1)].min() > 0.01


@pytest.mark.parametrize("number", NUMBERS)
def test_planted_feet_stay_planted(number: int) -> None:
    made = walk(3.0, heel_rise=0.4)
    contact = find_contacts(made.clip)
    styled = apply_style(made.clip, replace(draw_style(number), tempo=1.0), contact)
    sliding = []
    for clip in (made.clip, styled):
        speed = np.linalg.norm(
            np.diff(clip.world_position[:, CONTACT_JOINTS][..., [0, 2]], axis=0), axis=-1
        )
        planted = contact[:-1] & contact[1:]
        # the toe is what a foot turns about
        toes = speed[:, [1, 3]][planted[:, [1, 3]]]
        sliding.append(toes.mean() * clip.frame_rate)
    assert sliding[1] < sliding[0] * 1.5 + 0.02
    heights = [
        clip.world_position[:, CONTACT_JOINTS[[1, 3]], 1][contact[:, [1, 3]]]
        for clip in (made.clip, styled)
    ]
    np.testing.assert_allclose(heights[1], heights[0], atol=0.03)


def test_hands_come_to_their_extremes() -> None:
    clip = punch()
    before = reach_of(clip, correspond(clip))
    events = [event for event in find_events(before) if event.range_m > 0.35]
    assert len(events) >= 3
    kept, bent = [], 0
    for number in NUMBERS:
        style = replace(draw_style(number), tempo=1.0)
        styled = apply_style(clip, style)
        after = reach_of(styled, correspond(clip))
        kept += [keeps_event(event, before, after) for event in events]
        chest = CANONICAL.index("chest")
        apart = rotation.multiply(
            rotation.inverse(clip.world_rotation[:, chest]), styled.world_rotation[:, chest]
        )
        bent += bool(rotation.angle(apart).mean() > np.radians(5.0))
    assert np.mean(kept) > 0.95
    assert bent > len(NUMBERS) / 2  # and the trunk has the style all the same


@pytest.mark.parametrize("number", NUMBERS)
def test_no_joint_goes_where_none_can(base: Clip, number: int) -> None:
    styled = apply_style(base, draw_style(number))
    assert beyond_limits(styled) <= beyond_limits(base) + 0.02
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        flexion = elbow_flexion(styled.local_rotation[:, CANONICAL.index(f"{side}_forearm")], sign)
        assert flexion.min() > -0.05
        assert flexion.max() < MOST_FLEXION
    assert np.isfinite(styled.world_position).all()


@pytest.mark.parametrize("tempo", [0.75, 1.3])
def test_a_tempo_is_undone_by_the_frames_that_it_tells(base: Clip, tempo: float) -> None:
    style = replace(draw_style(5), tempo=1.0)
    timed = replace(style, tempo=tempo)
    fast, slow = apply_style(base, timed), apply_style(base, style)
    assert fast.frame_count == styled_count(base.frame_count, tempo)
    at_frame = timed.frames(base.frame_count)
    assert len(at_frame) == base.frame_count
    assert at_frame[-1] <= fast.frame_count - 1
    assert np.diff(at_frame)[:-2] == pytest.approx(1.0 / tempo)
    low = at_frame.astype(int)
    high = np.minimum(low + 1, fast.frame_count - 1)
    weight = (at_frame - low)[:, None, None]
    shown = fast.world_position[low] * (1.0 - weight) + fast.world_position[high] * weight
    np.testing.assert_allclose(shown[:-2], slow.world_position[:-2], atol=0.02)
    np.testing.assert_array_equal(style.frames(9), np.arange(9.0))


def test_a_style_in_a_mirror_is_the_mirrored_style(base: Clip) -> None:
    style = replace(draw_style(6), tremble=0.0, tempo=1.0)
    assert same_style(mirror_style(mirror_style(style)), style)
    rows = clip_to_features(base)
    mirrored = features_to_clip(mirror_features(rows))
    there = clip_to_features(apply_style(mirrored, mirror_style(style)))
    here = mirror_features(clip_to_features(apply_style(features_to_clip(rows), style)))
    position = LAYOUT["joint_position"]
    np.testing.assert_allclose(there[:, position], here[:, position], atol=5e-3)


def test_any_frame_rate_gets_the_same_style(base: Clip) -> None:
    style = replace(draw_style(4), tempo=1.0)
    fine = apply_style(resample(base, 60.0), style)
    assert fine.frame_time_seconds == pytest.approx(1.0 / 60.0)
    every_second = fine.world_position[::2][: base.frame_count]
    styled = apply_style(base, style).world_position[: len(every_second)]
    off = np.linalg.norm(every_second - styled, axis=-1)
    assert off.mean() < 0.01


def test_a_single_frame_has_a_style_too(base: Clip) -> None:
    one = base.window(0, 1)
    styled = apply_style(one, draw_style(2))
    assert styled.frame_count == 1
    assert np.isfinite(styled.local_rotation).all()
