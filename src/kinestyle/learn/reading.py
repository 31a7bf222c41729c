"""Motion files into feature arrays: several at once, and going on where an earlier reading was cut.

Every clip becomes one file as soon as it is read, so that a killed reading begins again at the file it was at.
"""

from __future__ import annotations

import hashlib
import io
import os
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
from kinestyle.errors import DataError, KinestyleError
from kinestyle.motion.features import LAYOUT, clip_to_features
from kinestyle.motion.formats import read_motion
from kinestyle.motion.retarget import correspond, to_canonical
from kinestyle.storage import replace_bytes

SHORTEST_FRAMES = 16
PROGRESS_SECONDS = 10.0


@dataclass(frozen=True)
class Reading:
    """One clip that was read: where its features are, how long it is, what is doubtful about its rig.

    digest: of the features, so that the same motion under two names is seen
    """

    part: Path
    frame_count: int
    digest: str
    doubts: tuple[str, ...]

    @property
    def features(self) -> np.ndarray:
        """(T, 260) float32."""
        with np.load(self.part) as saved:
            return saved["features"]


def clip_features(path: Path) -> tuple[np.ndarray, tuple[str, ...]] | str:
    """(T, 260) float32 of one file and what is doubtful about its rig, or the sentence that says why it cannot be used."""
    try:
        clip = read_motion(path)
        correspondence = correspond(clip)
        features = clip_to_features(to_canonical(clip, correspondence))
    except KinestyleError as error:
        return str(error)
    except Exception as error:  # one file of thousands must not end a night's training, whoever is to blame
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return f"{path.name} met a fault in Kinestyle, please report it with the file: {what}"
    if len(features) < SHORTEST_FRAMES:
        return f"{path.name} has {len(features)} frames at 30 frames/s, fewer than the {SHORTEST_FRAMES} that training takes"
    if not np.isfinite(features).all():
        return f"{path.name} gives motion that is not finite, so nothing can be learned from it"
    return features.astype(np.float32), correspondence.mapping.warnings


def read_files(
    paths: Sequence[Path], parts: Path, report: Callable[[str], None], processes: int | None = None
) -> list[Reading | str]:
    """Read files, each into a file of its own in the folder `parts`; those that are there from an earlier call are kept.

    Returns, for each path, its reading or the sentence that says why it cannot be used. `processes`: as many as this
    process may use cores, where it is None.
    """
    parts.mkdir(parents=True, exist_ok=True)
    processes = min(processes or usable_cores(), max(1, len(paths)))
    readings: list[Reading | str] = []
    began = told = time.monotonic()
    try:
        with (
            ProcessPoolExecutor(processes, initializer=_end_with, initargs=(os.getpid(),))
            if processes > 1
            else nullcontext() as pool
        ):
            for reading in _each(pool, partial(_read, parts), paths):
                readings.append(reading)
                now = time.monotonic()
                if now - told > PROGRESS_SECONDS:
                    left = (now - began) / len(readings) * (len(paths) - len(readings))
                    report(f"read {len(readings)} of {len(paths)} files, {left:.0f} s left")
                    told = now
    except BrokenProcessPool:
        raise DataError(
            f"reading was ended from outside after {len(readings)} of {len(paths)} files, mostly a sign of too little memory; "
            "the same command goes on where it stopped"
        ) from None
    return readings


def _end_with(parent: int) -> None:
    """In a reading process: end when the run is killed, instead of waiting for ever for the next file."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _each(
    pool: ProcessPoolExecutor | None, read: Callable[[Path], Reading | str], paths: Iterable[Path]
) -> Iterator[Reading | str]:
    return map(read, paths) if pool is None else pool.map(read, paths, chunksize=4)


def _read(parts: Path, path: Path) -> Reading | str:
    part = parts / f"{_key(path)}.npz"
    try:
        with np.load(part) as saved:
            features, doubts = saved["features"], tuple(map(str, saved["doubts"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        read = clip_features(path)
        if isinstance(read, str):
            return read
        features, doubts = read
        buffer = io.BytesIO()
        np.savez(buffer, features=features, doubts=np.array(doubts, dtype=str))
        replace_bytes(part, buffer.getvalue())
    return Reading(part, len(features), hashlib.sha256(features.tobytes()).hexdigest(), doubts)


def _key(path: Path) -> str:
    """What changes when the file changes, or the way of reading it."""
    try:
        state = path.stat()
        about: tuple[object, ...] = (path.resolve(), state.st_size, state.st_mtime_ns, LAYOUT.sizes, __version__)
    except OSError:  # `clip_features` finds the words for it
        about = (path,)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:32]
