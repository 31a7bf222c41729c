"""Reading glTF: the nodes of a rig become joints, and one animation becomes frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf.accessors import read_accessor
from kinestyle.formats.gltf.document import Document, open_document
from kinestyle.formats.gltf.keys import FrameGrid, find_grid, sample
from kinestyle.formats.gltf.nodes import (
    NodeTree,
    find_joints,
    joint_names,
    node_tree,
    rest_transform,
)
from kinestyle.formats.gltf.source import GltfSource, mirror_turns
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, MAX_JOINT_FRAMES, MAX_MAGNITUDE
from kinestyle.formats.text_files import quoted
from kinestyle.json_object import JsonObject
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.storage import read_bytes

PATHS = {"translation": 3, "rotation": 4, "scale": 3}
_INTERPOLATIONS = ("LINEAR", "STEP", "CUBICSPLINE")
_FULL_SHARE = 0.5
"""Of the most joints that any animation moves: one that moves fewer is a part of a motion, such as
a face's.
"""
_EVEN_SCALE = 1e-3
_FRAME_TIMES = (1e-4, 10.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """One channel of an animation. keys: (K,) rising seconds; values: (K, n), three rows a key for
    CUBICSPLINE
    """

    keys: Array
    values: Array
    interpolation: str


def read_gltf(path: str | Path) -> Clip:
    """The clip in a .glb or .gltf file: metres, Y up, the joints and all nodes above them. Raises
    MotionFileError.
    """
    path = Path(path)
    return parse_gltf(read_bytes(path, MAX_FILE_BYTES), path.name, path.parent)


def parse_gltf(data: bytes, name: str, folder: Path | None = None) -> Clip:
    """data: the bytes of a file that messages call `name`; folder: where its buffers in files of
    their own are, if anywhere.

    Raises MotionFileError with one sentence that says where, what was found and what was expected.
    """
    document = open_document(data, name, folder)
    tree = node_tree(document)
    warnings = list(document.warnings)
    number, several = _choose_animation(document, tree)
    warnings += several
    animation = document.root.parts("animations")[number]
    channels, curves = _read_curves(document, animation, len(tree.parts))
    joints, rigs = find_joints(document, tree, {node for node, path in curves if path != "scale"})
    own = {key: curve for key, curve in curves.items() if key[0] in set(joints)}
    if not own:
        raise MotionFileError(
            f"{name}, {animation.where}: it moves none of the joints, expected a motion of the rig"
        )
    grid = find_grid([curve.keys for curve in own.values()], _stated_frame_time(animation))
    limit = min(MAX_FRAMES, MAX_JOINT_FRAMES // len(joints))
    if grid.frame_count > limit:
        raise MotionFileError(
            f"{name}, {animation.where}: found {grid.frame_count} frames, expected at most "
            f"{limit} with {len(joints)} joints"
        )
    if not grid.exact:
        warnings.append(
            f"the keys of {name} lie on no common frame rate; they were read at "
            f"{1.0 / grid.frame_time_seconds:.4g} frames/s"
        )
    names, renamed = joint_names(tree, joints, name)
    clip = _compose(document, tree, joints, names, own, grid, number, channels)
    return Clip(
        clip.skeleton,
        clip.local_position,
        clip.local_rotation,
        grid.frame_time_seconds,
        Path(name).stem,
        clip,
        tuple(warnings + rigs + renamed),
        METRES_Y_UP,
    )


def _choose_animation(document: Document, tree: NodeTree) -> tuple[int, list[str]]:
    """The longest of the animations that move most of what any moves, and a warning that names the
    others.
    """
    animations = document.root.parts("animations")
    if not animations:
        raise MotionFileError(
            f"{document.name} holds no animation, expected a motion; export with animations"
        )
    skinned = {
        node
        for skin in document.root.parts("skins")
        for node in skin.indices("joints", len(tree.parts), "nodes")
    }
    moved, lengths = [], []
    for animation in animations:
        samplers = animation.parts("samplers")
        nodes, length = set(), 0.0
        for channel in animation.parts("channels"):
            target = channel.part("target")
            if target.fields.get("path") in ("translation", "rotation") and isinstance(
                target.fields.get("node"), int
            ):
                nodes.add(target.fields["node"])
                sampler = samplers[
                    channel.integer("sampler", 0, len(samplers) - 1, "the number of a sampler")
                ]
                length = max(length, _stated_length(document, sampler))
        moved.append(len(nodes & skinned) or len(nodes) / (len(tree.parts) + 1.0))
        lengths.append(length)
    if not max(moved):
        raise MotionFileError(
            f"{document.name}: its animations turn or move no node, expected a motion of a rig"
        )
    full = [i for i, count in enumerate(moved) if count >= _FULL_SHARE * max(moved)]
    best = max(full, key=lambda i: lengths[i])
    if len(animations) == 1:
        return best, []
    others = ", ".join(
        quoted(part.text("name", str(i))) for i, part in enumerate(animations[:8]) if i != best
    )
    which = quoted(animations[best].text("name", str(best)))
    return best, [
        f"{document.name} holds {len(animations)} animations; {which} was read, {others} left as "
        f"found"
    ]


def _stated_length(document: Document, sampler: JsonObject) -> float:
    """Seconds between the first and last key, as the file says without its numbers being read."""
    accessor = document.accessors[
        sampler.integer("input", 0, len(document.accessors) - 1, "the number of an accessor")
    ]
    ends = [accessor.fields.get(key) for key in ("min", "max")]
    first, last = (
        end[0] if isinstance(end, list) and end and isinstance(end[0], int | float) else 0.0
        for end in ends
    )
    return float(last - first)


def _stated_frame_time(animation: JsonObject) -> float | None:
    """What files of our own say, because 0.0083333 cannot be told from 1/120 by 32-bit times."""
    extras = animation.fields.get("extras")
    own = extras.get("kinestyle") if isinstance(extras, dict) else None
    seconds = own.get("frame_time_seconds") if isinstance(own, dict) else None
    return (
        seconds
        if isinstance(seconds, float) and _FRAME_TIMES[0] <= seconds <= _FRAME_TIMES[1]
        else None
    )


def _read_curves(
    document: Document, animation: JsonObject, node_count: int
) -> tuple[dict[tuple[int, str], int], dict[tuple[int, str], Curve]]:
    """(node, path) -> the channel's number, and its curve."""
    samplers = animation.parts("samplers")
    arrays: dict[tuple[int, str], Array] = {}

    def array(sampler: JsonObject, key: str, kind: str) -> Array:
        index = sampler.integer(key, 0, len(document.accessors) - 1, "the number of an accessor")
        if (index, kind) not in arrays:
            arrays[index, kind] = read_accessor(document, index, kind)
        return arrays[index, kind]

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
        sampler = samplers[
            channel.integer("sampler", 0, len(samplers) - 1, "the number of a sampler")
        ]
        interpolation = sampler.text("interpolation", "LINEAR")
        if interpolation not in _INTERPOLATIONS:
            sampler.refuse("interpolation", f"one of {', '.join(_INTERPOLATIONS)}")
        keys = array(sampler, "input", "SCALAR")[:, 0]
        values = array(sampler, "output", f"VEC{PATHS[path]}")
        if (np.diff(keys) < 0).any():
            at = int(np.argmax(np.diff(keys) < 0))
            raise MotionFileError(f"{sampler.file}, {sampler.where}: found a key at "
f"{keys[at + 1]} s after one at {keys[at]} s, "
                                  "expected times that rise")  # fmt: skip
        wanted = len(keys) * (3 if interpolation == "CUBICSPLINE" else 1)
        if len(values) != wanted:
            raise MotionFileError(
                f"{sampler.file}, {sampler.where}: found {len(values)} values for {len(keys)} "
                f"keys, expected {wanted}"
            )
        if path == "rotation":
            turns = values[1::3] if interpolation == "CUBICSPLINE" else values
            if np.abs(turns).max(axis=1).min() < 1e-3:
                raise MotionFileError(
                    f"{sampler.file}, {sampler.where}: found a rotation of zeros, expected "
                    f"quaternions of length 1"
                )
            values = values[:, [3, 0, 1, 2]]
        channels[node, path] = number
        curves[node, path] = Curve(keys, values, interpolation)
    return channels, curves


def _compose(
    document: Document,
    tree: NodeTree,
    joints: list[int],
    names: tuple[str, ...],
    curves: dict[tuple[int, str], Curve],
    grid: FrameGrid,
    animation: int,
    channels: dict[tuple[int, str], int],
) -> GltfSource:
    """Curves and resting nodes -> motion of a skeleton without scales: those of the nodes above are
    in its positions.
    """
    count, frames = len(joints), grid.frame_count
    number_of = {node: j for j, node in enumerate(joints)}
    parents = np.array([number_of.get(int(tree.parents[node]), -1) for node in joints])
    rest = [rest_transform(tree.parts[node]) for node in joints]
    position, turn, scale = (np.empty((frames, count, size)) for size in (3, 4, 3))
    for j, node in enumerate(joints):
        for path, target, still in (
            ("translation", position, rest[j][0]),
            ("rotation", turn, rest[j][1]),
            ("scale", scale, rest[j][2]),
        ):
            curve = curves.get((node, path))
            target[:, j] = (
                still
                if curve is None
                else sample(curve.keys, curve.values, curve.interpolation, grid, path == "rotation")
            )
    hang, sign = _carried_scale(tree, joints, parents, scale)
    above = np.maximum(parents, 0)
    # what hangs on a joint is scaled with it; the top hangs on the world
    hang_of = np.where((parents >= 0)[:, None], hang[:, above], 1.0)
    sign_of = np.where((parents >= 0)[:, None], sign[above], 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        local_position = position * hang_of
    local_rotation = mirror_turns(turn, sign_of)
    if (
        not (np.abs(local_position) <= MAX_MAGNITUDE).all()
        or not (np.abs(local_rotation).max(axis=-1) > 0).all()
    ):
        raise MotionFileError(
            f"{document.name}: found curves that run out of all bounds between their keys, "
            f"expected a motion"
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
        np.stack([r[0] for r in rest]) * hang_of[0],
        np.array([j for j, _ in tips], dtype=int),
        np.array([rest_transform(tree.parts[child])[0] * hang[0, j] for j, child in tips]).reshape(
            -1, 3
        ),
    )
    return GltfSource(
        document,
        animation,
        tuple(joints),
        channels,
        grid,
        skeleton,
        local_position,
        local_rotation,
        hang_of,
        sign_of,
    )


def _carried_scale(
    tree: NodeTree, joints: list[int], parents: np.ndarray, scale: Array
) -> tuple[Array, Array]:
    """scale: (T, J, 3) of each node itself -> by what the translations of the nodes on each joint
    are multiplied, (T, J, 3), and the signs of that, (J, 3). Raises MotionFileError for a scale
    that bends what hangs on its joint."""
    if (scale == 1.0).all():
        return np.ones_like(scale), np.ones(scale.shape[1:])
    hang = np.empty_like(scale)
    size = np.ones(scale.shape[:2])
    sign = np.ones(scale.shape[1:])
    children: list[list[int]] = [[] for _ in joints]
    for j, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(j)
    for j, node in enumerate(joints):
        above, hand = (
            (size[:, parents[j]], sign[parents[j]])
            if parents[j] >= 0
            else (np.ones(len(scale)), np.ones(3))
        )
        much = np.abs(scale[:, j])
        signs = np.where(scale[:, j] < 0, -1.0, 1.0)
        sign[j] = hand * signs[0]
        even = np.ptp(much, axis=-1) <= _EVEN_SCALE * much.max(axis=-1)
        mean = much.mean(axis=-1)
        with np.errstate(over="ignore"):
            size[:, j] = above * mean
        flips = (signs != signs[0]).any()
        # on what has no joints of its own an uneven scale only moves it
        if children[j] and (
            flips or (not even.all() and any(children[child] for child in children[j]))
        ):
            found = ", ".join(f"{value:.4g}" for value in scale[int(np.argmin(even)), j])
            what = "a scale whose sign changes" if flips else f"a scale of {found}"
            raise MotionFileError(
                f"{tree.parts[node].file}, {tree.parts[node].where}: found {what} on "
                f"{quoted(tree.name(node))}, which would bend "
                "the joints on it, expected the same along all axes; apply the scale and export "
                "again"
            )
        hang[:, j] = above[:, None] * np.where(even[:, None], mean[:, None], much) * sign[j]
    return hang, sign
