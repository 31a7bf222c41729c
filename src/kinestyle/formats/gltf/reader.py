"""Reading glTF: the nodes of a rig become joints, and one animation, or the pose, frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.animations import only_animation
from kinestyle.formats.characters import with_characters
from kinestyle.formats.gltf.accessors import read_accessor
from kinestyle.formats.gltf.animations import PATHS, choose_animation, sampler_of
from kinestyle.formats.gltf.document import Document, open_document
from kinestyle.formats.gltf.humanoid import humanoid_nodes, roles_of
from kinestyle.formats.gltf.keys import USUAL_RATES, FrameGrid, find_grid, sample
from kinestyle.formats.gltf.nodes import (
    NodeTree,
    find_joints,
    joint_names,
    node_tree,
    rest_transform,
    resting,
    skinned_nodes,
)
from kinestyle.formats.gltf.source import GltfSource, mirror_rotation
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, MAX_JOINT_FRAMES, MAX_MAGNITUDE
from kinestyle.formats.text_files import quoted
from kinestyle.json_object import JsonObject
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import METRES_Y_UP, Animation, Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.storage import name_of, read_bytes

_INTERPOLATIONS = ("LINEAR", "STEP", "CUBICSPLINE")
_SHEAR, _BENT = 1e-3, 0.1
"""How far off shear may put a joint, as a share of a usual bone, before it is said and before it is
refused.
"""
_EVEN_SCALE = 1e-3
"""How much the scale of a joint may differ between its axes before it counts as uneven."""
_FRAME_TIMES = (1e-4, 10.0)
_KEPT_BYTES = 2**17
"""Of the values of a curve."""
POSE = FrameGrid(0.0, 1.0 / USUAL_RATES[0], 1)
"""The frame of nodes at rest."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One channel of an animation.

    keys: (K,) rising seconds
    read: gives its values (K, n), or three rows a key for CUBICSPLINE; many are not kept, but read
        from the file once more
    """

    keys: Array
    read: Callable[[], Array]
    interpolation: str


def read_gltf(path: str | Path, animation: str | None = None, character: int | None = None) -> Clip:
    """The clip in a .glb or .gltf file: metres, Y up, the joints and all nodes above them. Raises
    MotionFileError.

    animation, character: which of several, see `Reading`
    """
    path = Path(path)
    data = read_bytes(path, MAX_FILE_BYTES)
    return parse_gltf(data, name_of(path), path.parent, animation, character)


def parse_gltf(
    data: bytes,
    name: str,
    folder: Path | None = None,
    wanted: str | None = None,
    character: int | None = None,
) -> Clip:
    """data: the bytes of a file; name: what messages call it; folder: further files of its buffers
    are looked for there; wanted, character: which of several animations and rigs, see `Reading`

    Raises MotionFileError with one sentence that says where, what was found and what was expected.
    """
    document = open_document(data, name, folder)
    tree = node_tree(document)
    bones = humanoid_nodes(document)
    skinned = skinned_nodes(document, len(tree.parts)) | set(bones.values())
    warnings = list(document.warnings)
    number, animations, is_default, others = choose_animation(document, skinned, wanted)
    warnings += others
    animation = document.root.parts("animations")[number] if number >= 0 else None
    channels, curves = _read_curves(document, animation, len(tree.parts))
    animated = {node for node, path in curves if path != "scale"} or resting(tree, skinned)
    rig = find_joints(document, tree, skinned, animated, character)
    joints = rig.joints
    own = {key: curve for key, curve in curves.items() if key[0] in set(joints)}
    if not own:
        warnings.append(_still_note(name, animations, number))
    grid = _frames(own, animation)
    limit = min(MAX_FRAMES, MAX_JOINT_FRAMES // len(joints))
    if grid.frame_count > limit:
        raise MotionFileError(
            f"{name}, animation {animations[number].name!r}: found {grid.frame_count} frames, "
            f"expected at most {limit} with {len(joints)} joints"
        )
    if not grid.exact:
        warnings.append(
            f"the keys of {name} lie on no common frame rate; they were read at "
            f"{1.0 / grid.frame_time_seconds:.4g} frames/s"
        )
    names, renamed = joint_names(tree, joints, name)
    source = replace(
        _compose(document, tree, joints, names, own, grid, number, channels, warnings),
        name=animations[number].name if number >= 0 else "",
        is_default=is_default,
    )
    clip = Clip(
        source.skeleton,
        source.local_position,
        source.local_rotation,
        grid.frame_time_seconds,
        Path(name).stem,
        source,
        tuple(warnings + rig.warnings + renamed),
        METRES_Y_UP,
    )
    clip = with_characters(clip, rig.characters, rig.character)
    if bones:
        joint_of = dict(zip(source.nodes, names, strict=True))
        named = {bone: joint_of[node] for bone, node in bones.items() if node in joint_of}
        clip = replace(clip, roles=roles_of(named))
    if len(animations) == 1:
        return only_animation(clip, animations[0].name, source.name)
    return clip.with_animations(animations, source.name)


def _frames(curves: dict[tuple[int, str], Curve], animation: JsonObject | None) -> FrameGrid:
    """The frames of the curves of an animation; without curves, the one of the nodes at rest."""
    if animation is None or not curves:
        return POSE
    return find_grid([curve.keys for curve in curves.values()], _stated_frame_time(animation))


def _still_note(name: str, animations: Sequence[Animation], number: int) -> str:
    """What there is to say where the nodes were read as they are at rest."""
    if not animations:
        return f"{name} holds no animation; its pose was read as one frame"
    which = "its animations move" if number < 0 else f"{quoted(animations[number].name)} moves"
    return f"{name}: {which} no joint of the rig; the pose of its nodes was read as one frame"


def _stated_frame_time(animation: JsonObject) -> float | None:
    """The frame time that our own files state: 32-bit times cannot tell 0.0083333 from 1/120."""
    extras = animation.fields.get("extras")
    own = extras.get("kinestyle") if isinstance(extras, dict) else None
    seconds = own.get("frame_time_seconds") if isinstance(own, dict) else None
    return (
        seconds
        if isinstance(seconds, float) and _FRAME_TIMES[0] <= seconds <= _FRAME_TIMES[1]
        else None
    )


def _read_curves(
    document: Document, animation: JsonObject | None, node_count: int
) -> tuple[dict[tuple[int, str], int], dict[tuple[int, str], Curve]]:
    """(node, path) -> the channel's number, and its curve. Raises MotionFileError."""
    if animation is None:
        return {}, {}
    samplers = animation.parts("samplers")
    arrays: dict[tuple[int, str], Array] = {}

    def array(sampler: JsonObject, key: str, kind: str) -> Array:
        index = sampler.integer(key, 0, len(document.accessors) - 1, "the number of an accessor")
        if (index, kind) in arrays:
            return arrays[index, kind]
        found = read_accessor(document, index, kind)
        if kind == "SCALAR" or found.nbytes <= _KEPT_BYTES:
            arrays[index, kind] = found
        return found

    channels: dict[tuple[int, str], int] = {}
    curves: dict[tuple[int, str], Curve] = {}
    for number, channel in enumerate(animation.parts("channels")):
        target = channel.part("target")
        path = target.text("path")
        if path not in PATHS or "node" not in target.fields:
            continue
        node = target.integer("node", 0, node_count - 1, "the number of a node")
        if (node, path) in channels:
            target.refuse("path", f"no second channel for the {path} of nodes[{node}]")
        sampler = sampler_of(channel, samplers)
        interpolation = sampler.text("interpolation", "LINEAR")
        if interpolation not in _INTERPOLATIONS:
            sampler.refuse("interpolation", f"one of {', '.join(_INTERPOLATIONS)}")
        keys = array(sampler, "input", "SCALAR")[:, 0]
        read = partial(_curve_values, array, sampler, path)
        values = read()
        if (np.diff(keys) < 0).any():
            at = int(np.argmax(np.diff(keys) < 0))
            raise MotionFileError(
                f"{sampler.file}, {sampler.where}: found a key at {keys[at + 1]} s after one at "
                f"{keys[at]} s, expected times that rise"
            )
        wanted = len(keys) * (3 if interpolation == "CUBICSPLINE" else 1)
        if len(values) != wanted:
            raise MotionFileError(
                f"{sampler.file}, {sampler.where}: found {len(values)} values for {len(keys)} "
                f"keys, expected {wanted}"
            )
        if path == "rotation":
            at_key = values[1::3] if interpolation == "CUBICSPLINE" else values
            if np.abs(at_key).max(axis=1).min() < 1e-3:
                raise MotionFileError(
                    f"{sampler.file}, {sampler.where}: found a rotation of zeros, expected "
                    f"quaternions of length 1"
                )
        channels[node, path] = number
        curves[node, path] = Curve(keys, read, interpolation)
    return channels, curves


def _curve_values(
    array: Callable[[JsonObject, str, str], Array], sampler: JsonObject, path: str
) -> Array:
    """The values of a sampler; of rotations, wxyz."""
    values = array(sampler, "output", f"VEC{PATHS[path]}")
    return values[:, [3, 0, 1, 2]] if path == "rotation" else values


def _compose(
    document: Document,
    tree: NodeTree,
    joints: list[int],
    names: tuple[str, ...],
    curves: dict[tuple[int, str], Curve],
    grid: FrameGrid,
    animation: int,
    channels: dict[tuple[int, str], int],
    warnings: list[str],
) -> GltfSource:
    """The motion of a skeleton, from curves and from the rest transforms of nodes without one.

    A skeleton has no scales: those of the nodes above a joint are in its positions. What there is
    to say of that goes to `warnings`. Raises MotionFileError.
    """
    number_of = {node: j for j, node in enumerate(joints)}
    parents = np.array([number_of.get(int(tree.parents[node]), -1) for node in joints])
    rest = [rest_transform(tree.parts[node]) for node in joints]
    local_position, q, scale = _sampled(joints, rest, curves, grid)
    child_scale, child_sign = _child_scale(tree, joints, parents, scale)
    has_parent, above = (parents >= 0)[:, None], np.maximum(parents, 0)
    parent_scale = np.where(has_parent, child_scale[:, above], 1.0)
    parent_sign = np.where(has_parent, child_sign[above], 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        # joint by joint, and in place: of a long clip, a copy is large
        for j in np.flatnonzero((parent_scale != 1.0).any(axis=(0, 2))):
            local_position[:, j] *= parent_scale[:, j]
    if not all(
        bool((np.abs(position) <= MAX_MAGNITUDE).all()) for position in paged.parts(local_position)
    ) or not all(bool((np.abs(turned).max(axis=-1) > 0).all()) for turned in paged.parts(q)):
        raise MotionFileError(
            f"{document.name}: found curves that go out of bounds between their keys, expected a "
            f"motion"
        )
    tips = [
        (j, child)
        for j, node in enumerate(joints)
        for child in tree.children[node]
        if tree.is_end_site(child)
    ]
    skeleton = Skeleton(
        names,
        parents,
        np.stack([offset for offset, _, _ in rest]) * parent_scale[0],
        np.array([j for j, _ in tips], dtype=int),
        np.array(
            [rest_transform(tree.parts[child])[0] * child_scale[0, j] for j, child in tips]
        ).reshape(-1, 3),
    )
    shear, at = _shear(parents, child_scale, q, local_position)
    if shear > _BENT:
        while parents[at] >= 0 and np.ptp(np.abs(scale[:, at]), axis=-1).max() <= _EVEN_SCALE:
            at = int(parents[at])  # whose own scale it is
        place = f"{document.name}, {tree.parts[joints[at]].where}"
        raise _bends(place, names[at], scale[0, at])
    if shear > _SHEAR:
        warnings.append(
            f"{document.name} scales some joints unevenly; where joints below them rotate, that "
            f"was read without its shear"
        )
    for j in np.flatnonzero((parent_sign < 0).any(axis=-1)):
        q[:, j] = mirror_rotation(q[:, j], parent_sign[j])
    return GltfSource(
        document,
        animation,
        tuple(joints),
        channels,
        grid,
        skeleton,
        local_position,
        q,
        np.broadcast_to(parent_scale, local_position.shape),
        parent_sign,
        scale=None if (scale == 1.0).all() else np.broadcast_to(scale, local_position.shape),
    )


def _sampled(
    joints: list[int],
    rest: list[tuple[Array, Array, Array]],
    curves: dict[tuple[int, str], Curve],
    grid: FrameGrid,
) -> tuple[Array, Array, Array]:
    """Translation (T, J, 3), rotation (T, J, 4) and scale (T or 1, J, 3) of each joint.

    rest: of each joint, the same where it has no curve
    """
    shape = grid.frame_count, len(joints)
    translation, q = (paged.empty((*shape, PATHS[path])) for path in ("translation", "rotation"))
    scaled = any((node, "scale") in curves for node in joints)
    scale = paged.empty((shape[0] if scaled else 1, shape[1], PATHS["scale"]))
    for j, node in enumerate(joints):
        for path, target, at_rest in zip(PATHS, (translation, q, scale), rest[j], strict=True):
            curve = curves.get((node, path))
            target[:, j] = (
                at_rest
                if curve is None
                else sample(curve.keys, curve.read(), curve.interpolation, grid, path == "rotation")
            )
        paged.give_back(translation, q, scale)
    return translation, q, scale


def _bends(place: str, name: str, scale: Array) -> MotionFileError:
    found = ", ".join(f"{value:.4g}" for value in scale)
    return MotionFileError(
        f"{place}: found a scale of {found} on {quoted(name)}, which would bend the joints on it, "
        f"expected the same along all axes; apply the scale and export again"
    )


def _child_scale(
    tree: NodeTree, joints: list[int], parents: np.ndarray, scale: Array
) -> tuple[Array, Array]:
    """scale: (T or 1, J, 3) of each node itself -> the factor, as many, by which it and those above
    scale the translations of its children, and the signs of that factor (J, 3).

    Raises MotionFileError for a scale that mirrors some axes and not others.
    """
    if (scale == 1.0).all():
        return np.ones((1, *scale.shape[1:])), np.ones(scale.shape[1:])
    size = np.empty_like(scale)
    sign = np.ones(scale.shape[1:])
    has_children = np.isin(np.arange(len(joints)), parents)
    for j, node in enumerate(joints):
        above = int(parents[j])
        size_above, sign_above = (size[:, above], sign[above]) if above >= 0 else (1.0, 1.0)
        magnitude = np.abs(scale[:, j])
        signs = np.where(scale[:, j] < 0, -1.0, 1.0)
        sign[j] = sign_above * signs[0]
        if has_children[j] and (signs != signs[0]).any():
            raise MotionFileError(
                f"{tree.parts[node].file}, {tree.parts[node].where}: found a scale whose sign "
                f"changes on {quoted(tree.name(node))}, which would bend the joints on it, "
                f"expected the same along all axes; apply the scale and export again"
            )
        even = np.ptp(magnitude, axis=-1) <= _EVEN_SCALE * magnitude.max(axis=-1)
        mean = magnitude.mean(axis=-1)
        with np.errstate(over="ignore"):
            size[:, j] = size_above * np.where(even[:, None], mean[:, None], magnitude)
    return size * sign, sign


def _shear(parents: np.ndarray, child_scale: Array, q: Array, offset: Array) -> tuple[float, int]:
    """How far an uneven scale above some joint, which reshapes what the joint rotates, puts its
    children from where they are read, as a share of a usual bone; and the joint that is scaled.

    child_scale: (T or 1, J, 3), see `_child_scale`; q: (T, J, 4) of the nodes; offset: (T, J, 3) of
    each from its parent, in the parent's frame
    """
    size = np.abs(child_scale)
    uneven = (np.ptp(size, axis=-1) > _EVEN_SCALE * size.max(axis=-1)).any(axis=0)
    usual = max(float(np.median(np.linalg.norm(offset[0], axis=-1))), 1e-12)
    worst, at = 0.0, 0
    for child, joint in enumerate(parents.tolist()):
        above = int(parents[joint]) if joint >= 0 else -1
        if above < 0 or not uneven[above]:
            continue
        scale, turned = size[:, above], q[:, joint]
        unscaled = offset[:, child] / np.maximum(scale, 1e-12)
        apart = scale * rotation.rotate(turned, unscaled)
        share = float(np.abs(apart - rotation.rotate(turned, offset[:, child])).max()) / usual
        if share > worst:
            worst, at = share, above
    return worst, at
