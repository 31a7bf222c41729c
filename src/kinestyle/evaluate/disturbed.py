"""How much of their accuracy judges keep on real clips that are shown a little otherwise.

A judge that reads the fingerprint of a recording, its calibration or its exact pace, is right on
real clips and says nothing of a result. So each real clip is shown again with smooth noise on all
joints, quicker and slower: nobody would call its style or its action another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.outcomes import RealClip
from kinestyle.evaluate.summary import real_accuracy
from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_at
from kinestyle.motion.smoothing import smooth_in_time

LEAST_KEPT = 0.95
"""Of its accuracy, what a judge has to keep."""


@dataclass(frozen=True)
class Disturbance:
    """What is done to a clip. noise_degrees: standard deviation of the angle about each axis of a
    joint; tempo: factor of all speeds
    """

    name: str
    noise_degrees: float = 0.0
    tempo: float = 1.0

    def __call__(self, clip: Clip, seed: int = 0) -> Clip:
        """The same clip of the canonical skeleton, disturbed; the same for the same name of a clip
        and seed.
        """
        if self.tempo != 1.0:
            clip = at_tempo(clip, self.tempo)
        if self.noise_degrees == 0.0:
            return clip
        random = np.random.default_rng((crc32(clip.name.encode()), seed))
        return with_noise(clip, np.radians(self.noise_degrees), random)


DISTURBANCES = (
    Disturbance("2 degrees of noise", noise_degrees=2.0),
    Disturbance("15 % quicker", tempo=1.15),
    Disturbance("15 % slower", tempo=0.85),
)

_NOISE_SECONDS = 0.1
"""Smoothness of the noise: as slow as what a capture system corrects."""


def with_noise(clip: Clip, std: float, random: np.random.Generator) -> Clip:
    """Smooth noise of so many radians on every joint but the hips."""
    sigma = _NOISE_SECONDS * clip.frame_rate
    margin = int(np.ceil(4.0 * sigma))
    shape = clip.frame_count + 2 * margin, clip.skeleton.joint_count, 3
    noise = smooth_in_time(random.standard_normal(shape), sigma)
    noise *= std / noise.std()
    noise = noise[margin : margin + clip.frame_count]
    noise[:, HIPS] = 0.0
    return clip.with_motion(
        clip.local_position, rotation.multiply(clip.local_rotation, rotation.exp(noise))
    )


def at_tempo(clip: Clip, factor: float) -> Clip:
    """The same motion, so many times as fast, at the same frame rate."""
    count = int((clip.frame_count - 1) / factor) + 1
    return resample_at(clip, np.arange(count) * factor, clip.frame_time_seconds)


@dataclass(frozen=True)
class Steadiness:
    """What a judge keeps of its accuracy under one disturbance, as shares."""

    judge: str
    disturbance: str
    set_name: str
    clips: int
    style: float
    content: float

    @property
    def kept(self) -> bool:
        return min(self.style, self.content) >= LEAST_KEPT


def steadiness(
    judges: Sequence[Judge], real: Sequence[RealClip], shown: Mapping[str, Sequence[RealClip]]
) -> list[Steadiness]:
    """real: clips as they are; shown: the same in the same order, by what was done to them."""
    rows = []
    sets = sorted({clip.clip.set_name for clip in real})
    for index, judge in enumerate(judges):
        for set_name in sets:
            before = [clip for clip in real if clip.clip.set_name == set_name]
            clean = real_accuracy(judge, index, before, before)
            for name, clips in shown.items():
                after = [clip for clip in clips if clip.clip.set_name == set_name]
                found = real_accuracy(judge, index, after, after)
                rows.append(
                    Steadiness(
                        judge.name,
                        name,
                        set_name,
                        len(after),
                        _ratio(found.style.value, clean.style.value),
                        _ratio(found.content.value, clean.content.value),
                    )
                )
    return rows


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
