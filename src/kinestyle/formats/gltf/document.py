"""A glTF file taken apart: its JSON, read field by field with refusals that say where, and its
buffers.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_MAGNITUDE
from kinestyle.json_object import JsonObject
from kinestyle.motion.rotation import Array
from kinestyle.storage import read_bytes

MAGIC = b"glTF"
JSON_CHUNK, BIN_CHUNK = b"JSON", b"BIN\0"
MAX_JSON_BYTES = 128 * 2**20


@dataclass(frozen=True, eq=False)
class Document:
    """A glTF file.

    root: its JSON
    buffers: the bytes of each of its buffers; None for one that holds nothing of its own (the
        fallback of an extension)
    original: the file as it was
    binary: whether that is a .glb, with its binary chunk as the first buffer
    further_chunks: what a .glb holds after its binary chunk, as it was
    folder: where the paths of further files start; None for a file without one
    unpacked: the bytes of compressed views that were asked for, by their numbers
    """

    root: JsonObject
    buffers: tuple[bytes | memoryview | None, ...]
    original: bytes
    binary: bool
    further_chunks: bytes = b""
    folder: Path | None = None
    warnings: tuple[str, ...] = field(default=())
    unpacked: dict[int, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.root.file

    @cached_property
    def accessors(self) -> list[JsonObject]:
        return self.root.parts("accessors")

    @cached_property
    def views(self) -> list[JsonObject]:
        return self.root.parts("bufferViews")

    @cached_property
    def buffer_sizes(self) -> list[int]:
        """The size that the file states of each buffer, checked when it was opened."""
        return [part.fields["byteLength"] for part in self.root.parts("buffers")]


def open_document(data: bytes, name: str, folder: Path | None = None) -> Document:
    """data: the bytes of a .glb or .gltf file; name: what messages call it; folder: further files
    are looked for below it.

    Raises MotionFileError.
    """
    if not data.strip():
        raise MotionFileError(f"{name} is empty, expected a glTF file")
    binary = data[:4] == MAGIC
    warnings: tuple[str, ...] = ()
    text, chunk, further = data, None, b""
    if binary:
        text, chunk, further, warnings = _chunks(data, name)
    root = _parse_json(text, name)
    asset = root.part("asset")
    for key in ("version", "minVersion"):
        version = asset.text(key, "2.0" if key == "minVersion" else None)
        if not version.startswith("2.") or (key == "minVersion" and version != "2.0"):
            asset.refuse(key, "version 2.0 of glTF; convert the file to it")
    buffers = _buffers(root, chunk, binary, folder)
    return Document(root, buffers, data, binary, further, folder, warnings)


def _buffers(
    root: JsonObject, chunk: memoryview | None, binary: bool, folder: Path | None
) -> tuple[bytes | memoryview | None, ...]:
    """The bytes of each buffer. chunk: the binary chunk of a .glb. Raises MotionFileError."""
    buffers: list[bytes | memoryview | None] = []
    total = 0
    for i, buffer in enumerate(root.parts("buffers")):
        size = buffer.integer("byteLength", 1, MAX_FILE_BYTES, "a size in bytes")
        content = (
            chunk if binary and i == 0 and "uri" not in buffer.fields else _load(buffer, folder)
        )
        if content is not None:
            total += size
            if len(content) < size:
                buffer.refuse(
                    "byteLength",
                    f"at most {len(content)}, the bytes that are there; the file is incomplete",
                )
            if total > MAX_FILE_BYTES:
                raise MotionFileError(
                    f"{root.file}: its buffers have more than the limit of {MAX_FILE_BYTES} bytes"
                )
        buffers.append(content)
    return tuple(buffers)


def _chunks(data: bytes, name: str) -> tuple[bytes, memoryview | None, bytes, tuple[str, ...]]:
    """A .glb file -> JSON text, the binary chunk, the chunks after it, warnings."""
    if len(data) < 20:
        raise MotionFileError(f"{name} ends within its header; the file is incomplete")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise MotionFileError(
            f"{name} is version {version} of binary glTF, expected 2; convert the file to it"
        )
    if length > len(data) or length < 20:
        raise MotionFileError(
            f"{name}: found {len(data)} bytes, expected the {length} of its header; the file is "
            f"incomplete"
        )
    warnings = (
        ()
        if length == len(data)
        else (f"{name} goes on after its end, {len(data) - length} bytes, which were passed over",)
    )
    found: list[tuple[bytes, memoryview]] = []
    whole = memoryview(data)  # most of a long clip's file is one chunk
    starts = []
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + size > length:
            left = length - at - 8
            raise MotionFileError(
                f"{name}: the chunk at byte {at} has {size} bytes, expected at most {left}; the "
                f"file is damaged"
            )
        starts.append(at)
        found.append((kind, whole[at + 8 : at + 8 + size]))
        at += 8 + size
    if not found or found[0][0] != JSON_CHUNK:
        raise MotionFileError(
            f"{name}: found no JSON chunk at byte 12, expected one; the file is damaged"
        )
    has_binary = len(found) > 1 and found[1][0] == BIN_CHUNK
    first_further = 2 if has_binary else 1
    further = data[starts[first_further] : length] if len(found) > first_further else b""
    return bytes(found[0][1]), found[1][1] if has_binary else None, further, warnings


def _parse_json(text: bytes, name: str) -> JsonObject:
    """The outermost object of a file. Raises MotionFileError."""
    if len(text) > MAX_JSON_BYTES:
        raise MotionFileError(
            f"{name} has {len(text)} bytes of JSON, more than the limit of {MAX_JSON_BYTES}"
        )
    return JsonObject.parse(text, name, MotionFileError, "a glTF file")


def numbers(part: JsonObject, key: str, default: Array) -> Array:
    """As many numbers as `default` has, which stands for an absent list. Raises MotionFileError."""
    if key not in part.fields:
        return np.array(default, dtype=float)
    wanted = f"{len(default)} numbers"
    found = part.numbers(key, wanted, -MAX_MAGNITUDE, MAX_MAGNITUDE)
    if len(found) != len(default):
        part.refuse(key, wanted)
    return np.array(found, dtype=float)


def _load(buffer: JsonObject, folder: Path | None) -> bytes | None:
    """The content of a buffer with a URI, None for one without."""
    if "uri" not in buffer.fields:
        return None
    uri = buffer.text("uri")
    if uri.startswith("data:"):
        head, comma, body = uri.partition(",")
        if not comma or not head.endswith(";base64"):
            buffer.refuse("uri", "base64 data")
        try:
            return base64.b64decode(body, validate=True)
        except ValueError as error:  # not binascii.Error, which non-ASCII characters do not raise
            raise MotionFileError(
                f"{buffer.file}, {buffer.where}.uri: its base64 data is damaged"
            ) from error
    path = beside(uri, folder)
    if path is None:
        buffer.refuse(
            "uri",
            "the name of a file beside this one, or embedded data; export as .glb, which holds "
            "everything",
        )
    return read_bytes(path, MAX_FILE_BYTES)


def beside(uri: str, folder: Path | None) -> Path | None:
    """The path that a URI names at or below `folder`, None for any other: a file must not read
    other files of the user.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    name = unquote(parts.path)
    if (
        folder is None
        or parts.scheme
        or parts.netloc
        or not name
        or "\0" in name
        or "\\" in name
        or name.startswith("/")
    ):
        return None
    path = folder / name
    if ".." in path.relative_to(folder).parts or path.drive != folder.drive:
        return None
    try:
        # a link inside may lead outside
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except OSError:
        return None
