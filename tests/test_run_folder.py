"""A run's folder: one process at a time, no litter, one sentence where it cannot be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.errors import DataError
from kinestyle.learn import run_folder
from kinestyle.learn.run_folder import LOCK, alone_in

HOLDER = (
    "import sys, time; from pathlib import Path; from kinestyle.learn.run_folder import alone_in\n"
    "with alone_in(Path(sys.argv[1]), print):\n"
    "    print('in', flush=True); sys.stdin.read()\n"
)


def silent(_: str) -> None: ...


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains in RUN until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def test_a_second_run_is_told_who_is_there(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    sentence = (
        rf"process {holder.pid} on \S+ \(since [\d: -]+\) is training in {tmp_path / 'run'}; wait "
        rf"until it is done, stop it, or name another --run"
    )
    with pytest.raises(DataError, match=sentence), alone_in(tmp_path / "run", silent):
        pytest.fail("two are in one folder")
    with alone_in(tmp_path / "another", silent):
        pass
    holder.communicate("")
    with alone_in(tmp_path / "run", silent):
        assert str(os.getpid()) in (tmp_path / "run" / LOCK).read_text()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_that_waits_goes_on_when_the_other_is_done(
    tmp_path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def sleep(_: float) -> None:
        asked.append(holder.poll())
        if len(asked) == 3:
            holder.communicate("")

    monkeypatch.setattr(run_folder.time, "sleep", sleep)
    messages: list[str] = []
    with alone_in(tmp_path / "run", messages.append, wait=True):
        assert str(os.getpid()) in (tmp_path / "run" / LOCK).read_text()
    assert asked == [None, None, None]
    (said,) = messages
    assert said.startswith(f"waiting for process {holder.pid} on ")
    assert said.endswith(f", which is training in {tmp_path / 'run'}")


@pytest.mark.parametrize("command", [["--dry-run"], ["--steps", "1"]])
def test_the_command_says_so_in_one_sentence(
    tmp_path: Path, own_data: Path, holder: subprocess.Popen[str], command: list[str]
) -> None:
    if command != ["--dry-run"]:
        pytest.importorskip("torch")
    arguments = ["train", "--data", str(own_data), "--run", str(tmp_path / "run"), *command]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert re.fullmatch(rf"kinestyle: process {holder.pid} on .* name another --run\n", done.stderr)
    assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / LOCK]


def test_the_lock_of_a_killed_run_is_gone(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / LOCK).exists()
    with alone_in(tmp_path / "run", silent):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_lock_that_was_let_go_between_opening_and_locking_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two could be in: one with the file that was deleted, one with the new file."""
    from kinestyle.learn import run_folder

    lock = run_folder.lock
    calls = 0

    def deleted_first(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            (tmp_path / LOCK).unlink()
        lock(file)

    monkeypatch.setattr(run_folder, "lock", deleted_first)
    with alone_in(tmp_path, silent):
        monkeypatch.undo()
        with pytest.raises(DataError, match="is training in"), alone_in(tmp_path, silent):
            pytest.fail("two are in one folder")
    assert calls == 2


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(file: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("kinestyle.learn.run_folder.lock", unsupported)
    with alone_in(tmp_path, messages.append):
        pass
    assert list(tmp_path.iterdir()) == []
    assert messages == [
        f"{tmp_path} cannot be locked (Operation not supported): start nothing else in it"
    ]


def test_what_a_killed_run_left_is_deleted(tmp_path: Path) -> None:
    litter = [
        tmp_path / folder / ".kinestyle-0123456789abcdef.tmp"
        for folder in ("", "corpus", "corpus/parts", "autoencoder")
    ]
    others = [
        tmp_path / "notes.tmp",
        tmp_path / "corpus" / ".hidden.tmp",
        tmp_path / ".0123456789abcdef.tmp",
    ]
    for path in (*litter, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with alone_in(tmp_path, silent):
        assert not any(path.exists() for path in litter)
    assert all(path.exists() for path in others), "only what it wrote itself"


@pytest.mark.parametrize("where", ["file", "file/run"])
def test_a_run_that_can_be_no_folder_is_one_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    sentence = r"--run \S+ cannot be the folder of a run \((File exists|Not a directory)\)"
    with pytest.raises(DataError, match=sentence), alone_in(tmp_path / where, silent):
        pytest.fail("it is no folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_run_where_one_may_not_write_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="Permission denied"), alone_in(tmp_path / "run", silent):
        pytest.fail("it cannot be written to")


@pytest.fixture
def no_torch(tmp_path: Path) -> dict[str, str]:
    """An environment in which torch and the exporter are not installed."""
    for name in ("torch", "onnx"):
        (tmp_path / "hidden" / name).mkdir(parents=True)
        (tmp_path / "hidden" / name / "__init__.py").write_text(
            f"raise ModuleNotFoundError('no {name}', name='{name}')"
        )
    paths = [str(tmp_path / "hidden"), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def command(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kinestyle", "train", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_looking_needs_no_torch(tmp_path: Path, own_data: Path, no_torch: dict[str, str]) -> None:
    where = "--data", own_data, "--run", tmp_path / "run"
    listed = command(no_torch, "--preset", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert re.search("^  unsupervised +the paper's unsupervised setting", listed.stdout, re.M)
    dry = command(no_torch, *where, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "own clips: 12 clips" in dry.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"corpus", "splits.csv"}
    trains = command(no_torch, *where)
    assert trains.returncode == 1
    assert trains.stderr == (
        "kinestyle: training needs torch, which is not installed; pip install 'kinestyle[train]'\n"
    )
