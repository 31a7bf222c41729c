"""A judge of one part of the body alone: what style do the arms and the back show, whatever the
legs do?

It is of the family of the second judge, fixed random kernels and ridge regression in closed form
(ROCKET, Dempster et al. 2020, arXiv 1910.13051), in numpy, and is made in seconds from real clips.
It reads the angles between the bones of its part, those of the legs to the vertical as well. Where
the rest of the body is, and how it leans, it does not see. Of feet it sees which way they point
over the ground: how a planted foot is tilted tells the performer, in whose clips it is the same to
a tenth of a degree, and nothing of a style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEFT, UP
from kinestyle.motion.rotation import Array
from kinestyle.runtime.part_names import BODY_PARTS

KERNELS, TAPS = 700, 9
DILATIONS = (1, 2, 4, 8, 16)
MOST_CHANNELS = 9
"""Inputs that one kernel mixes."""
RIDGE = 0.3
"""Penalty, as a share of the mean square of the responses."""


@dataclass(frozen=True, eq=False)
class PartJudge:
    """Tells the style of a part from its motion.

    part: a name of `BODY_PARTS`; styles: its classes
    """

    part: str
    styles: tuple[str, ...]
    kernels: _Kernels
    mean: Array
    std: Array
    slope: Array
    offset: Array

    @classmethod
    def learn(cls, part: str, clips: Sequence[Array], styles: Sequence[str]) -> PartJudge:
        """clips: (T, 21, 4) world rotations on the canonical skeleton, the heading removed, at 30
        frames a second; styles: of each of them
        """
        names = tuple(sorted(set(styles)))
        shown = [bone_angles(clip, part) for clip in clips]
        kernels = _Kernels.random(shown, seed=len(part))
        responses = np.stack([kernels.responses(channels) for channels in shown])
        mean, std = responses.mean(axis=0), np.maximum(responses.std(axis=0), 1e-3)
        classes = np.array([names.index(style) for style in styles])
        slope, offset = _regress((responses - mean) / std, classes, len(names))
        return cls(part, names, kernels, mean, std, slope, offset)

    def predict(self, world_rotation: Array) -> str:
        """world_rotation: (T, 21, 4) as in `learn` -> the likeliest style."""
        responses = self.kernels.responses(bone_angles(world_rotation, self.part))
        scores = ((responses - self.mean) / self.std) @ self.slope + self.offset
        return self.styles[int(scores.argmax())]


def bone_angles(world_rotation: Array, part: str) -> Array:
    """world_rotation: (T, 21, 4) -> (T, C) cosines between the bones of a part, feet and toes as
    if they were level, and with the vertical where the part has the hips, which stand on the floor.
    """
    roles = BODY_PARTS[part]
    joints, directions = zip(*(_bone(role) for role in roles), strict=True)
    for role in ("hips", "chest", "head"):
        if role in roles:
            joints, directions = (*joints, CANONICAL.index(role)), (*directions, LEFT)
    bones = rotation.rotate(world_rotation[:, joints], np.array(directions))
    feet = [i for i, role in enumerate(roles) if role.endswith(("foot", "toe"))]
    bones[:, feet] = rotation.normalize(bones[:, feet] * (1.0 - UP))
    first, second = np.triu_indices(len(joints), 1)
    cosines = np.einsum("tck,tck->tc", bones[:, first], bones[:, second])
    return np.concatenate([cosines, bones @ UP], axis=1) if "hips" in roles else cosines


def _bone(role: str) -> tuple[int, Array]:
    """A joint, and the direction (3,) in which its bone lies in the T-pose."""
    joint = CANONICAL.index(role)
    along = {"hips": "spine", "chest": "neck"}.get(role)
    children = [CANONICAL.index(along)] if along else CANONICAL.children[joint]
    ends = CANONICAL.end_offsets[CANONICAL.end_parents == joint]
    offset = CANONICAL.offsets[children[0]] if children else ends[0]
    return joint, offset / np.linalg.norm(offset)


@dataclass(frozen=True, eq=False)
class _Kernels:
    """mix: (C, K); taps: (K, TAPS); dilation: (K,) ascending; threshold: (K,)"""

    mix: Array
    taps: Array
    dilation: np.ndarray
    threshold: Array

    @classmethod
    def random(cls, clips: Sequence[Array], seed: int) -> _Kernels:
        """clips: (T, C) of which thresholds are random quantiles"""
        random = np.random.default_rng(seed)
        channels = clips[0].shape[1]
        mix = np.zeros((channels, KERNELS))
        taps = random.standard_normal((KERNELS, TAPS))
        for k in range(KERNELS):
            count = min(channels, int(MOST_CHANNELS ** random.random()))
            mix[random.choice(channels, count, replace=False), k] = random.standard_normal(count)
            # a third responds to a pose, the others to how it changes
            taps[k] = np.abs(taps[k]) if random.random() < 1 / 3 else taps[k] - taps[k].mean()
        dilation = np.sort(random.choice(DILATIONS, KERNELS))
        kernels = cls(mix, taps, dilation, np.zeros(KERNELS))
        some = np.concatenate([kernels._convolved(clip) for clip in clips[::10]])
        quantile = 0.1 + 0.8 * random.random(KERNELS)
        at = (quantile * (len(some) - 1)).astype(int)
        threshold = np.sort(some, axis=0)[at, np.arange(KERNELS)]
        return cls(mix, taps, dilation, threshold)

    def responses(self, channels: Array) -> Array:
        """channels: (T, C) -> (2 K,): the share of time above the threshold, then the maximum."""
        above = self._convolved(channels) - self.threshold
        return np.concatenate([(above > 0.0).mean(axis=0), above.max(axis=0)])

    def _convolved(self, channels: Array) -> Array:
        """channels: (T, C) -> (T, K), ends held."""
        mixed = channels @ self.mix
        result = np.zeros_like(mixed)
        frames, half = np.arange(len(mixed)), TAPS // 2
        for dilation in DILATIONS:
            some = slice(*np.searchsorted(self.dilation, [dilation, dilation + 1]))
            for tap in range(TAPS):
                at = np.clip(frames + (tap - half) * dilation, 0, len(mixed) - 1)
                result[:, some] += self.taps[some, tap] * mixed[at, some]
        return result


def _regress(standard: Array, classes: np.ndarray, count: int) -> tuple[Array, Array]:
    """standard: (N, R) responses, classes: (N,) -> slope (R, count) and offset (count,) of the
    ridge regression onto 1 for a clip's class and -1 for the others, each class weighing alike.
    """
    weight = (1.0 / np.bincount(classes, minlength=count)[classes])[:, None]
    target = np.where(np.arange(count) == classes[:, None], 1.0, -1.0)
    mean, target_mean = ((weight * each).sum(axis=0) / weight.sum() for each in (standard, target))
    centred = standard - mean
    square = centred.T @ (weight * centred)
    square[np.diag_indices_from(square)] += RIDGE * np.trace(square) / len(square)
    slope = np.linalg.solve(square, centred.T @ (weight * (target - target_mean)))
    return slope, target_mean - mean @ slope
