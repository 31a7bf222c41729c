"""Animation in FBX: one curve a channel, Euler angles in degrees, keys in ticks."""

from __future__ import annotations

import numpy as np

from kinestyle.formats.euler_curves import euler_curves
from kinestyle.formats.fbx.records import Record, Value, record
from kinestyle.motion.rotation import Array

_LINEAR = 4
"""The flag of a key from which the curve is straight to the next."""


def unbroken_degrees(q: Array, order: str, start: Array | None = None) -> Array:
    """q: (T, G, 4), order: axes, the outermost first -> (T, G, 3) degrees about X, Y and Z without
    jumps in time.

    start: (G, 3) degrees about X, Y and Z to begin near
    """
    columns = ["XYZ".index(axis) for axis in order]
    near = np.zeros((q.shape[1], 3)) if start is None else np.radians(start[:, columns])
    angles = euler_curves(
        q, order, np.zeros(q.shape[:2], dtype=bool), np.zeros((*q.shape[:2], 3)), near
    )
    degrees = np.empty_like(angles)
    degrees[..., columns] = np.degrees(angles)
    return degrees


def object_name(name: str, kind: str) -> str:
    """How the binary format writes the name of an object of a kind."""
    return f"{name}\x00\x01{kind}"


def curve_record(identity: int, ticks: np.ndarray, values: Array) -> Record:
    """An AnimationCurve of T keys with straight lines between them; values: (T,) degrees or file
    units.
    """
    return record(
        "AnimationCurve",
        np.int64(identity),
        object_name("", "AnimCurve"),
        "",
        children=[
            record("Default", float(values[0])),
            record("KeyVer", 4008),
            *key_records(ticks, values),
        ],
    )


def key_records(ticks: np.ndarray, values: Array) -> list[Record]:
    """The records of a curve that hold its keys."""
    return [
        record("KeyTime", ticks.astype(np.int64)),
        record("KeyValueFloat", values.astype(np.float32)),
        record("KeyAttrFlags", np.array([_LINEAR], dtype=np.int32)),
        record("KeyAttrDataFloat", np.zeros(4, dtype=np.float32)),
        record("KeyAttrRefCount", np.array([len(ticks)], dtype=np.int32)),
    ]


def curve_node_record(identity: int, short: str, first: Array) -> Record:
    """An AnimationCurveNode of three channels; short: "T" or "R", first: (3,) values where a
    channel has no curve.
    """
    channels = [
        property_record(f"d|{axis}", "Number", "", "A", float(value))
        for axis, value in zip("XYZ", first, strict=True)
    ]
    return record(
        "AnimationCurveNode",
        np.int64(identity),
        object_name(short, "AnimCurveNode"),
        "",
        children=[record("Properties70", children=channels)],
    )


def property_record(name: str, kind: str, label: str, flags: str, *values: Value) -> Record:
    """One entry of a Properties70 record."""
    return record("P", name, kind, label, flags, *values)
