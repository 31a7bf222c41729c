"""Files of numpy's: one array (`.npy`), or several by name (`.npz`, a zip archive of them).

A header that asks for more than its file holds is refused: a false one could ask for any amount of
memory. Python objects are never loaded, because that may run programs.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import IO

import numpy as np

from kinestyle.errors import MotionFileError, shown
from kinestyle.motion import paged
from kinestyle.motion.rotation import Array

_FREE_BYTES, _BYTES_PER_BYTE = 2**23, 64
"""How large an array may be: this, and so much for each byte of its archive."""
_HEADER_BYTES, _CHUNK_BYTES = 2**17, 2**20
"""Numpy's headers are far shorter; of an array, so much is unpacked at a time."""
MAX_MEMBERS = 1000
DICTIONARY = (
    'np.load(FILE, allow_pickle=True).item()["motion"] is what text-to-motion models put there'
)


def parse_array(data: bytes | memoryview, name: str) -> Array:
    """The array in the bytes of a .npy file. Raises MotionFileError where it is none, or not one of
    numbers.
    """
    file = io.BytesIO(bytes(data[:_HEADER_BYTES]))
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the format")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran_order, dtype = read_header(file)
    except Exception as error:  # numpy does not document what it raises for a damaged header
        found = str(error).partition("\n")[0][:120]
        raise MotionFileError(
            f"{name} is not a sound .npy file ({found}); write it with np.save"
        ) from error
    if dtype.hasobject:
        raise MotionFileError(
            f"{name} holds Python objects, which are not read because they may run programs; save "
            f"one motion out of it with np.save: {DICTIONARY}"
        )
    if dtype.kind not in "fiu" or dtype.shape:
        raise MotionFileError(f"{name} holds values of the type {dtype}, expected numbers")
    rest = len(data) - file.tell()
    size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    if size != rest or any(n < 0 for n in shape):
        raise MotionFileError(
            f"{name} is damaged: found {rest} bytes of numbers, expected {size} for the shape "
            f"{shape}"
        )
    array = np.frombuffer(data, dtype, offset=file.tell())
    return array.reshape(shape, order="F" if fortran_order else "C")


def array_chunks(array: Array, like: Array) -> Iterator[bytes]:
    """The bytes of a .npy file, one chunk after the other: the array with another's type and order
    in memory.
    """
    file = io.BytesIO()
    if array.ndim < 2 or (like.flags.f_contiguous and not like.flags.c_contiguous):
        array = array.astype(like.dtype)
        in_order = np.asfortranarray(array) if like.ndim > 1 else array
        np.save(file, in_order, allow_pickle=False)
        yield file.getvalue()
        return
    # of a long clip, a copy is large
    described = np.lib.format.header_data_from_array_1_0(np.empty(0, like.dtype))
    np.lib.format.write_array_header_1_0(file, {**described, "shape": array.shape})
    yield file.getvalue()
    for part in paged.parts(array):
        yield part.astype(like.dtype).tobytes()


class Archive:
    """The arrays of a .npz file. Only those that are asked for are read."""

    def __init__(self, data: bytes, name: str) -> None:
        """Raises MotionFileError for what is no archive."""
        self.data, self.name = data, name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            found = str(error).partition("\n")[0][:120]
            raise MotionFileError(
                f"{name} is not a sound .npz file ({found}); write it with np.savez"
            ) from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise MotionFileError(
                f"{name} holds {len(members)} arrays, more than the limit of {MAX_MEMBERS}"
            )
        self._members = {
            PurePosixPath(member.filename).stem: member
            for member in members
            if member.filename.endswith(".npy")
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(self._members)

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def array(self, key: str) -> Array:
        """One array. Raises MotionFileError where it is damaged, too large, or not of numbers."""
        what = f"{shown(key)!r} in {self.name}"
        return parse_array(self._read(self._members[key], what), what)

    def number(self, *keys: str) -> float | None:
        """The first of some numbers that is there, and is one."""
        key = self.number_key(*keys)
        return None if key is None else float(self.array(key).reshape(-1)[0])

    def number_key(self, *keys: str) -> str | None:
        """The name of the first of some numbers that is there, and is one."""
        for key in keys:
            if key in self:
                try:
                    if self.array(key).size == 1:
                        return key
                except MotionFileError:
                    continue
        return None

    def _read(self, member: zipfile.ZipInfo, what: str) -> bytes | memoryview:
        limit = _FREE_BYTES + _BYTES_PER_BYTE * len(self.data)
        if member.file_size > limit:
            raise MotionFileError(
                f"{what} is {member.file_size} bytes long, more than the limit of {limit}"
            )
        try:
            with self._zip.open(member) as stream:
                chunks = iter(partial(stream.read, _CHUNK_BYTES), b"")
                return paged.stored(chunks, member.file_size)
        except (
            *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
            *(EOFError, OSError, ValueError),
        ) as error:
            found = str(error).partition("\n")[0][:120]
            raise MotionFileError(f"{what} is damaged ({found}); write it with np.savez") from error

    def write(self, file: IO[bytes], changed: Mapping[str, Array]) -> None:
        """Write the same archive with some other arrays."""
        new = {self._members[key].filename: (key, array) for key, array in changed.items()}
        with zipfile.ZipFile(file, "w") as out:
            for member in self._zip.infolist():
                kept = zipfile.ZipInfo(member.filename, member.date_time)
                kept.external_attr = member.external_attr
                kept.compress_type, kept.file_size = member.compress_type, member.file_size
                if member.filename in new:
                    key, array = new[member.filename]
                    like = self.array(key)
                    # by which the format of a member's head is chosen
                    kept.file_size = array.size * like.dtype.itemsize + _HEADER_BYTES
                    content = array_chunks(array, like)
                else:
                    whole = self._read(member, f"{shown(member.filename)!r} in {self.name}")
                    content = iter([bytes(whole)])
                with out.open(kept, "w") as into:
                    for chunk in content:
                        into.write(chunk)
