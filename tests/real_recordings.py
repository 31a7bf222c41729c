"""The rows of `real_cases` for BVH files, arrays and rigs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from kinestyle.errors import KinestyleError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.rig.mapping import map_joints
from kinestyle.runtime.stylizer import Stylizer
from real_cases import Case


def _reads_whole(path: Path) -> None:
    clip = read_motion(path)
    assert clip.frame_count == 90, f"found {clip.frame_count} frames, expected 90"


@cache
def _stylizer() -> Stylizer:
    return Stylizer.load()


def _is_restyled_in_full(path: Path) -> None:
    analysis = _stylizer().analyse(read_motion(path))
    share = float(analysis.domain.share.mean())
    assert share > 0.95, f"{share:.0%} of the style is left"
    result = _stylizer().apply(analysis, _stylizer().style_of("old"))
    if path.suffix == ".npy":
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.npy"
            write_motion(result, out)
            old, new = np.load(path), np.load(out)
        assert new.shape == old.shape, f"written as {new.shape}, read as {old.shape}"


def _feet_stay_on_the_legs(path: Path) -> None:
    clip = read_motion(path)
    rig = path.with_name("RobotExpressive_rig.json")
    for named in (None, rig):
        result = _stylizer().stylize(clip, style="old", rig=named)
        for side in "LR":
            foot, shin = (clip.skeleton.index(f"{name}.{side}") for name in ("Foot", "LowerLeg"))
            apart = [
                np.linalg.norm(one.world_position[:, foot] - one.world_position[:, shin], axis=-1)
                for one in (clip, result)
            ]
            assert np.abs(apart[1] - apart[0]).max() < 1e-6, f"Foot.{side} comes off its leg"


def _as_without_end_sites(reference: str) -> Callable[[Path], None]:
    """Restyled nearly as the reference is; what lies between is what no end site shows."""

    def check(path: Path) -> None:
        clips = [read_motion(path), read_motion(path.with_name(reference))]
        results = [_stylizer().stylize(clip, style="old") for clip in clips]
        joints = [clips[1].skeleton.index(name) for name in clips[0].skeleton.names]
        relative = [
            clip.world_position - clip.world_position[:, :1] for clip in (clips[1], *results)
        ]
        apart = np.linalg.norm(relative[1] - relative[2][:, joints], axis=-1).mean()
        style = np.linalg.norm(relative[2] - relative[0], axis=-1).mean()
        assert apart < 0.3 * style, f"{apart:.1f} off, where the style moves {style:.1f}"

    return check


def _refused(sentence: str) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        found = "nothing was refused"
        try:
            map_joints(read_motion(path))
        except KinestyleError as error:
            found = str(error)
        assert sentence in found, found

    return check


def _lies_on_a_y_up_floor(path: Path) -> None:
    mapping = map_joints(read_motion(path))
    assert np.array_equal(mapping.up, [0.0, 1.0, 0.0]), f"{mapping.up} was taken for up"
    assert any("--up" in note for note in mapping.warnings), "no note doubts it"


def _is_read_with(frames: int, note: str) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        clip = read_motion(path)
        assert clip.frame_count == frames, f"found {clip.frame_count} frames, expected {frames}"
        assert note in " ".join(clip.warnings), f"notes are {clip.warnings}"

    return check


def _is_japanese(path: Path) -> None:
    clip = read_motion(path)
    mapping = map_joints(clip)
    found = {role: clip.skeleton.names[joint] for role, joint in mapping.joints.items()}
    wanted = {"left_thigh": "左足", "right_foot": "右足首", "left_hand": "左手首"}
    assert {role: found.get(role) for role in wanted} == wanted, f"found {found}"
    assert not [note for note in mapping.warnings if "sides differ" in note], mapping.warnings


def _in_full(file: str, promise: str) -> Case:
    return Case(f"bvh/{file}", promise, _is_restyled_in_full)


RECORDINGS: tuple[Case, ...] = (
    Case("bvh/00_reference.bvh", "the walk without any trait is read", _reads_whole),
    _in_full("04_w22_1_22_3_T.npy", "read, restyled in full, written in the same layout"),
    _in_full("04_w22_T1_22_3.npy", "as the first"),
    _in_full("04_w22_T66.npy", "as the first"),
    _in_full("04_w22_zup.npy", "as the first, Z up"),
    _in_full("04_w22_ydown.npy", "as the first, Y down"),
    _in_full("04_w24.npy", "as the first, with hands"),
    _in_full("04_w52.npy", "as the first, with fingers"),
    *(
        Case(
            f"bvh/{file}",
            "an End Site that cannot be a foot or a hand is passed over",
            _as_without_end_sites(f"00_reference{toes}.bvh"),
        )
        for file, toes in (
            ("01a_end_sites_all_0_1_0_no_toes.bvh", "_no_toes"),
            ("01b_end_sites_all_0_1_0_with_toes.bvh", ""),
            ("01c_end_sites_repeat_last_bone.bvh", "_no_toes"),
            ("01d_end_site_of_foot_straight_down.bvh", "_no_toes"),
            ("01e_end_site_of_hands_up.bvh", ""),
        )
    ),
    _in_full("08_mediapipe_head_is_an_end_site.bvh", "found without neck and head, restyled"),
    Case(
        "bvh/09_slimevr_rooted_at_the_head.bvh",
        "refused: the hierarchy hangs from the head",
        _refused("hangs from the head"),
    ),
    _in_full("03_world_tilted_3_degrees.bvh", "the planted feet's floor is worked with as level"),
    _in_full("03_world_tilted_20_degrees.bvh", "the planted feet's floor is worked with as level"),
    _in_full("05_kinect_mirrored.bvh", "the body is taken as the knees have it"),
    Case("bvh/06_lying_then_crouching.bvh", "+Y is up, with a doubt", _lies_on_a_y_up_floor),
    *(
        Case(f"bvh/{file}", promise, _is_read_with(frames, note))
        for file, promise, frames, note in (
            ("10b_frames_0_of_a_recorder_that_crashed.bvh", "all rows are read", 30, "declares 0"),
            ("10c_last_row_cut_off.bvh", "whole rows are read", 29, "cut off after 20 of 69"),
            ("10e_frames_declared_too_many.bvh", "all rows are read", 30, "declares 33"),
            ("11_decimal_commas.bvh", "read with points", 30, "decimal commas"),
            ("12_two_joints_of_one_name.bvh", "names are told apart", 30, "several joints named"),
            ("13_frame_time_0_of_a_pose.bvh", "one frame needs no frame time", 1, ""),
        )
    ),
    Case(
        "bvh/10a_missing_space_after_the_third_number.bvh",
        "the place of two numbers in one",
        _refused("line 135, column 16: found '-0.2742-1.4019'"),
    ),
    Case(
        "bvh/10d_one_number_more_in_every_row.bvh",
        "each row has 70 numbers, there are 69 channels",
        _refused("found 70 values in each of 30 rows, expected 69"),
    ),
    *(
        Case(file, "sides and joints are known from Japanese names", _is_japanese)
        for file in (
            "bvh/07a_mmd_names_shift_jis.bvh",
            "bvh/07b_mmd_names_utf8.bvh",
            "bvh/07c_shift_jis_name_with_a_brace_byte.bvh",
            "characters/mmd_names_made.bvh",
        )
    ),
    Case(
        "characters/unity_MultipleRoots.fbx",
        "it is said that there are two skeletons",
        _refused("its file holds 2 skeletons, RootFeet, RootBody"),
    ),
    Case("characters/Fox.glb", "an animal on four legs is refused", _refused("on four legs")),
    Case(
        "characters/RobotExpressive.glb",
        "feet that hang on the root are found, and stay on their legs",
        _feet_stay_on_the_legs,
    ),
)
