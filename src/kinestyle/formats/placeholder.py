"""A stand-in for the character that a clip without one moves: the pose in which it is bound, and a
plain body of capsules.

Animation programs show and import a skeleton rightly only when something is skinned to it, and take
the pose in which that is bound for the rest pose. The zero pose of a motion file may be no pose at
all, so a body is bound in a T-pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, REST_POSITION_M
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, forward_kinematics
from kinestyle.retarget.changes import set_world_rotations
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.rig.mapping import JointMapping

_SAMPLED_FRAMES = 48
_SIDES = 8
_RADIUS_M = {
    "hips": 0.095,
    "thigh": 0.075,
    "shin": 0.052,
    "foot": 0.038,
    "toe": 0.030,
    "spine": 0.100,
    "chest": 0.105,
    "neck": 0.050,
    "head": 0.085,
    "clavicle": 0.055,
    "upper_arm": 0.045,
    "forearm": 0.036,
    "hand": 0.030,
}
"""Of a body as tall as the canonical skeleton, at the joint that plays the role."""
_SHOULDERS_SHARE = 0.65
_HEAD_SPAN = (0.25, 0.55)
_TRUNK = ("hips", "spine", "chest")
_TRUNK_SHAPE = np.array([1.25, 1.0, 0.8])
"""Wider than deep; in a T-pose the body's left is +X."""
_THIN_SHARE, _THIN_M, _LENGTH_M = 0.12, (0.004, 0.03), 0.5
"""Other joints, such as fingers: radius by length, its limits, and the length from which a joint is
no longer of the body.
"""


@dataclass(frozen=True, eq=False)
class BindPose:
    """The pose in which something is bound to a rig, in the units and axes of its clip.

    local_position, local_rotation: (J, 3) and (J, 4)
    correspondence: how the rig stands to the canonical skeleton; None where no body was found, and
        the first frame is the pose
    """

    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    correspondence: Correspondence | None

    def world(self) -> tuple[Array, Array]:
        """(J, 3) positions and (J, 4) rotations."""
        return forward_kinematics(self.skeleton, self.local_position, self.local_rotation)


@dataclass(frozen=True, eq=False)
class StandIn:
    """A mesh for a rig in its bind pose. Each vertex follows one joint.

    vertex, normal: (V, 3) positions in the world and unit directions; joint: (V,) indices;
    triangle: (N, 3) vertices, anti-clockwise as seen from outside
    """

    vertex: Array
    normal: Array
    joint: np.ndarray
    triangle: np.ndarray


def find_bind_pose(clip: Clip, mapping: JointMapping | None = None) -> BindPose:
    """A T-pose that stands at the origin of a clip with Y up; the first frame where the clip has no
    human body.

    Joints without a role are turned against their parents as in the first frame. mapping: what
    `map_joints` finds, where known
    """
    frames = np.unique(np.linspace(0, clip.frame_count - 1, _SAMPLED_FRAMES).round().astype(int))
    sampled = clip.with_motion(clip.local_position[frames], clip.local_rotation[frames])
    first = sampled.with_motion(sampled.local_position[:1], sampled.local_rotation[:1])
    position = np.array(first.local_position[0])
    try:
        c = correspond(sampled, mapping)
    except RigError:
        return BindPose(clip.skeleton, position, np.array(first.local_rotation[0]), None)
    upright = rotation.multiply(rotation.inverse(c.axes), rotation.inverse(c.align[c.roles]))
    local = set_world_rotations(
        first, {int(joint): turn[None] for joint, turn in zip(c.joints, upright, strict=True)}
    )[0]
    hips = c.mapping.joints["hips"]
    world, turned = forward_kinematics(clip.skeleton, position, local)
    soles = (
        min(world[c.mapping.joints[f"{side}_foot"], 1] for side in ("left", "right"))
        - _ANKLE_M / c.scale_to_canonical
    )
    move = -np.array([world[hips, 0], soles, world[hips, 2]])
    parent = int(clip.skeleton.parents[hips])
    position[hips] += (
        rotation.rotate(rotation.inverse(turned[parent]), move) if parent >= 0 else move
    )
    return BindPose(clip.skeleton, position, local, c)


def build_stand_in(pose: BindPose) -> StandIn:
    """A body for a rig whose pose stands Y up: a capsule from each joint of the body to each joint
    or tip that hangs on it.
    """
    start, end, radius, flat, joint = _segments(pose)
    axis = end - start
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    axis = np.where(length > 1e-9, axis / np.maximum(length, 1e-9), np.eye(3)[1])
    turn = rotation.between(np.broadcast_to(np.eye(3)[1], axis.shape), axis)
    template, at_end, triangle = _capsule()
    outward = rotation.rotate(turn[:, None], template[None])
    shape = np.where(flat[:, None], _TRUNK_SHAPE, 1.0)[:, None]
    reach = np.where(at_end[None, :, None], radius[:, 1, None, None], radius[:, 0, None, None])
    vertex = np.where(at_end[None, :, None], end[:, None], start[:, None]) + reach * outward * shape
    triangles = triangle[None] + (np.arange(len(start)) * len(template))[:, None, None]
    return StandIn(
        vertex.reshape(-1, 3),
        rotation.normalize(outward / shape).reshape(-1, 3),
        np.repeat(joint, len(template)),
        triangles.reshape(-1, 3),
    )


def _capsule() -> tuple[Array, np.ndarray, np.ndarray]:
    """A capsule along +Y without length: (V, 3) unit directions, (V,) whether a vertex is on the
    upper half, (N, 3) triangles.
    """
    around = 2.0 * np.pi * np.arange(_SIDES) / _SIDES
    heights = np.sin(np.radians([-45.0, 0.0, 0.0, 45.0]))
    wide = np.sqrt(1.0 - heights**2)
    ring = np.stack([np.cos(around), 0.0 * around, -np.sin(around)], axis=-1)
    rings = wide[:, None, None] * ring + heights[:, None, None] * np.eye(3)[1]
    directions = np.concatenate([[[0.0, -1.0, 0.0]], rings.reshape(-1, 3), [[0.0, 1.0, 0.0]]])
    upper = np.arange(len(directions)) > 2 * _SIDES
    here = np.arange(_SIDES)
    after = (here + 1) % _SIDES
    triangles = [np.stack([0 * here, 1 + after, 1 + here], axis=-1)]
    for row in range(len(heights) - 1):
        low, high = 1 + row * _SIDES, 1 + (row + 1) * _SIDES
        triangles.append(np.stack([low + here, low + after, high + after], axis=-1))
        triangles.append(np.stack([low + here, high + after, high + here], axis=-1))
    last = 1 + (len(heights) - 1) * _SIDES
    triangles.append(np.stack([last + here, last + after, 0 * here + len(directions) - 1], axis=-1))
    return directions, upper, np.concatenate(triangles)


def _segments(pose: BindPose) -> tuple[Array, Array, Array, np.ndarray, np.ndarray]:
    """S capsules: start and end (S, 3), radius at both (S, 2), whether part of the trunk (S,), and
    the joint they follow (S,).
    """
    skeleton, c = pose.skeleton, pose.correspondence
    position, world = pose.world()
    role_of = (
        {}
        if c is None
        else {
            int(joint): CANONICAL.names[role] for joint, role in zip(c.joints, c.roles, strict=True)
        }
    )
    part_of = {
        joint: role.removeprefix("left_").removeprefix("right_") for joint, role in role_of.items()
    }
    size = 1.0 if c is None else 1.0 / c.scale_to_canonical
    if c is None:
        # a size that suits whatever it is
        size = max(float(np.ptp(position, axis=0).max()), 1e-6) / 1.7
    body = _below(skeleton, 0 if c is None else c.mapping.joints["hips"])
    tips: list[tuple[int, Array]] = [
        (int(parent), position[parent] + rotation.rotate(world[parent], offset))
        for parent, offset in zip(skeleton.end_parents, skeleton.end_offsets, strict=True)
    ]
    tipped = {parent for parent, _ in tips}
    tips = [(joint, end) for joint, end in tips if role_of.get(joint) != "head"]
    for joint, role in role_of.items():
        canonical = np.flatnonzero(CANONICAL.end_parents == CANONICAL.index(role))
        # a head is a ball above its joint, wherever its end site, eyes or jaw are
        bare = role == "head" or (joint not in tipped and not skeleton.children[joint])
        if len(canonical) and c is not None and bare:
            tip = rotation.rotate(
                c.align[CANONICAL.index(role)], CANONICAL.end_offsets[canonical[0]] * size
            )
            tips.append((joint, position[joint] + rotation.rotate(world[joint], tip)))
    ends = [
        (int(parent), child, position[child])
        for child, parent in enumerate(skeleton.parents)
        if parent >= 0
    ]
    rows = []
    for joint, child, end in [*ends, *((joint, -1, end) for joint, end in tips)]:
        length = float(np.linalg.norm(end - position[joint]))
        part, next_part = _part(skeleton, part_of, joint), part_of.get(child)
        trunk = part in _TRUNK
        if joint not in body or length < 1e-4 * size or (part == "head" and child >= 0):
            continue
        thin = float(np.clip(_THIN_SHARE * length, _THIN_M[0] * size, _THIN_M[1] * size))
        if part is None or (next_part is None and joint not in part_of and not trunk):
            radius = (thin, 0.8 * thin)
        elif child >= 0 and next_part is None and _part(skeleton, part_of, child) is None:
            # what hangs on the body without being of it: fingers, twists, props
            if length > _LENGTH_M * size:
                continue
            radius = (thin, 0.8 * thin)
        else:
            first = _RADIUS_M[part] * size
            radius = (
                first,
                first
                if next_part is None or trunk
                else 0.5 * (first + _RADIUS_M[next_part] * size),
            )
            if trunk and next_part in ("clavicle", "thigh"):
                radius = (0.8 * first, _RADIUS_M[next_part] * size)
            elif next_part == "neck":
                radius = (first, _SHOULDERS_SHARE * first)
            # round ends reach beyond a short bone
            radius = (
                min(radius[0], 0.9 * length + 0.02 * size),
                min(radius[1], 0.9 * length + 0.02 * size),
            )
        start = position[joint]
        if part == "head":
            # rather a ball than a capsule from its joint to its crown
            start, end = (
                start + _HEAD_SPAN[0] * (end - start),
                start + _HEAD_SPAN[1] * (end - start),
            )
        rows.append((start, end, radius, trunk, joint))
    if not rows:
        rows.append((position[0], position[0], (0.05 * size, 0.05 * size), False, 0))
    starts, ends_of, radii, flat, joints = zip(*rows, strict=True)
    return np.array(starts), np.array(ends_of), np.array(radii), np.array(flat), np.array(joints)


def _part(skeleton: Skeleton, part_of: dict[int, str], joint: int) -> str | None:
    """What a joint is part of: its own role, or that of the joint above if the chain goes on to
    another role (a second spine).
    """
    if joint in part_of:
        return part_of[joint]
    if not any(below in part_of for below in _below(skeleton, joint)):
        return None
    return next((part_of[above] for above in skeleton.ancestors(joint) if above in part_of), None)


def _below(skeleton: Skeleton, joint: int) -> set[int]:
    """A joint and all that hangs on it."""
    found = {joint}
    for other in range(joint + 1, skeleton.joint_count):
        if int(skeleton.parents[other]) in found:
            found.add(other)
    return found


_ANKLE_M = float(REST_POSITION_M[CANONICAL.index("left_foot"), 1])
"""Height of the ankle above the floor, on the canonical skeleton."""
