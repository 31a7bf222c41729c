"""What is promised of a stream holds on every rig of the contract test, and on made ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract_rigs import RIGS, opened
from kinestyle.live.calibration import calibrate
from kinestyle.live.stage import CHANGE_OVER_SECONDS
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer
from live_streams import acceleration_m_s2, apart_cm, from_hips_m, sliding_cm_s, streamed
from retarget_rigs import MADE

NEAR_CM = 5.0
"""Of the whole clip's result, joints in the mean. These clips last one second to five, of which
the first goes by before anything comes again; a dance and a kick are farthest, most are 1 to 2."""

LONG_SECONDS = 3.0
"""Shorter clips are played forth and back."""

POP = 1.25
"""The largest acceleration of a joint, in those of the input and of the results without a change;
beside what it takes to get from one result to the other in `CHANGE_OVER_SECONDS`."""


def performed(stylizer: Stylizer, clip: Clip) -> Clip:
    """The clip without a T-pose in front of it, for long enough to be known."""
    clip = clip.window(stylizer.analyse(clip).seen.lead_in, clip.frame_count)
    there = np.arange(clip.frame_count)
    round_ = np.concatenate([there, there[-2:0:-1]])
    frames = max(clip.frame_count, round(LONG_SECONDS * clip.frame_rate))
    return clip.sample(np.resize(round_, frames)) if len(round_) else clip


def keeps_its_promises(stylizer: Stylizer, clip: Clip) -> None:
    clip = performed(stylizer, clip)
    calibration = calibrate(stylizer.graphs, clip)
    c = calibration.correspondence

    stream = StreamingStylizer(stylizer, calibration, style="old", strength=0.0)
    nothing = streamed(stream, clip)
    # what is not believed is put between its neighbours: in one recording a foot is elsewhere
    same = (nothing.local_rotation == clip.local_rotation).all(axis=(1, 2))
    same &= (nothing.local_position == clip.local_position).all(axis=(1, 2))
    assert np.count_nonzero(~same) <= stream.refused <= 0.1 * clip.frame_count

    analysis = stylizer.analyse(clip, cycle="no")
    whole = stylizer.apply(analysis, stylizer.style_of("old"), cycle="no")
    live = streamed(StreamingStylizer(stylizer, calibration, style="old"), clip)
    assert live.frame_count == clip.frame_count
    off = apart_cm(live, whole, c).mean()
    assert off < NEAR_CM
    assert off < 0.9 * apart_cm(clip, whole, c).mean()

    other = {"style": "proud", "strength": 0.7, "parts": "upper"}
    stream = StreamingStylizer(stylizer, calibration, style="old")
    changed = streamed(stream, clip, changes={clip.frame_count // 3: other})
    assert apart_cm(changed, live, c)[-1] > 0.5
    usual = max(acceleration_m_s2(each, c).max() for each in (clip, whole, live))
    way = np.linalg.norm(from_hips_m(changed, c) - from_hips_m(live, c), axis=-1).max()
    passing = 6.0 * way / CHANGE_OVER_SECONDS**2
    assert acceleration_m_s2(changed, c).max() < POP * usual + passing

    locked = analysis.survey.locked
    if (locked[1:] & locked[:-1]).any(axis=0).all():
        slides = {
            name: sliding_cm_s(each, c, locked)
            for name, each in (("whole", whole), ("live", live), ("changed", changed))
        }
        most = 1.1 * max(slides["whole"], sliding_cm_s(clip, c, locked)) + 0.2
        assert slides["live"] < most
        assert slides["changed"] < most


@pytest.mark.parametrize("rig", MADE)
def test_a_stream_keeps_its_promises_on_made_rigs(released: Stylizer, rig: str) -> None:
    keeps_its_promises(released, MADE[rig])


@pytest.mark.slow
@pytest.mark.parametrize("rig", RIGS)
def test_a_stream_keeps_its_promises_on_rigs_of_the_wild(
    released: Stylizer, data_dir: Path, rig: str
) -> None:
    keeps_its_promises(released, opened(data_dir, RIGS[rig]))
