"""A T-pose in front of a result, for tools that take a rig's rest pose from the first frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, REST_POSITION_M, UP, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import with_lead_in
from kinestyle.motion.window import Motion
from kinestyle.note import Note
from kinestyle.retarget.changes import from_canonical
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import y_up_position


def with_t_pose(motion: Motion, c: Correspondence) -> Motion:
    """The motion with one frame more in front: the rig's T-pose on the floor, facing +Z where +Y is
    up, where the motion begins. Joints without a role are as in its first frame. A clip, if that is
    one.
    """
    first = motion.window(0, 1)
    hips = y_up_position(first, c, "hips")[0] * c.scale_to_canonical
    root = hips * (1.0 - UP) + REST_POSITION_M[HIPS] * UP
    still = np.broadcast_to(rotation.IDENTITY, (1, CANONICAL.joint_count, 4))
    rest = canonical_clip(root[None], still, motion.frame_time_seconds)
    posed = from_canonical(rest, c, first)
    note = Note(
        f"the first frame of the result is a T-pose, the second is the first of {motion.name}: "
        f"{motion.frame_count + 1} frames in all",
        "t-pose",
        f"The first frame is a T-pose: {motion.frame_count + 1} frames in all",
    )
    pose: Clip = replace(
        first.with_motion(posed.local_position, posed.local_rotation),
        warnings=(*motion.warnings, note),
    )
    return with_lead_in(pose, 1, motion)
