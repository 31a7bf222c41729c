"""What counts as unchanged against the file that a clip came from."""

from __future__ import annotations

import numpy as np

from kinestyle.formats.unchanged import UNCHANGED, same_position, same_rotation
from kinestyle.motion import rotation
from made_rigs import any_rotations


def test_positions_are_compared_relative_to_their_size() -> None:
    source = np.array([[0.0, 1.0, 1e6]])
    for factor, same in ((0.5, True), (2.0, False)):
        moved = source + factor * UNCHANGED * np.array([1.0, 1.0, 1e6])
        np.testing.assert_array_equal(same_position(moved, source), np.full((1, 3), same))


def test_a_quaternion_and_its_negative_are_one_rotation() -> None:
    source = any_rotations(3, 5, 7)
    assert same_rotation(source, source).all()
    assert same_rotation(-source, source).all()
    changed = source.copy()
    changed[2, 4] = rotation.multiply(changed[2, 4], rotation.exp(np.array([1e-7, 0.0, 0.0])))
    wanted = np.ones((5, 7), dtype=bool)
    wanted[2, 4] = False
    np.testing.assert_array_equal(same_rotation(changed, source), wanted)
    np.testing.assert_array_equal(same_rotation(-changed, source), wanted)
