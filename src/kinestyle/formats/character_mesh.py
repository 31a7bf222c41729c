"""What a character looks like: the triangles of a file, its materials and textures, and the joints
of the clip that carry each vertex. Readers of formats fill it, the studio shows it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.limits import MAX_MAGNITUDE
from kinestyle.motion.rotation import Array

MAX_TRIANGLES, MAX_VERTICES = 300_000, 600_000
MAX_BINDS = 2048
"""Joints times the poses that they were bound in: a row of a texture each, where it is drawn."""
MAX_IMAGE_BYTES, MAX_IMAGES, MAX_IMAGE_SIDE = 48 * 2**20, 64, 8192
CARRIERS = 4
"""Joints that carry one vertex; of more, the strongest count."""

Wrap = Literal["repeat", "clamp", "mirror"]
Alpha = Literal["opaque", "mask", "blend"]


@dataclass(frozen=True)
class Material:
    """How triangles look. What is beyond this is left out.

    colour: red, green, blue and opacity, sRGB, 0 to 1; it multiplies the image
    image: the number of an image, -1 for none; wrap: what it does beyond its edges, across and up
    alpha: what opacity means; below `cutoff` there is nothing where it is a mask
    emission: sRGB, added whatever the light; is_unlit: whether the light does nothing to it
    """

    colour: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 1.0)
    image: int = -1
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
    alpha: Alpha = "opaque"
    cutoff: float = 0.5
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_double_sided: bool = True
    is_unlit: bool = False


@dataclass(frozen=True, eq=False)
class MeshPart:
    """Triangles of one material, whose vertices have four carriers each.

    position, normal: (V, 3); uv: (V, 2), from the image's upper left corner; colour: (V, 4) 0 to 1,
        sRGB, None where there is none
    bind: (V, 4) numbers of binds, see `CharacterMesh`; weight: (V, 4), each row 1 in sum
    triangle: (F, 3) numbers of vertices
    """

    position: Array
    normal: Array
    uv: Array
    colour: Array | None
    bind: np.ndarray
    weight: Array
    triangle: np.ndarray
    material: int


@dataclass(frozen=True, eq=False)
class CharacterMesh:
    """What a character looks like.

    bind_joint: (K,) joints of the clip; bind: (K, 3, 4) from the space of vertices to that of the
        joint, in the clip's unit: a vertex is at the sum over its carriers of
        `weight * (world_position + rotate(world_rotation, bind @ vertex))`
    images: their types, such as "image/png", and their bytes
    notes: sentences about what was left out
    """

    parts: tuple[MeshPart, ...]
    materials: tuple[Material, ...]
    images: tuple[tuple[str, bytes], ...]
    bind_joint: np.ndarray
    bind: Array
    notes: tuple[str, ...] = ()

    def posed(self, world_position: Array, world_matrix: Array) -> list[Array]:
        """Where the vertices of each part are, (V, 3), in the clip's unit.

        world_position: (J, 3); world_matrix: (J, 3, 3), both of the clip's joints
        """
        linear = world_matrix[self.bind_joint] @ self.bind[:, :, :3]
        turned = (world_matrix[self.bind_joint] @ self.bind[:, :, 3:])[..., 0]
        moved = turned + world_position[self.bind_joint]
        return [
            np.asarray(
                np.einsum("vc,vcij,vj->vi", part.weight, linear[part.bind], part.position)
                + np.einsum("vc,vci->vi", part.weight, moved[part.bind])
            )
            for part in self.parts
        ]


class Binds:
    """Binds in the order in which they are first asked for. Joints that several skins bind alike
    share one.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._rows: list[Array] = []

    def number(self, joint: int, matrix: Array) -> int:
        """matrix: (4, 4) or (3, 4), see `CharacterMesh.bind`. Raises MotionFileError for too many,
        and for numbers that are none.
        """
        row = np.array(matrix[:3], dtype=float)
        if not (np.abs(row) <= MAX_MAGNITUDE).all():
            raise MotionFileError(
                f"{self.file}: found a joint that carries its mesh with numbers beyond all "
                f"bounds, expected a bind pose"
            )
        key = joint, row.astype("<f4").tobytes()
        if key not in self._numbers:
            if len(self._rows) == MAX_BINDS:
                raise MotionFileError(
                    f"{self.file}: its skins bind more than {MAX_BINDS} joints, which is the most "
                    f"that is shown"
                )
            self._numbers[key] = len(self._rows)
            self._rows.append(row)
        return self._numbers[key]

    @property
    def joints(self) -> np.ndarray:
        """(K,)"""
        return np.array([joint for joint, _ in self._numbers], dtype=np.int64)

    @property
    def matrices(self) -> Array:
        """(K, 3, 4)"""
        return np.reshape(self._rows, (-1, 3, 4))


@dataclass(eq=False)
class Budget:
    """How much of a file is shown. Raises before anything is unpacked that is too much."""

    file: str
    triangles: int = 0
    vertices: int = 0

    def take(self, triangles: int, vertices: int) -> None:
        """Raises MotionFileError."""
        self.triangles += triangles
        self.vertices += vertices
        if self.triangles > MAX_TRIANGLES or self.vertices > MAX_VERTICES:
            raise MotionFileError(
                f"{self.file}: its mesh has more than {MAX_TRIANGLES:,} triangles, which is the "
                f"most that is shown"
            )


@dataclass(eq=False)
class Images:
    """The images of a file that are shown, each once."""

    rows: list[tuple[str, bytes]] = field(default_factory=list)
    left_out: int = 0
    _numbers: dict[object, int] = field(default_factory=dict)

    def number(self, key: object, data: bytes | None) -> int:
        """The number of an image; -1 for one that cannot be shown. key: the same for the same."""
        if key not in self._numbers:
            kind = None if data is None else _kind_of(data)
            total = sum(len(row) for _, row in self.rows) + len(data or b"")
            if data is None or kind is None or total > MAX_IMAGE_BYTES or len(self) == MAX_IMAGES:
                self.left_out += 1
                self._numbers[key] = -1
            else:
                self._numbers[key] = len(self.rows)
                self.rows.append((kind, data))
        return self._numbers[key]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.left_out:
            return ()
        some = "a texture is" if self.left_out == 1 else f"{self.left_out} textures are"
        return (
            f"{some} not in the file, too large or of an unknown kind; plain colours are shown",
        )


def _kind_of(data: bytes) -> str | None:
    """The type of an image that a browser shows; None for others and for huge ones."""
    width, height, kind = 1, 1, None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        kind = "image/png"
        width, height = struct.unpack_from(">II", data, 16)
    elif data.startswith(b"\xff\xd8\xff"):
        kind = "image/jpeg"
        width, height = _jpeg_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "image/webp"  # 16,383 to a side at most
    return kind if 0 < width <= MAX_IMAGE_SIDE and 0 < height <= MAX_IMAGE_SIDE else None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height; zeros for a file that does not say."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return 0, 0


def strongest(bind: np.ndarray, weight: Array) -> tuple[np.ndarray, Array]:
    """(V, N) carriers and weights -> (V, 4) of the strongest, each row 1 in sum; a vertex that
    nothing carries hangs on its first.
    """
    weight = np.where(weight > 0, weight, 0.0)
    if weight.shape[1] > CARRIERS:
        order = np.argsort(-weight, axis=1, kind="stable")[:, :CARRIERS]
        bind, weight = np.take_along_axis(bind, order, 1), np.take_along_axis(weight, order, 1)
    missing = CARRIERS - weight.shape[1]
    if missing > 0:
        bind = np.pad(bind, ((0, 0), (0, missing)))
        weight = np.pad(weight, ((0, 0), (0, missing)))
    total = weight.sum(axis=1, keepdims=True)
    weight = np.where(total > 1e-9, weight / np.maximum(total, 1e-9), [1.0, 0.0, 0.0, 0.0])
    return np.where(weight > 0, bind, bind[:, :1]), weight


def normals_of(position: Array, triangle: np.ndarray) -> Array:
    """(V, 3) unit vectors: of each vertex the mean over its triangles, by their areas."""
    corner = position[triangle]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    found = np.zeros_like(position)
    for k in range(3):
        np.add.at(found, triangle[:, k], face)
    return unit(found)


def unit(vector: Array) -> Array:
    """(..., 3) of length 1; up where there is none."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.where(length > 1e-12, vector / np.maximum(length, 1e-12), [0.0, 1.0, 0.0])


def srgb(linear: Array) -> Array:
    """Linear intensities -> sRGB, 0 to 1."""
    value = np.clip(linear, 0.0, 1.0)
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)


def used_only(triangle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that triangles use, and the triangles in their numbers."""
    used, inverse = np.unique(triangle, return_inverse=True)
    return used, inverse.reshape(triangle.shape)


def colour_of(values: Sequence[float], opacity: float = 1.0) -> tuple[float, float, float, float]:
    """Linear red, green and blue -> a material's colour."""
    red, green, blue = srgb(np.array(values[:3], dtype=float)).tolist()
    return red, green, blue, min(max(float(opacity), 0.0), 1.0)
