"""Which clip is for training, which for validation, which for the test: for the Bandai-Namco sets a
committed list by file name.

The list was made once, by `make_splits`, and is read from then on; a clip that is not in it is
ignored, so that whoever holds more or less of the data sets gets the same sets. Set 2 is split by
blocks of ids inside each (style, content) cell, because neighbouring ids are often cuts of one
take; between two blocks `GAP` ids are left out. Set 1, with one clip a cell, is split by content.
For a user's own clips, `split_by_rule` decides what no list says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.evaluate.protocol import TestClip
from kinestyle.label import Label
from kinestyle.storage import replace_bytes

SPLITS = ("train", "validation", "test")
UNUSED = "unused"
"""What a list of own clips may say as well."""
OWN_VALIDATION_SHARE = 0.1
VALIDATION_SHARE, TEST_SHARE, GAP = 0.08, 0.17, 1
SET_1_TEST = ("byebye_001", "walk_002")
"""Contents of set 1 that are kept for the test, with the id; walk_002 is another take than
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
"""Clips that turn the other way than their name says, or far too much or too little: in no split.
"""


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
            return cls(
                stem,
                {"dataset-1": "bandai1", "dataset-2": "bandai2"}[set_name],
                content,
                style,
                int(take),
            )
        except (ValueError, KeyError):
            raise DataError(
                f"{stem!r} is not named as dataset-1_content_style_id or dataset-2_content_style_id"
            ) from None


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
                chosen[label.stem] = (
                    "test" if f"{content}_{label.take:03d}" in SET_1_TEST else "train"
                )
            continue
        labels.sort(key=lambda label: label.take)
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


@dataclass(frozen=True)
class RuleClip:
    """What `split_by_rule` needs to know of a clip; style "" is unlabelled."""

    style: str
    content: str
    frame_count: int


def split_by_rule(
    clips: Mapping[str, RuleClip], trained_contents: Iterable[str] = ()
) -> dict[str, str]:
    """For own clips, by file -> train or validation, about a tenth of every style.

    trained_contents: of each labelled clip that is for training already

    Neighbouring numbers are often cuts of one take, so clips named alike are in one split up to
    their ends: of every series `name_1, name_2, ...` the first or the last few may go to
    validation. Hashes of their names decide which ones, so that the split does not depend on other
    files. A style of few clips goes to training as a whole, and so does a series with the last
    training clip of a content: what was never trained cannot be validated.
    """
    styles: dict[str, list[str]] = defaultdict(list)
    for file, clip in clips.items():
        styles[clip.style].append(file)
    trained = Counter(trained_contents)
    trained.update(clip.content for clip in clips.values() if clip.style)
    chosen = dict.fromkeys(clips, "train")
    for style, files in sorted(styles.items()):
        whole, taken = sum(clips[file].frame_count for file in files), 0
        for block in _blocks(files, max(1, round(OWN_VALIDATION_SHARE * len(files)))):
            size = sum(clips[file].frame_count for file in block)
            contents = Counter(clips[file].content for file in block if style)
            if (
                taken < OWN_VALIDATION_SHARE * whole
                and taken + size <= 2.0 * OWN_VALIDATION_SHARE * whole
                and all(trained[content] > count for content, count in contents.items())
            ):
                chosen.update(dict.fromkeys(block, "validation"))
                taken += size
                trained -= contents
    return chosen


def _blocks(files: list[str], length: int) -> list[list[str]]:
    """One end of every series of numbered files, `length` files long, in an order by hash."""
    series: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for file in files:
        before, number, after = re.fullmatch(r"(.*?)(\d*)(\D*)", file, re.DOTALL).groups()  # type: ignore[union-attr]
        series[before, after].append((int(number or 0), file))
    blocks = []
    for numbered in series.values():
        ordered = [file for _, file in sorted(numbered)]
        blocks.append(ordered[:length] if _hash(ordered[0]) % 2 else ordered[-length:])
    return sorted(blocks, key=lambda block: _hash(block[0]))


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def write_list(chosen: Mapping[str, str], path: Path) -> None:
    """Write a list of own clips, to be read and edited by its user."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("file", "split"), *sorted(chosen.items())])
    replace_bytes(path, text.getvalue().encode())


def read_list(path: Path) -> dict[str, str]:
    """A list of own clips, perhaps edited. Raises DataError for a word that is no split."""
    chosen = {}
    for number, row in enumerate(read_rows(path), start=1):
        if number == 1 or not row:
            continue
        file, split = row[0], row[-1].strip().lower()
        if split not in (*SPLITS, UNUSED):
            raise DataError(
                f"{path}, line {number}: found the split {split!r}, expected {', '.join(SPLITS)} "
                f"or {UNUSED}"
            )
        chosen[file] = split
    return chosen


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a table that a spreadsheet may have written: with commas, semicolons or tabs, in
    UTF-8 or not.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("cp1252", errors="replace").splitlines()
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    return list(csv.reader(lines, delimiter=delimiter))


def labelled_clips(data: Path) -> list[TestClip]:
    """The Bandai-Namco clips under an unpacked data folder that are in a split. Raises DataError
    where there is none.
    """
    splits = read_splits()
    clips = []
    for path in sorted((data / "bandai").glob("*/data/*.bvh")):
        if split := splits.get(path.stem):
            label = ClipLabel.parse(path.stem)
            style, content = (
                str(Label(label.set_name, name)) for name in (label.style, label.content)
            )
            clips.append(TestClip(path, label.set_name, style, content, split))
    if not any(clip.split == "test" for clip in clips):
        raise DataError(
            f"no clip of the test split is under {data / 'bandai'}; unpack the Bandai-Namco "
            f"archives there"
        )
    return clips


def labelled_test_clips(data: Path) -> list[TestClip]:
    """The clips of the test split among them."""
    return [clip for clip in labelled_clips(data) if clip.split == "test"]
