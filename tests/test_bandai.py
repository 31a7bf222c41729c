"""The committed splits of the Bandai-Namco sets, and the files that they name."""

from __future__ import annotations

import shutil
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from kinestyle.errors import DataError
from kinestyle.learn.data import bandai
from kinestyle.learn.data.bandai import (
    GAP,
    WRONG_LABEL,
    BandaiName,
    labelled_test_clips,
    make_splits,
    motion_files,
    read_splits,
    write_splits,
)
from kinestyle.learn.data.corpus import (
    Source,
)
from kinestyle.learn.data.prepare import open_corpus
from kinestyle.learn.data.splits import SPLITS
from own_clip_files import put

pytestmark = pytest.mark.usefixtures("one_reader")


def labels_of(splits: dict[str, str]) -> list[tuple[BandaiName, str]]:
    return [(BandaiName.parse(stem), split) for stem, split in splits.items()]


def test_neighbouring_takes_of_one_cell_are_in_one_split() -> None:
    cells: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for label, split in labels_of(read_splits()):
        if label.set_name == "bandai2":
            cells[label.style, label.content].append((label.number, split))
    assert len(cells) > 50
    for cell, takes in cells.items():
        for (a, split_a), (b, split_b) in combinations(takes, 2):
            assert split_a == split_b or abs(a - b) > GAP, (
                f"{cell}: {a} is {split_a} and {b} is {split_b}"
            )
        blocks = {split: sorted(take for take, s in takes if s == split) for split in SPLITS}
        assert (
            blocks["train"][-1]
            < blocks["validation"][0]
            <= blocks["validation"][-1]
            < blocks["test"][0]
        )


def test_set_1_shares_no_content_between_training_and_test() -> None:
    found = {"train": set(), "validation": set(), "test": set()}
    for label, split in labels_of(read_splits()):
        if label.set_name == "bandai1":
            found[split].add((label.content, label.number))
    assert found["test"] == {("byebye", 1), ("walk", 2)}
    assert not found["train"] & found["test"]
    assert not found["validation"]


def test_every_style_is_in_training_and_test() -> None:
    styles: dict[str, set[str]] = {split: set() for split in SPLITS}
    for label, split in labels_of(read_splits()):
        styles[split].add(f"{label.set_name}/{label.style}")
    assert styles["train"] == styles["test"]
    assert len(styles["train"]) == 22
    assert styles["validation"] == {
        style for style in styles["train"] if style.startswith("bandai2/")
    }


def test_clips_with_a_wrong_label_are_in_no_split() -> None:
    splits = read_splits()
    assert len(splits) > 2500
    assert not WRONG_LABEL & set(splits)
    assert set(splits.values()) == set(SPLITS)


def test_the_list_does_not_hang_on_the_order_of_files() -> None:
    stems = list(read_splits())
    assert make_splits(stems) == make_splits(stems[::-1])
    assert not set(make_splits([*stems, *WRONG_LABEL])) & WRONG_LABEL


def test_blocks_with_gaps_between_them() -> None:
    made = make_splits([f"dataset-2_walk_old_{take:03d}" for take in range(1, 21)])
    found = {
        split: [BandaiName.parse(stem).number for stem, s in made.items() if s == split]
        for split in SPLITS
    }
    assert {split: sorted(takes) for split, takes in found.items()} == {
        "train": list(range(1, 14)),
        "validation": [15, 16],
        "test": [18, 19, 20],
    }


def test_the_list_is_written_as_it_is_committed(tmp_path: Path) -> None:
    write_splits(read_splits(), tmp_path / "splits.csv")
    assert (tmp_path / "splits.csv").read_bytes() == Path(bandai.__file__).with_name(
        "splits.csv"
    ).read_bytes()


def test_the_committed_list_is_what_the_data_gives(data_dir: Path) -> None:
    stems = [path.stem for path in (data_dir / "bandai").glob("*/data/*.bvh")]
    assert make_splits(stems) == read_splits()


def test_the_test_clips_are_those_of_the_test_split(data_dir: Path, tmp_path: Path) -> None:
    found = {clip.path.stem: clip for clip in labelled_test_clips(data_dir)}
    assert set(found) == {stem for stem, split in read_splits().items() if split == "test"}
    clip = found["dataset-1_walk_not-confident_002"]
    assert (clip.set_name, clip.style, clip.content) == (
        "bandai1",
        "bandai1/not-confident",
        "bandai1/walk",
    )
    with pytest.raises(DataError, match="no clip of the test split is under"):
        labelled_test_clips(tmp_path)


@pytest.mark.parametrize(
    "stem",
    ["walk", "dataset-3_walk_old_001", "dataset-2_walk_old", "dataset-2_walk_old_x", "a_b_c_d_e"],
)
def test_a_name_of_another_form_is_refused(stem: str) -> None:
    with pytest.raises(DataError, match="is not named as dataset-1_content_style_id"):
        BandaiName.parse(stem)


def test_files_are_found_by_the_committed_list(tmp_path: Path) -> None:
    bandai = tmp_path / "bandai" / "set" / "data"
    names = [
        "dataset-1_walk_old_001",
        "dataset-2_walk_elderly_001",
        "dataset-2_walk-turn-left_normal_031",
        "dataset-9_x_y_001",
    ]
    for name in names:
        put(bandai, f"{name}.bvh")
    for number in range(11):
        put(tmp_path, f"unlabelled/cmu/{number:02d}.bvh", 0.1)
    found = {source.stem: source for source in motion_files(tmp_path)}
    assert list(found)[:2] == names[:2]
    assert found[names[0]] == Source(
        bandai / f"{names[0]}.bvh", names[0], "bandai1", "bandai1/old", "walk", "train"
    )
    unlabelled = [source for source in found.values() if source.set_name == "cmu"]
    assert len(unlabelled) == 11
    assert {(source.style, source.content) for source in unlabelled} == {("", "")}
    assert [source.split for source in unlabelled].count("validation") == 1


def bandai_folder(data: Path) -> list[str]:
    """A few clips of two styles that are for training."""
    names = [
        f"dataset-2_{content}_{style}_{number:03d}"
        for style in ("normal", "elderly")
        for content, number in (("walk", 1), ("walk", 2), ("run", 1))
    ]
    for number, name in enumerate(names):
        put(data, f"bandai/set/data/{name}.bvh", 0.8 + 0.1 * number)
    return names


def test_another_list_of_splits_is_another_corpus(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = bandai_folder(tmp_path / "data")

    def opened(splits: dict[str, str]) -> tuple[str, dict[str, str], bool]:
        monkeypatch.setattr(bandai, "read_splits", lambda: splits)
        messages.clear()
        corpus = open_corpus(tmp_path / "data", tmp_path / "run", None, messages.append)
        read = any(line.startswith("reading motion") for line in messages)
        return corpus.sha256, {entry.stem: entry.split for entry in corpus.entries}, read

    train = dict.fromkeys(names, "train")
    other = train | {names[0]: "test", names[1]: "validation"}
    first, splits, read = opened(train)
    assert (splits, read) == (train, True)
    assert opened(train) == (first, train, False)
    second, splits, read = opened(other)
    assert (splits, read) == (other, True)
    assert second != first
    assert opened(train) == (first, train, True)


def test_a_prepared_corpus_outlives_its_files(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = bandai_folder(tmp_path / "data")
    monkeypatch.setattr(bandai, "read_splits", lambda: dict.fromkeys(names, "train"))
    before = open_corpus(tmp_path / "data", tmp_path / "run", None, messages.append)
    shutil.rmtree(tmp_path / "data")
    after = open_corpus(tmp_path / "data", tmp_path / "run", None, messages.append)
    assert (after.sha256, after.entries) == (before.sha256, before.entries)
