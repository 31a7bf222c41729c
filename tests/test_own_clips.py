"""Training on a user's own clips: which style each is in, what is left out and why, splits, and all
the way to a bundle.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.errors import DataError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.learn.data import reading
from kinestyle.learn.data.corpus import CropSampler
from kinestyle.learn.data.own_clips import OwnClips, is_own, open_corpus, require_styles
from kinestyle.learn.data.own_labels import (
    Annotation,
    compile_pattern,
    find_labels,
    folder_pattern,
    name_pattern,
    tidy,
)
from kinestyle.learn.data.splits import read_list, read_splits, split_by_rule
from kinestyle.retarget.features import mirror_features
from kinestyle.rig.presets import preset
from kinestyle.rig.rig_file import Rig, write_rig
from made_rigs import as_rig, unrecognisable, walk

if TYPE_CHECKING:
    from conftest import TinyNetworks
    from kinestyle.learn.pipeline import Run


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "usable_cores", lambda: 1)


def numbered(*names: str, count: int = 3) -> list[str]:
    return [f"{name.format(i)}.bvh" for name in names for i in range(1, count + 1)]


# ---------------------------------------------------------------- labels from paths


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        (numbered("old/a{}", "proud/b{}"), "{style}/**"),
        (numbered("bvh/old/a{}", "bvh/proud/b{}"), "*/{style}/**"),
        (numbered("walk/old/{}", "walk/proud/{}", "jumping/old/{}"), "{content}/{style}/**"),
        (numbered("old/walk/{}", "proud/walk/{}", "old/runs/{}"), "{style}/{content}/**"),
        (numbered("a/old/{}", "a/proud/{}", "b/old/{}"), "{content}/{style}/**"),
        (numbered("Angry/Angry_BR_{}", "Old/Old_FW_{}"), "{style}/**"),
        ([*numbered("old/a{}", "proud/a{}"), "stray.bvh"], "{style}/**"),
        (numbered("take_{}/old"), None),
        (numbered("only/a{}"), None),
        (numbered("walk/old_{}", "run/old_{}"), None),
        (numbered("a{}", "b{}"), None),
        ([], None),
    ],
)
def test_labels_in_folders_are_found(files: list[str], pattern: str | None) -> None:
    assert folder_pattern(files) == pattern


def test_folders_are_styles_if_the_user_says_so() -> None:
    assert folder_pattern(numbered("walk/{}", "run/{}"), sure=True) == "{style}/**"
    assert folder_pattern(numbered("only/{}"), sure=True) == "{style}/**"
    assert folder_pattern(numbered("style1/{}", "style2/{}"), sure=True) == "{style}/**"


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        (numbered("old_walk_{:02}", "proud_walk_{:02}", "old_run_{:02}"), "{style}_{content}_{id}"),
        (numbered("walk_old_{:02}", "walk_proud_{:02}", "run_old_{:02}"), "{content}_{style}_{id}"),
        (numbered("a_x_{}", "a_y_{}", "b_x_{}"), "{style}_{content}_{id}"),
        (
            numbered("dataset-2_walk_old_{:03}", "dataset-2_run_proud_{:03}"),
            "*_{content}_{style}_{id}",
        ),
        (numbered("old walk ({})", "proud run ({})"), "{style} {content} {id}"),
        (numbered("old-{}", "proud-{}"), "{style}-{id}"),
        (numbered("old{}", "proud{}"), "{style}{id}"),
        (numbered("old_walk{}", "proud_run{}"), "{style}_{content}{id}"),
        (["old.bvh", "proud.bvh"], "{style}"),
        (numbered("x/old_{}", "y/proud_{}"), "{style}_{id}"),
        ([*numbered("old_{}", "proud_{}"), "T pose.bvh"], "{style}_{id}"),
        (numbered("walk_{}", "run_{}"), None),
        (numbered("one_old_walk_{}", "two_proud_run_{}", "two_old_run_{}"), None),
        (numbered("{:03}"), None),
        ([f"{i}{i}{chr(97 + i)}.bvh" for i in range(12)], None),
        ([], None),
    ],
)
def test_labels_in_names_are_found(files: list[str], pattern: str | None) -> None:
    assert name_pattern(files) == pattern


@pytest.mark.parametrize(
    ("pattern", "file", "label"),
    [
        (
            "{style}_{content}_{id}",
            "x/Old_walk-turn-left_007.bvh",
            Annotation("old", "walk-turn-left"),
        ),
        ("{style}_{content}_{id}", "very_old_walk_007.bvh", None),
        ("{style}_{id}", "old_walk.bvh", None),
        ("{style}-{id}", "very_old-3.bvh", Annotation("very-old")),
        (
            "{style}/*_{content}",
            "NotConfident/NotConfident_FW.bvh",
            Annotation("not-confident", "fw"),
        ),
        ("{style}/**", "old/monday/x.bvh", Annotation("old")),
        ("{style}/*", "old/monday/x.bvh", None),
        ("{content}.{style}{id}", "walk.old12.bvh", Annotation("old", "walk")),
        ("{style}/**", "unlabelled/x.bvh", Annotation("")),
    ],
)
def test_a_pattern_says_where_the_label_is(
    pattern: str, file: str, label: Annotation | None
) -> None:
    found = find_labels(Path("nowhere"), [file], pattern)
    assert found.labels == ({} if label is None else {file: label})
    if label is None:
        assert found.refused == {file: f"the pattern {pattern} finds no style in its path"}


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [("{style}_{style}", "has {style} twice"), ("{style}_{take}", "has {take}, expected {style}")],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "written", ["Not Confident", "not_confident", "NotConfident", " not-confident "]
)
def test_labels_are_one_however_they_are_written(written: str) -> None:
    assert tidy(written) == "not-confident"


def test_labels_that_differ_in_composed_letters_only_are_one() -> None:
    assert tidy("mu\u0308de") == tidy("m\u00fcde")


def test_what_is_found_out_comes_from_folders_before_names(tmp_path: Path) -> None:
    files = numbered("old/sad_{}", "proud/calm_{}")
    assert {label.style for label in find_labels(tmp_path, files, None).labels.values()} == {
        "old",
        "proud",
    }
    assert {label.style for label in find_labels(tmp_path, files, "names").labels.values()} == {
        "sad",
        "calm",
    }
    assert set(find_labels(tmp_path, files, "none").labels.values()) == {Annotation("")}
    (tmp_path / "labels.csv").write_text("file,style\nold/sad_1.bvh,angry\n")
    found = find_labels(tmp_path, files, None)
    assert found.labels == {"old/sad_1.bvh": Annotation("angry")}
    assert found.said == "styles come from the table labels.csv"


@pytest.mark.parametrize("told", [None, "folders", "names"])
def test_where_nothing_tells_the_style_the_user_is_asked(tmp_path: Path, told: str | None) -> None:
    with pytest.raises(
        DataError, match=r"is told neither by folders nor by names such as '001.bvh'.*--labels none"
    ):
        find_labels(tmp_path, numbered("{:03}"), told)


def test_labels_from_something_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"'styels.csv' is none of folders, names, none, a pattern with"
    ):
        find_labels(tmp_path, ["a.bvh"], "styels.csv")


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "table",
    [
        b"file,style,content,split\nwalk_1.bvh,Old,walk,test\nb/walk_2,proud,walk,\n",
        b"\xef\xbb\xbffile;style;content;split\r\na/walk_1.bvh;Old;walk;test\r\nb\\walk_2.bvh;proud;walk;\r\n",
        b"Split\tStyle\tFile\tContent\tRemark\ntest\told\t./a/walk_1\twalk\tcaf\xe9\n\n\tproud\twalk_2.bvh\twalk\n",
    ],
    ids=["commas", "a spreadsheet in Europe", "tabs in Latin-1"],
)
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "styles.csv").write_bytes(table)
    found = find_labels(tmp_path, ["a/walk_1.bvh", "b/walk_2.bvh"], "styles.csv")
    assert found.labels == {
        "a/walk_1.bvh": Annotation("old", "walk", "test"),
        "b/walk_2.bvh": Annotation("proud", "walk"),
    }
    assert not found.refused


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    rows = [
        "file,style,split",
        "gone.bvh,old,",
        "same.bvh,old,",
        "a/x.bvh,old,",
        "x,proud,",
        "a/y.bvh,old,learn",
        "a/z.bvh,,",
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    files = ["a/same.bvh", "b/same.bvh", "a/x.bvh", "a/y.bvh", "a/z.bvh", "a/rest.bvh"]
    found = find_labels(tmp_path, files, str(tmp_path / "t.csv"))
    assert found.labels == {"a/z.bvh": Annotation("")}
    assert found.refused == {
        "gone.bvh": "line 2 of t.csv names it, but it is not in the folder",
        "same.bvh": "line 3 of t.csv means 2 files; write its folder too",
        "a/x.bvh": "line 5 of t.csv says something else of it than a line before",
        "a/y.bvh": "line 6 of t.csv has the split 'learn', expected train, validation, test, "
        "unused or nothing",
        **dict.fromkeys(("a/same.bvh", "b/same.bvh", "a/rest.bvh"), "t.csv does not name it"),
    }


@pytest.mark.parametrize("table", ["", "a.bvh,old\n", "file,label\n"])
def test_a_table_without_the_columns_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(DataError, match="expected columns named file and style in its first line"):
        find_labels(tmp_path, ["a.bvh"], "t.csv")


# ---------------------------------------------------------------- splits by rule


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


# ---------------------------------------------------------------- a folder of clips


def put(folder: Path, name: str, seconds: float = 1.0, heading: float = 0.0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_motion(as_rig(walk(seconds, 30.0, heading).clip, metres_per_unit=0.01), path)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def filled(folder: Path, *names: str, count: int = 6) -> Path:
    """Clips that all differ."""
    for number, file in enumerate(numbered(*names, count=count)):
        put(folder, file, 0.7 + 0.05 * number, 0.1 * number)
    return folder


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def two_styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("own"), "old/walk_{}", "proud/walk_{}")


@pytest.fixture
def data(two_styles: Path, tmp_path: Path) -> Path:
    """Twelve clips in two styles, to be changed."""
    return Path(shutil.copytree(two_styles, tmp_path / "data"))


def test_a_folder_of_styles_becomes_a_corpus(data: Path, tmp_path: Path, told: list[str]) -> None:
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    assert is_own(corpus)
    assert {entry.stem: entry.style for entry in corpus.entries} == {
        f"{style}/walk_{i}.bvh": f"own/{style}" for style in ("old", "proud") for i in range(1, 7)
    }
    assert {entry.content for entry in corpus.entries} == {""}
    assert corpus.entries[-1].stop == len(corpus.features)
    assert {entry.split for entry in corpus.entries} == {"train", "validation"}
    assert told[1].startswith(
        "own clips: 12 clips, 12 s, 0 files left out; styles come from the folders, {style}/**"
    )
    assert told[2].startswith("  old: 6 clips, 5 s - less than 20 s to learn from")
    assert read_list(tmp_path / "run" / "splits.csv") == {
        entry.stem: entry.split for entry in corpus.entries
    }
    assert (tmp_path / "run" / "corpus" / "refused.txt").read_text() == ""
    require_styles(corpus)


def test_nothing_that_a_file_can_be_stops_a_run(
    data: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(data, "old/short.bvh", 0.2)
    put(data, "old/faulty.bvh", 1.9)
    (data / "old" / "empty.bvh").touch()
    (data / "old" / "broken.bvh").write_text("HIERARCHY\nROOT\n")
    (data / "old" / "gone.bvh").symlink_to(tmp_path / "nothing.bvh")
    (data / "old" / "folder.bvh").mkdir()
    (data / "old" / "scene.blend").write_bytes(b"Kaydara")
    (data / "old" / ".hidden.bvh").touch()
    (data / "old" / "again").symlink_to(data, target_is_directory=True)
    (data / "__MACOSX").mkdir()
    (data / "__MACOSX" / "x.bvh").touch()
    joint = (
        "{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd Site\n{\nOFFSET 0 1 "
        "0\n}\n}\n"
    )
    motion = "MOTION\nFrames: 40\nFrame Time: 0.0333\n" + "0 0 0\n" * 40
    (data / "old" / "camera.bvh").write_text(f"HIERARCHY\nROOT lens\n{joint}{motion}")
    shutil.copy(data / "old" / "walk_1.bvh", data / "old" / "a_copy.bvh")
    shutil.copy(data / "old" / "walk_2.bvh", data / "proud" / "of_old.bvh")
    put(data, "stray.bvh", 1.7)
    used = reading.to_canonical

    def to_canonical(clip, correspondence):
        assert clip.name != "faulty", "our own fault"
        return used(clip, correspondence)

    monkeypatch.setattr(reading, "to_canonical", to_canonical)
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    kept = {f"{style}/walk_{i}.bvh" for style in ("old", "proud") for i in range(1, 7)} | {
        "old/a_copy.bvh"
    }
    assert {entry.stem for entry in corpus.entries} == kept - {"old/walk_1.bvh", "old/walk_2.bvh"}
    refused = (tmp_path / "run" / "corpus" / "refused.txt").read_text().splitlines()
    assert [
        line.removeprefix("left out: ") for line in told if line.startswith("left out")
    ] == refused
    for sentence in (
        "old/short.bvh: has 7 frames at 30 frames/s, fewer than the 16 that training takes",
        "old/faulty.bvh: met a fault in Kinestyle, please report it with the file: "
        "AssertionError: our own fault",
        "old/empty.bvh: line 1: found an empty file, expected HIERARCHY",
        "old/scene.blend: is no motion file that can be read, those are .bvh",
        "old/walk_1.bvh: is the same motion as old/a_copy.bvh",
        "old/walk_2.bvh: is one motion in several styles: old/walk_2.bvh, proud/of_old.bvh",
        "proud/of_old.bvh: is one motion in several styles: old/walk_2.bvh, proud/of_old.bvh",
        "stray.bvh: the pattern {style}/** finds no style in its path",
        "old/gone.bvh: was not found",
        "old/broken.bvh: line 3, column 1",
        "old/camera.bvh: no human body was found in the rig (lens)",
    ):
        assert sum(line.startswith(sentence) for line in refused) == 1, sentence
    assert len(refused) == 11


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: None, "is no folder"),
        (
            lambda folder: folder.mkdir(),
            "holds no motion file; expected files of these kinds, in any folders: .bvh",
        ),
        (
            lambda folder: filled(folder, "old/{}", count=1).joinpath("old/1.bvh").write_text(""),
            "none of 1 files could be used",
        ),
    ],
)
def test_a_folder_of_nothing_is_refused(
    prepare: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    prepare(tmp_path / "data")
    with pytest.raises(DataError, match=sentence):
        open_corpus(tmp_path / "data", tmp_path / "run", "{style}/*", print)


def test_one_style_cannot_be_learned_from_labels(tmp_path: Path, told: list[str]) -> None:
    filled(tmp_path / "data", "old/{}", count=2)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", "folders", told.append)
    assert "for validation: none, so that training cannot tell when it is best" in told
    with pytest.raises(
        DataError,
        match=r"there is one style, old; .* or train without labels with --preset unsupervised",
    ):
        require_styles(corpus)
    with pytest.raises(DataError, match="there is no clip with a style"):
        require_styles(open_corpus(tmp_path / "data", tmp_path / "run", "none", told.append))


@pytest.mark.parametrize(
    ("names", "contents", "said"),
    [
        (["old_walk_{}", "proud_walk_{}", "old_run_{}"], {"walk", "run"}, "{style}_{content}_{id}"),
        (
            ["old_walk_{}", "proud_run_{}"],
            {""},
            "contents are not used, because most occur in one style only",
        ),
    ],
)
def test_contents_serve_where_they_cross_styles(
    tmp_path: Path, told: list[str], names: list[str], contents: set[str], said: str
) -> None:
    filled(tmp_path / "data", *names, count=2)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", None, told.append)
    assert {entry.content for entry in corpus.entries} == contents
    assert said in told[1]


def test_contents_that_some_clips_lack_are_not_used(
    data: Path, tmp_path: Path, told: list[str]
) -> None:
    rows = [
        f"{style}/walk_{i}.bvh,{style},{'' if i == 3 else 'walk'}"
        for style in ("old", "proud")
        for i in range(1, 7)
    ]
    (data / "labels.csv").write_text("\n".join(["file,style,content", *rows]))
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    assert {entry.content for entry in corpus.entries} == {""}
    assert "contents are not used, because 2 clips have none" in told[1]


def test_splits_can_be_edited_until_training_begins(
    data: Path, tmp_path: Path, told: list[str]
) -> None:
    run = tmp_path / "run"
    before = open_corpus(data, run, None, told.append)
    splits = dict.fromkeys(read_list(run / "splits.csv"), "train")
    splits |= {"old/walk_1.bvh": "validation", "old/walk_2.bvh": "test", "old/walk_3.bvh": "unused"}
    (run / "splits.csv").write_text(
        "file,split\n" + "".join(f"{file},{split}\n" for file, split in splits.items())
    )
    after = open_corpus(data, run, None, told.append)
    assert {entry.stem: entry.split for entry in after.entries} == splits
    assert after.sha256 != before.sha256
    np.testing.assert_array_equal(after.features, before.features)
    put(data, "old/walk_7.bvh", 2.0)  # of a style with a clip to validate with
    assert {
        e.stem: e.split for e in open_corpus(data, run, None, told.append).entries
    } == splits | {"old/walk_7.bvh": "train"}
    (run / "splits.csv").write_text(
        (run / "splits.csv").read_text().replace(",", ";")
    )  # as a spreadsheet in Europe does
    assert {
        e.stem: e.split for e in open_corpus(data, run, None, told.append).entries
    } == splits | {"old/walk_7.bvh": "train"}
    (run / "splits.csv").write_text("file,split\nold/walk_1.bvh,trian\n")
    with pytest.raises(
        DataError,
        match=r"splits.csv, line 2: found the split 'trian', expected train, validation, test or",
    ):
        open_corpus(data, run, None, told.append)
    (run / "splits.csv").write_text(
        "\n".join(["file,split", *(f"{file},unused" for file in (*splits, "old/walk_7.bvh"))])
    )
    with pytest.raises(DataError, match="leaves no clip for training"):
        open_corpus(data, run, None, told.append)


def test_a_table_says_splits(data: Path, tmp_path: Path, told: list[str]) -> None:
    rows = ["file,style,split", "old/walk_1.bvh,old,validation", "old/walk_2.bvh,old,test"]
    rows += [f"old/walk_{i}.bvh,old," for i in range(3, 7)] + [
        f"proud/walk_{i}.bvh,proud," for i in range(1, 7)
    ]
    (data / "labels.csv").write_text("\n".join(rows))
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    splits = {entry.stem: entry.split for entry in corpus.entries}
    assert [splits[f"old/walk_{i}.bvh"] for i in range(1, 7)] == [
        "validation",
        "test",
        *["train"] * 4,
    ]
    proud = [splits[f"proud/walk_{i}.bvh"] for i in range(1, 7)]
    assert (proud.count("validation"), proud.count("train")) == (1, 5)


def test_labels_may_change_without_reading_again(
    data: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_corpus(data, tmp_path / "run", None, told.append)
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: pytest.fail(f"{path} was read again")
    )
    again = open_corpus(data, tmp_path / "run", None, told.append)
    assert (again.entries, again.sha256) == (first.entries, first.sha256)
    (data / "labels.csv").write_text("file,style\nold/walk_1.bvh,sad\nold/walk_2.bvh,calm\n")
    changed = open_corpus(data, tmp_path / "run", None, told.append)
    assert {entry.stem: entry.style for entry in changed.entries} == {
        "old/walk_1.bvh": "own/sad",
        "old/walk_2.bvh": "own/calm",
    }
    assert changed.sha256 != first.sha256


def test_a_prepared_corpus_outlives_its_files(data: Path, tmp_path: Path, told: list[str]) -> None:
    first = open_corpus(data, tmp_path / "run", None, told.append)
    shutil.rmtree(data)
    again = open_corpus(data, tmp_path / "run", None, told.append)
    assert again.entries == first.entries
    np.testing.assert_array_equal(again.features, first.features)


def test_reading_that_was_cut_goes_on(
    data: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    used = reading.clip_features

    def clip_features(path: Path, rig: Rig | None):
        if len(read) == 5:
            raise KeyboardInterrupt
        read.append(path.name)
        return used(path, rig)

    with monkeypatch.context() as patched:
        patched.setattr(reading, "clip_features", clip_features)
        with pytest.raises(KeyboardInterrupt):
            open_corpus(data, tmp_path / "run", None, told.append)
    assert not (tmp_path / "run" / "corpus" / "corpus.json").exists()
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: read.append(path.name) or used(path, rig)
    )
    next((tmp_path / "run" / "corpus" / "parts").iterdir()).write_bytes(b"half a file")
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    assert len(corpus.entries) == 12
    assert len(read) == 5 + 7 + 1
    straight = open_corpus(data, tmp_path / "other", None, told.append)
    assert straight.sha256 == corpus.sha256


def test_several_processes_read_the_same(
    data: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = open_corpus(data, tmp_path / "run", None, told.append)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    assert open_corpus(data, tmp_path / "other", None, told.append).sha256 == alone.sha256


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs the process table of Linux")
def test_readers_end_with_a_killed_run(tmp_path: Path) -> None:
    filled(tmp_path / "data", "old/{}", "proud/{}", count=40)
    script = (
        "import sys, time; from pathlib import Path; from kinestyle.learn.data import reading;"
        "reading.clip_features = lambda path, rig: time.sleep(60);"
        "reading.read_files(sorted(Path(sys.argv[1]).rglob('*.bvh')), Path(sys.argv[2]), print, 2)"
    )
    run = subprocess.Popen([sys.executable, "-c", script, tmp_path / "data", tmp_path / "parts"])
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    try:
        assert waited_for(lambda: len(children.read_text().split()) == 2), (
            "two readers were to begin"
        )
        readers = [Path("/proc", child) for child in children.read_text().split()]
    finally:
        run.kill()
        run.wait()
    assert waited_for(lambda: not any(alive(reader) for reader in readers))


def waited_for(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def alive(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Killed:
    """A pool whose process was killed."""

    def __init__(self, processes: int, **_: object):
        assert processes == 2

    def __enter__(self) -> Killed:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, *_: object, chunksize: int) -> Iterator[object]:
        raise BrokenProcessPool
        yield


def test_a_killed_reader_is_said_in_words(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    monkeypatch.setattr(reading, "ProcessPoolExecutor", Killed)
    with pytest.raises(
        DataError,
        match=r"reading was ended from outside after 0 of 12 files.*the same command goes on",
    ):
        open_corpus(data, tmp_path / "run", None, print)


def test_a_run_inside_the_folder_is_not_data(data: Path, told: list[str]) -> None:
    first = open_corpus(data, data / "run", None, told.append)
    assert open_corpus(data, data / "run", None, told.append).entries == first.entries
    assert (data / "run" / "corpus" / "refused.txt").read_text() == ""


def test_bandai_is_recognised_and_keeps_its_splits(tmp_path: Path, told: list[str]) -> None:
    names = [name for name, split in read_splits().items() if split == "validation"][:2]
    for number, name in enumerate(names):
        put(tmp_path / "data", f"bandai/set/data/{name}.bvh", 1.0 + number)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", None, told.append)
    assert [(entry.stem, entry.split) for entry in corpus.entries] == [
        (name, "validation") for name in names
    ]
    assert not is_own(corpus)
    assert names_in(tmp_path / "run" / "corpus") == ["corpus.json", "features.npy"]
    assert not (tmp_path / "run" / "splits.csv").exists()
    with pytest.raises(
        DataError,
        match="was prepared from other data or for other labels than these; name another --run",
    ):
        open_corpus(tmp_path / "data", tmp_path / "run", "{style}_{id}", told.append)
    own = open_corpus(
        tmp_path / "data", tmp_path / "other", "*_{content}_{style}_{id}", told.append
    )
    assert is_own(own)
    with pytest.raises(DataError, match="name another --run"):
        open_corpus(tmp_path / "data", tmp_path / "other", None, told.append)


def test_a_one_sided_style_is_never_mirrored(data: Path, tmp_path: Path, told: list[str]) -> None:
    for style in ("old", "proud"):
        (data / style).rename(data / {"old": "LeftHop", "proud": "Leftover"}[style])
    corpus = open_corpus(data, tmp_path / "run", None, told.append)
    sided = {entry.style: entry for entry in corpus.entries}
    assert {style: entry.one_sided for style, entry in sided.items()} == {
        "own/left-hop": True,
        "own/leftover": False,
    }
    for style, entry in sided.items():
        crop = CropSampler(corpus, entry.frame_count, 0).crop(entry, mirror=True)
        plain = np.array(corpus.features[entry.start : entry.stop])
        np.testing.assert_array_equal(
            crop, plain if style == "own/left-hop" else mirror_features(plain)
        )


def test_many_refused_files_do_not_fill_the_screen(
    data: Path, tmp_path: Path, told: list[str]
) -> None:
    for i in range(60):
        (data / "old" / f"{i}.json").touch()
    open_corpus(data, tmp_path / "run", None, told.append)
    assert sum(line.startswith("left out") for line in told) == 50
    assert told[-1] == f"and 10 more, all in {tmp_path / 'run' / 'corpus' / 'refused.txt'}"
    assert len((tmp_path / "run" / "corpus" / "refused.txt").read_text().splitlines()) == 60


# ---------------------------------------------------------------- a stated rig

NOT_RECOGNISED = ("old/walk_1.bvh", "old/walk_2.bvh", "proud/walk_1.bvh")


def make_unrecognisable(data: Path, *names: str) -> Rig:
    """Give some of the clips in a folder joints whose names mislead, and return the rig that states
    which is which.
    """
    joints: dict[str, tuple[str, ...]] = {}
    for name in names:
        clip, joints = unrecognisable(read_motion(data / name))
        write_motion(clip, data / name)
    return Rig("my_rig.json", joints)


@pytest.fixture
def mixed(data: Path) -> tuple[Path, Rig]:
    """Twelve clips, of which three are recognised only with the rig beside them."""
    return data, make_unrecognisable(data, *NOT_RECOGNISED)


def test_a_rig_that_is_not_recognised_is_read_where_it_is_stated(
    two_styles: Path, tmp_path: Path, told: list[str]
) -> None:
    data = Path(shutil.copytree(two_styles, tmp_path / "data"))
    rig = make_unrecognisable(
        data, *(path.relative_to(data).as_posix() for path in data.rglob("*.bvh"))
    )
    with pytest.raises(
        DataError,
        match=r"none of 12 files could be used; the first reason: .* no human body was found",
    ):
        open_corpus(data, tmp_path / "run", None, told.append)
    stated = open_corpus(data, tmp_path / "run", None, told.append, rig)
    assert "rig: as my_rig.json says in 12 of 12 clips" in told
    recognised = open_corpus(two_styles, tmp_path / "other", None, told.append)
    assert stated.entries == recognised.entries
    np.testing.assert_allclose(stated.features, recognised.features, atol=1e-4)


def test_a_stated_rig_is_for_the_clips_that_it_fits(
    mixed: tuple[Path, Rig], tmp_path: Path, told: list[str]
) -> None:
    data, rig = mixed
    plain = open_corpus(data, tmp_path / "plain", None, told.append)
    assert not {entry.stem for entry in plain.entries} & set(NOT_RECOGNISED)
    assert not any(line.startswith("rig:") for line in told)
    corpus = open_corpus(data, tmp_path / "run", None, told.append, rig)
    assert len(corpus.entries) == 12
    at = {entry.stem: entry for entry in corpus.entries}
    for entry in plain.entries:
        kept = corpus.features[at[entry.stem].start : at[entry.stem].stop]
        np.testing.assert_array_equal(kept, plain.features[entry.start : entry.stop])
    listed = tmp_path / "run" / "corpus" / "other_rigs.txt"
    said = (
        f"rig: as my_rig.json says in 3 of 12 clips; it does not fit the others, whose rigs "
        f"were found: look at {listed}"
    )
    assert told.count(said) == 1
    lines = dict(line.split(": ", 1) for line in listed.read_text().splitlines())
    assert set(lines) == {entry.stem for entry in plain.entries}
    assert all(
        "hips is 'left_0', but the clip has no joint of that name" in line
        for line in lines.values()
    )
    (tmp_path / "run" / "corpus" / "corpus.json").unlink()  # so that it is made of kept readings
    again = open_corpus(data, tmp_path / "run", None, told.append, rig)
    assert (again.sha256, told.count(said)) == (corpus.sha256, 2)


def test_a_clip_that_no_rig_fits_is_left_out_with_both_reasons(
    mixed: tuple[Path, Rig], tmp_path: Path, told: list[str]
) -> None:
    open_corpus(mixed[0], tmp_path / "run", None, told.append, preset("mixamo"))
    assert "rig: as the rig 'mixamo' says in 9 of 9 clips" in told
    left_out = [line for line in told if line.startswith("left out: ")]
    assert len(left_out) == len(NOT_RECOGNISED)
    for line in left_out:
        assert "no human body was found" in line
        assert "the rig 'mixamo' does not fit" in line


def test_a_rig_that_fits_no_clip_is_refused(data: Path, tmp_path: Path, told: list[str]) -> None:
    with pytest.raises(
        DataError,
        match=r"my_rig.json fits none of 12 clips; the first reason: .*hips is 'Pelvis', but the "
        r"clip",
    ):
        open_corpus(
            data, tmp_path / "run", None, told.append, Rig("my_rig.json", {"hips": ("Pelvis",)})
        )
    assert not (tmp_path / "run" / "corpus" / "corpus.json").exists()


def test_what_was_read_with_another_rig_is_read_again(
    mixed: tuple[Path, Rig], tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rig = mixed
    read: list[str] = []
    used = reading.clip_features
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: read.append(path.name) or used(path, rig)
    )

    def hashed(rig: Rig | None) -> str:
        read.clear()
        return open_corpus(data, tmp_path / "run", None, told.append, rig).sha256

    without = hashed(None)
    first = hashed(rig)
    assert (len(read), first != without) == (12, True)
    assert (hashed(rig), len(read)) == (first, 0)
    sides = {"left": "right", "right": "left"}
    other = {
        "_".join(sides.get(word, word) for word in role.split("_")): names
        for role, names in rig.joints.items()
    }
    swapped = hashed(replace(rig, joints=other))
    assert (len(read), swapped != first) == (12, True)
    assert (hashed(None), hashed(rig)) == (without, first)


def test_readings_of_one_rig_are_not_those_of_another(
    mixed: tuple[Path, Rig], tmp_path: Path
) -> None:
    """Also where reading was cut before there was a corpus, or both are kept in one folder."""
    data, rig = mixed
    path = data / NOT_RECOGNISED[0]
    (stated,) = reading.read_files([path], tmp_path, print, rig=rig)
    assert isinstance(stated, reading.Reading)
    (plain,) = reading.read_files([path], tmp_path, print)
    assert isinstance(plain, str)
    longer = replace(rig, metres_per_unit=0.02)
    (other,) = reading.read_files([path], tmp_path, print, rig=longer)
    assert isinstance(other, reading.Reading)
    assert other.part != stated.part
    assert reading.read_files([path], tmp_path, print, rig=rig) == [stated]


def test_several_processes_read_with_a_stated_rig(
    mixed: tuple[Path, Rig], tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rig = mixed
    alone = open_corpus(data, tmp_path / "run", None, told.append, rig)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    assert open_corpus(data, tmp_path / "other", None, told.append, rig).sha256 == alone.sha256


def test_no_rig_is_stated_for_bandai(tmp_path: Path, told: list[str]) -> None:
    name = next(name for name, split in read_splits().items() if split == "validation")
    data, run = tmp_path / "data", tmp_path / "run"
    put(data, f"bandai/set/data/{name}.bvh")
    for _ in ("before it is read", "and after"):
        with pytest.raises(
            DataError,
            match="--rig is for own clips; which joint is which in the Bandai-Namco sets is known",
        ):
            open_corpus(data, run, None, told.append, preset("cmu"))
        open_corpus(data, run, None, told.append)
    shutil.rmtree(data)
    with pytest.raises(DataError, match="--rig is for own clips"):
        open_corpus(data, run, None, told.append, preset("cmu"))


def test_the_command_states_a_rig_for_the_folder(mixed: tuple[Path, Rig], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from kinestyle.cli import main

    data, rig = mixed
    write_rig(rig, tmp_path / "my_rig.json")
    arguments = ["train", "--data", str(data), "--run", str(tmp_path / "run"), "--dry-run", "--rig"]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "my_rig.json")])
    assert done.exit_code == 0, done.stderr
    assert "own clips: 12 clips" in done.stderr
    assert "rig: as my_rig.json says in 3 of 12 clips" in done.stderr
    refused = CliRunner().invoke(main, [*arguments, "smpl"])
    assert (
        refused.exit_code,
        "kinestyle: the rig 'smpl' fits none of 9 clips" in refused.stderr,
    ) == (1, True)


# ---------------------------------------------------------------- to a bundle


@pytest.mark.parametrize("name", ["a/b", "", "../x", "two words"])
def test_a_name_that_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot name a file"):
        OwnClips(name=name)


def test_a_dry_run_says_what_was_understood_and_trains_nothing(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from kinestyle.cli import main

    (data / "old" / "notes.txt").touch()
    arguments = ["train", "--data", str(data), "--run", str(tmp_path / "run"), "--dry-run"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    assert "own clips: 12 clips" in done.stderr
    assert "left out: old/notes.txt: is no motion file" in done.stderr
    assert names_in(tmp_path / "run") == ["corpus", "splits.csv"]
    refused = CliRunner().invoke(main, [*arguments, "--labels", "{take}{style}"])
    assert (
        refused.exit_code,
        "kinestyle: the pattern '{take}{style}' has {take}" in refused.stderr,
    ) == (1, True)


Start = Callable[..., "Run"]


@pytest.fixture
def start(tmp_path: Path, told: list[str], tiny_networks: TinyNetworks) -> Start:
    """Begins, or goes on with, a run of small networks that learn for one step."""
    from kinestyle.learn.pipeline import Run, shortened
    from kinestyle.learn.presets import PRESETS

    def started(data: Path, own: OwnClips | None = None, preset: str = "released") -> Run:
        recipe = shortened(PRESETS[preset].recipe, 1)
        recipe = replace(
            recipe,
            sizes=tiny_networks.sizes,
            guides=tuple(replace(guide, width=16) for guide in recipe.guides),
        )
        return Run(recipe, data, tmp_path / "run", told.append, own=own or OwnClips())

    return started


def exporter(test: Callable[..., None]) -> Callable[..., None]:
    for text in ("You are using the legacy TorchScript-based ONNX export", "Constant folding"):
        test = pytest.mark.filterwarnings(f"ignore:{text}")(test)
    return test


def assert_bundle(path: Path, walk_file: Path, styles: set[str], about: dict[str, str]) -> None:
    from kinestyle.formats.table import read_motion
    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(path)
    assert {style.name for style in stylizer.styles} == styles
    assert {key: stylizer.bundle.manifest[key] for key in ("name", "licence")} == about
    assert "Bandai" not in json.dumps(stylizer.bundle.manifest)
    clip = read_motion(walk_file)
    for style in stylizer.styles:
        assert np.isfinite(stylizer.stylize(clip, style=style.label).local_rotation).all()


def without_toes(rig: Rig) -> Rig:
    """A rig without toes."""
    return replace(
        rig, joints={role: names for role, names in rig.joints.items() if not role.endswith("toe")}
    )


@exporter
def test_from_own_clips_to_a_bundle(
    data: Path, tmp_path: Path, told: list[str], walk_file: Path, start: Start
) -> None:
    put(data, "sad/the_only.bvh", 1.3)
    run = start(data, OwnClips(name="club", licence="CC0"))
    for stage in run.stages().values():
        stage()
    assert (
        "  sad: 1 clip, 1 s - one clip to learn from: what it does will be taken for its style"
        in told
    )
    styles = {"own/old", "own/proud", "own/sad"}
    assert_bundle(
        tmp_path / "run" / "club.kinestyle", walk_file, styles, {"name": "club", "licence": "CC0"}
    )
    shutil.copy(data / "sad" / "the_only.bvh", data / "sad" / "copy.bvh")
    start(data).corpus()  # a copy adds nothing but a refusal ...
    (data / "sad" / "copy.bvh").unlink()
    put(data, "sad/another.bvh", 1.4)
    with pytest.raises(DataError, match="made with another configuration"):  # ... a clip does
        start(data).autoencoder()
    (data / "sad" / "another.bvh").unlink()
    start(
        data, OwnClips(rig=preset("cmu"))
    ).autoencoder()  # a rig that states what was found changes nothing ...
    with pytest.raises(DataError, match="made with another configuration"):  # ... another one does
        start(data, OwnClips(rig=without_toes(preset("cmu")))).autoencoder()


@exporter
def test_from_own_clips_without_labels_to_a_bundle(
    data: Path, tmp_path: Path, told: list[str], walk_file: Path, start: Start
) -> None:
    run = start(data, OwnClips(labels="none"), preset="unsupervised")
    for stage in run.stages().values():
        stage()
    assert "judge: none, because there are no two styles to tell apart" in told
    assert_bundle(
        tmp_path / "run" / "own.kinestyle",
        walk_file,
        set(),
        {"name": "own", "licence": "licence not stated"},
    )
    with pytest.raises(DataError, match="there is no clip with a style"):
        start(data, OwnClips(labels="none")).corpus()


def test_the_terms_of_bandai_are_not_the_user_s_to_change(tmp_path: Path, start: Start) -> None:
    put(tmp_path / "data", "bandai/set/data/dataset-1_walk_old_001.bvh")
    put(tmp_path / "data", "bandai/set/data/dataset-1_walk_sad_001.bvh", 1.1)
    with pytest.raises(
        DataError, match="what is trained on the Bandai-Namco sets keeps their terms"
    ):
        start(tmp_path / "data", OwnClips(licence="CC0")).corpus()


# ---------------------------------------------------------------- real motion


@exporter
def test_from_real_clips_of_three_rigs_to_a_bundle(
    data_dir: Path, tmp_path: Path, walk_file: Path, start: Start
) -> None:
    found = {path.stem: path for path in (data_dir / "bandai").glob("*/data/*.bvh")}
    wanted = {
        f"{style}/{content}_{i}.bvh": found[f"dataset-2_{content}_{style}_{i:03}"]
        for style in ("elderly", "youthful")
        for content in ("walk", "run")
        for i in range(1, 6)
    }
    wanted |= {
        f"zombie/{name}.bvh": data_dir / "wild" / f"{name}.bvh"
        for name in ("zombie", "jumping_jacks")
    }
    wanted |= {"zombie/licences.txt": data_dir / "wild" / "LICENCES.txt"}
    for name, source in wanted.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).symlink_to(source)
    run = start(tmp_path / "data")
    for stage in run.stages().values():
        stage()
    assert {entry.style for entry in run.corpus().select("train")} == {
        "own/elderly",
        "own/youthful",
        "own/zombie",
    }
    assert len(run.corpus().entries) == len(wanted) - 1
    styles = {"own/elderly", "own/youthful", "own/zombie"}
    assert_bundle(
        tmp_path / "run" / "own.kinestyle",
        walk_file,
        styles,
        {"name": "own", "licence": "licence not stated"},
    )


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
