"""Curves of a glTF file at other times: what moves beside a rig whose clip was sampled again."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinestyle.formats.gltf.accessors import Packer, read_accessor
from kinestyle.formats.gltf.container import Container
from kinestyle.formats.gltf.keys import SAME_FRAME, FrameGrid, sample
from kinestyle.formats.gltf.source import GltfSource
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip


class Retiming:
    """Moves the keys of samplers to where the frames of their clip went. What lies before the
    clip's first frame, or behind its last, is cut off: glTF has no times below zero.
    """

    def __init__(
        self, clip: Clip, source: GltfSource, container: Container, packer: Packer
    ) -> None:
        self.source, self.container, self.packer = source, container, packer
        self.grid = FrameGrid(source.grid.start_seconds, clip.frame_time_seconds, clip.frame_count)
        self._inputs: dict[int, int] = {}

    def sampler(self, sampler: dict[str, Any]) -> dict[str, Any]:
        """The sampler with its keys at the times of the clip; its values stay."""
        old = sampler["input"]
        before = read_accessor(self.source.document, old, "SCALAR")[:, 0].astype(float)
        after = self.source.times_after(before, self.grid.frame_time_seconds)
        ends = self.grid.times()[[0, -1]]
        slack = SAME_FRAME * self.grid.frame_time_seconds
        if after[0] < ends[0] - slack or after[-1] > ends[1] + slack:
            return self._cut(sampler, before, after)
        if old not in self._inputs:
            self._inputs[old] = self.packer.add(after.astype("<f4"), "SCALAR", limits=True)
        changed = {**sampler, "input": self._inputs[old]}
        if sampler.get("interpolation") == "CUBICSPLINE" and len(before) > 1:
            rows, kind = self._rows(sampler["output"])
            moved = _tangents(rows, before, after)
            changed["output"] = self.packer.add(moved.astype("<f4"), kind)
        return changed

    def _cut(
        self, sampler: dict[str, Any], before: np.ndarray, after: np.ndarray
    ) -> dict[str, Any]:
        """The sampler as it is at each frame of the clip."""
        rows, kind = self._rows(sampler["output"])
        how = sampler.get("interpolation", "LINEAR")
        if how == "CUBICSPLINE" and len(before) > 1:
            rows = _tangents(rows, before, after)
        count = len(before) * (3 if how == "CUBICSPLINE" else 1)
        # of shapes that are mixed there are several values a key
        found = sample(after, rows.reshape(count, -1), how, self.grid, False)
        if kind == "VEC4":
            found = rotation.normalize(found)
        return {
            **sampler,
            "input": self.packer.add(self.grid.times().astype("<f4"), "SCALAR", limits=True),
            "output": self.packer.add(found.reshape(-1, rows.shape[-1]).astype("<f4"), kind),
            "interpolation": "STEP" if how == "STEP" else "LINEAR",
        }

    def _rows(self, number: int) -> tuple[np.ndarray, str]:
        """The values of an accessor, and their kind."""
        kind = self.container.accessors[number]["type"]
        return read_accessor(self.source.document, number, kind).astype(float), kind


def _tangents(rows: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The values of a spline whose keys went from `before` to `after`, both (N,) seconds: tangents
    are changes a second.
    """
    parts = rows.reshape(len(before), 3, -1, rows.shape[-1])  # tangent in, value, tangent out
    rate = np.diff(before) / np.maximum(np.diff(after), 1e-9)
    parts[1:, 0] *= rate[:, None, None]
    parts[:-1, 2] *= rate[:, None, None]
    return parts.reshape(rows.shape)
