"""Reading and replacing files as a whole, and folders for a while, with refusals a user can act on.

Whatever the system refuses here is a MotionFileError with the name of the file. What a killed
process leaves behind is recognised by its name and by a lock that nobody holds, and is deleted by
the next one that works in the same place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from kinestyle.errors import MotionFileError, one_line, shown
from kinestyle.locking import lock

_GROWN_BYTES = 2**20
"""Read at a time of a file that is longer than it said."""

_BEGINNING, _END = ".kinestyle-", ".tmp"
"""Of the name of a file that is not finished yet."""
_SCRATCH, _MARK = "kinestyle-", ".kinestyle-lock"
"""Beginning of the name of a scratch folder, and the file in it that is locked."""

_cleared: set[Path] = set()
"""Folders in which this process has looked for what others left."""


def name_of(path: Path) -> str:
    """What messages and clips call a file: its name as text on one line, whatever its bytes are."""
    return one_line(os.fsencode(path.name or str(path)).decode("utf-8", "replace"))


def require_file(path: Path, expected: str = "a file") -> None:
    """Raises MotionFileError where no file is that can be read from beginning to end."""
    with _refused(path, "read"):
        if path.is_dir():
            raise MotionFileError(f"{shown(name_of(path))} is a folder, expected {expected}")
        if not path.exists():
            raise MotionFileError(f"{shown(name_of(path))} was not found; check the path {path}")
        if not path.is_file():
            # opening a pipe or a device could wait for ever
            raise MotionFileError(
                f"{shown(name_of(path))} is not a regular file, expected {expected}"
            )


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """The content of a file of at most `limit_bytes`. Raises MotionFileError when it cannot be read
    or is larger.
    """
    require_file(path)
    with _refused(path, "read"), path.open("rb") as file:
        # read() takes the memory for all that it is asked for at once
        asked = min(os.fstat(file.fileno()).st_size, limit_bytes) + 1
        data = file.read(asked)
        while asked <= len(data) <= limit_bytes and (more := file.read(_GROWN_BYTES)):
            data += more
        if len(data) > limit_bytes:
            size = os.fstat(file.fileno()).st_size
            raise MotionFileError(
                f"{shown(name_of(path))} has {size} bytes, more than the limit of {limit_bytes}"
            )
    return data


def replace_bytes(path: Path, data: bytes) -> None:
    """As `replace_pieces`, of bytes that are in one."""
    replace_pieces(path, [data])


def replace_pieces(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Put bytes, one piece after the other, at `path`, all of them or nothing: a reader never sees
    half a file. Raises MotionFileError.
    """
    with replacing(path) as file:
        for piece in pieces:
            file.write(piece)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends, and leaves no trace
    where it does not.

    What is replaced keeps its permissions and owner; through a symbolic link, the file that it
    leads to is replaced. Raises MotionFileError, also for a pipe or a device.
    """
    with _refused(path, "written"):
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        _require_place(path, target)
        clear_unfinished(target.parent)
        with _unfinished(target.parent) as (beside, file):
            yield file
            file.flush()
            _keep_permissions(target, beside)
            if os.name == "nt":  # where no open file can be renamed
                file.close()
            beside.replace(target)


@contextlib.contextmanager
def _unfinished(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file, locked and open to be written. Deleted at the end, unless it was renamed."""
    while True:
        path = folder / f"{_BEGINNING}{os.urandom(8).hex()}{_END}"
        with path.open("xb") as file:
            # until it is locked, another process may take it for abandoned, and delete it
            if not _locked(file) or not path.exists():
                continue
            try:
                yield path, file
            finally:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            return


def _require_place(path: Path, target: Path) -> None:
    """Raises MotionFileError where no file can be written. target: where `path` leads to."""
    if target.is_dir():
        raise MotionFileError(f"{shown(name_of(path))} cannot be written because it is a folder")
    if target.exists() and not target.is_file():
        raise MotionFileError(
            f"{shown(name_of(path))} cannot be written because it is a pipe or a device; "
            f"name a file"
        )
    if not target.parent.is_dir():
        raise MotionFileError(
            f"{shown(name_of(path))} cannot be written because the folder {target.parent} "
            f"does not exist; create it first"
        )


def _keep_permissions(target: Path, beside: Path) -> None:
    """Give the new file the mode and the owner of the one that it replaces, if there is one."""
    try:
        before = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError, AttributeError):
        os.chown(beside, before.st_uid, before.st_gid)
    with contextlib.suppress(OSError):
        beside.chmod(before.st_mode & 0o7777)


def clear_unfinished(folder: Path) -> None:
    """Delete the unfinished files in a folder whose processes were killed. Each process looks there
    once.
    """
    if folder in _cleared:
        return
    _cleared.add(folder)
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(_BEGINNING) and entry.name.endswith(_END):
                with contextlib.suppress(OSError), Path(entry.path).open("r+b") as file:
                    if _locked(file, unknown=False):
                        Path(entry.path).unlink()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder for files that nobody else is to see, deleted when the block ends, or by the
    next process that asks for one where this one is killed. Raises MotionFileError.
    """
    # every command imports this module, few ask for a folder
    import shutil
    import tempfile

    parent = Path(tempfile.gettempdir())
    for old in parent.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError), (old / _MARK).open("r+b") as file:
            if _locked(file, unknown=False):
                shutil.rmtree(old)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_refused(parent, "written"))
        while True:
            folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            mark = stack.enter_context((folder / _MARK).open("xb"))
            if _locked(mark) and folder.exists():  # see `_unfinished`
                break
        files = folder / "files"
        files.mkdir()
        yield files


def _locked(file: BinaryIO, unknown: bool = True) -> bool:
    """Lock a file for this process; False where another one has it. unknown: the answer where the
    file system knows no locks.
    """
    try:
        lock(file.fileno())
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return unknown
    return True


@contextlib.contextmanager
def _refused(path: Path, done: str) -> Iterator[None]:
    """What the system refuses, as a MotionFileError. done: "read" or "written"."""
    try:
        yield
    except OSError as error:
        raise MotionFileError(
            f"{shown(name_of(path))} cannot be {done}: {error.strerror or error}"
        ) from error
