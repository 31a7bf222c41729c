"""What is read of BVH files, and what is refused and how.

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

from bvh_files import FILES, PLAIN, TEXT, again, assert_same_file, layout_of, turned_by
from file_cases import assert_refused
from kinestyle.errors import MotionFileError
from kinestyle.formats import limits
from kinestyle.formats.bvh import (
    format_bvh,
    parse_bvh,
    parser,
    read_bvh,
    rows,
    write_bvh,
)
from kinestyle.motion import rotation

pytestmark = pytest.mark.usefixtures("time_limit")
VALID = sorted((FILES / "valid").glob("*.bvh"))
INVALID = sorted((FILES / "invalid").glob("*.bvh"))


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
    assert bool(clip.warnings) == any(word in path.stem for word in ("declared", "comma"))


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_file_is_refused_with_place_found_and_expected(path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        read_bvh(path)
    assert_refused(caught.value, path)


@pytest.mark.parametrize("cut", range(0, len(TEXT), 7))
def test_a_file_cut_off_anywhere_is_refused_or_loses_no_more_than_it_must(cut: int) -> None:
    try:
        clip = parse_bvh(TEXT[:cut].encode(), "cut.bvh")
    except MotionFileError:
        return
    # only a cut between rows or within the very last number can go unseen
    assert clip.frame_count >= 1
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


@pytest.mark.parametrize(
    ("encoding", "called", "name"),
    [
        ("cp932", "Shift-JIS", "左足首"),
        ("cp932", "Shift-JIS", "上半身本体"),  # whose bytes hold a brace
        ("gb18030", "GBK", "左小腿骨"),
        ("big5", "Big5", "右腳頸椎"),
        ("cp949", "EUC-KR", "왼쪽무릎"),
        ("latin-1", "Latin-1", "Hüfte"),
        ("latin-1", "Latin-1", "Épaule gauche"),
    ],
)
def test_names_in_a_code_page_are_read_and_kept(encoding: str, called: str, name: str) -> None:
    data = TEXT.replace("Hips", name).encode(encoding)
    clip = parse_bvh(data, "names.bvh")
    assert clip.skeleton.names[0] == name
    assert f"read as {called}" in clip.warnings[0]
    written, _ = format_bvh(clip, "names.bvh")
    head = TEXT[: TEXT.index("Frames")].replace("Hips", name).encode(encoding)
    assert written.startswith(head)
    assert_same_file(clip, parse_bvh(written, "names.bvh"))


def test_a_last_row_that_is_cut_off_is_left_out_and_told() -> None:
    for stem in ("last_row_cut_off", "last_row_cut_off_within_a_number"):
        clip, plain = read_bvh(FILES / "valid" / f"{stem}.bvh"), read_bvh(PLAIN)
        np.testing.assert_array_equal(clip.local_rotation, plain.local_rotation[:2])
        assert any("line 35: the last row is cut off" in note for note in clip.warnings)


def test_two_joints_of_one_name_are_told_apart_and_the_text_stays() -> None:
    path = FILES / "valid" / "two_joints_of_one_name.bvh"
    clip = read_bvh(path)
    assert clip.skeleton.names.count("Spine") == 1
    assert "Spine 2" in clip.skeleton.names
    assert "several joints named 'Spine'" in clip.warnings[0]
    head = path.read_text().partition("Frames")[0]
    assert format_bvh(clip, "out.bvh")[0].decode().startswith(head)


def test_a_pose_needs_no_frame_time() -> None:
    clip = read_bvh(FILES / "valid" / "one_frame_without_frame_time.bvh")
    assert (clip.frame_count, clip.warnings) == (1, ())


def test_commas_that_may_be_anything_are_refused() -> None:
    for text in (TEXT.replace("25.25", "25,25"), TEXT.replace("91.0 ", "91.0, ")):
        with pytest.raises(MotionFileError, match=r"found '(25,25|91.0,)'"):
            parse_bvh(text.encode(), "commas.bvh")


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
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 100)
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


def test_pybvh_reads_the_same_motion() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pybvh = pytest.importorskip("pybvh", reason="an independent reader of the dev extra")

        theirs = pybvh.read_bvh_file(str(PLAIN))
        position = pybvh.frames_to_node_positions(theirs)
    ours = read_bvh(PLAIN)
    kept = [i for i, node in enumerate(theirs.nodes) if node.name in ours.skeleton.names]
    assert [theirs.nodes[i].name for i in kept] == list(ours.skeleton.names)
    np.testing.assert_allclose(ours.world_position, position[:, kept], atol=1e-9)
