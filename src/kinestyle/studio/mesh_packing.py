"""A character's mesh as the bytes that the page draws, once for all motions of a clip."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from kinestyle.formats.character_mesh import CharacterMesh, Material, MeshPart
from kinestyle.motion.rotation import Array

_MOST = 32767
_WHOLE = 65535


def pack_mesh(mesh: CharacterMesh) -> bytes:
    """The bytes described in docs/STUDIO.md."""
    parts = sorted(mesh.parts, key=lambda part: part.material)
    starts = np.cumsum([0, *(len(part.position) for part in parts)])
    colours = any(part.colour is not None for part in parts)
    triangle = np.concatenate(
        [part.triangle + start for part, start in zip(parts, starts[:-1], strict=True)]
    )
    head = {
        "vertex_count": int(starts[-1]),
        "triangle_count": len(triangle),
        "bind_count": len(mesh.bind),
        "bind_joints": mesh.bind_joint.tolist(),
        "has_colours": colours,
        "runs": _runs(parts),
        "materials": [_described(material) for material in mesh.materials],
        "images": [{"type": kind, "bytes": len(data)} for kind, data in mesh.images],
        "notes": list(mesh.notes),
    }
    text = json.dumps(head).encode()
    arrays = [
        mesh.bind.astype("<f4"),
        np.concatenate([part.position for part in parts]).astype("<f4"),
        np.concatenate([part.uv for part in parts]).astype("<f4"),
        _padded(np.concatenate([part.normal for part in parts])),
        np.concatenate([part.bind for part in parts]).astype("<u2"),
        _whole(np.concatenate([part.weight for part in parts])),
        *([np.concatenate([_colours(part) for part in parts])] if colours else []),
        triangle.astype("<u4"),
    ]
    pieces = [text, *(array.tobytes() for array in arrays), *(data for _, data in mesh.images)]
    aligned = [
        piece + (b" " if i == 0 else b"\0") * (-len(piece) % 4) for i, piece in enumerate(pieces)
    ]
    return struct.pack("<I", len(aligned[0])) + b"".join(aligned)


def _runs(parts: list[MeshPart]) -> list[dict[str, int]]:
    """Triangles of one material, one behind the other. parts: those of a material together"""
    runs: list[dict[str, int]] = []
    at = 0
    for part in parts:
        if runs and runs[-1]["material"] == part.material:
            runs[-1]["count"] += len(part.triangle)
        else:
            runs.append({"first": at, "count": len(part.triangle), "material": part.material})
        at += len(part.triangle)
    return runs


def _described(material: Material) -> dict[str, Any]:
    return {
        "colour": [round(value, 4) for value in material.colour],
        "image": material.image,
        "wrap": list(material.wrap),
        "alpha": material.alpha,
        "cutoff": material.cutoff,
        "emission": [round(value, 4) for value in material.emission],
        "double_sided": material.is_double_sided,
        "unlit": material.is_unlit,
    }


def _padded(normal: Array) -> np.ndarray:
    """(V, 3) unit vectors -> (V, 4) int16, the last 0."""
    rows = np.zeros((len(normal), 4), "<i2")
    rows[:, :3] = np.rint(normal * _MOST)
    return rows


def _whole(weight: Array) -> np.ndarray:
    """(V, 4), each row 1 in sum -> uint16, each row 65535 in sum."""
    rows = np.floor(weight * _WHOLE).astype(np.int64)
    rows[np.arange(len(rows)), weight.argmax(axis=1)] += _WHOLE - rows.sum(axis=1)
    return rows.astype("<u2")


def _colours(part: MeshPart) -> np.ndarray:
    """(V, 4) uint8."""
    if part.colour is None:
        return np.full((len(part.position), 4), 255, np.uint8)
    return np.rint(part.colour * 255).astype(np.uint8)
