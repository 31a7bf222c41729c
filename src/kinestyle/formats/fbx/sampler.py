"""A script for a process of its own: the library `ufbx` describes a scene and samples its nodes.

The binding's version 0.0.5 miscounts references: it may crash after any use, not only on damaged
files. Here a crash ends only this process, which handles one file and never frees anything. The
script imports nothing of Kinestyle, because reading a small file is mostly the start of a process.

In: 8 bytes with the length of the file, the file, then requests, each a line of JSON with "nodes"
(indices into the description's) and "times" in seconds. Out: a line of JSON, either {"error": ...}
or the description; then for each request 10 doubles for each node and time: translation, rotation
wxyz, scale.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from array import array
from ctypes import py_object, pythonapi
from typing import Any, BinaryIO

MAX_DEPTH = 1024
MEMORY_BYTES = 4 * 2**30
CPU_SECONDS = 600
_TRANSFORM = ("Lcl Translation", "Lcl Rotation", "Lcl Scaling")
_VECTORS = (
    "PreRotation",
    "PostRotation",
    "RotationOffset",
    "RotationPivot",
    "ScalingOffset",
    "ScalingPivot",
)
_NUMBERS = ("RotationOrder", "RotationActive", "InheritType")

_count_reference = pythonapi.Py_IncRef
_count_reference.argtypes = [py_object]
_count_reference.restype = None


def elements(items: Any) -> list[Any]:
    """The elements of one of the library's lists, with the reference counted that the library
    forgets.
    """
    found = []
    for i in range(len(items)):
        item = items[i]
        _count_reference(item)
        found.append(item)
    return found


def limit() -> None:
    """Limit memory and processor time: a damaged file may ask for any amount of both."""
    try:
        import resource
    except ImportError:
        return  # not on this system; the process that waits for this one has a limit of its own
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        soft, hard = resource.getrlimit(kind)
        # narrower limits that exist already, as in a server's workers, stay
        resource.setrlimit(
            kind, (min(at for at in (most, soft, hard) if at != resource.RLIM_INFINITY), hard)
        )


def number(properties: Any, name: str) -> float:
    """A property's value, 0 where there is none."""
    found = properties.find_prop(name)
    return 0.0 if found is None else float(found.value_vec4.x)


def is_left_handed(axes: list[int]) -> bool:
    """axes: right, up, front, each 0 to 5 for +X, -X, +Y, -Y, +Z, -Z. A file that states no axes
    counts as right-handed.
    """
    letters = tuple(axis // 2 for axis in axes)
    if set(letters) != {0, 1, 2}:
        return False
    backwards = sum(axis % 2 for axis in axes) % 2 == 1
    return backwards == (letters in ((0, 1, 2), (1, 2, 0), (2, 0, 1)))


def describe_node(node: Any, index: dict[int, int], marks: list[str]) -> dict[str, Any]:
    """A node for JSON; its parent is an index among the nodes, or -1. marks: properties to look
    for.
    """
    parent, properties, dom = node.parent, node.props, node.dom_node
    values = [] if dom is None else dom.values
    vectors = {name: properties.find_prop(name) for name in _TRANSFORM + _VECTORS}
    numbers = {name: properties.find_prop(name) for name in _NUMBERS}
    return {
        "name": node.name,
        "parent": -1 if parent is None else index.get(parent.element_id, -1),
        "kind": node.attrib_type.name,
        "sort": values[2].value_str if len(values) > 2 else "",
        "inherit": node.inherit_mode.name,
        "identity": int(values[0].value_int) if len(values) else 0,
        "marks": [mark for mark in marks if properties.find_prop(mark) is not None],
        "rest": list(node.local_transform.translation),
        "vectors": {
            name: list(found.value_vec4)[:3] for name, found in vectors.items() if found is not None
        },
        "numbers": {
            name: int(found.value_int) for name, found in numbers.items() if found is not None
        },
    }


def indices(nodes: list[Any], index: dict[int, int]) -> list[int]:
    """The indices of those nodes that have one, sorted."""
    known = (index.get(node.element_id, -1) for node in nodes if node is not None)
    return sorted({at for at in known if at >= 0})


def describe(
    scene: Any, nodes: list[Any], index: dict[int, int], marks: list[str]
) -> dict[str, Any]:
    """The scene for JSON. index: of a node by its element id; marks: properties to look for."""
    settings = scene.settings
    carriers = [cluster.bone_node for cluster in elements(scene.skin_clusters)]
    shapes = [node for mesh in elements(scene.meshes) for node in elements(mesh.instances)]
    axes = [int(axis) for axis in settings.axes]
    axis = axes[1]
    mode = settings.props.find_prop("TimeMode")
    return {
        "nodes": [describe_node(node, index, marks) for node in nodes],
        "skinned": indices(carriers, index),
        "shaped": indices(shapes, index),
        "animations": [
            {"name": stack.name, "start": stack.time_begin, "end": stack.time_end}
            for stack in elements(scene.anim_stacks)
        ],
        "metres_per_unit": float(settings.unit_meters),
        "up": axis if 0 <= axis < 6 else -1,
        "left_handed": is_left_handed(axes),
        "frame_rate": float(settings.frames_per_second),
        "time_mode": -1 if mode is None else int(mode.value_int),
        "custom_rate": number(settings.props, "CustomFrameRate"),
    }


def sample(nodes: list[Any], anim: Any, times: list[float]) -> array[float]:
    """10 doubles for each node and time: translation, rotation wxyz, scale."""
    out = array("d")
    for node in nodes:
        evaluate = node.evaluate_transform
        for time in times:
            translation, q, scale = evaluate(anim, time)
            out.extend((*translation, q.w, q.x, q.y, q.z, *scale))
    return out


def serve(source: BinaryIO, out: BinaryIO, marks: list[str]) -> None:
    """Answer for one file until `source` ends."""
    import ufbx

    data = source.read(int.from_bytes(source.read(8), "little"))
    limit()
    try:
        scene = ufbx.load_memory(
            data,
            file_format=ufbx.FileFormat.FBX,
            ignore_geometry=True,
            ignore_embedded=True,
            load_external_files=False,
            retain_dom=True,
            node_depth_limit=MAX_DEPTH,
        )
    except (ufbx.UfbxError, RuntimeError, MemoryError) as error:
        out.write(json.dumps({"error": str(error) or type(error).__name__}).encode() + b"\n")
        return
    nodes = [node for node in elements(scene.nodes) if not node.is_root]
    index = {node.element_id: i for i, node in enumerate(nodes)}
    stacks = elements(scene.anim_stacks)
    anim = stacks[0].anim if stacks else scene.anim
    out.write(json.dumps(describe(scene, nodes, index, marks)).encode() + b"\n")
    out.flush()
    while line := source.readline():
        request = json.loads(line)
        out.write(sample([nodes[i] for i in request["nodes"]], anim, request["times"]).tobytes())
        out.flush()


if __name__ == "__main__":
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer, sys.argv[1:])
    sys.stdout.buffer.flush()
    # at once: freeing objects may crash
    os._exit(0)
