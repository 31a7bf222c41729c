"""Measures of motion that need no judge. All take clips on the canonical skeleton, in metres."""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, part_of
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_JOINTS, CONTACT_REST_HEIGHT_M
from kinestyle.retarget.features import heading_free_rotation
from kinestyle.runtime.hinges import bent_back

FLIP_RADIANS = np.radians(25.0)
"""A bone that turns this much more in one frame than the input's does has flipped: 750 degrees a
second at 30 frames a second.
"""


def planted_speed(canonical: Clip, contact: np.ndarray) -> Array:
    """contact: (T, 4) bool, the input's, also for a result, whose foot should be planted there ->
    (N,) speeds over the ground of the planted foot joints, metres a second.
    """
    return speed_while_planted(
        canonical.world_position[:, CONTACT_JOINTS], contact, canonical.frame_time_seconds
    )


def speed_while_planted(position: Array, contact: np.ndarray, frame_time_seconds: float) -> Array:
    """position: (T, 4, 3) metres, Y up -> as `planted_speed`."""
    if len(position) < 2:
        return np.zeros(0)
    speed = np.linalg.norm(np.diff(position[..., [0, 2]], axis=0), axis=-1) / frame_time_seconds
    return speed[contact[:-1] & contact[1:]]


SKATING_M_S, SKATING_HEIGHT_M = 0.5, 0.05
"""A foot skates while it is lower than this and quicker than this over the ground: 2.5 cm from
frame to frame at 20 frames a second, as Karunratanakul et al. count it (2023, Guided Motion
Diffusion)."""


def skating_ratio(position: Array, frame_time_seconds: float) -> float:
    """position: (T, 4, 3) metres of ankles and toes, Y up, floor at 0, as `contact_positions` ->
    the share of frames in which a foot skates: the *foot skating ratio* of other papers.

    Real clips have some too: in a swing, toes pass just above the ground.
    """
    if len(position) < 2:
        return 0.0
    speed = np.linalg.norm(np.diff(position[..., [0, 2]], axis=0), axis=-1) / frame_time_seconds
    low = position[..., 1] - CONTACT_REST_HEIGHT_M < SKATING_HEIGHT_M
    return float(((speed > SKATING_M_S) & low[:-1] & low[1:]).any(axis=-1).mean())


def jerk(canonical: Clip) -> float:
    """Mean length of the third derivative of joint positions, metres a second cubed; 0 for fewer
    than four frames.
    """
    if canonical.frame_count < 4:
        return 0.0
    third = np.diff(canonical.world_position, n=3, axis=0) / canonical.frame_time_seconds**3
    return float(np.linalg.norm(third, axis=-1).mean())


def floor_error(canonical: Clip, reference: Clip) -> float:
    """Mean difference in metres between the heights of the lower foot in two clips of equal length:
    floating or sinking.
    """
    height = [
        clip.world_position[:, CONTACT_JOINTS, 1].min(axis=1) for clip in (canonical, reference)
    ]
    return float(np.abs(height[0] - height[1]).mean())


def path_error(canonical: Clip, reference: Clip) -> tuple[float, float]:
    """The mean distance between the trajectories of the hips over the ground, and the length of the
    reference's; metres.
    """
    path, wanted = (clip.world_position[:, HIPS][:, [0, 2]] for clip in (canonical, reference))
    length = np.linalg.norm(np.diff(wanted, axis=0), axis=-1).sum()
    return float(np.linalg.norm(path - wanted, axis=-1).mean()), float(length)


def geodesic(features: Array, reference: Array) -> float:
    """features, reference: (T, 260) -> radians: mean angle between the joints' rotations, heading
    removed.

    The angle is acos((tr(R1 R2^T) - 1) / 2), over all joints and frames.
    """
    apart = rotation.multiply(
        rotation.inverse(heading_free_rotation(reference)), heading_free_rotation(features)
    )
    return float(rotation.angle(apart).mean())


def _rest_bones() -> Array:
    """(21, 3) unit vectors: the direction of each joint's bone in the T-pose, to the next joint of
    limb or trunk, or to its tip.
    """
    bone = np.zeros((CANONICAL.joint_count, 3))
    bone[CANONICAL.end_parents] = CANONICAL.end_offsets
    for child in range(CANONICAL.joint_count - 1, 0, -1):
        parent = CANONICAL.parents[child]
        branches = len(CANONICAL.children[parent]) > 1  # hips and chest: their bone is the trunk's
        if not branches or CANONICAL.names[child] in ("spine", "neck"):
            bone[parent] = CANONICAL.offsets[child]
    return rotation.normalize(bone)


REST_BONE = _rest_bones()


def bone_flips(canonical: Clip, reference: Clip) -> int:
    """How often, over bones and frames, a bone's direction turns by `FLIP_RADIANS` more in one
    frame than the reference's.
    """
    angle = []
    for clip in (canonical, reference):
        direction = rotation.rotate(clip.world_rotation, REST_BONE)
        angle.append(np.arccos(np.clip((direction[1:] * direction[:-1]).sum(axis=-1), -1.0, 1.0)))
    return int((angle[0] > angle[1] + FLIP_RADIANS).sum())


def twists(canonical: Clip, reference: Clip) -> int:
    """In how many frames a joint turns, about whatever axis, by `FLIP_RADIANS` more in a thirtieth
    of a second than the reference's: also a forearm that turns about itself, which no bone's
    direction shows.
    """
    frames = max(1, round(1.0 / (30.0 * canonical.frame_time_seconds)))
    angle = [
        rotation.angle(
            rotation.multiply(
                rotation.inverse(clip.world_rotation[:-frames]), clip.world_rotation[frames:]
            )
        )
        for clip in (canonical, reference)
    ]
    return int((angle[0] > angle[1] + FLIP_RADIANS).any(axis=-1).sum())


SWING_LIMIT_DEGREES = {
    "thigh": 125.0,
    "shin": 160.0,
    "foot": 110.0,
    "toe": 100.0,
    "spine": 70.0,
    "chest": 45.0,
    "neck": 75.0,
    "head": 110.0,
    "clavicle": 65.0,
    "upper_arm": 150.0,
    "forearm": 160.0,
    "hand": 120.0,
}
"""How far a bone may swing from its T-pose direction: the widest swing in the training motion,
rounded up to 5 degrees.
"""

OVEREXTENDED_DEGREES, OFF_PLANE_DEGREES = 5.0, 10.0
"""How far knees and elbows may bend backwards, and out of the plane of their hinge. In the training
motion of both labelled sets no knee or elbow goes beyond 0.3 and 2.3 degrees."""
MORE_OVEREXTENDED_DEGREES, MORE_OFF_PLANE_DEGREES = 2.5, 5.0
"""How much further than the input's."""

# for each hinge: the direction in which it flexes from the T-pose, and the normal of its plane
_HINGES = {
    "left_shin": ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    "right_shin": ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    "left_forearm": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
    "right_forearm": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
}


def overextended(canonical: Clip, reference: Clip) -> float:
    """The share of frames in which a knee or elbow is bent backwards, and more so than the
    reference's, by `OVEREXTENDED_DEGREES` and `MORE_OVEREXTENDED_DEGREES`.
    """
    back, reference_back = (bent_back(clip.world_rotation) for clip in (canonical, reference))
    over = back > np.radians(OVEREXTENDED_DEGREES)
    more = back > reference_back + np.radians(MORE_OVEREXTENDED_DEGREES)
    return float((over & more).any(axis=-1).mean())


def bent_aside(canonical: Clip, reference: Clip) -> float:
    """The share of frames in which a knee or elbow is bent out of the plane of its hinge, and more
    so than the reference's, by `OFF_PLANE_DEGREES` and `MORE_OFF_PLANE_DEGREES`.
    """
    off, reference_off = (_off_plane(clip) for clip in (canonical, reference))
    more = off > reference_off + np.radians(MORE_OFF_PLANE_DEGREES)
    return float((more & (off > np.radians(OFF_PLANE_DEGREES))).any(axis=-1).mean())


def _off_plane(canonical: Clip) -> Array:
    """(T, 4) radians by which knees and elbows are out of the planes of their hinges."""
    joints = [CANONICAL.index(name) for name in _HINGES]
    bone = rotation.rotate(canonical.local_rotation[:, joints], REST_BONE[joints])
    square = rotation.dot(bone, np.array([normal for _, normal in _HINGES.values()]))
    return np.arcsin(np.clip(np.abs(square), 0.0, 1.0))


def beyond_limits(canonical: Clip) -> float:
    """The share of frames and joints, without the hips, that are beyond the limits above."""
    bone = rotation.rotate(canonical.local_rotation, REST_BONE)
    beyond = np.zeros(bone.shape[:2], dtype=bool)
    for joint, name in enumerate(CANONICAL.names):
        if joint == HIPS:
            continue
        limit = SWING_LIMIT_DEGREES[part_of(name)]
        beyond[:, joint] = bone[:, joint] @ REST_BONE[joint] < np.cos(np.radians(limit))
        if name in _HINGES:
            flexed, square = (bone[:, joint] @ np.array(direction) for direction in _HINGES[name])
            straight = bone[:, joint] @ REST_BONE[joint]
            overextended = np.arctan2(flexed, straight) < -np.radians(OVEREXTENDED_DEGREES)
            beyond[:, joint] |= overextended | (
                np.abs(square) > np.sin(np.radians(OFF_PLANE_DEGREES))
            )
    return float(np.delete(beyond, HIPS, axis=1).mean())
