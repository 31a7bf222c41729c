"""Real clips shown a little otherwise, and what judges keep of their accuracy on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.evaluate.disturbed import (
    DISTURBANCES,
    LEAST_KEPT,
    Disturbance,
    at_tempo,
    steadiness,
)
from kinestyle.evaluate.judge import Prediction
from kinestyle.evaluate.outcomes import RealClip
from kinestyle.evaluate.protocol import TestClip
from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.clip import Clip
from made_rigs import walk

STYLES, CONTENTS = ("one/old", "one/proud"), ("one/walk", "one/wave")


@pytest.fixture
def clip() -> Clip:
    return replace(walk(3.0, 30.0).clip, name="walk")


def test_noise_is_smooth_of_the_size_that_is_asked_for_and_spares_the_hips(clip: Clip) -> None:
    noisy = Disturbance("noise", noise_degrees=2.0)(clip)
    off = rotation.multiply(noisy.local_rotation, rotation.inverse(clip.local_rotation))
    angle = np.degrees(rotation.log(off))
    assert np.abs(angle[:, HIPS]).max() < 1e-6
    others = np.delete(angle, HIPS, axis=1)
    assert 1.8 < others.std() < 2.2
    assert np.diff(others, axis=0).std() < 0.5 * others.std()  # no tremble
    np.testing.assert_array_equal(noisy.local_position, clip.local_position)


def test_noise_is_that_of_the_clip_and_the_seed(clip: Clip) -> None:
    noise = Disturbance("noise", noise_degrees=2.0)
    again = noise(clip).local_rotation
    np.testing.assert_array_equal(noise(clip).local_rotation, again)
    assert np.abs(noise(clip, seed=1).local_rotation - again).max() > 1e-3
    assert np.abs(noise(replace(clip, name="another")).local_rotation - again).max() > 1e-3


def test_another_tempo_shows_the_same_in_less_or_more_time(clip: Clip) -> None:
    for factor in (1.25, 0.8):
        shown = at_tempo(clip, factor)
        assert shown.frame_time_seconds == clip.frame_time_seconds
        assert shown.frame_count == int((clip.frame_count - 1) / factor) + 1
        k = 20
        np.testing.assert_allclose(
            shown.world_position[k],
            at_tempo(clip, 1.0).world_position[round(k * factor)],
            atol=1e-9,
        )
    names = [disturbance.name for disturbance in DISTURBANCES]
    assert names == ["2 degrees of noise", "15 % quicker", "15 % slower"]


class _Judge:
    name = "made"
    contents = CONTENTS


def _shown(style: str, content: str, said: tuple[str, str], file: str) -> RealClip:
    none = np.zeros(2)
    prediction = Prediction(none, none, none, none, said[0], {"one": said[0]}, {"one": said[1]})
    clip = TestClip(Path(file), "one", style, content, "test")
    return RealClip(clip, (prediction,), np.zeros((1, 21, 3)), None)  # type: ignore[arg-type]


def test_what_a_judge_keeps_is_a_share_of_its_own_accuracy() -> None:
    right = [(style, content) for style in STYLES for content in CONTENTS]
    real = [_shown(*of, of, f"{k}.bvh") for k, of in enumerate(right)]
    real.append(_shown(*right[0], right[3], "4.bvh"))  # it is wrong on this one anyway
    half = [_shown(*of, of if k < 2 else right[3 - k], f"{k}.bvh") for k, of in enumerate(right)]
    half.append(real[-1])
    (same, lost) = steadiness(
        [_Judge()],
        real,
        {"nothing": real, "much": half},  # type: ignore[list-item]
    )
    assert (same.style, same.content, same.kept, same.clips) == (1.0, 1.0, True, 5)
    assert lost.style == pytest.approx(0.5)
    assert min(lost.style, lost.content) < LEAST_KEPT
    assert not lost.kept
    assert lost.disturbance == "much"
