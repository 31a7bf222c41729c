"""Which clips a run is about: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from kinestyle.batch.order import FoundClip
from kinestyle.errors import MotionFileError
from kinestyle.formats.table import FORMATS


def is_pattern(place: str) -> bool:
    """Whether a name stands for several files, such as "clips/**/*.bvh"."""
    return glob.has_magic(place) and not os.path.lexists(place)


def find_clips(places: Iterable[str], out: Path) -> tuple[list[FoundClip], int]:
    """The clips that are named, in folders that are, and that match patterns, by name; and how many
    were left out because they lie in `out`, the folder of results.

    A name is relative to the folder or the fixed part of the pattern, and of files that are named
    one by one to the folder that they have in common. Raises MotionFileError where there is none.
    """
    named = list(places)
    files = [place for place in named if not is_pattern(place) and not Path(place).is_dir()]
    base = Path(os.path.commonpath([Path(file).absolute().parent for file in files] or [Path("/")]))
    found: dict[Path, FoundClip] = {}
    inside = 0
    results = out.resolve()
    for place in named:
        for path, name in _in_place(place, base):
            resolved = path.resolve()
            if resolved.is_relative_to(results):
                inside += 1
            else:
                found.setdefault(resolved, _described(path, name))
    clips = sorted(found.values(), key=lambda clip: clip.name)
    if not clips:
        said = ", ".join(named)
        if inside:
            raise MotionFileError(
                f"all motion files in {said} lie in {out}, where the results go; name another "
                f"folder for these"
            )
        raise MotionFileError(f"there is no motion file in {said}")
    return clips, inside


def _in_place(place: str, base: Path) -> Iterator[tuple[Path, Path]]:
    """The motion files in a place, and the name of each."""
    path = Path(place)
    if is_pattern(place):
        fixed = _fixed_part(place)
        # patterns may be absolute, which those of `Path.glob` may not
        for match in map(Path, sorted(glob.glob(place, recursive=True))):  # noqa: PTH207
            if match.is_file() and match.suffix.lower() in FORMATS:
                yield match, match.relative_to(fixed)
    elif path.is_dir():
        for match in sorted(path.rglob("*")):
            if match.suffix.lower() in FORMATS and match.is_file():
                yield match, match.relative_to(path)
    else:  # what is no file is refused with the others, when it is read
        yield path, path.absolute().relative_to(base)


def _fixed_part(pattern: str) -> Path:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[: min(fixed, len(parts) - 1)])


def _described(path: Path, name: Path) -> FoundClip:
    try:
        stat = path.stat()
    except OSError:
        return FoundClip(str(path), name.as_posix(), "", 0)
    return FoundClip(str(path), name.as_posix(), f"{stat.st_size}:{stat.st_mtime_ns}", stat.st_size)
