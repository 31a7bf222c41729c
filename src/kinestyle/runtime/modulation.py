"""What a refined style changes of the generator: how each of its layers is modulated.

The generator scales and shifts what each layer makes by numbers that are linear in the style code.
A style that was refined (`kinestyle.learn.refining`) adds numbers of its own to them: for one style
that is all that any change of the modulation's weights comes to. They are added to the biases of
the modulation, which onnxruntime takes beside the graph, so that the graph itself stays as it is,
and a style costs its few kilobytes until it is used. Of several styles the numbers are mixed as
their codes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from kinestyle.errors import StyleError
from kinestyle.motion.rotation import Array
from kinestyle.runtime.external_data import fields_of

BIAS = ".modulation.bias"
"""How the names of these biases end; `learn.export` adds `_half` to those it halves."""

_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 10: np.dtype("<f2")}
"""Of the numbers of a tensor: FLOAT and FLOAT16 of ONNX."""


class ModulatedCode(np.ndarray):
    """(K,) a style code, with what it adds to the generator's modulation. What is computed from one
    has the numbers only.

    modulation: (M,) one number for each of the modulation's biases, layer by layer; None: nothing
    """

    modulation: Array | None

    def __array_finalize__(self, obj: Any) -> None:
        self.modulation = None


def modulation_biases(graph: bytes, name: str) -> dict[str, np.ndarray]:
    """The biases of the modulation in a generator's ONNX file, by their names, layer by layer.
    Raises BundleError for what is no ONNX file. name: what messages call it.
    """
    found = {}
    for _, model in fields_of(graph, 7, name):
        for _, tensor in fields_of(model, 5, name):
            called = _last(tensor, 8, name).decode(errors="replace")
            if not called.removesuffix("_half").endswith(BIAS):
                continue
            kind = next((number for number, _ in fields_of(tensor, 2, name)), 0)
            sizes = [size for size, _ in fields_of(tensor, 1, name)]
            raw = _last(tensor, 9, name)
            if kind in _TYPES and prod(sizes) * _TYPES[kind].itemsize == len(raw):
                found[called] = np.frombuffer(raw, _TYPES[kind])
    return dict(sorted(found.items()))


def _last(message: bytes, number: int, name: str) -> bytes:
    found = [value for _, value in fields_of(message, number, name)]
    return found[-1] if found else b""


def modulated(biases: Mapping[str, np.ndarray], modulation: Array) -> dict[str, np.ndarray]:
    """The biases with (M,) `modulation` added. Raises StyleError where there are not M of them."""
    count = sum(map(len, biases.values()))
    if len(modulation) != count:
        raise StyleError(
            f"a style changes {len(modulation)} numbers of the generator's modulation, this "
            f"bundle's has {count}; learn the style again with this bundle"
        )
    ends = np.cumsum([len(bias) for bias in biases.values()])[:-1]
    return {
        name: (bias + more).astype(bias.dtype)
        for (name, bias), more in zip(biases.items(), np.split(modulation, ends), strict=True)
    }
