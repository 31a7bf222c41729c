"""Files that broke a reader once, or nearly: what fuzzing found, made small and kept under
files/FORMAT/invalid.

Beside each is a .txt with what the refusal must say, a fragment to a line. BVH and ASF/AMC have
tests of their own for such files.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import parse_bvh
from kinestyle.formats.limits import MAX_JOINT_FRAMES, joint_frame_limit
from kinestyle.formats.table import read_motion

FILES = Path(__file__).parent / "files"
DAMAGED = sorted(
    path
    for kind in ("gltf", "fbx", "npy")
    for path in (FILES / kind / "invalid").glob("*")
    if path.suffix != ".txt"
)


@pytest.mark.parametrize("path", DAMAGED, ids=lambda path: path.name)
def test_a_damaged_file_is_refused_in_words(path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        read_motion(path)
    assert path.name in str(caught.value)
    for fragment in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        assert fragment in str(caught.value)


def hollow(joints: int, frames: int) -> bytes:
    """A small BVH file that asks for much: joints without channels, and one number a frame."""
    still = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(joints - 1))
    head = (
        f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 1 "
        f"Xrotation\n{still}}}\nMOTION\nFrames: {frames}\nFrame Time: 0.1\n"
    )
    return (head + "0\n" * frames).encode()


def test_memory_is_bounded_by_the_size_of_the_file() -> None:
    data = hollow(1000, 300)
    assert joint_frame_limit(len(data)) >= 300_000
    assert parse_bvh(data, "hollow.bvh").frame_count == 300
    larger = hollow(4000, 300)
    assert joint_frame_limit(len(larger)) < 1_200_000
    with pytest.raises(
        MotionFileError,
        match=r"300 frames of 4000 joints, expected at most [0-9]+ frames times joints in a file",
    ):
        parse_bvh(larger, "hollow.bvh")
    assert joint_frame_limit(2**40) == MAX_JOINT_FRAMES


def test_a_number_that_is_none_is_found_fast_behind_a_million_others() -> None:
    """The refusal of a large file may not take much longer than reading it."""
    rows = "0 " * 500_000
    text = (
        f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}}\nMOTION\nFrames: "
        f"1000000\nFrame Time: 0.1\n{rows}\n"
    )
    start = time.process_time()
    assert parse_bvh((text + rows + "\n").encode(), "sound.bvh").frame_count == 1_000_000
    reading = time.process_time() - start
    start = time.process_time()
    with pytest.raises(
        MotionFileError,
        match=r"line 11, column 999999: found '0x', expected a number as value 1 of 1 of frame "
        r"1000000",
    ):
        parse_bvh((text + rows[:-2] + "0x\n").encode(), "late.bvh")
    # looking for the place line by line would take a hundred times as long
    assert time.process_time() - start < 10.0 * reading
