"""What runs in a process of its own: the library `ufbx`, which describes a scene and samples its
nodes.

The binding's version 0.0.5 miscounts references, so that it may crash after sound use as after
unsound files. Here a crash ends only this process, which handles one file and never frees anything.
It is a script that imports nothing of Kinestyle, because the start of a process is what reading a
small file takes longest.

In: 8 bytes with the length of the file, the file, then requests, each a line of JSON with "nodes"
(their places in the description) and "times" in seconds. Out: a line of JSON, either {"error": ...}
or the description; then for each request
10 doubles for each node and time: translation, rotation wxyz, scale.
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
    """The elements of one of the library's lists, which hands them out without counting the
    reference.
    """
    found = []
    for i in range(len(items)):
        item = items[i]
        _count_reference(item)
        found.append(item)
    return found


def limit() -> None:
    """Of memory and of time: a damaged file may ask for any amount of both."""
    try:
        import resource
    except ImportError:
        return  # not on this system; the process that waits for us has a limit of its own
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        soft, hard = resource.getrlimit(kind)
        # where there are limits already, as in a server's workers, the narrower ones hold
        resource.setrlimit(
            kind, (min(at for at in (most, soft, hard) if at != resource.RLIM_INFINITY), hard)
        )


def number(properties: Any, name: str) -> float:
    found = properties.find_prop(name)
    return 0.0 if found is None else float(found.value_vec4.x)


def is_left_handed(axes: list[int]) -> bool:
    """axes: right, up, front, each 0 to 5 for +X, -X, +Y, -Y, +Z, -Z. What states no axes counts as
    right-handed.
    """
    letters = tuple(axis // 2 for axis in axes)
    if set(letters) != {0, 1, 2}:
        return False
    backwards = sum(axis % 2 for axis in axes) % 2 == 1
    return backwards == (letters in ((0, 1, 2), (1, 2, 0), (2, 0, 1)))


def describe(
    scene: Any, nodes: list[Any], places: dict[int, int], marks: list[str]
) -> dict[str, Any]:
    """The scene in words for JSON; a node's parent is its place among the nodes, or -1. marks:
    properties to look for.
    """
    settings = scene.settings
    rows = []
    for node in nodes:
        parent, properties, dom = node.parent, node.props, node.dom_node
        vectors = {}
        for name in _TRANSFORM + _VECTORS:
            if (found := properties.find_prop(name)) is not None:
                vectors[name] = list(found.value_vec4)[:3]
        rows.append(
            {
                "name": node.name,
                "parent": -1 if parent is None else places.get(parent.element_id, -1),
                "kind": node.attrib_type.name,
                "sort": dom.values[2].value_str if dom is not None and len(dom.values) > 2 else "",
                "inherit": node.inherit_mode.name,
                "identity": int(dom.values[0].value_int)
                if dom is not None and len(dom.values)
                else 0,
                "marks": [mark for mark in marks if properties.find_prop(mark) is not None],
                "rest": list(node.local_transform.translation),
                "vectors": vectors,
                "numbers": {
                    name: int(found.value_int)
                    for name in _NUMBERS
                    if (found := properties.find_prop(name)) is not None
                },
            }
        )
    clusters = [cluster.bone_node for cluster in elements(scene.skin_clusters)]
    shapes = [node for mesh in elements(scene.meshes) for node in elements(mesh.instances)]
    axes = [int(axis) for axis in settings.axes]
    axis = axes[1]
    mode = settings.props.find_prop("TimeMode")
    return {
        "nodes": rows,
        "skinned": sorted(
            {
                places[bone.element_id]
                for bone in clusters
                if bone is not None and bone.element_id in places
            }
        ),
        "shaped": sorted({places[node.element_id] for node in shapes if node.element_id in places}),
        "takes": [
            {"name": take.name, "start": take.time_begin, "end": take.time_end}
            for take in elements(scene.anim_stacks)
        ],
        "metres_per_unit": float(settings.unit_meters),
        "up": axis if 0 <= axis < 6 else -1,
        "left_handed": is_left_handed(axes),
        "frame_rate": float(settings.frames_per_second),
        "time_mode": -1 if mode is None else int(mode.value_int),
        "custom_rate": number(settings.props, "CustomFrameRate"),
    }


def sample(nodes: list[Any], anim: Any, times: list[float]) -> array[float]:
    out = array("d")
    for node in nodes:
        evaluate = node.evaluate_transform
        for time in times:
            place, turn, scale = evaluate(anim, time)
            out.extend((*place, turn.w, turn.x, turn.y, turn.z, *scale))
    return out


def serve(source: BinaryIO, out: BinaryIO, marks: list[str]) -> None:
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
    places = {node.element_id: i for i, node in enumerate(nodes)}
    takes = elements(scene.anim_stacks)
    anim = takes[0].anim if takes else scene.anim
    out.write(json.dumps(describe(scene, nodes, places, marks)).encode() + b"\n")
    out.flush()
    while line := source.readline():
        request = json.loads(line)
        out.write(sample([nodes[i] for i in request["nodes"]], anim, request["times"]).tobytes())
        out.flush()


if __name__ == "__main__":
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer, sys.argv[1:])
    sys.stdout.buffer.flush()
    # without taking anything apart
    os._exit(0)
