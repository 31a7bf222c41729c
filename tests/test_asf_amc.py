"""ASF/AMC files: what is read and what it means, what is refused and how, which skeleton a motion
gets, and the way out as BVH.

`files/asf_amc` has folders of cases. Each valid file whose name starts with "same_" is another
spelling of the plain one. Each invalid file has a .txt beside it with what the message must say, a
fragment to a line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from file_cases import assert_refused
from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.asf_amc import AsfRig, amc, find_asf, parse_amc, parse_asf, read_amc
from kinestyle.formats.bvh import read_bvh
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import tip_position
from kinestyle.rig.body_frame import Leg, lateral_agreement
from kinestyle.rig.mapping import map_joints
from rig_namings import ACCLAIM_ROLES

FILES = Path(__file__).parent / "files" / "asf_amc"
ASF = (FILES / "valid_amc" / "plain.asf").read_bytes()
AMC = (FILES / "valid_amc" / "plain.amc").read_bytes()
RIG = parse_asf(ASF, "plain.asf")
PLAIN = parse_amc(AMC, "plain.amc", RIG)


def cases(folder: str, suffix: str) -> list[Path]:
    return sorted((FILES / folder).glob(f"*{suffix}"))


def assert_same_rig(rig: AsfRig, other: AsfRig) -> None:
    assert [name.lower() for name in rig.skeleton.names] == [
        name.lower() for name in other.skeleton.names
    ]
    np.testing.assert_array_equal(rig.skeleton.parents, other.skeleton.parents)
    np.testing.assert_allclose(rig.skeleton.offsets, other.skeleton.offsets, atol=1e-12)
    np.testing.assert_array_equal(rig.skeleton.end_parents, other.skeleton.end_parents)
    np.testing.assert_allclose(rig.skeleton.end_offsets, other.skeleton.end_offsets, atol=1e-12)
    np.testing.assert_allclose(rig.axes, other.axes, atol=1e-12)
    assert rig.channels == other.channels


# --- an own second formulation


def turn(axis: str, degrees: float) -> np.ndarray:
    """(4, 4) about one fixed axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    one, two = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis.lower()]
    matrix[[one, one, two, two], [one, two, one, two]] = cosine, -sine, sine, cosine
    return matrix


def shift(vector: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return matrix


def turns(axes: str, degrees: list[float]) -> np.ndarray:
    """One turn after the other, each about an axis that stays where it is."""
    matrix = np.eye(4)
    for axis, angle in zip(axes, degrees, strict=True):
        matrix = turn(axis, angle) @ matrix
    return matrix


def bone_ends_by_matrices(asf_text: str, amc_text: str) -> dict[str, np.ndarray]:
    """Bone -> (T, 3), where it ends, by the book: a matrix for each bone and frame, from files cut
    up without Kinestyle.
    """
    bones = {}
    for block in re.findall(r"begin\s+id(.*?)\send\s", asf_text, re.DOTALL):
        words = {
            line.split()[0]: line.split()[1:] for line in block.splitlines()[1:] if line.strip()
        }
        axis = turns(words["axis"][3], [float(word) for word in words["axis"][:3]])
        end = shift(float(words["length"][0]) * np.array(words["direction"], dtype=float))
        bones[words["name"][0]] = axis, end, "".join(dof[1] for dof in words.get("dof", []))
    pairs = [line.split() for line in asf_text[asf_text.index(":hierarchy") :].splitlines()[2:]]
    above = {child: pair[0] for pair in pairs for child in pair[1:]}
    ends: dict[str, list[np.ndarray]] = {name: [] for name in ("root", *bones)}
    for frame in re.split(r"\n[0-9]+\s*\n", amc_text)[1:]:
        values = {
            line.split()[0]: [float(word) for word in line.split()[1:]]
            for line in frame.splitlines()
            if line.strip()
        }
        found = {"root": shift(np.array(values["root"][:3])) @ turns("xyz", values["root"][3:])}
        while len(found) <= len(bones):
            for name in bones.keys() - found.keys():
                if above[name] in found:
                    axis, end, dof = bones[name]
                    own = axis @ turns(dof, values.get(name, [])) @ np.linalg.inv(axis)
                    found[name] = found[above[name]] @ own @ end
        for name, matrix in found.items():
            ends[name].append(matrix[:3, 3])
    return {name: np.array(places) for name, places in ends.items()}


def bone_ends(clip: Clip) -> dict[str, np.ndarray]:
    """The same of a clip: a bone ends where its children are, or at its end site."""
    skeleton = clip.skeleton
    tips = tip_position(skeleton, clip.world_position, clip.world_rotation)
    ends = {skeleton.names[joint]: tips[:, i] for i, joint in enumerate(skeleton.end_parents)}
    ends |= {
        skeleton.names[parent]: clip.world_position[:, j]
        for j, parent in enumerate(skeleton.parents)
        if parent >= 0
    }
    assert ends.keys() == set(skeleton.names)
    return ends


def test_joints_are_where_the_book_has_them() -> None:
    expected = bone_ends_by_matrices(ASF.decode(), AMC.decode())
    found = bone_ends(PLAIN)
    assert found.keys() == expected.keys()
    for name, places in expected.items():
        # the file's directions have six digits, and are brought to length 1
        np.testing.assert_allclose(found[name], places, atol=2e-5)


# --- what the numbers mean


def test_a_joint_stands_where_its_bone_starts() -> None:
    skeleton = PLAIN.skeleton
    assert skeleton.names == ("root", "lhip", "lleg", "spine", "larm", "lhand", "rarm")
    assert [skeleton.names[p] if p >= 0 else "" for p in skeleton.parents] == [
        "",
        "root",
        "lhip",
        "root",
        "spine",
        "larm",
        "spine",
    ]
    np.testing.assert_allclose(
        skeleton.offsets[:3], [[0, 0, 0], [0, 0, 0], [1.2, -1.6, 0]], atol=1e-12
    )
    assert [skeleton.names[p] for p in skeleton.end_parents] == ["lleg", "lhand", "rarm"]
    np.testing.assert_allclose(skeleton.end_offsets[2], [-4.25, 0, 0])
    np.testing.assert_array_equal(
        PLAIN.local_position[:, 0],
        [[-16.2829, 17.5075, -1.81666], [-16.3777, 17.5153, -1.80671], [-16.5, 17.5, -1.75]],
    )


def test_angles_turn_about_the_bones_own_axes_the_first_one_first() -> None:
    text = re.sub(
        rb"name larm(.*?)axis .*? XYZ", rb"name larm\1axis 0 0 90 XYZ", ASF, flags=re.DOTALL
    )
    rig = parse_asf(text, "turned.asf")
    data = (
        AMC[: AMC.index(b"2\nroot")]
        .replace(b"larm -36.306 8.51105", b"larm 90 0")
        .replace(b"spine 10.7741 -0.667827 4.88447", b"spine 90 90 0")
    )
    clip = parse_amc(data, "turned.amc", rig)
    # the bone's y axis lies along -x of the world
    np.testing.assert_allclose(
        rotation.log(clip.local_rotation[0, 4]), [-np.pi / 2, 0, 0], atol=1e-12
    )
    # first about x, which takes y to z, then about the world's y, which takes z to x
    np.testing.assert_allclose(
        rotation.rotate(clip.local_rotation[0, 3], np.array([0.0, 1.0, 0.0])), [1, 0, 0], atol=1e-12
    )


def test_the_order_of_the_root_is_followed() -> None:
    x, y, z, *angles = (float(word) for word in AMC.splitlines()[4].split()[1:])
    mixed = AMC.replace(
        AMC.splitlines()[4], f"root {angles[2]} {z} {angles[1]} {y} {angles[0]} {x}".encode()
    )[: AMC.index(b"2\nroot")]
    clip = parse_amc(
        mixed,
        "mixed.amc",
        parse_asf(ASF.replace(b"TX TY TZ RX RY RZ", b"rz tz ry ty rx tx"), "mixed.asf"),
    )
    np.testing.assert_array_equal(clip.local_position[0, 0], [x, y, z])
    expected = turns("zyx", angles[::-1])[:3, :3]
    np.testing.assert_allclose(rotation.to_matrix(clip.local_rotation[0, 0]), expected, atol=1e-12)


def test_radians_in_the_motion_file() -> None:
    def radians(line: str) -> str:
        name, *values = line.split()
        shifts = 3 if name == "root" else 0
        return " ".join(
            [
                name,
                *values[:shifts],
                *(repr(float(np.radians(float(value)))) for value in values[shifts:]),
            ]
        )

    lines = [radians(line) if line[:1].isalpha() else line for line in AMC.decode().splitlines()]
    clip = parse_amc("\n".join(lines).replace(":DEGREES", ":RADIANS").encode(), "radians.amc", RIG)
    np.testing.assert_allclose(clip.local_rotation, PLAIN.local_rotation, atol=1e-12)


def test_the_frame_rate_is_the_headers_or_the_names_or_the_usual_one() -> None:
    assert PLAIN.frame_time_seconds == 1 / 120
    assert "does not say its frame rate" in PLAIN.warnings[0]
    named = parse_amc(AMC, "HDM_xy_hop_001_60.amc", RIG)
    assert (named.frame_rate, named.warnings) == (60.0, ())
    # of CMU's names, the last number counts takes
    assert parse_amc(AMC, "13_30.amc", RIG).frame_rate == 120.0
    said = parse_amc(
        AMC.replace(b":DEGREES", b":DEGREES\n:SAMPLES-PER-SECOND 29.97"),
        "HDM_xy_hop_001_60.amc",
        RIG,
    )
    assert said.frame_rate == pytest.approx(29.97)
    assert said.warnings == ()


# --- folders of files


@pytest.mark.parametrize("path", cases("valid_asf", ".asf"), ids=lambda path: path.stem)
def test_another_spelling_is_the_same_skeleton(path: Path) -> None:
    rig = parse_asf(path.read_bytes(), path.name)
    assert_same_rig(rig, RIG)
    assert bool(rig.warnings) == ("unknown" in path.stem)


@pytest.mark.parametrize("path", cases("valid_amc", ".amc"), ids=lambda path: path.stem)
def test_another_spelling_is_the_same_motion(path: Path) -> None:
    clip = read_motion(path)
    assert clip.name == path.stem
    np.testing.assert_array_equal(clip.local_position, PLAIN.local_position)
    np.testing.assert_array_equal(clip.local_rotation, PLAIN.local_rotation)
    assert len(clip.warnings) == 1 + ("unknown" in path.stem)


@pytest.mark.parametrize("path", cases("invalid_asf", ".asf"), ids=lambda path: path.stem)
def test_an_invalid_skeleton_is_refused_with_place_found_and_expected(path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        parse_asf(path.read_bytes(), path.name)
    assert_refused(caught.value, path)


@pytest.mark.parametrize("path", cases("invalid_amc", ".amc"), ids=lambda path: path.stem)
def test_an_invalid_motion_is_refused_with_place_found_and_expected(path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        read_motion(path)
    assert_refused(caught.value, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: codecs.BOM_UTF8 + t,
        lambda t: codecs.BOM_UTF16_LE + t.decode().encode("utf-16-le"),
        lambda t: t.replace(b"\n", b"\r\n"),
        lambda t: t.replace(b"\n", b"\r"),
        lambda t: t.replace(b"made", b"f\xfcr"),
    ],
    ids=["bom", "utf-16", "crlf", "cr", "latin-1 comment"],
)
def test_encodings_and_line_ends_are_read(change: Callable[[bytes], bytes]) -> None:
    rig = parse_asf(change(ASF), "plain.asf")
    clip = parse_amc(change(AMC), "plain.amc", rig)
    assert_same_rig(rig, RIG)
    np.testing.assert_array_equal(clip.local_rotation, PLAIN.local_rotation)
    assert rig.warnings == ()
    assert len(clip.warnings) == 1


def test_latin_1_names_are_read_with_a_warning() -> None:
    rig = parse_asf(ASF.replace(b"spine", b"r\xfccken"), "old.asf")
    clip = parse_amc(AMC.replace(b"spine", b"R\xdcCKEN"), "old.amc", rig)
    assert "rücken" in clip.skeleton.names
    assert any("Latin-1" in warning for warning in clip.warnings)


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 8, b"PK\x03\x04" + bytes(range(1, 200)), AMC[:50] + b"\x00" + AMC[50:]],
)
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(MotionFileError, match=r"^binary\."):
        parse_asf(data, "binary.asf")
    with pytest.raises(MotionFileError, match=r"^binary\."):
        parse_amc(data, "binary.amc", RIG)


@pytest.mark.parametrize("cut", range(0, len(AMC), 5))
def test_a_motion_cut_off_anywhere_is_refused_or_loses_no_more_than_it_must(cut: int) -> None:
    try:
        clip = parse_amc(AMC[:cut], "cut.amc", RIG)
    except MotionFileError:
        return
    # only a cut between frames or within the last number of one can go unseen
    ends = [match.start() for match in re.finditer(rb"\n[23]\n|\Z", AMC)]
    assert any(end - 8 < cut <= end + 1 for end in ends)
    assert clip.frame_count == 1 + sum(end < cut for end in ends[:2]) - any(
        cut == end + 1 for end in ends[:2]
    )


@pytest.mark.parametrize("cut", range(0, len(ASF), 11))
def test_a_skeleton_cut_off_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(MotionFileError):
        parse_asf(ASF[:cut], "cut.asf")


@settings(deadline=None, max_examples=200)
@given(
    at=st.integers(0, len(ASF) + len(AMC) - 1), put=st.binary(max_size=4), drop=st.integers(0, 12)
)
def test_damaged_files_are_read_or_refused_but_never_crash(at: int, put: bytes, drop: int) -> None:
    skeleton, motion = ASF, AMC
    if at < len(ASF):
        skeleton = ASF[:at] + put + ASF[at + drop :]
    else:
        at -= len(ASF)
        motion = AMC[:at] + put + AMC[at + drop :]
    try:
        clip = parse_amc(motion, "damaged.amc", parse_asf(skeleton, "damaged.asf"))
    except MotionFileError:
        return
    assert np.isfinite(clip.world_position).all()
    np.testing.assert_allclose(np.linalg.norm(clip.local_rotation, axis=-1), 1.0, atol=1e-9)


# --- limits


def chain(count: int) -> bytes:
    """An ASF file of `count` bones, one below the other."""
    bone = "begin\nname b{}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n"
    names = ["root", *(f"b{i}" for i in range(count))]
    hierarchy = "".join(f"{above} {below}\n" for above, below in pairwise(names))
    return (
        ASF[: ASF.index(b"  begin")].decode()
        + "".join(bone.format(i) for i in range(count))
        + f":hierarchy\nbegin\n{hierarchy}end\n"
    ).encode()


def test_a_very_deep_skeleton_is_read_and_one_joint_too_many_is_not() -> None:
    clip = parse_amc(b"1\nroot 0 0 0 0 0 0\n", "deep.amc", parse_asf(chain(4095), "deep.asf"))
    assert clip.world_position[0, -1].tolist() == [0, 4094, 0]
    with pytest.raises(MotionFileError, match="at most 4096 joints"):
        parse_asf(chain(4096), "deeper.asf")


def test_more_frames_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amc, "MAX_FRAMES", 2)
    with pytest.raises(MotionFileError, match=r"line 18, .* at most 2 frames of 7 joints"):
        parse_amc(AMC, "long.amc", RIG)


# --- which skeleton


@pytest.mark.parametrize(
    ("motion", "beside", "found"),
    [
        ("walk.amc", ("walk.asf", "other.asf"), "walk.asf"),
        ("walk.amc", ("anybody.asf",), "anybody.asf"),
        ("HDM_bd_hop_001_120.amc", ("HDM_bd.asf", "HDM_bk.asf", "HDM.asf"), "HDM_bd.asf"),
        ("01_02.amc", ("01.asf", "0.asf"), "01.asf"),
        ("walk.AMC", ("Walk.ASF", "w.asf"), "Walk.ASF"),
        ("walking.amc", ("walk.asf", "walking-.asf"), None),
        ("walk.amc", ("one.asf", "two.asf"), None),
        ("walk.amc", (), None),
    ],
)
def test_the_skeleton_is_the_one_that_the_name_tells_or_the_only_one(
    tmp_path: Path, motion: str, beside: tuple[str, ...], found: str | None
) -> None:
    for name in beside:
        (tmp_path / name).write_bytes(ASF)
    (tmp_path / motion).write_bytes(AMC)
    if found is not None:
        assert find_asf(tmp_path / motion).name == found
        assert read_motion(tmp_path / motion).skeleton.names == RIG.skeleton.names
        return
    with pytest.raises(
        MotionFileError,
        match=rf"^{motion} has no (clear )?skeleton: found .* beside it, expected one",
    ):
        read_motion(tmp_path / motion)


def test_a_broken_skeleton_is_named_in_the_message(tmp_path: Path) -> None:
    (tmp_path / "walk.amc").write_bytes(AMC)
    (tmp_path / "body.asf").write_bytes(ASF.replace(b"angle deg", b"angle"))
    with pytest.raises(
        MotionFileError,
        match=r"^body.asf, line 7, column 8: found the end of the line, expected deg or rad",
    ):
        read_motion(tmp_path / "walk.amc")
    with pytest.raises(MotionFileError, match=r"none.amc was not found"):
        read_amc(tmp_path / "none.amc")


# --- the way out


def test_the_clip_is_written_as_bvh(tmp_path: Path) -> None:
    assert write_motion(PLAIN, tmp_path / "out.bvh") == ()
    back = read_bvh(tmp_path / "out.bvh")
    assert back.skeleton.names == PLAIN.skeleton.names
    assert back.frame_time_seconds == PLAIN.frame_time_seconds
    expected = bone_ends(PLAIN)
    for name, places in bone_ends(back).items():
        np.testing.assert_allclose(places, expected[name], atol=1e-5)


def test_amc_is_not_written(tmp_path: Path) -> None:
    wanted = r"out.amc has the suffix '.amc', which is read but not written; write .bvh"
    with pytest.raises(MotionFileError, match=wanted):
        write_motion(PLAIN, tmp_path / "out.amc")
    said = CliRunner().invoke(
        main, ["stylize", "walk.amc", "--style", "old", "-o", str(tmp_path / "out.amc")]
    )
    assert said.exit_code == 1
    assert re.search(wanted, said.stderr)
    assert not list(tmp_path.iterdir())


# --- real files

PERFORMERS = ("bd", "bk", "dg", "mm", "tr")


@pytest.fixture(scope="module")
def hdm05(data_dir: Path) -> Path:
    folder = data_dir / "unlabelled" / "hdm05"
    if not folder.is_dir():
        pytest.skip(f"needs HDM05 in {folder}")
    return folder


@pytest.mark.parametrize("performer", PERFORMERS)
def test_real_clips_are_bodies_on_a_floor(hdm05: Path, performer: str) -> None:
    paths = sorted(hdm05.glob(f"HDM_{performer}_*.amc"))
    for path in [*paths[::12], *hdm05.glob(f"HDM_{performer}_lieDown*.amc")]:
        clip = read_motion(path)
        assert clip.frame_rate == pytest.approx(120.0)
        assert clip.warnings == ()
        mapping = map_joints(clip)
        assert {
            role: clip.skeleton.names[joint] for role, joint in mapping.joints.items()
        } == ACCLAIM_ROLES
        assert (mapping.unit, mapping.up.tolist()) == ("CMU", [0, 1, 0])
        place = {role: clip.world_position[:, joint] for role, joint in mapping.joints.items()}
        for side in ("left", "right"):
            arm = [
                np.linalg.norm(place[f"{side}_{a}"] - place[f"{side}_{b}"], axis=-1)
                for a, b in (("forearm", "upper_arm"), ("hand", "forearm"))
            ]
            # 20 to 35 cm each, and the forearm is straight whatever it does
            assert all(3.5 < length.mean() < 6.2 and np.ptp(length) < 1e-2 for length in arm)
        legs = [
            Leg(*(place[f"{side}_{role}"] for role in ("thigh", "shin", "foot", "toe")))
            for side in ("left", "right")
        ]
        # knees bend to the back, feet point to the front
        assert lateral_agreement(*legs) > 0.5
        lowest = np.min(
            [
                place[f"{side}_{role}"][:, 1]
                for side in ("left", "right")
                for role in ("foot", "toe")
            ],
            axis=0,
        )
        assert abs(np.percentile(lowest, 20)) * 0.0564 < 0.1


def test_real_joints_are_where_the_book_has_them(hdm05: Path) -> None:
    for performer in PERFORMERS:
        path = min(hdm05.glob(f"HDM_{performer}_*.amc"), key=lambda path: path.stat().st_size)
        skeleton_text, motion_text = (
            file.read_text(encoding="latin-1") for file in (hdm05 / f"HDM_{performer}.asf", path)
        )
        cut = motion_text.index("\n21\n")
        expected = bone_ends_by_matrices(skeleton_text, motion_text[:cut])
        for name, places in bone_ends(read_motion(path)).items():
            np.testing.assert_allclose(places[:20], expected[name], atol=1e-4)


def test_a_real_clip_is_restyled_into_bvh(hdm05: Path, tmp_path: Path) -> None:
    path = next(hdm05.glob("HDM_bd_kick*.amc"))
    out = tmp_path / "out.bvh"
    said = CliRunner().invoke(main, ["stylize", str(path), "--style", "old", "-o", str(out)])
    assert said.exit_code == 0, said.stderr
    before, after = read_motion(path), read_motion(out)
    assert after.skeleton.names == before.skeleton.names
    assert (after.frame_count, after.frame_time_seconds) == (
        before.frame_count,
        before.frame_time_seconds,
    )
    np.testing.assert_allclose(after.skeleton.offsets, before.skeleton.offsets, atol=1e-6)
    assert np.abs(after.world_position - before.world_position).max() > 1.0
