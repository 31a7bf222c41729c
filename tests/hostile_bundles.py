"""Bundles that somebody damaged, or made to do harm, from one that is sound. Each is a name and a
function from the sound bundle's members to a file's content.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

Members = dict[str, bytes]


def packed(members: Members, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def with_manifest(**changes: Any) -> Callable[[Members], bytes]:
    """Other fields of the manifest; a field that is `...` is left out."""

    def make(members: Members) -> bytes:
        manifest = json.loads(members["manifest.json"]) | changes
        kept = {key: value for key, value in manifest.items() if value is not ...}
        return packed(members | {"manifest.json": json.dumps(kept).encode()})

    return make


def with_style(**changes: Any) -> Callable[[Members], bytes]:
    """Other fields of the first style."""

    def make(members: Members) -> bytes:
        first, *others = json.loads(members["manifest.json"])["styles"]
        kept = {key: value for key, value in (first | changes).items() if value is not ...}
        return with_manifest(styles=[kept, *others])(members)

    return make


def with_graphs(change: Callable[[Members], Members]) -> Callable[[Members], bytes]:
    """Other graphs, with their hashes put right."""

    def make(members: Members) -> bytes:
        changed = members | change(members)
        hashes = {
            name.removesuffix(".onnx"): hashlib.sha256(graph).hexdigest()
            for name, graph in changed.items()
            if name.endswith(".onnx")
        }
        return with_manifest(sha256=hashes)(changed)

    return make


def with_text(text: bytes) -> Callable[[Members], bytes]:
    return lambda members: packed(members | {"manifest.json": text})


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def message(number: int, content: bytes) -> bytes:
    """A field of protobuf that holds bytes, text or another message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


ELSEWHERE = message(1, b"\x08\x04") + message(
    13, message(1, b"location") + message(2, b"etc/passwd")
)
"""Fields of a tensor whose data is in a file."""


def in_graph(graph_field: int, content: bytes) -> Callable[[Members], Members]:
    """The generator with one more field in its graph."""
    return lambda members: {
        "generator.onnx": members["generator.onnx"] + message(7, message(graph_field, content))
    }


def swapped(members: Members) -> Members:
    return {
        "generator.onnx": members["motion_decoder.onnx"],
        "motion_decoder.onnx": members["generator.onnx"],
    }


def exchanged(name: str, other: str) -> Callable[[Members], Members]:
    return lambda members: {f"{name}.onnx": members[f"{other}.onnx"]}


def tagged(members: Members, packing: int) -> bytes:
    """A bundle whose manifest says that it is packed in another way."""
    content = bytearray(packed(members))
    at = content.index(b"PK\1\2")
    struct.pack_into("<H", content, at + 10, packing)
    return bytes(content)


def bomb(name: str, megabytes: int) -> Callable[[Members], bytes]:
    """A member of many megabytes of spaces, in a file of a few kilobytes."""

    def make(members: Members) -> bytes:
        content = io.BytesIO(packed({n: m for n, m in members.items() if n != name}))
        with (
            zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open(name, "w", force_zip64=True) as file,
        ):
            for _ in range(megabytes):
                file.write(b" " * 2**20)
        return content.getvalue()

    return make


def lying_bomb(members: Members) -> bytes:
    """A manifest that unpacks to many megabytes, and says that it has a hundred bytes."""
    content = bytearray(bomb("manifest.json", 256)(members))
    for mark, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = content.rindex(mark, 0, content.rindex(b"manifest.json") + 1)
        struct.pack_into("<I", content, at + offset, 100)
    return bytes(content)


NOT_A_NUMBER: tuple[Any, ...] = (float("nan"), float("inf"), 1e300, 10**400, "1", None, True, [1.0])

MANIFESTS: dict[str, Callable[[Members], bytes]] = {
    "no text": with_text(b"\xff\xfe\x00"),
    "empty": with_text(b""),
    "a list": with_text(b"[]"),
    "deep": with_text(b"[" * 100_000),
    "deep in a field": with_text(b'{"format": ' + b"[" * 900 + b"]" * 900 + b"}"),
    "a number of many digits": with_text(b'{"format": ' + b"1" * 5000 + b"}"),
    "format true": with_manifest(format=True),
    "format as text": with_manifest(format="1"),
    "format of a megabyte": with_manifest(format="x" * 2**20),
    "other joints": with_manifest(joints=["hips"]),
    "no joints": with_manifest(joints=...),
    "other layout": with_manifest(layout=[["root_yaw_velocity", 1]]),
    "other rate": with_manifest(frame_rate=60),
    "no hashes": with_manifest(sha256=...),
    "hashes null": with_manifest(sha256=None),
    "hashes a list": with_manifest(sha256=[]),
    "hashes missing": with_manifest(sha256={}),
    "hashes no hashes": with_manifest(sha256={"generator": "abc"}),
    "no styles": with_manifest(styles=...),
    "styles null": with_manifest(styles=None),
    "styles as text": with_manifest(styles="abc"),
    "styles numbers": with_manifest(styles=[1, 2]),
    "styles empty objects": with_manifest(styles=[{}]),
    "prior": with_manifest(prior="cauchy"),
    "prior a list": with_manifest(prior=[1]),
    "label numbers negative": with_manifest(label_numbers=-1),
    "label numbers too many": with_manifest(label_numbers=7),
    "label numbers null": with_manifest(label_numbers=None),
    "tempo a number": with_manifest(tempo=0.5),
    "tempo of none": with_manifest(tempo={}),
    "tempo empty": with_manifest(tempo={"standing": [], "walking": []}),
    "tempo short": with_manifest(tempo={"standing": [0.1], "walking": [0.1]}),
    "tempo of standing only": with_manifest(tempo={"standing": [0.1] * 6}),
    "tempo not numbers": with_manifest(tempo={"standing": ["fast"] * 6, "walking": [0.1] * 6}),
    "tempo without bounds": with_manifest(tempo={"standing": [0.1] * 6, "walking": [1e300] * 6}),
    "name a number": with_manifest(name=5),
    "licence of two lines": with_manifest(licence="free\nto use"),
    "licence a list": with_manifest(licence=["free"]),
    "attribution with an escape": with_manifest(attribution="\x1b[31mred"),
    "training null": with_manifest(training=None),
    "recipe a list": with_manifest(training={"recipe": []}),
    "left out numbers": with_manifest(training={"recipe": {"left_out": [1]}}),
    "commit a number": with_manifest(training={"commit": 1}),
    "validation a list": with_manifest(training={"validation": []}),
    "score as text": with_manifest(training={"validation": {"autoencoder": {"score": "x"}}}),
    "score negative": with_manifest(training={"validation": {"autoencoder": {"score": -1}}}),
    "style without a name": with_style(name=...),
    "style name empty": with_style(name=""),
    "style name a number": with_style(name=5),
    "style name of two lines": with_style(name="set/old\n\x1b[31mred"),
    "style name half a character": with_style(name="set/\ud800"),
    "style name of a megabyte": with_style(name="x" * 2**20),
    "two styles of one name": with_style(name="one/proud"),
    "seconds as text": with_style(seconds="x"),
    "seconds missing": with_style(seconds=...),
    "mean short": with_style(mean=[0.0]),
    "mean empty": with_style(mean=[]),
    "mean as text": with_style(mean="abc"),
    "mean an object": with_style(mean={"0": 1.0}),
    "deviation short": with_style(deviation=[0.5]),
    "deviation negative": with_style(deviation=[-0.5] * 6),
    "deviation missing": with_style(deviation=...),
    **{f"mean of {value!r:.9}": with_style(mean=[value] * 6) for value in NOT_A_NUMBER},
    **{f"seconds {value!r:.9}": with_style(seconds=value) for value in NOT_A_NUMBER},
}
"""Refused when the bundle is opened."""

ARCHIVES: dict[str, Callable[[Members], bytes]] = {
    "no zip": lambda members: b"not a bundle",
    "empty": lambda members: b"",
    "a zip of nothing": lambda members: packed({}),
    "cut off": lambda members: packed(members)[:-100],
    "no manifest": lambda members: packed({"generator.onnx": members["generator.onnx"]}),
    "manifest packed with lzma": lambda members: packed(members, zipfile.ZIP_LZMA),
    "manifest packed with bzip2": lambda members: packed(members, zipfile.ZIP_BZIP2),
    "manifest packed in an unknown way": lambda members: tagged(members, 77),
    "manifest of 256 megabytes": bomb("manifest.json", 256),
    "manifest of 256 megabytes that says a hundred bytes": lying_bomb,
}
"""Refused when the bundle is opened, before anything of them is unpacked beyond its limit."""

GRAPHS: dict[str, Callable[[Members], bytes]] = {
    "no graph": with_graphs(lambda members: {"generator.onnx": b"no graph"}),
    "empty graph": with_graphs(lambda members: {"generator.onnx": b""}),
    "half a graph": with_graphs(
        lambda members: {"generator.onnx": members["generator.onnx"][:1000]}
    ),
    "graph with another hash": lambda members: packed(members | {"generator.onnx": b"x"}),
    "graph missing": lambda members: packed(
        {name: member for name, member in members.items() if name != "generator.onnx"}
    ),
    "graph of 256 megabytes": bomb("generator.onnx", 256),
    "graphs swapped": with_graphs(swapped),
    "generator that decodes": with_graphs(exchanged("generator", "motion_decoder")),
    "encoder of content that encodes style": with_graphs(
        exchanged("content_encoder", "style_encoder")
    ),
    "decoder that is an encoder": with_graphs(exchanged("motion_decoder", "content_encoder")),
    "weight elsewhere": with_graphs(in_graph(5, ELSEWHERE)),
    "sparse weight elsewhere": with_graphs(in_graph(15, message(1, ELSEWHERE))),
    "constant elsewhere": with_graphs(in_graph(1, message(5, message(5, ELSEWHERE)))),
    "constants elsewhere": with_graphs(in_graph(1, message(5, message(10, ELSEWHERE)))),
    "weight of an inner graph elsewhere": with_graphs(
        in_graph(1, message(5, message(6, message(5, ELSEWHERE))))
    ),
    "weight of a function elsewhere": with_graphs(
        lambda members: {
            "generator.onnx": members["generator.onnx"]
            + message(25, message(7, message(5, message(5, ELSEWHERE))))
        }
    ),
    "weight said to be elsewhere": with_graphs(in_graph(5, b"\x70\x01")),
    "styles of another size than the graphs": with_manifest(
        styles=[
            {"name": name, "seconds": 1.0, "mean": [0.0] * 5, "deviation": [1.0] * 5}
            for name in ("one/proud", "two/calm")
        ],
        tempo=...,
    ),
}
"""Refused when the clip is restyled: graphs are loaded when they are needed."""
