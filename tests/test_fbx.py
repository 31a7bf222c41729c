"""FBX: what is written anew reads back, what was read is written into its file, what is damaged is refused with a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.fbx import format_fbx, parse_fbx
from kinestyle.motion.fbx.records import parse, record, serialize
from kinestyle.motion.formats import read_motion, write_motion
from kinestyle.motion.world_frame import bring_into_world
from made_rigs import walk

CENTIMETRES = StatedWorld(0.01, (0.0, 1.0, 0.0))


def written(clip: Clip) -> bytes:
    return format_fbx(clip, "made.fbx")[0]


def distance_m(a: Clip, b: Clip) -> float:
    """The farthest that any joint lies apart in any frame, both clips in their stated worlds."""
    a, b = (bring_into_world(clip)[0] for clip in (a, b))
    assert a.world_position.shape == b.world_position.shape, "clips of different length or size"
    return float(np.linalg.norm(a.world_position - b.world_position, axis=-1).max())


@pytest.fixture(scope="module")
def made() -> Clip:
    return replace(walk(1.5).clip, world=StatedWorld(1.0, (0.0, 1.0, 0.0)))


def test_a_clip_reads_back_as_it_was(walk_clip):
    back = parse_fbx(written(walk_clip), "walk.fbx")
    assert back.skeleton.names == walk_clip.skeleton.names
    assert np.array_equal(back.skeleton.parents, walk_clip.skeleton.parents)
    assert np.array_equal(back.skeleton.end_parents, walk_clip.skeleton.end_parents)
    assert back.frame_time_seconds == pytest.approx(walk_clip.frame_time_seconds, rel=1e-12)
    assert back.world == CENTIMETRES
    assert distance_m(back, walk_clip) < 1e-6
    turn = rotation.multiply(rotation.inverse(back.world_rotation), bring_into_world(walk_clip, CENTIMETRES)[0].world_rotation)
    assert rotation.angle(turn).max() < 1e-6
    tips = bring_into_world(walk_clip, CENTIMETRES)[0].skeleton.end_offsets
    assert back.skeleton.end_offsets == pytest.approx(tips, abs=1e-6)


@pytest.mark.parametrize("rate", [24.0, 30.0, 1000.0, 30 / 1.001, 120 / 1.001, 12.5, 1 / 0.0333333, 1 / 0.00833])
def test_the_frame_rate_comes_back_exactly(made, rate):
    back = parse_fbx(written(replace(made, frame_time_seconds=1.0 / rate)), "made.fbx")
    assert back.frame_count == made.frame_count
    assert back.frame_rate == pytest.approx(rate, rel=1e-12)
    assert distance_m(back, made) < 1e-5


def test_angles_run_on_without_jumps():
    """Two full turns of the root: what an editor draws between two keys must not spin back."""
    clip = walk(2.0).clip
    spin = rotation.about_y(np.linspace(0.0, 4.0 * np.pi, clip.frame_count))
    local = clip.local_rotation.copy()
    local[:, 0] = rotation.multiply(spin, local[:, 0])
    document = parse(written(clip.with_motion(clip.local_position, local)), "spin.fbx")
    curves = [item.find("KeyValueFloat").decoded()[0] for item in document.find("Objects").all("AnimationCurve")]
    assert max(np.abs(np.diff(values)).max() for values in curves) < 40.0
    assert max(np.ptp(values) for values in curves) > 700.0


def test_real_clips_of_many_rigs_read_back(data_dir, tmp_path):
    files = sorted((data_dir / "wild").glob("*.bvh"))
    assert files
    for file in files:
        clip = read_motion(file)
        if clip.frame_count * clip.skeleton.joint_count > 12_000:
            continue
        write_motion(clip, tmp_path / "clip.fbx")
        back = read_motion(tmp_path / "clip.fbx")
        assert distance_m(back, clip) < 1e-5, file.name
        assert back.frame_time_seconds == pytest.approx(clip.frame_time_seconds, rel=1e-12), file.name


def test_the_record_tree_is_written_back_byte_for_byte(made):
    data = written(made)
    assert serialize(parse(data, "made.fbx")) == data
    document = parse(data, "made.fbx")
    document.version = 7700
    wide = serialize(document)
    assert serialize(parse(wide, "wide.fbx")) == wide
    document.find("Objects").children.append(record("Extra", "text", 7, np.int64(2**40), np.arange(100.0), children=[]))
    longer = parse(serialize(document), "longer.fbx").find("Objects").children[-1]
    assert longer.closed
    assert [*longer.decoded()[:3]] == ["text", 7, 2**40]
    assert np.array_equal(longer.decoded()[3], np.arange(100.0))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"HIERARCHY\nROOT Hips", "is not sound FBX"),
        (b"\x00" * 5000, "is not sound FBX"),
        (b"Kaydara FBX Binary  \x00\x1a\x00", "does not begin"),
        (b"; FBX 7.4.0 project file\nObjects: {\n", "no skeleton"),
    ],
)
def test_what_is_no_fbx_is_refused(data, says):
    with pytest.raises(MotionFileError, match=says):
        parse_fbx(data, "bad.fbx")


def test_an_existing_file_stays_when_writing_fails(made, tmp_path):
    target = tmp_path / "out.fbx"
    target.write_bytes(b"precious")
    broken = made.with_motion(made.local_position * np.nan, made.local_rotation)
    with pytest.raises(MotionFileError, match="not finite"):
        write_motion(broken, target)
    assert target.read_bytes() == b"precious"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["out.fbx"]
