"""Which own clips are for training and which for validation, where nothing says it."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from kinestyle.learn.data.own_clips import open_corpus
from kinestyle.learn.data.splits import split_by_rule
from own_clip_files import numbered


def test_a_split_does_not_hang_on_order_or_on_other_styles() -> None:
    clips = dict.fromkeys(numbered("old/walk_{}", "old/run_{}", count=20), ("old", 100))
    alone = split_by_rule(clips)
    assert alone == split_by_rule(dict(reversed(clips.items())))
    more = split_by_rule(clips | dict.fromkeys(numbered("proud/{}", count=15), ("proud", 100)))
    assert {name: more[name] for name in clips} == alone


@pytest.mark.parametrize("count", [5, 12, 30, 200])
@pytest.mark.parametrize("series", [1, 3])
def test_about_a_tenth_of_a_style_is_for_validation(count: int, series: int) -> None:
    clips = {
        name: ("old", 100)
        for k in range(series)
        for name in numbered(f"take{k}/cut_{{}}", count=count)
    }
    share = list(split_by_rule(clips).values()).count("validation") / len(clips)
    assert 0.05 <= share <= 0.2


def test_neighbouring_takes_stay_together() -> None:
    """Of a series only one end is for validation, so that at one place alone neighbours are in two
    splits.
    """
    clips = dict.fromkeys(numbered("walk_{}", count=40), ("old", 100))
    chosen = split_by_rule(clips)
    row = [chosen[f"walk_{i}.bvh"] for i in range(1, 41)]
    assert row.count("validation") == 4
    assert sum(a != b for a, b in pairwise(row)) == 1


def test_few_or_unequal_clips_are_not_given_away() -> None:
    assert set(split_by_rule(dict.fromkeys(numbered("{}", count=4), ("old", 100))).values()) == {
        "train"
    }
    unequal = split_by_rule(
        {"long.bvh": ("old", 9000)} | dict.fromkeys(numbered("{}", count=12), ("old", 100))
    )
    assert unequal["long.bvh"] == "train"


def test_the_splits_of_a_corpus_do_not_hang_on_its_place(tmp_path: Path, two_styles: Path) -> None:
    splits = []
    for name in ("here", "elsewhere"):
        shutil.copytree(two_styles, tmp_path / name)
        splits.append(
            [
                (e.stem, e.split)
                for e in open_corpus(tmp_path / name, tmp_path / f"run_{name}", None, print).entries
            ]
        )
    assert splits[0] == splits[1]
