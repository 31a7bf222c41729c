"""Reading motion files for training: several at once, cut at any moment."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion, write_motion
from kinestyle.learn.data import reading
from kinestyle.learn.data.prepare import open_corpus
from kinestyle.rig.rig_file import Rig
from own_clip_files import put

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


def with_start_method(test: Callable[..., None]) -> Callable[..., None]:
    """A test for every way to start a process that there is here."""
    test = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")(test)
    return pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())(test)


@with_start_method
def test_several_processes_read_the_same(
    own_data: Path,
    tmp_path: Path,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    alone = open_corpus(own_data, tmp_path / "run", None, messages.append)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    monkeypatch.setattr(reading, "START_METHOD", method)
    assert open_corpus(own_data, tmp_path / "other", None, messages.append).sha256 == alone.sha256


def start_reading(method: str, instead: str, folder: Path) -> subprocess.Popen[str]:
    """A process that has two others do something instead of reading one of 40 files."""
    script = folder / "read.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "from pathlib import Path\n"
        "from kinestyle.errors import DataError\n"
        "from kinestyle.learn.data import reading\n"
        f"folder, reading.START_METHOD = Path({str(folder)!r}), {method!r}\n"
        f"reading.clip_features = lambda path, rig: {instead}\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        paths = [folder / f'{i}.bvh' for i in range(40)]\n"
        "        reading.read_files(paths, folder / 'parts', print, 2)\n"
        "    except DataError as error:\n"
        "        sys.exit(str(error))\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit('stopped')\n"
    )
    return subprocess.Popen(
        [sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@with_start_method
def test_readers_end_with_a_killed_run(tmp_path: Path, method: str) -> None:
    instead = "[(folder / f'{os.getpid()}.pid').touch(), time.sleep(600)]"
    with start_reading(method, instead, tmp_path) as run:
        try:
            assert waited_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2), "two were to begin"
            assert run.poll() is None, "they were to go on"
        finally:
            run.kill()
    readers = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert waited_for(lambda: not any(map(alive, readers)))


@with_start_method
def test_ctrl_c_ends_all_after_the_files_at_hand(tmp_path: Path, method: str) -> None:
    instead = "[(folder / f'{os.getpid()}.pid').touch(), time.sleep(3), 'refused'][-1]"
    with start_reading(method, instead, tmp_path) as run:
        assert waited_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2), "two were to begin"
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert said == "stopped\n"


@with_start_method
def test_a_killed_reader_is_said_in_words(tmp_path: Path, method: str) -> None:
    with start_reading(method, "os.kill(os.getpid(), signal.SIGKILL)", tmp_path) as run:
        _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert said.splitlines()[-1] == (
        "a reading process was ended after 0 of 40 files, mostly a sign of too little memory; the "
        "same command goes on where it stopped"
    )


def waited_for(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def alive(process: int) -> bool:
    """Also where it ended, but its new parent has not noticed yet, it is not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path("/proc", str(process), "stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("axis", "centimetres", "sentence"),
    [
        (0, 1e11, r"moves its hips at \S+e\+10 m/s at 0.5\d s, expected at most 100"),
        (1, 1e11, r"moves its hips at|has its hips"),
        (2, -1000.0, r"moves its hips at 30\d m/s at 0.5\d s, expected at most 100"),
        (2, 100.0, ""),
    ],
)
def test_a_clip_with_a_broken_frame_is_left_out(
    tmp_path: Path, axis: int, centimetres: float, sentence: str
) -> None:
    clip = read_motion(put(tmp_path, "walk.bvh", seconds=2.0))
    position = clip.local_position.copy()
    position[17, 0, axis] += centimetres
    write_motion(replace(clip, local_position=position), tmp_path / "walk.bvh")
    found = reading.clip_features(tmp_path / "walk.bvh")
    if sentence:
        assert isinstance(found, str)
        assert re.search(sentence, found), found
        assert "repair or cut out the broken frames" in found
    else:
        assert isinstance(found, reading.ClipFeatures)


def test_a_broken_clip_is_listed_with_its_reason(
    own_data: Path, tmp_path: Path, messages: list[str]
) -> None:
    clip = read_motion(own_data / "old" / "walk_1.bvh")
    position = clip.local_position.copy()
    position[5, 0, 0] = 1e11
    write_motion(replace(clip, local_position=position), own_data / "old" / "walk_1.bvh")
    corpus = open_corpus(own_data, tmp_path / "run", None, messages.append)
    assert "old/walk_1.bvh" not in {entry.stem for entry in corpus.entries}
    assert np.abs(corpus.features).max() < 10.0
    (line,) = (tmp_path / "run" / "corpus" / "refused.txt").read_text().splitlines()
    assert line.startswith("old/walk_1.bvh: moves its hips at ")
    assert f"left out: {line}" in messages
