"""Reading motion files for training: several at once, cut at any moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from kinestyle.errors import DataError
from kinestyle.learn.data import reading
from kinestyle.learn.data.own_clips import open_corpus
from kinestyle.rig.rig_file import Rig
from own_clip_files import filled

pytestmark = pytest.mark.usefixtures("one_reader")


def test_reading_that_was_cut_goes_on(
    own_data: Path, tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
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
            open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert not (tmp_path / "run" / "corpus" / "corpus.json").exists()
    monkeypatch.setattr(
        reading, "clip_features", lambda path, rig: read.append(path.name) or used(path, rig)
    )
    next((tmp_path / "run" / "corpus" / "parts").iterdir()).write_bytes(b"half a file")
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert len(corpus.entries) == 12
    assert len(read) == 5 + 7 + 1
    straight = open_corpus(own_data, tmp_path / "other", None, messages.append)
    assert straight.sha256 == corpus.sha256


def test_several_processes_read_the_same(
    own_data: Path, tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = open_corpus(own_data, tmp_path / "run", None, messages.append)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    assert open_corpus(own_data, tmp_path / "other", None, messages.append).sha256 == alone.sha256


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
    own_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    monkeypatch.setattr(reading, "ProcessPoolExecutor", Killed)
    with pytest.raises(
        DataError,
        match=r"reading was ended from outside after 0 of 12 files.*the same command goes on",
    ):
        open_corpus(own_data, tmp_path / "run", None, print)
