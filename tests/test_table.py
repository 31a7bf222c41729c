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
from kinestyle.motion.clip import Clip

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


def with_frame_time(tmp_path: Path, text: str, frames: int = 3) -> Path:
    head, rows = PLAIN.read_text().split("Frame Time:")
    head = head.replace("Frames: 3", f"Frames: {frames}")
    lines = rows.splitlines(keepends=True)[1 : 1 + frames]
    path = tmp_path / "timed.bvh"
    path.write_text(f"{head}Frame Time: {text}\n{''.join(lines)}")
    return path


@pytest.mark.parametrize("text", ["8.333333", "0.51", "33", "120", "0", "1e-9"])
def test_a_rate_that_cannot_be_believed_is_to_be_stated(tmp_path: Path, text: str) -> None:
    path = with_frame_time(tmp_path, text)
    with pytest.raises(MotionFileError, match=rf"found '{text}', expected a frame time .* fps"):
        read_motion(path)
    clip = read_motion(path, fps=120)
    assert clip.frame_time_seconds == 1 / 120
    plain = read_motion(PLAIN)
    assert (clip.local_rotation == plain.local_rotation).all()
    # what is written has the same hierarchy, and can be read
    write_motion(clip, tmp_path / "out.bvh")
    assert read_motion(tmp_path / "out.bvh").frame_time_seconds == 1 / 120
    before = path.read_text().partition(f"Time: {text}\n")[0]
    assert (tmp_path / "out.bvh").read_text().startswith(f"{before}Time: 0.008333333333333333\n")


def test_rates_that_can_be_believed_are_not_doubted(tmp_path: Path) -> None:
    assert read_motion(with_frame_time(tmp_path, "0.5")).frame_time_seconds == 0.5
    assert read_motion(with_frame_time(tmp_path, "1", frames=1)).frame_time_seconds == 1.0


@pytest.mark.parametrize("suffix", [".bvh", ".glb", ".fbx"])
def test_a_stated_rate_counts_in_every_format(tmp_path: Path, suffix: str, walk_clip: Clip) -> None:
    if suffix == ".fbx":
        pytest.importorskip("ufbx")
    path, out = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_motion(walk_clip, path)
    clip = read_motion(path, fps=60)
    assert clip.frame_time_seconds == 1 / 60
    write_motion(clip, out)
    assert read_motion(out).frame_time_seconds == pytest.approx(1 / 60, rel=1e-5)
    assert read_motion(out).frame_count == walk_clip.frame_count


@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf"), 1e9])
def test_a_rate_that_is_none_is_refused(fps: float) -> None:
    with pytest.raises(MotionFileError, match=r"fps is .*, expected frames a second from 0\.1 to"):
        read_motion(PLAIN, fps)
