"""Files are read and replaced as a whole, whatever the system refuses is a sentence, and what a
killed process leaves behind is deleted by the next one.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kinestyle import storage
from kinestyle.errors import MotionFileError, one_line, sentence_of, shown
from kinestyle.storage import name_of, read_bytes, replace_bytes, replacing, scratch_folder

SOURCE = Path(storage.__file__).absolute().parents[1]
LIMIT = 2**29


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not written anywhere yet."""
    monkeypatch.setattr(storage, "_cleared", set())


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(MotionFileError) as caught:
        call()
    message = str(caught.value)
    assert len(message) < 200
    return message


# ---------------------------------------------------------------- reading


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    pipe, long = tmp_path / "p.bvh", tmp_path / ("x" * 300)
    os.mkfifo(pipe)
    for path, expected in (
        (tmp_path, "is a folder, expected a file"),
        (tmp_path / "none.bvh", "none.bvh was not found; check the path"),
        (tmp_path / "none" / "a.bvh", "a.bvh was not found; check the path"),
        (pipe, "p.bvh is not a regular file"),
        (Path("/dev/zero"), "zero is not a regular file"),
        (long, "xxx cannot be read: File name too long"),
    ):
        assert expected in refusal(lambda path=path: read_bytes(path, LIMIT))


def test_a_folder_that_one_may_not_enter(closed_folder: Path) -> None:
    path = closed_folder / "walk.bvh"
    assert refusal(lambda: read_bytes(path, LIMIT)) == "walk.bvh cannot be read: Permission denied"
    assert refusal(lambda: replace_bytes(path, b"")) == (
        "walk.bvh cannot be written: Permission denied"
    )


def test_reading_takes_the_memory_of_the_file_and_not_that_of_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1000)
    tracemalloc.start()
    assert read_bytes(path, LIMIT) == b"x" * 1000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_the_limit_holds_for_what_is_there_and_not_for_what_the_system_says(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 11)
    assert read_bytes(path, 11) == b"x" * 11
    assert refusal(lambda: read_bytes(path, 10)) == "a has 11 bytes, more than the limit of 10"
    status = Path("/proc/self/status")  # a file whose size is said to be 0
    if status.exists():
        assert b"Name:" in read_bytes(status, LIMIT)
        with pytest.raises(MotionFileError, match="more than the limit of 10"):
            read_bytes(status, 10)


# ---------------------------------------------------------------- replacing


def test_what_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    for mode in (0o600, 0o640, 0o444):
        path.chmod(mode)
        replace_bytes(path, b"after")
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"after", mode)
    beside = tmp_path / "b"
    beside.write_bytes(b"")
    replace_bytes(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == beside.stat().st_mode


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link, chain = tmp_path / "folder" / "a", tmp_path / "link", tmp_path / "chain"
    target.write_bytes(b"before")
    link.symlink_to(target)
    chain.symlink_to("link")
    for path, data in ((link, b"one"), (chain, b"two")):
        replace_bytes(path, data)
        assert target.read_bytes() == data
        assert link.is_symlink()
        assert chain.is_symlink()
    target.unlink()  # a link to a file that is still to come
    replace_bytes(link, b"three")
    assert target.read_bytes() == b"three"


def test_what_cannot_be_written_is_said_and_left_alone(tmp_path: Path) -> None:
    pipe, lost, endless = tmp_path / "p", tmp_path / "lost", tmp_path / "endless"
    os.mkfifo(pipe)
    lost.symlink_to(tmp_path / "none" / "a")
    endless.symlink_to(endless)
    before = sorted(tmp_path.rglob("*"))
    for path, expected in (
        (pipe, "p cannot be written because it is a pipe or a device; name a file"),
        (Path("/dev/null"), "null cannot be written because it is a pipe or a device"),
        (tmp_path, "cannot be written because it is a folder"),
        (lost, "lost cannot be written because the folder"),
        (tmp_path / "none" / "a", "does not exist; create it first"),
        (endless, "endless cannot be written: Too many levels of symbolic links"),
        (tmp_path / ("x" * 300), "xxx cannot be written: File name too long"),
    ):
        assert expected in refusal(lambda path=path: replace_bytes(path, b"x"))
    assert sorted(tmp_path.rglob("*")) == before
    assert pipe.is_fifo()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_midway_leaves_what_was_there(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise failure

    with pytest.raises((MotionFileError, KeyboardInterrupt)):
        fail()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"before")]


# ---------------------------------------------------------------- what killed processes leave


@contextmanager
def another_process(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has come to the line that it prints, and waits."""
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "TMPDIR": str(folder)}
    beginning = "import sys, time; from pathlib import Path; from kinestyle.storage import *\n"
    waiting = "    print('here', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{beginning}{program}\n{waiting}"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        try:
            yield process
        finally:
            process.kill()


def test_unfinished_files_of_killed_processes_are_deleted_and_no_others(tmp_path: Path) -> None:
    (tmp_path / ".other.tmp").write_bytes(b"somebody else's")
    writing = "with replacing(Path('a')) as file:\n    file.write(b'half')"
    with another_process(writing, tmp_path) as alive:
        with another_process(writing, tmp_path) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert len(list(tmp_path.glob(".kinestyle-*.tmp"))) == 2
        replace_bytes(tmp_path / "b", b"whole")
        assert len(list(tmp_path.glob(".kinestyle-*.tmp"))) == 1
        assert alive.poll() is None
    assert (tmp_path / ".other.tmp").exists()


def test_scratch_folders_of_killed_processes_are_deleted_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "kinestyle-page.html").write_text("not a folder")
    (tmp_path / "kinestyle-mine").mkdir()
    working = "with scratch_folder() as folder:\n    (folder / 'clip.bvh').write_bytes(b'x')"
    with another_process(working, tmp_path) as alive:
        with another_process(working, tmp_path) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert len(list(tmp_path.glob("*/*/clip.bvh"))) == 2
        with scratch_folder() as folder:
            assert folder.parent.parent == tmp_path
            assert list(folder.iterdir()) == []
            assert len(list(tmp_path.glob("*/*/clip.bvh"))) == 1
        assert not folder.parent.exists()
        assert alive.poll() is None
    assert {path.name for path in tmp_path.iterdir()} >= {"kinestyle-page.html", "kinestyle-mine"}


def test_a_scratch_folder_that_cannot_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert "gone cannot be written: No such file" in refusal(lambda: scratch_folder().__enter__())


# ---------------------------------------------------------------- names and sentences


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"walk.bvh", "walk.bvh"),
        ("grüße 動き.bvh".encode(), "grüße 動き.bvh"),
        (b"bad\xff.bvh", "bad\N{REPLACEMENT CHARACTER}.bvh"),
        (b"two\nlines\x1b[31m.bvh", "two lines\N{REPLACEMENT CHARACTER}[31m.bvh"),
        (b".", "."),
    ],
)
def test_a_file_has_a_name_that_can_be_shown(given: bytes, expected: str) -> None:
    found = name_of(Path(os.fsdecode(given)))
    assert found == expected
    found.encode()


def test_what_the_machine_refuses_is_a_sentence_and_our_mistakes_are_not() -> None:
    assert sentence_of(MotionFileError("a\nb")) == "a b"
    assert "not enough memory" in str(sentence_of(MemoryError()))
    assert sentence_of(OSError(13, "Permission denied", "a/b")) == (
        "a/b cannot be used: Permission denied"
    )
    assert sentence_of(OSError(13, "Permission denied", b"\xff")) == (
        "\N{REPLACEMENT CHARACTER} cannot be used: Permission denied"
    )
    assert sentence_of(OSError(24, "Too many open files")) == (
        "the system refused to read or write: Too many open files"
    )
    with pytest.raises(UnicodeEncodeError) as caught:
        "a\udcff".encode()
    assert "cannot be written as utf-8" in str(sentence_of(caught.value))
    for mistake in (ValueError("x"), KeyError("x"), ZeroDivisionError(), AssertionError("x")):
        assert sentence_of(mistake) is None


def test_names_are_shortened() -> None:
    assert shown("short") == "short"
    assert len(shown("x" * 300)) <= 80
    assert one_line("a\r\n\tb\x00") == "a   b\N{REPLACEMENT CHARACTER}"
