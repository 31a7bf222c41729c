"""Refusing ONNX graphs that take their weights from other files.

A graph may name any file for a weight, and onnxruntime looks for it beside the graph; of a graph
that comes as bytes, in the folder that the process happens to run in. Nothing of ours does so. What
follows is the part of ONNX's message types that leads to tensors, read without the onnx package.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinestyle.errors import BundleError

MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {},
}
"""Message -> number of a field -> the message in it, for all ways from a model to a tensor."""

EXTERNAL_DATA, DATA_LOCATION = 13, 14
"""Fields of a tensor: where its data is, and, if that is not 0, that it is there."""

_SIZES = {0: 0, 1: 8, 2: 0, 5: 4}
"""Bytes of a field by its kind; 0 for a number and for bytes, which say how long they are. Nobody
writes the other kinds.
"""

MAX_FIELDS = 2**17
"""Of one graph; those of Kinestyle have a few thousand."""


def refuse_external_data(graph: bytes, name: str) -> None:
    """Raises BundleError for an ONNX file with a tensor whose data is elsewhere, or that is no ONNX
    file. name: what messages call it.
    """
    fields = 0
    waiting = [("ModelProto", 0, len(graph))]
    while waiting:
        message, at, end = waiting.pop()
        inner = MESSAGES[message]
        while at < end:
            fields += 1
            key, at = _varint(graph, at, end, name)
            number, kind = key >> 3, key & 7
            value, size = 0, _SIZES.get(kind, end)
            if kind == 2:
                size, at = _varint(graph, at, end, name)
            elif kind == 0:
                value, at = _varint(graph, at, end, name)
            # of larger keys some readers take the lower bits
            if at + size > end or fields > MAX_FIELDS or not number or key >= 2**32:
                raise _no_graph(name)
            if message == "TensorProto" and (
                number == EXTERNAL_DATA or (number == DATA_LOCATION and (kind, value) != (0, 0))
            ):
                raise BundleError(
                    f"the graph {name} takes weights from another file, which is never read; "
                    f"export it with its weights inside"
                )
            if number in inner and kind == 2:
                waiting.append((inner[number], at, at + size))
            at += size


def fields_of(message: bytes, number: int, name: str) -> Iterator[tuple[int, bytes]]:
    """The fields of one number in a message: a number, or bytes, and the other empty. Raises
    BundleError.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at, end, name)
        kind, value, size = key & 7, 0, _SIZES.get(key & 7, end)
        if kind == 2:
            size, at = _varint(message, at, end, name)
        elif kind == 0:
            value, at = _varint(message, at, end, name)
        if at + size > end:
            raise _no_graph(name)
        if key >> 3 == number and kind in (0, 2):
            yield value, message[at : at + size]
        at += size


def _varint(data: bytes, at: int, end: int, name: str) -> tuple[int, int]:
    """A number of 7 bits in each byte, the lowest first, and where it ends. Raises BundleError."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        if byte < 0x80:
            return value | byte << shift, at
        value |= (byte & 0x7F) << shift
        shift += 7
    raise _no_graph(name)


def _no_graph(name: str) -> BundleError:
    return BundleError(f"the graph {name} is no sound ONNX file; copy or export it again")
