"""What the names of joints say."""

from __future__ import annotations

import pytest

from kinestyle.rig.names import read_names


@pytest.mark.parametrize(
    ("name", "side", "role"),
    [
        ("mixamorig1:LeftUpLeg", "left", "thigh"),
        ("lfemur", "left", "thigh"),
        ("rtibia", "right", "shin"),
        ("LEFTARM", "left", "upper_arm"),
        ("rShldr", "right", "upper_arm"),
        ("DEF-upper_arm.L.001", "left", "upper_arm"),
        ("Bip01 R Toe0", "right", "toe"),
        ("lowerback", "", "spine"),
        ("radius_l", "left", "forearm"),
        ("NeckTwist01", "", "neck"),
        ("Armature|Head", "", "head"),
        ("LHipJoint", "left", None),
        ("LeftHandThumb1", "left", None),
        ("RightHandEnd", "right", None),
        ("forearm_twist_01_r", "right", None),
        ("HeadTop_End", "", None),
        ("joint_12", "", None),
        ("左足", "left", "thigh"),
        ("aB" * 5000 + "LeftArm", "left", "upper_arm"),
    ],
)
def test_what_a_name_says(name: str, side: str, role: str | None) -> None:
    read = read_names([name, *map(str, range(9))])[0]
    assert read.side == side
    assert (max(read.roles, key=read.weight) if read.roles else None) == role


@pytest.mark.parametrize(
    ("name", "side", "role"),
    [
        ("左足", "left", "thigh"),
        ("右ひざ", "right", "shin"),
        ("左足首", "left", "foot"),
        ("右つま先", "right", "toe"),
        ("左手首", "left", "hand"),
        ("左大腿", "left", "thigh"),
        ("右小腿", "right", "shin"),
        ("左前臂", "left", "forearm"),
        ("右_上臂", "right", "upper_arm"),
        ("骨盆", "", "hips"),
        ("上半身2", "", "spine"),
        ("頭", "", "head"),
    ],
)
def test_japanese_and_chinese_names(name: str, side: str, role: str) -> None:
    read = read_names([name, "胸", "left_toe", "jaw"])[0]
    assert read.side == side
    assert read.weight(role) >= 0.8
    assert not read.extra


@pytest.mark.parametrize("name", ["左親指１", "右足ＩＫ", "左腕捩", "右目", "髪1"])
def test_japanese_extras(name: str) -> None:
    assert read_names([name, "胸", "left_toe", "jaw"])[0].extra
