"""Files with several animations, as exporters write them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gltf_clips import BLENDER, CENTIMETRES
from kinestyle.formats.fbx import format_fbx
from kinestyle.formats.fbx.curves import property_record
from kinestyle.formats.fbx.records import Document, parse, record
from kinestyle.motion.clip import Clip
from made_gltf import Made, character


def several() -> Made:
    """A character with a walk, a calmer walk, a blink and a long animation without movement."""
    made = character(CENTIMETRES, armature=BLENDER)
    walks = made.tree["animations"][0]
    calm, held = [], []
    for sampler in walks["samplers"]:
        keys = accessor_rows(made, sampler["input"])
        rows = accessor_rows(made, sampler["output"])
        first = np.repeat(rows[:1], len(rows), axis=0)
        calm.append({**sampler, "output": made.array(first + 0.2 * (rows - first))})
        held.append({**sampler, "output": made.array(first), "input": made.array(9.0 * keys)})
    for name, samplers in (("Calm", calm), ("Hold", held)):
        made.put("animations", {**walks, "name": name, "samplers": samplers})
    return made


def accessor_rows(made: Made, number: int) -> np.ndarray:
    """The numbers of an accessor of 32-bit floats."""
    accessor = made.tree["accessors"][number]
    view = made.tree["bufferViews"][accessor["bufferView"]]
    size = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
    start = view["byteOffset"]
    rows = np.frombuffer(bytes(made.blob[start : start + view["byteLength"]]), "<f4")
    return rows.reshape(-1, size)


def as_mixamo_writes_it(clip: Clip, active: str | None = "mixamo.com") -> Document:
    """An FBX file with a longer animation without curves in front of the clip's."""
    document = parse(format_fbx(replace(clip, name="mixamo.com"), "made.fbx")[0], "made.fbx")
    span = [
        property_record(name, "KTime", "Time", "", np.int64(ticks))
        for name, ticks in (("LocalStart", 0), ("LocalStop", 3 * 46_186_158_000))
    ]
    objects, links = document.find("Objects").children, document.find("Connections").children
    objects.insert(
        0,
        record(
            "AnimationStack",
            np.int64(90),
            "Take 001\x00\x01AnimStack",
            "",
            children=[record("Properties70", children=span)],
        ),
    )
    objects.insert(
        1, record("AnimationLayer", np.int64(91), "Base\x00\x01AnimLayer", "", children=[])
    )
    links.append(record("C", "OO", np.int64(91), np.int64(90)))
    if active != "mixamo.com":
        document.records = [item for item in document.records if item.name != "Takes"]
        inner = document.find("Documents").find("Document")
        assert inner is not None
        inner.children = [item for item in inner.children if item.name != "Properties70"]
        if active is not None:
            document.records.append(record("Takes", children=[record("Current", active)]))
    return document
