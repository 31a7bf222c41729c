"""A glTF file about to be written: its JSON, and one buffer."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf.accessors import COMPONENTS, SIZES
from kinestyle.formats.gltf.document import BIN_CHUNK, JSON_CHUNK, MAGIC, Document, beside
from kinestyle.formats.gltf.nodes import rest_transform
from kinestyle.formats.limits import MAX_FILE_BYTES
from kinestyle.formats.text_files import quoted
from kinestyle.storage import read_bytes

_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""The first bytes of image files that glTF may embed."""
_AT_ONCE = 3 * 2**18
"""Bytes of the buffer that become base64: whole groups of three."""


@dataclass(eq=False)
class Container:
    """The parts of a file.

    fields: the JSON without its accessors, views and buffers
    blob: buffer number 0
    further_buffers: entries of buffers that hold nothing
    further_chunks: what a .glb has after its binary chunk
    notes: sentences about what was left out
    """

    fields: dict[str, Any]
    accessors: list[dict[str, Any]]
    views: list[dict[str, Any]]
    blob: bytearray
    further_buffers: list[dict[str, Any]] = field(default_factory=list)
    further_chunks: bytes = b""
    notes: list[str] = field(default_factory=list)

    def own_animation(self, number: int) -> dict[str, Any]:
        """An animation with lists of samplers and channels that belong to this container: their
        entries may be replaced.
        """
        animations = list(self.fields["animations"])
        found: dict[str, Any] = dict(animations[number])
        found |= {key: list(found.get(key, ())) for key in ("samplers", "channels")}
        animations[number] = found
        self.fields["animations"] = animations
        return found

    def mark_result(self, result: dict[str, Any]) -> None:
        """Let an animation of this container's own be the one that is read unless another is asked
        for, see `is_result`.
        """
        animations = list(self.fields["animations"])
        for number, animation in enumerate(animations):
            extras, own = _own_extras(animation)
            if animation is not result and own.get("result") is True:
                own = {key: value for key, value in own.items() if key != "result"}
                animations[number] = {**animation, "extras": {**extras, "kinestyle": own}}
        extras, own = _own_extras(result)
        result["extras"] = {**extras, "kinestyle": {**own, "result": True}}
        self.fields["animations"] = animations

    def split_matrix(self, node: int, document: Document) -> None:
        """Replace a node's matrix by translation, rotation and scale: glTF does not animate
        matrices.
        """
        fields = self.fields["nodes"][node]
        if "matrix" not in fields:
            return
        translation, q, scale = rest_transform(document.root.parts("nodes")[node])
        nodes = list(self.fields["nodes"])
        nodes[node] = {key: value for key, value in fields.items() if key != "matrix"} | {
            "translation": translation.tolist(),
            "rotation": q[[1, 2, 3, 0]].tolist(),
            "scale": scale.tolist(),
        }
        self.fields["nodes"] = nodes

    def exclusive_accessors(self) -> set[int]:
        """The accessors with a single user whose bytes nothing else shares: these may be
        overwritten.
        """
        uses = Counter(number for holder in self._holders() for number in _whole_numbers(holder))
        shared: set[int] = {-1}
        reach, last = -1, -1
        for start, end, number in sorted(self._spans()):
            if start < reach:
                shared |= {number, last}
            if end > reach:
                reach, last = end, number
        return {number for number, count in uses.items() if count == 1 and number not in shared}

    def _spans(self) -> Iterator[tuple[int, int, int]]:
        """The bytes of the buffer, from and to, that accessors and images use, with the number of
        the accessor, or -1 for an image.
        """
        for image in _objects(self.fields.get("images")):
            if isinstance(image.get("bufferView"), int):
                yield (*self._span(image), -1)
        for number, accessor in enumerate(self.accessors):
            sparse = accessor.get("sparse")
            sparse = sparse if isinstance(sparse, dict) else {}
            for owner in _objects([accessor, sparse.get("indices"), sparse.get("values")]):
                if "bufferView" in owner:
                    yield (*self._span(owner), number)

    def _holders(self) -> Iterator[Any]:
        """The pieces of the JSON whose whole numbers are numbers of accessors, or in an extension
        may be.
        """
        for animation in _objects(self.fields.get("animations")):
            for sampler in _objects(animation.get("samplers")):
                yield [sampler.get("input"), sampler.get("output"), sampler.get("extensions")]
        for mesh in _objects(self.fields.get("meshes")):
            for primitive in _objects(mesh.get("primitives")):
                yield [
                    primitive.get(key) for key in ("attributes", "indices", "targets", "extensions")
                ]
        for skin in _objects(self.fields.get("skins")):
            yield skin.get("inverseBindMatrices")
        for node in _objects(self.fields.get("nodes")):
            yield node.get("extensions")

    def _span(self, owner: dict[str, Any]) -> tuple[int, int]:
        """The bytes of the buffer, from and to, of an accessor, a part of one or an image; -1 for
        one that is not sound.
        """
        number = owner["bufferView"]
        view = (
            self.views[number] if isinstance(number, int) and 0 <= number < len(self.views) else {}
        )
        start, length = view.get("byteOffset", 0), view.get("byteLength", 0)
        if view.get("buffer") != 0 or not isinstance(start, int) or not isinstance(length, int):
            return -1, -1
        kind, component = owner.get("type"), owner.get("componentType")
        offset, count, stride = (
            owner.get("byteOffset", 0),
            owner.get("count"),
            view.get("byteStride"),
        )
        size = SIZES.get(kind) if isinstance(kind, str) else None
        dtype = COMPONENTS.get(component) if isinstance(component, int) else None
        if (
            size is not None
            and dtype is not None
            and isinstance(offset, int)
            and isinstance(count, int)
        ):
            row = dtype.itemsize * size
            return start + offset, start + offset + (stride if isinstance(stride, int) else row) * (
                count - 1
            ) + row
        return start, start + length

    def to_bytes(self, binary: bool) -> bytes:
        """As `pieces`, in one."""
        return b"".join(self.pieces(binary))

    def pieces(self, binary: bool) -> Iterator[bytes | memoryview]:
        """The file, as .glb or as .gltf with its buffer embedded, one piece after the other."""
        fields, blob, place = dict(self.fields), self.blob, os.urandom(16).hex()
        if len(blob) > MAX_FILE_BYTES:
            raise MotionFileError(
                f"the file would have {len(blob)} bytes, more than the limit of {MAX_FILE_BYTES}"
            )
        if blob:
            first: dict[str, Any] = {"byteLength": len(blob)}
            if not binary:
                first["uri"] = "data:application/octet-stream;base64," + place
            fields["buffers"] = [first, *self.further_buffers]
        for key, entries in (("accessors", self.accessors), ("bufferViews", self.views)):
            if entries:
                fields[key] = entries
        text = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")
        if not binary:
            head, _, rest = text.partition(place.encode())
            yield head
            for start in range(0, len(blob) if rest else 0, _AT_ONCE):
                yield base64.b64encode(memoryview(blob)[start : start + _AT_ONCE])
            yield rest
            return
        text += b" " * (-len(text) % 4)
        # of a long clip most of the file is the blob, which is not copied
        chunks: list[bytes | memoryview] = [struct.pack("<I4s", len(text), JSON_CHUNK), text]
        if blob:
            padding = b"\0" * (-len(blob) % 4)
            chunks += [
                struct.pack("<I4s", len(blob) + len(padding), BIN_CHUNK),
                memoryview(blob),
                padding,
            ]
        chunks.append(self.further_chunks)
        size = sum(map(len, chunks))
        yield struct.pack("<4sII", MAGIC, 2, 12 + size)
        yield from chunks


def open_container(document: Document) -> Container:
    """A file's content with all buffers joined into one, and images from files beside it taken in,
    so that it needs no others.
    """
    fields = dict(document.root.fields)
    accessors = [dict(part.fields) for part in document.accessors]
    entries = [dict(part.fields) for part in document.root.parts("buffers")]
    blob, place = bytearray(), []
    further: list[dict[str, Any]] = []
    for content, entry, size in zip(document.buffers, entries, document.buffer_sizes, strict=True):
        if content is None:
            further.append(entry)
            place.append((len(further), 0))
            continue
        blob += b"\0" * (-len(blob) % 4)
        place.append((0, len(blob)))
        blob += content[:size]
    blob += b"\0" * (-len(blob) % 4)
    views = []
    for part in document.views:
        view = dict(part.fields)
        extensions = {
            key: dict(value)
            for key, value in part.part("extensions").fields.items()
            if isinstance(value, dict)
        }
        for owner in (view, *extensions.values()):
            if isinstance(owner.get("buffer"), int) and 0 <= owner["buffer"] < len(place):
                number, start = place[owner["buffer"]]
                owner["buffer"] = number
                if start:
                    owner["byteOffset"] = owner.get("byteOffset", 0) + start
        if extensions:
            view["extensions"] = {**view["extensions"], **extensions}
        views.append(view)
    container = Container(fields, accessors, views, blob, further, document.further_chunks)
    _embed_images(document, container)
    return container


def _embed_images(document: Document, container: Container) -> None:
    images = []
    for part in document.root.parts("images"):
        image = dict(part.fields)
        uri = image.get("uri")
        if isinstance(uri, str) and not uri.startswith("data:"):
            path = beside(uri, document.folder)
            try:
                data = read_bytes(path, MAX_FILE_BYTES) if path else b""
            except MotionFileError:
                data = b""
            kind = next((kind for start, kind in _IMAGES.items() if data.startswith(start)), None)
            if kind is None:
                container.notes.append(
                    f"the image {quoted(uri)} stays a file of its own, which must lie beside the "
                    f"result"
                )
            else:
                del image["uri"]
                container.views.append(
                    {"buffer": 0, "byteOffset": len(container.blob), "byteLength": len(data)}
                )
                image |= {"bufferView": len(container.views) - 1, "mimeType": kind}
                container.blob += data + b"\0" * (-len(data) % 4)
        images.append(image)
    if images:
        container.fields["images"] = images


def _own_extras(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The extras of an object of the file, and those that Kinestyle put there."""
    extras = fields.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    own = extras.get("kinestyle")
    return extras, own if isinstance(own, dict) else {}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in what should be a list of them. Parts of the file that the reader does not use
    may be anything.
    """
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _whole_numbers(value: Any) -> Iterator[int]:
    """All whole numbers in a piece of JSON."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, int) and not isinstance(item, bool):
            yield item
