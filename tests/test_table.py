"""Formats go by suffix, and paths that cannot be read or written are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bvh_files import PLAIN, assert_same_file
from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import (
    read_bvh,
)
from kinestyle.formats.table import read_motion, write_motion

pytestmark = pytest.mark.usefixtures("time_limit")


def test_formats_go_by_suffix(tmp_path: Path) -> None:
    clip = read_motion(PLAIN)
    assert write_motion(clip, tmp_path / "OUT.BVH") == ()
    assert_same_file(clip, read_motion(str(tmp_path / "OUT.BVH")))


def test_paths_that_cannot_be_read_or_written_are_refused(tmp_path: Path) -> None:
    clip = read_motion(PLAIN)
    (tmp_path / "walk.c3d").write_text("x")
    (tmp_path / "folder.bvh").mkdir()
    with pytest.raises(MotionFileError, match=r"walk.c3d has the suffix '.c3d', expected .*\.bvh"):
        read_motion(tmp_path / "walk.c3d")
    with pytest.raises(MotionFileError, match=r"suffix '', expected .*\.bvh"):
        write_motion(clip, tmp_path / "walk")
    with pytest.raises(MotionFileError, match=r"none.bvh was not found"):
        read_motion(tmp_path / "none.bvh")
    with pytest.raises(MotionFileError, match=r"none.bvh was not found"):
        read_bvh(tmp_path / "none.bvh")
    for read in (read_motion, read_bvh):
        with pytest.raises(MotionFileError, match=r"folder.bvh is a folder"):
            read(tmp_path / "folder.bvh")
    with pytest.raises(
        MotionFileError, match=r"folder.bvh cannot be written because it is a folder"
    ):
        write_motion(clip, tmp_path / "folder.bvh")
    with pytest.raises(MotionFileError, match=r"does not exist; create it first"):
        write_motion(clip, tmp_path / "missing" / "out.bvh")
    with pytest.raises(MotionFileError, match=r"out.bvh cannot be written"):
        write_motion(clip, tmp_path / "walk.c3d" / "out.bvh")
