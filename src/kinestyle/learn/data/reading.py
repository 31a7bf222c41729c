"""Motion files into feature arrays: several at once, and going on where an earlier reading was cut.

Every clip becomes one file as soon as it is read, so that a killed reading begins again at the file
it was at.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from kinestyle import __version__
from kinestyle.cores import usable_cores
from kinestyle.errors import DataError, KinestyleError, RigError
from kinestyle.formats.table import read_motion
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import FRAME_RATE, LAYOUT, clip_to_features
from kinestyle.rig.mapping import JointMapping, map_joints
from kinestyle.rig.rig_file import Rig
from kinestyle.storage import replace_bytes

SHORTEST_FRAMES = 16
FASTEST_M_S, HIGHEST_M = 100.0, 100.0
"""A clip whose hips are faster or higher even once has a broken frame, not a motion."""
PROGRESS_SECONDS = 10.0
START_METHOD = "spawn"
"""How reading processes are started, the same on every system: torch's threads do not outlive a
fork."""


@dataclass(frozen=True)
class Reading:
    """One clip that was read: where its features are, how long it is, what is doubtful about its
    rig.

    digest: of the features, so that the same motion under two names is seen
    misfit: why the stated rig does not fit, so that the clip's own was found; "" where it fits, or
        none was stated
    """

    part: Path
    frame_count: int
    digest: str
    doubts: tuple[str, ...]
    misfit: str = ""

    @property
    def features(self) -> np.ndarray:
        """(T, 260) float32."""
        with np.load(self.part) as saved:
            return saved["features"]


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """features: (T, 260) float32 of one file; doubts, misfit: as in `Reading`."""

    features: np.ndarray
    doubts: tuple[str, ...]
    misfit: str


def clip_features(path: Path, rig: Rig | None = None) -> ClipFeatures | str:
    """What is learned from one file, or the sentence that says why it cannot be used. rig: taken
    where it fits the clip.
    """
    try:
        clip = read_motion(path)
        mapping, misfit = _find_mapping(clip, rig)
        correspondence = correspond(clip, mapping)
        features = clip_to_features(to_canonical(clip, correspondence))
    except KinestyleError as error:
        return str(error)
    except Exception as error:  # one file of thousands must not end a night's training
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return f"{path.name} met a fault in Kinestyle, please report it with the file: {what}"
    if refusal := _refusal(features):
        return f"{path.name} {refusal}"
    return ClipFeatures(features.astype(np.float32), mapping.warnings, misfit)


def _refusal(features: Array) -> str:
    """features: (T, 260) -> why nothing should be learned from them, or ""."""
    if len(features) < SHORTEST_FRAMES:
        return (
            f"has {len(features)} frames at 30 frames/s, fewer than the {SHORTEST_FRAMES} that "
            f"training takes"
        )
    if not np.isfinite(features).all():
        return "gives motion that is not finite, so nothing can be learned from it"
    hips = features[:, LAYOUT["joint_velocity"]].reshape(len(features), -1, 3)[:, HIPS]
    speed_m_s = FRAME_RATE * np.linalg.norm(hips, axis=-1)
    height_m = np.abs(features[:, LAYOUT["root_height"]][:, 0])
    for found, limit, what in (
        (speed_m_s, FASTEST_M_S, "moves its hips at {:.3g} m/s"),
        (height_m, HIGHEST_M, "has its hips {:.3g} m above the floor"),
    ):
        if found.max() > limit:
            return (
                f"{what.format(found.max())} at {found.argmax() / FRAME_RATE:.2f} s, expected at "
                f"most {limit:.0f}; repair or cut out the broken frames"
            )
    return ""


def _find_mapping(clip: Clip, rig: Rig | None) -> tuple[JointMapping, str]:
    """The body as a rig states it or, where the rig does not fit, as it is found; and why not.
    Raises RigError for no body.
    """
    if rig is None:
        return map_joints(clip), ""
    try:
        rig.joints_in(clip.skeleton, clip.name)
    except RigError as error:
        misfit = str(error)
    else:
        return map_joints(clip, rig), ""
    try:
        return map_joints(clip), misfit
    except RigError as error:
        raise RigError(f"{error}; {misfit}") from None


def read_files(
    paths: Sequence[Path],
    parts: Path,
    report: Callable[[str], None],
    processes: int | None = None,
    rig: Rig | None = None,
) -> list[Reading | str]:
    """Read files, each into a file of its own in the folder `parts`; those that are there from an
    earlier call are kept.

    Returns, for each path, its reading or the sentence that says why it cannot be used.
    `processes`: as many as this process may use cores, where it is None. `rig`: stated for all
    clips that it fits.
    """
    parts.mkdir(parents=True, exist_ok=True)
    processes = min(processes or usable_cores(), max(1, len(paths)))
    readings: list[Reading | str] = []
    began = reported = time.monotonic()
    try:
        with _pool(processes) if processes > 1 else nullcontext() as pool:
            for reading in _each(pool, partial(_read, parts, rig), paths):
                readings.append(reading)
                now = time.monotonic()
                if now - reported > PROGRESS_SECONDS:
                    left = (now - began) / len(readings) * (len(paths) - len(readings))
                    report(f"read {len(readings)} of {len(paths)} files, {left:.0f} s left")
                    reported = now
    except BrokenProcessPool:
        raise DataError(
            f"a reading process was ended after {len(readings)} of {len(paths)} files, mostly a "
            f"sign of too little memory; the same command goes on where it stopped"
        ) from None
    return readings


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes, multiprocessing.get_context(START_METHOD), initializer=_start_reader
    )


def _start_reader() -> None:
    """In a reading process: leave Ctrl-C to the run, which lets the file at hand be read to its
    end, and end when the run is killed, instead of waiting for ever for the next file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "it was started by multiprocessing"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _each(
    pool: ProcessPoolExecutor | None, read: Callable[[Path], Reading | str], paths: Iterable[Path]
) -> Iterator[Reading | str]:
    return map(read, paths) if pool is None else pool.map(read, paths)


def _read(parts: Path, rig: Rig | None, path: Path) -> Reading | str:
    part = parts / f"{_key(path, rig)}.npz"
    try:
        with np.load(part) as saved:
            read = ClipFeatures(
                saved["features"], tuple(map(str, saved["doubts"])), str(saved.get("misfit", ""))
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        found = clip_features(path, rig)
        if isinstance(found, str):
            return found
        read = found
        buffer = io.BytesIO()
        np.savez(
            buffer,
            features=read.features,
            doubts=np.array(read.doubts, dtype=str),
            misfit=np.array(read.misfit),
        )
        replace_bytes(part, buffer.getvalue())
    digest = hashlib.sha256(read.features.tobytes()).hexdigest()
    return Reading(part, len(read.features), digest, read.doubts, read.misfit)


def _key(path: Path, rig: Rig | None) -> str:
    """A name that changes when the file changes, or how it is read."""
    state = path.resolve(), *size_and_time(path), LAYOUT.sizes, __version__, rig
    return hashlib.sha256(repr(state).encode()).hexdigest()[:32]


def size_and_time(path: Path) -> tuple[int, int]:
    """Bytes and nanoseconds of the last change; zeros for what cannot be looked at, as a link to
    nothing.
    """
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns
