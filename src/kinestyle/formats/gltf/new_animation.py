"""A further animation in a file that a clip's rig came from: what was there stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinestyle.formats.gltf.accessors import Packer, read_accessor
from kinestyle.formats.gltf.animations import PATHS
from kinestyle.formats.gltf.container import Container
from kinestyle.formats.gltf.nodes import rest_transform
from kinestyle.formats.gltf.retiming import Retiming
from kinestyle.formats.gltf.source import GltfSource, mirror_rotation
from kinestyle.formats.unchanged import UNCHANGED, unit_of
from kinestyle.formats.unique_names import unique_names
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Progress


def add_animation(
    clip: Clip, source: GltfSource, container: Container, progress: Progress | None = None
) -> list[str]:
    """Put the motion of a clip into the container of its rig's file as an animation of its own,
    which is the one that is read from then on. Returns notes.
    """
    writing = _NewAnimation(clip, source, container)
    name = new_name(clip, container.fields.get("animations") or [])
    return writing.write(name, progress)


def new_name(clip: Clip, animations: list[Any]) -> str:
    """A name that no animation of the file has: the clip's animation's, or else the clip's."""
    taken = [str(animation.get("name", "")) for animation in animations]
    return unique_names([*taken, clip.animation or clip.name], " ")[0][-1]


_STATIC = {"translation": 1e-7, "rotation": 1e-7, "scale": 1e-6}
"""How near to its node's own a curve is that says no more than the node."""


class _NewAnimation:
    """Collects the curves of the new animation."""

    def __init__(self, clip: Clip, source: GltfSource, container: Container):
        self.clip, self.source, self.container = clip, source, container
        self.packer = Packer(container.accessors, container.views, container.blob)
        self.samplers: list[dict[str, Any]] = []
        self.channels: list[dict[str, Any]] = []
        self.times = np.arange(clip.frame_count) * clip.frame_time_seconds
        self.inputs: dict[int, int] = {}
        self.copies: dict[int, int] = {}
        # a variant of the animation that was read, frame for frame, or any other motion
        self.is_variant = bool(clip.animation) and source.animation >= 0 and source.is_variant(clip)

    def write(self, name: str, progress: Progress | None) -> list[str]:
        """Put the animation into the container. Returns notes."""
        source, notes = self.source, list[str]()
        if self.is_variant:
            self.times = self.times + source.grid.start_seconds
            self._copy_others()
        elif source.changes_in_size:
            notes.append("its joints change in size, which was written as in the first frame")
        parts = source.document.root.parts("nodes")
        for j, node in enumerate(source.nodes):
            translation, turned, size = rest_transform(parts[node])
            rest = dict(zip(PATHS, (translation, turned[[1, 2, 3, 0]], size), strict=True))
            for path, rows in self._values(j).items():
                self._put(node, path, rows, rest[path])
            if progress is not None:
                progress((j + 1) / len(source.nodes))
        animation = {
            "name": name,
            "samplers": self.samplers,
            "channels": self.channels,
            "extras": {"kinestyle": {"frame_time_seconds": self.clip.frame_time_seconds}},
        }
        self.container.fields["animations"] = [
            *(self.container.fields.get("animations") or []),
            animation,
        ]
        self.container.mark_result(animation)
        return notes

    def _values(self, j: int) -> dict[str, Array]:
        """(T, n) by path, of a joint's node."""
        source, (position, turned) = self.source, self.clip.joint(j)
        scale = self._sizes(source.parent_scale, j)
        q = rotation.normalize(np.asarray(turned, dtype=float))
        values = {
            "translation": position / np.where(np.abs(scale) > 1e-12, scale, 1.0),
            "rotation": mirror_rotation(q, source.parent_sign[j])[:, [1, 2, 3, 0]],
        }
        if source.scale is not None:
            values["scale"] = self._sizes(source.scale, j)
        return values

    def _sizes(self, sizes: Array, j: int) -> Array:
        """sizes: (T', J, 3) as they were read -> (T, 3) of a joint."""
        if self.is_variant:
            return self.source.sizes(sizes[:, j : j + 1], self.clip.frame_count)[:, 0]
        return np.broadcast_to(sizes[0, j], (self.clip.frame_count, 3))

    def _copy_others(self) -> None:
        """Take over what else the animation that was read moves, such as faces and props."""
        joints = set(self.source.nodes)
        old = self.container.fields["animations"][self.source.animation]
        retiming = None
        if self.source.moments is not None:
            retiming = Retiming(self.clip, self.source, self.container, self.packer)
        for channel in old.get("channels", ()):
            target = channel["target"]
            if target.get("node") in joints and target.get("path") in PATHS:
                continue
            self.channels.append({**channel, "sampler": len(self.samplers)})
            sampler = old["samplers"][channel["sampler"]]
            if retiming is not None:
                sampler = retiming.sampler(sampler)
            plain = {key: self._unstrided(sampler[key]) for key in ("input", "output")}
            self.samplers.append(sampler | plain)

    def _unstrided(self, number: int) -> int:
        """An accessor of the file, or a copy where it is in a view that animations must not use,
        as some exporters have them.
        """
        accessor = self.container.accessors[number]
        view = accessor.get("bufferView")
        if view is None or "byteStride" not in self.container.views[view]:
            return number
        if number not in self.copies:
            rows = read_accessor(self.source.document, number, accessor["type"])
            limits = "min" in accessor
            self.copies[number] = self.packer.add(
                rows.astype("<f4"), accessor["type"], limits=limits
            )
        return self.copies[number]

    def _put(self, node: int, path: str, values: Array, rest: Array) -> None:
        """A curve for values (T, n) that move, or are not the node's own at rest."""
        unit = unit_of(self.source.skeleton) if path == "translation" else 1.0
        if path == "rotation":
            values = rotation.continuous(values)
            rest = -rest if values[0] @ rest < 0 else rest
        allowed = _STATIC[path] * np.maximum(unit, np.abs(rest))
        still = _STATIC[path] if path == "scale" else UNCHANGED
        moves = (np.abs(values - values[0]) > still * unit).any()
        if not moves and (np.abs(values[0] - rest) <= allowed).all():
            return
        # a node that keeps still needs no more than its first key
        rows = values if moves else values[:1]
        self.container.split_matrix(node, self.source.document)
        self.channels.append(
            {"sampler": len(self.samplers), "target": {"node": node, "path": path}}
        )
        self.samplers.append(
            {
                "input": self._input(len(rows)),
                "output": self.packer.add(rows.astype("<f4"), f"VEC{rows.shape[1]}"),
                "interpolation": "LINEAR",
            }
        )

    def _input(self, count: int) -> int:
        """The accessor of the times of the first `count` frames."""
        if count not in self.inputs:
            times = self.times[:count].astype("<f4")
            self.inputs[count] = self.packer.add(times, "SCALAR", limits=True)
        return self.inputs[count]
