"""A user's own clips as a corpus: what is left out and why, contents, splits, what is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import DataError
from kinestyle.learn.data import reading
from kinestyle.learn.data.bandai import read_splits
from kinestyle.learn.data.corpus import CropSampler
from kinestyle.learn.data.prepare import is_own, open_corpus, require_styles
from kinestyle.learn.data.splits import read_list
from kinestyle.retarget.features import mirror_features
from own_clip_files import filled, names_in, put

pytestmark = pytest.mark.usefixtures("one_reader")


def test_a_folder_of_styles_becomes_a_corpus(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert is_own(corpus)
    assert {entry.stem: entry.style for entry in corpus.entries} == {
        f"{style}/walk_{i}.bvh": f"own/{style}" for style in ("old", "proud") for i in range(1, 7)
    }
    assert {entry.content for entry in corpus.entries} == {""}
    assert corpus.entries[-1].stop == len(corpus.features)
    assert {entry.split for entry in corpus.entries} == {"train", "validation"}
    assert messages[1].startswith(
        "own clips: 12 clips, 12 s, 0 files left out; styles come from the folders, {style}/**"
    )
    assert messages[2].startswith("  old: 6 clips, 5 s - less than 20 s to learn from")
    assert read_list(tmp_path / "run" / "splits.csv") == {
        entry.stem: entry.split for entry in corpus.entries
    }
    assert (tmp_path / "run" / "corpus" / "refused.txt").read_text() == ""
    require_styles(corpus)


def test_nothing_that_a_file_can_be_stops_a_run(
    own_data: Path, tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_data, "old/short.bvh", 0.2)
    put(own_data, "old/faulty.bvh", 1.9)
    (own_data / "old" / "empty.bvh").touch()
    (own_data / "old" / "broken.bvh").write_text("HIERARCHY\nROOT\n")
    (own_data / "old" / "gone.bvh").symlink_to(tmp_path / "nothing.bvh")
    (own_data / "old" / "folder.bvh").mkdir()
    (own_data / "old" / "scene.blend").write_bytes(b"Kaydara")
    (own_data / "old" / ".hidden.bvh").touch()
    (own_data / "old" / "again").symlink_to(own_data, target_is_directory=True)
    (own_data / "__MACOSX").mkdir()
    (own_data / "__MACOSX" / "x.bvh").touch()
    joint = (
        "{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd Site\n{\nOFFSET 0 1 "
        "0\n}\n}\n"
    )
    motion = "MOTION\nFrames: 40\nFrame Time: 0.0333\n" + "0 0 0\n" * 40
    (own_data / "old" / "camera.bvh").write_text(f"HIERARCHY\nROOT lens\n{joint}{motion}")
    shutil.copy(own_data / "old" / "walk_1.bvh", own_data / "old" / "a_copy.bvh")
    shutil.copy(own_data / "old" / "walk_2.bvh", own_data / "proud" / "of_old.bvh")
    put(own_data, "stray.bvh", 1.7)
    used = reading.to_canonical

    def to_canonical(clip, correspondence):
        assert clip.name != "faulty", "our own fault"
        return used(clip, correspondence)

    monkeypatch.setattr(reading, "to_canonical", to_canonical)
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    kept = {f"{style}/walk_{i}.bvh" for style in ("old", "proud") for i in range(1, 7)} | {
        "old/a_copy.bvh"
    }
    assert {entry.stem for entry in corpus.entries} == kept - {"old/walk_1.bvh", "old/walk_2.bvh"}
    refused = (tmp_path / "run" / "corpus" / "refused.txt").read_text().splitlines()
    assert [
        line.removeprefix("left out: ") for line in messages if line.startswith("left out")
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


def test_one_style_cannot_be_learned_from_labels(tmp_path: Path, messages: list[str]) -> None:
    filled(tmp_path / "data", "old/{}", count=2)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", "folders", messages.append)
    assert "for validation: none, so that training cannot tell when it is best" in messages
    with pytest.raises(
        DataError,
        match=r"there is one style, old; .* or train without labels with --preset unsupervised",
    ):
        require_styles(corpus)
    with pytest.raises(DataError, match="there is no clip with a style"):
        require_styles(open_corpus(tmp_path / "data", tmp_path / "run", "none", messages.append))


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
    tmp_path: Path, messages: list[str], names: list[str], contents: set[str], said: str
) -> None:
    filled(tmp_path / "data", *names, count=2)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", None, messages.append)
    assert {entry.content for entry in corpus.entries} == contents
    assert said in messages[1]


def test_contents_that_some_clips_lack_are_not_used(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    rows = [
        f"{style}/walk_{i}.bvh,{style},{'' if i == 3 else 'walk'}"
        for style in ("old", "proud")
        for i in range(1, 7)
    ]
    (own_data / "labels.csv").write_text("\n".join(["file,style,content", *rows]))
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert {entry.content for entry in corpus.entries} == {""}
    assert "contents are not used, because 2 clips have none" in messages[1]


def test_splits_can_be_edited_until_training_begins(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    run = tmp_path / "run"
    before = open_corpus(own_data, run, None, messages.append)
    splits = dict.fromkeys(read_list(run / "splits.csv"), "train")
    splits |= {"old/walk_1.bvh": "validation", "old/walk_2.bvh": "test", "old/walk_3.bvh": "unused"}
    (run / "splits.csv").write_text(
        "file,split\n" + "".join(f"{file},{split}\n" for file, split in splits.items())
    )
    after = open_corpus(own_data, run, None, messages.append)
    assert {entry.stem: entry.split for entry in after.entries} == splits
    assert after.sha256 != before.sha256
    np.testing.assert_array_equal(after.features, before.features)
    put(own_data, "old/walk_7.bvh", 2.0)  # of a style with a clip to validate with
    assert {
        e.stem: e.split for e in open_corpus(own_data, run, None, messages.append).entries
    } == splits | {"old/walk_7.bvh": "train"}
    (run / "splits.csv").write_text(
        (run / "splits.csv").read_text().replace(",", ";")
    )  # as a spreadsheet in Europe does
    assert {
        e.stem: e.split for e in open_corpus(own_data, run, None, messages.append).entries
    } == splits | {"old/walk_7.bvh": "train"}
    (run / "splits.csv").write_text("file,split\nold/walk_1.bvh,trian\n")
    with pytest.raises(
        DataError,
        match=r"splits.csv, line 2: found the split 'trian', expected train, validation, test or",
    ):
        open_corpus(own_data, run, None, messages.append)
    (run / "splits.csv").write_text(
        "\n".join(["file,split", *(f"{file},unused" for file in (*splits, "old/walk_7.bvh"))])
    )
    with pytest.raises(DataError, match="leaves no clip for training"):
        open_corpus(own_data, run, None, messages.append)


def test_a_table_says_splits(own_data: Path, tmp_path: Path, messages: list[str]) -> None:
    rows = ["file,style,split", "old/walk_1.bvh,old,validation", "old/walk_2.bvh,old,test"]
    rows += [f"old/walk_{i}.bvh,old," for i in range(3, 7)] + [
        f"proud/walk_{i}.bvh,proud," for i in range(1, 7)
    ]
    (own_data / "labels.csv").write_text("\n".join(rows))
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    splits = {entry.stem: entry.split for entry in corpus.entries}
    assert [splits[f"old/walk_{i}.bvh"] for i in range(1, 7)] == [
        "validation",
        "test",
        *["train"] * 4,
    ]
    proud = [splits[f"proud/walk_{i}.bvh"] for i in range(1, 7)]
    assert (proud.count("validation"), proud.count("train")) == (1, 5)


def test_labels_may_change_without_reading_again(
    own_data: Path, tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_corpus(own_data, tmp_path / "run", None, messages.append)
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: pytest.fail(f"{path} was read again")
    )
    again = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert (again.entries, again.sha256) == (first.entries, first.sha256)
    (own_data / "labels.csv").write_text("file,style\nold/walk_1.bvh,sad\nold/walk_2.bvh,calm\n")
    changed = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert {entry.stem: entry.style for entry in changed.entries} == {
        "old/walk_1.bvh": "own/sad",
        "old/walk_2.bvh": "own/calm",
    }
    assert changed.sha256 != first.sha256


def test_a_prepared_corpus_outlives_its_files(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    first = open_corpus(own_data, tmp_path / "run", None, messages.append)
    shutil.rmtree(own_data)
    again = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert again.entries == first.entries
    np.testing.assert_array_equal(again.features, first.features)


def test_a_run_inside_the_folder_is_not_data(own_data: Path, messages: list[str]) -> None:
    first = open_corpus(own_data, own_data / "run", None, messages.append)
    assert open_corpus(own_data, own_data / "run", None, messages.append).entries == first.entries
    assert (own_data / "run" / "corpus" / "refused.txt").read_text() == ""


def test_bandai_is_recognised_and_keeps_its_splits(tmp_path: Path, messages: list[str]) -> None:
    names = [name for name, split in read_splits().items() if split == "validation"][:2]
    for number, name in enumerate(names):
        put(tmp_path / "data", f"bandai/set/data/{name}.bvh", 1.0 + number)
    corpus = open_corpus(tmp_path / "data", tmp_path / "run", None, messages.append)
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
        open_corpus(tmp_path / "data", tmp_path / "run", "{style}_{id}", messages.append)
    own = open_corpus(
        tmp_path / "data", tmp_path / "other", "*_{content}_{style}_{id}", messages.append
    )
    assert is_own(own)
    with pytest.raises(DataError, match="name another --run"):
        open_corpus(tmp_path / "data", tmp_path / "other", None, messages.append)


def test_a_one_sided_style_is_never_mirrored(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    for style in ("old", "proud"):
        (own_data / style).rename(own_data / {"old": "LeftHop", "proud": "Leftover"}[style])
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
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
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    for i in range(60):
        (own_data / "old" / f"{i}.json").touch()
    open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert sum(line.startswith("left out") for line in messages) == 50
    assert messages[-1] == f"and 10 more, all in {tmp_path / 'run' / 'corpus' / 'refused.txt'}"
    assert len((tmp_path / "run" / "corpus" / "refused.txt").read_text().splitlines()) == 60
