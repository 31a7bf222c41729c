"""What is settled of a performer, and styles that are heard by it: as in a whole clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinestyle import Stylizer, learn_style
from kinestyle.formats.bvh import read_bvh
from kinestyle.live.calibration import calibrate
from kinestyle.live.habits import HABIT_FRAMES, Habits, Settled
from kinestyle.live.listening import (
    REMEMBERED_FRAMES,
    WINDOW_FRAMES,
    put_window,
    window_frames,
)
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.live.track import Track
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond
from kinestyle.runtime.code_change import mix_codes
from kinestyle.runtime.graphs import LATENT_STRIDE, STRIDE
from kinestyle.runtime.reference import StyleCode
from live_streams import apart_cm, streamed

EXAMPLES = Path(__file__).parents[1] / "src" / "kinestyle" / "examples"


def bent(clip: Clip, degrees: float) -> Clip:
    """The clip with its chest bent forward."""
    chest = correspond(clip).mapping.joints["chest"]
    local = clip.local_rotation.copy()
    turn = rotation.exp(np.radians(degrees) * np.array([1.0, 0.0, 0.0]))
    local[:, chest] = rotation.multiply(local[:, chest], turn)
    return clip.with_motion(clip.local_position, local)


@pytest.fixture(scope="module")
def wave_clip() -> Clip:
    return read_bvh(EXAMPLES / "wave.bvh")


@pytest.fixture(scope="module")
def goblin(released: Stylizer, walk_clip: Clip, wave_clip: Clip) -> StyleCode:
    """Bent in walks, and far more so where it stands."""
    clips = [bent(walk_clip, 15.0), bent(wave_clip, 45.0)]
    return mix_codes([learn_style(released, "own/goblin", clips)], [1.0], 0)


@pytest.mark.parametrize("name", ["walk", "wave"])
def test_a_style_of_ones_own_is_that_of_the_whole_clip(
    released: Stylizer, walk_clip: Clip, wave_clip: Clip, goblin: StyleCode, name: str
) -> None:
    clip = {"walk": walk_clip, "wave": wave_clip}[name]
    calibration = calibrate(released.graphs, clip)
    live = streamed(StreamingStylizer(released, calibration, style=goblin), clip)
    analysis = released.analyse(clip, cycle="no")
    whole = released.apply(analysis, goblin, cycle="no")
    c = calibration.correspondence
    assert apart_cm(clip, whole, c).mean() > 2.5
    assert apart_cm(live, whole, c).mean() < 1.2


def test_what_earlier_windows_said_is_remembered() -> None:
    def window(first: int, stop: int) -> dict[str, np.ndarray]:
        return {"number": np.arange(first, stop), "stop": np.full(stop - first, stop)}

    track = Track(60)
    for stop in range(40, 400, 3):
        first, fresh = stop - 32, stop - 24
        track = put_window(track, first, fresh, window(first, stop + 12))
        rows = {name: track.rows(name, track.first, track.stop) for name in ("number", "stop")}
        np.testing.assert_array_equal(rows["number"], np.arange(track.first, stop + 12))
        assert (rows["stop"][fresh - track.first :] == stop + 12).all()
        assert not (rows["stop"][: fresh - track.first] == stop + 12).any() or stop == 40
    assert track.stop - track.first >= 60
    # nothing was heard for a while: what was said before says nothing of now
    track = put_window(track, 468, 476, window(468, 512))
    assert (track.first, track.stop) == (468, 512)


def test_networks_with_a_norm_over_time_are_shown_more(released: Stylizer) -> None:
    assert window_frames(released.graphs) == WINDOW_FRAMES
    assert window_frames(Stylizer.load("unsupervised").graphs) == REMEMBERED_FRAMES


def test_the_last_seconds_are_kept_in_whole_strides() -> None:
    def motion(start: int, stop: int) -> Settled:
        at = np.arange(start, stop, dtype=float)
        return Settled(
            at[None, ::LATENT_STRIDE], at[None, ::STRIDE], np.tile(at[:, None, None], (1, 2, 4)), at
        )

    habits = Habits(motion(-80, 0))
    for stop in range(3, 2000, 3):
        first = max(0, (stop - 64) // STRIDE * STRIDE)
        total = first + -(-(stop - first + 12) // STRIDE) * STRIDE
        habits.settle(motion(first, total), first, stop - first)
    known = habits._known
    settled = 1998 // STRIDE * STRIDE - STRIDE
    assert habits.changes == settled / STRIDE
    np.testing.assert_array_equal(known.height, np.arange(settled - HABIT_FRAMES, settled))
    np.testing.assert_array_equal(known.rotation[:, 0, 0], known.height)
    np.testing.assert_array_equal(known.latent[0], known.height[::LATENT_STRIDE])
    np.testing.assert_array_equal(known.content[0], known.height[::STRIDE])
