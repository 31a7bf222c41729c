"""Large arrays lie in a scratch file: they are what they would be in memory, and the memory of a
long clip does not grow with them. Every format says how far it is, and leaves nothing half-written.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle import Clip, Stylizer
from kinestyle.formats.arrays.body_poses import rest_skeleton
from kinestyle.formats.fbx import excerpts, loading
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import paged, rotation
from kinestyle.motion.window import WindowSize
from long_motion import long_clip

FORMATS = (".bvh", ".glb", ".gltf", ".vrma", ".fbx", ".npz")
MOST_MB = 600.0

pytestmark = pytest.mark.usefixtures("time_limit")


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of any size lie in scratch files."""
    monkeypatch.setattr(paged, "LARGE_BYTES", 0)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def in_file(values: np.ndarray) -> np.ndarray:
    made = paged.empty(values.shape)
    assert paged.is_paged(made), "the array is in memory"
    paged.put(made, 0, values)
    return made


def test_what_is_put_into_an_array_is_taken_from_it(large: None) -> None:
    values = random(300, 5, 4)
    made = in_file(values)
    np.testing.assert_array_equal(made, values)
    paged.put(made, 20, -values[20:50])
    values[20:50] *= -1.0
    made[7, 3] = values[7, 3] = 2.0
    for key in (slice(None), slice(20, 90), (slice(None), 3), slice(5, 5)):
        paged.give_back(made)
        np.testing.assert_array_equal(np.array(made[key]), values[key])
    parts = list(paged.parts(made))
    np.testing.assert_array_equal(np.concatenate(parts), values)


def test_a_window_and_a_joint_are_copies_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = random(300, 5, 4)
    monkeypatch.setattr(paged, "LARGE_BYTES", values.nbytes)
    made = in_file(values)
    for rows, wanted in (
        (paged.taken(made[20:90]), values[20:90]),
        (paged.taken(made[20:90], [0, 3]), values[20:90][:, [0, 3]]),
        (paged.taken(made[:, 3]), values[:, 3]),
        (paged.taken(made[:, 3, 1:]), values[:, 3, 1:]),
    ):
        np.testing.assert_array_equal(rows, wanted)
        assert not paged.is_paged(rows)
        assert rows.flags.writeable
    assert paged.is_paged(paged.taken(made)), "all of it was copied into memory"
    small = random(20, 5, 4)
    assert paged.taken(small[3:9]).base is small, "what is in memory was copied"
    assert not paged.is_paged(paged.empty((299, 5, 4)))


def test_rows_of_any_shape_and_type_are_taken(large: None) -> None:
    for values in (random(300, 7), random(300, 5, 3, 3), random(300, 5, 4).astype(np.float32)):
        data = paged.stored([values[:9].tobytes(), values[9:].tobytes()], values.nbytes)
        made = np.frombuffer(data, values.dtype).reshape(values.shape)
        assert paged.is_paged(made)
        found = list(paged.parts(made))
        assert found[0].dtype == values.dtype
        np.testing.assert_array_equal(np.concatenate(found), values)
    with pytest.raises(EOFError, match="after 8 of 9 bytes"):
        paged.stored([bytes(8)], 9)


def test_without_room_for_scratch_files_arrays_are_in_memory(
    large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    made = paged.empty((30, 5, 4))
    assert not paged.is_paged(made)
    paged.put(made, 0, random(30, 5, 4))
    np.testing.assert_array_equal(made, random(30, 5, 4))


@pytest.mark.skipif(os.name == "nt", reason="has no names there that could be looked for")
def test_a_scratch_file_has_no_name(
    large: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = in_file(random(30, 5, 4))
    assert not [*tmp_path.iterdir()], "a process that is killed would leave it"
    assert made.shape == (30, 5, 4)


def body_clip(seconds: float) -> Clip:
    """SMPL's joints, which arrays can hold, in a motion of their own."""
    skeleton, frames = rest_skeleton(), round(30.0 * seconds)
    time = np.arange(frames) / 30.0
    q = rotation.exp(
        0.4 * np.sin(time[:, None, None] + np.arange(66.0).reshape(22, 3)) * np.array([1.0, 0.2, 0])
    )
    position = np.tile(skeleton.offsets, (frames, 1, 1))
    position[:, 0] = np.stack([0.1 * time, 0.95 + 0.0 * time, 0.8 * time], axis=-1)
    return Clip(skeleton, position, q, 1.0 / 30.0, "body")


def made_file(folder: Path, suffix: str, seconds: float) -> Path:
    """A file with motion, in a format."""
    path = folder / f"clip{suffix}"
    if suffix != ".npz":
        write_motion(long_clip(seconds), path)
        return path
    clip = body_clip(seconds)
    poses = rotation.log(clip.local_rotation).reshape(clip.frame_count, -1)
    np.savez(
        path, poses=poses, trans=clip.local_position[:, 0], mocap_framerate=30.0, betas=np.zeros(16)
    )
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_result_is_the_same_to_the_last_byte(
    suffix: str, tmp_path: Path, tiny: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made_file(tmp_path, suffix, 12.0)
    small = WindowSize(whole_frames=0, whole_seconds=0.0, frames=128)
    stylizer = Stylizer(tiny.bundle, small)

    def results() -> list[bytes]:
        clip = read_motion(path)
        result = stylizer.stylize(clip, style="proud")
        found = []
        for name, motion in (("result", result), ("same", clip), ("bare", without_file(result))):
            if motion.source is None and suffix == ".npz":
                continue  # arrays are written into their own file only
            write_motion(motion, tmp_path / f"{name}{suffix}")
            found.append((tmp_path / f"{name}{suffix}").read_bytes())
        return found

    in_memory = results()
    monkeypatch.setattr(paged, "LARGE_BYTES", 0)
    assert paged.is_paged(read_motion(path).local_rotation) or suffix in (".bvh", ".npz")
    assert results() == in_memory


def without_file(clip: Clip) -> Clip:
    return replace(clip, source=None, animation="")


def test_a_long_fbx_is_read_in_parts_as_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ufbx")
    path = made_file(tmp_path, ".fbx", 12.0)
    whole = read_motion(path)
    monkeypatch.setattr(excerpts, "MANY_KEYS", 0)
    monkeypatch.setattr(excerpts, "_FEW", 16)
    monkeypatch.setattr(loading, "_TIMES_AT_ONCE", 100)
    sent: list[int] = []
    describe = loading._description

    def counted(process: object, parts: list[bytes], name: str) -> object:
        sent.append(sum(map(len, parts)))
        return describe(process, parts, name)

    monkeypatch.setattr(loading, "_description", counted)
    parts = read_motion(path)
    assert len(sent) == 5, "an outline and four parts"
    np.testing.assert_array_equal(parts.local_position, whole.local_position)
    np.testing.assert_array_equal(parts.local_rotation, whole.local_rotation)
    assert (parts.warnings, parts.animations) == (whole.warnings, whole.animations)
    # what is written is read back the same way
    bent = rotation.multiply(whole.local_rotation, rotation.exp(np.array([0.1, 0.0, 0.0])))
    for clip, name in ((parts, "parts.fbx"), (whole, "whole.fbx")):
        write_motion(clip.with_motion(clip.local_position, bent), tmp_path / name)
    assert (tmp_path / "parts.fbx").read_bytes() == (tmp_path / "whole.fbx").read_bytes()


# ---------------------------------------------------------------- progress, and an end to the work


def restyled(path: Path, tiny: Stylizer) -> Clip:
    return tiny.stylize(read_motion(path), style="proud")


@pytest.mark.parametrize("suffix", FORMATS)
def test_writing_says_how_far_it_is(suffix: str, tmp_path: Path, tiny: Stylizer) -> None:
    result = restyled(made_file(tmp_path, suffix, 6.0), tiny)
    shares: list[float] = []
    write_motion(result, tmp_path / f"out{suffix}", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    if suffix != ".bvh":  # of which so little is one window
        assert max(b - a for a, b in itertools.pairwise([0.0, *shares])) < 0.6


@pytest.mark.parametrize("stop_at", [0.0, 0.9])
@pytest.mark.parametrize("suffix", FORMATS)
def test_work_that_is_ended_leaves_what_was_there(
    suffix: str, stop_at: float, tmp_path: Path, tiny: Stylizer
) -> None:
    result = restyled(made_file(tmp_path, suffix, 6.0), tiny)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"out{suffix}").write_text("what was here before")

    def ended(share: float) -> None:
        if share >= stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_motion(result, folder / f"out{suffix}", ended)
    assert [path.name for path in folder.iterdir()] == [f"out{suffix}"]
    assert (folder / f"out{suffix}").read_text() == "what was here before"


def test_a_long_motion_written_whole_says_how_far_it_is(tmp_path: Path, tiny: Stylizer) -> None:
    clip = long_clip(10.0)
    stylizer = Stylizer(tiny.bundle, WindowSize(whole_frames=0, whole_seconds=0.0, frames=64))
    motion = stylizer.stylize(Streamed(clip), style="proud")
    assert not isinstance(motion, Clip)
    shares: list[float] = []
    write_motion(motion, tmp_path / "out.glb", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


class Streamed:
    """A clip that is none, as a file that is read a window at a time."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.window, self.sample = clip.window, clip.sample

    def __getattr__(self, name: str) -> object:
        return getattr(self.clip, name)

    def with_warnings(self, *more: str) -> Streamed:
        return Streamed(self.clip.with_warnings(*more))


# ---------------------------------------------------------------- memory

PEAK = """
import os, subprocess, sys
# a process counts what the one held that it was made from: a test's is large, this one small
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)
sys.exit(process.returncode)
"""


def peak_mb(path: Path, bundle: Path) -> float:
    """Of `kinestyle stylize`, libraries and processes that it starts included."""
    out = path.with_stem(f"{path.stem}_out")
    stylize = [sys.executable, "-m", "kinestyle", "stylize", path, "--style", "proud", "-o", out]
    command = [sys.executable, "-c", PEAK, *stylize]
    ran = subprocess.run(
        [*map(str, command), "--bundle", str(bundle)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(ran.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="measures the memory of processes")
@pytest.mark.parametrize("suffix", [".bvh", ".glb", ".fbx", ".npz"])
def test_an_hour_would_take_600_mb(suffix: str, tmp_path: Path, tiny_bundle: Path) -> None:
    minutes = (8.0, 14.0)
    peaks = []
    for length in minutes:
        path = made_file(tmp_path, suffix, 60.0 * length)
        peaks.append(peak_mb(path, tiny_bundle))
    a_minute = (peaks[1] - peaks[0]) / (minutes[1] - minutes[0])
    assert peaks[1] + a_minute * (60.0 - minutes[1]) < MOST_MB, f"{peaks} MB"
