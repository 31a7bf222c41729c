"""BVH files: what is read, what is refused and how, and that writing keeps what reading found.

`files/bvh/valid` and `files/bvh/invalid` are folders of cases. A valid file whose name starts with
"same_" is another spelling of plain.bvh. Each invalid file has a .txt beside it with what the
message must say, a fragment to a line.
"""

from __future__ import annotations

import codecs
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle import storage
from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh import (
    BvhLayout,
    format_bvh,
    parse_bvh,
    parser,
    read_bvh,
    rows,
    write_bvh,
)
from kinestyle.formats.euler_curves import euler_curves
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton

pytestmark = pytest.mark.usefixtures("time_limit")

FILES = Path(__file__).parent / "files" / "bvh"
VALID = sorted((FILES / "valid").glob("*.bvh"))
INVALID = sorted((FILES / "invalid").glob("*.bvh"))
PLAIN = FILES / "valid" / "plain.bvh"
TEXT = PLAIN.read_text(encoding="utf-8")


def layout_of(clip: Clip) -> BvhLayout:
    assert isinstance(clip.source, BvhLayout)
    return clip.source


def again(clip: Clip) -> Clip:
    """Written and read back, with nothing left out."""
    data, notes = format_bvh(clip, "again.bvh")
    assert notes == ()
    return parse_bvh(data, "again.bvh")


def assert_same_file(a: Clip, b: Clip) -> None:
    """The same numbers, hierarchy text, names, channels, end sites and frame time."""
    one, two = layout_of(a), layout_of(b)
    np.testing.assert_array_equal(one.values, two.values)
    assert one.channels == two.channels
    assert one.frame_time_text == two.frame_time_text
    assert one.head_text == two.head_text
    assert a.skeleton.names == b.skeleton.names
    np.testing.assert_array_equal(a.skeleton.parents, b.skeleton.parents)
    np.testing.assert_array_equal(a.skeleton.end_offsets, b.skeleton.end_offsets)


def turned_by(a: np.ndarray, b: np.ndarray) -> float:
    """The largest angle between two arrays of rotations, in radians."""
    return float(rotation.angle(rotation.multiply(rotation.inverse(a), b)).max())


# --- folders of files
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_file_is_read_and_comes_back_number_for_number(path: Path, tmp_path: Path) -> None:
    clip = read_bvh(path)
    assert clip.name == path.stem
    assert write_bvh(clip, tmp_path / "out.bvh") == ()
    assert_same_file(clip, read_bvh(tmp_path / "out.bvh"))
    np.testing.assert_allclose(np.linalg.norm(clip.local_rotation, axis=-1), 1.0, atol=1e-12)


@pytest.mark.parametrize(
    "path", [path for path in VALID if path.stem.startswith("same_")], ids=lambda path: path.stem
)
def test_another_spelling_is_the_same_motion(path: Path) -> None:
    clip, plain = read_bvh(path), read_bvh(PLAIN)
    assert clip.skeleton.names == plain.skeleton.names
    np.testing.assert_array_equal(clip.skeleton.offsets, plain.skeleton.offsets)
    np.testing.assert_array_equal(clip.skeleton.end_offsets, plain.skeleton.end_offsets)
    np.testing.assert_array_equal(clip.local_position, plain.local_position)
    np.testing.assert_array_equal(clip.local_rotation, plain.local_rotation)
    assert clip.frame_time_seconds == plain.frame_time_seconds
    assert bool(clip.warnings) == ("declared" in path.stem)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_file_is_refused_with_place_found_and_expected(path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        read_bvh(path)
    message = str(caught.value)
    assert message.startswith(f"{path.name}, ")
    assert "line " in message
    assert "expected" in message
    assert "\n" not in message
    assert len(message) < 300
    for fragment in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        assert fragment in message


@pytest.mark.parametrize("cut", range(0, len(TEXT), 7))
def test_a_file_cut_off_anywhere_is_refused_or_loses_no_more_than_it_must(cut: int) -> None:
    try:
        clip = parse_bvh(TEXT[:cut].encode(), "cut.bvh")
    except MotionFileError:
        return
    # only a cut between rows or within the very last number can go unseen
    assert clip.frame_count >= 2
    assert clip.warnings or cut >= TEXT.rindex(" ")


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, len(TEXT) - 1), put=st.binary(max_size=3), drop=st.integers(0, 3))
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    at: int, put: bytes, drop: int
) -> None:
    data = TEXT.encode()
    try:
        clip = parse_bvh(data[:at] + put + data[at + drop :], "damaged.bvh")
    except MotionFileError:
        return
    assert np.isfinite(clip.local_position).all()
    assert np.isfinite(clip.local_rotation).all()


# --- encodings and line ends
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n", 20).encode(),
        TEXT.replace("Hips", "Hüfte").encode("latin-1"),
        TEXT.replace("Hips", "Hüfte").encode(),
    ],
    ids=[
        "bom",
        "utf16-le",
        "utf16-be",
        "utf16-le-bare",
        "utf16-be-bare",
        "crlf",
        "cr",
        "mixed",
        "latin-1",
        "utf-8",
    ],
)
def test_encodings_and_line_ends_are_read_and_kept(data: bytes) -> None:
    clip, plain = parse_bvh(data, "encoded.bvh"), read_bvh(PLAIN)
    np.testing.assert_array_equal(clip.local_rotation, plain.local_rotation)
    assert clip.skeleton.names[0] in ("Hips", "Hüfte")
    written, _ = format_bvh(clip, "encoded.bvh")
    layout = layout_of(clip)
    head = (
        layout.byte_order_mark
        + f"{layout.head_text}3{layout.between_text}0.0083333{layout.newline}".encode(
            layout.encoding
        )
    )
    assert written.startswith(head)
    assert data.startswith(head)
    assert_same_file(clip, parse_bvh(written, "encoded.bvh"))


def test_latin_1_is_said_in_a_warning() -> None:
    clip = parse_bvh(TEXT.replace("Hips", "Hüfte").encode("latin-1"), "old.bvh")
    assert "Latin-1" in clip.warnings[0]


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 8,
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"Kaydara FBX Binary  \x00\x1a\x00" + bytes(50),
        b"PK\x03\x04" + bytes(range(1, 200)),
        TEXT.encode()[:300] + b"\x00\x01\x02" + TEXT.encode()[300:],
        codecs.BOM_UTF16_LE + b"\x00\xd8\x00",
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF8,
        TEXT.encode() + b"\x1a",
    ],
)
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(MotionFileError, match=r"^binary\.bvh"):
        parse_bvh(data, "binary.bvh")


# --- what the numbers mean
# --------------------------------------------------------------------------------------------


def test_angles_stay_in_order_end_sites_are_kept_and_the_frame_time_is_exact() -> None:
    clip = again(read_bvh(PLAIN))
    np.testing.assert_array_equal(layout_of(clip).values[0, 3:6], [10.0, 20.0, 30.0])
    z, x, y = np.radians([10.0, 20.0, 30.0])
    expected = rotation.multiply(
        rotation.multiply(rotation.exp(np.array([0, 0, z])), rotation.exp(np.array([x, 0, 0]))),
        rotation.exp(np.array([0, y, 0])),
    )
    assert turned_by(clip.local_rotation[0, 0], expected) < 1e-12
    np.testing.assert_array_equal(
        clip.skeleton.end_offsets, [[0.0, 18.75, 1.25], [0.0, -42.0, 0.0]]
    )
    assert layout_of(clip).frame_time_text == "0.0083333"
    assert clip.frame_time_seconds == 0.0083333


def test_order_of_channels_does_not_change_what_they_say() -> None:
    clip, plain = read_bvh(FILES / "valid" / "rotations_before_positions.bvh"), read_bvh(PLAIN)
    np.testing.assert_array_equal(clip.local_position, plain.local_position)
    np.testing.assert_array_equal(clip.local_rotation, plain.local_rotation)


def test_a_position_channel_replaces_the_offset_of_its_axis_only() -> None:
    clip = read_bvh(FILES / "valid" / "positions_replace_offset.bvh")
    np.testing.assert_array_equal(clip.local_position[:, 2], [[0, 31, 2], [0, 32, 2], [0, 33, 2]])
    np.testing.assert_array_equal(
        clip.local_position[:, 0], [[1, 91, -2], [1.5, 91.5, -1], [2, 92, 0]]
    )


def test_a_root_without_positions_stands_at_its_offset() -> None:
    clip = read_bvh(FILES / "valid" / "root_without_positions.bvh")
    np.testing.assert_array_equal(clip.local_position[:, 0], [[0.0, 90.5, 0.0]] * 3)


def test_fewer_rotation_channels_turn_about_their_axes_only() -> None:
    clip = read_bvh(FILES / "valid" / "one_and_two_rotation_channels.bvh")
    np.testing.assert_allclose(
        rotation.log(clip.local_rotation[0, 2]), [np.radians(9.0), 0, 0], atol=1e-12
    )
    np.testing.assert_allclose(
        clip.local_rotation[0, 3], rotation.from_euler(np.radians([-15.5, 3.125]), "ZY")
    )
    for name in ("joint_without_channels", "channels_zero"):
        assert (
            turned_by(
                read_bvh(FILES / "valid" / f"{name}.bvh").local_rotation[:, 2], rotation.IDENTITY
            )
            == 0.0
        )


def test_names_with_spaces_are_whole() -> None:
    names = read_bvh(FILES / "valid" / "names_with_spaces.bvh").skeleton.names
    assert names == ("Bip01 Pelvis", "Bip01 L Thigh: a", "Head", "End Site 2")


def test_a_very_deep_chain_and_a_very_wide_hierarchy_are_read_and_written() -> None:
    for deep in (True, False):
        count = 2000
        joints = [
            f"JOINT j{i}\n{{\nOFFSET 0 1 0\nCHANNELS 1 Xrotation\n{'' if deep else '}'}\n"
            for i in range(count)
        ]
        head = (
            "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n"
            + "".join(joints)
            + "}\n" * (count + 1 if deep else 1)
        )
        values = " ".join(["0.5"] * (count + 1))
        clip = parse_bvh(
            f"{head}MOTION\nFrames: 2\nFrame Time: 0.1\n{values}\n{values}\n".encode(), "deep.bvh"
        )
        assert len(clip.skeleton.levels) == (count + 1 if deep else 2)
        assert_same_file(clip, again(clip))
        fresh = again(replace(clip, source=None))
        assert turned_by(fresh.local_rotation, clip.local_rotation) < 1e-7


# --- limits
# -----------------------------------------------------------------------------------------------------------


def test_files_beyond_the_limits_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joints = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(parser.MAX_JOINTS))
    head = "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n"
    with pytest.raises(MotionFileError, match="at most 4096 joints"):
        parse_bvh((head + joints).encode(), "many.bvh")
    few = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(1000))
    text = f"{head}{few}}}\nMOTION\nFrames: 100000\nFrame Time: 0.1\n" + "0\n" * 100000
    with pytest.raises(MotionFileError, match="100000 frames of 1001 joints"):
        parse_bvh(text.encode(), "hollow.bvh")
    ends = "End Site\n{\nOFFSET 0 1 0\n}\n" * (parser.MAX_JOINTS + 1)
    with pytest.raises(MotionFileError, match="at most 4096 end sites"):
        parse_bvh((head + ends).encode(), "ends.bvh")
    monkeypatch.setattr(parser, "MAX_FILE_BYTES", 100)
    with pytest.raises(MotionFileError, match="more than the limit of 100"):
        read_bvh(PLAIN)
    with pytest.raises(MotionFileError, match="more than the limit of 100"):
        parse_bvh(TEXT.encode(), "big.bvh")


def test_decimals_have_a_limit_too() -> None:
    digits = "0." + "123456789" * 10
    clip = parse_bvh(TEXT.replace("25.25", digits).encode(), "long.bvh")
    assert layout_of(clip).shortest
    assert layout_of(clip).decimals == rows.MAX_DECIMALS
    assert_same_file(clip, again(clip))


# --- writing
# ----------------------------------------------------------------------------------------------------------


def random_clip(seed: int = 0, frames: int = 40) -> Clip:
    """Smooth motion of the canonical skeleton, without a source."""
    rng = np.random.default_rng(seed)
    joints = CANONICAL.joint_count
    steps = rotation.exp(0.1 * rng.normal(size=(frames, joints, 3)))
    turns = [rotation.exp(rng.normal(size=(joints, 3)))]
    for step in steps[1:]:
        turns.append(rotation.normalize(rotation.multiply(turns[-1], step)))
    position = np.array(np.broadcast_to(CANONICAL.offsets, (frames, joints, 3)))
    position[:, 0] += np.cumsum(0.01 * rng.normal(size=(frames, 3)), axis=0)
    return Clip(CANONICAL, position, np.stack(turns), 1 / 30, "random")


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


def test_euler_curves_are_unbroken() -> None:
    clip = random_clip(frames=300)
    values = layout_of(again(clip)).values
    source = read_bvh(PLAIN)
    assert source.frame_count == 3
    jumps = np.abs(np.diff(values[:, 3:], axis=0))
    # a turn of 0.1 radian a frame moves Euler angles by more only close to gimbal lock, and never
    # by half a turn and more
    assert jumps.max() < 180.0
    assert np.quantile(jumps, 0.99) < 60.0


@pytest.mark.parametrize(
    "order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "XY", "ZY", "YX", "X", "Y", "Z"]
)
def test_curves_find_angles_again_over_whole_turns_and_through_gimbal_lock(order: str) -> None:
    time = np.linspace(0.0, 1.0, 400)[:, None, None]
    angles = (
        np.array([1.0, 7.0, -2.0])[: len(order)] * time + np.array([0.3, 0.1, -0.4])[: len(order)]
    )
    q = rotation.from_euler(angles, order)
    fixed = np.zeros((400, 1), dtype=bool)
    found = euler_curves(q, order, fixed, np.zeros_like(angles), angles[0])
    np.testing.assert_allclose(found, angles, atol=1e-7)
    lock = np.array([0.5, np.pi / 2, 0.25])[: len(order)]
    still = np.concatenate(
        [np.tile(lock - [0, 0.1, 0][: len(order)], (2, 1)), np.tile(lock, (3, 1))]
    )[:, None]
    found = euler_curves(
        rotation.from_euler(still, order), order, fixed[:5], np.zeros_like(still), still[0]
    )
    np.testing.assert_allclose(found, still, atol=1e-6)


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


# --- by suffix
# --------------------------------------------------------------------------------------------------------


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


# --- any hierarchy
# ----------------------------------------------------------------------------------------------------

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
    time = draw(st.sampled_from(["0.0083333", ".033333", "0.04", "1", "1.25e-2"]))
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


# --- other readers
# ----------------------------------------------------------------------------------------------------


def test_pybvh_reads_the_same_motion() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pybvh = pytest.importorskip("pybvh")
        theirs = pybvh.read_bvh_file(str(PLAIN))
        position = pybvh.frames_to_node_positions(theirs)
    ours = read_bvh(PLAIN)
    kept = [i for i, node in enumerate(theirs.nodes) if node.name in ours.skeleton.names]
    assert [theirs.nodes[i].name for i in kept] == list(ours.skeleton.names)
    np.testing.assert_allclose(ours.world_position, position[:, kept], atol=1e-9)


def test_bvhio_reads_the_same_motion_in_what_we_wrote(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bvhio = pytest.importorskip("bvhio")
        clip = random_clip(frames=5)
        write_bvh(clip, tmp_path / "ours.bvh")
        root = bvhio.readAsHierarchy(str(tmp_path / "ours.bvh"))
        for frame in (0, 4):
            root.loadPose(frame)
            for joint, _, _ in root.layout():
                position = clip.world_position[frame, clip.skeleton.index(joint.Name)]
                np.testing.assert_allclose(np.array(joint.PositionWorld), position, atol=1e-5)


# --- real files
# -------------------------------------------------------------------------------------------------------


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
