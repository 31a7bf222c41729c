"""Other motion in a file that exists: keys of joints that changed are replaced, or a further
animation is added; everything else stays byte for byte.

Only binary files of FBX 7 can be changed like this.
"""

from __future__ import annotations

import numpy as np

from kinestyle.formats.fbx.animation_objects import AnimationObjects, UnpatchableError
from kinestyle.formats.fbx.curves import unbroken_degrees
from kinestyle.formats.fbx.loading import Node
from kinestyle.formats.fbx.reader import FbxSource, read_back
from kinestyle.formats.fbx.records import Document, is_binary, parse, pieces
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND, frame_ticks, key_rate
from kinestyle.formats.unchanged import UNCHANGED, same_position, same_rotation, unit_of
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import same_skeleton
from kinestyle.motion.warp import frame_after
from kinestyle.motion.window import Progress, cut, one_by_one, part_of_progress

EXPRESSED_RADIANS, EXPRESSED_SHARE = 2e-5, 2e-5
"""The error allowed when the file is read back, of rotations and of positions as a share of the
skeleton's size: keys are 32-bit numbers.
"""
_ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ", "ZYX")
"""By FBX's number for the order of rotation: the outermost axis first. The last is spheric, which
programs treat as the first.
"""
ROTATION, TRANSLATION, _SCALING = "Lcl Rotation", "Lcl Translation", "Lcl Scaling"
_CHECKED_AT_ONCE = 1024
"""Frames of what is read back."""
_STATIC = 1e-6
"""How near to the property of its node a curve is that says no more than that."""


def patched(
    clip: Clip, source: FbxSource, progress: Progress | None = None
) -> tuple[list[bytes | memoryview], tuple[str, ...]]:
    """The file of `source` with the motion of `clip`, and notes. Raises UnpatchableError."""
    if not same_skeleton(clip.skeleton, source.skeleton, UNCHANGED * unit_of(source.skeleton)):
        raise UnpatchableError("its joints are not those of the file that it comes from")
    changes = _changes(source, clip)
    is_other = clip.animation != source.animation
    if not is_other and not (changes[0] | changes[1]).any():
        return [source.data], ()
    objects = AnimationObjects(_document(clip, source))
    if is_other or source.stack < 0:
        name = _add(objects, clip, source, part_of_progress(progress, 0.0, 0.5))
    else:
        name = source.animation
        _replace(objects, clip, source, *changes, part_of_progress(progress, 0.0, 0.5))
    objects.close()
    check(objects.document, clip, name, part_of_progress(progress, 0.5, 1.0))
    return pieces(objects.document), tuple(objects.notes)


def _document(clip: Clip, source: FbxSource) -> Document:
    """The file, taken apart. Raises UnpatchableError for one that cannot be changed."""
    if not is_binary(source.data):
        raise UnpatchableError("the file that it comes from is ASCII FBX")
    document = parse(source.data, clip.name)
    if document.version < 7000:
        raise UnpatchableError(f"the file that it comes from is FBX {document.version / 1000:.1f}")
    return document


def _replace(
    objects: AnimationObjects,
    clip: Clip,
    source: FbxSource,
    translated: np.ndarray,
    rotated: np.ndarray,
    progress: Progress | None,
) -> None:
    """Replace the keys of joints that have another position or rotation, (J,) bools."""
    objects.open(source.animation)
    start = round(source.start_seconds * TICKS_A_SECOND)
    ticks = frame_ticks(clip.frame_count, _key_rate(objects, clip, source), start)
    if not source.has_frames_of(clip):
        objects.set_end(int(ticks[-1]))
    moments = source.moments
    if moments is not None and len(moments) == clip.frame_count:
        objects.retime(lambda keys: _ticks_after(source, moments, keys, clip.frame_time_seconds))
    for joint in np.flatnonzero(translated | rotated):
        node = source.nodes[joint]
        translation, node_rotation = channels_of(source, int(joint), clip)
        if rotated[joint]:
            near = objects.first_values(node.identity, ROTATION)
            objects.set_curves(
                node.identity, ROTATION, ticks, degrees_of(node, node_rotation, near)
            )
        if translated[joint] or np.any(_swung(node, source.local_scale[:, joint])):
            objects.set_curves(node.identity, TRANSLATION, ticks, translation)
        if progress is not None:
            progress((joint + 1) / len(source.nodes))
    if not source.is_default:
        objects.make_active()


def _ticks_after(
    source: FbxSource, moments: Array, ticks: np.ndarray, frame_time_seconds: float
) -> np.ndarray:
    """ticks: (N,) of keys in the file -> where they are in the clip whose frames, each
    `frame_time_seconds` long, are at other moments (M,) of the one that was read.
    """
    start, step, new_step = (
        seconds * TICKS_A_SECOND
        for seconds in (source.start_seconds, source.frame_time_seconds, frame_time_seconds)
    )
    after = start + new_step * frame_after(moments, (ticks - start) / step, step / new_step)
    return np.asarray(after.round().astype(np.int64))


def _add(
    objects: AnimationObjects, clip: Clip, source: FbxSource, progress: Progress | None
) -> str:
    """Add the motion as another animation, which is the one that is read from then on; returns its
    name.
    """
    ticks = frame_ticks(clip.frame_count, _key_rate(objects, clip, source))
    name = objects.start(clip.animation or clip.name, int(ticks[0]), int(ticks[-1]))
    joints = {node.identity for node in source.nodes}
    if clip.animation and objects.drives_beside(joints):
        objects.notes.append("what moves beside the rig does so only in the other animations")
    for node, position, q, scale in source.above:
        translation, node_rotation = _own_channels(node, position[None], q[None], scale[None])
        _put(objects, node, TRANSLATION, ticks, translation)
        _put(objects, node, ROTATION, ticks, degrees_of(node, node_rotation))
        _put(objects, node, _SCALING, ticks, scale[None])
    for joint, node in enumerate(source.nodes):
        translation, node_rotation = channels_of(source, joint, clip)
        _put(objects, node, TRANSLATION, ticks, translation)
        _put(objects, node, ROTATION, ticks, degrees_of(node, node_rotation))
        _put(objects, node, _SCALING, ticks, source.local_scale[:1, joint])
        if progress is not None:
            progress((joint + 1) / len(source.nodes))
    objects.make_active()
    return name


def _put(
    objects: AnimationObjects, node: Node, channel: str, ticks: np.ndarray, values: Array
) -> None:
    """Give a property of a node keys for values (T or 1, 3) that move, or are not its own."""
    static = np.array(node.vectors.get(channel, (float(channel == _SCALING),) * 3))
    allowed = _STATIC * np.maximum(1.0, np.abs(static))
    if (np.abs(values - values[0]) > 1e-3 * allowed).any():
        objects.set_curves(node.identity, channel, ticks, values)
    elif (np.abs(values[0] - static) > allowed).any():
        # what keeps still needs one key
        objects.set_curves(node.identity, channel, ticks[:1], values[:1])


def _key_rate(objects: AnimationObjects, clip: Clip, source: FbxSource) -> float:
    """At how many frames a second keys are set; the file's own rate follows the clip's."""
    if source.is_at_rate(clip) and objects.states_rate:
        return source.frame_rate
    if objects.states_rate:
        objects.notes.append(
            f"the file has {clip.frame_rate:.4g} frames a second now, as the motion, instead of "
            f"{source.frame_rate:.4g}; other animations keep their times"
        )
    objects.set_rate(clip.frame_rate)
    return key_rate(clip.frame_rate)[1]


def degrees_of(node: Node, q: Array, near: Array | None = None) -> Array:
    """q: (T, 4) of a node -> (T, 3) degrees about X, Y and Z. near: (3,) where they begin, the
    node's own without.
    """
    near = _vector(node, ROTATION) if near is None else near
    return unbroken_degrees(q[:, None], _order(node), near[None])[:, 0]


def _changes(source: FbxSource, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Two (J,) bools: which joints have another position, and which another rotation than in the
    file.
    """
    if not source.has_frames_of(clip):
        return np.ones(len(source.nodes), dtype=bool), np.ones(len(source.nodes), dtype=bool)
    translated, rotated = (np.zeros(len(source.nodes), dtype=bool) for _ in range(2))
    unit = unit_of(source.skeleton)
    # joint by joint: of a long clip, what compares all of them at once is large
    for j in range(len(source.nodes)):
        position, q = (np.asarray(values, float) for values in clip.joint(j))
        was, was_turned = (
            paged.taken(values[:, j]) for values in (source.local_position, source.local_rotation)
        )
        translated[j] = not same_position(position, was, unit).all()
        rotated[j] = not same_rotation(rotation.normalize(q), was_turned).all()
    return translated, rotated


def _order(node: Node) -> str:
    """The axes of a node's Euler angles, the outermost first."""
    number = node.numbers.get("RotationOrder", 0)
    return _ORDERS[number] if 0 <= number < len(_ORDERS) else _ORDERS[0]


def _vector(node: Node, name: str) -> Array:
    """(3,) a property of a node's transform, zeros where the file states none."""
    return np.array(node.vectors.get(name, (0.0, 0.0, 0.0)))


def _fixed_rotation(node: Node, name: str) -> Array:
    """(4,) a constant rotation that the node has beside its animated one; always about X first."""
    return rotation.from_euler(np.radians(_vector(node, name)[::-1]), "ZYX")


def _swung(node: Node, scale: Array) -> Array:
    """scale: (T, 3) -> (T, 3) the vector by which a node lies off its pivot: rotating the node also
    moves it.
    """
    pivot = _vector(node, "ScalingPivot")
    return _vector(node, "ScalingOffset") + pivot - scale * pivot - _vector(node, "RotationPivot")


def channels_of(source: FbxSource, joint: int, clip: Clip) -> tuple[Array, Array]:
    """A joint's translation (T, 3) and rotation (T, 4) as its node has them."""
    position, q = (np.asarray(values, float) for values in clip.joint(joint))
    q = rotation.normalize(q)
    if source.skeleton.parents[joint] < 0:
        back = rotation.inverse(source.base_rotation)
        position = rotation.rotate(back, position - source.base_position)
        q = rotation.multiply(back, q)
    position = position / _as_long(source.parent_scale[:, joint], len(position))
    scale = _as_long(source.local_scale[:, joint], len(position))
    return _own_channels(source.nodes[joint], position, q, scale)


def _own_channels(node: Node, position: Array, q: Array, scale: Array) -> tuple[Array, Array]:
    """position: (T, 3), q: (T, 4), scale: (T, 3) of a node's local transform -> its translation
    (T, 3) and rotation (T, 4).

    FBX composes T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1: translation, rotation offset and
    pivot, and so on.
    """
    translation = (
        position
        - _vector(node, "RotationOffset")
        - _vector(node, "RotationPivot")
        - rotation.rotate(q, _swung(node, scale))
    )
    node_rotation = rotation.multiply(
        rotation.multiply(rotation.inverse(_fixed_rotation(node, "PreRotation")), q),
        _fixed_rotation(node, "PostRotation"),
    )
    return translation, node_rotation


def _as_long(values: Array, frames: int) -> Array:
    """values: (T, 3) -> (frames, 3), cut off or with the last one repeated."""
    return values[np.minimum(np.arange(frames), len(values) - 1)]


def check(document: Document, clip: Clip, animation: str, progress: Progress | None = None) -> None:
    """Read back what was made. Programs use transforms in odd ways, and a wrong result is worse
    than one without its mesh. Raises UnpatchableError.
    """
    back = read_back(document, clip.name, animation, part_of_progress(progress, 0.0, 0.8))
    if back.local_position.shape == clip.local_position.shape:
        off, angle, size, farthest = 0.0, 0.0, 1e-9, 0.0
        # a window at a time: where all joints of a long clip are is much to keep
        for window in one_by_one(
            cut(clip.frame_count, _CHECKED_AT_ONCE, 0), part_of_progress(progress, 0.8, 1.0)
        ):
            now, was = (each.window(window.start, window.stop) for each in (back, clip))
            position = was.world_position
            size = max(size, float(np.abs(position - position[:, :1]).max()) + 1e-9)
            farthest = max(farthest, float(np.abs(position).max()))
            off = max(off, float(np.abs(now.world_position - position).max()))
            turned = rotation.multiply(
                rotation.inverse(now.world_rotation), rotation.normalize(was.world_rotation)
            )
            angle = max(angle, float(rotation.angle(turned).max()))
        allowed = EXPRESSED_RADIANS * (1 + back.skeleton.joint_count // 8)
        if off - 1e-6 * farthest <= EXPRESSED_SHARE * size and angle <= allowed:
            return
    raise UnpatchableError(
        "the nodes of the file that it comes from transform in a way that cannot express the motion"
    )
