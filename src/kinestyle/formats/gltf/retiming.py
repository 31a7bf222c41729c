"""Curves of a glTF file at other times: what moves beside a rig whose clip was sampled again."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinestyle.formats.gltf.accessors import Packer, read_accessor
from kinestyle.formats.gltf.container import Container
from kinestyle.formats.gltf.source import GltfSource


class Retiming:
    """Moves the keys of samplers to where the frames of their clip went."""

    def __init__(self, source: GltfSource, container: Container, packer: Packer) -> None:
        self.source, self.container, self.packer = source, container, packer
        self._inputs: dict[int, int] = {}

    def sampler(self, sampler: dict[str, Any]) -> dict[str, Any]:
        """The sampler with its keys at the times of the clip; its values stay."""
        old = sampler["input"]
        before = read_accessor(self.source.document, old, "SCALAR")[:, 0].astype(float)
        after = self.source.times_after(before)
        if old not in self._inputs:
            self._inputs[old] = self.packer.add(after.astype("<f4"), "SCALAR", limits=True)
        changed = {**sampler, "input": self._inputs[old]}
        if sampler.get("interpolation") == "CUBICSPLINE" and len(before) > 1:
            changed["output"] = self._tangents(sampler["output"], before, after)
        return changed

    def _tangents(self, number: int, before: np.ndarray, after: np.ndarray) -> int:
        """The values of a spline whose keys went from `before` to `after`, both (N,) seconds:
        tangents are changes a second.
        """
        kind = self.container.accessors[number]["type"]
        rows = read_accessor(self.source.document, number, kind).astype(float)
        keys = len(before)
        parts = rows.reshape(keys, 3, -1, rows.shape[-1])  # tangent in, value, tangent out
        rate = np.diff(before) / np.maximum(np.diff(after), 1e-9)
        parts[1:, 0] *= rate[:, None, None]
        parts[:-1, 2] *= rate[:, None, None]
        return self.packer.add(parts.reshape(rows.shape).astype("<f4"), kind)
