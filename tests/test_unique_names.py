"""Names for joints of formats in which several nodes may have the same one."""

from __future__ import annotations

import pytest

from kinestyle.formats.unique_names import unique_names


@pytest.mark.parametrize(
    ("names", "unique", "renamed"),
    [
        (["a", "b"], ("a", "b"), []),
        (["a", "a", "a"], ("a", "a_2", "a_3"), ["a", "a"]),
        # a later joint keeps its own name
        (["a", "a", "a_2"], ("a", "a_3", "a_2"), ["a"]),
        (["", "x", ""], ("joint_0", "x", "joint_2"), ["", ""]),
        (["joint_1", ""], ("joint_1", "joint_1_2"), [""]),
    ],
)
def test_no_two_are_alike(names: list[str], unique: tuple[str, ...], renamed: list[str]) -> None:
    assert unique_names(names, "_") == (unique, renamed)
