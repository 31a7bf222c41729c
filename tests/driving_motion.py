"""Motion on the canonical skeleton with which generated rigs are driven: the project's own, and
real where there is some.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle.formats.table import read_motion
from kinestyle.motion.canonical import HIPS, REST_POSITION_M
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.retarget.correspondence import correspond, to_canonical
from made_rigs import turned, walk

_FRAMES = 90
_RATE = 30.0


def made_motions() -> list[Clip]:
    """Walks of the project's own: slow and quick ones, with and without rolling feet."""
    walks = [
        walk(3.0, _RATE, heading, rise).clip
        for heading, rise in ((0.0, 0.0), (1.0, 0.5), (-2.0, 0.3))
    ]
    return [turned(clip, 0.7 * k, np.array([0.5 * k, 0.0, -k])) for k, clip in enumerate(walks)]


def led_by_a_t_pose(motion: Clip, frames: int) -> Clip:
    """The motion with the canonical T-pose in front, on the floor where it begins."""
    position, turned = motion.local_position[:1].copy(), np.zeros_like(motion.local_rotation[:1])
    turned[..., 0] = 1.0
    position[0, HIPS, 1] = REST_POSITION_M[HIPS, 1]
    return motion.with_motion(
        np.concatenate([np.repeat(position, frames, axis=0), motion.local_position]),
        np.concatenate([np.repeat(turned, frames, axis=0), motion.local_rotation]),
    )


def real_motions(data: Path, each: int, seed: int = 0) -> list[Clip]:
    """About three seconds each out of `each` clips of Bandai-Namco 1 and 2, CMU on two rigs, and
    HDM05.
    """
    random = np.random.default_rng(seed)
    found: list[Clip] = []
    for pattern in (
        "bandai/*-1/data/*.bvh",
        "bandai/*-2/data/*.bvh",
        "unlabelled/cmu/*.bvh",
        "unlabelled/cmu/iclone/*.bvh",
        "unlabelled/hdm05/*.amc",
    ):
        files = sorted(data.glob(pattern))
        for index in (
            random.choice(len(files), min(each, len(files)), replace=False) if files else ()
        ):
            found.append(_canonical_piece(files[index], random))
    return found


def _canonical_piece(file: Path, random: np.random.Generator) -> Clip:
    clip = read_motion(file)
    canonical = resample(to_canonical(clip, correspond(clip)), _RATE)
    start = int(random.integers(0, max(1, canonical.frame_count - _FRAMES)))
    frames = slice(start, start + _FRAMES)
    piece = canonical.with_motion(
        canonical.local_position[frames], canonical.local_rotation[frames]
    )
    return replace(piece, name=file.stem)
