"""The names of styles and contents."""

from __future__ import annotations

import pytest

from kinestyle.label import Label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("bandai2/old", Label("bandai2", "old")),
        ("own/not-confident", Label("own", "not-confident")),
        ("walk_01", Label("", "walk_01")),
        ("a/b/c", Label("a/b", "c")),
        ("own/", Label("own", "")),
    ],
)
def test_a_label_is_read_as_it_is_written(text: str, label: Label) -> None:
    assert Label.parse(text) == label
    assert str(label) == text


def test_labels_of_one_set_stand_together() -> None:
    labels = [Label("b", "a"), Label("a", "z"), Label("a", "b")]
    assert [str(label) for label in sorted(labels)] == ["a/b", "a/z", "b/a"]
    assert len({*labels, Label.parse("a/z")}) == 3
