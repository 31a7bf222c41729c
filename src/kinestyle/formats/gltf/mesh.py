"""The meshes of a glTF file, with the joints of its clip that carry them. Shapes are as they are at
rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.character_mesh import (
    Binds,
    Budget,
    CharacterMesh,
    MeshPart,
    normals_of,
    srgb,
    strongest,
    unit,
    used_only,
)
from kinestyle.formats.gltf.accessors import read_accessor
from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.materials import Materials
from kinestyle.formats.gltf.nodes import NodeTree, node_tree, rest_transform
from kinestyle.formats.gltf.source import GltfSource
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MODES = (_TRIANGLES, _STRIP, _FAN)
_DRACO = "KHR_draco_mesh_compression"


def gltf_mesh(source: GltfSource) -> CharacterMesh | None:
    """What the file shows of the rig that was read; None where it shows nothing of it. Raises
    MotionFileError for a mesh that is not sound, or more than is shown.
    """
    return _Reader(source).read()


@dataclass(frozen=True, eq=False)
class _Skin:
    """joints: (S,) numbers of binds of its joints, -1 for those that are none of the rig's"""

    binds: np.ndarray


class _Reader:
    """Reads the meshes of one file."""

    def __init__(self, source: GltfSource) -> None:
        self.document: Document = source.document
        self.tree: NodeTree = node_tree(source.document)
        self.joint_of = {node: joint for joint, node in enumerate(source.nodes)}
        self.scale = source.parent_scale[0] * (1.0 if source.scale is None else source.scale[0])
        self.binds, self.budget = Binds(source.document.name), Budget(source.document.name)
        self.materials = Materials(source.document)
        self.skins: dict[int, _Skin] = {}
        self.parts: list[MeshPart] = []

    def read(self) -> CharacterMesh | None:
        meshes = self.document.root.parts("meshes")
        for node in self.tree.order:
            part = self.tree.parts[node]
            if "mesh" not in part.fields:
                continue
            mesh = meshes[part.integer("mesh", 0, len(meshes) - 1, "the number of a mesh")]
            self._add(node, mesh)
        if not self.parts:
            return None
        return CharacterMesh(
            tuple(self.parts),
            tuple(self.materials.rows),
            tuple(self.materials.images.rows),
            self.binds.joints,
            self.binds.matrices,
            self.materials.images.notes,
        )

    def _add(self, node: int, mesh: JsonObject) -> None:
        """What hangs on one node."""
        part = self.tree.parts[node]
        skin = self._skin(part) if "skin" in part.fields else None
        rigid = -1
        if skin is None:
            found = self._on_joint(node)
            if found is None:
                return
            rigid = self.binds.number(*found)
        elif (skin.binds < 0).all():
            return  # of another rig
        weights = _shape_weights(part if "weights" in part.fields else mesh)
        for primitive in mesh.parts("primitives"):
            if primitive.integer("mode", 0, 6, "a kind of primitive", _TRIANGLES) in _MODES:
                self._add_primitive(primitive, skin, rigid, weights)

    def _add_primitive(
        self, primitive: JsonObject, skin: _Skin | None, rigid: int, weights: list[float]
    ) -> None:
        if _DRACO in primitive.part("extensions").fields:
            raise MotionFileError(
                f"{self.document.name}: its mesh is compressed with Draco, which is not read; "
                f"export without it, or with meshopt"
            )
        attributes = primitive.part("attributes")
        if "POSITION" not in attributes.fields:
            return
        triangle = self._triangles(primitive, attributes)
        used, triangle = used_only(triangle)
        if not len(triangle):
            return
        self.budget.take(0, len(used))
        position: Array = self._rows(attributes, "POSITION", "VEC3")
        for target, weight in zip(primitive.parts("targets"), weights, strict=False):
            if weight and "POSITION" in target.fields:
                position = position + weight * self._rows(target, "POSITION", "VEC3", len(position))
        count, position = len(position), position[used]
        if "NORMAL" in attributes.fields:
            normal = unit(self._rows(attributes, "NORMAL", "VEC3", count)[used])
        else:
            normal = normals_of(position, triangle)
        bind = np.full((len(used), 1), rigid)
        weight_rows: Array = np.ones((len(used), 1))
        if skin is not None:
            found = self._carriers(attributes, skin, count)
            bind, weight_rows = found[0][used], found[1][used]
        bind, weight_rows = strongest(bind, weight_rows)
        if (bind < 0).any():
            return  # carried by another rig in part
        material = self.materials.number(primitive)
        self.parts.append(
            MeshPart(
                position,
                normal,
                self._uv(attributes, material, count)[used],
                self._colour(attributes, count, used),
                bind,
                weight_rows,
                triangle,
                material,
            )
        )

    def _triangles(self, primitive: JsonObject, attributes: JsonObject) -> np.ndarray:
        """(F, 3) numbers of vertices. Raises MotionFileError."""
        accessors = self.document.accessors
        corners, indexed = attributes, "POSITION"
        if "indices" in primitive.fields:
            corners, indexed = primitive, "indices"
        which = corners.integer(indexed, 0, len(accessors) - 1, "the number of an accessor")
        stated = accessors[which].integer("count", 1, 2**31, "a number of rows")
        mode = primitive.integer("mode", 0, 6, "a kind of primitive", _TRIANGLES)
        self.budget.take(stated // 3 if mode == _TRIANGLES else max(stated - 2, 0), 0)
        vertices = len(self._rows(attributes, "POSITION", "VEC3"))
        if indexed != "indices":
            return _as_triangles(np.arange(vertices), mode)
        corner = read_accessor(self.document, which, "SCALAR")[:, 0]
        if corner.min(initial=0) < 0 or corner.max(initial=0) >= vertices:
            raise MotionFileError(
                f"{self.document.name}, {primitive.where}: found a triangle of vertex "
                f"{corner.max():.0f}, expected numbers below {vertices}"
            )
        return _as_triangles(corner.astype(np.int64), mode)

    def _rows(self, owner: JsonObject, key: str, kind: str, count: int | None = None) -> Array:
        """An attribute's rows. count: how many are expected. Raises MotionFileError."""
        accessors = self.document.accessors
        which = owner.integer(key, 0, len(accessors) - 1, "the number of an accessor")
        rows = read_accessor(self.document, which, kind)
        if count is not None and len(rows) != count:
            owner.refuse(key, f"{count} rows, as many as there are positions")
        return rows

    def _uv(self, attributes: JsonObject, material: int, count: int) -> Array:
        """(V, 2); zeros where there are none."""
        found = self.materials.uv_of(material)
        key = f"TEXCOORD_{found.which}"
        if key not in attributes.fields:
            return np.zeros((count, 2))
        return found.moved(self._rows(attributes, key, "VEC2", count))

    def _colour(self, attributes: JsonObject, count: int, used: np.ndarray) -> Array | None:
        """(V, 4) sRGB."""
        if "COLOR_0" not in attributes.fields:
            return None
        which = attributes.integer(
            "COLOR_0", 0, len(self.document.accessors) - 1, "the number of an accessor"
        )
        kind = self.document.accessors[which].text("type")
        rows = self._rows(attributes, "COLOR_0", "VEC3" if kind == "VEC3" else "VEC4", count)[used]
        opacity = rows[:, 3:] if rows.shape[1] == 4 else np.ones((len(rows), 1))
        return np.concatenate([srgb(rows[:, :3]), np.clip(opacity, 0.0, 1.0)], axis=1)

    def _carriers(
        self, attributes: JsonObject, skin: _Skin, count: int
    ) -> tuple[np.ndarray, Array]:
        """(V, N) binds and weights. Raises MotionFileError."""
        joints, weights, number = [], [], 0
        while f"JOINTS_{number}" in attributes.fields and f"WEIGHTS_{number}" in attributes.fields:
            joints.append(self._rows(attributes, f"JOINTS_{number}", "VEC4", count))
            weights.append(self._rows(attributes, f"WEIGHTS_{number}", "VEC4", count))
            number += 1
        if not joints:
            attributes.refuse("JOINTS_0", "the joints that carry each vertex of a skin")
        joint, weight = np.concatenate(joints, axis=1), np.concatenate(weights, axis=1)
        # what has no weight may name any joint
        most = np.where(weight > 0, joint, 0.0).max()
        if most >= len(skin.binds):
            attributes.refuse("JOINTS_0", f"numbers below the {len(skin.binds)} joints of the skin")
        joint = np.where(weight > 0, joint, 0.0).astype(np.int64)
        return skin.binds[joint], weight

    def _skin(self, part: JsonObject) -> _Skin:
        skins = self.document.root.parts("skins")
        number = part.integer("skin", 0, len(skins) - 1, "the number of a skin")
        if number not in self.skins:
            self.skins[number] = self._read_skin(skins[number])
        return self.skins[number]

    def _read_skin(self, skin: JsonObject) -> _Skin:
        nodes = skin.indices("joints", len(self.tree.parts), "the numbers of nodes")
        inverse = np.tile(np.eye(4), (len(nodes), 1, 1))
        if "inverseBindMatrices" in skin.fields:
            rows = self._rows(skin, "inverseBindMatrices", "MAT4")
            if len(rows) < len(nodes):
                skin.refuse("inverseBindMatrices", f"a matrix for each of {len(nodes)} joints")
            inverse = np.swapaxes(rows[: len(nodes)].reshape(-1, 4, 4), 1, 2)
        binds = []
        for node, matrix in zip(nodes, inverse, strict=True):
            found = self._on_joint(node)
            binds.append(-1 if found is None else self.binds.number(found[0], found[1] @ matrix))
        return _Skin(np.array(binds))

    def _on_joint(self, node: int) -> tuple[int, Array] | None:
        """The joint of the clip that moves a node, and (4, 4) from the node's space to the joint's,
        in metres; None for one that no joint moves.
        """
        matrix = np.eye(4)
        while node not in self.joint_of:
            matrix = _local_matrix(self.tree.parts[node]) @ matrix
            node = int(self.tree.parents[node])
            if node < 0:
                return None
        joint = self.joint_of[node]
        matrix[:3] *= self.scale[joint][:, None]
        return joint, matrix


def _local_matrix(part: JsonObject) -> Array:
    """(4, 4) of a node at rest."""
    translation, q, scale = rest_transform(part)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.to_matrix(q) * scale
    matrix[:3, 3] = translation
    return matrix


def _as_triangles(corner: np.ndarray, mode: int) -> np.ndarray:
    """(C,) -> (F, 3), without those that have no area."""
    if mode == _TRIANGLES:
        found = corner[: len(corner) // 3 * 3].reshape(-1, 3)
    elif mode == _FAN:
        first = np.broadcast_to(corner[:1], len(corner[2:]))
        found = np.stack([first, corner[1:-1], corner[2:]], axis=1)
    else:
        found = np.stack([corner[:-2], corner[1:-1], corner[2:]], axis=1)
        found[1::2] = found[1::2, [1, 0, 2]]
    a, b, c = found.T
    return found[(a != b) & (b != c) & (c != a)]


def _shape_weights(part: JsonObject) -> list[float]:
    """How much of each shape there is at rest."""
    if "weights" not in part.fields:
        return []
    return part.numbers("weights", "a number for each shape", -1e3, 1e3)
