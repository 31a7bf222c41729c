"""A script for a process of its own: the library `ufbx` describes a scene and samples its nodes.

The binding's version 0.0.5 miscounts references: it may crash after any use, not only on damaged
files. Here a crash ends only this process, which handles one file and never frees anything. The
script imports nothing of Kinestyle, because reading a small file is mostly the start of a process.

In: 8 bytes with the length of the file, the file, then requests, each a line of JSON with "stack"
(the number of an animation, -1 for the pose), "nodes" (indices into the description's) and "times"
in seconds, or null for those of the request before. Out: a line of JSON, either {"error": ...}
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
BONES = ("LimbNode", "Limb", "Root")
"""What files call bones. Some programs leave out the attribute by which the library tells them."""
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


def active_stack(scene: Any) -> str:
    """The name of the animation that the file calls the active or current one, "" without."""
    root = scene.dom_root
    for path in (("Documents", "Document", "Properties70"), ("Takes", "Current")):
        at = root
        for name in path:
            at = None if at is None else at.find(name)
        if at is None:
            continue
        if path[0] == "Takes":
            return str(at.values[0].value_str) if len(at.values) else ""
        for item in elements(at.children):
            values = [value.value_str for value in elements(item.values)]
            if values[:1] == ["ActiveAnimStackName"] and values[-1]:
                return str(values[-1])
    return ""


def moved_nodes(nodes: list[Any], carriers: list[Any]) -> set[int]:
    """The element ids of the nodes whose keys count: bones and `carriers` of skins, else all that
    are neither shape, camera nor light, and everything above them.
    """
    wanted = [node for node in nodes if is_bone(node)]
    wanted += [node for node in carriers if node is not None]
    wanted = wanted or [node for node in nodes if node.attrib_type.name in ("UNKNOWN", "EMPTY")]
    found: set[int] = set()
    for node in wanted:
        at = node
        while at is not None and at.element_id not in found:
            found.add(at.element_id)
            at = at.parent
    return found


def is_bone(node: Any) -> bool:
    """Whether the file calls a node a bone."""
    if node.attrib_type.name == "BONE":
        return True
    values = [] if node.dom_node is None else node.dom_node.values
    return len(values) > 2 and values[2].value_str in BONES


def describe_stack(stack: Any, counted: set[int]) -> dict[str, Any]:
    """An animation for JSON: its name, the span that it states, the first and last key of the
    nodes that count, and how many of them the span leaves out; all in seconds.
    """
    curves = []
    for layer in elements(stack.layers):
        for prop in elements(layer.anim_props):
            if prop.prop_name in _TRANSFORM and prop.element.element_id in counted:
                curves += [curve for curve in elements(prop.anim_value.curves) if curve is not None]
    start, end = stack.time_begin, stack.time_end
    first = min((curve.min_time for curve in curves), default=start)
    last = max((curve.max_time for curve in curves), default=start)
    share = 0.0
    # counting looks at every key: only where the span and the keys are two different things
    if curves and min(end, last) - max(start, first) < 0.5 * (last - first):
        slack = 1e-4
        times = {key.time for curve in curves for key in elements(curve.keyframes)}
        share = sum(not start - slack <= time <= end + slack for time in times) / len(times)
    return {
        "name": stack.name,
        "start": start,
        "end": end,
        "keys": [first, last] if curves else None,
        "share_outside": share,
    }


def describe(
    scene: Any, nodes: list[Any], index: dict[int, int], marks: list[str]
) -> dict[str, Any]:
    """The scene for JSON. index: of a node by its element id; marks: properties to look for."""
    settings = scene.settings
    carriers = [cluster.bone_node for cluster in elements(scene.skin_clusters)]
    shapes = [node for mesh in elements(scene.meshes) for node in elements(mesh.instances)]
    axes = [int(axis) for axis in settings.axes]
    axis = axes[1]
    counted = moved_nodes(nodes, carriers)
    mode = settings.props.find_prop("TimeMode")
    return {
        "nodes": [describe_node(node, index, marks) for node in nodes],
        "skinned": indices(carriers, index),
        "shaped": indices(shapes, index),
        "animations": [describe_stack(stack, counted) for stack in elements(scene.anim_stacks)],
        "active": active_stack(scene),
        "creator": str(scene.metadata.creator),
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
    anims = [*(stack.anim for stack in elements(scene.anim_stacks)), scene.anim]
    out.write(json.dumps(describe(scene, nodes, index, marks)).encode() + b"\n")
    out.flush()
    times: list[float] = []
    while line := source.readline():
        request = json.loads(line)
        anim = anims[request["stack"]]
        times = times if request["times"] is None else request["times"]
        out.write(sample([nodes[i] for i in request["nodes"]], anim, times))
        out.flush()


if __name__ == "__main__":
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer, sys.argv[1:])
    sys.stdout.buffer.flush()
    # at once: freeing objects may crash
    os._exit(0)
