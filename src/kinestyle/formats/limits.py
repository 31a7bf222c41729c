"""How large a motion file may be: what readers of all formats refuse."""

from __future__ import annotations

from kinestyle.errors import MotionFileError

MAX_FILE_BYTES = 512 * 2**20
MAX_JOINTS = 4096
MAX_FRAMES = 2**20
MAX_JOINT_FRAMES = 2**25
"""Frames times joints."""
_FREE_JOINT_FRAMES, _JOINT_FRAMES_PER_BYTE = 2**18, 4
MAX_MAGNITUDE = 1e12
"""Of any number. Squares and sums of larger ones would overflow later, far from the faulty file."""


def check_size(data: bytes, name: str) -> None:
    """Raises MotionFileError for a file of more than `MAX_FILE_BYTES`."""
    if len(data) > MAX_FILE_BYTES:
        raise MotionFileError(
            f"{name} has {len(data)} bytes, more than the limit of {MAX_FILE_BYTES}"
        )


def joint_frame_limit(file_bytes: int) -> int:
    """The most frames times joints that a text file of so many bytes may hold.

    Four for each byte: a few bytes a frame over thousands of joints without channels must not fill
    the memory. A joint with three channels takes six bytes a frame at least.
    """
    return min(MAX_JOINT_FRAMES, _FREE_JOINT_FRAMES + _JOINT_FRAMES_PER_BYTE * file_bytes)
