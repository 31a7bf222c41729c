"""Which clips a run is about: files, folders and patterns."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

from kinestyle.batch.order import FoundClip
from kinestyle.batch.patterns import is_pattern, is_url
from kinestyle.batch.places import file_system
from kinestyle.errors import MotionFileError
from kinestyle.formats.table import FORMATS


def find_clips(places: Iterable[str], out: str) -> tuple[list[FoundClip], int]:
    """The clips that are named, in folders that are, and that match patterns, by name; and how many
    were left out because they lie in `out`, the folder of results.

    A name is relative to the folder or the fixed part of the pattern, and of files that are named
    one by one to the folder that they have in common. Raises MotionFileError where there is none.
    """
    named = list(places)
    local = [place for place in named if not is_url(place)]
    files = [place for place in local if not is_pattern(place) and not Path(place).is_dir()]
    base = Path(os.path.commonpath([Path(file).absolute().parent for file in files] or [Path("/")]))
    found: dict[str, FoundClip] = {}
    inside = 0
    results = out if is_url(out) else str(Path(out).resolve())
    for clip in chain.from_iterable(
        _of_url(place) if is_url(place) else _in_place(place, base) for place in named
    ):
        key = clip.place if is_url(clip.place) else str(Path(clip.place).resolve())
        if key.startswith(f"{results.rstrip('/' + os.sep)}{'/' if is_url(out) else os.sep}"):
            inside += 1
        else:
            found.setdefault(key, clip)
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


def _of_url(url: str) -> Iterator[FoundClip]:
    """The motion files that a URL names: a file, a folder or a pattern."""
    system, path = file_system(url)
    try:
        if is_pattern(url):
            base = path[: re.search(r"[*?\[]", path).start()].rpartition("/")[0]  # type: ignore[union-attr]
            found = system.glob(path, detail=True)
        elif system.isdir(path):
            base, found = path, system.find(path, detail=True)
        else:
            base, found = path.rpartition("/")[0], {path: system.info(path)}
    except OSError as error:
        raise MotionFileError(f"{url} cannot be read: {error.strerror or error}") from None
    for match, about in sorted(found.items()):
        if PurePosixPath(match).suffix.lower() in FORMATS and about.get("type") != "directory":
            name = match[len(base) :].lstrip("/")
            place = system.unstrip_protocol(match)
            yield FoundClip(place, name, str(system.ukey(match)), int(about.get("size") or 0))


def _in_place(place: str, base: Path) -> Iterator[FoundClip]:
    """The motion files in a place of this machine."""
    path = Path(place)
    if is_pattern(place):
        fixed = _fixed_part(place)
        # patterns may be absolute, which those of `Path.glob` may not
        for match in map(Path, sorted(glob.glob(place, recursive=True))):  # noqa: PTH207
            if match.is_file() and match.suffix.lower() in FORMATS:
                yield _described(match, match.relative_to(fixed))
    elif path.is_dir():
        for match in sorted(path.rglob("*")):
            if match.suffix.lower() in FORMATS and match.is_file():
                yield _described(match, match.relative_to(path))
    else:  # what is no file is refused with the others, when it is read
        yield _described(path, path.absolute().relative_to(base))


def _fixed_part(pattern: str) -> Path:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[: min(fixed, len(parts) - 1)])


def _described(path: Path, name: Path) -> FoundClip:
    place = str(path.absolute())  # other machines are in other folders
    try:
        stat = path.stat()
    except OSError:
        return FoundClip(place, name.as_posix(), "", 0)
    return FoundClip(place, name.as_posix(), f"{stat.st_size}:{stat.st_mtime_ns}", stat.st_size)
