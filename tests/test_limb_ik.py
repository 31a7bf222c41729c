"""A leg reaches for its target: bones keep their lengths, and knees bend to the front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.retarget.limb_ik import reach
from made_rigs import X, Y, Z

THIGH, SHIN = 0.42, 0.40
HIP = np.array([[0.1, 0.9, 0.0]])


def leg(flexion: float) -> tuple[Array, Array, Array]:
    """Hip, knee and ankle (1, 3) of a leg below the hip, bent by `flexion` radians to the front."""
    knee = HIP - THIGH * (np.cos(flexion / 2) * Y - np.sin(flexion / 2) * Z)
    return HIP, knee, knee - SHIN * (np.cos(flexion / 2) * Y + np.sin(flexion / 2) * Z)


def reached(
    joints: tuple[Array, Array, Array], target: Array, amount: float = 1.0
) -> tuple[Array, Array]:
    """Knee and ankle (1, 3) after a leg has reached for its target."""
    hip, knee, ankle = joints
    thigh, shin = reach(hip, knee, ankle, target, X[None], np.array([amount]))
    new_knee = hip + rotation.rotate(thigh, knee - hip)
    return new_knee, new_knee + rotation.rotate(shin, ankle - knee)


def test_a_leg_that_is_there_stays() -> None:
    joints = leg(0.6)
    for q in reach(*joints, joints[2], X[None], np.zeros(1)):
        assert rotation.angle(q).max() < 1e-7


@settings(max_examples=100, deadline=None)
@given(
    flexion=st.floats(0.1, 2.0),
    distance=st.floats(0.1, 0.81),
    pitch=st.floats(-1.0, 1.0),
    roll=st.floats(-0.6, 0.6),
    amount=st.floats(0.0, 1.0),
)
def test_the_ankle_reaches_its_target(
    flexion: float, distance: float, pitch: float, roll: float, amount: float
) -> None:
    downwards = rotation.rotate(rotation.exp(np.array([pitch, 0.0, roll])), -Y)
    target = HIP + distance * downwards
    knee, ankle = reached(leg(flexion), target, amount)
    np.testing.assert_allclose(ankle, target, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(knee - HIP), THIGH, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(ankle - knee), SHIN, atol=1e-9)
    # the knee is in front of the line from hip to ankle
    assert np.sum((knee - HIP) * np.cross(downwards, X)) > 0.0


@pytest.mark.parametrize("distance", [0.83, 2.0])
def test_a_target_that_is_too_far_is_approached(distance: float) -> None:
    knee, ankle = reached(leg(0.6), HIP - distance * Y)
    np.testing.assert_allclose(ankle, HIP - (THIGH + SHIN) * Y, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(knee - HIP), THIGH, atol=1e-9)


def test_a_straight_leg_bends_to_the_front() -> None:
    target = HIP - 0.7 * Y
    knee, ankle = reached(leg(0.0), target)
    np.testing.assert_allclose(ankle, target, atol=1e-6)
    assert knee[0, 2] > 0.1
    assert abs(knee[0, 0] - HIP[0, 0]) < 1e-9
