"""Writing glTF: into the file that a clip came from, where it came from one, else into a new file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.formats.gltf.accessors import FLOAT, Packer, read_accessor
from kinestyle.formats.gltf.container import Container, open_container
from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.keys import lies_on
from kinestyle.formats.gltf.new_file import new_container
from kinestyle.formats.gltf.source import GltfSource, mirror_turns
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip, check_writable
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import same_skeleton
from kinestyle.storage import replace_bytes

UNCHANGED = 1e-9
"""Quaternion components and relative positions that differ by less are taken to be those of the
file.
"""
_SAME_TIME = 1e-9


def write_gltf(clip: Clip, path: str | Path) -> tuple[str, ...]:
    """Write `clip` to `path`, a .glb or .gltf file, whole or not at all, and return a sentence for
    each thing that was left out or assumed.

    A clip that was read from glTF is written into its own file: only the curves of joints whose
    motion changed are others. Any other clip gets a new file in metres with Y up. Raises
    MotionFileError when the clip is not finite or cannot be written.
    """
    path = Path(path)
    data, notes = format_gltf(clip, path.name)
    replace_bytes(path, data)
    return notes


def format_gltf(clip: Clip, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that `write_gltf` writes, and its notes; `name` is what messages call the file, and
    its suffix tells which form of glTF it gets. Raises MotionFileError."""
    check_writable(clip, name)
    binary = not name.lower().endswith(".gltf")
    source = clip.source
    if (
        not isinstance(source, GltfSource)
        or not same_skeleton(source.skeleton, clip.skeleton, UNCHANGED)
        or clip.world != METRES_Y_UP
    ):
        container, assumed = new_container(clip)
        return container.to_bytes(binary), assumed
    document = source.document
    aligned = len(source.local_rotation) == clip.frame_count and (
        abs(clip.frame_time_seconds - source.grid.frame_time_seconds)
        <= _SAME_TIME * clip.frame_time_seconds
    )
    moved, turned = _changes(clip, source) if aligned else (None, None)
    unchanged = moved is not None and turned is not None and not moved.any() and not turned.any()
    if unchanged and document.binary == binary and not _other_files(document):
        return document.original, ()
    container = open_container(document)
    notes = list(container.notes)
    if not unchanged:
        notes += _Rewriting(clip, source, container).write(moved, turned)
    return container.to_bytes(binary), tuple(f"{name}: {note}" for note in notes)


def _other_files(document: Document) -> bool:
    """Whether a file needs others beside it, which its copy elsewhere would not find."""
    owners = [*document.root.parts("buffers"), *document.root.parts("images")]
    return any(not str(owner.fields.get("uri", "data:")).startswith("data:") for owner in owners)


def _changes(clip: Clip, source: GltfSource) -> tuple[np.ndarray, np.ndarray]:
    """Which joints moved and which turned against what was read: (T, J) and (T, J)."""
    was, now = source.local_position, clip.local_position
    moved = np.any(np.abs(now - was) > UNCHANGED * np.maximum(1.0, np.abs(was)), axis=-1)
    # a quaternion and its negative are one rotation
    sign = np.where(
        np.sum(clip.local_rotation * source.local_rotation, axis=-1, keepdims=True) < 0, -1.0, 1.0
    )
    turned = np.any(np.abs(clip.local_rotation * sign - source.local_rotation) > UNCHANGED, axis=-1)
    return moved, turned


class _Rewriting:
    """Puts the motion of a clip into the container of its file."""

    def __init__(self, clip: Clip, source: GltfSource, container: Container):
        self.clip, self.source, self.container = clip, source, container
        self.packer = Packer(container.accessors, container.views, len(container.blob))
        self.animation = container.own_animation(source.animation)
        self.aligned = len(source.local_rotation) == clip.frame_count
        self.times = (
            source.grid.start_seconds + np.arange(clip.frame_count) * clip.frame_time_seconds
        )
        self.own_times: int | None = None
        self.on_frames: dict[int, bool] = {}
        self.lonely = container.lonely_accessors()
        self.users = Counter(str(channel.get("sampler")) for channel in self.animation["channels"])

    def write(self, moved: np.ndarray | None, turned: np.ndarray | None) -> list[str]:
        """moved, turned: (T, J) where the motion is another than the file's; None where all of it
        is, at other times.
        """
        source, clip, notes = self.source, self.clip, []
        hang = (
            source.hang
            if self.aligned
            else np.broadcast_to(source.hang[:1], clip.local_position.shape)
        )
        if not self.aligned and (np.ptp(source.hang, axis=0) > UNCHANGED).any():
            notes.append("its joints change in size, which was written as in the first frame")
        rewritten = {
            number
            for (node, path), number in source.channels.items()
            if node in source.nodes and path != "scale"
        }
        if moved is None and len(self.animation["channels"]) > len(rewritten):
            notes.append("what moves beside the rig kept its own times")
        position = clip.local_position / np.where(np.abs(hang) > 1e-12, hang, 1.0)
        turn = mirror_turns(
            rotation.normalize(np.asarray(clip.local_rotation, dtype=float)), source.sign
        )
        for path, values, changed in (
            ("translation", position, moved),
            ("rotation", turn[..., [1, 2, 3, 0]], turned),
        ):
            for j, node in enumerate(source.nodes):
                channel = source.channels.get((node, path))
                if changed is None:
                    still = not (np.abs(values[:, j] - values[0, j]) > UNCHANGED).any()
                    if channel is not None or not still or self._differs(j, path):
                        self._put(node, path, channel, values[:, j], None)
                elif changed[:, j].any():
                    self._put(node, path, channel, values[:, j], changed[:, j])
        self.container.blob += b"".join(self.packer.pieces)
        return notes

    def _differs(self, j: int, path: str) -> bool:
        """Whether a joint without a curve stands otherwise than in the file."""
        if path == "translation":
            was, now = self.source.local_position[0, j], self.clip.local_position[0, j]
        else:
            was, now = self.source.local_rotation[0, j], self.clip.local_rotation[0, j]
            now = now if was @ now > 0 else -now
        return bool((np.abs(was - now) > UNCHANGED * np.maximum(1.0, np.abs(was))).any())

    def _put(
        self, node: int, path: str, number: int | None, values: Array, changed: np.ndarray | None
    ) -> None:
        """values: (T, n) of a node in the order of the file, changed: (T,), where they are not
        those of the file.
        """
        samplers, channels = self.animation["samplers"], self.animation["channels"]
        kind = f"VEC{values.shape[1]}"
        times = self._times_accessor()
        if number is None:
            self.container.split_matrix(node, self.source.document)
            if path == "rotation":
                values = rotation.continuous(values)
            samplers.append(
                {
                    "input": times,
                    "output": self.packer.add(values.astype("<f4"), kind),
                    "interpolation": "LINEAR",
                }
            )
            channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})
            return
        channel = channels[number]
        sampler = dict(samplers[channel["sampler"]])
        document = self.source.document
        on_frames = changed is not None and self._on_frames(sampler["input"])
        before = None
        if on_frames and sampler.get("interpolation") != "CUBICSPLINE":
            before = read_accessor(document, sampler["output"], kind)
        if before is not None and changed is not None:
            if path == "rotation":
                # beside what stays, each number as near to the file's own as may be
                values = values * np.where(
                    np.sum(values * before, axis=-1, keepdims=True) < 0, -1.0, 1.0
                )
            values = np.where(changed[:, None], values, before)
            output = sampler["output"]
            if (
                output in self.lonely
                and self.users[str(channel["sampler"])] == 1
                and self._overwrite(output, values)
            ):
                return
        elif path == "rotation":
            values = rotation.continuous(values)
        sampler |= {
            "output": self.packer.add(values.astype("<f4"), kind),
            "input": sampler["input"] if on_frames else times,
        }
        if not on_frames or sampler.get("interpolation") == "CUBICSPLINE":
            sampler["interpolation"] = "LINEAR"
        if self.users[str(channel["sampler"])] == 1:
            samplers[channel["sampler"]] = sampler
        else:
            samplers.append(sampler)
            channels[number] = {**channel, "sampler": len(samplers) - 1}

    def _on_frames(self, number: int) -> bool:
        """Whether the keys of an accessor of the file are the frames."""
        if number not in self.on_frames:
            keys = read_accessor(self.source.document, number, "SCALAR")[:, 0]
            self.on_frames[number] = lies_on(keys, self.times, self.clip.frame_time_seconds)
        return self.on_frames[number]

    def _overwrite(self, number: int, values: Array) -> bool:
        """Put values where an accessor has its own, if it holds plain 32-bit floats."""
        accessor: dict[str, Any] = self.container.accessors[number]
        if (
            accessor["componentType"] != FLOAT
            or "sparse" in accessor
            or "bufferView" not in accessor
        ):
            return False
        view = self.container.views[accessor["bufferView"]]
        rows = values.astype("<f4")
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride = view.get("byteStride", 4 * rows.shape[1])
        np.ndarray(rows.shape, "<f4", self.container.blob, start, (stride, 4))[:] = rows
        if "min" in accessor or "max" in accessor:
            self.container.accessors[number] = {
                **accessor,
                "min": rows.min(axis=0).tolist(),
                "max": rows.max(axis=0).tolist(),
            }
        return True

    def _times_accessor(self) -> int:
        """The accessor of the frames' times: one of the file's where that has one, else one more."""
        if self.own_times is not None:
            return self.own_times
        channels, samplers = self.animation["channels"], self.animation["samplers"]
        for number in self.source.channels.values():
            index: int = samplers[channels[number]["sampler"]]["input"]
            if index < len(self.source.document.accessors) and self._on_frames(index):
                self.own_times = index
                return index
        self.own_times = self.packer.add(self.times.astype("<f4"), "SCALAR", limits=True)
        return self.own_times
