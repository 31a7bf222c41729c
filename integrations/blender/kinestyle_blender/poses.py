# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender's bones and a `kinestyle` clip: numbers in, numbers out, no bpy.

Blender's pose is a chain of 4x4 matrices: `pose = parent space @ basis`, where the parent's space
holds its pose and the rest of both bones, and the basis is what F-curves drive. Kinestyle's clip
has the joints' rotations and positions, without scale. A clip is in world axes (Z up), so that an
armature that is turned, scaled or moved as an object needs nothing special.

A joint's own axes are the armature's in rest pose: as BVH has it, no rotation is the rest pose.
Bones have other axes, of which only the one along the bone means anything, for importers guess the
roll about it; and Kinestyle looks at a joint's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle import Clip, Skeleton, StatedWorld
from kinestyle.motion import rotation
from kinestyle.motion.skeleton import world_to_local_rotation

Array = np.ndarray

UP = (0.0, 0.0, 1.0)

_FROM_Y = rotation.exp(-0.5 * np.pi * np.array([0.0, 0.0, 1.0]))
"""Takes Y to X, and X to -Y."""

_APART = 1e-6
"""Of two matrices that are not the same."""


@dataclass(frozen=True, eq=False)
class Bones:
    """The J bones of an armature, parents before children, as edit mode has them.

    names, parents: (J,) int, -1 for a bone without a parent
    rest: (J, 4, 4) in the armature's space; length: (J,) from head to tail
    inherits_rotation, inherits_scale, local_location: (J,) bool, a bone's switches of these names
    connected: (J,) bool, whether the head sits on the parent's tail, where location has no effect
    """

    names: tuple[str, ...]
    parents: Array
    rest: Array
    length: Array
    inherits_rotation: Array
    inherits_scale: Array
    local_location: Array
    connected: Array

    @property
    def count(self) -> int:
        return len(self.names)


def parent_spaces(bones: Bones, joint: int, pose: Array) -> tuple[Array, Array]:
    """What a bone's basis is multiplied with: (..., 4, 4) for its rotation and scale, (..., 4, 4)
    for its location. pose: (..., J, 4, 4) of which the parent's is read, in the armature's space
    """
    parent = int(bones.parents[joint])
    rest = bones.rest[joint]
    if parent < 0:
        turned = np.broadcast_to(rest, (*pose.shape[:-3], 4, 4))
        return turned, turned if bones.local_location[joint] else _translation(turned)
    above = pose[..., parent, :, :]
    offset = np.linalg.inv(bones.rest[parent]) @ rest
    plain = above @ offset
    if not bones.local_location[joint]:
        place = above.copy()
        place[..., :3, 3] = plain[..., :3, 3]
    else:
        place = plain
    if bones.inherits_rotation[joint] and bones.inherits_scale[joint]:
        return plain, place
    carrier = (
        above.copy() if bones.inherits_rotation[joint] else _resting(bones.rest[parent], above)
    )
    if not bones.inherits_scale[joint]:
        carrier[..., :3, :3] = rotation.to_matrix(turn_of(carrier))
    elif not bones.inherits_rotation[joint]:
        carrier[..., :3, :3] *= np.linalg.norm(above[..., :3, :3], axis=-2)[..., None, :]
    return carrier @ offset, place


def _translation(matrix: Array) -> Array:
    only = np.broadcast_to(np.eye(4), matrix.shape).copy()
    only[..., :3, 3] = matrix[..., :3, 3]
    return only


def _resting(rest: Array, above: Array) -> Array:
    return np.broadcast_to(rest, above.shape).copy()


def turn_of(matrix: Array) -> Array:
    """(..., 4, 4) -> (..., 4) quaternions wxyz of their rotation, whatever their scale."""
    # a bone points along Y: where a stretched bone is sheared, that direction is the one to keep
    turned = rotation.from_axes(matrix[..., :3, 1], -matrix[..., :3, 0])
    return rotation.multiply(turned, _FROM_Y)


def pose_of(bones: Bones, basis: Array) -> Array:
    """basis: (T, J, 4, 4) -> (T, J, 4, 4) in the armature's space, as Blender poses the bones
    without constraints.
    """
    pose = np.empty_like(basis)
    for joint in range(bones.count):
        turned, place = parent_spaces(bones, joint, pose)
        pose[:, joint] = turned @ basis[:, joint]
        pose[:, joint, :3, 3] = _moved(place, basis[:, joint, :3, 3])
    return pose


def basis_of(bones: Bones, pose: Array) -> Array:
    """The inverse of `pose_of`."""
    basis = np.zeros_like(pose)
    basis[..., 3, 3] = 1.0
    for joint in range(bones.count):
        turned, place = parent_spaces(bones, joint, pose)
        basis[:, joint, :3, :3] = np.linalg.solve(turned[..., :3, :3], pose[:, joint, :3, :3])
        basis[:, joint, :3, 3] = _moved(np.linalg.inv(place), pose[:, joint, :3, 3])
    return basis


def _moved(matrix: Array, point: Array) -> Array:
    """(..., 4, 4), (..., 3) -> (..., 3)."""
    return np.einsum("...ij,...j->...i", matrix[..., :3, :3], point) + matrix[..., :3, 3]


@dataclass(frozen=True, eq=False)
class Captured:
    """An armature's motion over T frames, and the clip that Kinestyle gets of it.

    pose: (T, J, 4, 4) in the armature's space; world: (T, 4, 4) of the armature as an object
    joints: (K,) int, the bones that are the clip's joints
    stretch: (T, K, 3, 3) what is left of each beyond its rotation: scale and shear, in its axes
    own: (K, 4) the rotation of a bone in rest pose, from the joint's axes
    """

    bones: Bones
    pose: Array
    world: Array
    joints: Array
    clip: Clip
    stretch: Array
    own: Array


def capture(
    bones: Bones,
    pose: Array,
    world: Array,
    frame_time_seconds: float,
    name: str,
    joints: Sequence[int] | None = None,
    parents: Sequence[int] | None = None,
) -> Captured:
    """pose: (T, J, 4, 4), world: (T, 4, 4) -> the clip of it, in world axes.

    joints: (K,) the bones to take, parents before children; None: all
    parents: (K,) of each in this list, -1 for none, where they are not the bones' own
    """
    taken = np.arange(bones.count) if joints is None else np.asarray(joints)
    above = bones.parents if parents is None else np.asarray(parents)
    taken, above = _largest_tree(taken, above)
    whole = world[:, None] @ pose[:, taken]
    turned = turn_of(whole)
    stretch = np.swapaxes(rotation.to_matrix(turned), -1, -2) @ whole[..., :3, :3]
    place = whole[..., :3, 3]
    own = turn_of(bones.rest[taken])
    joint_turned = rotation.multiply(turned, rotation.inverse(own))
    parent, inner = np.maximum(above, 0), above >= 0
    # in rest pose all joints are turned as the object is, in its size
    size = np.linalg.norm(world[0, :3, 1])
    heads = bones.rest[taken, :3, 3] * size
    offsets = np.where(inner[:, None], heads - heads[parent], heads)
    # a chain's last bone has a tail, and nothing else tells how long it is
    ends = np.setdiff1d(np.arange(len(taken)), above)
    tails = bones.rest[taken[ends], :3, 1] * bones.length[taken[ends], None] * size
    skeleton = Skeleton(tuple(bones.names[joint] for joint in taken), above, offsets, ends, tails)
    local_rotation = world_to_local_rotation(skeleton, joint_turned)
    local_position = place.copy()
    local_position[:, inner] = rotation.rotate(
        rotation.inverse(joint_turned[:, parent[inner]]), place[:, inner] - place[:, parent[inner]]
    )
    clip = Clip(
        skeleton,
        local_position,
        local_rotation,
        frame_time_seconds,
        name,
        world=StatedWorld(up=UP),
    )
    return Captured(bones, pose, world, taken, clip, stretch, own)


def _largest_tree(taken: Array, above: Array) -> tuple[Array, Array]:
    """Of joints that hang on several roots, those of the largest tree: targets of inverse
    kinematics and props stand beside the body.
    """
    root = np.arange(len(above))
    for joint, parent in enumerate(above.tolist()):
        if parent >= 0:
            root[joint] = root[parent]
    kept = root == np.argmax(np.bincount(root))
    place = np.cumsum(kept) - 1
    return taken[kept], np.where(above < 0, -1, place[above])[kept]


@dataclass(frozen=True, eq=False)
class Restored:
    """A result as Blender needs it.

    basis: (T', J, 4, 4) of every bone; turned, moved: (J,) bool, the bones whose rotation, or whose
        location, is another than it was
    """

    basis: Array
    turned: Array
    moved: Array


def restore(
    captured: Captured, result: Clip, world: Array, moments: Array | None, held: Array
) -> Restored:
    """A result back on the bones.

    world: (T', 4, 4) of the armature as an object
    moments: (T',) frames of the capture, in fractions, at which those of the result are; None: the
        very frames
    held: (J,) bool, the bones outside the clip that something else moves: they stay where they were
        in the armature
    """
    bones, joints = captured.bones, captured.joints
    old = captured.pose if moments is None else _between(captured.pose, moments)
    stretch = captured.stretch if moments is None else _between(captured.stretch, moments)
    wanted = np.zeros((len(old), len(joints), 4, 4))
    turned = rotation.multiply(result.world_rotation, captured.own)
    wanted[..., :3, :3] = rotation.to_matrix(turned) @ stretch
    wanted[..., :3, 3] = result.world_position
    wanted[..., 3, 3] = 1.0
    wanted = np.linalg.inv(world)[:, None] @ wanted
    pose = np.empty_like(old)
    of_clip = dict(zip(joints.tolist(), range(len(joints)), strict=True))
    for joint in range(bones.count):
        parent = int(bones.parents[joint])
        if joint in of_clip:
            pose[:, joint] = wanted[:, of_clip[joint]]
        elif held[joint] or parent < 0:
            pose[:, joint] = old[:, joint]
        else:
            pose[:, joint] = pose[:, parent] @ np.linalg.inv(old[:, parent]) @ old[:, joint]
    other_turn, other_place = np.zeros((2, bones.count), dtype=bool)
    if moments is None:
        same_turn = _same(result.local_rotation, captured.clip.local_rotation)
        same_place = _same(result.local_position, captured.clip.local_position)
        other_turn[joints], other_place[joints] = ~same_turn, ~same_place
    else:
        other_turn[joints] = other_place[joints] = True
    basis = basis_of(bones, pose)
    special = ~(bones.inherits_rotation & bones.inherits_scale & bones.local_location)
    if moments is None and special[joints].any():
        # what such a bone keeps of its parent is not what a joint of a clip does
        apart = np.abs(basis - basis_of(bones, captured.pose)).max(axis=0)
        other_turn |= special & (apart[:, :3, :3].max(axis=(1, 2)) > _APART)
        other_place |= special & (apart[:, :3, 3].max(axis=1) > _APART)
    return Restored(basis, other_turn, other_place)


def _same(a: Array, b: Array) -> Array:
    """(T, K, N) twice -> (K,) bool, where all numbers are equal."""
    return np.all(a == b, axis=(0, 2))


def _between(values: Array, moments: Array) -> Array:
    """values: (T, ...) at fractional frames (T',)."""
    low = np.clip(np.floor(moments).astype(int), 0, max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    share = (moments - low).reshape(-1, *(1,) * (values.ndim - 1))
    return (1.0 - share) * values[low] + share * values[high]
