"""Changes of motion, from the canonical skeleton back onto a rig.

Only changes travel this way. A joint that rotates by `change` in the world on the canonical
skeleton rotates by the same change on the rig. What the canonical skeleton does not have is kept,
and without a change the clip stays what it was. Whole motion goes onto a rig in the same way, as a
change of one of the rig's own poses (`from_canonical`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import (
    forward_kinematics,
    joints_first,
    world_rotation_of,
)
from kinestyle.retarget.correspondence import Correspondence, to_canonical


def apply_change(
    clip: Clip,
    correspondence: Correspondence,
    rotation_change: Array,
    root_change: Array | None = None,
) -> Clip:
    """Rotate the rig's joints by what changed on the canonical skeleton.

    rotation_change: (T, 21, 4) canonical world rotation after, times the inverse of the one before
    root_change: (T, 3) metres, translation of the hips on the canonical skeleton, heading not
        removed; None: they stay where they are

    Joints without a role keep their local motion. Those of the spine and neck that lie between two
    mapped ones are the exception: they share the bend in proportion to where they lie in between.
    Otherwise all of it would fall on one joint.
    """
    c = correspondence
    change = rotation.multiply(rotation.inverse(c.axes), rotation_change)
    change = rotation.multiply(change, c.axes)
    body, was = _body_rotation(clip, c)
    roles = joints_first(change)[c.roles]
    turned = rotation.multiply(roles, was[np.searchsorted(body, c.joints)])
    world_rotation = dict(zip(c.joints.tolist(), turned, strict=True))
    for joint, (above, below, weight) in c.shared.items():
        shared = rotation.interpolate(
            change[:, above], change[:, below], np.full(len(change), weight)
        )
        world_rotation[joint] = rotation.multiply(shared, was[body.index(joint)])
    local_rotation = set_world_rotations(clip, with_carried(clip, c, world_rotation))
    return clip.with_motion(offset_root(clip, c, local_rotation, root_change), local_rotation)


def _body_rotation(clip: Clip, c: Correspondence) -> tuple[list[int], Array]:
    """The joints that have roles, and all above them, ascending, and their world rotations (K, T,
    4).
    """
    body, _ = c.body
    if len(body) < clip.skeleton.joint_count:
        clip = clip.window(0, clip.frame_count, body)
    return body, joints_first(clip.world_rotation)


def from_canonical(canonical: Clip, correspondence: Correspondence, pose: Clip) -> Clip:
    """The inverse of `to_canonical`: a clip on the canonical skeleton -> the same motion on a rig,
    in the file's axes and units.

    pose: on the rig, as long as the clip, or of one frame, which is repeated

    Mapped joints get the world rotations, and the hips the position, from which `to_canonical`
    makes the clip, whatever the pose is. All others keep their local motion in the pose, except for
    joints of the trunk between two mapped ones, which share its bend.
    """
    c = correspondence
    if pose.frame_count == 1:
        pose = pose.with_motion(
            *(
                np.repeat(a, canonical.frame_count, axis=0)
                for a in (pose.local_position, pose.local_rotation)
            )
        )
    assert pose.frame_count == canonical.frame_count, (
        f"{pose.frame_count} poses for {canonical.frame_count} frames"
    )
    posed = to_canonical(pose, c)
    change = rotation.multiply(canonical.world_rotation, rotation.inverse(posed.world_rotation))
    moved = apply_change(
        pose, c, change, canonical.world_position[:, HIPS] - posed.world_position[:, HIPS]
    )
    return replace(moved, frame_time_seconds=canonical.frame_time_seconds, name=canonical.name)


def set_world_rotations(clip: Clip, world_rotation: Mapping[int, Array]) -> Array:
    """Local rotations (T, J, 4) with which some joints have given world rotations (T, 4) and all
    others their local ones.
    """
    parents, local = clip.skeleton.parents, clip.local_rotation
    if not world_rotation:
        return local.copy()
    world: dict[int, Array] = {}
    # of all others, those above a given one have to be known
    for joint in np.flatnonzero(clip.skeleton.leading_to(world_rotation)).tolist():
        if joint in world_rotation:
            world[joint] = world_rotation[joint]
        elif parents[joint] >= 0:
            world[joint] = rotation.multiply(world[int(parents[joint])], local[:, joint])
        else:
            world[joint] = local[:, joint]
    given = list(world_rotation)
    turned = np.stack([world[joint] for joint in given])
    below = [i for i, joint in enumerate(given) if parents[joint] >= 0]
    if below:
        above = np.stack([world[int(parents[given[i]])] for i in below])
        turned[below] = rotation.multiply(rotation.inverse(above), turned[below])
    # in the hemisphere it was in: the numbers of an unchanged joint stay the same
    turned[rotation.dot(turned, joints_first(local)[given]) < 0] *= -1.0
    found = local.copy()
    joints_first(found)[given] = turned
    return found


def offset_root(
    clip: Clip, c: Correspondence, new_local_rotation: Array, root_change: Array | None
) -> Array:
    """The local positions (T, J, 3) that put the hips where they were plus `root_change` (metres,
    canonical axes; None: nothing).

    The joints that translate the body in the file translate it in the result. Mostly that is the
    hips alone; in some files a joint above travels and the hips bounce. Joints above keep their
    positions, whatever they rotate by.
    """
    if root_change is None:
        return carry_along(clip, c, clip.local_position, new_local_rotation)
    local_position = clip.local_position.copy()
    for joint, translation in _translations(c, root_change):
        parent = int(clip.skeleton.parents[joint])
        if parent >= 0:
            above = world_rotation_of(clip.skeleton, new_local_rotation, parent)
            translation = rotation.rotate(rotation.inverse(above), translation)
        local_position[:, joint] += translation
    return carry_along(clip, c, local_position, new_local_rotation)


def _translations(c: Correspondence, root_change: Array) -> list[tuple[int, Array]]:
    """root_change: as in `offset_root` -> by how much (T, 3) each of `root_motion_joints` is
    translated in the file's axes and units.
    """
    over_ground, upwards = c.root_motion_joints
    shares = [(over_ground, root_change)] if over_ground == upwards else []
    shares = shares or [(over_ground, root_change * (1.0 - UP)), (upwards, root_change * UP)]
    back = rotation.inverse(c.axes)
    return [
        (joint, rotation.rotate(back, change / c.scale_to_canonical)) for joint, change in shares
    ]


def with_root_moved(clip: Clip, c: Correspondence, root_change: Array) -> Clip:
    """The clip with its hips where they were plus `root_change` (T, 3) metres."""
    return clip.with_motion(
        offset_root(clip, c, clip.local_rotation, root_change), clip.local_rotation
    )


def with_body_moved(clip: Clip, c: Correspondence, root_change: Array) -> Clip:
    """As `with_root_moved`, of a clip whose joints are wanted in the world before and after: they
    are found once.
    """
    moved = with_root_moved(clip, c, root_change)
    if c.mapping.carried:
        return moved
    position = np.array(clip.world_position)
    for joint, translation in _translations(c, root_change):
        position[:, clip.skeleton.below(joint)] += translation[:, None]
    return moved.with_world(position, clip.world_rotation)


def with_carried(
    clip: Clip, c: Correspondence, world_rotation: dict[int, Array]
) -> dict[int, Array]:
    """World rotations by joint, and those of carried joints without a role: they rotate as much as
    what carries them.
    """
    found = dict(world_rotation)
    roles = set(c.mapping.joints.values())
    for joint, carrier in c.mapping.carried:
        if joint not in roles and carrier in found:
            change = rotation.multiply(
                found[carrier], rotation.inverse(clip.world_rotation[:, carrier])
            )
            found[joint] = rotation.multiply(change, clip.world_rotation[:, joint])
    return found


def carry_along(
    clip: Clip, c: Correspondence, new_local_position: Array, new_local_rotation: Array
) -> Array:
    """The new local positions (T, J, 3) with carried joints where they were as seen from what
    carries them.

    clip: the motion before
    """
    if not c.mapping.carried:
        return new_local_position
    local_position = new_local_position.copy()
    for joint, carrier in c.mapping.carried:
        position, world = forward_kinematics(clip.skeleton, local_position, new_local_rotation)
        turned = rotation.multiply(
            world[:, carrier], rotation.inverse(clip.world_rotation[:, carrier])
        )
        arm = clip.world_position[:, joint] - clip.world_position[:, carrier]
        parent = int(clip.skeleton.parents[joint])
        place: Array = position[:, carrier] + rotation.rotate(turned, arm)
        if parent >= 0:
            place = rotation.rotate(rotation.inverse(world[:, parent]), place - position[:, parent])
        local_position[:, joint] = place
    return local_position
