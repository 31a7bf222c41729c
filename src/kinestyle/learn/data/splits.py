"""Which of a user's clips is for training and which for validation: what a list says, and the rule
for what no list says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.storage import replace_bytes

SPLITS = ("train", "validation", "test")
UNUSED = "unused"
"""What a list of own clips may say as well."""
VALIDATION_SHARE = 0.1


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
        for block in _blocks(files, max(1, round(VALIDATION_SHARE * len(files)))):
            size = sum(clips[file].frame_count for file in block)
            contents = Counter(clips[file].content for file in block if style)
            if (
                taken < VALIDATION_SHARE * whole
                and taken + size <= 2.0 * VALIDATION_SHARE * whole
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
        parts = re.fullmatch(r"(.*?)(\d*)(\D*)", file, re.DOTALL)
        assert parts is not None, "all parts may be empty"
        before, number, after = parts.groups()
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
