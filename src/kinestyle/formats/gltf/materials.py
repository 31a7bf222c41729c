"""The materials of a glTF file, as far as they are shown: a colour, an image, what opacity means.
What is not sound in them is left out: a mesh in plain colours is better than none.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.character_mesh import Alpha, Images, Material, Wrap, colour_of
from kinestyle.formats.gltf.document import Document, numbers
from kinestyle.formats.limits import MAX_FILE_BYTES
from kinestyle.json_object import JsonObject
from kinestyle.motion.rotation import Array

_WRAPS: dict[int, Wrap] = {33071: "clamp", 33648: "mirror", 10497: "repeat"}
_ALPHAS: dict[str, Alpha] = {"MASK": "mask", "BLEND": "blend"}
_WEBP, _TRANSFORM, _UNLIT = "EXT_texture_webp", "KHR_texture_transform", "KHR_materials_unlit"
_GLOSSY, _STRONG = "KHR_materials_pbrSpecularGlossiness", "KHR_materials_emissive_strength"
_ONE = np.ones(4)


class Uv(NamedTuple):
    """Which of a mesh's coordinates an image takes, and how it moves them."""

    which: int = 0
    offset: tuple[float, float] = (0.0, 0.0)
    radians: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    def moved(self, uv: Array) -> Array:
        """uv: (V, 2)"""
        c, s = np.cos(self.radians), np.sin(self.radians)
        u, v = (uv * self.scale).T
        return np.stack([c * u + s * v, c * v - s * u], axis=1) + self.offset


class Materials:
    """Those that are used, in the order of their first use."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.rows: list[Material] = []
        self.images = Images()
        self._uvs: list[Uv] = []
        self._numbers: dict[int, int] = {}

    def number(self, primitive: JsonObject) -> int:
        """The number of a primitive's material."""
        which = primitive.fields.get("material", -1)
        parts = self.document.root.parts("materials")
        if not isinstance(which, int) or not -1 <= which < len(parts):
            which = -1
        if which not in self._numbers:
            row, uv = Material(), Uv()
            if which >= 0:
                with suppress(MotionFileError):
                    row, uv = self._read(parts[which])
            self._numbers[which] = len(self.rows)
            self.rows.append(row)
            self._uvs.append(uv)
        return self._numbers[which]

    def uv_of(self, material: int) -> Uv:
        return self._uvs[material]

    def _read(self, part: JsonObject) -> tuple[Material, Uv]:
        extensions, base = part.part("extensions"), part.part("pbrMetallicRoughness")
        factor, key = "baseColorFactor", "baseColorTexture"
        if _GLOSSY in extensions.fields and not base.fields:
            base, factor, key = extensions.part(_GLOSSY), "diffuseFactor", "diffuseTexture"
        colour = numbers(base, factor, _ONE)
        image, wrap, uv = self._texture(base.part(key)) if key in base.fields else _NO_TEXTURE
        strength = extensions.part(_STRONG).fields.get("emissiveStrength", 1.0)
        glow = numbers(part, "emissiveFactor", np.zeros(3))
        if "emissiveTexture" in part.fields:
            # an image of what glows is mostly black, or the image that is shown already
            glow = np.zeros(3)
            if image < 0 and key not in base.fields:
                image, wrap, uv = self._texture(part.part("emissiveTexture"))
        glow = glow * (strength if isinstance(strength, int | float) else 1.0)
        found = Material(
            colour_of(colour.tolist(), float(colour[3])),
            image,
            wrap,
            _ALPHAS.get(str(part.fields.get("alphaMode")), "opaque"),
            _number(part, "alphaCutoff", 0.5),
            colour_of(glow.tolist())[:3],
            part.fields.get("doubleSided") is True,
            _UNLIT in extensions.fields,
        )
        return found, uv

    def _texture(self, info: JsonObject) -> tuple[int, tuple[Wrap, Wrap], Uv]:
        """The image of a texture, what it does beyond its edges, and its coordinates."""
        textures = self.document.root.parts("textures")
        texture = textures[info.integer("index", 0, len(textures) - 1, "the number of a texture")]
        samplers = self.document.root.parts("samplers")
        wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
        if "sampler" in texture.fields:
            sampler = samplers[
                texture.integer("sampler", 0, len(samplers) - 1, "the number of a sampler")
            ]
            across, up = (
                _WRAPS.get(sampler.integer(key, 0, 2**16, "a number", 10497), "repeat")
                for key in ("wrapS", "wrapT")
            )
            wrap = across, up
        webp = texture.part("extensions").part(_WEBP)
        owner = webp if "source" in webp.fields else texture
        moved = info.part("extensions").part(_TRANSFORM)
        offset, scale = (
            numbers(moved, key, np.full(2, value))
            for key, value in (("offset", 0.0), ("scale", 1.0))
        )
        which = moved if "texCoord" in moved.fields else info
        uv = Uv(
            which.integer("texCoord", 0, 15, "the number of coordinates", 0),
            (float(offset[0]), float(offset[1])),
            _number(moved, "rotation", 0.0),
            (float(scale[0]), float(scale[1])),
        )
        return self._image(owner), wrap, uv

    def _image(self, texture: JsonObject) -> int:
        parts = self.document.root.parts("images")
        if "source" not in texture.fields:
            return self.images.number(None, None)
        which = texture.integer("source", 0, len(parts) - 1, "the number of an image")
        data = None
        with suppress(MotionFileError, ValueError):
            data = self._bytes(parts[which])
        return self.images.number(which, data)

    def _bytes(self, image: JsonObject) -> bytes | None:
        """An image that is in the file; None for one in another."""
        uri = image.fields.get("uri")
        if isinstance(uri, str):
            head, _, body = uri.partition(",")
            is_inside = head.startswith("data:") and head.endswith(";base64")
            return base64.b64decode(body, validate=True) if is_inside else None
        views = self.document.views
        view = views[image.integer("bufferView", 0, len(views) - 1, "the number of a buffer view")]
        buffers = self.document.buffers
        which = view.integer("buffer", 0, len(buffers) - 1, "the number of a buffer")
        start = view.integer("byteOffset", 0, MAX_FILE_BYTES, "a number of bytes", 0)
        size = view.integer("byteLength", 1, MAX_FILE_BYTES, "a size in bytes")
        buffer = buffers[which]
        return None if buffer is None else bytes(buffer[start : start + size])


_NO_TEXTURE: tuple[int, tuple[Wrap, Wrap], Uv] = (-1, ("repeat", "repeat"), Uv())


def _number(part: JsonObject, key: str, default: float) -> float:
    found = part.fields.get(key, default)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number and abs(found) < 1e6 else default
