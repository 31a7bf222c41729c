"""Writing arrays: into the layout of the file that the clip came from."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.arrays.body_poses import RATE_KEYS
from kinestyle.formats.arrays.numpy_files import Archive, array_chunks, parse_array
from kinestyle.formats.arrays.source import ArraySource, changed_arrays, has_rate_of, is_unchanged
from kinestyle.motion.clip import Clip, check_writable
from kinestyle.motion.window import Progress, part_of_progress
from kinestyle.storage import name_of, replacing

_CONVERTED = 0.55
"""The share of the work that is done when all is to be written."""


def write_arrays(clip: Clip, path: str | Path, progress: Progress | None = None) -> tuple[str, ...]:
    """Write a clip that was read from arrays in the layout of its file, whole or not at all, and
    return a sentence for each thing that this layout cannot hold.

    A motion that did not change is written byte for byte. Raises MotionFileError for a clip that
    came from no such file.
    """
    path = Path(path)
    with replacing(path) as file:
        notes = _write(clip, name_of(path), file, part_of_progress(progress, 0.0, _CONVERTED))
        _done(progress)
    return notes


def format_arrays(clip: Clip, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that `write_arrays` writes, and its notes; `name` is what messages call the
    file.
    """
    file = io.BytesIO()
    notes = _write(clip, name, file, None)
    return file.getvalue(), notes


def _write(clip: Clip, name: str, file: IO[bytes], progress: Progress | None) -> tuple[str, ...]:
    """As `format_arrays`, to a file."""
    check_writable(clip, name)
    if clip.base is not None:
        raise MotionFileError(
            f"{name} cannot be written: arrays hold motion, and what is asked for is a layer; "
            f"write .bvh, .glb or .fbx"
        )
    source, suffix = clip.source, Path(name).suffix.lower()
    if not isinstance(source, ArraySource) or clip.skeleton.names != source.read.skeleton.names:
        raise MotionFileError(
            f"{name} cannot be written: arrays are written in the layout of the file that a "
            f"motion was read from, and this one came from another kind of file; write .bvh, .glb "
            f"or .fbx"
        )
    if suffix != source.suffix:
        raise MotionFileError(
            f"{name} cannot be written: the motion came from a {source.suffix} file; write that, "
            f".bvh, .glb or .fbx"
        )
    if source.suffix == ".npy":
        # it states no rate that could be wrong
        if is_unchanged(
            replace(clip, frame_time_seconds=source.read.frame_time_seconds), source.read
        ):
            file.write(source.data)
            return ()
        array = parse_array(source.data, name)
        changed, notes = changed_arrays(clip, source, {"": array}, progress)
        _done(progress)
        for chunk in array_chunks(changed[""], array):
            file.write(chunk)
        return _named(notes, name)
    if is_unchanged(clip, source.read):
        file.write(source.data)
        return ()
    archive = Archive(source.data, name)
    arrays = {key: archive.array(key) for key in source.keys}
    changed, notes = changed_arrays(clip, source, arrays, progress)
    _done(progress)
    if not has_rate_of(clip, source.read):
        rate = archive.number_key(*RATE_KEYS)
        if rate is None:
            notes += (f"it states no frame rate; the motion has {clip.frame_rate:g}",)
        else:
            changed[rate] = np.full(archive.array(rate).shape, clip.frame_rate)
    archive.write(file, changed)
    return _named(notes, name)


def _done(progress: Progress | None) -> None:
    """Say that all of a part of the work is done."""
    if progress is not None:
        progress(1.0)


def _named(notes: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(f"{name}: {note}" for note in notes)
