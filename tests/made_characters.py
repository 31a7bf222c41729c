"""Files that show a character, made here: small ones of a few triangles, for what can be wrong with
a mesh, and a walk with a skinned body that does not say that Kinestyle made it.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from kinestyle.formats.fbx import format_fbx
from kinestyle.formats.fbx.records import encode, parse, serialize
from kinestyle.formats.gltf import format_gltf
from kinestyle.formats.gltf.accessors import Packer
from kinestyle.motion.clip import Clip

FLOATS, SHORTS, WHOLE = "<f4", "<u2", "<u4"
GREEN, RED = (20, 180, 60), (200, 40, 30)


def png(rows: list[list[tuple[int, int, int]]], size: tuple[int, int] | None = None) -> bytes:
    """An image of rows of pixels. size: what its head states instead of the truth"""
    width, height = size or (len(rows[0]), len(rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        code = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", code)

    lines = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64," + base64.b64encode(data).decode("ascii")


def glb(fields: dict[str, Any], blob: bytes) -> bytes:
    """A .glb of its JSON and its buffer."""
    text = json.dumps(fields).encode()
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(blob), b"BIN\0") + blob
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def opened(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the buffer of a .glb."""
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def small(change: Callable[[dict[str, Any], Packer], None] | None = None) -> bytes:
    """A square of two triangles between two joints one above the other, each corner carried by one
    of them, both bound at rest. change: may alter the JSON, and add arrays
    """
    accessors: list[dict[str, Any]] = []
    views: list[dict[str, Any]] = []
    packer = Packer(accessors, views, bytearray())
    corner = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0]], FLOATS)
    attributes = {
        "POSITION": packer.add(corner, "VEC3", limits=True),
        "JOINTS_0": packer.add(np.array([[0, 0, 0, 0]] * 2 + [[1, 0, 0, 0]] * 2, SHORTS), "VEC4"),
        "WEIGHTS_0": packer.add(np.array([[1, 0, 0, 0]] * 4, FLOATS), "VEC4"),
    }
    inverse = np.tile(np.eye(4, dtype=FLOATS), (2, 1, 1))
    inverse[1, 3, 1] = -2.0  # column by column
    fields: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "nodes": [
            {"name": "low", "children": [1]},
            {"name": "high", "translation": [0, 2, 0]},
            {"name": "square", "mesh": 0, "skin": 0},
        ],
        "skins": [
            {"joints": [0, 1], "inverseBindMatrices": packer.add(inverse.reshape(2, 16), "MAT4")}
        ],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": attributes,
                        "indices": packer.add(np.array([0, 1, 2, 0, 2, 3], SHORTS), "SCALAR"),
                    }
                ]
            }
        ],
        "accessors": accessors,
        "bufferViews": views,
    }
    if change is not None:
        change(fields, packer)
    blob = bytes(packer.blob)
    return glb({**fields, "buffers": [{"byteLength": len(blob)}]}, blob)


def character_glb(clip: Clip) -> bytes:
    """The clip with its plain body as a character of another program, green with a red lower half
    of its image.
    """
    data, _ = format_gltf(clip, "made.glb")
    fields, blob = opened(data)
    fields["asset"]["generator"] = "another program"
    fields["images"] = [{"uri": uri(png([[GREEN] * 2, [RED] * 2]))}]
    fields["textures"] = [{"source": 0}]
    fields["materials"] = [
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}, "doubleSided": True}
    ]
    packer = Packer(fields["accessors"], fields["bufferViews"], bytearray(blob))
    for primitive in fields["meshes"][0]["primitives"]:
        count = fields["accessors"][primitive["attributes"]["POSITION"]]["count"]
        uv = np.tile(np.array([0.5, 0.25], FLOATS), (count, 1))
        primitive["attributes"]["TEXCOORD_0"] = packer.add(uv, "VEC2")
        primitive["material"] = 0
    blob = bytes(packer.blob)
    fields["buffers"][0]["byteLength"] = len(blob)
    return glb(fields, blob)


def character_fbx(clip: Clip) -> bytes:
    """The clip with its plain body as a character of another program."""
    data, _ = format_fbx(clip, "made.fbx")
    document = parse(data, "made.fbx")
    head = document.find("FBXHeaderExtension").find("Creator")
    for record in (head, document.find("Creator")):
        assert record is not None
        record.values = encode("another program")
    return serialize(document)
