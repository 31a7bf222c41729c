"""The animations in a binary file of FBX 7: their curves can be replaced, and others added.

Objects have numbers. An animation is a stack of layers, a layer holds curve nodes, each for one
property of one model, and a curve node holds a curve for each axis.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np

from kinestyle.formats.animations import animation_names
from kinestyle.formats.fbx.curves import (
    curve_node_record,
    curve_record,
    key_records,
    object_name,
    property_record,
)
from kinestyle.formats.fbx.objects import Link, Objects
from kinestyle.formats.fbx.records import Document, Record, Value, record
from kinestyle.formats.fbx.ticks import key_rate
from kinestyle.formats.unique_names import unique_names
from kinestyle.motion.rotation import Array

_ACTIVE = "ActiveAnimStackName"


_ADDITIVE, _BY_CHANNEL, _MULTIPLIED = 0, 1, 0
"""How a layer's values are taken together with those below, as FBX numbers it."""


class UnpatchableError(Exception):
    """The file cannot hold the motion. The message ends a sentence with "because"."""


class AnimationObjects(Objects):
    """The objects of a document, and one animation among them, whose curves are written."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.notes: list[str] = []
        self.numbers = count(max([*self.by_number, 1_000_000]) + 1)
        self.dropped: set[int] = set()
        self.added: list[Record] = []
        self.stack = 0
        self.layers: list[int] = []

    @property
    def stacks(self) -> list[int]:
        """The numbers of all animations."""
        return [n for n, item in self.by_number.items() if item.name == "AnimationStack"]

    def open(self, animation: str) -> None:
        """Write into an animation of the file, by the name that the reader gives it. Raises
        UnpatchableError.
        """
        names = animation_names([self.name(n) for n in self.stacks])
        if animation not in names:
            raise UnpatchableError("the file that it comes from holds no such animation")
        self.stack = self.stacks[names.index(animation)]
        self.layers = [
            link.child
            for link in self.into.get(self.stack, [])
            if self.kind(link.child) == "AnimationLayer"
        ]
        if not self.layers:
            raise UnpatchableError("that animation of the file that it comes from has no layers")

    def start(self, name: str, first: int, last: int) -> str:
        """Write into a further animation, from one tick to another; returns its name, which no
        other has.
        """
        name = name.replace("\x00", "") or "Take 001"
        name = unique_names([*(self.name(n) for n in self.stacks), name], " ")[0][-1]
        span = [
            property_record(what, "KTime", "Time", "", np.int64(tick))
            for what, tick in (
                ("LocalStart", first),
                ("LocalStop", last),
                ("ReferenceStart", first),
                ("ReferenceStop", last),
            )
        ]
        self.stack = self.add(
            record(
                "AnimationStack",
                np.int64(next(self.numbers)),
                object_name(name, "AnimStack"),
                "",
                children=[record("Properties70", children=span)],
            )
        )
        layer = self.add(
            record(
                "AnimationLayer",
                np.int64(next(self.numbers)),
                object_name("BaseLayer", "AnimLayer"),
                "",
                children=[],
            )
        )
        self.connect(layer, self.stack)
        self.layers = [layer]
        ends = np.int64(first), np.int64(last)
        take = record(
            "Take",
            name,
            children=[
                record("FileName", f"{name}.tak"),
                record("LocalTime", *ends),
                record("ReferenceTime", *ends),
            ],
        )
        takes = next(self.document.all("Takes"), None)
        if takes is None:
            takes = record("Takes", children=[record("Current", name)])
            self.document.records.append(takes)
        takes.children.append(take)
        takes.closed = True
        return name

    def add_layer(self, name: str) -> None:
        """Write into a further layer of the animation, whose curves are added to those below: each
        angle and each coordinate for itself.
        """
        properties = [
            property_record("Weight", "Number", "", "A", 100.0),
            property_record("BlendMode", "enum", "", "", _ADDITIVE),
            property_record("RotationAccumulationMode", "enum", "", "", _BY_CHANNEL),
            property_record("ScaleAccumulationMode", "enum", "", "", _MULTIPLIED),
        ]
        layer = self.add(
            record(
                "AnimationLayer",
                np.int64(next(self.numbers)),
                object_name(name, "AnimLayer"),
                "",
                children=[record("Properties70", children=properties)],
            )
        )
        self.connect(layer, self.stack)
        self.layers = [layer]

    @property
    def states_rate(self) -> bool:
        """Whether the file says how many frames a second it has; programs assume different ones."""
        properties = self.document.find("GlobalSettings").find("Properties70")
        stated = [item.decoded() for item in properties.children] if properties else []
        return any(values and values[0] == "TimeMode" and values[-1] != 0 for values in stated)

    def set_rate(self, frame_rate: float) -> None:
        """Let the file have so many frames a second."""
        mode, _ = key_rate(frame_rate)
        properties = self.document.find("GlobalSettings").find("Properties70")
        if properties is None:
            raise UnpatchableError("the file that it comes from states no settings")
        _set_property(properties, "TimeMode", mode, "enum", "")
        _set_property(properties, "CustomFrameRate", float(frame_rate), "double", "Number")

    def curve_nodes(self, model: int, channel: str) -> list[Link]:
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

    def curves(self, node: int) -> dict[str, Link]:
        """The links from a curve node's curves, by axis."""
        links = (
            link for link in self.into.get(node, []) if self.kind(link.child) == "AnimationCurve"
        )
        return {link.channel[-1:]: link for link in links}

    def keys_at(self, model: int, channel: str, ticks: np.ndarray) -> Array | None:
        """(T, 3) the values of a property's only curves, where these have a key at each of T ticks
        and at no other time; else None.
        """
        nodes = self.curve_nodes(model, channel)
        links = self.curves(nodes[0].child) if len(nodes) == 1 else {}
        values = []
        for axis in "XYZ":
            if axis not in links:
                return None
            curve = self.by_number[links[axis].child]
            times, keys = (curve.find(name) for name in ("KeyTime", "KeyValueFloat"))
            if times is None or keys is None or not np.array_equal(times.decoded()[0], ticks):
                return None
            values.append(np.asarray(keys.decoded()[0], dtype=float))
        return np.stack(values, axis=-1)

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
            self.notes.append(f"the layers of {self.name(model)!r} were merged into one")
        node = links[0].child if links else 0
        if links and len([up for up in self.out_of[node] if up.channel]) > 1:
            # it drives another property too
            self.drop(links[0])
            node = 0
        if not node:
            # "Lcl Translation" is "T"
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

    def retime(self, after: Callable[[np.ndarray], np.ndarray]) -> None:
        """Move all keys of the animation. after: (N,) ticks -> (N,) ticks"""
        nodes = {link.child for layer in self.layers for link in self.into.get(layer, [])}
        links = [link for node in nodes for link in self.into.get(node, [])]
        curves = {link.child for link in links if self.kind(link.child) == "AnimationCurve"}
        for number in sorted(curves):
            curve = self.by_number[number]
            keys = curve.find("KeyTime")
            before = keys.decoded()[0] if keys is not None and keys.count else None
            shared = any(up.parent not in nodes for up in self.out_of[number])
            if not isinstance(before, np.ndarray) or not len(before) or shared:
                continue  # a curve of another animation too keeps its times
            ticks = after(before)
            moved = [record("KeyTime", ticks), *_scaled_slopes(curve, before, ticks)]
            names = {item.name for item in moved}
            curve.children = [c for c in curve.children if c.name not in names] + moved

    def drives_beside(self, models: set[int]) -> bool:
        """Whether the file's animations drive anything beside the transforms of these models."""
        return any(
            link.channel
            and self.kind(link.child) == "AnimationCurveNode"
            and not (link.parent in models and link.channel.startswith("Lcl "))
            for link in self.links
        )

    def make_active(self) -> None:
        """Let the animation be the one that programs show first, and that is read unless another is
        asked for.
        """
        name = self.name(self.stack)
        for document in (item for top in self.document.all("Documents") for item in top.children):
            properties = document.find("Properties70")
            if document.name != "Document" or properties is None:
                continue
            _set_property(properties, _ACTIVE, name, "KString", "")
        for takes in self.document.all("Takes"):
            for current in takes.all("Current"):
                current.replace_value(0, name)

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

    def drop(self, link: Link) -> None:
        """Remove a connection when the animation is closed."""
        self.dropped.add(id(link.item))

    def close(self) -> None:
        """Write additions and removals to the document."""
        self.notes = list(dict.fromkeys(self.notes))
        self.objects.children += self.added
        self.connections.children = [
            item for item in self.connections.children if id(item) not in self.dropped
        ]
        for kind in ("AnimationCurve", "AnimationCurveNode", "AnimationStack", "AnimationLayer"):
            _count_more(self.document, kind, sum(item.name == kind for item in self.added))


def _set_keys(curve: Record, ticks: np.ndarray, values: Array) -> None:
    """Replace the keys of a curve; values: (T,)."""
    keys = key_records(ticks, values)
    names = {key.name for key in keys}
    curve.children = [child for child in curve.children if child.name not in names] + keys


def _scaled_slopes(curve: Record, before: np.ndarray, after: np.ndarray) -> list[Record]:
    """The slopes of a curve whose keys went to other ticks, (N,): they are changes a second. Keys
    share them, so that they are scaled by the rate of the curve as a whole.
    """
    data = curve.find("KeyAttrDataFloat")
    found = data.decoded()[0] if data is not None and data.count else None
    whole = len(after) > 1 and after[-1] > after[0]
    if (
        not whole
        or not isinstance(found, np.ndarray)
        or found.dtype != np.float32
        or len(found) % 4
    ):
        return []
    slopes = found.reshape(-1, 4).copy()
    # the first two are slopes, which are numbers; the others pack weights and velocities
    slopes[:, :2] *= np.float32((before[-1] - before[0]) / (after[-1] - after[0]))
    return [record("KeyAttrDataFloat", slopes.ravel())]


def _set_property(properties: Record, name: str, value: Value, kind: str, label: str) -> None:
    """Give a property the value, whether or not the file states it."""
    stated = [item for item in properties.children if item.count and item.decoded()[0] == name]
    for item in stated:
        item.replace_value(item.count - 1, value)
    if not stated:
        properties.children.append(property_record(name, kind, label, "", value))


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
