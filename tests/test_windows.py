"""Long clips are worked through in windows: the result is that of the whole, time and memory are
those of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from time import process_time
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import ClipError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import Window, WindowSize, collect, cut
from kinestyle.retarget.changes import apply_change
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.foot_lock import lock_feet, locked_feet
from kinestyle.retarget.survey import FeatureFrames, survey
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.sequences import measure_reach
from kinestyle.runtime.stylizer import LONGEST_SECONDS, Stylizer
from long_motion import long_clip

WHOLE = WindowSize(whole_frames=10**9, whole_seconds=1e9)
SMALL = WindowSize(whole_frames=0, whole_seconds=0.0, frames=128)
NEAR = 1.7e-4
"""Metres and radians: a hundredth of a degree, as is promised."""

UNIT_M = 0.01  # of the examples' files
Z_UP = rotation.exp(np.array([0.5 * np.pi, 0.0, 0.0]))


def with_z_up(clip: Clip) -> Clip:
    position, turned = clip.local_position.copy(), clip.local_rotation.copy()
    position[:, 0] = rotation.rotate(Z_UP, position[:, 0])
    turned[:, 0] = rotation.multiply(Z_UP, turned[:, 0])
    skeleton = replace(clip.skeleton, offsets=clip.skeleton.offsets.copy())
    skeleton.offsets[0] = rotation.rotate(Z_UP, skeleton.offsets[0])
    return replace(clip, skeleton=skeleton, local_position=position, local_rotation=turned)


def with_a_fall(clip: Clip) -> Clip:
    """The clip, but its body lies for the second quarter: no style was learned from that."""
    turned = clip.local_rotation.copy()
    lies = slice(clip.frame_count // 4, clip.frame_count // 2)
    down = rotation.exp(np.array([1.4, 0.0, 0.3]))
    turned[lies, 0] = rotation.multiply(turned[lies, 0], down)
    return clip.with_motion(clip.local_position, turned)


CLIPS = {
    "30 a second": lambda: long_clip(40.0),
    "60 a second": lambda: long_clip(20.0, 60.0, seed=1),
    "25 a second": lambda: long_clip(24.0, 25.0, seed=2),
    "one a second": lambda: long_clip(40.0, 1.0, seed=3),
    "Z up": lambda: with_z_up(long_clip(20.0, seed=4)),
    "with a fall": lambda: with_a_fall(long_clip(30.0, seed=5)),
}
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLIPS),
    ("30 a second", {"root": "predicted", "strength": 1.5}),
    ("60 a second", {"root": "copied", "strength": 0.3}),
    ("Z up", {"root": "keep"}),
    ("with a fall", {"root": "predicted", "out_of_domain": "ignore"}),
]


@dataclass(frozen=True, eq=False)
class Both:
    """One stylizer that takes clips as a whole, one that takes small windows."""

    whole: Stylizer
    windows: Stylizer

    def analyse(self, clip: Clip) -> tuple[Analysis[Clip], Analysis[Clip]]:
        return self.whole.analyse(clip), self.windows.analyse(clip)


@pytest.fixture(scope="module")
def both(released: Stylizer) -> Both:
    return Both(Stylizer(released.bundle, WHOLE), Stylizer(released.bundle, SMALL))


@pytest.fixture(scope="module")
def analysed(both: Both) -> Callable[[str], tuple[Analysis[Clip], Analysis[Clip]]]:
    """Both analyses of a clip of `CLIPS`, made once."""
    return cache(lambda name: both.analyse(CLIPS[name]()))


def assert_near(found: Clip, wanted: Clip) -> None:
    """Within `NEAR`, in rotations and in where joints are in the world."""
    assert found.frame_count == wanted.frame_count
    apart = rotation.angle(
        rotation.multiply(rotation.inverse(found.local_rotation), wanted.local_rotation)
    )
    assert apart.max() < NEAR
    off = np.linalg.norm(found.world_position - wanted.world_position, axis=-1)
    assert off.max() * UNIT_M < NEAR


def differ(a: Clip, b: Clip) -> bool:
    return float(np.abs(a.local_rotation - b.local_rotation).max()) > 0.01


@pytest.mark.parametrize(("name", "changes"), CASES, ids=str)
def test_windows_give_what_the_whole_gives(
    both: Both,
    analysed: Callable[[str], tuple[Analysis[Clip], Analysis[Clip]]],
    name: str,
    changes: dict[str, Any],
) -> None:
    whole, windows = analysed(name)
    code = both.whole.style_of("old", 3)
    wanted = both.whole.apply(whole, code, **changes)
    found = both.windows.apply(windows, code, **changes)
    assert differ(wanted, whole.clip)
    assert_near(found, wanted)


@pytest.mark.parametrize("name", CLIPS)
def test_what_is_found_in_windows_is_what_the_whole_shows(
    analysed: Callable[[str], tuple[Analysis[Clip], Analysis[Clip]]], name: str
) -> None:
    whole, windows = analysed(name)
    for part in ("floor", "scale_to_canonical", "root_motion_joints"):
        assert getattr(whole.correspondence, part) == getattr(windows.correspondence, part)
    for part in ("contact", "feature_contact", "locked", "floors"):
        np.testing.assert_array_equal(getattr(windows.survey, part), getattr(whole.survey, part))
    np.testing.assert_allclose(windows.heading, whole.heading, atol=1e-9)
    np.testing.assert_allclose(windows.content, whole.content, atol=1e-4)
    np.testing.assert_allclose(windows.style.mean, whole.style.mean, atol=1e-4)
    np.testing.assert_allclose(windows.domain.error_cm, whole.domain.error_cm, atol=1e-3)
    assert windows.unchanged.rotation.dtype == np.float32, "there was only one window"


def test_a_fall_fades_the_style_in_both(
    analysed: Callable[[str], tuple[Analysis[Clip], Analysis[Clip]]],
) -> None:
    whole, windows = analysed("with a fall")
    assert whole.domain.share.min() == 0.0
    assert whole.domain.share.max() == 1.0
    np.testing.assert_allclose(windows.domain.share, whole.domain.share, atol=1e-4)


def test_networks_with_a_norm_over_time_see_all_of_it(walk_clip: Clip) -> None:
    bundle = Stylizer.load("unsupervised").bundle
    whole, windows = Stylizer(bundle, WHOLE), Stylizer(bundle, SMALL)
    clip = long_clip(20.0)
    code = whole.style_of(whole.read_references(_cue(walk_clip)))
    assert_near(windows.apply(windows.analyse(clip), code), whole.apply(whole.analyse(clip), code))
    assert np.isinf(windows.graphs.reach["generate"])
    assert np.isfinite(measure_reach(Stylizer.load().graphs, "generate"))


def _cue(clip: Clip) -> Any:
    from kinestyle.runtime.cue import Cue

    return Cue.of(like=clip)


def test_a_long_reference_has_the_style_of_the_whole(both: Both) -> None:
    reference = long_clip(20.0, 60.0, seed=7)
    whole, windows = (
        stylizer.reference_style(reference) for stylizer in (both.whole, both.windows)
    )
    np.testing.assert_allclose(windows.mean, whole.mean, atol=1e-4)
    np.testing.assert_allclose(windows.std, whole.std, atol=1e-4)


def test_untrained_networks_that_flip_joints_give_the_same_in_windows(tiny: Stylizer) -> None:
    """Every wild change of the decoder's is smoothed, faded or turned the other way round by what
    lies in other windows.
    """
    whole, windows = Stylizer(tiny.bundle, WHOLE), Stylizer(tiny.bundle, SMALL)
    clip = long_clip(30.0, seed=8)
    analyses = whole.analyse(clip), windows.analyse(clip)
    for style in ("proud", "one/calm"):
        code = whole.style_of(style)
        wanted = whole.apply(analyses[0], code, strength=1.3, root="copied")
        found = windows.apply(analyses[1], code, strength=1.3, root="copied")
        assert_near(found, wanted)


# ---------------------------------------------------------------- time and memory


class Counted:
    """A clip that counts the frames that are read of it, and the most at once."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.read, self.most = clip, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.clip, name)

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        self.read += stop - start
        self.most = max(self.most, stop - start)
        return self.clip.window(start, stop, joints)

    def with_warnings(self, *more: str) -> Counted:
        raise AssertionError("a long clip has no warning of its length")


def restyled(stylizer: Stylizer, seconds: float) -> Counted:
    """What is read of a clip to restyle it."""
    motion = Counted(long_clip(seconds))
    result = stylizer.apply(stylizer.analyse(motion), stylizer.style_of("proud"))
    assert not isinstance(result, Clip), "the result was computed as a whole"
    for window in SMALL.cut(result.frame_count, result.frame_time_seconds):
        result.window(window.start, window.stop)
    return motion


def test_each_frame_is_read_a_few_times_whatever_the_length(tiny: Stylizer) -> None:
    stylizer = Stylizer(tiny.bundle, SMALL)
    short, long = (restyled(stylizer, seconds) for seconds in (15.0, 45.0))
    times = [motion.read / motion.clip.frame_count for motion in (short, long)]
    assert max(times) < 1.25 * min(times) < 12.0
    assert long.most < 2 * SMALL.frames


def test_what_is_kept_of_a_long_clip_is_small(tiny: Stylizer) -> None:
    stylizer = Stylizer(tiny.bundle, SMALL)
    clip = long_clip(30.0)
    analysis = stylizer.analyse(clip)
    kept = [
        analysis.content,
        analysis.unchanged.rotation,
        analysis.unchanged.height,
        analysis.unchanged.velocity,
        analysis.heading,
        analysis.domain.error_cm,
        analysis.survey.contact,
        analysis.survey.feature_contact,
        analysis.survey.locked,
    ]
    assert sum(array.nbytes for array in kept) < 500 * clip.frame_count
    # nor is a larger array kept by a view of it
    views = [array.base for array in kept if array.base is not None]
    assert all(base.nbytes < 500 * clip.frame_count for base in views)


def test_a_clip_of_a_day_is_refused(tiny: Stylizer) -> None:
    clip = replace(long_clip(2.0), frame_time_seconds=LONGEST_SECONDS / 50)
    with pytest.raises(
        ClipError, match=r"lasts 14 hours, at most 12 are restyled; check its frame"
    ):
        tiny.analyse(clip)


def test_progress_goes_from_nothing_to_all_and_may_end_the_work(tiny: Stylizer) -> None:
    clip = long_clip(20.0)
    shares: list[float] = []
    Stylizer(tiny.bundle, SMALL).analyse(clip, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 8
    assert 0.0 < shares[0] < 0.1
    assert shares[-1] == pytest.approx(1.0)

    def give_up(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.analyse(clip, progress=give_up)


# ---------------------------------------------------------------- the parts


def test_windows_cover_a_clip_once() -> None:
    windows = cut(1000, 256, 40)
    wanted = np.concatenate([np.arange(1000)[window.wanted] for window in windows])
    np.testing.assert_array_equal(wanted, np.arange(1000))
    for window in windows:
        read = np.arange(1000)[window.read]
        np.testing.assert_array_equal(read[window.core], np.arange(1000)[window.wanted])
    assert windows[1] == Window(256, 512, 216, 552)
    assert WindowSize().cut(3600, 1.0 / 30.0, 40) == [Window.whole(3600)]
    assert len(WindowSize().cut(3601, 1.0 / 30.0, 40)) > 1
    assert len(WindowSize().cut(600, 8.3, 1)) > 1, "few frames, but hours of them"


def test_a_window_of_a_clip_is_that_of_its_file(walk_clip: Clip) -> None:
    window = walk_clip.window(20, 50)
    np.testing.assert_array_equal(window.local_rotation, walk_clip.local_rotation[20:50])
    np.testing.assert_array_equal(window.source.values, walk_clip.source.values[20:50])
    assert walk_clip.window(0, walk_clip.frame_count) is walk_clip
    legs = [0, *(walk_clip.skeleton.index(name) for name in ("LeftUpLeg", "LeftLeg", "LeftFoot"))]
    some = walk_clip.window(20, 50, legs)
    assert some.source is None
    assert some.skeleton.names == tuple(walk_clip.skeleton.names[joint] for joint in legs)
    np.testing.assert_array_equal(some.world_position, walk_clip.world_position[20:50, legs])


def test_a_survey_finds_what_whole_clips_show() -> None:
    clip = long_clip(20.0, 60.0, seed=11)
    c = correspond(clip)
    found = survey(clip, c, SMALL)
    canonical = to_canonical(clip, c)
    np.testing.assert_array_equal(found.contact, find_contacts(canonical))
    np.testing.assert_array_equal(found.locked, locked_feet(clip, c, found.contact))
    frames = FeatureFrames(clip)
    at_30 = frames.canonical(Window.whole(frames.frame_count), c)
    np.testing.assert_array_equal(found.feature_contact, find_contacts(at_30))
    some = frames.canonical(Window(100, 200, 90, 210), c)
    np.testing.assert_allclose(some.world_position, at_30.world_position[90:210], atol=1e-12)


def test_locking_feet_takes_time_for_their_steps_only() -> None:
    """The weights of each step were once computed over the whole clip."""

    def seconds(length: float) -> float:
        clip = long_clip(length, 10.0)
        c = correspond(clip)
        change = np.tile(rotation.exp(np.array([0.02, 0.0, 0.0])), (clip.frame_count, 21, 1))
        after = apply_change(clip, c, change, np.zeros((clip.frame_count, 3)))
        alternating = np.arange(clip.frame_count)[:, None] % 4 < np.array([2, 2, 0, 0])
        contact = alternating & np.array([True, True, False, False])
        start = process_time()
        lock_feet(clip, after, c, contact)
        return process_time() - start

    seconds(20.0)
    assert seconds(400.0) < 8.0 * seconds(100.0)


def test_a_motion_is_collected_as_a_clip(tiny: Stylizer) -> None:
    clip = long_clip(20.0)
    stylizer = Stylizer(tiny.bundle, SMALL)
    result = stylizer.apply(stylizer.analyse(Counted(clip)), stylizer.style_of("proud"))
    whole = collect(result, SMALL)
    again = stylizer.stylize(clip, "proud")
    np.testing.assert_array_equal(whole.local_rotation, again.local_rotation)
    some = np.array([0, 17, 400, clip.frame_count - 1])
    sampled = result.sample(some)
    np.testing.assert_allclose(sampled.local_rotation, whole.local_rotation[some], atol=1e-9)
    legs = [0, 1, 2]
    np.testing.assert_allclose(
        result.window(300, 320, legs).local_rotation,
        whole.local_rotation[300:320, legs],
        atol=1e-9,
    )
    assert isinstance(result.skeleton, Skeleton)
    assert result.world == StatedWorld()
    assert result.with_warnings("odd").warnings == (*clip.warnings, "odd")
