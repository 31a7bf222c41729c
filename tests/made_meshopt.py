"""glTF files whose numbers are compressed with meshopt, made without our reader."""

from __future__ import annotations

import copy
import json
import struct
from typing import Any

import numpy as np

from made_gltf import Made

EXTENSION = "EXT_meshopt_compression"


def encoded(rows: np.ndarray) -> bytes:
    """rows: (N, stride) uint8 -> as the specification's encoder stores attributes."""
    count, stride = rows.shape
    block = min((8192 // stride) & ~15, 256)
    out = bytearray([0xA0])
    before = rows[0].copy()
    for start in range(0, count, block):
        part = rows[start : start + block]
        steps = np.diff(np.concatenate([before[None], part]), axis=0).astype(np.int8)
        zigzag = ((steps << 1) ^ (steps >> 7)).astype(np.uint8)
        padded = np.zeros((-len(part) % 16 + len(part), stride), np.uint8)
        padded[: len(part)] = zigzag
        for k in range(stride):
            groups = padded[:, k].reshape(-1, 16)
            kinds, bodies = zip(*map(smallest, groups), strict=True)
            header = bytearray((len(groups) + 3) // 4)
            for i, kind in enumerate(kinds):
                header[i // 4] |= kind << 2 * (i % 4)
            out += header + b"".join(bodies)
        before = part[-1]
    tail = max(stride, 32)
    return bytes(out) + bytes(tail - stride) + rows[0].tobytes()


def smallest(group: np.ndarray) -> tuple[int, bytes]:
    """The kind of a group of 16 numbers and its bytes: 0, 2, 4 or 8 bits a number."""
    if not group.any():
        return 0, b""
    found = [(3, group.tobytes())]
    for kind, bits in ((1, 2), (2, 4)):
        full = 2**bits - 1
        small = np.minimum(group, full)
        each = 8 // bits
        packed = [
            sum(int(v) << bits * (each - 1 - i) for i, v in enumerate(part))
            for part in small.reshape(-1, each)
        ]
        found.append((kind, bytes(packed) + group[group >= full].tobytes()))
    return min(found, key=lambda one: len(one[1]))


def compressed(made: Made) -> bytes:
    """The file with the numbers of its animations compressed, as gltf-transform writes it: in
    views of a second buffer that holds nothing.
    """
    tree, blob = copy.deepcopy(made.tree), bytearray(made.blob)
    used = {
        sampler[key]
        for animation in tree["animations"]
        for sampler in animation["samplers"]
        for key in ("input", "output")
    }
    at = 0
    for number in sorted(used):
        accessor = tree["accessors"][number]
        view = tree["bufferViews"][accessor["bufferView"]]
        size = 4 * {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        data = bytes(made.blob[view["byteOffset"] :][: view["byteLength"]])
        rows = np.frombuffer(data, np.uint8).reshape(-1, size)
        packed = encoded(rows)
        blob += bytes(-len(blob) % 4)
        view["extensions"] = {
            EXTENSION: {
                "buffer": 0,
                "byteOffset": len(blob),
                "byteLength": len(packed),
                "byteStride": size,
                "count": len(rows),
                "mode": "ATTRIBUTES",
            }
        }
        blob += packed
        view |= {"buffer": 1, "byteOffset": at}
        at += len(data)
    tree["extensionsUsed"] = tree["extensionsRequired"] = [EXTENSION]
    fallback = {"byteLength": at, "extensions": {EXTENSION: {"fallback": True}}}
    tree["buffers"] = [{"byteLength": len(blob)}, fallback]
    return as_glb(tree, bytes(blob))


def as_glb(tree: dict[str, Any], blob: bytes) -> bytes:
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    blob += bytes(-len(blob) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    body += struct.pack("<I4s", len(blob), b"BIN\0") + blob
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body
