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
    parts = [[len(moments)], moments, clip.local_position, clip.local_rotation]
    return np.concatenate([np.ravel(part) for part in parts]).astype(float).tobytes()


def put_state(clip: Clip, state: bytes) -> tuple[Clip, Array | None]:
    """The clip that was uploaded, with the motion of `pack_state`; and its moments."""
    numbers = np.frombuffer(state)
    joints = clip.skeleton.joint_count
    moments, motion = np.split(numbers[1:], [int(numbers[0])])
    frames = motion.size // (7 * joints)
    position, rotation = np.split(motion, [3 * frames * joints])
    if len(moments):
        clip = replace(clip, source=source_at(clip.source, moments))
    clip = clip.with_motion(
        position.reshape(frames, joints, 3), rotation.reshape(frames, joints, 4)
    )
    return clip, moments if len(moments) else None
