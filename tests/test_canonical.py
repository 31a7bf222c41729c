"""The canonical skeleton, and clips on it."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion.canonical import (
    CANONICAL,
    LEG_LENGTH_M,
    MIRROR,
    REST_POSITION_M,
    STATURE_M,
    canonical_clip,
    has_side,
    mirror_name,
    part_of,
)
from made_rigs import walk

WALK = walk(3.0).clip


def test_canonical_clip() -> None:
    found = canonical_clip(WALK.world_position[:, 0], WALK.world_rotation, 1 / 30, "again")
    np.testing.assert_allclose(found.world_position, WALK.world_position, atol=1e-12)
    assert (found.name, found.skeleton) == ("again", CANONICAL)


def test_the_rest_pose_stands_on_the_floor_as_tall_as_it_says() -> None:
    crown = REST_POSITION_M[CANONICAL.index("head")] + CANONICAL.end_offsets[2]
    assert crown[1] == pytest.approx(STATURE_M)
    hip, ankle = (REST_POSITION_M[CANONICAL.index(f"left_{part}"), 1] for part in ("thigh", "foot"))
    assert hip - ankle == pytest.approx(LEG_LENGTH_M)
    assert 0.0 < REST_POSITION_M[:, 1].min() < 0.05
    np.testing.assert_allclose(REST_POSITION_M[MIRROR], REST_POSITION_M * [-1.0, 1.0, 1.0])


def test_sides_of_names() -> None:
    assert [mirror_name(name) for name in ("left_thigh", "right_hand", "head")] == [
        "right_thigh",
        "left_hand",
        "head",
    ]
    assert [part_of(name) for name in ("left_thigh", "right_hand", "head")] == [
        "thigh",
        "hand",
        "head",
    ]
    assert [has_side(name) for name in ("left_thigh", "right_hand", "head")] == [True, True, False]
