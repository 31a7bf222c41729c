"""BVH writing keeps what reading found, and writes other motion within printed precision."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bvh_files import FILES, PLAIN, again, assert_same_file, layout_of, random_clip, turned_by
from kinestyle import storage
from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import (
    format_bvh,
    parse_bvh,
    read_bvh,
    write_bvh,
)
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton

pytestmark = pytest.mark.usefixtures("time_limit")


def test_a_clip_without_a_source_is_written_from_its_skeleton() -> None:
    clip = random_clip()
    back = again(clip)
    assert set(back.skeleton.names) == set(clip.skeleton.names)
    order = [clip.skeleton.index(name) for name in back.skeleton.names]
    assert turned_by(back.local_rotation, clip.local_rotation[:, order]) < 1e-7
    np.testing.assert_allclose(back.local_position, clip.local_position[:, order], atol=1e-6)
    np.testing.assert_allclose(back.world_position, clip.world_position[:, order], atol=2e-6)
    assert back.frame_time_seconds == clip.frame_time_seconds
    assert layout_of(back).channels[0] == (
        "Xposition",
        "Yposition",
        "Zposition",
        "Zrotation",
        "Xrotation",
        "Yrotation",
    )
    assert all(len(channels) == 3 for channels in layout_of(back).channels[1:])
    ends = {
        (back.skeleton.names[p], tuple(np.round(o, 6)))
        for p, o in zip(back.skeleton.end_parents, back.skeleton.end_offsets, strict=True)
    }
    assert ends == {
        (CANONICAL.names[p], tuple(np.round(o, 6)))
        for p, o in zip(CANONICAL.end_parents, CANONICAL.end_offsets, strict=True)
    }


def test_without_a_source_joints_that_shift_get_positions_and_bare_tips_get_end_sites() -> None:
    skeleton = Skeleton(
        ("r", "a", "b", "under a"),
        np.array([-1, 0, 0, 1]),
        np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [3, 0, 0.0]]),
    )
    position = np.array(np.broadcast_to(skeleton.offsets, (2, 4, 3)))
    position[1, 2, 1] = 2.5
    clip = Clip(skeleton, position, np.array(np.broadcast_to(rotation.IDENTITY, (2, 4, 4))), 0.04)
    back = again(clip)
    # a file names the joints of one branch before those of the next
    assert back.skeleton.names == ("r", "a", "under a", "b")
    assert [len(channels) for channels in layout_of(back).channels] == [6, 3, 3, 6]
    np.testing.assert_array_equal(back.skeleton.end_parents, [2, 3])
    np.testing.assert_array_equal(back.skeleton.end_offsets, np.zeros((2, 3)))
    np.testing.assert_allclose(back.world_position, clip.world_position[:, [0, 1, 3, 2]], atol=1e-6)


def test_changed_motion_is_written_and_the_rest_keeps_its_numbers() -> None:
    for name in ("plain", "gimbal_lock", "whole_turns", "tiny_exponents", "many_decimals"):
        clip = read_bvh(FILES / "valid" / f"{name}.bvh")
        turned = clip.local_rotation.copy()
        turned[1, 1] = rotation.multiply(turned[1, 1], rotation.exp(np.array([0.1, -0.2, 0.05])))
        moved = clip.local_position.copy()
        moved[2, 0, 2] += 1.25
        back = again(clip.with_motion(moved, turned))
        assert turned_by(back.local_rotation, turned) < 1e-7
        np.testing.assert_allclose(back.local_position, moved, atol=1e-6)
        same = np.ones(layout_of(clip).values.shape, dtype=bool)
        same[1, 6:9] = False
        same[2, 2] = False
        np.testing.assert_array_equal(layout_of(back).values[same], layout_of(clip).values[same])
        assert np.abs(layout_of(back).values - layout_of(clip).values).max() < 40.0


def test_a_sign_of_a_quaternion_is_no_change() -> None:
    clip = read_bvh(FILES / "valid" / "gimbal_lock.bvh")
    assert_same_file(clip, again(clip.with_motion(clip.local_position, -clip.local_rotation)))


def test_another_length_and_another_frame_time_keep_the_hierarchy() -> None:
    clip = read_bvh(PLAIN)
    longer = replace(
        clip,
        local_position=np.concatenate([clip.local_position] * 2),
        local_rotation=np.concatenate([clip.local_rotation] * 2),
        frame_time_seconds=1 / 30,
    )
    back = again(longer)
    assert back.frame_count == 6
    assert back.frame_time_seconds == 1 / 30
    assert layout_of(back).head_text == layout_of(clip).head_text
    assert turned_by(back.local_rotation, longer.local_rotation) < 1e-7


def test_a_source_of_another_skeleton_is_not_used() -> None:
    clip = random_clip()
    assert set(again(replace(clip, source=read_bvh(PLAIN).source)).skeleton.names) == set(
        CANONICAL.names
    )
    plain = read_bvh(PLAIN)
    larger = replace(plain.skeleton, offsets=plain.skeleton.offsets * 2)
    back = again(replace(plain, skeleton=larger, local_position=plain.local_position * 2))
    np.testing.assert_allclose(back.skeleton.offsets, larger.offsets)


def test_motion_that_the_layout_cannot_hold_is_written_as_near_as_it_can_and_noted(
    tmp_path: Path,
) -> None:
    clip = read_bvh(FILES / "valid" / "one_and_two_rotation_channels.bvh")
    turned = clip.local_rotation.copy()
    turned[1, 2] = rotation.exp(np.array([0.2, 0.1, 0.0]))
    turned[1, 3] = rotation.multiply(turned[1, 3], rotation.exp(np.array([0.05, 0.0, 0.0])))
    moved = clip.local_position.copy()
    moved[0, 1, 1] += 3.0
    notes = write_bvh(clip.with_motion(moved, turned), tmp_path / "near.bvh")
    assert len(notes) == 3
    assert "'Spine' has no position channels" in notes[0]
    assert {
        name for name in ("'Head'", "'LeftUpLeg'") if any(name in note for note in notes[1:])
    } == {"'Head'", "'LeftUpLeg'"}
    back = read_bvh(tmp_path / "near.bvh")
    # the nearest turn about X leaves the turn about Y
    assert turned_by(back.local_rotation[1, 2], turned[1, 2]) == pytest.approx(0.1, abs=0.01)
    assert turned_by(back.local_rotation[1, 3], turned[1, 3]) <= 0.05
    bare = read_bvh(FILES / "valid" / "joint_without_channels.bvh")
    turned = bare.local_rotation.copy()
    turned[:, 2] = rotation.exp(np.array([0.0, 0.5, 0.0]))
    _, notes = format_bvh(bare.with_motion(bare.local_position, turned), "bare.bvh")
    assert "28.6 degrees" in notes[0]


def test_at_least_six_decimals_are_written() -> None:
    clip = read_bvh(PLAIN)
    position = clip.local_position + np.array([0.0000012, 0.0, 0.0])
    layout = layout_of(
        again(
            clip.with_motion(
                np.where(np.arange(4)[:, None] == 0, position, clip.local_position),
                clip.local_rotation,
            )
        )
    )
    assert layout.values[0, 0] == 1.000001
    layout = layout_of(again(read_bvh(FILES / "valid" / "many_decimals.bvh")))
    assert layout.decimals == 14


def test_clips_that_cannot_be_written_are_refused() -> None:
    clip = random_clip()
    broken = clip.local_rotation.copy()
    broken[3, 2, 1] = np.nan
    with pytest.raises(MotionFileError, match=r"not finite at frame 4 of joint 'left_shin'"):
        format_bvh(clip.with_motion(clip.local_position, broken), "out.bvh")
    with pytest.raises(MotionFileError, match="without frames"):
        format_bvh(clip.with_motion(clip.local_position[:0], clip.local_rotation[:0]), "out.bvh")
    for name in ("", " a", "a\nb", "a{", "a\x85b\x07"):
        renamed = replace(CANONICAL, names=(name, *CANONICAL.names[1:]))
        with pytest.raises(MotionFileError, match="as the name of joint 0"):
            format_bvh(replace(clip, skeleton=renamed), "out.bvh")
    with pytest.raises(MotionFileError, match="names that differ"):
        format_bvh(replace(clip, skeleton=replace(CANONICAL, names=("hips",) * 21)), "out.bvh")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.bvh"
    target.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.Path, "replace", full)
    with pytest.raises(
        MotionFileError, match=r"out.bvh cannot be written: No space left on device"
    ):
        write_bvh(read_bvh(PLAIN), target)
    assert [path.name for path in tmp_path.iterdir()] == ["out.bvh"]
    assert target.read_text(encoding="utf-8") == "before"


AXES = st.permutations("XYZ")


@st.composite
def bvh_texts(draw: st.DrawFn) -> str:
    """Hierarchies of any shape, channels in any order and number, values with any digits."""
    count = draw(st.integers(1, 7))
    parents = [-1, *(draw(st.integers(0, j - 1)) for j in range(1, count))]
    number = st.decimals(-999, 999, allow_nan=False, places=draw(st.integers(0, 8))).map(str)
    decimal = number.map(lambda text: format(float(text), ".8f"))
    channels = []
    for j in range(count):
        turns = [
            f"{axis}rotation"
            for axis in draw(AXES)[: draw(st.sampled_from([3, 3, 3, 2, 1, 0] if j else [3, 2]))]
        ]
        moves = [f"{axis}position" for axis in draw(AXES)[: draw(st.sampled_from([0, 0, 3, 1, 2]))]]
        channels.append(draw(st.sampled_from([moves + turns, turns + moves])))

    def block(j: int, tab: str) -> str:
        inner = "".join(block(child, tab + "  ") for child in range(count) if parents[child] == j)
        if not inner and draw(st.booleans()):
            inner = (
                f"{tab}  End Site\n{tab}  {{\n{tab}    OFFSET {draw(decimal)} "
                f"{draw(decimal)} {draw(decimal)}\n{tab}  }}\n"
            )
        words = (
            f"{tab}  CHANNELS {len(channels[j])} {' '.join(channels[j])}\n"
            if channels[j] or draw(st.booleans())
            else ""
        )
        offset = f"{tab}  OFFSET {draw(decimal)} {draw(decimal)} {draw(decimal)}\n"
        return (
            f"{tab}{'JOINT' if tab else 'ROOT'} joint {j}\n{tab}{{\n{offset}{words}{inner}{tab}}}\n"
        )

    width = sum(map(len, channels))
    frames = draw(st.integers(1, 4))
    rows_text = "".join(" ".join(draw(number) for _ in range(width)) + "\n" for _ in range(frames))
    time = draw(st.sampled_from(["0.0083333", ".033333", "0.04", "0.5", "1.25e-2"]))
    return f"HIERARCHY\n{block(0, '')}MOTION\nFrames: {frames}\nFrame Time: {time}\n{rows_text}"


@settings(deadline=None, max_examples=60)
@given(text=bvh_texts())
def test_any_file_comes_back_number_for_number(text: str) -> None:
    clip = parse_bvh(text.encode(), "any.bvh")
    back = again(clip)
    assert_same_file(clip, back)
    np.testing.assert_array_equal(back.local_rotation, clip.local_rotation)
    np.testing.assert_array_equal(back.local_position, clip.local_position)


@settings(deadline=None, max_examples=60)
@given(text=bvh_texts(), seed=st.integers(0, 2**32 - 1))
def test_any_hierarchy_takes_other_motion_within_printed_precision(text: str, seed: int) -> None:
    clip = parse_bvh(text.encode(), "any.bvh")
    rng = np.random.default_rng(seed)
    # other values of the same channels are motion that the layout can hold
    values = rng.uniform(-720, 720, layout_of(clip).values.shape)
    printed = (
        text[: text.rindex("Frame Time")]
        + "Frame Time: 0.1\n"
        + "".join(" ".join(map(repr, row)) + "\n" for row in values.tolist())
    )
    other = parse_bvh(printed.encode(), "other.bvh")
    mixed = rng.random((*clip.local_rotation.shape[:2], 1)) < 0.7
    wanted = clip.with_motion(
        np.where(mixed, other.local_position, clip.local_position),
        np.where(mixed, other.local_rotation, clip.local_rotation),
    )
    back = again(wanted)
    assert turned_by(back.local_rotation, wanted.local_rotation) < 1e-6
    np.testing.assert_allclose(back.local_position, wanted.local_position, atol=1e-6)
    fresh = again(replace(wanted, source=None))
    order = [clip.skeleton.index(name) for name in fresh.skeleton.names]
    assert turned_by(fresh.local_rotation, wanted.local_rotation[:, order]) < 1e-6
    np.testing.assert_allclose(fresh.local_position, wanted.local_position[:, order], atol=1e-6)


def test_bvhio_reads_the_same_motion_in_what_we_wrote(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bvhio = pytest.importorskip("bvhio", reason="an independent reader of the dev extra")

        clip = random_clip(frames=5)
        write_bvh(clip, tmp_path / "ours.bvh")
        root = bvhio.readAsHierarchy(str(tmp_path / "ours.bvh"))
        for frame in (0, 4):
            root.loadPose(frame)
            for joint, _, _ in root.layout():
                position = clip.world_position[frame, clip.skeleton.index(joint.Name)]
                np.testing.assert_allclose(np.array(joint.PositionWorld), position, atol=1e-5)


@pytest.mark.parametrize(
    ("folder", "most"),
    [("wild", 100), ("unlabelled/cmu", 12), ("bandai", 24)],
    ids=["wild", "cmu", "bandai"],
)
def test_real_files_come_back_number_for_number(data_dir: Path, folder: str, most: int) -> None:
    found = sorted((data_dir / folder).rglob("*.bvh"))
    if not found:
        pytest.skip(f"no BVH files under {folder} of KINESTYLE_DATA")
    for path in found[:: -(-len(found) // most)]:
        clip = read_bvh(path)
        assert_same_file(clip, again(clip))


def test_real_motion_turned_anew_keeps_its_numbers_nearly(data_dir: Path) -> None:
    found = sorted((data_dir / "wild").glob("*.bvh"))
    if not found:
        pytest.skip("no BVH files under wild of KINESTYLE_DATA")
    for path in found:
        clip = read_bvh(path)
        tilt = rotation.exp(np.array([1e-6, 0.0, 0.0]))
        back = again(
            clip.with_motion(clip.local_position, rotation.multiply(clip.local_rotation, tilt))
        )
        assert turned_by(back.local_rotation, rotation.multiply(clip.local_rotation, tilt)) < 1e-7
