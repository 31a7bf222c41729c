"""The motion of a result as bytes, which are put into its upload read again: the server keeps these
for a worker that knows the result no more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.warp import source_at


def pack_state(clip: Clip, moments: Array | None) -> bytes:
    """moments: (T,) fractional numbers of the upload's frames at which the clip's are; None where
    they are the same.
    """
    moments = np.zeros(0) if moments is None else moments
    motions = [clip] if clip.base is None else [clip, clip.base]
    head = [len(moments), clip.frame_time_seconds, clip.source is not None, len(motions)]
    motion = [part for one in motions for part in (one.local_position, one.local_rotation)]
    parts = [head, moments, *motion]
    return np.concatenate([np.ravel(part) for part in parts]).astype(float).tobytes()


def put_state(clip: Clip, state: bytes) -> tuple[Clip, Array | None]:
    """The clip that was uploaded, with the motion of `pack_state`; and its moments."""
    numbers = np.frombuffer(state)
    count, seconds, has_source, motions = numbers[:4].tolist()
    moments, motion = np.split(numbers[4:], [int(count)])
    source = source_at(clip.source, moments) if len(moments) else clip.source
    clip = replace(clip, frame_time_seconds=seconds, source=source if has_source else None)
    put, *base = (_put(clip, part) for part in np.split(motion, int(motions)))
    return replace(put, base=base[0] if base else None), moments if len(moments) else None


def _put(clip: Clip, motion: Array) -> Clip:
    """motion: positions and rotations, one after the other"""
    joints = clip.skeleton.joint_count
    frames = motion.size // (7 * joints)
    position, rotation = np.split(motion, [3 * frames * joints])
    return clip.with_motion(
        position.reshape(frames, joints, 3), rotation.reshape(frames, joints, 4)
    )
