"""Reading FBX: the skeleton of a scene, sampled frame by frame over one of its animations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.animations import only_animation
from kinestyle.formats.characters import with_characters
from kinestyle.formats.fbx.excerpts import Excerpts
from kinestyle.formats.fbx.joint_nodes import JointNodes, choose_joints
from kinestyle.formats.fbx.loading import Node, Sampled, Scene, open_scene
from kinestyle.formats.fbx.records import Document, is_binary, parse
from kinestyle.formats.fbx.stacks import choose_stack, span_notes
from kinestyle.formats.fbx.ticks import unrounded_rate
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, MAX_MAGNITUDE, check_size
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.resampling import resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.warp import warped_again
from kinestyle.motion.window import Progress
from kinestyle.storage import name_of, read_bytes

MAX_JOINT_FRAMES = 2**23
"""Frames times joints. Each is a call into the library of about a millionth of a second."""
_FRAME_RATES = (0.1, 100_000.0)
_EVEN = 1e-4
"""How far off shear may put a joint, as a share of the longest bone, before it is said."""
_NO_SCALE = 1e-9
"""A smaller scale is none: the joint has no length to read or to write back."""


@dataclass(frozen=True, eq=False)
class FbxSource:
    """The file that a clip was read from: enough to put other motion into it.

    data: the whole file
    skeleton, local_position, local_rotation: what was read
    nodes: for each joint its node
    local_scale: (T or 1, J, 3) of the nodes
    parent_scale: (T or 1, J, 3) by which a joint's local position is longer than in the file
    base_position, base_rotation: (3,), (4,) of the node that the root hangs from, in the world
    stack: the number of the animation that was read, -1 where the file holds none
    animation: what the clip calls that animation
    start_seconds: when it starts
    frame_rate: at how many frames a second it was sampled
    frame_time_seconds: the clip's
    is_default: whether that animation is read without being asked for, whatever its style
    above: the nodes that the root hangs from, each with its position (3,), rotation (4,) and scale
        (3,)
    holds_meshes: whether the file shows more than a skeleton
    moments: (M,) fractional numbers of the frames, at which the clip was sampled again; None where
        it has those that were read
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
    stack: int
    animation: str
    start_seconds: float
    frame_rate: float
    frame_time_seconds: float
    is_default: bool
    above: tuple[tuple[Node, Array, Array, Array], ...]
    holds_meshes: bool
    moments: Array | None = None

    def at(self, at_frame: Array) -> FbxSource:
        """The source of a clip that has the frames at (M,) fractional frame numbers."""

        def sampled(scale: Array) -> Array:
            return scale if len(scale) == 1 else resample_vector(scale, at_frame)

        return replace(
            self,
            local_scale=sampled(self.local_scale),
            parent_scale=sampled(self.parent_scale),
            moments=warped_again(self.moments, at_frame),
        )

    def has_frames_of(self, clip: Clip) -> bool:
        """Whether the frames of a clip are those that were read."""
        return (
            self.moments is None
            and clip.frame_count == len(self.local_position)
            and self.is_at_rate(clip)
        )

    def is_at_rate(self, clip: Clip) -> bool:
        """Whether a clip has the frame time that was read."""
        return abs(clip.frame_time_seconds / self.frame_time_seconds - 1.0) <= 1e-9


def read_fbx(path: str | Path, animation: str | None = None, character: int | None = None) -> Clip:
    """The clip in an FBX file, in its own units and axes, with an `FbxSource` as its source.

    animation, character: which of several, see `Reading`

    Raises MotionFileError for a file that cannot be read, is not sound FBX or holds no skeleton.
    """
    path = Path(path)
    return parse_fbx(read_bytes(path, MAX_FILE_BYTES), name_of(path), animation, character)


def parse_fbx(
    data: bytes, name: str, animation: str | None = None, character: int | None = None
) -> Clip:
    """data: the bytes of an FBX file, name: what messages call it -> the clip, named after `name`
    without its suffix.

    animation, character: which of several, see `Reading`

    Raises MotionFileError with one sentence that says what was found and what was expected.
    """
    check_size(data, name)
    if not data:
        raise MotionFileError(f"{name} is empty, expected an FBX file")
    # checks the file before the library unpacks its arrays
    document = parse(data, name) if is_binary(data) else None
    is_long = document is not None and Excerpts(document).is_long
    with open_scene(document if document is not None and is_long else data, name) as scene:
        return _read_scene(scene, data, name, animation, character)


def read_back(document: Document, name: str, animation: str, progress: Progress | None) -> Clip:
    """As `parse_fbx`, of a file that is about to be written. The clip's source lacks the bytes."""
    with open_scene(document, name) as scene:
        return _read_scene(scene, b"", name, animation, None, progress)


def _read_scene(
    scene: Scene,
    data: bytes,
    name: str,
    animation: str | None,
    character: int | None,
    progress: Progress | None = None,
) -> Clip:
    """The clip of a scene. Raises MotionFileError."""
    animations, warnings = choose_stack(scene, animation)
    times, more = _frame_times(scene)
    warnings += more
    chosen = choose_joints(scene, character)
    warnings += chosen.warnings
    joints = chosen.joints
    if len(times) * len(joints) > MAX_JOINT_FRAMES:
        raise MotionFileError(
            f"{name} holds {len(times)} frames of {len(joints)} joints, expected at most "
            f"{MAX_JOINT_FRAMES} frames times joints"
        )
    above = scene.sample(chosen.above, times[:1])
    base_position, base_rotation, base_scale = _base(above)
    own = scene.sample(joints, times, progress)
    own = replace(own, scale=_once(own.scale))
    parent_scale, world_scale = _scales(chosen, own, base_scale)
    if _is_sheared(chosen, own, parent_scale):
        warnings.append(
            f"{name} scales some joints unevenly; where joints below them rotate, that was read "
            f"without its shear"
        )
    if (np.abs(world_scale) < _NO_SCALE).any():
        parent_scale = np.where(np.abs(parent_scale) < _NO_SCALE, 1.0, parent_scale)
    local_position, local_rotation = own.position, own.rotation
    # joint by joint, and in place: of a long clip, a copy is large
    for joint in range(len(joints)):
        local_position[:, joint] *= parent_scale[:, joint]
        paged.give_back(local_position)
    local_position[:, 0] = base_position + rotation.rotate(base_rotation, local_position[:, 0])
    local_rotation[:, 0] = rotation.multiply(base_rotation, local_rotation[:, 0])
    magnitude = max(float(np.abs(part).max()) for part in paged.parts(local_position))
    if magnitude > MAX_MAGNITUDE:
        raise MotionFileError(
            f"{name} holds a position of {magnitude:g}, expected at most {MAX_MAGNITUDE:g}"
        )

    rest = np.array([node.rest for node in joints]) * parent_scale[0]
    rest[0] = base_position + rotation.rotate(base_rotation, rest[0])
    tip_rest = np.array([node.rest for node in chosen.tips]).reshape(-1, 3)
    skeleton = Skeleton(
        names=chosen.names,
        parents=chosen.parents,
        offsets=rest,
        end_parents=chosen.tip_parents,
        end_offsets=tip_rest * world_scale[0, chosen.tip_parents],
    )
    frame_rate, custom_rate = scene.frame_rates
    frame_time_seconds = 1.0 / unrounded_rate(frame_rate, custom_rate)
    source = FbxSource(
        data=data,
        skeleton=skeleton,
        local_position=local_position,
        local_rotation=local_rotation,
        nodes=joints,
        local_scale=own.scale,
        parent_scale=_once(parent_scale),
        base_position=base_position,
        base_rotation=base_rotation,
        stack=scene.stack,
        animation=animations[scene.stack].name if animations else "",
        start_seconds=float(scene.span_seconds[0]),
        frame_rate=frame_rate,
        frame_time_seconds=frame_time_seconds,
        is_default=scene.is_default,
        holds_meshes=scene.holds_meshes,
        above=tuple(
            zip(chosen.above, above.position[0], above.rotation[0], above.scale[0], strict=True)
        ),
    )
    clip = Clip(
        skeleton,
        local_position,
        local_rotation,
        frame_time_seconds,
        Path(name).stem,
        source,
        tuple(warnings),
        StatedWorld(scene.metres_per_unit, scene.up),
    )
    clip = with_characters(clip, chosen.characters, chosen.character)
    if len(animations) == 1:
        return only_animation(clip, source.animation, source.animation)
    return clip.with_animations(animations, source.animation)


def _frame_times(scene: Scene) -> tuple[Array, list[str]]:
    """The times (T,) in seconds at which the scene is sampled, and warnings about what it states.
    Raises MotionFileError for an impossible frame rate or length.
    """
    name, warnings = scene.file, []
    frame_rate, _ = scene.frame_rates
    if not _FRAME_RATES[0] <= frame_rate <= _FRAME_RATES[1]:
        raise MotionFileError(
            f"{name} states {frame_rate:g} frames a second, expected {_FRAME_RATES[0]:g} or more"
        )
    start, end = scene.span_seconds
    if scene.is_left_handed:
        warnings.append(
            f"{name} states left-handed axes; its numbers were taken as they are, and the body may "
            f"be mirrored"
        )
    warnings += span_notes(scene)
    frames = (end - start) * frame_rate
    if not (np.isfinite(frames) and 0 <= frames < MAX_FRAMES):
        raise MotionFileError(
            f"{name} has an animation from {start:g} to {end:g} seconds, expected at most "
            f"{MAX_FRAMES} frames"
        )
    # the end of an animation may lie a rounding error short of its last frame
    return start + np.arange(int(np.floor(frames + 1e-2)) + 1) / frame_rate, warnings


def _base(above: Sampled) -> tuple[Array, Array, Array]:
    """above: the nodes that the root hangs from, from the top -> world position (3,), rotation (4,)
    and scale (3,) of the lowest.
    """
    position, q, scale = np.zeros(3), rotation.IDENTITY, np.ones(3)
    for i in range(above.position.shape[1]):
        position = position + rotation.rotate(q, scale * above.position[0, i])
        q = rotation.multiply(q, above.rotation[0, i])
        scale = scale * above.scale[0, i]
    return position, q, scale


def _scales(chosen: JointNodes, own: Sampled, base_scale: Array) -> tuple[Array, Array]:
    """The scale (T or 1, J, 3) of what each joint hangs from, and its own in the world."""
    parent_scale = np.empty_like(own.scale)
    world_scale = np.empty_like(own.scale)
    for joint, parent in enumerate(chosen.parents.tolist()):
        parent_scale[:, joint] = world_scale[:, parent] if parent >= 0 else base_scale
        ignores = chosen.joints[joint].ignores_parent_scale
        inherited = np.ones(3) if ignores else parent_scale[:, joint]
        world_scale[:, joint] = inherited * own.scale[:, joint]
    return parent_scale, world_scale


def _is_sheared(chosen: JointNodes, own: Sampled, parent_scale: Array) -> bool:
    """Whether an uneven scale above some joint reshapes what the joint rotates, so that its
    children lie elsewhere than they are read. parent_scale: (T or 1, J, 3), see `_scales`
    """
    longest = 0.0
    for joint in range(1, len(chosen.joints)):
        moved = parent_scale[:, joint] * paged.taken(own.position[:, joint])
        longest = max(longest, float(np.abs(moved).max(initial=0.0)))
    allowed = _EVEN * longest
    for child, joint in enumerate(chosen.parents.tolist()):
        if joint < 0 or not chosen.joints[joint].is_sheared:
            continue
        scale = parent_scale[:, joint]
        if (np.ptp(scale, axis=-1) <= 1e-9 * np.abs(scale).max(axis=-1)).all():
            continue
        offset = own.scale[:, joint] * own.position[:, child]
        q = own.rotation[:, joint]
        apart = scale * rotation.rotate(q, offset) - rotation.rotate(q, scale * offset)
        if np.abs(apart).max() > allowed:
            return True
    return False


def _once(values: Array) -> Array:
    """values: (T, ...) -> (1, ...) if all are alike: a long clip need not keep them all."""
    first = np.array(paged.taken(values[:1]))
    alike = all(bool((part == first).all()) for part in paged.parts(values))
    return first if alike else values
