"""An FBX file as the library `ufbx` sees it. It knows the transforms, curves and layers of all
versions of the format.

The library runs in a process of its own, see `sampler`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.extras import missing_extra
from kinestyle.formats.fbx import sampler
from kinestyle.formats.fbx.excerpts import Excerpts
from kinestyle.formats.fbx.records import Document, pieces
from kinestyle.formats.fbx.scene import BODY, CREATOR, END_SITE
from kinestyle.formats.fbx.ticks import stated_rate
from kinestyle.formats.limits import MAX_MAGNITUDE
from kinestyle.motion import paged, rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Progress, cut, one_by_one

WAIT_SECONDS = 900.0
_NUMBERS = 10
_AT_ONCE = 2**18
"""Transforms that the process sends."""
_TIMES_AT_ONCE = 2**14
"""For which a part of a long file is opened."""
_MOST = 0.5
"""The share of keys from which on a span that leaves them out is not that of the motion."""


@dataclass(frozen=True)
class Node:
    """A node of the scene.

    index: its own among all nodes; parent: its parent's, or -1
    ignores_parent_scale, is_sheared: whether the scale above it has no effect on it, or also
        reshapes what it rotates
    identity: its number in a file of FBX 7, else 0
    rest: (3,) its translation without animation
    vectors, numbers: the properties of its transform that the file states, by name
    """

    index: int
    parent: int
    name: str
    is_bone: bool
    is_end_site: bool
    ignores_parent_scale: bool
    is_sheared: bool
    identity: int
    rest: tuple[float, float, float]
    vectors: dict[str, tuple[float, float, float]]
    numbers: dict[str, int]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Local transforms of N nodes at T times: position (T, N, 3), rotation (T, N, 4) wxyz, scale
    (T, N, 3).
    """

    position: Array
    rotation: Array
    scale: Array


@dataclass(frozen=True)
class Stack:
    """An animation of the scene, in seconds.

    name: as the file has it; start, end: the span that it states
    keys: the first and the last key of its joints, None without any
    share_outside: of the joints' keys, how many the span leaves out
    """

    name: str
    start: float
    end: float
    keys: tuple[float, float] | None
    share_outside: float

    @property
    def is_spanned(self) -> bool:
        """Whether the span that it states is that of its motion: it is missing in files of some
        programs, and others write their time slider's.
        """
        if self.keys is None or self.keys[0] == self.keys[1]:
            return True
        return self.end > self.start and self.share_outside <= _MOST

    @property
    def span_seconds(self) -> tuple[float, float]:
        """The span in which it moves: as stated, unless the keys of its joints contradict."""
        return (self.start, self.end) if self.is_spanned or not self.keys else self.keys


class Scene:
    """A scene that can be asked for its nodes' transforms as long as its process runs."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        description: dict[str, Any],
        file: str,
        excerpts: Excerpts | None = None,
    ) -> None:
        """excerpts: of a long file, of which the process knows the outline only"""
        self._process, self._description, self.file = process, description, file
        self._excerpts = excerpts
        self.nodes = tuple(
            Node(
                index=i,
                parent=row["parent"],
                name=row["name"],
                is_bone=row["kind"] == "BONE" or row["sort"] in sampler.BONES,
                is_end_site=END_SITE in row["marks"],
                ignores_parent_scale=row["inherit"] == "IGNORE_PARENT_SCALE",
                is_sheared=row["inherit"] == "NORMAL",
                identity=row["identity"],
                rest=_within_limits(row["rest"]),
                vectors={name: tuple(vector) for name, vector in row["vectors"].items()},
                numbers=row["numbers"],
            )
            for i, row in enumerate(description["nodes"])
        )
        self.skinned: frozenset[int] = frozenset(description["skinned"])
        self.shaped: frozenset[int] = frozenset(description["shaped"])
        own = description["creator"] == CREATOR and [self.nodes[i].name for i in self.shaped] == [
            BODY
        ]
        self.holds_meshes = bool(self.shaped) and not own
        """Whether there is more to see than a skeleton and the plain body that Kinestyle makes."""
        self.is_left_handed: bool = description["left_handed"]
        self.stacks = tuple(
            Stack(
                row["name"],
                row["start"],
                row["end"],
                row["keys"] and (row["keys"][0], row["keys"][1]),
                row["share_outside"],
            )
            for row in description["animations"]
        )
        self.active: str = description["active"]
        self.stack = 0 if self.stacks else -1
        """The number of the animation that is sampled, -1 for the pose."""
        self.is_default = True
        """Whether that is read without being asked for, whatever its style."""

    @property
    def span_seconds(self) -> tuple[float, float]:
        """Start and end of the animation that is sampled."""
        return self.stacks[self.stack].span_seconds if self.stacks else (0.0, 0.0)

    @property
    def metres_per_unit(self) -> float:
        """The unit that the file states."""
        return float(self._description["metres_per_unit"])

    @property
    def up(self) -> tuple[float, float, float] | None:
        """(3,) signed unit axis, None where the file states none."""
        axis = self._description["up"]
        up = [0.0, 0.0, 0.0]
        up[axis // 2] = -1.0 if axis % 2 else 1.0
        return (up[0], up[1], up[2]) if axis >= 0 else None

    @property
    def frame_rates(self) -> tuple[float, float]:
        """Frames a second, and those that the file states as custom ones, whether or not they
        apply; 0 without any.
        """
        stated = stated_rate(self._description["time_mode"], self._description["frame_rate"])
        return stated, float(self._description["custom_rate"])

    def sample(
        self, nodes: Sequence[Node], times_seconds: Array, progress: Progress | None = None
    ) -> Sampled:
        """Local transforms of nodes in the animation `stack`, at T rising times. Raises
        MotionFileError where the library fails, and for numbers that are not finite or too large.
        """
        shape = len(times_seconds), len(nodes)
        found = Sampled(*(paged.empty((*shape, size)) for size in (3, 4, 3)))
        if self._excerpts is None or not nodes:
            self._sample(self._process, nodes, times_seconds, found, 0)
            return found
        for window in one_by_one(cut(len(times_seconds), _TIMES_AT_ONCE, 0), progress):
            times = times_seconds[window.wanted]
            part = self._excerpts.span(float(times[0]), float(times[-1]))
            with _running() as process:
                _description(process, part, self.file)
                del part
                self._sample(process, nodes, times, found, window.start)
        return found

    def probe(self, nodes: Sequence[Node], times_seconds: Array) -> Sampled:
        """As `sample`, to see how much moves: of a long file hardly more than its outline."""
        shape = len(times_seconds), len(nodes)
        found = Sampled(*(np.empty((*shape, size)) for size in (3, 4, 3)))
        self._sample(self._process, nodes, times_seconds, found, 0)
        return found

    def _sample(
        self,
        process: subprocess.Popen[bytes],
        nodes: Sequence[Node],
        times_seconds: Array,
        found: Sampled,
        at: int,
    ) -> None:
        """Put what a process says of nodes at some times into the frames from `at` on."""
        every = max(1, _AT_ONCE // max(1, len(times_seconds)))
        times = slice(at, at + len(times_seconds))
        for start in range(0, len(nodes), every):
            some = slice(start, start + every)
            rows = self._rows(process, nodes[some], times_seconds, again=start > 0)
            found.position[times, some] = rows[..., :3]
            found.rotation[times, some] = rotation.normalize(rows[..., 3:7])
            found.scale[times, some] = rows[..., 7:]
            paged.give_back(found.position, found.rotation, found.scale)

    def _rows(
        self,
        process: subprocess.Popen[bytes],
        nodes: Sequence[Node],
        times_seconds: Array,
        again: bool,
    ) -> Array:
        """(T, N, 10) as a process sends them. again: at the times of the last request"""
        request = {
            "stack": self.stack,
            "nodes": [node.index for node in nodes],
            "times": None if again else times_seconds.tolist(),
        }
        size = 8 * _NUMBERS * len(nodes) * len(times_seconds)
        try:
            assert process.stdin is not None and process.stdout is not None, "the process has pipes"
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            data = process.stdout.read(size)
        except OSError:
            data = b""
        if len(data) < size:
            raise _crash(self.file)
        rows = (
            np.frombuffer(data).reshape(len(nodes), len(times_seconds), _NUMBERS).transpose(1, 0, 2)
        )
        # checked before anything is computed with them
        if not np.isfinite(rows).all():
            raise MotionFileError(f"{self.file} holds motion that is not finite; export it again")
        if rows.size and (largest := float(np.abs(rows).max())) > MAX_MAGNITUDE:
            raise MotionFileError(
                f"{self.file} holds a value of {largest:g} in its motion, expected at most "
                f"{MAX_MAGNITUDE:g}"
            )
        return rows


@contextmanager
def open_scene(data: bytes | Document, name: str) -> Iterator[Scene]:
    """The scene of a file in memory, for the duration of a `with`. Raises MotionFileError for a
    file that is not sound FBX, MissingExtraError where the library is not installed.

    data: its bytes, or what is in them
    """
    if find_spec("ufbx") is None:
        raise missing_extra("ufbx", "fbx", "reading FBX")
    excerpts = None
    parts: list[bytes | memoryview] = []
    if isinstance(data, Document):
        excerpts = Excerpts(data) if Excerpts(data).is_long else None
        parts = pieces(data) if excerpts is None else excerpts.outline()
    else:
        parts = [data]
    with _running() as process:
        yield Scene(process, _description(process, parts, name), name, excerpts)


@contextmanager
def _running() -> Iterator[subprocess.Popen[bytes]]:
    """A process with the library, for the duration of a `with`."""
    command = [sys.executable, "-P", str(Path(sampler.__file__)), END_SITE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        limit = Timer(WAIT_SECONDS, process.kill)
        limit.daemon = True
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()
            # a process that died leaves bytes in the pipe's buffer
            with suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()


def _description(
    process: subprocess.Popen[bytes], parts: Sequence[bytes | memoryview], name: str
) -> dict[str, Any]:
    """Send a file, and return what the process describes. Raises MotionFileError."""
    assert process.stdin is not None and process.stdout is not None, "the process has pipes"
    try:
        process.stdin.write(sum(map(len, parts)).to_bytes(8, "little"))
        for part in parts:
            process.stdin.write(part)
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        raise _crash(name)
    description: dict[str, Any] = json.loads(line)
    if "error" in description:
        raise MotionFileError(
            f"{name} is not sound FBX ({description['error']}); export it again, as binary FBX"
        )
    return description


def _crash(name: str) -> MotionFileError:
    return MotionFileError(
        f"{name} could not be read: the FBX library failed on it; export it again, as binary FBX "
        f"7.4"
    )


def _within_limits(vector: list[float]) -> tuple[float, float, float]:
    """Three numbers, with zeros for those that are not finite or too large."""
    x, y, z = (number if abs(number) <= MAX_MAGNITUDE else 0.0 for number in vector)
    return (x, y, z)
