"""Long BVH files are read and written a window at a time: the same numbers, warnings and refusals
as at once, in little memory.
"""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bvh_files import FILES, layout_of, random_clip
from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import format_bvh, open_bvh, read_bvh, streaming, write_bvh, writer
from kinestyle.formats.bvh.streaming import StreamedBvh
from kinestyle.formats.table import open_motion, read_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.window import Motion, WindowSize, collect
from long_motion import long_clip

SMALL = WindowSize(whole_frames=0, whole_seconds=0.0, frames=16)

pytestmark = pytest.mark.usefixtures("time_limit")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any size are streamed and written in windows of 16 frames."""
    monkeypatch.setattr(streaming, "WINDOWS", SMALL)
    monkeypatch.setattr(writer, "WINDOWS", SMALL)
    monkeypatch.setattr(streaming, "_STREAMED_BYTES", 0)
    monkeypatch.setattr(streaming, "_BLOCK_BYTES", 5000)


def never(*_: object) -> Clip:
    raise AssertionError("the file was read at once")


@pytest.fixture
def walk_text(walk_file: Path) -> bytes:
    return walk_file.read_bytes()


def assert_same(motion: Motion, clip: Clip) -> None:
    """What is read in windows is what is read at once."""
    found = collect(motion, SMALL)
    np.testing.assert_array_equal(found.local_position, clip.local_position)
    np.testing.assert_array_equal(found.local_rotation, clip.local_rotation)
    assert (motion.name, motion.frame_count) == (clip.name, clip.frame_count)
    assert motion.frame_time_seconds == clip.frame_time_seconds
    assert motion.warnings == clip.warnings
    assert motion.world == clip.world
    assert motion.skeleton.names == clip.skeleton.names
    first = motion.window(0, 1)
    wanted = replace(layout_of(clip), values=layout_of(clip).values[:1])
    for field in ("channels", "head_text", "between_text", "frame_time_text", "decimals"):
        assert getattr(layout_of(first), field) == getattr(wanted, field)
    for field in ("shortest", "newline", "encoding", "byte_order_mark"):
        assert getattr(layout_of(first), field) == getattr(wanted, field)
    np.testing.assert_array_equal(layout_of(first).values, wanted.values)


@pytest.mark.usefixtures("small")
def test_every_sound_file_is_the_same_whichever_way_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "WINDOWS", replace(SMALL, frames=1))
    files = sorted((FILES / "valid").glob("*.bvh"))
    opened = [open_bvh(path) for path in files]
    for path, motion in zip(files, opened, strict=True):
        assert_same(motion, read_bvh(path))
    assert sum(isinstance(motion, StreamedBvh) for motion in opened) > len(files) / 2


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("path", sorted((FILES / "invalid").glob("*.bvh")), ids=lambda p: p.stem)
def test_a_file_is_refused_in_the_same_words_whichever_way_it_is_read(path: Path) -> None:
    with pytest.raises(MotionFileError) as at_once:
        read_bvh(path)
    with pytest.raises(MotionFileError) as in_windows:
        open_bvh(path)
    assert str(in_windows.value) == str(at_once.value)


def without_a_row(text: bytes) -> bytes:
    return text[: text.rstrip().rfind(b"\n") + 1]


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda text: text,
    "Windows line ends": lambda text: text.replace(b"\n", b"\r\n"),
    "no end of the last line": bytes.rstrip,
    "blank lines": lambda text: text.replace(b"0\n", b"0\n\n \t\n") + b"\n\n",
    "a row too few": without_a_row,
    "a row too many": lambda text: text + text.rstrip().rsplit(b"\n", 1)[1] + b"\n",
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text,
    "Latin-1": lambda text: text.replace(b"LeftHandThumb1", b"LeftHandPouc\xe9"),
    "exponents": lambda text: text.replace(b" 0.000000 ", b" 1.25e-17 ", 3),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("block_bytes", [1000, 5000, 10**6])
@pytest.mark.parametrize("form", FORMS)
def test_lines_end_and_are_counted_in_many_ways(
    form: str,
    block_bytes: int,
    walk_text: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "_BLOCK_BYTES", block_bytes)
    path = tmp_path / "walk.bvh"
    path.write_bytes(FORMS[form](walk_text))
    motion = open_bvh(path)
    assert isinstance(motion, StreamedBvh)
    assert_same(motion, read_bvh(path))
    # and out again
    assert format_bvh(motion, "out.bvh") == format_bvh(read_bvh(path), "out.bvh")


ODD: dict[str, Callable[[bytes], bytes]] = {
    "wrapped rows": lambda text: text.replace(b" 0.0", b"\n0.0"),
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "old Mac line ends": lambda text: text.replace(b"\n", b"\r"),
    "some old Mac line ends": lambda text: text.replace(b"0\n", b"0\r", 150),
    "long lines": lambda text: text,
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ODD)
def test_odd_files_are_read_at_once(
    form: str, walk_text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "long lines":
        monkeypatch.setattr(streaming, "_BLOCK_BYTES", 64)
        monkeypatch.setattr(streaming, "_LINE_BYTES", 64)
    path = tmp_path / "walk.bvh"
    path.write_bytes(ODD[form](walk_text))
    motion = open_bvh(path)
    assert isinstance(motion, Clip)
    np.testing.assert_array_equal(motion.local_rotation, read_bvh(path).local_rotation)


def test_what_is_short_or_small_is_read_at_once(
    walk_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(open_bvh(walk_file), Clip)
    monkeypatch.setattr(streaming, "_STREAMED_BYTES", 0)
    assert isinstance(open_bvh(walk_file), Clip)
    assert isinstance(open_motion(walk_file), Clip)
    with pytest.raises(MotionFileError, match=r"none\.bvh was not found"):
        open_motion(tmp_path / "none.bvh")
    with pytest.raises(MotionFileError, match="is a folder"):
        open_motion(tmp_path)


@pytest.mark.usefixtures("small")
def test_any_frames_and_joints_can_be_asked_for(walk_file: Path) -> None:
    motion, clip = open_bvh(walk_file), read_bvh(walk_file)
    frames = np.array([0, 3, 77, 150])
    np.testing.assert_array_equal(motion.sample(frames).local_rotation, clip.local_rotation[frames])
    legs = [0, *(clip.skeleton.index(name) for name in ("LeftUpLeg", "LeftLeg", "LeftFoot"))]
    found, wanted = (m.window(11, 40, legs) for m in (motion, clip))
    np.testing.assert_array_equal(found.local_rotation, wanted.local_rotation)
    np.testing.assert_array_equal(found.local_position, wanted.local_position)
    assert found.skeleton.names == wanted.skeleton.names
    assert motion.with_warnings("odd").warnings == ("odd",)


@pytest.mark.usefixtures("small")
def test_a_file_that_changes_while_it_is_read_is_noticed(walk_text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    path.write_bytes(walk_text)
    motion = open_bvh(path)
    path.write_bytes(walk_text.replace(b"1.", b"2."))
    with pytest.raises(MotionFileError, match=r"walk\.bvh changed while it was read"):
        motion.window(0, 5)
    path.unlink()
    with pytest.raises(MotionFileError, match=r"walk\.bvh cannot be read: No such file"):
        motion.window(0, 5)


ONE_JOINT = """HIERARCHY
ROOT hips
{
OFFSET 0 0 0
CHANNELS 1 Zrotation
}
MOTION
Frames: 65536
Frame Time: 0.03
"""


@pytest.mark.parametrize("blank_lines", [0, 2**23])
@pytest.mark.parametrize("row", ["0\n", "0.000000000000001\n"])
def test_a_file_is_checked_in_little_memory(
    blank_lines: int, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_STREAMED_BYTES", 0)
    monkeypatch.setattr(streaming, "read_bvh", never)
    path = tmp_path / "long.bvh"
    path.write_text(ONE_JOINT + "\n" * blank_lines + row * 2**16)
    tracemalloc.start()
    try:
        assert open_bvh(path).frame_count == 2**16
        assert tracemalloc.get_traced_memory()[1] < 2**26 + 8 * 2**16
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- writing


def turned_about(clip: Clip, seed: int) -> Clip:
    """Joints turn farther and farther, over the poles; now and then, for a while, they are as the
    file has them.
    """
    random = np.random.default_rng(seed)
    frames, joints = clip.local_rotation.shape[:2]
    spin = np.cumsum(0.4 * random.normal(size=(frames, joints, 3)), axis=0)
    turned = rotation.multiply(clip.local_rotation, rotation.exp(spin))
    kept = np.repeat(random.random((frames // 10 + 1, joints)) < 0.3, 10, axis=0)[:frames]
    local = np.where(kept[..., None], clip.local_rotation, turned)
    position = clip.local_position + 0.01 * np.cumsum(random.normal(size=(frames, 1, 3)), axis=0)
    return clip.with_motion(position, local)


def cut_short(clip: Clip) -> Clip:
    """Frames of a clip, with the source of all of them."""
    return clip.with_motion(clip.local_position[5:-5], clip.local_rotation[5:-5])


@pytest.mark.parametrize("seed", range(3))
def test_a_clip_written_in_windows_is_the_same_to_the_last_byte(
    seed: int, walk_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [
        turned_about(read_bvh(walk_file), seed),
        cut_short(turned_about(read_bvh(walk_file), seed)),
        turned_about(read_bvh(FILES / "valid" / "plain.bvh"), seed),
        random_clip(seed, 100),
        *(turned_about(read_bvh(path), seed) for path in (FILES / "valid").glob("*.bvh")),
    ]
    whole = [format_bvh(clip, "out.bvh") for clip in clips]
    monkeypatch.setattr(writer, "WINDOWS", replace(SMALL, frames=7))
    for clip, (data, notes) in zip(clips, whole, strict=True):
        in_windows, same_notes = format_bvh(clip, "out.bvh")
        assert in_windows == data, clip.name
        assert same_notes == notes


@pytest.mark.usefixtures("small")
def test_what_no_file_can_hold_is_named_by_its_frame(walk_clip: Clip) -> None:
    broken = walk_clip.local_rotation.copy()
    broken[100, 5, 2] = np.nan
    with pytest.raises(MotionFileError, match="not finite at frame 101 of joint"):
        format_bvh(walk_clip.with_motion(walk_clip.local_position, broken), "out.bvh")


class Failing:
    """A motion that cannot be read to its end."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def __getattr__(self, name: str) -> object:
        return getattr(self.clip, name)

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        if start > 40:
            raise MotionFileError("in.bvh changed while it was read")
        return self.clip.window(start, stop, joints)


@pytest.mark.usefixtures("small")
def test_a_file_is_written_as_a_whole_or_not_at_all(walk_clip: Clip, tmp_path: Path) -> None:
    out = tmp_path / "out.bvh"
    out.write_text("what was there")
    with pytest.raises(MotionFileError, match="changed while it was read"):
        write_bvh(Failing(walk_clip), out)  # type: ignore[arg-type]
    assert out.read_text() == "what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["out.bvh"]


# ---------------------------------------------------------------- the command line


@pytest.mark.usefixtures("small")
def test_strength_0_gives_a_streamed_file_back_to_the_last_byte(
    walk_file: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.bvh"
    command = ["stylize", str(walk_file), "--style", "proud", "--bundle", str(tiny_bundle)]
    main([*command, "--strength", "0", "-o", str(out)], standalone_mode=False)
    assert out.read_bytes() == walk_file.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["--style", "proud"],
        ["--style", "proud", "--fps", "48"],
        ["--like", "WALK", "--like-fps", "24", "--fps", "25"],
    ],
    ids=" ".join,
)
def test_a_streamed_file_is_restyled_as_one_that_is_read_at_once(
    options: list[str],
    walk_file: Path,
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = [str(walk_file) if word == "WALK" else word for word in options]
    command = ["stylize", str(walk_file), *options, "--bundle", str(tiny_bundle), "-o"]
    main([*command, str(tmp_path / "whole.bvh")], standalone_mode=False)
    for module in (streaming, writer):
        monkeypatch.setattr(module, "WINDOWS", SMALL)
    monkeypatch.setattr(streaming, "_STREAMED_BYTES", 0)
    monkeypatch.setattr(streaming, "read_bvh", never)
    for suffix in (".bvh", ".glb"):
        main([*command, str(tmp_path / f"streamed{suffix}")], standalone_mode=False)
    whole, streamed = (read_bvh(tmp_path / name) for name in ("whole.bvh", "streamed.bvh"))
    np.testing.assert_allclose(streamed.source.values, whole.source.values, atol=2e-6)
    assert streamed.frame_time_seconds == whole.frame_time_seconds
    in_glb = read_motion(tmp_path / "streamed.glb")
    assert in_glb.frame_count == whole.frame_count


MEASURED = """
import sys
from kinestyle.cli import main
main(sys.argv[1:], standalone_mode=False)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_minutes_of_motion_take_the_memory_of_one(tmp_path: Path) -> None:
    """Four minutes took 470 MB when they were worked through as a whole, an hour 7.8 GB."""
    clip, out = tmp_path / "long.bvh", tmp_path / "out.bvh"
    write_bvh(long_clip(240.0), clip)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "stylize", clip, "--style", "old", "-o", out],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 260
    assert read_bvh(out).frame_count == 7200
