"""A new VRM animation (.vrma) for a clip on any rig: the bones of a humanoid, which turn, and hips
that travel. Every VRM character can play it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError, RigError
from kinestyle.formats.gltf.accessors import Packer
from kinestyle.formats.gltf.container import Container
from kinestyle.formats.gltf.humanoid import ANIMATION_EXTENSION, bones_of
from kinestyle.formats.gltf.new_file import animation_fields, node_fields
from kinestyle.formats.gltf.source import GENERATOR
from kinestyle.formats.placeholder import find_bind_pose
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import Progress
from kinestyle.rig.mapping import JointMapping, map_joints
from kinestyle.rig.world_frame import bring_into_world, find_world


def vrm_animation(
    clip: Clip, name: str, progress: Progress | None = None
) -> tuple[Container, tuple[str, ...]]:
    """The file, and a sentence for each thing that was left out or assumed. Raises MotionFileError
    for a rig without a human body.
    """
    try:
        mapping = map_joints(clip)
    except RigError as error:
        raise MotionFileError(
            f"{name} cannot be written: a VRM animation moves the bones of a human body ({error})"
        ) from error
    brought, notes = bring_into_world(clip, frame=find_world(clip, mapping))
    body, joints = _body_only(brought, mapping)
    of_body = replace(mapping, joints=joints, up=np.eye(3)[1], metres_per_unit=1.0)
    pose = find_bind_pose(body, of_body)
    accessors: list[dict[str, Any]] = []
    views: list[dict[str, Any]] = []
    packer = Packer(accessors, views, bytearray())
    nodes, _ = node_fields(pose)
    hips = joints["hips"]
    fields = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "extensionsUsed": [ANIMATION_EXTENSION],
        "extensions": {
            ANIMATION_EXTENSION: {
                "specVersion": "1.0",
                "humanoid": {
                    "humanBones": {bone: {"node": node} for bone, node in bones_of(joints).items()}
                },
            }
        },
        "scene": 0,
        "scenes": [{"nodes": [hips]}],
        "nodes": nodes,
        "animations": [animation_fields(body, pose, packer, [hips], progress)],
    }
    left = clip.skeleton.joint_count - body.skeleton.joint_count
    if left:
        notes += (
            f"{name} holds the {body.skeleton.joint_count} bones of a humanoid; {left} other "
            f"joints of {clip.name} were left out",
        )
    return Container(fields, accessors, views, packer.blob), notes


def _body_only(clip: Clip, mapping: JointMapping) -> tuple[Clip, dict[str, int]]:
    """The clip with the joints that have a role alone, in the order and on the parents of the
    canonical skeleton, each turned as in the world; and role -> joint.
    """
    joints = {role: i for i, role in enumerate(mapping.joints)}
    parents = np.array([_parent(role, joints) for role in joints])
    kept = list(mapping.joints.values())
    position, world = clip.world_position[:, kept], clip.world_rotation[:, kept]
    above = np.maximum(parents, 0)
    back = rotation.inverse(world[:, above])
    has_parent = (parents >= 0)[:, None]
    local_rotation = np.where(has_parent, rotation.multiply(back, world), world)
    local_position = np.where(
        has_parent, rotation.rotate(back, position - position[:, above]), position
    )
    names = tuple(clip.skeleton.names[joint] for joint in kept)
    body = replace(
        clip,
        skeleton=Skeleton(names, parents, local_position[0]),
        local_position=local_position,
        local_rotation=rotation.normalize(local_rotation),
        source=None,
    )
    return body, joints


def _parent(role: str, joints: dict[str, int]) -> int:
    """The joint of the nearest role above one that the rig has, -1 for the hips."""
    at = int(CANONICAL.parents[CANONICAL.index(role)])
    while at >= 0 and CANONICAL.names[at] not in joints:
        at = int(CANONICAL.parents[at])
    return joints[CANONICAL.names[at]] if at >= 0 else -1
