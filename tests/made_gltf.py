"""glTF files as exporters write them, made without our writer, and a plain reading of glTF files to
compare ours with.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pygltflib

from kinestyle.motion.clip import Clip

COMPONENTS = {"<i1": 5120, "<u1": 5121, "<i2": 5122, "<u2": 5123, "<u4": 5125, "<f4": 5126}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)
"""One transparent pixel."""


@dataclass
class Made:
    """A glTF file in the making: JSON and one buffer."""

    tree: dict[str, Any] = field(
        default_factory=lambda: {"asset": {"version": "2.0", "generator": "made for tests"}}
    )
    blob: bytearray = field(default_factory=bytearray)

    def put(self, key: str, entry: dict[str, Any]) -> int:
        self.tree.setdefault(key, []).append(entry)
        return len(self.tree[key]) - 1

    def view(self, data: bytes, **more: Any) -> int:
        self.blob += b"\0" * (-len(self.blob) % 4)
        self.blob += data
        return self.put(
            "bufferViews",
            {
                "buffer": 0,
                "byteOffset": len(self.blob) - len(data),
                "byteLength": len(data),
                **more,
            },
        )

    def array(self, values: np.ndarray, dtype: str = "<f4", **more: Any) -> int:
        """An accessor in a view of its own."""
        rows = np.asarray(values).astype(dtype).reshape(len(values), -1)
        entry = {
            "bufferView": self.view(rows.tobytes()),
            "componentType": COMPONENTS[dtype],
            "count": len(rows),
            "type": KINDS[rows.shape[1]],
            "min": rows.min(axis=0).tolist(),
            "max": rows.max(axis=0).tolist(),
        }
        return self.put("accessors", {**entry, **more})

    def glb(self) -> bytes:
        tree = {**self.tree, "buffers": [{"byteLength": len(self.blob)}]}
        text = json.dumps(tree).encode()
        text += b" " * (-len(text) % 4)
        blob = bytes(self.blob) + b"\0" * (-len(self.blob) % 4)
        body = (
            struct.pack("<I4s", len(text), b"JSON")
            + text
            + struct.pack("<I4s", len(blob), b"BIN\0")
            + blob
        )
        return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def xyzw(q: np.ndarray) -> np.ndarray:
    return q[..., [1, 2, 3, 0]]


def character(
    rig: Clip,
    prefix: str = "mixamorig:",
    armature: dict[str, Any] | None = None,
    start_seconds: float = 0.0,
    skinned: bool = True,
    props: bool = True,
    dtype: str = "<f4",
    reverse: bool = False,
    pose_only: bool = False,
) -> Made:
    """A character with a mesh, a material with a texture, a camera, an animated lantern and a
    blinking eye, moved by `rig`.

    armature: the node that the joints hang on, as exporters write it: {"scale": [0.01] * 3,
        "rotation": ...}
    dtype: how rotations are stored; reverse: nodes stand behind their children, as Blender writes
        them
    """
    made = Made()
    names, parents = rig.skeleton.names, rig.skeleton.parents
    count = len(names)
    frames = rig.frame_count
    number = {j: (count - 1 - j if reverse else j) for j in range(count)}
    nodes: list[dict[str, Any]] = [{} for _ in names]
    for j, name in enumerate(names):
        node: dict[str, Any] = {
            "name": prefix + name,
            "translation": rig.local_position[0, j].tolist(),
        }
        node["rotation"] = xyzw(rig.local_rotation[0, j]).tolist()
        below = [number[c] for c in range(count) if parents[c] == j]
        nodes[number[j]] = {**node, "children": below} if below else node
    made.tree["nodes"] = nodes
    roots = [number[0]]
    if armature is not None:
        roots = [made.put("nodes", {"name": "Armature", **armature, "children": [number[0]]})]
    if skinned:
        corners = np.array([[0.0, 0, 0], [1.0, 0, 0], [0.0, 1, 0]])
        primitive = {
            "attributes": {
                "POSITION": made.array(corners),
                "TEXCOORD_0": made.array(corners[:, :2]),
                "JOINTS_0": made.array(np.zeros((3, 4)), "<u1"),
                "WEIGHTS_0": made.array(np.tile([1.0, 0, 0, 0], (3, 1))),
            },
            "indices": made.array(np.arange(3), "<u2"),
            "material": 0,
            "targets": [{"POSITION": made.array(corners[::-1])}],
        }
        made.put(
            "meshes",
            {
                "name": "Skin",
                "primitives": [primitive],
                "weights": [0.0],
                "extras": {"targetNames": ["blink"]},
            },
        )
        made.put("images", {"bufferView": made.view(PNG), "mimeType": "image/png"})
        made.put("textures", {"source": 0})
        texture = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
        made.put(
            "materials", {"name": "Cloth", **texture, "extensions": {"KHR_materials_unlit": {}}}
        )
        made.tree["extensionsUsed"] = ["KHR_materials_unlit"]
        matrices = made.array(np.tile(np.eye(4).ravel(), (count, 1)))
        made.put(
            "skins",
            {
                "name": "Rig",
                "joints": [number[j] for j in range(count)],
                "inverseBindMatrices": matrices,
            },
        )
        roots.append(made.put("nodes", {"name": "Body", "mesh": 0, "skin": 0}))
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    times = start_seconds + np.arange(frames) * rig.frame_time_seconds
    keys = made.array(times)

    def channel(node: int, path: str, output: int, at: int = keys) -> None:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        samplers.append({"input": at, "output": output, "interpolation": "LINEAR"})

    for j in range(count):
        if pose_only:
            break
        values = xyzw(rig.local_rotation[:, j])
        if dtype != "<f4":
            values = np.round(values * np.iinfo(dtype).max)
        channel(
            number[j],
            "rotation",
            made.array(values, dtype, **({} if dtype == "<f4" else {"normalized": True})),
        )
    channel(number[0], "translation", made.array(rig.local_position[:, 0]))
    if props:
        roots.append(
            made.put(
                "nodes", {"name": "Lantern", "translation": [1.0, 0, 0], "extras": {"lit": True}}
            )
        )
        swing = made.array(np.stack([np.sin(times), 0 * times, 0 * times], axis=-1))
        channel(roots[-1], "translation", swing)
        if skinned:
            channel(roots[-2], "weights", made.array(np.abs(np.sin(times))))
        made.put("cameras", {"type": "perspective", "perspective": {"yfov": 0.8, "znear": 0.1}})
        roots.append(made.put("nodes", {"name": "Camera", "camera": 0}))
    made.put("scenes", {"nodes": roots})
    made.tree["scene"] = 0
    made.put(
        "animations",
        {
            "name": "Walk",
            "samplers": samplers,
            "channels": channels,
            "extras": {"from": "a studio"},
        },
    )
    if props:
        short = {
            "input": made.array(times[:2]),
            "output": made.array(np.tile([0.0, 0, 0, 1.0], (2, 1))),
        }
        blink = [
            {"sampler": 0, "target": {"node": number[j], "path": "rotation"}} for j in range(count)
        ]
        made.put("animations", {"name": "T-Pose", "samplers": [short], "channels": blink})
    return made


@dataclass
class Seen:
    """What a plain reading finds: names, parents, and the world matrices of all nodes at some times
    (T, N, 4, 4).
    """

    file: pygltflib.GLTF2
    names: list[str]
    parents: list[int]
    world: np.ndarray

    def place(self, name: str) -> np.ndarray:
        """(T, 3) world positions of a node."""
        return self.world[:, self.names.index(name), :3, 3]


def accessor(file: pygltflib.GLTF2, number: int) -> np.ndarray:
    """The numbers of an accessor, as pygltflib finds them in the buffer: (N, size)."""
    entry = file.accessors[number]
    view = file.bufferViews[entry.bufferView]
    blob = (
        file.get_data_from_buffer_uri(file.buffers[view.buffer].uri)
        if file.buffers[view.buffer].uri
        else file.binary_blob()
    )
    dtype = np.dtype({number: name for name, number in COMPONENTS.items()}[entry.componentType])
    size = {name: n for n, name in KINDS.items()}[entry.type]
    start = (view.byteOffset or 0) + (entry.byteOffset or 0)
    rows = np.frombuffer(blob, dtype, entry.count * size, start).reshape(entry.count, size)
    return rows / np.iinfo(dtype).max if entry.normalized else rows.astype(float)


def see(data: bytes, times: np.ndarray, animation: int = 0) -> Seen:
    """Read a .glb file by the letter of the specification; between keys all curves are straight
    lines.
    """
    file = pygltflib.GLTF2.load_from_bytes(data)
    parents = [-1] * len(file.nodes)
    for i, node in enumerate(file.nodes):
        for child in node.children or ():
            parents[child] = i
    curves: dict[tuple[int, str], np.ndarray] = {}
    for channel in file.animations[animation].channels:
        sampler = file.animations[animation].samplers[channel.sampler]
        if channel.target.path not in ("translation", "rotation", "scale"):
            continue
        keys, values = accessor(file, sampler.input)[:, 0], accessor(file, sampler.output)
        if channel.target.path == "rotation" and len(values) > 1:
            flips = np.cumprod(np.where(np.sum(values[1:] * values[:-1], axis=-1) < 0, -1.0, 1.0))
            values = np.concatenate([values[:1], values[1:] * flips[:, None]])
        curves[channel.target.node, channel.target.path] = np.stack(
            [np.interp(times, keys, v) for v in values.T], axis=-1
        )
    world = np.zeros((len(times), len(file.nodes), 4, 4))

    def local(i: int) -> np.ndarray:
        node = file.nodes[i]
        if node.matrix is not None:
            return np.tile(np.array(node.matrix).reshape(4, 4).T, (len(times), 1, 1))
        parts = []
        for path, default in (
            ("translation", [0.0] * 3),
            ("rotation", [0.0, 0, 0, 1]),
            ("scale", [1.0] * 3),
        ):
            still = getattr(node, path)
            parts.append(
                curves.get((i, path), np.tile(default if still is None else still, (len(times), 1)))
            )
        move, turn, scale = parts
        x, y, z, w = (turn / np.linalg.norm(turn, axis=-1, keepdims=True)).T
        m = np.zeros((len(times), 4, 4))
        m[:, 0, :3] = np.stack(
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1
        )
        m[:, 1, :3] = np.stack(
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1
        )
        m[:, 2, :3] = np.stack(
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1
        )
        m[:, :3, :3] *= scale[:, None]
        m[:, :3, 3] = move
        m[:, 3, 3] = 1.0
        return m

    done: set[int] = set()
    while len(done) < len(parents):
        for i, parent in enumerate(parents):
            if i not in done and (parent < 0 or parent in done):
                world[:, i] = local(i) if parent < 0 else world[:, parent] @ local(i)
                done.add(i)
    return Seen(file, [node.name for node in file.nodes], parents, world)
