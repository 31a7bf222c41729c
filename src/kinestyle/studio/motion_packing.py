"""A clip's motion as the bytes that the page draws: positions in metres, Y up, floor at 0."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, tip_position
from kinestyle.retarget.body_bones import body_bones, with_body_tips
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import Correspondence, to_canonical

_SAMPLED_FRAMES = 48


def pack_motion(
    clip: Clip,
    correspondence: Correspondence,
    contact: np.ndarray | None = None,
    first_frame: int = 0,
    rotations: bool = False,
) -> bytes:
    """The bytes described in docs/STUDIO.md.

    correspondence: of the clip's rig; contact: (T, 4) bool if it is known already;
        first_frame: which frame of the clip the first one is, of a part
    rotations: whether the joints' rotations are needed too, to move a mesh
    """
    if contact is None:
        contact = find_contacts(to_canonical(clip, correspondence))
    skeleton = with_body_tips(clip.skeleton, correspondence)
    tips = tip_position(skeleton, clip.world_position, clip.world_rotation)
    head = {
        "names": list(skeleton.names),
        "parents": skeleton.parents.tolist(),
        "frame_count": clip.frame_count,
        "first_frame": first_frame,
        "joint_count": skeleton.joint_count,
        "frame_time_seconds": clip.frame_time_seconds,
        "tips": len(skeleton.end_parents),
        "tip_parents": skeleton.end_parents.tolist(),
        "roles": correspondence.mapping.joints,
        "has_rotations": rotations,
        "metres_per_unit": correspondence.mapping.metres_per_unit,
        "contacts": [CANONICAL.names[joint] for joint in CONTACT_JOINTS],
        "bones": _bones(skeleton, clip.world_position, tips, correspondence),
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    return b"".join(
        (
            struct.pack("<I", len(text)),
            text,
            _in_metres(clip.world_position, correspondence),
            _in_metres(tips, correspondence),
            contact.astype(np.uint8).tobytes(),
            _rotations(clip.world_rotation, correspondence) if rotations else b"",
        )
    )


def pack_poses(clip: Clip, correspondence: Correspondence) -> bytes:
    """(T, N, 3) float32 metres of the joints and then the tips that `pack_motion` names, frame by
    frame.
    """
    skeleton = with_body_tips(clip.skeleton, correspondence)
    tips = tip_position(skeleton, clip.world_position, clip.world_rotation)
    return _in_metres(np.concatenate([clip.world_position, tips], axis=1), correspondence)


def _bones(
    skeleton: Skeleton, position: Array, tips: Array, c: Correspondence
) -> list[dict[str, Any]]:
    """The body's bones, radii in metres. position: (T, J, 3), tips: (T, E, 3), in file units."""
    sample = np.linspace(0, len(position) - 1, _SAMPLED_FRAMES).astype(int)
    node = np.concatenate([position[sample], tips[sample]], axis=1)
    parents = np.concatenate([skeleton.parents, skeleton.end_parents])
    # joints may move against their parents
    length = np.median(np.linalg.norm(node - node[:, parents], axis=-1), axis=0)
    bones = body_bones(skeleton, c.mapping.joints, length.tolist(), 1.0 / c.scale_to_canonical)
    unit = c.mapping.metres_per_unit
    return [
        {**bone._asdict(), "radii": [round(unit * radius, 4) for radius in bone.radii]}
        for bone in bones
    ]


def _rotations(q: Array, c: Correspondence) -> bytes:
    """q: (T, J, 4) in the file's axes -> int16 of 32767ths wxyz, Y up, little endian."""
    turned = rotation.normalize(rotation.multiply(c.axes, q))
    return np.rint(turned * 32767).astype("<i2").tobytes()


def _in_metres(position: Array, c: Correspondence) -> bytes:
    """position: (T, N, 3) in the file's units and axes -> float32 metres, Y up, floor at 0, little
    endian.
    """
    metres = (rotation.rotate(c.axes, position) - c.floor * UP) * c.mapping.metres_per_unit
    return metres.astype("<f4").tobytes()
