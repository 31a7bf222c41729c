"""A new FBX scene for a clip: limb nodes, one animation, a bind pose, and a plain body skinned to
them. Y up, centimetres.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np

from kinestyle.formats.fbx.curves import (
    curve_node_record,
    curve_record,
    object_name,
    property_record,
    unbroken_degrees,
)
from kinestyle.formats.fbx.records import FILE_ID, FILE_TIME, Document, Record, record
from kinestyle.formats.fbx.ticks import frame_ticks, key_rate
from kinestyle.formats.placeholder import (
    BindPose,
    PlaceholderMesh,
    build_placeholder,
    find_bind_pose,
)
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.motion.window import Progress

CREATOR, BODY = "Kinestyle", "Body"
END_SITE = "KinestyleEndSite"
"""A property of limb nodes that stand for the tip of a chain, which is no joint of the clip."""
VERSION = 7400
_ASIDE = 1e-3
"""Of a bone's length."""
_EULER = "ZYX"
"""What FBX calls XYZ: about X first."""


class _Scene:
    """Objects and connections, in the order in which they are added. Every object has a number."""

    def __init__(self) -> None:
        self.objects: list[Record] = []
        self.connections: list[Record] = []
        self.numbers = count(1_000_000)

    def add(
        self, kind: str, name: str, sort: str, children: list[Record], of: str | None = None
    ) -> int:
        """Add an object; returns its number. of: the kind in its name, if it is not `kind`."""
        identity = next(self.numbers)
        self.objects.append(
            record(kind, np.int64(identity), object_name(name, of or kind), sort, children=children)
        )
        return identity

    def connect(self, child: int, parent: int, channel: str | None = None) -> None:
        ends = (np.int64(child), np.int64(parent))
        self.connections.append(
            record("C", "OO", *ends) if channel is None else record("C", "OP", *ends, channel)
        )


def scene_document(clip: Clip, progress: Progress | None = None) -> Document:
    """The file for a clip that is in centimetres with Y up already."""
    scene = _Scene()
    skeleton, pose = clip.skeleton, _unconnected(clip, find_bind_pose(clip))
    rest = np.asarray(pose.local_position, dtype=float)
    position, world_rotation = pose.world()
    tips = tip_position(skeleton, position, world_rotation)
    degrees = unbroken_degrees(np.asarray(pose.local_rotation, dtype=float)[None], _EULER)[0]

    models = [_limb(scene, *limb) for limb in zip(skeleton.names, rest, degrees, strict=True)]
    for model, parent in zip(models, skeleton.parents.tolist(), strict=True):
        scene.connect(model, models[parent] if parent >= 0 else 0)
    ends = [
        _limb(scene, name, at, np.zeros(3), True)
        for name, at in zip(_tip_names(clip), skeleton.end_offsets, strict=True)
    ]
    for model, parent in zip(ends, skeleton.end_parents.tolist(), strict=True):
        scene.connect(model, models[parent])
    matrices = [
        *_matrices(position, world_rotation),
        *_matrices(tips, world_rotation[skeleton.end_parents]),
        np.eye(4),
    ]
    mesh = _character(scene, clip, build_placeholder(pose), models, matrices)
    poses = [
        record(
            "PoseNode", children=[record("Node", np.int64(model)), record("Matrix", matrix.ravel())]
        )
        for model, matrix in zip((*models, *ends, mesh), matrices, strict=True)
    ]
    bind = [
        record("Type", "BindPose"),
        record("Version", 100),
        record("NbPoseNodes", len(poses)),
        *poses,
    ]
    scene.add("Pose", "BindPose", "BindPose", bind)
    stop = _animation(scene, clip, models, _translated(clip, rest), progress)
    return Document(VERSION, _top_level(scene, clip, stop))


def _translated(clip: Clip, rest: Array) -> np.ndarray:
    """rest: (J, 3) -> (J,) bool, which joints are translated against their parents."""
    farthest = [
        float(np.abs(clip.joint(joint)[0] - rest[joint]).max()) for joint in range(len(rest))
    ]
    return np.array(farthest) > 1e-6 * max(1.0, float(np.abs(rest).max()))


def _unconnected(clip: Clip, pose: BindPose) -> BindPose:
    """The pose, with translated joints that lie straight above their parents shifted aside by a
    thousandth of their length.

    Blender ends a bone at a child that lies along +Y, counts that child as connected, and ignores
    its translation: the hips of a rig whose root stays on the floor would not travel.
    """
    rest = np.array(pose.local_position, dtype=float)
    length = np.linalg.norm(rest, axis=-1)
    above = (
        (rest[:, 1] > 0)
        & (np.hypot(rest[:, 0], rest[:, 2]) < _ASIDE * length)
        & (clip.skeleton.parents >= 0)
    )
    rest[:, 0] += np.where(above & _translated(clip, rest), _ASIDE * length, 0.0)
    return replace(pose, local_position=rest)


def _limb(scene: _Scene, name: str, position: Array, degrees: Array, is_tip: bool = False) -> int:
    """Add a bone; returns its number.

    position, degrees: (3,) in the bind pose; degrees are about X, Y and Z
    """
    flags = [property_record(END_SITE, "bool", "", "U", 1)] if is_tip else []
    properties = [
        property_record("RotationActive", "bool", "", "", 1),
        property_record("InheritType", "enum", "", "", 1),
        property_record("Lcl Translation", "Lcl Translation", "", "A", *map(float, position)),
        property_record("Lcl Rotation", "Lcl Rotation", "", "A", *map(float, degrees)),
        property_record("Lcl Scaling", "Lcl Scaling", "", "A", 1.0, 1.0, 1.0),
        *flags,
    ]
    model = scene.add("Model", name, "LimbNode", _model_children(properties))
    size = property_record("Size", "double", "Number", "", 1.0)
    attribute = scene.add(
        "NodeAttribute",
        name,
        "LimbNode",
        [record("Properties70", children=[size]), record("TypeFlags", "Skeleton")],
    )
    scene.connect(attribute, model)
    return model


def _model_children(properties: list[Record]) -> list[Record]:
    return [
        record("Version", 232),
        record("Properties70", children=properties),
        record("MultiLayer", 0),
        record("MultiTake", 0),
        record("Shading", True),
        record("Culling", "CullingOff"),
    ]


def _tip_names(clip: Clip) -> list[str]:
    """A name for each tip that no joint and no other tip has."""
    taken, names = set(clip.skeleton.names), []
    for parent in clip.skeleton.end_parents.tolist():
        stem = f"{clip.skeleton.names[parent]}_end"
        name = next(
            name for n in count(1) if (name := stem if n == 1 else f"{stem}{n}") not in taken
        )
        taken.add(name)
        names.append(name)
    return names


def _matrices(position: Array, q: Array) -> list[Array]:
    """position: (N, 3), q: (N, 4) -> N of (4, 4), transposed, as FBX writes them."""
    matrix = np.zeros((len(position), 4, 4))
    matrix[:, :3, :3] = np.swapaxes(rotation.to_matrix(q), -1, -2)
    matrix[:, 3, :3] = position
    matrix[:, 3, 3] = 1.0
    return list(matrix)


def _character(
    scene: _Scene, clip: Clip, body: PlaceholderMesh, models: list[int], matrices: list[Array]
) -> int:
    """Add the body and its skin; returns its node."""
    # the last corner of each face is marked by its complement
    corners = np.array(body.triangle, dtype=np.int32)
    corners[:, -1] = ~corners[:, -1]
    normals = [
        record("Version", 101),
        record("Name", ""),
        record("MappingInformationType", "ByVertice"),
        record("ReferenceInformationType", "Direct"),
        record("Normals", np.asarray(body.normal, dtype=np.float64).ravel()),
    ]
    layer = [record("Type", "LayerElementNormal"), record("TypedIndex", 0)]
    geometry = scene.add(
        "Geometry",
        BODY,
        "Mesh",
        [
            record("Vertices", np.asarray(body.vertex, dtype=np.float64).ravel()),
            record("PolygonVertexIndex", corners.ravel()),
            record("GeometryVersion", 124),
            record("LayerElementNormal", 0, children=normals),
            record(
                "Layer",
                0,
                children=[record("Version", 100), record("LayerElement", children=layer)],
            ),
        ],
    )
    node = scene.add(
        "Model",
        BODY,
        "Mesh",
        _model_children([property_record("InheritType", "enum", "", "", 1)]),
    )
    scene.connect(node, 0)
    scene.connect(geometry, node)
    skin = scene.add(
        "Deformer", "Skin", "Skin", [record("Version", 101), record("Link_DeformAcuracy", 50.0)]
    )
    scene.connect(skin, geometry)
    for joint, model in enumerate(models):
        carried = np.flatnonzero(body.joint == joint).astype(np.int32)
        weights = (
            [record("Indexes", carried), record("Weights", np.ones(len(carried)))]
            if len(carried)
            else []
        )
        cluster = scene.add(
            "Deformer",
            clip.skeleton.names[joint],
            "Cluster",
            [
                record("Version", 100),
                record("UserData", "", ""),
                *weights,
                record("Transform", np.linalg.inv(matrices[joint]).ravel()),
                record("TransformLink", matrices[joint].ravel()),
            ],
            of="SubDeformer",
        )
        scene.connect(cluster, skin)
        scene.connect(model, cluster)
    return node


def _animation(
    scene: _Scene,
    clip: Clip,
    models: list[int],
    translated: np.ndarray,
    progress: Progress | None,
) -> int:
    """Add the clip's motion as the only animation; returns its end in ticks. translated: (J,) bool,
    joints that need translation curves.
    """
    ticks = frame_ticks(clip.frame_count, key_rate(clip.frame_rate)[1])
    stop = int(ticks[-1])
    times = [
        property_record(name, "KTime", "Time", "", np.int64(tick))
        for name, tick in (
            ("LocalStart", 0),
            ("LocalStop", stop),
            ("ReferenceStart", 0),
            ("ReferenceStop", stop),
        )
    ]
    stack = scene.add(
        "AnimationStack",
        _animation_name(clip),
        "",
        [record("Properties70", children=times)],
        of="AnimStack",
    )
    layer = scene.add("AnimationLayer", "BaseLayer", "", [], of="AnimLayer")
    scene.connect(layer, stack)
    translated = translated | (clip.skeleton.parents < 0)
    for joint, model in enumerate(models):
        position, q = clip.joint(joint)
        if translated[joint]:
            _channels(scene, layer, model, "T", "Lcl Translation", ticks, position)
        degrees = unbroken_degrees(np.asarray(q, dtype=float)[:, None], _EULER)[:, 0]
        _channels(scene, layer, model, "R", "Lcl Rotation", ticks, degrees)
        if progress is not None:
            progress((joint + 1) / len(models))
    return stop


def _channels(
    scene: _Scene, layer: int, model: int, short: str, of: str, ticks: np.ndarray, values: Array
) -> None:
    node = next(scene.numbers)
    scene.objects.append(curve_node_record(node, short, values[0]))
    scene.connect(node, layer)
    scene.connect(node, model, of)
    for axis, channel in zip("XYZ", values.T, strict=True):
        curve = next(scene.numbers)
        scene.objects.append(curve_record(curve, ticks, channel))
        scene.connect(curve, node, f"d|{axis}")


def _animation_name(clip: Clip) -> str:
    """The clip's name, which FBX ends at a zero byte."""
    return clip.name.replace("\x00", "") or "Take 001"


def _top_level(scene: _Scene, clip: Clip, stop: int) -> list[Record]:
    """The records of the file. stop: the animation's end in ticks."""
    name = _animation_name(clip)
    kinds: dict[str, int] = {"GlobalSettings": 1}
    for item in scene.objects:
        kinds[item.name] = kinds.get(item.name, 0) + 1
    stamp = [record("Version", 1000)]
    stamp += [
        record(part, value)
        for part, value in (("Year", 1970), ("Month", 1), ("Day", 1), ("Hour", 10))
    ]
    stamp += [record(part, 0) for part in ("Minute", "Second", "Millisecond")]
    settings = [
        property_record(name, "int", "Integer", "", value)
        for name, value in (
            *(
                ("UpAxis", 1),
                ("UpAxisSign", 1),
                ("FrontAxis", 2),
                ("FrontAxisSign", 1),
                ("CoordAxis", 0),
                ("CoordAxisSign", 1),
            ),
            *(("OriginalUpAxis", 1), ("OriginalUpAxisSign", 1)),
        )
    ]
    settings += [
        property_record(name, "double", "Number", "", 1.0)
        for name in ("UnitScaleFactor", "OriginalUnitScaleFactor")
    ]
    settings += [
        property_record("TimeMode", "enum", "", "", key_rate(clip.frame_rate)[0]),
        property_record("TimeSpanStart", "KTime", "Time", "", np.int64(0)),
        property_record("TimeSpanStop", "KTime", "Time", "", np.int64(stop)),
        property_record("CustomFrameRate", "double", "Number", "", float(clip.frame_rate)),
    ]
    document = record(
        "Document",
        np.int64(next(scene.numbers)),
        "",
        "Scene",
        children=[
            record(
                "Properties70",
                children=[property_record("ActiveAnimStackName", "KString", "", "", name)],
            ),
            record("RootNode", np.int64(0)),
        ],
    )
    types = [
        record("ObjectType", kind, children=[record("Count", number)])
        for kind, number in kinds.items()
    ]
    span = (np.int64(0), np.int64(stop))
    take = record(
        "Take",
        name,
        children=[
            record("FileName", "Take_001.tak"),
            record("LocalTime", *span),
            record("ReferenceTime", *span),
        ],
    )
    return [
        record(
            "FBXHeaderExtension",
            children=[
                record("FBXHeaderVersion", 1003),
                record("FBXVersion", VERSION),
                record("EncryptionType", 0),
                record("CreationTimeStamp", children=stamp),
                record("Creator", CREATOR),
            ],
        ),
        record("FileId", FILE_ID),
        record("CreationTime", FILE_TIME),
        record("Creator", CREATOR),
        record(
            "GlobalSettings",
            children=[record("Version", 1000), record("Properties70", children=settings)],
        ),
        record("Documents", children=[record("Count", 1), document]),
        record("References", children=[]),
        record(
            "Definitions",
            children=[record("Version", 100), record("Count", sum(kinds.values())), *types],
        ),
        record("Objects", children=scene.objects),
        record("Connections", children=scene.connections),
        record("Takes", children=[record("Current", name), take]),
    ]
