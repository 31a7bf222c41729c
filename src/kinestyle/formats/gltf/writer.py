"""Writing glTF: into the file that a clip came from, or as a new file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf.accessors import FLOAT, Packer, read_accessor
from kinestyle.formats.gltf.container import Container, open_container
from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.humanoid import is_animation, is_character
from kinestyle.formats.gltf.keys import lies_on
from kinestyle.formats.gltf.layer import add_layer_animation
from kinestyle.formats.gltf.new_animation import add_animation
from kinestyle.formats.gltf.new_file import new_container
from kinestyle.formats.gltf.reader import parse_gltf
from kinestyle.formats.gltf.retiming import Retiming
from kinestyle.formats.gltf.source import GltfSource, mirror_rotation
from kinestyle.formats.gltf.vrm_animation import vrm_animation
from kinestyle.formats.placeholder import meshes_note
from kinestyle.formats.unchanged import UNCHANGED, same_position, same_rotation, unit_of
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip, check_writable
from kinestyle.motion.layer import layer_between
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import same_skeleton
from kinestyle.motion.window import Progress, part_of_progress
from kinestyle.rig.world_frame import bring_into_world, find_world
from kinestyle.storage import name_of, replace_pieces


def write_gltf(clip: Clip, path: str | Path, progress: Progress | None = None) -> tuple[str, ...]:
    """Write `clip` to `path`, a .glb or .gltf file, whole or not at all, and return a sentence for
    each thing that was left out or assumed.

    A clip that was read from glTF is written into its own file: only the curves of joints whose
    motion changed differ, or where `clip.animation` is not the one that was read, there is a
    further animation. Any other clip gets a new file in metres with Y up. Raises
    MotionFileError when the clip is not finite or cannot be written.
    """
    path = Path(path)
    pieces, notes = _pieces(clip, name_of(path), progress)
    replace_pieces(path, pieces)
    return notes


def format_gltf(clip: Clip, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that `write_gltf` writes, and its notes. `name` is what messages call the file; its
    suffix decides between .glb and .gltf. Raises MotionFileError.
    """
    pieces, notes = _pieces(clip, name, None)
    return b"".join(pieces), notes


def _pieces(
    clip: Clip, name: str, progress: Progress | None
) -> tuple[Iterable[bytes | memoryview], tuple[str, ...]]:
    """As `format_gltf`, one piece after the other."""
    check_writable(clip, name)
    if clip.base is not None:
        return _format_layer(clip, clip.base, name)
    suffix = Path(name).suffix.lower()
    binary = suffix != ".gltf"
    source = clip.source
    if (
        not isinstance(source, GltfSource)
        or not same_skeleton(source.skeleton, clip.skeleton, UNCHANGED * unit_of(source.skeleton))
        or clip.world != METRES_Y_UP
        or not _suits(source.document, suffix)
    ):
        container, assumed = _new_file(clip, name, suffix, progress)
        return container.pieces(binary), assumed
    document = source.document
    aligned = source.is_at(clip)
    translated, rotated = _changes(clip, source) if aligned else (None, None)
    is_other = clip.animation != source.name
    unchanged = not (translated is None or rotated is None or translated.any() or rotated.any())
    if unchanged and not is_other and document.binary == binary and not _other_files(document):
        return [document.original], ()
    container = open_container(document)
    notes = list(container.notes)
    if is_other or (source.animation < 0 and not unchanged):
        notes += add_animation(clip, source, container, progress)
    elif not unchanged:
        notes += _Rewriting(clip, source, container).write(translated, rotated, progress)
    return container.pieces(binary), tuple(f"{name}: {note}" for note in notes)


def _format_layer(
    clip: Clip, base: Clip, name: str
) -> tuple[Iterable[bytes | memoryview], tuple[str, ...]]:
    """The file of the motion below, and in it, as a further animation, what makes it the clip."""
    suffix = Path(name).suffix.lower()
    if suffix == ".vrma":
        raise MotionFileError(
            f"{name} cannot be written: a .vrma holds one motion, and what is asked for is a "
            f"layer; write .glb, .bvh or .fbx"
        )
    data, notes = format_gltf(base, name)
    below = parse_gltf(data, name, wanted=base.animation or None)
    if not same_skeleton(below.skeleton, clip.skeleton, UNCHANGED * unit_of(below.skeleton)):
        # a new file is in metres with Y up
        world = find_world(base)
        base, clip = (bring_into_world(each, frame=world)[0] for each in (base, clip))
    container = add_layer_animation(below, layer_between(base, clip))
    return container.pieces(suffix != ".gltf"), notes


def _suits(document: Document, suffix: str) -> bool:
    """Whether a file may have a suffix: a VRM character or animation says what it is."""
    return {".vrm": is_character, ".vrma": is_animation}.get(suffix, bool)(document)


def _new_file(
    clip: Clip, name: str, suffix: str, progress: Progress | None
) -> tuple[Container, tuple[str, ...]]:
    """A file for a clip of another format. Raises MotionFileError for one that cannot be made."""
    if suffix == ".vrm":
        raise MotionFileError(
            f"{name} cannot be written: a .vrm is a character with an author and a licence, which "
            f"{clip.name} is not; retarget onto a VRM character (`retarget --to`), or write .vrma, "
            f"which every VRM character can play"
        )
    if suffix == ".vrma":
        return vrm_animation(clip, name, progress)
    container, assumed = new_container(clip, progress)
    return container, assumed + meshes_note(clip, name)


def _other_files(document: Document) -> bool:
    """Whether a file needs others beside it, which a copy elsewhere would not find."""
    owners = [*document.root.parts("buffers"), *document.root.parts("images")]
    return any(not str(owner.fields.get("uri", "data:")).startswith("data:") for owner in owners)


def _changes(clip: Clip, source: GltfSource) -> tuple[np.ndarray, np.ndarray]:
    """(T, J) and (T, J) bool: which joints have another position, and which another rotation than
    was read.
    """
    translated, rotated = (np.zeros(clip.local_rotation.shape[:2], dtype=bool) for _ in range(2))
    unit = unit_of(source.skeleton)
    # joint by joint: of a long clip, what compares all of them at once is large
    for j in range(clip.skeleton.joint_count):
        position, turned = clip.joint(j)
        was = paged.taken(source.local_position[:, j])
        translated[:, j] = ~same_position(position, was, unit).all(axis=-1)
        rotated[:, j] = ~same_rotation(turned, paged.taken(source.local_rotation[:, j]))
    return translated, rotated


class _Rewriting:
    """Puts the motion of a clip into the container of its file."""

    def __init__(self, clip: Clip, source: GltfSource, container: Container):
        self.clip, self.source, self.container = clip, source, container
        self.packer = Packer(container.accessors, container.views, container.blob)
        self.animation = container.own_animation(source.animation)
        self.resampled = source.is_resampled(clip.frame_count)
        self.times = (
            source.grid.start_seconds + np.arange(clip.frame_count) * clip.frame_time_seconds
        )
        self.own_times: int | None = None
        self.on_frames: dict[int, bool] = {}
        self.exclusive = container.exclusive_accessors()
        self.channel_count = len(self.animation["channels"])
        self.users = Counter(str(channel.get("sampler")) for channel in self.animation["channels"])

    def write(
        self,
        translated: np.ndarray | None,
        rotated: np.ndarray | None,
        progress: Progress | None = None,
    ) -> list[str]:
        """translated, rotated: (T, J) bool, where the motion differs from the file's; None for
        another number of frames or another frame time, where all of it differs. Returns notes.
        """
        source = self.source
        notes = self._notes(retimed=translated is None)
        for half, (path, value_of, changed) in enumerate(
            (("translation", self._translation, translated), ("rotation", self._xyzw, rotated))
        ):
            done = part_of_progress(progress, 0.5 * half, 0.5 * half + 0.5)
            for j, node in enumerate(source.nodes):
                if changed is None:
                    values = value_of(j)
                    if self._needs_curve(j, path, values):
                        self._put(node, path, values, None)
                elif changed[:, j].any():
                    self._put(node, path, value_of(j), changed[:, j])
                if done is not None:
                    done((j + 1) / len(source.nodes))
        if self.resampled:
            self._retime_others()
        if not source.is_default:
            self.container.mark_result(self.animation)
        return notes

    def _translation(self, j: int) -> Array:
        """(T, 3) of a joint's node."""
        sizes = self.source.parent_scale[:, j : j + 1]
        scale = self.source.sizes(sizes, self.clip.frame_count)[:, 0]
        return self.clip.joint(j)[0] / np.where(np.abs(scale) > 1e-12, scale, 1.0)

    def _xyzw(self, j: int) -> Array:
        """(T, 4) the rotation of a joint's node in glTF's order."""
        q = rotation.normalize(np.asarray(self.clip.joint(j)[1], dtype=float))
        return mirror_rotation(q, self.source.parent_sign[j])[..., [1, 2, 3, 0]]

    def _notes(self, retimed: bool) -> list[str]:
        """What the file cannot hold of a clip. retimed: its frames are at other times."""
        source, notes = self.source, list[str]()
        if self.resampled:
            return notes
        if len(source.local_rotation) != self.clip.frame_count and source.changes_in_size:
            notes.append("its joints change in size, which was written as in the first frame")
        if retimed and self._others():
            notes.append("what moves beside the rig kept its own times")
        return notes

    def _others(self) -> list[int]:
        """The numbers of the file's channels that are not the motion of the rig."""
        rewritten = {
            number
            for (node, path), number in self.source.channels.items()
            if node in self.source.nodes and path != "scale"
        }
        known = max(self.source.channels.values(), default=-1) + 1
        count = max(known, self.channel_count)
        return [number for number in range(count) if number not in rewritten]

    def _retime_others(self) -> None:
        """What moves beside the rig goes along: its keys are at other times."""
        channels, samplers = self.animation["channels"], self.animation["samplers"]
        retiming = Retiming(self.clip, self.source, self.container, self.packer)
        made: dict[int, int] = {}
        for number in self._others():
            old = channels[number]["sampler"]
            if old not in made:
                samplers.append(retiming.sampler(samplers[old]))
                made[old] = len(samplers) - 1
            channels[number] = {**channels[number], "sampler": made[old]}

    def _needs_curve(self, j: int, path: str, values: Array) -> bool:
        """Whether a joint's new values (T, n) need a curve: it has one in the file, or they move,
        or they are others than those of its node.
        """
        if (self.source.nodes[j], path) in self.source.channels:
            return True
        unit = unit_of(self.source.skeleton) if path == "translation" else 1.0
        if (np.abs(values - values[0]) > UNCHANGED * unit).any():
            return True
        if path == "translation":
            was, now = self.source.local_position[0, j], self.clip.local_position[0, j]
        else:
            was, now = self.source.local_rotation[0, j], self.clip.local_rotation[0, j]
            now = now if was @ now > 0 else -now
        return not same_position(now, was, unit).all()

    def _put(self, node: int, path: str, values: Array, changed: np.ndarray | None) -> None:
        """values: (T, n) of a node, in glTF's order; changed: (T,) bool, where they are not those
        of the file.
        """
        number = self.source.channels.get((node, path))
        if number is None:
            self._add_channel(node, path, values)
        else:
            self._replace_values(number, path, values, changed)

    def _add_channel(self, node: int, path: str, values: Array) -> None:
        """A curve for a node that has none."""
        self.container.split_matrix(node, self.source.document)
        sampler = {
            "input": self._times_accessor(),
            "output": self._add_values(path, values),
            "interpolation": "LINEAR",
        }
        self.animation["samplers"].append(sampler)
        target = {"node": node, "path": path}
        self.animation["channels"].append(
            {"sampler": len(self.animation["samplers"]) - 1, "target": target}
        )

    def _add_values(self, path: str, values: Array) -> int:
        """values: (T, n), for a rotation made continuous -> the number of their accessor."""
        if path == "rotation":
            values = rotation.continuous(values)
        return self.packer.add(values.astype("<f4"), f"VEC{values.shape[1]}")

    def _replace_values(
        self, number: int, path: str, values: Array, changed: np.ndarray | None
    ) -> None:
        """Other values for a channel of the file. Where its keys are the frames, values that are
        unchanged keep their bytes.
        """
        samplers, channels = self.animation["samplers"], self.animation["channels"]
        channel = channels[number]
        sampler = dict(samplers[channel["sampler"]])
        only_user = self.users[str(channel["sampler"])] == 1
        cubic = sampler.get("interpolation") == "CUBICSPLINE"
        on_frames = changed is not None and self._on_frames(sampler["input"])
        if not on_frames:
            sampler["input"] = self._times_accessor()
        if cubic or not on_frames:
            sampler["interpolation"] = "LINEAR"
            sampler["output"] = self._add_values(path, values)
        else:
            values = self._merged(sampler["output"], path, values, changed)
            exclusive = only_user and sampler["output"] in self.exclusive
            if exclusive and self._overwrite(sampler["output"], values):
                return
            sampler["output"] = self.packer.add(values.astype("<f4"), f"VEC{values.shape[1]}")
        if only_user:
            samplers[channel["sampler"]] = sampler
        else:
            samplers.append(sampler)
            channels[number] = {**channel, "sampler": len(samplers) - 1}

    def _merged(self, accessor: int, path: str, values: Array, changed: np.ndarray | None) -> Array:
        """values: (T, n) -> the file's own, where they are not `changed` (T,)."""
        assert changed is not None, "values on the file's frames are compared with the file's"
        before = read_accessor(self.source.document, accessor, f"VEC{values.shape[1]}")
        if path == "rotation":
            # in the hemisphere of the file's own quaternions
            flips = np.sum(values * before, axis=-1, keepdims=True) < 0
            values = values * np.where(flips, -1.0, 1.0)
        return np.where(changed[:, None], values, before)

    def _on_frames(self, number: int) -> bool:
        """Whether the keys of an accessor of the file are the frames."""
        if number not in self.on_frames:
            keys = read_accessor(self.source.document, number, "SCALAR")[:, 0]
            self.on_frames[number] = lies_on(keys, self.times, self.clip.frame_time_seconds)
        return self.on_frames[number]

    def _overwrite(self, number: int, values: Array) -> bool:
        """Put values (T, n) in place of an accessor's own; False if it does not hold plain 32-bit
        floats.
        """
        accessor: dict[str, Any] = self.container.accessors[number]
        if (
            accessor["componentType"] != FLOAT
            or "sparse" in accessor
            or "bufferView" not in accessor
        ):
            return False
        view = self.container.views[accessor["bufferView"]]
        if view.get("buffer") != 0 or "extensions" in view:  # compressed
            return False
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
        """The accessor of the frames' times: one of the file's if it has one, else a new one."""
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
