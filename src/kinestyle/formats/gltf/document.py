"""A glTF file apart: its JSON, read field by field with refusals that say where, and its buffers."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_MAGNITUDE
from kinestyle.motion.rotation import Array
from kinestyle.storage import read_bytes

MAGIC = b"glTF"
JSON_CHUNK, BIN_CHUNK = b"JSON", b"BIN\0"
MAX_JSON_BYTES = 128 * 2**20
MAX_PARTS = 2**20
"""Of one list, such as nodes or accessors."""


@dataclass(frozen=True, eq=False)
class Part:
    """One JSON object of a file. file: the file's name, where: the object's path in it, such as
    "nodes[3]".
    """

    file: str
    where: str
    fields: dict[str, Any]

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Raises MotionFileError: what stands at `key` is not what is wanted."""
        found = json.dumps(self.fields[key]) if key in self.fields else "nothing"
        found = found if len(found) <= 40 else found[:37] + "..."
        place = f"{self.where}.{key}" if self.where else key
        raise MotionFileError(f"{self.file}, {place}: found {found}, expected {wanted}")

    def integer(
        self, key: str, low: int, high: int, wanted: str, default: int | None = None
    ) -> int:
        """A whole number from `low` to `high`."""
        value = self.fields.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, f"{wanted}, a whole number from {low} to {high}")
        return value

    def numbers(self, key: str, default: Array) -> Array:
        """As many numbers as `default` has."""
        if key not in self.fields:
            return np.array(default, dtype=float)
        values = self.fields[key]
        wanted = f"{len(default)} numbers"
        if not isinstance(values, list) or len(values) != len(default):
            self.refuse(key, wanted)
        for value in values:
            if (
                not isinstance(value, int | float)
                or isinstance(value, bool)
                or not abs(value) <= MAX_MAGNITUDE
            ):
                self.refuse(key, f"{wanted} of at most {MAX_MAGNITUDE:g}")
        return np.array(values, dtype=float)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.fields.get(key, default)
        if not isinstance(value, str):
            self.refuse(key, "text")
        return value

    def part(self, key: str) -> Part:
        """The object at `key`; an absent one is empty."""
        value = self.fields.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return Part(self.file, f"{self.where}.{key}" if self.where else key, value)

    def parts(self, key: str) -> list[Part]:
        """The objects of the list at `key`; an absent one is empty."""
        values = self.fields.get(key, [])
        if (
            not isinstance(values, list)
            or len(values) > MAX_PARTS
            or not all(isinstance(value, dict) for value in values)
        ):
            self.refuse(key, f"a list of at most {MAX_PARTS} objects")
        where = f"{self.where}.{key}" if self.where else key
        return [Part(self.file, f"{where}[{i}]", value) for i, value in enumerate(values)]

    def indices(self, key: str, count: int, wanted: str) -> list[int]:
        """The list at `key` of numbers below `count`; an absent one is empty."""
        values = self.fields.get(key, [])
        if not isinstance(values, list) or len(values) > MAX_PARTS:
            self.refuse(key, f"a list of {wanted}")
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
                self.refuse(key, f"a list of {wanted}, of which the file has {count}")
        return values


@dataclass(frozen=True, eq=False)
class Document:
    """A glTF file.

    root: its JSON
    buffers: the bytes of each of its buffers; None for one that holds nothing of its own (the
    fallback of an extension) original: the file as it was; binary: whether that is a .glb, with its
    binary chunk as the first buffer
    further_chunks: what a .glb holds after its binary chunk, as it was
    folder: where the paths of further files start; None for a file that came without one
    """

    root: Part
    buffers: tuple[bytes | None, ...]
    original: bytes
    binary: bool
    further_chunks: bytes = b""
    folder: Path | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.root.file

    @cached_property
    def accessors(self) -> list[Part]:
        return self.root.parts("accessors")

    @cached_property
    def views(self) -> list[Part]:
        return self.root.parts("bufferViews")

    @cached_property
    def buffer_sizes(self) -> list[int]:
        """What the file says of each buffer, checked when it was opened."""
        return [part.fields["byteLength"] for part in self.root.parts("buffers")]


def open_document(data: bytes, name: str, folder: Path | None = None) -> Document:
    """data: the bytes of a .glb or .gltf file that messages call `name`; further files are looked
    for below `folder`.

    Raises MotionFileError.
    """
    if not data.strip():
        raise MotionFileError(f"{name} is empty, expected a glTF file")
    binary = data[:4] == MAGIC
    warnings: tuple[str, ...] = ()
    text, chunk, further = data, None, b""
    if binary:
        text, chunk, further, warnings = _chunks(data, name)
    root = Part(name, "", _parse_json(text, name))
    asset = root.part("asset")
    for key in ("version", "minVersion"):
        version = asset.text(key, "2.0" if key == "minVersion" else None)
        if not version.startswith("2.") or (key == "minVersion" and version != "2.0"):
            asset.refuse(key, "version 2.0 of glTF; convert the file to it")
    buffers: list[bytes | None] = []
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
                    f"{name}: its buffers have more than the limit of {MAX_FILE_BYTES} bytes"
                )
        buffers.append(content)
    return Document(root, tuple(buffers), data, binary, further, folder, warnings)


def _chunks(data: bytes, name: str) -> tuple[bytes, bytes | None, bytes, tuple[str, ...]]:
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
    found: list[tuple[bytes, bytes]] = []
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
        found.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not found or found[0][0] != JSON_CHUNK:
        raise MotionFileError(
            f"{name}: found no JSON chunk at byte 12, expected one; the file is damaged"
        )
    has_binary = len(found) > 1 and found[1][0] == BIN_CHUNK
    first_further = 2 if has_binary else 1
    further = data[starts[first_further] : length] if len(found) > first_further else b""
    return found[0][1], found[1][1] if has_binary else None, further, warnings


def _parse_json(text: bytes, name: str) -> dict[str, Any]:
    def constant(word: str) -> NoReturn:
        raise MotionFileError(f"{name}: found {word} in its JSON, expected numbers")

    if len(text) > MAX_JSON_BYTES:
        raise MotionFileError(
            f"{name} has {len(text)} bytes of JSON, more than the limit of {MAX_JSON_BYTES}"
        )
    try:
        tree = json.loads(text.decode("utf-8-sig"), parse_constant=constant)
    except UnicodeDecodeError as error:
        raise MotionFileError(
            f"{name} is not a glTF file: its byte {error.start} is no UTF-8 text"
        ) from error
    except json.JSONDecodeError as error:
        raise MotionFileError(
            f"{name}, line {error.lineno}, column {error.colno}: found no sound JSON "
            f"({error.msg}), expected a glTF file"
        ) from error
    except (RecursionError, ValueError) as error:
        raise MotionFileError(
            f"{name}: its JSON is nested too deeply or has numbers of too many digits"
        ) from error
    if not isinstance(tree, dict):
        raise MotionFileError(f"{name}: found JSON that is no object, expected a glTF file")
    return tree


def _load(buffer: Part, folder: Path | None) -> bytes | None:
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
        except ValueError as error:  # of characters that are not ASCII it is not binascii's own
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
    """The path that a URI names at or below `folder`; None for all others: a file must not reach
    for others of its reader's.
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
