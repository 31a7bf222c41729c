"""Timing: a clip as fast as its style moves, in more frames or fewer, or within those it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.bundle import Bundle, Tempo, write_bundle
from kinestyle.errors import BundleError, StyleError
from kinestyle.evaluate.measures import planted_speed
from kinestyle.formats.bvh import read_bvh, write_bvh
from kinestyle.formats.table import open_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.warp import Warped, frame_after
from kinestyle.motion.window import Motion, WindowSize, collect
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.stylizer import Stylizer
from kinestyle.runtime.timing import (
    LEAST,
    MOST,
    find_moments,
    movement,
    tempo_change,
    walking_share,
)
from long_motion import EXAMPLES, long_clip

ONES = np.ones(200)


def moments(
    timing: str, change: np.ndarray | float, frames: int = 150, moved: np.ndarray = ONES
) -> np.ndarray | None:
    found = np.broadcast_to(change, 200)
    return find_moments(timing, found, moved, frames, 1.0 / 30.0)  # type: ignore[arg-type]


# ---------------------------------------------------------------- where the frames go


@pytest.mark.parametrize("change", [-0.5, -0.1, 0.1, 0.5])
def test_a_style_that_is_so_many_times_as_fast_leaves_so_many_frames(change: float) -> None:
    found = moments("style", change)
    assert found is not None
    assert len(found) == round(149 * np.exp(-change)) + 1
    assert (found[0], found[-1]) == (0.0, 149.0)
    np.testing.assert_allclose(np.diff(found), 149 / (len(found) - 1))


@pytest.mark.parametrize("change", [-0.6, 0.6])
def test_within_its_frames_a_clip_gives_movements_what_pauses_lose(change: float) -> None:
    moved = np.sin(np.arange(200) / 8.0)
    found = moments("fit", change, moved=moved)
    assert found is not None
    assert len(found) == 150
    assert (found[0], found[-1]) == (0.0, 149.0)
    steps = np.diff(found)
    assert steps.min() > 0.0, "time goes on"
    speed = np.interp(found[:-1], np.arange(200), moved)
    hurried, slowed = steps[speed > 0.7].mean(), steps[speed < -0.7].mean()
    assert np.log(hurried / slowed) == pytest.approx(2 * 0.9 * change, rel=0.1)


def test_where_a_style_fades_so_does_its_tempo() -> None:
    share = np.where(np.arange(200) < 75, 1.0, 0.0)
    found = moments("style", 0.5 * share)
    assert found is not None
    steps = np.diff(found)
    assert steps[0] == pytest.approx(np.exp(0.5), rel=0.02)
    assert steps[-1] == pytest.approx(1.0, rel=0.02)


def test_what_nobody_would_see_is_not_done() -> None:
    assert moments("keep", 1.0) is None
    assert moments("style", 0.9 * LEAST) is None
    assert moments("fit", -0.9 * LEAST) is None
    assert moments("style", 0.0) is None
    assert moments("style", 1.0, frames=2) is None
    assert moments("style", 1.1 * LEAST, frames=10) is None, "it would be as many frames"
    most = moments("style", 9.0)
    assert most is not None
    assert len(most) == round(149 * np.exp(-MOST)) + 1


def test_movement_is_where_joints_are_fast(timely: Stylizer, walk_clip: Clip) -> None:
    still = walk_clip.window(40, 41)
    frames = [*range(40), *[40] * 60, *range(41, 100)]
    clip = walk_clip.with_motion(walk_clip.local_position[frames], walk_clip.local_rotation[frames])
    analysis = timely.analyse(clip)
    found = movement(analysis.rotation)[analysis.seen.feature_frames]
    assert still.frame_count == 1
    assert found.min() >= -1.0
    assert found.max() <= 1.0
    assert found[55:85].max() < found[:25].min()
    assert len(movement(np.tile([1.0, 0, 0, 0], (1, 21, 1)))) == 1


def test_gaits_change_less_than_gestures(released: Stylizer, walk_clip: Clip) -> None:
    wave = read_bvh(EXAMPLES / "wave.bvh")
    span = []
    for clip in (walk_clip, wave):
        slow, fast = (
            released.stylize(clip, style, timing="style").frame_count
            for style in ("elderly", "active")
        )
        span.append(np.log(slow / fast))
    assert span[1] > 0.5
    assert 0.0 < span[0] < 0.6 * span[1]
    for clip, walks in ((walk_clip, True), (wave, False)):
        share = walking_share(released.analyse(clip).unchanged.velocity)
        assert abs(share.mean() - walks) < 0.1


# ---------------------------------------------------------------- a clip in its style's time


@pytest.mark.parametrize("style", ["active", "elderly"])
def test_the_frames_change_and_it_is_told(timely: Stylizer, walk_clip: Clip, style: str) -> None:
    result = timely.stylize(walk_clip, style, timing="style")
    code = timely.style_of(style)
    own = timely.analyse(walk_clip).style.mean
    change = float(tempo_change(timely.bundle, code, own, np.ones(1))[0])
    wanted = round((walk_clip.frame_count - 1) * np.exp(-np.clip(change, -MOST, MOST))) + 1
    assert result.frame_count == wanted != walk_clip.frame_count
    assert (wanted < walk_clip.frame_count) == (style == "active")
    assert result.frame_time_seconds == walk_clip.frame_time_seconds
    assert result.skeleton is walk_clip.skeleton
    (note,) = [one for one in result.warnings if "times as fast" in one]
    assert f"has {wanted} frames instead of {walk_clip.frame_count}" in note
    assert f"{(walk_clip.frame_count - 1) / (wanted - 1):.2f} times as fast" in note


def test_what_is_kept_is_bit_for_bit_what_it_was(
    tiny: Stylizer, tiny_bundle: Path, tmp_path: Path, walk_clip: Clip
) -> None:
    bundle = Bundle.open(tiny_bundle)
    path = tmp_path / "untimed.kinestyle"
    graphs = {name: bundle.graph(name) for name in bundle.manifest.sha256}
    write_bundle(path, replace(bundle.manifest, tempo=None), graphs)
    before = Stylizer.load(path).stylize(walk_clip, "proud")
    for result in (
        tiny.stylize(walk_clip, "proud"),
        tiny.stylize(walk_clip, "proud", timing="keep"),
    ):
        np.testing.assert_array_equal(result.local_rotation, before.local_rotation)
        np.testing.assert_array_equal(result.local_position, before.local_position)
        assert result.warnings == before.warnings


@pytest.mark.parametrize("timing", ["style", "fit"])
def test_strength_takes_the_tempo_along(timely: Stylizer, walk_clip: Clip, timing: str) -> None:
    analysis, code = timely.analyse(walk_clip), timely.style_of("elderly")
    same = timely.apply(analysis, code, strength=0.0, timing=timing)  # type: ignore[arg-type]
    assert same is analysis.clip
    logs = []
    for strength in (0.25, 0.5):
        timed = timely.in_time(analysis, code, strength=strength, timing=timing)  # type: ignore[arg-type]
        assert timed.moments is not None
        steps = np.log(np.diff(timed.moments))
        logs.append(steps.mean() if timing == "style" else np.ptp(steps))
    assert logs[1] == pytest.approx(2.0 * logs[0], rel=0.05)


@pytest.mark.parametrize("style", ["active", "elderly"])
def test_feet_that_are_planted_stay_so(timely: Stylizer, walk_clip: Clip, style: str) -> None:
    analysis, code = timely.analyse(walk_clip), timely.style_of(style)
    timed = timely.in_time(analysis, code, timing="style")
    c, moments = analysis.correspondence, timed.moments
    assert moments is not None
    stood = [np.diff(each.contact.astype(int), axis=0).sum(axis=0) for each in (analysis, timed)]
    np.testing.assert_array_equal(*stood, "each foot as often as before")
    share = [each.contact.mean() for each in (analysis, timed)]
    assert share[1] == pytest.approx(share[0], abs=0.02)
    was, now = (to_canonical(each.clip, c) for each in (analysis, timed))
    pace = (walk_clip.frame_count - 1) / (timed.clip.frame_count - 1)
    before, after = planted_speed(was, analysis.contact), planted_speed(now, timed.contact)
    assert after.mean() < 1.1 * max(1.0, pace) * before.mean()
    sliding = []
    for timing, of in (("keep", analysis), ("style", timed)):
        result = timely.apply(analysis, code, timing=timing)  # type: ignore[arg-type]
        of_input = planted_speed(to_canonical(of.clip, c), of.contact)
        sliding.append(planted_speed(to_canonical(result, c), of.contact).mean() / of_input.mean())
    assert sliding[1] < 1.25 * sliding[0]


def test_fingers_and_all_other_joints_go_along(timely: Stylizer, walk_clip: Clip) -> None:
    analysis, code = timely.analyse(walk_clip), timely.style_of("elderly")
    timed = timely.in_time(analysis, code, timing="style")
    result = timely.apply(analysis, code, timing="style")
    assert timed.moments is not None
    kept = timely.apply(analysis, code).local_rotation == walk_clip.local_rotation
    others = np.flatnonzero(kept.all(axis=(0, 2)))
    assert len(others) > 20
    np.testing.assert_array_equal(
        result.local_rotation[:, others], timed.clip.local_rotation[:, others]
    )
    low = np.floor(timed.moments).astype(int)
    near = walk_clip.local_rotation[low][:, others]
    cosine = np.abs(np.sum(near * result.local_rotation[:, others], axis=-1))
    step = np.abs(
        np.sum(
            walk_clip.local_rotation[1:, others] * walk_clip.local_rotation[:-1, others], axis=-1
        )
    )
    assert cosine.min() > step.min() - 1e-6, "as near to a frame as its neighbour is"


def test_fit_leaves_the_number_of_frames_and_both_ends(timely: Stylizer, walk_clip: Clip) -> None:
    analysis, code = timely.analyse(walk_clip), timely.style_of("active")
    timed = timely.in_time(analysis, code, timing="fit")
    result = timely.apply(analysis, code, timing="fit")
    assert result.frame_count == timed.clip.frame_count == walk_clip.frame_count
    for end in (0, -1):
        np.testing.assert_array_equal(timed.clip.local_rotation[end], walk_clip.local_rotation[end])
    assert timed.moments is not None
    assert np.ptp(np.diff(timed.moments)) > 0.05
    assert f"it still has {walk_clip.frame_count} frames" in " ".join(result.warnings)


def test_a_reference_gives_its_tempo(timely: Stylizer, walk_clip: Clip) -> None:
    slow = timely.stylize(walk_clip, "elderly", timing="style")
    fast = timely.stylize(walk_clip, "active", timing="style")
    like = [timely.stylize(walk_clip, like=each, timing="style") for each in (slow, fast)]
    assert like[0].frame_count > like[1].frame_count


def test_the_clip_in_its_time_is_analysed_once(tiny: Stylizer, walk_clip: Clip) -> None:
    analysis = tiny.analyse(walk_clip)
    one, other = tiny.style_of("proud"), tiny.style_of("calm")
    timed = tiny.in_time(analysis, one, timing="style")
    assert timed is not analysis
    assert tiny.in_time(analysis, one, timing="style") is timed
    assert tiny.in_time(analysis, one, timing="keep") is analysis
    assert tiny.in_time(analysis, other, timing="style") is not timed
    assert len(analysis.in_time) == 1, "one is kept"
    again = tiny.apply(analysis, one, timing="style")
    alone = tiny.apply(tiny.in_time(analysis, one, timing="style"), one)
    np.testing.assert_array_equal(again.local_rotation, alone.local_rotation)


def test_short_and_still_clips(tiny: Stylizer, walk_clip: Clip) -> None:
    for frames in (1, 2, 3, 5):
        result = tiny.stylize(walk_clip.window(0, frames), "proud", timing="style")
        assert 1 <= result.frame_count <= 2 * frames
        assert np.isfinite(result.local_rotation).all()


# ---------------------------------------------------------------- bundles that do not say


def test_a_bundle_that_knows_no_tempo_says_so(tiny: Stylizer, walk_clip: Clip) -> None:
    def with_tempo(tempo: Tempo | None) -> Stylizer:
        return Stylizer(replace(tiny.bundle, manifest=replace(tiny.bundle.manifest, tempo=tempo)))

    for timing in ("style", "fit"):
        with pytest.raises(StyleError, match=r"does not say how fast its styles move.*timing keep"):
            with_tempo(None).stylize(walk_clip, "proud", timing=timing)  # type: ignore[arg-type]
    assert with_tempo(None).stylize(walk_clip, "proud", strength=0.0, timing="style") is walk_clip
    with pytest.raises(BundleError, match="the tempo of 2 numbers, expected as many as a style"):
        with_tempo(Tempo((1.0, 2.0), (0.0, 0.0))).stylize(walk_clip, "proud", timing="style")


@pytest.mark.parametrize("name", ["bandai", "unsupervised"])
def test_the_bundles_that_ship_know_it(name: str) -> None:
    bundle = Bundle.open(name)
    tempo = bundle.manifest.tempo
    assert tempo is not None
    assert np.abs(tempo).max() < 1.0
    standing = np.array(tempo.standing)
    if bundle.styles:
        of = {style.name: float(standing @ style.mean) for style in bundle.styles}
        assert of["bandai2/active"] - of["bandai2/elderly"] > 0.5
        assert of["bandai2/youthful"] > of["bandai2/exhausted"]


# ---------------------------------------------------------------- long motion, files


class Long:
    """A clip as a longer motion is: not a clip."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.skeleton, self.name, self.world = clip.skeleton, clip.name, clip.world
        self.frame_time_seconds, self.frame_count = clip.frame_time_seconds, clip.frame_count
        self.warnings: tuple[str, ...] = ()

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        return self.clip.window(start, stop, joints)

    def sample(self, frames: np.ndarray) -> Clip:
        return self.clip.sample(frames)

    def with_warnings(self, *more: str) -> Long:
        long = Long(self.clip)
        long.warnings = (*self.warnings, *more)
        return long


@pytest.mark.parametrize("timing", ["style", "fit"])
def test_windows_give_what_the_whole_gives(timely: Stylizer, timing: str) -> None:
    clip = long_clip(20.0)
    small = Stylizer(timely.bundle, WindowSize(whole_frames=0, whole_seconds=0.0, frames=128))
    whole = Stylizer(timely.bundle, WindowSize(whole_frames=10**9, whole_seconds=1e9))
    motion: Motion = Long(clip)
    result = small.stylize(motion, "elderly", timing=timing)  # type: ignore[call-overload]
    assert not isinstance(result, Clip)
    assert isinstance(result.motion, Warped)
    wanted = whole.stylize(clip, "elderly", timing=timing)  # type: ignore[call-overload]
    found = collect(result, small.windows)
    assert found.frame_count == wanted.frame_count
    assert (found.frame_count == clip.frame_count) == (timing == "fit")
    assert np.abs(found.world_position - wanted.world_position).max() < 0.01  # centimetres
    assert result.warnings == wanted.warnings


def test_a_long_file_says_how_many_frames_it_has(timely: Stylizer, tmp_path: Path) -> None:
    write_bvh(long_clip(130.0), tmp_path / "long.bvh")
    motion = open_motion(tmp_path / "long.bvh")
    assert not isinstance(motion, Clip)
    result = timely.stylize(motion, "elderly", timing="style")
    write_motion(result, tmp_path / "slow.bvh")
    back = read_bvh(tmp_path / "slow.bvh")
    assert back.warnings == ()
    assert back.frame_count == result.frame_count > 1.2 * motion.frame_count
    head, slow_head = (
        (tmp_path / name).read_text().split("MOTION")[0] for name in ("long.bvh", "slow.bvh")
    )
    assert head == slow_head


def test_frames_are_where_the_moments_say(timely: Stylizer, walk_clip: Clip) -> None:
    timed = timely.in_time(timely.analyse(walk_clip), timely.style_of("elderly"), timing="style")
    assert timed.moments is not None
    after = frame_after(timed.moments, np.array([0.0, walk_clip.frame_count - 1.0]))
    np.testing.assert_allclose(after, [0.0, timed.clip.frame_count - 1.0])
