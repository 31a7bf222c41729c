"""A clip's motion as the bytes that the page draws: positions in metres, Y up, floor at 0."""

from __future__ import annotations

import json
import struct

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import Correspondence, to_canonical


def pack_motion(
    clip: Clip, correspondence: Correspondence, contact: np.ndarray | None = None
) -> bytes:
    """The bytes described in docs/STUDIO.md.

    correspondence: of the clip's rig; contact: (T, 4) bool if it is known already
    """
    if contact is None:
        contact = find_contacts(to_canonical(clip, correspondence))
    skeleton = clip.skeleton
    head = {
        "names": list(skeleton.names),
        "parents": skeleton.parents.tolist(),
        "frame_count": clip.frame_count,
        "joint_count": skeleton.joint_count,
        "frame_time_seconds": clip.frame_time_seconds,
        "tips": len(skeleton.end_parents),
        "tip_parents": skeleton.end_parents.tolist(),
        "roles": correspondence.mapping.joints,
        "contacts": [CANONICAL.names[joint] for joint in CONTACT_JOINTS],
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    tips = tip_position(skeleton, clip.world_position, clip.world_rotation)
    return b"".join(
        (
            struct.pack("<I", len(text)),
            text,
            _in_metres(clip.world_position, correspondence),
            _in_metres(tips, correspondence),
            contact.astype(np.uint8).tobytes(),
        )
    )


def _in_metres(position: Array, c: Correspondence) -> bytes:
    """position: (T, N, 3) in the file's units and axes -> float32 metres, Y up, floor at 0, little
    endian.
    """
    metres = (rotation.rotate(c.axes, position) - c.floor * UP) * c.mapping.metres_per_unit
    return metres.astype("<f4").tobytes()
