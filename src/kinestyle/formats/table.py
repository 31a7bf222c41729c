"""The table of motion file formats: suffix to reader and writer. A new format is a new row.

A format is imported when a file of it is read or written: who restyles BVH does not wait for FBX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Unpack

from kinestyle.errors import MotionFileError, shown, wrong_type
from kinestyle.formats.characters import choose_character
from kinestyle.formats.reading import UP_AXES, Reading, ReadingWords
from kinestyle.motion.clip import UNSTATED, Clip, StatedWorld
from kinestyle.motion.layer import collect_layered
from kinestyle.motion.window import Motion, Progress, part_of_progress, require_motion
from kinestyle.rig.body_frame import AXES
from kinestyle.storage import name_of, require_file

MIN_FPS, MAX_FPS = 0.1, 100_000.0


ClipWriter = Callable[[Clip, Path, Progress | None], tuple[str, ...]]
Writer = Callable[[Motion, Path, Progress | None], tuple[str, ...]]
"""Returns a sentence for each thing that the format could not express."""
_COLLECTED = 0.7
"""The share of the work that is done when motion was computed and is to be written."""


class Format(NamedTuple):
    """How files of one suffix are read and written.

    read: takes what is said of the file, see `Reading`
    write: None for a format that is only read
    open: reads a long file a window at a time; None for a format whose files are read as a whole
    """

    read: Callable[[Path, Reading], Clip]
    write: Writer | None
    open: Callable[[Path, Reading], Motion] | None = None


def _retimed(read: Callable[[Path], Clip]) -> Callable[[Path, Reading], Clip]:
    """A reader of files with one motion, at the rate that they say, as one that takes more."""

    def read_as(path: Path, reading: Reading) -> Clip:
        _has_no_animations(path, reading)
        choose_character([path.stem], reading.character, 0, shown(name_of(path)))
        return _at_rate(read(path), reading)

    return read_as


def _as_a_whole(write: ClipWriter) -> Writer:
    """A writer of clips as one that takes longer motion too."""

    def write_all(motion: Motion, path: Path, progress: Progress | None) -> tuple[str, ...]:
        if isinstance(motion, Clip):
            return write(motion, path, progress)
        clip = collect_layered(motion, part_of_progress(progress, 0.0, _COLLECTED))
        return write(clip, path, part_of_progress(progress, _COLLECTED, 1.0))

    return write_all


def _at_rate(clip: Clip, reading: Reading) -> Clip:
    """The clip at the rate that is stated."""
    return clip if reading.fps is None else replace(clip, frame_time_seconds=1.0 / reading.fps)


def _has_no_animations(path: Path, reading: Reading) -> None:
    """Raises MotionFileError where an animation is asked for."""
    if reading.animation is not None:
        raise MotionFileError(
            f"{shown(name_of(path))} holds one motion without a name, found {reading.animation!r} "
            f"as the animation to read; leave it out"
        )


def _read_bvh(path: Path, reading: Reading) -> Clip:
    from kinestyle.formats.bvh import read_bvh

    _has_no_animations(path, reading)
    return read_bvh(path, reading.fps, reading.character)


def _open_bvh(path: Path, reading: Reading) -> Motion:
    from kinestyle.formats.bvh import open_bvh

    _has_no_animations(path, reading)
    return open_bvh(path, reading.fps, _stated(UNSTATED, reading), reading.character)


def _write_bvh(motion: Motion, path: Path, progress: Progress | None) -> tuple[str, ...]:
    from kinestyle.formats.bvh import write_bvh

    return write_bvh(motion, path, progress)


def _read_amc(path: Path) -> Clip:
    from kinestyle.formats.asf_amc import read_amc

    return read_amc(path)


def _read_gltf(path: Path, reading: Reading) -> Clip:
    from kinestyle.formats.gltf import read_gltf

    return _at_rate(read_gltf(path, reading.animation, reading.character), reading)


def _write_gltf(clip: Clip, path: Path, progress: Progress | None) -> tuple[str, ...]:
    from kinestyle.formats.gltf import write_gltf

    return write_gltf(clip, path, progress)


def _read_fbx(path: Path, reading: Reading) -> Clip:
    from kinestyle.formats.fbx import read_fbx

    return _at_rate(read_fbx(path, reading.animation, reading.character), reading)


def _write_fbx(clip: Clip, path: Path, progress: Progress | None) -> tuple[str, ...]:
    from kinestyle.formats.fbx import write_fbx

    return write_fbx(clip, path, progress)


def _read_arrays(path: Path, reading: Reading) -> Clip:
    from kinestyle.formats.arrays import read_arrays

    _has_no_animations(path, reading)
    return _at_rate(read_arrays(path, reading.character), reading)


def _write_arrays(clip: Clip, path: Path, progress: Progress | None) -> tuple[str, ...]:
    from kinestyle.formats.arrays import write_arrays

    return write_arrays(clip, path, progress)


FORMATS: dict[str, Format] = {
    ".bvh": Format(_read_bvh, _write_bvh, _open_bvh),
    ".amc": Format(_retimed(_read_amc), None),
    ".glb": Format(_read_gltf, _as_a_whole(_write_gltf)),
    ".gltf": Format(_read_gltf, _as_a_whole(_write_gltf)),
    ".vrm": Format(_read_gltf, _as_a_whole(_write_gltf)),
    ".vrma": Format(_read_gltf, _as_a_whole(_write_gltf)),
    ".fbx": Format(_read_fbx, _as_a_whole(_write_fbx)),
    ".npy": Format(_read_arrays, _as_a_whole(_write_arrays)),
    ".npz": Format(_read_arrays, _as_a_whole(_write_arrays)),
}
"""By lower-case suffix."""
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".joblib"}


def read_motion(path: str | Path, fps: float | None = None, **said: Unpack[ReadingWords]) -> Clip:
    """The clip in a motion file; its suffix names the format.

    fps: frames a second, for a file that states none or a wrong rate; None: as the file says
    animation: of a file with several, the name of the one to read, or its number, from 1; None: the
        active one, else the one that moves most. `Clip.animations` lists them.
    up, swap_sides, level, character: what else is known of the file, see `Reading`

    Raises MotionFileError for a file that cannot be read, is not sound, or states a rate that
    cannot be believed.
    """
    return read_as(as_path(path), Reading(fps, **said))


def as_path(path: str | Path) -> Path:
    """Raises WrongTypeError for what is no path."""
    if not isinstance(path, str | PathLike):
        raise wrong_type("path", path, "the path of a motion file")
    return Path(path)


def read_as(path: Path, reading: Reading) -> Clip:
    """As `read_motion`, for what is said of a file in one value."""
    path = _checked(path, reading)
    clip = format_of(path).read(path, reading)
    return replace(clip, world=_stated(clip.world, reading))


def read_animations(
    path: str | Path, fps: float | None = None, **said: Unpack[ReadingWords]
) -> Iterator[Clip]:
    """A clip for each animation in a motion file, in the file's order; of a file without
    animations, the one clip. As `read_motion`.
    """
    reading = Reading(fps, **said)._replace(animation=None)
    first = read_as(path := as_path(path), reading)
    for animation in first.animations:
        yield read_as(path, reading._replace(animation=animation.name))
    if not first.animations:
        yield first


def open_motion(path: str | Path, fps: float | None = None, **said: Unpack[ReadingWords]) -> Motion:
    """The motion in a file, however long it is: the clip that `read_motion` gives, or, for more
    than two minutes of BVH, a motion whose frames are read from the file when they are asked for.

    fps, animation and more: as in `read_motion`

    Raises MotionFileError as `read_motion` does, and later where the file changes meanwhile.
    """
    return open_as(as_path(path), Reading(fps, **said))


def open_as(path: Path, reading: Reading) -> Motion:
    """As `open_motion`, for what is said of a file in one value."""
    path = _checked(path, reading)
    row = format_of(path)
    return read_as(path, reading) if row.open is None else row.open(path, reading)


def _stated(world: StatedWorld, reading: Reading) -> StatedWorld:
    """What a file states of its world, and what is said of it beyond that."""
    if reading.up is not None:
        x, y, z = AXES[reading.up].tolist()
        world = replace(world, up=(x, y, z))
    if reading.level is not None:
        world = replace(world, tilted=reading.level)
    return world if reading.swap_sides is None else replace(world, mirrored=reading.swap_sides)


def _checked(path: Path, reading: Reading) -> Path:
    """Raises MotionFileError for what is no file, and for a rate or an axis that none has."""
    fps = reading.fps
    if reading.up is not None and reading.up not in UP_AXES:
        raise MotionFileError(
            f"up is {reading.up!r}, expected the axis that points up: one of {', '.join(UP_AXES)}"
        )
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise MotionFileError(
            f"fps is {fps:g}, expected frames a second from {MIN_FPS:g} to {MAX_FPS:g}"
        )
    require_file(path, "a motion file")
    return path


def write_motion(
    motion: Motion, path: str | Path, progress: Progress | None = None
) -> tuple[str, ...]:
    """Write a clip, or a longer motion, in the format of the path's suffix, whole or not at all,
    and return what the format could not express.

    progress: called with the share that is done; what it raises ends the work

    Raises MotionFileError for a suffix that is unknown or only read, or a file that cannot be
    written.
    """
    require_motion(motion, "motion")
    path = as_path(path)
    return writer_of(path)(motion, path, progress)


def writer_of(path: Path) -> Writer:
    """The writer of a path's format. Raises MotionFileError for a suffix that is unknown or only
    read.
    """
    write = format_of(path).write
    if write is None:
        written = ", ".join(suffix for suffix, row in FORMATS.items() if row.write)
        raise MotionFileError(
            f"{shown(name_of(path))} has the suffix {path.suffix!r}, "
            f"which is read but not written; write {written}"
        )
    return write


def format_of(path: Path) -> Format:
    """The table's row for a path. Raises MotionFileError for an unknown suffix."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(FORMATS)
        if path.suffix.lower() in _PICKLES:
            raise MotionFileError(
                f"{shown(name_of(path))} holds Python objects, which are not read because loading "
                f"them may run programs; save what is in it with np.savez, as poses and trans or "
                f"as joints"
            ) from None
        raise MotionFileError(
            f"{shown(name_of(path))} has the suffix {path.suffix!r}, "
            f"expected a known motion format: {known}"
        ) from None
