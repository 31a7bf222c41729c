"""Where clips come from and results go: folders of this machine or shared by several, and, through
fsspec, URLs such as those of object stores.

A result appears in its place when it is whole. Only this module imports fsspec.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kinestyle.batch.patterns import is_url
from kinestyle.errors import MotionFileError
from kinestyle.extras import needs_extra
from kinestyle.storage import clear_unfinished, replace_bytes, scratch_folder

_COMPANIONS = {".gltf": ".glb", ".amc": ".bvh"}
"""Formats of which a clip may have files beside it, and what to make of them."""
_REPLACES_WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "memory")
"""Stores in which an object appears when it is whole."""


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it. Raises MotionFileError, MissingExtraError."""
    with needs_extra("ray", "a URL"):
        import fsspec
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise MotionFileError(f"{url} cannot be reached: {error}") from None
    return found


@contextmanager
def as_file(place: str) -> Iterator[Path]:
    """The file of a clip: itself, or a copy for a while of what a URL names. Raises
    MotionFileError.
    """
    if not is_url(place):
        yield Path(place)
        return
    name = PurePosixPath(place)
    if (better := _COMPANIONS.get(name.suffix.lower())) is not None:
        raise MotionFileError(
            f"{name.name} may need files beside it, and from a URL one file is read; convert it to "
            f"{better}, or name a folder"
        )
    system, path = file_system(place)
    with scratch_folder() as folder:
        copy = folder / name.name
        copy.write_bytes(system.cat_file(path))
        yield copy


def open_results(out: str) -> LocalResults | RemoteResults:
    return RemoteResults(out.rstrip("/")) if is_url(out) else LocalResults(Path(out))


@dataclass(frozen=True)
class LocalResults:
    """A folder of results that this machine sees."""

    folder: Path

    @contextmanager
    def writing(self, out: str) -> Iterator[Path]:
        """Where a result is written that belongs at `out`. Raises OSError."""
        target = self.folder / out
        target.parent.mkdir(parents=True, exist_ok=True)
        yield target

    def clear(self, outs: Iterable[str]) -> None:
        """Delete what killed processes left where results belong."""
        for folder in sorted({(self.folder / out).parent for out in outs}):
            clear_unfinished(folder)

    def exists(self, out: str) -> bool:
        return os.path.lexists(self.folder / out)

    def size(self, files: Sequence[str]) -> int:
        """Bytes of all files; -1 where one is missing."""
        try:
            return sum((self.folder / file).stat().st_size for file in files)
        except OSError:
            return -1


@dataclass(frozen=True)
class RemoteResults:
    """A folder of results that a URL names, without a slash at its end."""

    url: str

    @contextmanager
    def writing(self, out: str) -> Iterator[Path]:
        """As `LocalResults.writing`, in a folder of its own, whose files are sent when the block
        ends well.
        """
        with scratch_folder() as folder:
            yield folder / PurePosixPath(out).name
            for file in sorted(folder.iterdir()):
                self.send(file, (PurePosixPath(out).parent / file.name).as_posix())

    def send(self, file: Path, out: str) -> None:
        """Raises OSError, and what the file system of the URL raises."""
        system, path = file_system(f"{self.url}/{out}")
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
        if set(protocols) & set(_REPLACES_WHOLE):
            system.put_file(str(file), path)
            return
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.kinestyle-{os.urandom(8).hex()}-{name}.part"
        system.put_file(str(file), beside)
        system.mv(beside, path)

    def clear(self, outs: Iterable[str]) -> None:
        """As `LocalResults.clear`; what was half sent has no name that a reader takes."""

    def exists(self, out: str) -> bool:
        system, path = file_system(f"{self.url}/{out}")
        return bool(system.exists(path))

    def size(self, files: Sequence[str]) -> int:
        """As `LocalResults.size`."""
        try:
            return sum(
                int(system.size(path))
                for system, path in (file_system(f"{self.url}/{file}") for file in files)
            )
        except (OSError, TypeError):
            return -1

    def lines(self, name: str) -> list[bytes]:
        """The content of the files of one folder."""
        system, path = file_system(f"{self.url}/{name}")
        if not system.exists(path):
            return []
        return list(system.cat(f"{path}/*").values()) if system.ls(path) else []

    def put(self, name: str, data: bytes) -> None:
        """As `send`."""
        with scratch_folder() as folder:
            replace_bytes(folder / "data", data)
            self.send(folder / "data", name)


Results = LocalResults | RemoteResults
