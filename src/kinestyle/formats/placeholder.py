"""A placeholder character for clips that have none: the pose in which it is bound, and a plain body
of capsules.

Animation programs import a skeleton rightly only when something is skinned to it, and take its bind
pose for the rest pose. The zero pose of a motion file may be no pose at all, so the body is bound
in a T-pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, REST_POSITION_M, SIDES, STATURE_M, part_of
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, forward_kinematics, tip_position
from kinestyle.motion.window import sample_evenly
from kinestyle.retarget.body_bones import TRUNK, WHOLE, body_bones, with_body_tips
from kinestyle.retarget.changes import carry_along, set_world_rotations
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.rig.mapping import JointMapping

_SAMPLED_FRAMES = 48
_ANKLE_M = float(REST_POSITION_M[CANONICAL.index("left_foot"), 1])
"""Height of the ankle above the floor, on the canonical skeleton."""
_AROUND = 8
"""Vertices around a capsule."""
_TRUNK_SHAPE = np.array([1.25, 1.0, 0.8])
"""Wider than deep; in a T-pose the body's left is +X."""


@dataclass(frozen=True, eq=False)
class BindPose:
    """The pose in which a mesh is bound to a rig, in the units and axes of its clip.

    local_position, local_rotation: (J, 3) and (J, 4)
    correspondence: of the rig to the canonical skeleton; None where no body was found and the pose
        is the first frame
    """

    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    correspondence: Correspondence | None

    def world(self) -> tuple[Array, Array]:
        """(J, 3) positions and (J, 4) rotations."""
        return forward_kinematics(self.skeleton, self.local_position, self.local_rotation)


@dataclass(frozen=True, eq=False)
class PlaceholderMesh:
    """A body for a rig in its bind pose. Each vertex follows one joint.

    vertex, normal: (V, 3) positions in the world and unit directions; joint: (V,) indices;
    triangle: (N, 3) vertices, anti-clockwise as seen from outside
    """

    vertex: Array
    normal: Array
    joint: np.ndarray
    triangle: np.ndarray


def meshes_note(clip: Clip, name: str) -> tuple[str, ...]:
    """A sentence for a clip whose own file holds meshes, where the file called `name` gets the
    placeholder: none otherwise.
    """
    if not getattr(clip.source, "holds_meshes", False):
        return ()
    return (
        f"{name} has a plain body: meshes, skins and materials of {clip.name} do not go from one "
        f"format to another; to have them there, export the character once in this format and put "
        f"the motion on it with `kinestyle retarget --to`",
    )


def find_bind_pose(clip: Clip, mapping: JointMapping | None = None) -> BindPose:
    """A T-pose at the origin for a clip with Y up, or the clip's first frame if it has no human
    body.

    Joints without a role keep their local rotations of the first frame.

    mapping: the result of `map_joints`, if it is known already
    """
    sampled = sample_evenly(clip, _SAMPLED_FRAMES)
    first = sampled.with_motion(sampled.local_position[:1], sampled.local_rotation[:1])
    position = np.array(first.local_position[0])
    try:
        c = correspond(sampled, mapping)
    except RigError:
        return BindPose(clip.skeleton, position, np.array(first.local_rotation[0]), None)
    upright = rotation.multiply(rotation.inverse(c.axes), rotation.inverse(c.align[c.roles]))
    local = set_world_rotations(
        first, {int(joint): q[None] for joint, q in zip(c.joints, upright, strict=True)}
    )[0]
    hips = c.mapping.joints["hips"]
    world_position, world_rotation = forward_kinematics(clip.skeleton, position, local)
    ankle = min(world_position[c.mapping.joints[f"{side}_foot"], 1] for side in SIDES)
    soles = ankle - _ANKLE_M / c.scale_to_canonical
    translation = -np.array([world_position[hips, 0], soles, world_position[hips, 2]])
    parent = int(clip.skeleton.parents[hips])
    if parent >= 0:
        translation = rotation.rotate(rotation.inverse(world_rotation[parent]), translation)
    position[hips] += translation
    position = carry_along(first, c, position[None], local[None])[0]
    return BindPose(clip.skeleton, position, local, c)


def build_placeholder(pose: BindPose) -> PlaceholderMesh:
    """The mesh for a rig whose pose stands Y up: a capsule for each bone of the body."""
    start, end, radius, flat, joint = _capsules(pose)
    axis = end - start
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    axis = np.where(length > 1e-9, axis / np.maximum(length, 1e-9), np.eye(3)[1])
    upright = rotation.between(np.broadcast_to(np.eye(3)[1], axis.shape), axis)
    template, at_end, triangle = _unit_capsule()
    outward = rotation.rotate(upright[:, None], template[None])
    shape = np.where(flat[:, None], _TRUNK_SHAPE, 1.0)[:, None]
    reach = np.where(at_end[None, :, None], radius[:, 1, None, None], radius[:, 0, None, None])
    vertex = np.where(at_end[None, :, None], end[:, None], start[:, None]) + reach * outward * shape
    triangles = triangle[None] + (np.arange(len(start)) * len(template))[:, None, None]
    return PlaceholderMesh(
        vertex.reshape(-1, 3),
        rotation.normalize(outward / shape).reshape(-1, 3),
        np.repeat(joint, len(template)),
        triangles.reshape(-1, 3),
    )


def _unit_capsule() -> tuple[Array, np.ndarray, np.ndarray]:
    """A capsule along +Y without length: (V, 3) unit directions, (V,) whether a vertex is on the
    upper half, (N, 3) triangles.
    """
    around = 2.0 * np.pi * np.arange(_AROUND) / _AROUND
    heights = np.sin(np.radians([-45.0, 0.0, 0.0, 45.0]))
    wide = np.sqrt(1.0 - heights**2)
    ring = np.stack([np.cos(around), 0.0 * around, -np.sin(around)], axis=-1)
    rings = wide[:, None, None] * ring + heights[:, None, None] * np.eye(3)[1]
    directions = np.concatenate([[[0.0, -1.0, 0.0]], rings.reshape(-1, 3), [[0.0, 1.0, 0.0]]])
    upper = np.arange(len(directions)) > 2 * _AROUND
    here = np.arange(_AROUND)
    after = (here + 1) % _AROUND
    triangles = [np.stack([0 * here, 1 + after, 1 + here], axis=-1)]
    for row in range(len(heights) - 1):
        low, high = 1 + row * _AROUND, 1 + (row + 1) * _AROUND
        triangles.append(np.stack([low + here, low + after, high + after], axis=-1))
        triangles.append(np.stack([low + here, high + after, high + here], axis=-1))
    last = 1 + (len(heights) - 1) * _AROUND
    triangles.append(np.stack([last + here, last + after, 0 * here + len(directions) - 1], axis=-1))
    return directions, upper, np.concatenate(triangles)


def _capsules(pose: BindPose) -> tuple[Array, Array, Array, np.ndarray, np.ndarray]:
    """S capsules: start and end (S, 3), radius at both (S, 2), whether part of the trunk (S,), and
    the joint they follow (S,).
    """
    skeleton, c = pose.skeleton, pose.correspondence
    position, world = pose.world()
    if c is None:
        # a size that suits whatever it is
        roles, size = {}, max(float(np.ptp(position, axis=0).max()), 1e-6) / STATURE_M
    else:
        skeleton = with_body_tips(skeleton, c)
        roles, size = c.mapping.joints, 1.0 / c.scale_to_canonical
    node = np.concatenate([position, tip_position(skeleton, position, world)])
    parents = np.concatenate([skeleton.parents, skeleton.end_parents])
    length = [float(np.linalg.norm(node[i] - node[parent])) for i, parent in enumerate(parents)]
    bones = body_bones(skeleton, roles, length, size)
    first, last = node[[bone.start for bone in bones]], node[[bone.end for bone in bones]]
    span = np.array([bone.span for bone in bones])
    part = (span != WHOLE).any(axis=1)
    start, end = first.copy(), last.copy()
    start[part], end[part] = (
        first[part] + share[part, None] * (last - first)[part] for share in span.T
    )
    radius = np.array([bone.radii for bone in bones])
    trunk = np.array([part_of(bone.role) in TRUNK for bone in bones])
    return start, end, radius, trunk, np.array([bone.start for bone in bones])
