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
        ("左足", "", None),
        ("aB" * 5000 + "LeftArm", "left", "upper_arm"),
    ],
)
def test_what_a_name_says(name: str, side: str, role: str | None) -> None:
    read = read_names([name, *map(str, range(9))])[0]
    assert read.side == side
    assert (max(read.roles, key=read.weight) if read.roles else None) == role
