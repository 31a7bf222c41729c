"""A rig that is stated for all own clips."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.errors import DataError
from kinestyle.learn.data import reading
from kinestyle.learn.data.bandai import read_splits
from kinestyle.learn.data.prepare import open_corpus
from kinestyle.rig.presets import preset
from kinestyle.rig.rig_file import Rig, write_rig
from own_clip_files import make_unrecognisable, put

pytestmark = pytest.mark.usefixtures("one_reader")


NOT_RECOGNISED = ("old/walk_1.bvh", "old/walk_2.bvh", "proud/walk_1.bvh")


@pytest.fixture
def mixed(own_data: Path) -> tuple[Path, Rig]:
    """Twelve clips, of which three are recognised only with the rig beside them."""
    return own_data, make_unrecognisable(own_data, *NOT_RECOGNISED)


def test_a_rig_that_is_not_recognised_is_read_where_it_is_stated(
    two_styles: Path, tmp_path: Path, messages: list[str]
) -> None:
    own_data = Path(shutil.copytree(two_styles, tmp_path / "data"))
    rig = make_unrecognisable(
        own_data, *(path.relative_to(own_data).as_posix() for path in own_data.rglob("*.bvh"))
    )
    with pytest.raises(
        DataError,
        match=r"none of 12 files could be used; the first reason: .* no human body was found",
    ):
        open_corpus(own_data, tmp_path / "run", None, messages.append)
    stated = open_corpus(own_data, tmp_path / "run", None, messages.append, rig)
    assert "rig: as my_rig.json says in 12 of 12 clips" in messages
    recognised = open_corpus(two_styles, tmp_path / "other", None, messages.append)
    assert stated.entries == recognised.entries
    np.testing.assert_allclose(stated.features, recognised.features, atol=1e-4)


def test_a_stated_rig_is_for_the_clips_that_it_fits(
    mixed: tuple[Path, Rig], tmp_path: Path, messages: list[str]
) -> None:
    own_data, rig = mixed
    plain = open_corpus(own_data, tmp_path / "plain", None, messages.append)
    assert not {entry.stem for entry in plain.entries} & set(NOT_RECOGNISED)
    assert not any(line.startswith("rig:") for line in messages)
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append, rig)
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
    assert messages.count(said) == 1
    lines = dict(line.split(": ", 1) for line in listed.read_text().splitlines())
    assert set(lines) == {entry.stem for entry in plain.entries}
    assert all(
        "hips is 'left_0', but the clip has no joint of that name" in line
        for line in lines.values()
    )
    (tmp_path / "run" / "corpus" / "corpus.json").unlink()  # so that it is made of kept readings
    again = open_corpus(own_data, tmp_path / "run", None, messages.append, rig)
    assert (again.sha256, messages.count(said)) == (corpus.sha256, 2)


def test_a_clip_that_no_rig_fits_is_left_out_with_both_reasons(
    mixed: tuple[Path, Rig], tmp_path: Path, messages: list[str]
) -> None:
    open_corpus(mixed[0], tmp_path / "run", None, messages.append, preset("mixamo"))
    assert "rig: as the rig 'mixamo' says in 9 of 9 clips" in messages
    left_out = [line for line in messages if line.startswith("left out: ")]
    assert len(left_out) == len(NOT_RECOGNISED)
    for line in left_out:
        assert "no human body was found" in line
        assert "the rig 'mixamo' does not fit" in line


def test_a_rig_that_fits_no_clip_is_refused(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    with pytest.raises(
        DataError,
        match=r"my_rig.json fits none of 12 clips; the first reason: .*hips is 'Pelvis', but the "
        r"clip",
    ):
        open_corpus(
            own_data,
            tmp_path / "run",
            None,
            messages.append,
            Rig("my_rig.json", {"hips": ("Pelvis",)}),
        )
    assert not (tmp_path / "run" / "corpus" / "corpus.json").exists()


def test_what_was_read_with_another_rig_is_read_again(
    mixed: tuple[Path, Rig], tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_data, rig = mixed
    read: list[str] = []
    used = reading.clip_features
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: read.append(path.name) or used(path, rig)
    )

    def hashed(rig: Rig | None) -> str:
        read.clear()
        return open_corpus(own_data, tmp_path / "run", None, messages.append, rig).sha256

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
    own_data, rig = mixed
    path = own_data / NOT_RECOGNISED[0]
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
    mixed: tuple[Path, Rig], tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_data, rig = mixed
    alone = open_corpus(own_data, tmp_path / "run", None, messages.append, rig)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    assert (
        open_corpus(own_data, tmp_path / "other", None, messages.append, rig).sha256 == alone.sha256
    )


def test_no_rig_is_stated_for_bandai(tmp_path: Path, messages: list[str]) -> None:
    name = next(name for name, split in read_splits().items() if split == "validation")
    own_data, run = tmp_path / "data", tmp_path / "run"
    put(own_data, f"bandai/set/data/{name}.bvh")
    for _ in ("before it is read", "and after"):
        with pytest.raises(
            DataError,
            match="--rig is for own clips; which joint is which in the Bandai-Namco sets is known",
        ):
            open_corpus(own_data, run, None, messages.append, preset("cmu"))
        open_corpus(own_data, run, None, messages.append)
    shutil.rmtree(own_data)
    with pytest.raises(DataError, match="--rig is for own clips"):
        open_corpus(own_data, run, None, messages.append, preset("cmu"))


def test_the_command_states_a_rig_for_the_folder(mixed: tuple[Path, Rig], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from kinestyle.cli import main

    own_data, rig = mixed
    write_rig(rig, tmp_path / "my_rig.json")
    arguments = [
        "train",
        "--data",
        str(own_data),
        "--run",
        str(tmp_path / "run"),
        "--dry-run",
        "--rig",
    ]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "my_rig.json")])
    assert done.exit_code == 0, done.stderr
    assert "own clips: 12 clips" in done.stderr
    assert "rig: as my_rig.json says in 3 of 12 clips" in done.stderr
    refused = CliRunner().invoke(main, [*arguments, "smpl"])
    assert (
        refused.exit_code,
        "kinestyle: the rig 'smpl' fits none of 9 clips" in refused.stderr,
    ) == (1, True)
