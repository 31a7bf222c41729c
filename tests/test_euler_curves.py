"""Euler angles over time are exact and without jumps."""

from __future__ import annotations

import numpy as np
import pytest

from bvh_files import PLAIN, again, layout_of, random_clip
from kinestyle.formats.bvh import (
    read_bvh,
)
from kinestyle.formats.euler_curves import euler_curves
from kinestyle.motion import rotation

pytestmark = pytest.mark.usefixtures("time_limit")


def test_euler_curves_are_unbroken() -> None:
    clip = random_clip(frames=300)
    values = layout_of(again(clip)).values
    source = read_bvh(PLAIN)
    assert source.frame_count == 3
    jumps = np.abs(np.diff(values[:, 3:], axis=0))
    # a turn of 0.1 radian a frame moves Euler angles by more only close to gimbal lock, and never
    # by half a turn and more
    assert jumps.max() < 180.0
    assert np.quantile(jumps, 0.99) < 60.0


@pytest.mark.parametrize(
    "order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "XY", "ZY", "YX", "X", "Y", "Z"]
)
def test_curves_find_angles_again_over_whole_turns_and_through_gimbal_lock(order: str) -> None:
    time = np.linspace(0.0, 1.0, 400)[:, None, None]
    angles = (
        np.array([1.0, 7.0, -2.0])[: len(order)] * time + np.array([0.3, 0.1, -0.4])[: len(order)]
    )
    q = rotation.from_euler(angles, order)
    fixed = np.zeros((400, 1), dtype=bool)
    found = euler_curves(q, order, fixed, np.zeros_like(angles), angles[0])
    np.testing.assert_allclose(found, angles, atol=1e-7)
    lock = np.array([0.5, np.pi / 2, 0.25])[: len(order)]
    still = np.concatenate(
        [np.tile(lock - [0, 0.1, 0][: len(order)], (2, 1)), np.tile(lock, (3, 1))]
    )[:, None]
    found = euler_curves(
        rotation.from_euler(still, order), order, fixed[:5], np.zeros_like(still), still[0]
    )
    np.testing.assert_allclose(found, still, atol=1e-6)
