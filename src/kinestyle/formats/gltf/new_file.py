"""A new glTF file for a clip from another format: nodes, a skin, a plain body and the animation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from kinestyle.errors import RigError
from kinestyle.formats.gltf.accessors import Packer
from kinestyle.formats.gltf.container import Container
from kinestyle.formats.gltf.nodes import END_SITE
from kinestyle.formats.gltf.source import BODY, GENERATOR
from kinestyle.formats.placeholder import (
    BindPose,
    PlaceholderMesh,
    build_placeholder,
    find_bind_pose,
)
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.motion.window import Progress
from kinestyle.rig.mapping import JointMapping, map_joints
from kinestyle.rig.world_frame import bring_into_world, find_world

_STILL_M = 1e-7
_VERTICES, _TRIANGLES = 34962, 34963
"""The targets of views: ARRAY_BUFFER and ELEMENT_ARRAY_BUFFER."""
_CLAY = {
    "name": "Clay",
    "pbrMetallicRoughness": {
        "baseColorFactor": [0.55, 0.57, 0.62, 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": 0.75,
    },
}


def new_container(
    clip: Clip, progress: Progress | None = None
) -> tuple[Container, tuple[str, ...]]:
    """A file for any clip, in metres with Y up, and a sentence for each thing that was assumed."""
    mapping: JointMapping | None
    try:
        mapping = map_joints(clip)
    except RigError:
        mapping = None
    brought, notes = bring_into_world(clip, frame=find_world(clip, mapping))
    if mapping is not None:
        mapping = replace(mapping, up=np.eye(3)[1], metres_per_unit=1.0)
    pose = find_bind_pose(brought, mapping)
    accessors: list[dict[str, Any]] = []
    views: list[dict[str, Any]] = []
    packer = Packer(accessors, views, bytearray())
    nodes, tips = node_fields(pose)
    joints = [*range(len(brought.skeleton.names)), *tips]
    mesh = build_placeholder(pose)
    fields = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{"nodes": [*np.flatnonzero(brought.skeleton.parents < 0).tolist(), len(nodes)]}],
        "nodes": [*nodes, {"name": BODY, "mesh": 0, "skin": 0}],
        "meshes": [{"name": BODY, "primitives": [_primitive(mesh, packer)]}],
        "materials": [_CLAY],
        "skins": [
            {
                "name": clip.name,
                "joints": joints,
                "inverseBindMatrices": packer.add(_inverse_bind(pose), "MAT4"),
            }
        ],
        "animations": [animation_fields(brought, pose, packer, progress=progress)],
    }
    return Container(fields, accessors, views, packer.blob), notes


def node_fields(pose: BindPose) -> tuple[list[dict[str, Any]], list[int]]:
    """The joints as nodes 0 to J - 1, then the tips of chains; and the numbers of the tips."""
    skeleton = pose.skeleton
    count = skeleton.joint_count
    children = [list(below) for below in skeleton.children]
    tips = []
    for i, (parent, offset) in enumerate(
        zip(skeleton.end_parents.tolist(), skeleton.end_offsets.tolist(), strict=True)
    ):
        children[parent].append(count + i)
        tips.append(
            {
                "name": f"{skeleton.names[parent]}_end",
                "translation": offset,
                "extras": {"kinestyle": END_SITE},
            }
        )
    # validators refuse the 1.0000000000000002 of a rounded quaternion
    rotations = np.clip(pose.local_rotation[:, [1, 2, 3, 0]], -1.0, 1.0)
    translation, xyzw = pose.local_position.tolist(), rotations.tolist()
    nodes: list[dict[str, Any]] = []
    for name, position, q, below in zip(skeleton.names, translation, xyzw, children, strict=True):
        node = {"name": name, "translation": position, "rotation": q}
        nodes.append({**node, "children": below} if below else node)
    return nodes + tips, list(range(count, count + len(tips)))


def _inverse_bind(pose: BindPose) -> np.ndarray:
    """(J + E, 16) matrices from the world to each joint and tip, column after column."""
    position, q = pose.world()
    tips = tip_position(pose.skeleton, position, q)
    position = np.concatenate([position, tips])
    back = rotation.inverse(np.concatenate([q, q[pose.skeleton.end_parents]]))
    matrix = np.tile(np.eye(4, dtype="<f4"), (len(position), 1, 1))
    matrix[:, :3, :3] = rotation.to_matrix(back)
    matrix[:, :3, 3] = -rotation.rotate(back, position)
    return matrix.transpose(0, 2, 1).reshape(-1, 16)


def _primitive(mesh: PlaceholderMesh, packer: Packer) -> dict[str, Any]:
    """The body's mesh, skinned."""
    kind = "<u1" if mesh.joint.max() < 2**8 else "<u2"
    joints = np.zeros((len(mesh.joint), 4), kind)
    joints[:, 0] = mesh.joint
    weights = np.zeros((len(mesh.joint), 4), "<u1")
    weights[:, 0] = 255
    return {
        "attributes": {
            "POSITION": packer.add(mesh.vertex.astype("<f4"), "VEC3", _VERTICES, limits=True),
            "NORMAL": packer.add(mesh.normal.astype("<f4"), "VEC3", _VERTICES),
            "JOINTS_0": packer.add(joints, "VEC4", _VERTICES),
            "WEIGHTS_0": packer.add(weights, "VEC4", _VERTICES, normalized=True),
        },
        "indices": packer.add(
            mesh.triangle.astype("<u2" if len(mesh.vertex) < 2**16 else "<u4").ravel(),
            "SCALAR",
            _TRIANGLES,
        ),
        "material": 0,
    }


def animation_fields(
    clip: Clip,
    pose: BindPose,
    packer: Packer,
    travels: Collection[int] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Rotations of all joints, and positions of those that are not always where the pose has
    them. travels: the only joints that may have positions
    """
    times = (np.arange(clip.frame_count) * clip.frame_time_seconds).astype("<f4")
    at = packer.add(times, "SCALAR", limits=True)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def put(joint: int, path: str, values: Array) -> None:
        output = packer.add(values.astype("<f4"), f"VEC{values.shape[1]}")
        channels.append({"sampler": len(samplers), "target": {"node": joint, "path": path}})
        samplers.append({"input": at, "output": output, "interpolation": "LINEAR"})

    for joint in range(clip.skeleton.joint_count):
        position, turned = clip.joint(joint)
        moves = np.any(np.abs(position - pose.local_position[joint]) > _STILL_M)
        if moves and (travels is None or joint in travels):
            put(joint, "translation", position)
        q = rotation.continuous(rotation.normalize(np.asarray(turned, dtype=float)))
        put(joint, "rotation", q[:, [1, 2, 3, 0]])
        if progress is not None:
            progress((joint + 1) / clip.skeleton.joint_count)
    extras = {"kinestyle": {"frame_time_seconds": clip.frame_time_seconds}}
    return {"name": clip.name, "samplers": samplers, "channels": channels, "extras": extras}
