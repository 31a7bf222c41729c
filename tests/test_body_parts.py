"""Judges of a part of the body, and what they are asked."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.errors import DataError
from kinestyle.evaluate.body_parts import HALVES, learn_judges, learned_clips
from kinestyle.evaluate.part_judge import PartJudge, bone_angles
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, UP
from kinestyle.motion.rotation import Array
from kinestyle.retarget.features import clip_to_features, heading_free_rotation
from kinestyle.runtime.part_names import BODY_PARTS
from made_rigs import walk


def shown(seed: int, bent: str | None = None) -> Array:
    """(T, 21, 4) a walk, with all joints of a part bent further."""
    random = np.random.default_rng(seed)
    rotations = heading_free_rotation(clip_to_features(walk(3.0).clip).astype(float))
    noise = 0.05 * random.standard_normal((CANONICAL.joint_count, 3))
    rotations = rotation.multiply(rotations, rotation.exp(noise))
    for role in BODY_PARTS[bent] if bent else ():
        joint = CANONICAL.index(role)
        turn = rotation.exp(0.5 * (joint % 3) * np.eye(3)[joint % 3])
        rotations[:, joint] = rotation.multiply(rotations[:, joint], turn)
    return rotations


@pytest.mark.parametrize("part", HALVES)
def test_a_judge_of_a_part_sees_that_part_alone(part: str) -> None:
    other = HALVES[1 - HALVES.index(part)]
    bent = [part, None] * 8
    judge = PartJudge.learn(
        part, [shown(i, one) for i, one in enumerate(bent)], ["bent" if b else "not" for b in bent]
    )
    assert judge.predict(shown(100, part)) == "bent"
    assert judge.predict(shown(101)) == "not"
    assert judge.predict(shown(102, other)) == "not"
    np.testing.assert_array_equal(bone_angles(shown(3), part), bone_angles(shown(3, other), part))


def test_where_the_body_stands_is_not_seen() -> None:
    before, turn = shown(1), rotation.about_y(np.array(1.0))
    for part in HALVES:
        np.testing.assert_allclose(
            bone_angles(before, part), bone_angles(rotation.multiply(turn, before), part), atol=1e-9
        )
    lean = rotation.exp(np.array([0.4, 0.0, 0.0]))
    leaning = rotation.multiply(lean, before)
    upper, lower = (np.abs(bone_angles(leaning, p) - bone_angles(before, p)).max() for p in HALVES)
    assert upper < 1e-9
    assert lower > 0.1


def test_of_a_foot_is_seen_which_way_it_points_and_not_how_it_is_tilted() -> None:
    before = shown(1)
    foot, toe = CANONICAL.index("left_foot"), CANONICAL.index("left_toe")
    along = rotation.rotate(before[:, foot], CANONICAL.offsets[toe])
    sideways = rotation.normalize(rotation.cross(UP, along))

    def seen(axis: Array) -> float:
        after = before.copy()
        after[:, foot] = rotation.multiply(rotation.exp(0.1 * axis), before[:, foot])
        return float(np.abs(bone_angles(after, "lower") - bone_angles(before, "lower")).max())

    assert seen(sideways) < 1e-9
    assert seen(np.broadcast_to(UP, sideways.shape)) > 0.05


def test_without_training_clips_there_is_no_judge() -> None:
    assert learned_clips([]) == []
    with pytest.raises(DataError, match="two styles or more"):
        learn_judges([])
