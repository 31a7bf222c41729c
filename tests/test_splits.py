"""Which own clips are for training and which for validation, where nothing says it."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kinestyle.learn.data.prepare import open_corpus
from kinestyle.learn.data.splits import RuleClip, split_by_rule
from own_clip_files import numbered


def test_a_split_does_not_hang_on_order_or_on_other_styles() -> None:
    clips = dict.fromkeys(numbered("old/walk_{}", "old/run_{}", count=20), RuleClip("old", "", 100))
    alone = split_by_rule(clips)
    assert alone == split_by_rule(dict(reversed(clips.items())))
    more = split_by_rule(
        clips | dict.fromkeys(numbered("proud/{}", count=15), RuleClip("proud", "", 100))
    )
    assert {name: more[name] for name in clips} == alone


@pytest.mark.parametrize("count", [5, 12, 30, 200])
@pytest.mark.parametrize("series", [1, 3])
def test_about_a_tenth_of_a_style_is_for_validation(count: int, series: int) -> None:
    clips = {
        name: RuleClip("old", "", 100)
        for k in range(series)
        for name in numbered(f"take{k}/cut_{{}}", count=count)
    }
    share = list(split_by_rule(clips).values()).count("validation") / len(clips)
    assert 0.05 <= share <= 0.2


def test_neighbouring_takes_stay_together() -> None:
    """Of a series only one end is for validation, so that at one place alone neighbours are in two
    splits.
    """
    clips = dict.fromkeys(numbered("walk_{}", count=40), RuleClip("old", "", 100))
    chosen = split_by_rule(clips)
    row = [chosen[f"walk_{i}.bvh"] for i in range(1, 41)]
    assert row.count("validation") == 4
    assert sum(a != b for a, b in pairwise(row)) == 1


def test_few_or_unequal_clips_are_not_given_away() -> None:
    assert set(
        split_by_rule(dict.fromkeys(numbered("{}", count=4), RuleClip("old", "", 100))).values()
    ) == {"train"}
    unequal = split_by_rule(
        {"long.bvh": RuleClip("old", "", 9000)}
        | dict.fromkeys(numbered("{}", count=12), RuleClip("old", "", 100))
    )
    assert unequal["long.bvh"] == "train"


def random_folder(random: np.random.Generator) -> dict[str, RuleClip]:
    """Clips by file: some styles and contents, numbered or not, with any numbers of clips."""
    contents = [f"content{i}" for i in range(random.integers(1, 12))]
    clips = {}
    for style in range(random.integers(1, 6)):
        for content in random.permutation(contents)[: random.integers(1, len(contents) + 1)]:
            for number in range(random.integers(1, 1 + random.choice([1, 3, 20]))):
                file = f"style{style}/{content}" + (f"_{number}" if number else "") + ".bvh"
                clips[file] = RuleClip(f"style{style}", content, int(random.integers(16, 600)))
    return clips


def test_what_is_validated_is_trained_too() -> None:
    """The rule takes the last training clip of no style and of no content."""
    validated = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        clips = random_folder(random)
        stated = {file: random.choice(("train", "test")) for file in clips if random.random() < 0.2}
        stated = {} if seed % 2 else stated
        chosen = split_by_rule(
            {file: clip for file, clip in clips.items() if file not in stated},
            [clips[file].content for file, split in stated.items() if split == "train"],
        )
        splits = stated | chosen
        trained = [clips[file] for file, split in splits.items() if split == "train"]
        for file in (file for file, split in chosen.items() if split == "validation"):
            validated += 1
            assert clips[file].style in {clip.style for clip in trained}, (seed, file)
            assert clips[file].content in {clip.content for clip in trained}, (seed, file)
    assert validated > 1000, "the rule is to give validation its clips all the same"


def test_clips_without_a_style_have_no_label_to_lose() -> None:
    clips = {file: RuleClip("", "walk", 100) for file in numbered("unlabelled/{}", count=10)}
    assert list(split_by_rule(clips).values()).count("validation") == 1
    one_content_each = {
        file: RuleClip("old", file, 100) for file in numbered("old/walk_{}", count=10)
    }
    assert set(split_by_rule(one_content_each).values()) == {"train"}


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
