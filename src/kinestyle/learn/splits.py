"""Which clip is for training, which for validation, which for the test: a committed list by file name.

The list was made once, by `make_splits`, and is read from then on; a clip that is not in it is ignored, so that whoever
holds more or less of the data sets gets the same sets. Set 2 is split by blocks of ids inside each (style, content) cell,
because neighbouring ids are often cuts of one take; between two blocks `GAP` ids are left out. Set 1, with one clip a cell,
is split by content.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.evaluate.protocol import TestClip

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE, TEST_SHARE, GAP = 0.08, 0.17, 1
SET_1_TEST = ("byebye_001", "walk_002")
"""Contents of set 1 that are kept for the test, with the id; walk_002 is another take than walk_001."""

WRONG_LABEL = frozenset(
    f"dataset-2_{stem}"
    for stem in (
        "walk-turn-left_masculine_006",
        "walk-turn-left_masculine_007",
        "walk-turn-right_masculine_006",
        "walk-turn-right_masculine_007",
        "walk-turn-right_normal_004",
        "walk-turn-right_normal_032",
        "walk-turn-left_normal_031",
        "walk-turn-left_normal_032",
        "walk-turn-left_normal_033",
        "walk-turn-right_normal_033",
    )
)
"""Clips that turn the other way than their name says, or far too much or too little: in no split."""


@dataclass(frozen=True)
class ClipLabel:
    """What a Bandai-Namco file name says: `dataset-{set}_{content}_{style}_{id}`."""

    stem: str
    set_name: str
    content: str
    style: str
    take: int

    @classmethod
    def parse(cls, stem: str) -> ClipLabel:
        """Raises DataError for a name of another form."""
        try:
            set_name, content, style, take = stem.split("_")
            return cls(stem, {"dataset-1": "bandai1", "dataset-2": "bandai2"}[set_name], content, style, int(take))
        except (ValueError, KeyError):
            raise DataError(f"{stem!r} is not named as dataset-1_content_style_id or dataset-2_content_style_id") from None


def make_splits(stems: list[str]) -> dict[str, str]:
    """File stems -> split by stem; left out: gaps between blocks and wrongly labelled clips."""
    cells: dict[tuple[str, str, str], list[ClipLabel]] = defaultdict(list)
    for stem in sorted(set(stems) - WRONG_LABEL):
        label = ClipLabel.parse(stem)
        cells[label.set_name, label.style, label.content].append(label)
    chosen: dict[str, str] = {}
    for (set_name, _, content), labels in sorted(cells.items()):
        if set_name == "bandai1":
            for label in labels:
                chosen[label.stem] = "test" if f"{content}_{label.take:03d}" in SET_1_TEST else "train"
            continue
        labels.sort(key=lambda label: label.take)
        test = max(2, round(TEST_SHARE * len(labels)))
        validation = max(1, round(VALIDATION_SHARE * len(labels)))
        blocks = {"test": labels[-test:], "validation": labels[-test - GAP - validation : -test - GAP]}
        blocks["train"] = labels[: -test - 2 * GAP - validation]
        chosen.update({label.stem: split for split, block in blocks.items() for label in block})
    return chosen


def read_splits() -> dict[str, str]:
    """The committed list: split by file stem."""
    text = (resources.files("kinestyle.learn") / "splits.csv").read_text()
    return {row["stem"]: row["split"] for row in csv.DictReader(text.splitlines())}


def write_splits(chosen: dict[str, str], path: Path) -> None:
    """Write the list to commit, sorted by name."""
    lines = ["stem,split", *(f"{stem},{split}" for stem, split in sorted(chosen.items()))]
    path.write_text("\n".join(lines) + "\n")


def labelled_test_clips(data: Path) -> list[TestClip]:
    """The clips of the test split under an unpacked data folder. Raises DataError where there is none."""
    splits = read_splits()
    clips = []
    for path in sorted((data / "bandai").glob("*/data/*.bvh")):
        if splits.get(path.stem) == "test":
            label = ClipLabel.parse(path.stem)
            clips.append(TestClip(path, label.set_name, f"{label.set_name}/{label.style}", f"{label.set_name}/{label.content}"))
    if not clips:
        raise DataError(f"no clip of the test split is under {data / 'bandai'}; unpack the Bandai-Namco archives there")
    return clips
