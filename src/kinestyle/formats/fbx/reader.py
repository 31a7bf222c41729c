"""Reading FBX: the skeleton of a scene, sampled frame by frame over its first take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.fbx.joint_nodes import choose_joints
from kinestyle.formats.fbx.loading import Node, Scene, open_scene
from kinestyle.formats.fbx.records import is_binary, parse
from kinestyle.formats.fbx.ticks import unrounded_rate
from kinestyle.formats.text_files import MAX_FRAMES, MAX_MAGNITUDE
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.storage import read_bytes

MAX_FILE_BYTES = 512 * 2**20
MAX_JOINT_FRAMES = 2**23
"""Frames times joints. Each is a call into the library of about a millionth of a second."""
_FRAME_RATES = (0.1, 100_000.0)
_EVEN = 1e-4
"""By how much the scale of a joint may differ between its axes before its children's motion counts
as bent by it.
"""


@dataclass(frozen=True, eq=False)
class FbxSource:
    """The file that a clip was read from: enough to put other motion into it.

    data: the whole file
    skeleton, local_position, local_rotation: what was read
    nodes: for each joint its node
    local_scale: (T or 1, J, 3) of the nodes
    parent_scale: (T or 1, J, 3) by which the lengths of a joint's local position are larger than in
        the file
    base_position, base_rotation: (3,), (4,) the place of what the root hangs from
    take: the name of the take that was read
    start_seconds: when it starts
    frame_rate: at how many frames a second it was sampled
    frame_time_seconds: the clip's
    """

    data: bytes
    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    nodes: tuple[Node, ...]
    local_scale: Array
    parent_scale: Array
    base_position: Array
    base_rotation: Array
    take: str
    start_seconds: float
    frame_rate: float
    frame_time_seconds: float


def read_fbx(path: str | Path) -> Clip:
    """The clip in an FBX file, in its own units and axes, with an `FbxSource` as its source.

    Raises MotionFileError for a file that cannot be read, is not sound FBX or holds no skeleton.
    """
    path = Path(path)
    return parse_fbx(read_bytes(path, MAX_FILE_BYTES), path.name)


def parse_fbx(data: bytes, name: str) -> Clip:
    """data: the bytes of an FBX file, name: what messages call it -> the clip, named after `name`
    without its suffix.

    Raises MotionFileError with one sentence that says what was found and what was expected.
    """
    if len(data) > MAX_FILE_BYTES:
        raise MotionFileError(
            f"{name} has {len(data)} bytes, more than the limit of {MAX_FILE_BYTES}"
        )
    if not data:
        raise MotionFileError(f"{name} is empty, expected an FBX file")
    if is_binary(data):
        # before the library unpacks its arrays
        parse(data, name)
    with open_scene(data, name) as scene:
        return _read_scene(scene, data, name)


def _read_scene(scene: Scene, data: bytes, name: str) -> Clip:
    warnings = []
    frame_rate, custom_rate = scene.frame_rates
    if not _FRAME_RATES[0] <= frame_rate <= _FRAME_RATES[1]:
        raise MotionFileError(
            f"{name} states {frame_rate:g} frames a second, expected {_FRAME_RATES[0]:g} or more"
        )
    takes, (start, end) = scene.takes, scene.span_seconds
    if len(takes) > 1:
        names = ", ".join(map(repr, takes[:6])) + (" and more" if len(takes) > 6 else "")
        warnings.append(f"{name} holds {len(takes)} takes ({names}); the first was read")
    if scene.is_left_handed:
        warnings.append(
            f"{name} states left-handed axes; its numbers were taken as they are, so that the "
            f"body may be mirrored"
        )
    if not takes:
        warnings.append(f"{name} holds no animation; its pose was read as one frame")
    frames = (end - start) * frame_rate
    if not (np.isfinite(frames) and 0 <= frames < MAX_FRAMES):
        raise MotionFileError(
            f"{name} has a take from {start:g} to {end:g} seconds, expected at most {MAX_FRAMES} "
            f"frames"
        )
    # the end of a take may lie a rounding short of its last frame
    times = start + np.arange(int(np.floor(frames + 1e-2)) + 1) / frame_rate

    chosen = choose_joints(scene)
    warnings += chosen.warnings
    joints = chosen.joints
    if len(times) * len(joints) > MAX_JOINT_FRAMES:
        raise MotionFileError(
            f"{name} holds {len(times)} frames of {len(joints)} joints, expected at most "
            f"{MAX_JOINT_FRAMES} frames times joints"
        )
    above = scene.sample(chosen.above, times[:1])
    own = scene.sample(joints, times)
    base_position, base_rotation, base_scale = np.zeros(3), rotation.IDENTITY, np.ones(3)
    for i in range(len(chosen.above)):
        base_position = base_position + rotation.rotate(
            base_rotation, base_scale * above.position[0, i]
        )
        base_rotation = rotation.multiply(base_rotation, above.turn[0, i])
        base_scale = base_scale * above.scale[0, i]

    parents = chosen.parents
    parent_scale = np.empty_like(own.scale)
    whole = np.empty_like(own.scale)
    for joint, parent in enumerate(parents.tolist()):
        parent_scale[:, joint] = whole[:, parent] if parent >= 0 else base_scale
        inherited = np.ones(3) if joints[joint].ignores_parent_scale else parent_scale[:, joint]
        whole[:, joint] = inherited * own.scale[:, joint]
    if (np.ptp(whole, axis=-1) > _EVEN * np.abs(whole).max(axis=-1)).any() or (whole < 0).any():
        warnings.append(
            f"{name} scales some joints unevenly; where joints below them turn, that was read "
            f"without its shear"
        )
    if (np.abs(whole) < 1e-9).any():
        # what is shrunk to nothing has no length to read or to write back
        parent_scale = np.where(np.abs(parent_scale) < 1e-9, 1.0, parent_scale)
    local_position, local_rotation = parent_scale * own.position, own.turn
    local_position[:, 0] = base_position + rotation.rotate(base_rotation, local_position[:, 0])
    local_rotation[:, 0] = rotation.multiply(base_rotation, local_rotation[:, 0])
    if (magnitude := float(np.abs(local_position).max())) > MAX_MAGNITUDE:
        raise MotionFileError(
            f"{name} holds a position of {magnitude:g}, expected at most {MAX_MAGNITUDE:g}"
        )

    rest = np.array([node.rest for node in joints]) * parent_scale[0]
    rest[0] = base_position + rotation.rotate(base_rotation, rest[0])
    tip_rest = np.array([node.rest for node in chosen.tips]).reshape(-1, 3)
    skeleton = Skeleton(
        names=chosen.names,
        parents=parents,
        offsets=rest,
        end_parents=chosen.tip_parents,
        end_offsets=tip_rest * whole[0, chosen.tip_parents],
    )
    frame_time_seconds = 1.0 / unrounded_rate(frame_rate, custom_rate)
    source = FbxSource(
        data=data,
        skeleton=skeleton,
        local_position=local_position,
        local_rotation=local_rotation,
        nodes=joints,
        local_scale=_once(own.scale),
        parent_scale=_once(parent_scale),
        base_position=base_position,
        base_rotation=base_rotation,
        take=takes[0] if takes else "",
        start_seconds=float(start),
        frame_rate=frame_rate,
        frame_time_seconds=frame_time_seconds,
    )
    return Clip(
        skeleton,
        local_position,
        local_rotation,
        frame_time_seconds,
        Path(name).stem,
        source,
        tuple(warnings),
        StatedWorld(scene.metres_per_unit, scene.up),
    )


def _once(values: Array) -> Array:
    """values: (T, ...) -> (1, ...) where all are alike, so that a long clip does not keep them all."""
    return values[:1] if (values == values[:1]).all() else values
