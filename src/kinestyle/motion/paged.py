"""Large arrays that do not stay in memory: their numbers lie in a scratch file.

Such an array is an ordinary one, and what is done to all of it works. What is read of it or
written to it comes into memory in pages, which may be megabytes, until `give_back` hands them back
to the file. `taken` and `put` copy some frames, or a joint, and spare that. Joint after joint lies
together in the file, since readers and writers go from joint to joint.

The file has no name, or is deleted when it is closed: a process that is killed leaves none. It lies
in the folder for temporary files (TMPDIR). Where that has no room, the array is one in memory.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from math import prod

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import joints_inside

LARGE_BYTES = 2**24
"""Smaller arrays stay in memory."""
_PART = 1024
"""Frames that are looked at together."""
_ZEROS = bytes(2**20)


def empty(shape: tuple[int, ...]) -> Array:
    """(T, J, N) or (T, N) numbers, of which nothing is known yet; where they are many, in a scratch
    file.
    """
    size = 8 * prod(shape)
    pages = None if size < LARGE_BYTES else _pages(size)
    if pages is None:
        return np.empty(shape)
    if len(shape) == 2:
        return np.frombuffer(pages, float).reshape(shape)
    frames, joints, count = shape
    return joints_inside(np.frombuffer(pages, float).reshape(joints, frames, count))


def stored(chunks: Iterable[bytes], size: int) -> bytes | memoryview:
    """The bytes of all chunks, `size` in all, in one; where they are many, in a scratch file.

    Raises EOFError where there are fewer.
    """
    pages = None if size < LARGE_BYTES else _pages(size)
    if pages is None:
        return b"".join(chunks)
    at = 0
    for chunk in chunks:
        pages[at : at + len(chunk)] = chunk
        pages.hand_back()
        at += len(chunk)
    if at < size:
        raise EOFError(f"ends after {at} of {size} bytes")
    return memoryview(pages)


def concatenate(arrays: Sequence[Array]) -> Array:
    """The frames of arrays (T, J, N) one after the other, in a scratch file where they are many."""
    frames = sum(map(len, arrays))
    if 8 * frames * prod(arrays[0].shape[1:]) < LARGE_BYTES:
        return np.concatenate(arrays)
    _, joints, count = arrays[0].shape
    whole, start = empty((frames, joints, count)), 0
    for array in arrays:
        for part in parts(array):
            put(whole, start, part)
            start += len(part)
    return whole


def parts(array: Array) -> Iterator[Array]:
    """All rows of an array, some after the other, for work that needs not all of them at once."""
    for start in range(0, len(array), _PART):
        yield taken(array[start : start + _PART])


def taken(rows: Array, joints: Sequence[int] | None = None) -> Array:
    """Some frames of an array, or one joint, for work with them: of one in a scratch file a copy,
    unless that is large itself; of any other these very numbers.

    joints: of (T, J, N) those that are wanted, ascending, always as a copy
    """
    pages = _pages_of(rows)
    if pages is None:
        return rows if joints is None else np.take(rows, joints, axis=1)
    if joints is None and rows.nbytes >= LARGE_BYTES:
        return rows
    if joints is None and (rows.ndim != 3 or rows.flags.c_contiguous):
        copy = pages.run(rows)
    else:
        joints = range(rows.shape[1]) if joints is None else joints
        copy = np.empty((len(rows), len(joints), rows.shape[2]), rows.dtype)
        for into, joint in enumerate(joints):
            copy[:, into] = pages.run(rows[:, joint])
    pages.hand_back()
    return copy


def put(array: Array, start: int, rows: Array) -> None:
    """Set the frames of an array, (T, J, N) or (T, N), from `start` on; rows: (T', ...)."""
    into, pages = array[start : start + len(rows)], _pages_of(array)
    if pages is None:
        into[...] = rows
        return
    if array.ndim == 2:
        into, rows = into[:, None], rows[:, None]
    for joint in range(rows.shape[1]):
        pages.set_run(into[:, joint], rows[:, joint])
    pages.hand_back()


def give_back(*arrays: Array) -> None:
    """Let what lies in scratch files be in memory no more. Others stay as they are."""
    for array in arrays:
        if (pages := _pages_of(array)) is not None:
            pages.hand_back()


def is_paged(array: Array) -> bool:
    """Whether an array, or what it is a view of, lies in a scratch file."""
    return _pages_of(array) is not None


class _Pages(mmap.mmap):
    """A scratch file in memory, as far as it is looked at.

    file: its descriptor
    """

    file: int

    def __del__(self) -> None:
        if hasattr(self, "file"):
            os.close(self.file)

    def run(self, row: Array) -> Array:
        """row: a view of numbers that lie in the file one after the other -> a copy of them."""
        at = self._at(row)
        if at is None or not hasattr(os, "preadv"):
            return np.array(row, order="C")
        copy = np.empty(row.shape, row.dtype)
        wanted = copy.data.cast("B")
        # a system call reads 2 GiB at most
        done = 0
        while done < len(wanted):
            done += os.preadv(self.file, [wanted[done:]], at + done)
        return copy

    def set_run(self, row: Array, values: Array) -> None:
        """row: as in `run`, which becomes `values`."""
        at = self._at(row)
        if at is None or not hasattr(os, "pwrite"):
            row[...] = values
            return
        given = np.ascontiguousarray(values, row.dtype).data.cast("B")
        done = 0
        while done < len(given):
            done += os.pwrite(self.file, given[done:], at + done)

    def hand_back(self) -> None:
        """Keep none of it in memory."""
        # where this is not known, the system takes pages when it needs them
        if hasattr(self, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)

    def _at(self, row: Array) -> int | None:
        """The byte at which a row begins; None for one that does not lie in one run of numbers."""
        if not row.size or not row.flags.c_contiguous:
            return None
        first = np.frombuffer(self, np.uint8, 1)
        return int(row.ctypes.data - first.ctypes.data)


def _pages(size: int) -> _Pages | None:
    """So many bytes of a new scratch file; None where there is no room for it."""
    import tempfile

    try:
        with tempfile.TemporaryFile(prefix="kinestyle-") as file:
            # a page that finds no room on the disk later would end the process
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for start in range(0, size, len(_ZEROS)):
                    file.write(_ZEROS[: size - start])
                file.flush()
            pages = _Pages(file.fileno(), size)
            pages.file = os.dup(file.fileno())
    except OSError:
        return None
    return pages


def _pages_of(array: Array) -> _Pages | None:
    """The mapped file that an array is a view of, None for one in memory."""
    at: object = array
    while isinstance(at, np.ndarray):
        at = at.base
    if isinstance(at, memoryview):
        at = at.obj
    return at if isinstance(at, _Pages) else None
