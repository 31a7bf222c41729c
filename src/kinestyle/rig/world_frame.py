"""The world that a clip's numbers are in, and bringing a clip into another one: another unit,
another axis up.

Some formats state their world (glTF: metres, Y up); BVH and AMC do not. What is not stated is found
in the motion if there is a human body in it, and otherwise assumed with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.note import Note
from kinestyle.rig.body_frame import DOUBTFUL_UP, axis_name
from kinestyle.rig.mapping import JointMapping, map_joints

ASSUMED_UNITS_HIGH = 2.5
"""A clip without a body that is higher or wider than this is taken to be in centimetres, as BVH
mostly is, and otherwise in metres.
"""


@dataclass(frozen=True, eq=False)
class WorldFrame:
    """The world of a clip's numbers.

    metres_per_unit: length of one unit
    up: (3,) signed unit axis
    warnings: a sentence for each thing that is neither stated nor seen in the motion
    """

    metres_per_unit: float
    up: Array
    warnings: tuple[str, ...] = ()


def find_world(clip: Clip, mapping: JointMapping | None = None) -> WorldFrame:
    """The world of a clip: what the file states, else what the body in the motion shows, else what
    is assumed with a warning.

    mapping: the result of `map_joints`, if it is known already
    """
    stated = clip.world
    if stated.metres_per_unit is not None and stated.up is not None:
        return WorldFrame(stated.metres_per_unit, np.array(stated.up))
    try:
        mapping = mapping or map_joints(clip)
    except RigError:
        return _assumed(clip)
    warnings: list[str] = []
    if mapping.swapped:
        warnings.append(
            Note(
                f"left and right of {clip.name} lie as if swapped: if it comes from a left-handed "
                f"world it is mirrored, and stays so",
                "sides",
                "Left and right lie as if swapped",
            )
        )
    if mapping.unit == "unknown":
        warnings.append(
            Note(
                f"the unit of {clip.name} is unknown; its body was brought to the size of an adult",
                "unit",
                "The unit is unknown: taken as an adult's size",
            )
        )
    if mapping.up_margin < DOUBTFUL_UP:
        warnings.append(
            Note(
                f"{axis_name(mapping.up)} was taken for up in {clip.name}, whose body hardly "
                f"stands upright",
                "up",
                f"{axis_name(mapping.up)} was taken for up: the body hardly stands",
            )
        )
    return WorldFrame(mapping.metres_per_unit, mapping.up, tuple(warnings))


def _assumed(clip: Clip) -> WorldFrame:
    """The world of a clip without a human body."""
    stated, warnings = clip.world, []
    metres, up = stated.metres_per_unit, stated.up
    if metres is None:
        size = float(np.ptp(clip.world_position[0], axis=0).max())
        metres, unit = (0.01, "centimetres") if size > ASSUMED_UNITS_HIGH else (1.0, "metres")
        warnings.append(
            Note(
                f"{clip.name} does not state its unit and no human body in it shows one; {unit} "
                f"were assumed",
                "unit",
                f"The unit is not stated: {unit} assumed",
            )
        )
    if up is None:
        up = (0.0, 1.0, 0.0)
        warnings.append(
            Note(
                f"{clip.name} does not state which axis is up and no human body in it shows one; "
                f"+Y was assumed",
                "up",
                "The up axis is not stated: +Y assumed",
            )
        )
    return WorldFrame(metres, np.array(up), tuple(warnings))


def bring_into_world(
    clip: Clip, world: StatedWorld = METRES_Y_UP, frame: WorldFrame | None = None
) -> tuple[Clip, tuple[str, ...]]:
    """The same motion in the numbers of a given world, and a sentence for each thing that had to be
    assumed of its own.

    The root is rotated and all lengths are scaled. Joints keep their own axes: only the root's
    rotations change. If nothing changes, the clip keeps its `source`.

    frame: the result of `find_world`, if it is known already
    """
    assert world.metres_per_unit is not None and world.up is not None, (
        "the wanted world states its unit and its up axis"
    )
    frame = frame or find_world(clip)
    between = rotation.between(frame.up, np.array(world.up))
    scale = frame.metres_per_unit / world.metres_per_unit
    if scale == 1.0 and np.array_equal(frame.up, world.up):
        return replace(clip, world=world), frame.warnings
    skeleton, roots = clip.skeleton, np.flatnonzero(clip.skeleton.parents < 0)
    offsets = skeleton.offsets * scale
    offsets[roots] = rotation.rotate(between, offsets[roots])
    shape = clip.frame_count, skeleton.joint_count
    position, local_rotation = (paged.empty((*shape, size)) for size in (3, 4))
    for joint in range(skeleton.joint_count):
        at, q = clip.joint(joint)
        is_root = joint in roots
        position[:, joint] = rotation.rotate(between, at * scale) if is_root else at * scale
        local_rotation[:, joint] = rotation.multiply(between, q) if is_root else q
        paged.give_back(position, local_rotation)
    brought = replace(
        clip,
        skeleton=replace(skeleton, offsets=offsets, end_offsets=skeleton.end_offsets * scale),
        local_position=position,
        local_rotation=local_rotation,
        source=None,
        world=world,
    )
    return brought, frame.warnings


def mirror_axis(clip: Clip, axis: int = 0) -> Clip:
    """The clip with one axis of the world and of every joint negated: from left-handed numbers to
    right-handed ones or back. Names are kept: what is left in one world is left in the other.
    """
    sign = np.ones(3)
    sign[axis] = -1.0
    # a rotation about the mirrored axis stays, about the other two it is reversed
    mirrored = np.concatenate([[1.0], -sign])
    skeleton = replace(
        clip.skeleton,
        offsets=clip.skeleton.offsets * sign,
        end_offsets=clip.skeleton.end_offsets * sign,
    )
    return replace(
        clip,
        skeleton=skeleton,
        local_position=clip.local_position * sign,
        local_rotation=clip.local_rotation * mirrored,
        source=None,
    )
