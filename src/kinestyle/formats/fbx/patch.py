"""Other motion in a file that exists: keys of joints that changed are replaced, everything else
stays byte for byte.

Only binary files of FBX 7 can be changed like this. Their objects have numbers. An animation is a
stack of layers, a layer holds curve nodes, each for one property of one model, and a curve node
holds a curve for each axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np

from kinestyle.formats.fbx.curves import (
    curve_node_record,
    curve_record,
    key_records,
    unbroken_degrees,
)
from kinestyle.formats.fbx.loading import Node
from kinestyle.formats.fbx.reader import FbxSource, parse_fbx
from kinestyle.formats.fbx.records import Document, Record, is_binary, parse, record, serialize
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND, frame_ticks
from kinestyle.formats.unchanged import UNCHANGED, same_position, same_rotation, unit_of
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import same_skeleton

EXPRESSED_RADIANS, EXPRESSED_SHARE = 2e-5, 2e-5
"""The error allowed when the file is read back, of rotations and of positions as a share of the
skeleton's size: keys are 32-bit numbers.
"""
_ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ", "ZYX")
"""By FBX's number for the order of rotation: the outermost axis first. The last is spheric, which
programs treat as the first.
"""
_ROTATION, _TRANSLATION = "Lcl Rotation", "Lcl Translation"


class UnpatchableError(Exception):
    """The file cannot hold the motion. The message ends a sentence with "because"."""


def patched(clip: Clip, source: FbxSource) -> tuple[bytes, tuple[str, ...]]:
    """The file of `source` with the motion of `clip`, and notes. Raises UnpatchableError."""
    if not same_skeleton(clip.skeleton, source.skeleton, UNCHANGED * unit_of(source.skeleton)):
        raise UnpatchableError("its joints are not those of the file that it comes from")
    if abs(clip.frame_time_seconds / source.frame_time_seconds - 1.0) > 1e-9:
        raise UnpatchableError("its frame rate is not that of the file that it comes from")
    local_position = np.asarray(clip.local_position, float)
    local_rotation = rotation.normalize(clip.local_rotation)
    translated, rotated = _changes(source, local_position, local_rotation)
    if clip.frame_count == len(source.local_position) and not (translated | rotated).any():
        return source.data, ()
    if not is_binary(source.data):
        raise UnpatchableError("the file that it comes from is ASCII FBX")
    document = parse(source.data, clip.name)
    if document.version < 7000:
        raise UnpatchableError(f"the file that it comes from is FBX {document.version / 1000:.1f}")
    animation = _Animation(document, source)
    ticks = frame_ticks(
        clip.frame_count, source.frame_rate, round(source.start_seconds * TICKS_A_SECOND)
    )
    if clip.frame_count != len(source.local_position):
        animation.set_end(int(ticks[-1]))
    for joint in np.flatnonzero(translated | rotated):
        translation, node_rotation = _channels(
            source, int(joint), local_position[:, joint], local_rotation[:, joint]
        )
        node = source.nodes[joint]
        if rotated[joint]:
            start = animation.first_values(node.identity, _ROTATION)
            start = _vector(node, _ROTATION) if start is None else start
            degrees = unbroken_degrees(node_rotation[:, None], _order(node), start[None])[:, 0]
            animation.set_curves(node.identity, _ROTATION, ticks, degrees)
        if translated[joint] or np.any(_swung(source, int(joint))):
            animation.set_curves(node.identity, _TRANSLATION, ticks, translation)
    animation.close()
    data = serialize(document)
    _check(data, clip)
    return data, tuple(animation.notes)


def _changes(
    source: FbxSource, local_position: Array, local_rotation: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Two (J,) bools: which joints have another position, and which another rotation than in the
    file.
    """
    if len(local_position) != len(source.local_position):
        return np.ones(len(source.nodes), dtype=bool), np.ones(len(source.nodes), dtype=bool)
    translated = ~same_position(
        local_position, source.local_position, unit_of(source.skeleton)
    ).all(axis=(0, 2))
    rotated = ~same_rotation(local_rotation, source.local_rotation).all(axis=0)
    return np.asarray(translated), np.asarray(rotated)


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


def _swung(source: FbxSource, joint: int) -> Array:
    """(T or 1, 3) the vector by which the joint lies off its pivot: rotating the joint also moves
    it.
    """
    node, scale = source.nodes[joint], source.local_scale[:, joint]
    pivot = _vector(node, "ScalingPivot")
    return _vector(node, "ScalingOffset") + pivot - scale * pivot - _vector(node, "RotationPivot")


def _channels(source: FbxSource, joint: int, position: Array, q: Array) -> tuple[Array, Array]:
    """position: (T, 3), q: (T, 4) of a joint, local -> its node's translation (T, 3) and rotation
    (T, 4).

    FBX composes T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1: translation, rotation offset and
    pivot, and so on.
    """
    node = source.nodes[joint]
    if source.skeleton.parents[joint] < 0:
        back = rotation.inverse(source.base_rotation)
        position = rotation.rotate(back, position - source.base_position)
        q = rotation.multiply(back, q)
    scale = _as_long(source.parent_scale[:, joint], len(position))
    swung = _as_long(_swung(source, joint), len(position))
    translation = (
        position / scale
        - _vector(node, "RotationOffset")
        - _vector(node, "RotationPivot")
        - rotation.rotate(q, swung)
    )
    node_rotation = rotation.multiply(
        rotation.multiply(rotation.inverse(_fixed_rotation(node, "PreRotation")), q),
        _fixed_rotation(node, "PostRotation"),
    )
    return translation, node_rotation


def _as_long(values: Array, frames: int) -> Array:
    """values: (T, 3) -> (frames, 3), cut off or with the last one repeated."""
    return values[np.minimum(np.arange(frames), len(values) - 1)]


def _check(data: bytes, clip: Clip) -> None:
    """Read back what was made. Programs use transforms in odd ways, and a wrong result is worse
    than one without its mesh. Raises UnpatchableError.
    """
    back = parse_fbx(data, clip.name)
    size = float(np.abs(clip.world_position - clip.world_position[:, :1]).max()) + 1e-9
    if back.world_position.shape == clip.world_position.shape:
        off = (
            np.abs(back.world_position - clip.world_position).max()
            - 1e-6 * np.abs(clip.world_position).max()
        )
        angle = rotation.angle(
            rotation.multiply(
                rotation.inverse(back.world_rotation), rotation.normalize(clip.world_rotation)
            )
        )
        if off <= EXPRESSED_SHARE * size and angle.max() <= EXPRESSED_RADIANS * (
            1 + back.skeleton.joint_count // 8
        ):
            return
    raise UnpatchableError(
        "the nodes of the file that it comes from transform in a way that cannot express the motion"
    )


@dataclass
class _Link:
    """A connection from an object to another one, or to a property of it."""

    item: Record
    child: int
    parent: int
    channel: str


class _Animation:
    """The animation of a document that a clip was read from. Its curves can be replaced."""

    def __init__(self, document: Document, source: FbxSource) -> None:
        self.notes: list[str] = []
        self.document = document
        self.objects = document.find("Objects")
        self.connections = document.find("Connections")
        self.by_number: dict[int, Record] = {}
        for item in self.objects.children:
            values = item.decoded() if item.count == 3 else []
            if values and isinstance(values[0], np.int64):
                self.by_number[int(values[0])] = item
        self.links = [
            link for item in self.connections.all("C") if (link := _link(item)) is not None
        ]
        self.into: dict[int, list[_Link]] = {}
        self.out_of: dict[int, list[_Link]] = {}
        for link in self.links:
            self.into.setdefault(link.parent, []).append(link)
            self.out_of.setdefault(link.child, []).append(link)
        self.numbers = count(max([*self.by_number, 1_000_000]) + 1)
        self.dropped: set[int] = set()
        self.added: list[Record] = []
        stacks = [n for n, item in self.by_number.items() if item.name == "AnimationStack"]
        named = [
            n
            for n in stacks
            if str(self.by_number[n].decoded()[1]).split("\x00")[0] == source.animation
        ]
        if not named:
            raise UnpatchableError("the file that it comes from holds no animation")
        self.stack = named[0]
        self.layers = [
            link.child
            for link in self.into.get(self.stack, [])
            if self.kind(link.child) == "AnimationLayer"
        ]
        if not self.layers:
            raise UnpatchableError(
                "the first animation of the file that it comes from has no layers"
            )

    def kind(self, number: int) -> str:
        """An object's kind, "" for one that does not exist."""
        item = self.by_number.get(number)
        return "" if item is None else item.name

    def curve_nodes(self, model: int, channel: str) -> list[_Link]:
        """The links by which the animation's layers drive a property of a model, the lowest layer's
        first.
        """
        found = []
        for link in self.into.get(model, []):
            if link.channel == channel and self.kind(link.child) == "AnimationCurveNode":
                layers = [
                    self.layers.index(up.parent)
                    for up in self.out_of[link.child]
                    if up.parent in self.layers
                ]
                if layers:
                    found.append((min(layers), link))
        return [link for _, link in sorted(found, key=lambda pair: pair[0])]

    def curves(self, node: int) -> dict[str, _Link]:
        """The links from a curve node's curves, by axis."""
        links = (
            link for link in self.into.get(node, []) if self.kind(link.child) == "AnimationCurve"
        )
        return {link.channel[-1:]: link for link in links}

    def first_values(self, model: int, channel: str) -> Array | None:
        """(3,) the first values of a property's curves; None where not all axes have one."""
        nodes = self.curve_nodes(model, channel)
        links = self.curves(nodes[0].child) if nodes else {}
        values = []
        for axis in "XYZ":
            keys = (
                self.by_number[links[axis].child].find("KeyValueFloat") if axis in links else None
            )
            decoded = keys.decoded() if keys is not None else []
            if not decoded or not isinstance(decoded[0], np.ndarray) or not len(decoded[0]):
                return None
            values.append(float(decoded[0][0]))
        return np.array(values)

    def set_curves(self, model: int, channel: str, ticks: np.ndarray, values: Array) -> None:
        """Give a property of a model T keys; values: (T, 3)."""
        if model not in self.by_number:
            raise UnpatchableError("the file that it comes from does not number its nodes")
        links = self.curve_nodes(model, channel)
        for link in links[1:]:
            self.drop(link)
            self.notes.append(
                f"the layers of {str(self.by_number[model].decoded()[1]).split(chr(0))[0]!r} were "
                f"merged into one"
            )
        node = links[0].child if links else 0
        if links and len([up for up in self.out_of[node] if up.channel]) > 1:
            # it drives another property too
            self.drop(links[0])
            node = 0
        if not node:
            node = self.add(curve_node_record(next(self.numbers), channel[4], values[0]))
            self.connect(node, self.layers[0])
            self.connect(node, model, channel)
        present = self.curves(node)
        for axis, column in zip("XYZ", values.T, strict=True):
            found = present.get(axis)
            if found is not None and len(self.out_of[found.child]) == 1:
                _set_keys(self.by_number[found.child], ticks, column)
                continue
            if found is not None:
                self.drop(found)
            curve = self.add(curve_record(next(self.numbers), ticks, column))
            self.connect(curve, node, f"d|{axis}")

    def set_end(self, tick: int) -> None:
        """Let the animation end at another time."""
        properties = self.by_number[self.stack].find("Properties70")
        for item in properties.children if properties is not None else []:
            if item.count == 5 and item.decoded()[0] in ("LocalStop", "ReferenceStop"):
                item.replace_value(4, np.int64(tick))

    def add(self, item: Record) -> int:
        """Add an object; returns its number."""
        number = int(np.asarray(item.decoded()[0]))
        self.added.append(item)
        self.by_number[number] = item
        return number

    def connect(self, child: int, parent: int, channel: str = "") -> None:
        """Connect an object to another one, or to a property of it."""
        ends = (np.int64(child), np.int64(parent))
        item = record("C", "OP", *ends, channel) if channel else record("C", "OO", *ends)
        self.connections.children.append(item)

    def drop(self, link: _Link) -> None:
        """Remove a connection when the animation is closed."""
        self.dropped.add(id(link.item))

    def close(self) -> None:
        """Write additions and removals to the document."""
        self.notes = list(dict.fromkeys(self.notes))
        self.objects.children += self.added
        self.connections.children = [
            item for item in self.connections.children if id(item) not in self.dropped
        ]
        for kind in ("AnimationCurve", "AnimationCurveNode"):
            _count_more(self.document, kind, sum(item.name == kind for item in self.added))


def _link(item: Record) -> _Link | None:
    """The connection of a record, None for one of another kind."""
    values = item.decoded()
    if (
        len(values) < 3
        or not isinstance(values[1], np.int64)
        or not isinstance(values[2], np.int64)
    ):
        return None
    return _Link(item, int(values[1]), int(values[2]), str(values[3]) if len(values) > 3 else "")


def _set_keys(curve: Record, ticks: np.ndarray, values: Array) -> None:
    """Replace the keys of a curve; values: (T,)."""
    keys = key_records(ticks, values)
    names = {key.name for key in keys}
    curve.children = [child for child in curve.children if child.name not in names] + keys


def _count_more(document: Document, kind: str, more: int) -> None:
    """Raise the counts of objects of a kind, where a file states them."""
    definitions = next((item for item in document.records if item.name == "Definitions"), None)
    if definitions is None or not more:
        return
    counts = list(definitions.all("Count"))
    for of in definitions.all("ObjectType"):
        if of.count and of.decoded()[0] == kind:
            counts += of.all("Count")
    for item in counts:
        before = item.decoded()[0]
        if isinstance(before, int) and not isinstance(before, bool):
            item.replace_value(0, before + more)
