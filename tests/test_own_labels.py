"""Which style an own clip is in: from its folder, its name, or a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinestyle.errors import DataError
from kinestyle.learn.data.own_labels import (
    Annotation,
    compile_pattern,
    find_labels,
    folder_pattern,
    name_pattern,
    tidy,
)
from own_clip_files import numbered

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
    assert found.origin == "styles come from the table labels.csv"


@pytest.mark.parametrize("stated", [None, "folders", "names"])
def test_where_nothing_shows_the_style_the_user_is_asked(
    tmp_path: Path, stated: str | None
) -> None:
    with pytest.raises(
        DataError,
        match=r"neither folders nor names such as '001.bvh', .* show which style .*--labels none",
    ):
        find_labels(tmp_path, numbered("{:03}"), stated)


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
        b"\xef\xbb\xbffile;style;content;split\r\n"
        b"a/walk_1.bvh;Old;walk;test\r\n"
        b"b\\walk_2.bvh;proud;walk;\r\n",
        b"Split\tStyle\tFile\tContent\tRemark\n"
        b"test\told\t./a/walk_1\twalk\tcaf\xe9\n"
        b"\n"
        b"\tproud\twalk_2.bvh\twalk\n",
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
        "a/x.bvh": "line 5 of t.csv contradicts a line before",
        "a/y.bvh": "line 6 of t.csv has the split 'learn', expected train, validation, test, "
        "unused or nothing",
        **dict.fromkeys(("a/same.bvh", "b/same.bvh", "a/rest.bvh"), "t.csv does not name it"),
    }


@pytest.mark.parametrize("table", ["", "a.bvh,old\n", "file,label\n"])
def test_a_table_without_the_columns_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(DataError, match="expected columns named file and style in its first line"):
        find_labels(tmp_path, ["a.bvh"], "t.csv")
