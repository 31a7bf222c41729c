"""The joint mapping on rigs at random: a seeded sample of what `benchmarks/mapping_accuracy.py`
measures at length.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from driving_motion import led_by_a_t_pose, made_motions, real_motions
from generated_rigs import ANONYMOUS, UP_TURNS, Made, generate
from kinestyle.motion import rotation
from kinestyle.motion.canonical import mirror_name
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import find_lead_in
from kinestyle.retarget.correspondence import correspond
from kinestyle.rig.mapping import DOUBTFUL, map_joints
from kinestyle.rig.world_frame import mirror_axis
from mapping_score import Tally, score
from rig_namings import FAMILIES
from rig_traits import (
    CHINESE,
    JAPANESE,
    among_other_animations,
    ended_at_the_shoulders,
    named_in,
    tilted,
)


@pytest.fixture(scope="module")
def made() -> list[Clip]:
    return made_motions()


@pytest.fixture(scope="module")
def real(data_dir: Path) -> list[Clip]:
    motions = real_motions(data_dir, each=2, seed=5)
    if not motions:
        pytest.skip(f"needs Bandai-Namco, CMU or HDM05 below {data_dir}")
    return motions


def tally(rigs: list[Made]) -> Tally:
    return Tally([score(rig)[0] for rig in rigs])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_with_its_names(made: list[Clip], family: str) -> None:
    found = tally([generate(seed, family, made[seed % 3]) for seed in range(6)])
    assert found.right_share >= 0.99
    assert (found.silent, found.swapped_rigs, found.refused) == (0, 0, 0)
    assert found.up_share == 1.0
    assert found.doubted_share < 0.05


@pytest.mark.parametrize("naming", ANONYMOUS)
def test_rigs_without_names(made: list[Clip], naming: str) -> None:
    found = tally(
        [generate(seed, family, made[seed % 3], naming) for seed, family in enumerate(FAMILIES)]
    )
    assert found.right_share >= 0.95
    assert (found.silent, found.silently_swapped_rigs, found.refused) == (0, 0, 0)
    # hands and toes without names are one joint among others that would do
    assert found.doubted_share < 0.3


def test_real_motion_on_rigs_with_names(real: list[Clip]) -> None:
    families = list(FAMILIES)
    found = tally(
        [generate(seed, families[seed % 12], real[seed % len(real)]) for seed in range(24)]
    )
    assert found.right_share >= 0.99
    assert (found.silent, found.swapped_rigs, found.refused) == (0, 0, 0)


def test_real_motion_on_rigs_without_names(real: list[Clip]) -> None:
    families = list(FAMILIES)
    found = tally(
        [
            generate(seed, families[seed % 12], real[seed % len(real)], ANONYMOUS[seed % 4])
            for seed in range(24)
        ]
    )
    assert found.right_share >= 0.95
    assert (found.silent, found.silently_swapped_rigs, found.refused) == (0, 0, 0)
    # hands and toes without names are one joint among others that would do
    assert found.doubted_share < 0.3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mirrored_file_is_not_swapped_in_silence(made: list[Clip], family: str) -> None:
    """A whole character mirrored, its names kept: its body is taken as the knees have it, which is
    said, and every role with a side is doubted.
    """
    rig = generate(3, family, made[1])
    mapping = map_joints(mirror_axis(rig.clip))
    assert mapping.swapped
    assert all(
        mapping.joints[mirror_name(role)] in joints
        for role, joints in rig.expected.items()
        if mirror_name(role) in mapping.joints
    )
    assert all(trust < DOUBTFUL for role, trust in mapping.confidence.items() if "_" in role)
    assert any("as if left and right were swapped" in warning for warning in mapping.warnings)


@pytest.mark.parametrize("words", [JAPANESE, CHINESE], ids=["Japanese", "Chinese"])
def test_rigs_with_japanese_and_chinese_names(made: list[Clip], words: dict[str, str]) -> None:
    rigs = [
        named_in(generate(seed, family, made[seed % 3]), words)
        for seed, family in enumerate(FAMILIES)
    ]
    found = tally(rigs)
    assert found.right_share >= 0.97
    assert (found.swapped_rigs, found.refused) == (0, 0)
    for rig in rigs:
        assert not [note for note in map_joints(rig.clip).warnings if "two sides differ" in note]


def test_rigs_that_end_at_their_shoulders(made: list[Clip]) -> None:
    rigs = [
        ended_at_the_shoulders(generate(seed, family, made[seed % 3], plain=True))
        for seed, family in enumerate(FAMILIES)
        if family not in ("Biped", "Rigify")  # whose arms hang from the neck; a numbered spine
    ]
    found = tally(rigs)
    assert found.right_share >= 0.97
    assert found.refused == 0


@pytest.mark.parametrize("seed", range(4))
def test_rigs_in_a_tilted_world(made: list[Clip], seed: int) -> None:
    rig = generate(seed, list(FAMILIES)[seed], made[0])
    level = correspond(rig.clip)
    c = correspond(tilted(rig, 15.0).clip)
    off = np.degrees(np.arccos(np.clip(c.mapping.up @ level.mapping.up, -1.0, 1.0)))
    assert off == pytest.approx(15.0, abs=1.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_rigs_with_a_t_pose_in_front(made: list[Clip], family: str) -> None:
    """The body of the motion behind it, and not another one."""
    for seed, frames in ((1, 1), (2, 10)):
        motion = made[seed]
        led = generate(seed, family, led_by_a_t_pose(motion, frames), plain=True)
        assert find_lead_in(led.clip) == frames, led.about
        rest = replace(led, clip=led.clip.window(frames, led.clip.frame_count))
        assert find_lead_in(rest.clip) == 0, led.about
        found = tally([rest])
        assert found.right_share == 1.0, led.about
        assert (found.silent, found.swapped_rigs, found.refused) == (0, 0, 0)


@pytest.mark.parametrize("suffix", [".glb", ".fbx"])
def test_rigs_in_files_with_several_animations(
    made: list[Clip], tmp_path: Path, suffix: str
) -> None:
    families = [name for name in FAMILIES if name not in ("Biped", "Rigify")]
    rigs = []
    for seed, family in enumerate(families[:4]):
        rig = generate(seed, family, made[seed % 3], plain=True)
        rigs.append(among_other_animations(rig, tmp_path / f"{family}{suffix}"))
        assert [one.name for one in rigs[-1].clip.animations] == ["Hold", "Calm", "Motion"]
        assert rigs[-1].clip.animation == "Motion"
    found = tally(rigs)
    assert found.right_share >= 0.97
    assert (found.silent, found.swapped_rigs, found.refused) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_a_generated_rig_moves_as_its_motion_does(made: list[Clip], seed: int) -> None:
    """The truth is one: joints lie where the body has them, whatever rest pose, axes and order the
    file has.
    """
    rig = generate(seed, list(FAMILIES)[seed], made[0])
    place = {role: rig.clip.world_position[:, min(joints)] for role, joints in rig.expected.items()}
    up = rotation.rotate(UP_TURNS[rig.up], np.array([0.0, 1.0, 0.0]))
    for side in ("left", "right"):
        assert ((place["hips"] - place[f"{side}_shin"]) @ up > 0).all()
        assert ((place[f"{side}_shin"] - place[f"{side}_foot"]) @ up > 0).all()
    assert ((place["head"] - place["hips"]) @ up > 0).all()
    across = place["left_thigh"] - place["right_thigh"]
    ahead = np.cross(across, up)
    travel = place["hips"][-1] - place["hips"][0]
    assert float(np.mean(ahead @ travel)) > 0.0
    assert len(set(rig.clip.skeleton.names)) == rig.clip.skeleton.joint_count


def test_the_generator_makes_what_it_says(made: list[Clip]) -> None:
    rigs = [generate(seed, "Mixamo", made[0]) for seed in range(40)]
    assert {rig.up for rig in rigs} >= {"+Y", "+Z"}
    assert {rig.unit for rig in rigs} >= {"m", "cm", "mm", "inch", "CMU", None}
    assert max(rig.clip.skeleton.joint_count for rig in rigs) > 100
    for role in ("left_toe", "neck", "left_clavicle", "spine", "left_hand"):
        assert 0 < sum(role not in rig.expected for rig in rigs) < 20
    assert any("mixamorig1:" in rig.clip.skeleton.names[0] for rig in rigs)
    again = generate(7, "Mixamo", made[0])
    assert again.clip.skeleton.names == rigs[7].clip.skeleton.names
    np.testing.assert_array_equal(again.clip.local_rotation, rigs[7].clip.local_rotation)
