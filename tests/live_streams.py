"""Streams for tests: a clip pushed frame by frame, with what a network does to it on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kinestyle.live.performer import Frame
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence


def frames_of(clip: Clip) -> list[Frame]:
    return [Frame(*rows) for rows in zip(clip.local_position, clip.local_rotation, strict=True)]


def streamed(
    stream: StreamingStylizer,
    clip: Clip,
    frames: Sequence[Frame | None] | None = None,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
) -> Clip:
    """What leaves for the frames of a clip, or for others of its rig. changes: what is asked for
    before a frame is pushed
    """
    left = []
    for number, frame in enumerate(frames_of(clip) if frames is None else frames):
        if changes and number in changes:
            stream.restyle(**changes[number])
        left.append(stream.push(frame))
    left += stream.finish()
    found = [frame for frame in left if frame is not None]
    return clip.with_motion(
        np.stack([frame.local_position for frame in found]),
        np.stack([frame.local_rotation for frame in found]),
    )


def from_hips_m(clip: Clip, c: Correspondence) -> Array:
    """(T, K, 3) the mapped joints from the hips, canonical metres."""
    position = clip.world_position
    hips = position[:, [c.mapping.joints["hips"]]]
    return (position[:, c.joints] - hips) * c.scale_to_canonical


def apart_cm(one: Clip, other: Clip, c: Correspondence) -> Array:
    """(T,) mean distance of the mapped joints, hips at one place."""
    off = np.linalg.norm(from_hips_m(one, c) - from_hips_m(other, c), axis=-1)
    return 100.0 * off.mean(axis=1)


def acceleration_m_s2(clip: Clip, c: Correspondence) -> Array:
    """(T - 2,) the largest of the mapped joints."""
    second = np.diff(from_hips_m(clip, c), 2, axis=0) * clip.frame_rate**2
    return np.linalg.norm(second, axis=-1).max(axis=1)


def sliding_cm_s(clip: Clip, c: Correspondence, locked: np.ndarray) -> float:
    """How fast locked feet move over the ground in the mean. locked: (T, 2)"""
    speeds = []
    for column, side in enumerate(("left", "right")):
        joint = c.mapping.joints.get(f"{side}_toe", c.mapping.joints[f"{side}_foot"])
        steps = np.diff(clip.world_position[:, joint], axis=0)[:, [0, 2]]
        still = locked[1:, column] & locked[:-1, column]
        speeds.append(np.linalg.norm(steps, axis=-1)[still])
    return float(100.0 * np.concatenate(speeds).mean() * c.scale_to_canonical * clip.frame_rate)
