"""The joint mapping on real files, where they are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kinestyle.formats.asf_amc import read_amc
from kinestyle.formats.bvh import read_bvh
from kinestyle.rig.body_frame import axis_name
from kinestyle.rig.mapping import DOUBTFUL, map_joints
from named_rigs import named, swaps
from rig_namings import ACCLAIM_ROLES, both

CMU_LIMBS = both(
    *(f"{{}}{n}" for n in ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase"))
)
POSER_LIMBS = both(
    *(f"{{}}{n}" for n in ("Collar", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Toe"))
)


def trunk(spine: str, chest: str, neck: str = "Neck") -> dict[str, str]:
    return {"hips": "Hips", "spine": spine, "chest": chest, "neck": neck, "head": "Head"}


FOUR_SPINES = trunk("Spine1", "Spine3") | CMU_LIMBS
POSER = trunk("Chest2", "Chest4") | POSER_LIMBS
POSER_ON_CMU = trunk("Chest", "Chest2", "lowerneck") | POSER_LIMBS
CMU = trunk("Spine", "Spine1") | CMU_LIMBS
REAL = {
    "wild/bvh_test1.bvh": (FOUR_SPINES, "+Z", "inch"),
    "wild/bvh_test2.bvh": (POSER, "+Y", "cm"),
    "wild/bvh_test3.bvh": (
        FOUR_SPINES | {"left_toe": "LeftForeFoot", "right_toe": "RightForeFoot"},
        "+Z",
        "inch",
    ),
    "wild/cmu_12_01_walk.bvh": (CMU, "+Y", "CMU"),
    "wild/dab.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/jesse_dance.bvh": (trunk("Spine", "Spine2") | CMU_LIMBS, "+Y", "cm"),
    "wild/jumping.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/jumping_jacks.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "wild/sample.bvh": (POSER, "+Y", "cm"),
    "wild/scaled_131_01.bvh": (POSER_ON_CMU, "+Y", "m"),
    "wild/wave_hello.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/zombie.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "unlabelled/cmu/01_01.bvh": (CMU, "+Y", "CMU"),
    "unlabelled/cmu/01_03.bvh": (CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_01.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_02.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_03.bvh": (POSER_ON_CMU, "+Y", "CMU"),
}


@pytest.mark.parametrize("file", REAL)
def test_real_file(data_dir: Path, file: str) -> None:
    expected, up, unit = REAL[file]
    clip = read_bvh(data_dir / file)
    mapping = map_joints(clip)
    assert named(clip, mapping) == expected
    assert (axis_name(mapping.up), mapping.unit) == (up, unit)
    assert min(mapping.confidence.values()) > 0.5
    assert all("no usual unit" in warning for warning in mapping.warnings)


BANDAI = trunk("Spine", "Chest") | both(
    *(
        f"{name}_{{}}"
        for name in (
            *("Shoulder", "UpperArm", "LowerArm", "Hand"),
            *("UpperLeg", "LowerLeg", "Foot", "Toes"),
        )
    ),
    sides=("L", "R"),
)
CC3 = {
    "hips": "Hip",
    "spine": "Spine01",
    "chest": "Spine02",
    "neck": "NeckTwist01",
    "head": "Head",
} | both(
    *(
        f"{{}}_{name}"
        for name in (
            *("Clavicle", "Upperarm", "Forearm", "Hand"),
            *("Thigh", "Calf", "Foot", "ToeBase"),
        )
    ),
    sides=("L", "R"),
)


@pytest.mark.parametrize(
    ("folder", "every", "expected", "family"),
    [
        ("bandai", 150, BANDAI, "Bandai-Namco"),
        (
            "unlabelled/cmu/iclone",
            12,
            {role: "CC_Base_" + name for role, name in CC3.items()},
            "CC3",
        ),
    ],
)
def test_real_sets(
    data_dir: Path, folder: str, every: int, expected: dict[str, str], family: str
) -> None:
    files = sorted((data_dir / folder).rglob("*.bvh"))[::every]
    assert files
    for file in files:
        clip = read_bvh(file)
        mapping = map_joints(clip)
        assert named(clip, mapping) == expected, file.name
        assert (mapping.family, axis_name(mapping.up), mapping.unit) == (family, "+Y", "cm"), (
            file.name
        )
        assert not mapping.warnings, file.name
        # and nearly the same by shape alone, sides included
        bare = replace(
            clip,
            skeleton=replace(
                clip.skeleton, names=tuple(map(str, range(clip.skeleton.joint_count)))
            ),
        )
        found = named(clip, map_joints(bare))
        assert {role: name for role, name in found.items() if not role.endswith("toe")} == {
            role: name for role, name in expected.items() if not role.endswith("toe")
        }, file.name


@pytest.mark.parametrize("performer", ["bd", "bk", "dg", "mm", "tr"])
def test_the_five_skeletons_of_hdm05(data_dir: Path, performer: str) -> None:
    files = sorted((data_dir / "unlabelled" / "hdm05").glob(f"HDM_{performer}_*.amc"))[::15]
    if not files:
        pytest.skip(f"needs HDM05 below {data_dir}")
    for file in files:
        clip = read_amc(file)
        mapping = map_joints(clip)
        assert named(clip, mapping) == ACCLAIM_ROLES, file.name
        assert (axis_name(mapping.up), mapping.unit) == ("+Y", "CMU"), file.name
        assert min(mapping.confidence.values()) > 0.5, file.name
        bare = replace(
            clip,
            skeleton=replace(
                clip.skeleton, names=tuple(map(str, range(clip.skeleton.joint_count)))
            ),
        )
        found = map_joints(bare)
        # without names only what carries low confidence may be wrong, and no side
        wrong = {
            role: joint for role, joint in found.joints.items() if joint != mapping.joints[role]
        }
        assert not swaps(named(clip, found), ACCLAIM_ROLES), file.name
        assert all(
            found.confidence[role] < DOUBTFUL for role in wrong if role not in ("spine", "neck")
        ), (file.name, wrong)
