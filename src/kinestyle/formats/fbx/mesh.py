"""The meshes of a binary file of FBX 7, with the joints of its clip that carry them. Shapes are as
they are at rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.character_mesh import (
    CARRIERS,
    Binds,
    Budget,
    CharacterMesh,
    MeshPart,
    normals_of,
    strongest,
    unit,
    used_only,
)
from kinestyle.formats.fbx.loading import Scene, open_scene
from kinestyle.formats.fbx.materials import Materials
from kinestyle.formats.fbx.objects import Objects
from kinestyle.formats.fbx.reader import FbxSource
from kinestyle.formats.fbx.records import Record, is_binary, parse
from kinestyle.formats.limits import MAX_MAGNITUDE
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

_OLDEST = 7000
_NUMBERS = {"PolygonVertexIndex", "Indexes", "UVIndex", "NormalsIndex", "ColorIndex"}
_EULER = "ZYX"
"""What FBX calls XYZ: about X first."""


def fbx_mesh(source: FbxSource, name: str) -> CharacterMesh | None:
    """What the file shows of the rig that was read; None where it shows nothing of it. name: what
    messages call it

    Raises MotionFileError for a mesh that is not sound, or more than is shown.
    """
    if not is_binary(source.data):
        raise _old(name, "text")
    document = parse(source.data, name)
    if document.version < _OLDEST:
        raise _old(name, f"version {document.version / 1000:g}")
    with np.errstate(over="ignore", invalid="ignore"):
        return _Reader(source, Objects(document), name).read()


def _old(name: str, found: str) -> MotionFileError:
    return MotionFileError(
        f"{name}: its mesh is in FBX as {found}, which is not shown; export as binary FBX 7.4"
    )


class _Reader:
    """Reads the meshes of one file."""

    def __init__(self, source: FbxSource, objects: Objects, name: str) -> None:
        self.source, self.objects, self.name = source, objects, name
        self.joint_of = {node.identity: joint for joint, node in enumerate(source.nodes)}
        ignores = np.array([node.ignores_parent_scale for node in source.nodes])
        inherited = np.where(ignores[:, None], 1.0, source.parent_scale[0])
        self.scale = inherited * source.local_scale[0]
        self.binds, self.budget = Binds(name), Budget(name)
        self.materials = Materials(objects)
        self.parts: list[MeshPart] = []
        self._chains: dict[int, tuple[int, Array] | None] | None = None

    def read(self) -> CharacterMesh | None:
        for number, item in self.objects.by_number.items():
            sort = item.decoded()[2] if item.name == "Geometry" else ""
            if not isinstance(sort, str) or sort != "Mesh":
                continue
            for model in self.objects.above(number, "Model"):
                self._add(number, item, model)
        if not self.parts:
            return None
        return CharacterMesh(
            tuple(self.parts),
            self.materials.rows,
            tuple(self.materials.images.rows),
            self.binds.joints,
            self.binds.matrices,
            self.materials.images.notes,
        )

    def _add(self, number: int, item: Record, model: int) -> None:
        """A geometry where a model shows it."""
        polygons = _Polygons(item, self.name)
        if not len(polygons.triangle):
            return
        self.budget.take(len(polygons.triangle), 0)
        carriers = self._carriers(number, model, len(polygons.point))
        if carriers is None:
            return  # of another rig
        materials = self.objects.below(model, "Material")
        which = polygons.materials(len(materials))
        for place in np.unique(which).tolist():
            chosen = polygons.triangle[which == place]
            material = self.materials.number(materials[place] if materials else None)
            self._add_part(polygons, chosen, carriers, material)

    def _add_part(
        self,
        polygons: _Polygons,
        corners: np.ndarray,
        carriers: tuple[np.ndarray, Array],
        material: int,
    ) -> None:
        """corners: (F, 3) of the triangles of one material"""
        used, triangle = polygons.vertices(corners)
        self.budget.take(0, len(used))
        point = polygons.vertex[used]
        position = polygons.point[point]
        normal = polygons.normal
        colour = None if self.materials.has_image(material) else polygons.colour
        self.parts.append(
            MeshPart(
                position,
                normals_of(position, triangle) if normal is None else unit(normal[used]),
                polygons.uv[used],
                None if colour is None else colour[used],
                carriers[0][point],
                carriers[1][point],
                triangle,
                material,
            )
        )

    def _carriers(self, number: int, model: int, count: int) -> tuple[np.ndarray, Array] | None:
        """(P, 4) binds and weights of each point; None where no joint carries them."""
        geometric = self._geometric(model)
        found = []
        skins = self.objects.below(number, "Deformer")
        for skin in skins:
            for cluster in self.objects.below(skin, "Deformer"):
                row = self._cluster(cluster, geometric, count)
                if row is not None:
                    found.append(row)
        if found:
            return _gathered(found, count)
        on_joint = self._on_joint(model)
        if skins or on_joint is None:
            return None
        bind = self.binds.number(on_joint[0], on_joint[1] @ geometric)
        return strongest(np.full((count, 1), bind), np.ones((count, 1)))

    def _cluster(
        self, cluster: int, geometric: Array, count: int
    ) -> tuple[np.ndarray, int, Array] | None:
        """Points, the bind that carries them, and weights."""
        item = self.objects.by_number[cluster]
        points, weights = _array(item, "Indexes"), _array(item, "Weights")
        transform = _array(item, "Transform")
        bones = self.objects.below(cluster, "Model")
        if points is None or weights is None or transform is None or not bones:
            return None
        if transform.size != 16 or len(points) != len(weights):
            raise self._damaged("a skin whose numbers do not belong together")
        if len(points) and not (points.min() >= 0 and points.max() < count):
            raise self._damaged(f"a skin of a point beyond its {count} points")
        if not np.isfinite(weights).all():
            raise self._damaged("a skin with weights that are no numbers")
        on_joint = self._on_joint(bones[0])
        if on_joint is None:
            return None
        to_bone = transform.astype(float).reshape(4, 4).T
        bind = self.binds.number(on_joint[0], on_joint[1] @ to_bone @ geometric)
        return points.astype(np.int64), bind, weights.astype(float)

    def _damaged(self, what: str) -> MotionFileError:
        return MotionFileError(f"{self.name}: found {what}, expected a sound mesh; export it again")

    def _geometric(self, model: int) -> Array:
        """(4, 4) from a geometry to the model that shows it."""
        vectors = []
        for name, default in (("Translation", 0.0), ("Rotation", 0.0), ("Scaling", 1.0)):
            values = self.objects.property(model, f"Geometric{name}")
            is_sound = len(values) == 3 and all(isinstance(value, float) for value in values)
            vectors.append(np.array(values if is_sound else [default] * 3, dtype=float))
        translation, degrees, scale = vectors
        q = rotation.from_euler(np.radians(degrees[[2, 1, 0]]), _EULER)
        return _matrix(translation, q, scale)

    def _on_joint(self, model: int) -> tuple[int, Array] | None:
        """The joint of the clip that moves a model, and (4, 4) from the model's space to the
        joint's, in the clip's unit; None for one that no joint moves.
        """
        if model in self.joint_of:
            found: tuple[int, Array] | None = (self.joint_of[model], np.eye(4))
        else:
            if self._chains is None:
                with open_scene(self.source.data, self.name) as scene:
                    self._chains = dict(self._below_joints(scene))
            found = self._chains.get(model)
        if found is None:
            return None
        joint, matrix = found[0], found[1].copy()
        matrix[:3] *= self.scale[joint][:, None]
        return joint, matrix

    def _below_joints(self, scene: Scene) -> Iterator[tuple[int, tuple[int, Array]]]:
        """The nodes below joints, which move with them: each with the joint, and (4, 4) from its
        space to the joint's.
        """
        nodes = scene.nodes
        at_rest = scene.sample(nodes, np.array([self.source.start_seconds]))
        parents = {node.index: node.parent for node in nodes}
        for node in nodes:
            matrix, at = np.eye(4), node.index
            while at >= 0 and nodes[at].identity not in self.joint_of:
                local = at_rest.position[0, at], at_rest.rotation[0, at], at_rest.scale[0, at]
                matrix, at = _matrix(*local) @ matrix, parents[at]
            if at >= 0:
                yield node.identity, (self.joint_of[nodes[at].identity], matrix)


class _Polygons:
    """A geometry: P points, C corners of polygons, and F triangles of them.

    point: (P, 3); vertex: (C,) points; polygon: (C,) whose corner it is
    triangle: (F, 3) corners; uv: (C, 2); normal: (C, 3), colour: (C, 4) or None
    """

    def __init__(self, item: Record, name: str) -> None:
        self.name, self.item = name, item
        points, ends = _array(item, "Vertices"), _array(item, "PolygonVertexIndex")
        if points is None or ends is None:
            points, ends = np.zeros(0), np.zeros(0, dtype=int)
        self.point = points[: len(points) // 3 * 3].astype(float).reshape(-1, 3)
        if not (np.abs(self.point) <= MAX_MAGNITUDE).all():
            raise MotionFileError(f"{name}: found points beyond all bounds, expected a mesh")
        is_last = ends < 0
        ends = ends[: len(ends) - int(np.argmax(is_last[::-1]))] if is_last.any() else ends[:0]
        is_last = ends < 0
        self.vertex = np.where(is_last, ~ends, ends).astype(np.int64)
        if len(self.vertex) and self.vertex.max() >= len(self.point):
            raise MotionFileError(
                f"{name}: found a polygon of point {self.vertex.max()}, expected numbers below "
                f"{len(self.point)}"
            )
        self.polygon: np.ndarray = np.cumsum(is_last) - is_last
        first = np.flatnonzero(np.concatenate([[True], is_last[:-1]]))[self.polygon]
        corner = np.arange(len(self.vertex))
        middle = corner[(corner > first) & ~is_last]
        self.triangle = np.stack([first[middle], middle, middle + 1], axis=1)
        uv = self._layer("LayerElementUV", "UV", "UVIndex", 2)
        self.uv = np.zeros((len(corner), 2)) if uv is None else uv * [1.0, -1.0] + [0.0, 1.0]
        self.normal = self._layer("LayerElementNormal", "Normals", "NormalsIndex", 3)
        self.colour = self._layer("LayerElementColor", "Colors", "ColorIndex", 4)
        if self.colour is not None:
            self.colour = np.clip(self.colour, 0.0, 1.0)
            self.colour[:, 3] = 1.0
            if not self.colour[:, :3].any():
                self.colour = None  # never painted

    def materials(self, count: int) -> np.ndarray:
        """(F,) which of the model's `count` materials each triangle has."""
        found = self._layer("LayerElementMaterial", "Materials", "", 1)
        place = np.zeros(len(self.vertex)) if found is None else found[:, 0]
        return np.clip(place[self.triangle[:, 0]], 0, max(count - 1, 0)).astype(np.int64)

    def vertices(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """corners: (F, 3) -> one corner for each of those that are alike, and the triangles in
        numbers of these.
        """
        used, triangle = used_only(corners)
        columns = [self.vertex[used, None], self.uv[used].astype("<f4").view("<i4")]
        for values in (self.normal, self.colour):
            if values is not None:
                columns.append(np.rint(values[used] * 1e4).astype("<i4"))
        rows = np.ascontiguousarray(np.concatenate(columns, axis=1).astype("<i4"))
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        triangle = inverse.reshape(-1)[triangle]
        return used[first], triangle

    def _layer(self, layer: str, values: str, index: str, size: int) -> Array | None:
        """(C, size) of a layer of the geometry; None for one that is not there or not sound."""
        item = self.item.find(layer)
        found = None if item is None else _array(item, values)
        if item is None or found is None or not found.size:
            return None
        rows = found[: len(found) // size * size].astype(float).reshape(-1, size)
        rows = np.where(np.abs(rows) <= MAX_MAGNITUDE, rows, 0.0)
        mapping = _text(item, "MappingInformationType")
        place = {
            "ByPolygonVertex": np.arange(len(self.vertex)),
            "ByPolygon": self.polygon,
            "ByVertice": self.vertex,
            "ByVertex": self.vertex,
            "AllSame": np.zeros(len(self.vertex), dtype=np.int64),
        }.get(mapping)
        if place is None:
            return None
        numbers = (
            _array(item, index) if _text(item, "ReferenceInformationType") != "Direct" else None
        )
        if numbers is not None:
            if not len(numbers) or place.max(initial=0) >= len(numbers):
                return None
            place = numbers[place]
        if place.min(initial=0) < 0 or place.max(initial=0) >= len(rows):
            return None
        return np.asarray(rows[place])


def _gathered(found: list[tuple[np.ndarray, int, Array]], count: int) -> tuple[np.ndarray, Array]:
    """(P, 4) binds and weights of each point, from the points of each cluster."""
    point = np.concatenate([points for points, _, _ in found])
    bind = np.repeat([number for _, number, _ in found], [len(points) for points, _, _ in found])
    weight = np.concatenate([weights for _, _, weights in found])
    order = np.lexsort((-weight, point))
    point, bind, weight = point[order], bind[order], weight[order]
    rank = np.arange(len(point)) - np.searchsorted(point, point)
    kept = rank < CARRIERS
    # what nothing carries goes with the first joint of the skin
    binds, weights = np.full((count, CARRIERS), found[0][1]), np.zeros((count, CARRIERS))
    binds[point[kept], rank[kept]] = bind[kept]
    weights[point[kept], rank[kept]] = weight[kept]
    return strongest(binds, weights)


def _matrix(translation: Array, q: Array, scale: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.to_matrix(q) * scale
    matrix[:3, 3] = translation
    return matrix


def _array(item: Record, name: str) -> np.ndarray | None:
    """The array in a record's child of that name: of whole numbers for numbers of something, else
    of any.
    """
    child = item.find(name)
    values = child.decoded() if child is not None and child.count == 1 else []
    found = values[0] if values and isinstance(values[0], np.ndarray) else None
    if found is not None and name in _NUMBERS and found.dtype.kind not in "iu":
        return None
    return found


def _text(item: Record, name: str) -> str:
    child = item.find(name)
    values = child.decoded() if child is not None and child.count == 1 else []
    return values[0] if values and isinstance(values[0], str) else ""
