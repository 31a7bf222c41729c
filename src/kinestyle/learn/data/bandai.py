"""The Bandai-Namco sets: which of their clips is for training, validation and test, and what their
file names say.

The list of splits was made once, by `make_splits`, and is committed; a clip that is not in it is
ignored, so that everybody trains on the same clips whatever they hold. Set 2 is split by blocks of
ids inside each (style, content) cell, because neighbouring ids are often cuts of one recording;
between two blocks `GAP` ids are left out. Set 1, with one clip a cell, is split by content.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.evaluate.protocol import TestClip
from kinestyle.label import Label
from kinestyle.learn.data.corpus import Source, build, digest
from kinestyle.learn.data.reading import size_and_time

VALIDATION_SHARE, TEST_SHARE, GAP = 0.08, 0.17, 1
SET_1_TEST = ("byebye_001", "walk_002")
"""Contents of set 1 that are kept for the test, with the id; walk_002 is another recording than
walk_001.
"""

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
"""Clips that turn to the other side than their name says, or far too much or too little: they
are in no split.
"""


@dataclass(frozen=True)
class BandaiName:
    """What a Bandai-Namco file name says: `dataset-{set}_{content}_{style}_{id}`."""

    stem: str
    set_name: str
    content: str
    style: str
    number: int

    @classmethod
    def parse(cls, stem: str) -> BandaiName:
        """Raises DataError for a name of another form."""
        try:
            set_name, content, style, number = stem.split("_")
            return cls(
                stem,
                {"dataset-1": "bandai1", "dataset-2": "bandai2"}[set_name],
                content,
                style,
                int(number),
            )
        except (ValueError, KeyError):
            raise DataError(
                f"{stem!r} is not named as dataset-1_content_style_id or dataset-2_content_style_id"
            ) from None


def make_splits(stems: list[str]) -> dict[str, str]:
    """File stems -> split by stem; left out: gaps between blocks and wrongly labelled clips."""
    cells: dict[tuple[str, str, str], list[BandaiName]] = defaultdict(list)
    for stem in sorted(set(stems) - WRONG_LABEL):
        label = BandaiName.parse(stem)
        cells[label.set_name, label.style, label.content].append(label)
    chosen: dict[str, str] = {}
    for (set_name, _, content), labels in sorted(cells.items()):
        if set_name == "bandai1":
            for label in labels:
                chosen[label.stem] = (
                    "test" if f"{content}_{label.number:03d}" in SET_1_TEST else "train"
                )
            continue
        labels.sort(key=lambda label: label.number)
        test = max(2, round(TEST_SHARE * len(labels)))
        validation = max(1, round(VALIDATION_SHARE * len(labels)))
        blocks = {
            "test": labels[-test:],
            "validation": labels[-test - GAP - validation : -test - GAP],
        }
        blocks["train"] = labels[: -test - 2 * GAP - validation]
        chosen.update({label.stem: split for split, block in blocks.items() for label in block})
    return chosen


def read_splits() -> dict[str, str]:
    """The committed list: split by file stem."""
    text = (resources.files("kinestyle.learn.data") / "splits.csv").read_text()
    return {row["stem"]: row["split"] for row in csv.DictReader(text.splitlines())}


def write_splits(chosen: dict[str, str], path: Path) -> None:
    """Write the list to commit, sorted by name."""
    lines = ["stem,split", *(f"{stem},{split}" for stem, split in sorted(chosen.items()))]
    path.write_text("\n".join(lines) + "\n")


def holds_bandai(data: Path) -> bool:
    """Whether a folder is the unpacked Bandai-Namco sets, to which the committed splits belong."""
    return any((data / "bandai").glob("*/data/*.bvh"))


def motion_files(data: Path) -> Iterator[Source]:
    """The files to learn from under the unpacked Bandai-Namco sets: clips that the committed splits
    name, and unlabelled BVH clips for the autoencoder, one in ten of them for validation.

    Raises DataError where there is no clip of the splits.
    """
    found = False
    for path, name, split in _named_clips(data):
        found = True
        style = str(Label(name.set_name, name.style))
        yield Source(path, path.stem, name.set_name, style, name.content, split)
    if not found:
        raise DataError(
            f"no clip of the committed splits is under {data / 'bandai'}; unpack the Bandai-Namco "
            f"archives there"
        )
    for i, path in enumerate(sorted((data / "unlabelled").glob("cmu/**/*.bvh"))):
        yield Source(path, path.stem, "cmu", "", "", "validation" if i % 10 == 5 else "train")


def labelled_clips(data: Path) -> list[TestClip]:
    """The Bandai-Namco clips under an unpacked data folder that are in a split. Raises DataError
    where there is none of the test.
    """
    clips = []
    for path, name, split in _named_clips(data):
        style, content = (str(Label(name.set_name, word)) for word in (name.style, name.content))
        clips.append(TestClip(path, name.set_name, style, content, split))
    if not any(clip.split == "test" for clip in clips):
        raise DataError(
            f"no clip of the test split is under {data / 'bandai'}; unpack the Bandai-Namco "
            f"archives there"
        )
    return clips


def labelled_test_clips(data: Path) -> list[TestClip]:
    """The clips of the test split among them."""
    return [clip for clip in labelled_clips(data) if clip.split == "test"]


def _named_clips(data: Path) -> Iterator[tuple[Path, BandaiName, str]]:
    """The files that are in a split, what their names say, and the split."""
    splits = read_splits()
    for path in sorted((data / "bandai").glob("*/data/*.bvh")):
        if split := splits.get(path.stem):
            yield path, BandaiName.parse(path.stem), split


@dataclass(frozen=True)
class BandaiClips:
    """The unpacked sets in the folder `data`, to be read into a corpus in `folder`."""

    data: Path
    folder: Path

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        return tuple(motion_files(self.data))

    def fingerprint(self) -> str:
        """Changes with the files, their labels and their splits."""
        return digest(
            [*astuple(replace(source, path=Path(source.path.name))), size_and_time(source.path)[0]]
            for source in self.sources
        )

    def prepare(self, report: Callable[[str], None]) -> None:
        """Read everything. Files that cannot be used are named and left out."""
        report(f"reading motion under {self.data}")
        refused = build(self.sources, self.folder, report, made_from=self.fingerprint())
        for reason in refused.values():
            report(f"left out: {reason}")
