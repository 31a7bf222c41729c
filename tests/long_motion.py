"""Long motion on the rig of the examples: both of them one after the other, again and again, at a
changing pace and with rests, on a winding path.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle.formats.bvh import read_bvh
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_rotation, resample_vector
from kinestyle.motion.rotation import Array

EXAMPLES = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples"
BLEND_SECONDS = 0.4
REST_SECONDS = (2.0, 25.0)
"""A rest is longer than any halo, and than a small window."""


def long_clip(seconds: float, frame_rate: float = 30.0, seed: int = 0) -> Clip:
    """A clip of 53 joints, fingers included. Its source is the layout of the walk, without values.

    It begins with the walk and the wave in some order, and always has the same frames up to the
    shorter of two lengths.
    """
    examples = [read_bvh(EXAMPLES / name) for name in ("walk.bvh", "wave.bvh")]
    random, frames = np.random.default_rng(seed), round(seconds * frame_rate)
    positions: list[Array] = []
    rotations: list[Array] = []
    made = 0
    while made < frames:
        last = (positions[-1][-1], rotations[-1][-1]) if made else None
        kind = random.integers(3)
        if last is not None and kind == 2:
            position, turned = _rest(*last, random.uniform(*REST_SECONDS), frame_rate)
        else:
            pace, turn = random.uniform(0.8, 1.25), 0.3 * random.normal()
            position, turned = _at_pace(examples[kind % 2], pace, frame_rate)
            if last is not None:
                position, turned = _after(position, turned, *last, turn)
        if last is not None:
            _blend(position, turned, *last, round(BLEND_SECONDS * frame_rate))
        positions.append(position)
        rotations.append(turned)
        made += len(position)
    rig = examples[0]
    return replace(
        rig,
        local_position=np.concatenate(positions)[:frames],
        local_rotation=np.concatenate(rotations)[:frames],
        frame_time_seconds=1.0 / frame_rate,
        name="long",
        source=rig.source.window(0, 0),
    )


def _at_pace(clip: Clip, pace: float, frame_rate: float) -> tuple[Array, Array]:
    """The positions and rotations of a clip, `pace` times as fast."""
    step = pace * clip.frame_rate / frame_rate
    at_frame = np.arange(0.0, clip.frame_count - 1, step)
    return (
        resample_vector(clip.local_position, at_frame).copy(),
        resample_rotation(clip.local_rotation, at_frame).copy(),
    )


def _rest(position: Array, turned: Array, seconds: float, frame_rate: float) -> tuple[Array, Array]:
    """A pose that is kept, but for a swaying trunk: feet stand for all of it."""
    time = np.arange(round(seconds * frame_rate)) / frame_rate
    sway = rotation.exp(
        np.stack([0.03 * np.sin(1.7 * time), 0.0 * time, 0.02 * np.sin(1.1 * time)], axis=-1)
    )
    rotations = np.repeat(turned[None], len(time), axis=0)
    for joint in range(1, 6):
        rotations[:, joint] = rotation.multiply(rotations[:, joint], sway)
    return np.repeat(position[None], len(time), axis=0), rotations


def _after(
    position: Array, turned: Array, last_position: Array, last_turned: Array, turn: float
) -> tuple[Array, Array]:
    """The same motion from where, and with the heading with which, other motion ended; turn:
    radians farther to the left.
    """
    level = np.array([1.0, 0.0, 1.0])
    facing = rotation.about_y(_heading(last_turned[0]) - _heading(turned[0, 0]) + turn)
    turned[:, 0] = rotation.multiply(facing, turned[:, 0])
    path = rotation.rotate(facing, position[:, 0] - position[0, 0] * level)
    position[:, 0] = path + last_position[0] * level
    return position, turned


def _heading(q: Array) -> float:
    x, _, z = rotation.rotate(q, np.array([0.0, 0.0, 1.0]))
    return float(np.arctan2(x, z))


def _blend(
    position: Array, turned: Array, last_position: Array, last_turned: Array, frames: int
) -> None:
    """Begin motion at a pose."""
    frames = min(frames, len(position))
    weight = (np.arange(frames) + 1.0) / (frames + 1.0)
    position[:frames] = last_position + (position[:frames] - last_position) * weight[:, None, None]
    start = np.broadcast_to(last_turned, turned[:frames].shape)
    each = np.broadcast_to(weight[:, None], start.shape[:2])
    turned[:frames] = rotation.interpolate(start, turned[:frames], each)
