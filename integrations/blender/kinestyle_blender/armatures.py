# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures: their bones, how an action poses them, and what poses them beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from .actions import Reader
from .channels import basis_matrices, path_of, to_quaternion
from .poses import Bones, pose_of

Array = np.ndarray

_LIMITS = {"LIMIT_LOCATION", "LIMIT_ROTATION", "LIMIT_SCALE", "LIMIT_DISTANCE", "MAINTAIN_VOLUME"}
"""Constraints that bound what a bone does, and move none."""

_TWIN = 1e-3
"""Of a bone's length: how far apart two bones lie that are the same one."""


def bones_of(armature: Any) -> Bones:
    """Parents first."""
    ordered: list[Any] = []
    waiting = [bone for bone in reversed(armature.data.bones) if bone.parent is None]
    while waiting:
        ordered.append(waiting.pop())
        waiting += reversed(ordered[-1].children)
    number = {bone.name: i for i, bone in enumerate(ordered)}
    return Bones(
        tuple(number),
        np.array([-1 if bone.parent is None else number[bone.parent.name] for bone in ordered]),
        np.array([np.array(bone.matrix_local) for bone in ordered]),
        np.array([bone.length for bone in ordered]),
        np.array([bone.use_inherit_rotation for bone in ordered]),
        np.array([not bone.inherit_scale.startswith("NONE") for bone in ordered]),
        np.array([bone.use_local_location for bone in ordered]),
        np.array([bone.use_connect and bone.parent is not None for bone in ordered]),
    )


def prefix_of(bone: str) -> str:
    """How the paths of a pose bone's properties begin."""
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"].'


def basis_of_action(armature: Any, bones: Bones, reader: Reader) -> Array:
    """(T, J, 4, 4), what an action and the pose as it stands make of each bone."""
    found = np.empty((len(reader.frames), bones.count, 4, 4))
    for joint, name in enumerate(bones.names):
        bone, start = armature.pose.bones[name], prefix_of(name)
        way = path_of(bone.rotation_mode)
        turned = reader.values(start + way, getattr(bone, way))
        found[:, joint] = basis_matrices(
            np.zeros((len(reader.frames), 3))
            if bones.connected[joint]
            else reader.values(start + "location", bone.location),
            to_quaternion(turned, bone.rotation_mode),
            reader.values(start + "scale", bone.scale),
        )
    return found


def pose_of_action(armature: Any, bones: Bones, reader: Reader) -> Array:
    """(T, J, 4, 4) in the armature's space, straight from F-curves."""
    return pose_of(bones, basis_of_action(armature, bones, reader))


def seen_pose(armature: Any, bones: Bones, frames: Array) -> Array:
    """(T, J, 4, 4) in the armature's space as it is shown, constraints and drivers included."""
    found = np.empty((len(frames), bones.count, 4, 4))
    for i, _ in enumerate(_visited(frames)):
        shown = armature.pose.bones
        found[i] = [shown[name].matrix for name in bones.names]
    return found


def world_of(armature: Any, frames: Array, curves: Any) -> Array:
    """(T, 4, 4) of the object in the world at frames, which may lie between two."""
    if not moves_as_object(armature, curves):
        return np.broadcast_to(np.array(armature.matrix_world), (len(frames), 4, 4))
    return np.array([np.array(armature.matrix_world) for _ in _visited(frames)])


def moves_as_object(armature: Any, curves: Any) -> bool:
    """Whether the object itself may move over time."""
    ways = ("location", "rotation_", "scale", "delta_")
    if armature.parent is not None or len(armature.constraints):
        return True
    data = armature.animation_data
    paths = [curve.data_path for curve in [*curves, *(data.drivers if data else ())]]
    return any(path.startswith(ways) for path in paths)


def _visited(frames: Array) -> Iterator[None]:
    with frame_kept():
        for frame in frames.tolist():
            bpy.context.scene.frame_set(int(frame // 1), subframe=frame % 1)
            yield


@contextmanager
def frame_kept() -> Iterator[None]:
    """The scene shows the frame that it showed, whatever is looked at."""
    scene = bpy.context.scene
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)


def constrained(armature: Any) -> dict[str, list[tuple[str, str]]]:
    """The bones that constraints move: of each, the owners and names of these constraints."""
    found: dict[str, list[tuple[str, str]]] = {}
    for bone in armature.pose.bones:
        for constraint in bone.constraints:
            if constraint.type in _LIMITS or constraint.mute or not constraint.influence:
                continue
            for moved in _moved_by(bone, constraint):
                found.setdefault(moved.name, []).append((bone.name, constraint.name))
    return found


def _moved_by(bone: Any, constraint: Any) -> list[Any]:
    if constraint.type not in ("IK", "SPLINE_IK"):
        return [bone]
    chain = [bone, *bone.parent_recursive]
    if constraint.type == "IK" and not constraint.use_tail:
        chain = chain[1:]
    return chain[: constraint.chain_count or None]


def driven(armature: Any) -> set[str]:
    """The bones that drivers turn or move."""
    data = armature.animation_data
    paths = [driver.data_path for driver in data.drivers] if data else []
    ways = ("rotation_", "location", "scale")
    return {
        bone.name
        for bone in armature.pose.bones
        for start in [prefix_of(bone.name)]
        if any(path.startswith(tuple(start + way for way in ways)) for path in paths)
    }


def is_control_rig(armature: Any) -> bool:
    """Whether the bones that deform the character follow others by constraints, as those of Rigify
    and Auto-Rig Pro do.
    """
    moved = constrained(armature)
    deform = [bone.name for bone in armature.data.bones if bone.use_deform]
    follow = sum(name in moved for name in deform)
    return len(deform) < len(armature.data.bones) and 2 * follow >= len(deform) > 0


def deform_tree(armature: Any, bones: Bones) -> tuple[list[int], list[int]]:
    """The bones that deform a control rig's character, and for each the place in this list of the
    one that carries it, -1 for none.

    Between two of them lie controls; where one lies at the place of a third deforming bone, that is
    the one that is meant.
    """
    deform = [j for j, name in enumerate(bones.names) if armature.data.bones[name].use_deform]
    heads, ways = bones.rest[:, :3, 3], bones.rest[:, :3, 1]

    def twin(joint: int) -> int | None:
        near = np.linalg.norm(heads[deform] - heads[joint], axis=1) <= _TWIN * bones.length[joint]
        along = ways[deform] @ ways[joint] > 1.0 - _TWIN
        found = np.array(deform)[near & along]
        # limbs may be cut into several bones, of which the first begins at the same place
        apart = np.abs(bones.length[found] - bones.length[joint])
        return int(found[np.argmin(apart)]) if len(found) else None

    carrier: dict[int, int] = {}
    for joint in deform:
        above = int(bones.parents[joint])
        while above >= 0:
            found = above if above in deform else twin(above)
            if found is not None and found != joint:
                carrier[joint] = found
                break
            above = int(bones.parents[above])
    ordered: list[int] = []
    waiting = [joint for joint in reversed(deform) if joint not in carrier]
    while waiting:
        ordered.append(waiting.pop())
        waiting += [joint for joint in reversed(deform) if carrier.get(joint) == ordered[-1]]
    place = {joint: i for i, joint in enumerate(ordered)}
    return ordered, [place[carrier[joint]] if joint in carrier else -1 for joint in ordered]
