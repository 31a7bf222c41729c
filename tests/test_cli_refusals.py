"""What goes wrong on the machine, at the command line: one sentence, exit code 1, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command_line import PROGRAM, done, kinestyle, refused, run
from kinestyle.formats.table import read_motion
from kinestyle.runtime.stylizer import Stylizer

pytestmark = pytest.mark.usefixtures("here")

LONG = "x" * 300
NO_TEXT = os.fsdecode(b"bad\xff")


def sentence(*arguments: Any) -> str:
    """The one line of a refusal."""
    line = refused(*arguments)
    assert line.isprintable()
    assert len(line) < 300
    return line


def limited(what: str, value: int, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """A command in a process that may have only so much of something."""
    limit = f"import resource; resource.setrlimit(resource.{what}, ({value}, {value}))"
    return run(*arguments, program=f"{limit}; {PROGRAM}")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "line",
    [
        f"stylize {LONG}.bvh --style old -o out.bvh",
        f"stylize walk.bvh --style old -o {LONG}.bvh",
        f"stylize walk.bvh --style old --rig {LONG} -o out.bvh",
        f"stylize walk.bvh --style old --rig {LONG}.json -o out.bvh",
        f"stylize walk.bvh --like {LONG}.bvh -o out.bvh",
        f"styles --bundle {LONG}",
        f"inspect {LONG}.bvh",
        f"map walk.bvh -o {LONG}.json",
        f"convert walk.bvh {LONG}.glb",
        f"render walk.bvh -o {LONG}.html",
        f"retarget walk.bvh --to {LONG}.bvh -o out.bvh",
    ],
)
def test_a_name_that_is_too_long(clip_file: Path, line: str) -> None:
    assert "File name too long" in sentence(*line.split())


@pytest.mark.parametrize(
    "line",
    [
        "stylize {closed}/walk.bvh --style old -o out.bvh",
        "stylize walk.bvh --style old -o {closed}/out.bvh",
        "stylize walk.bvh --style old --rig {closed}/rig.json -o out.bvh",
        "stylize walk.bvh --like {closed}/walk.bvh -o out.bvh",
        "styles --bundle {closed}/b.kinestyle",
        "inspect {closed}/walk.bvh",
        "map walk.bvh -o {closed}/rig.json",
        "convert walk.bvh {closed}/out.glb",
        "convert {closed}/walk.bvh out.glb",
        "render walk.bvh -o {closed}/out.html",
    ],
)
def test_a_folder_that_one_may_not_enter(clip_file: Path, closed_folder: Path, line: str) -> None:
    result = kinestyle(*line.format(closed=closed_folder).split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("kinestyle: ")
    assert "Permission denied" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_is_converted_as_far_as_that_goes(clip_file: Path) -> None:
    Path("many").mkdir()
    # whose result has a name that is too long, by the letters of its suffix
    Path("many", f"{LONG[:251]}.bvh").write_bytes(clip_file.read_bytes())
    clip_file.rename("many/walk.bvh")
    result = kinestyle("convert", "many", "out", "--to", ".gltf")
    assert (result.exit_code, result.stdout) == (1, "out/walk.gltf\n")
    assert result.stderr.splitlines()[-1] == (
        "kinestyle: 1 of 2 files could not be converted; the others are in out"
    )


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (("map", "IN", "-o", "OUT"), "rig.json"),
        (("stylize", "IN", "--style", "old", "--root", "keep", "-o", "OUT"), "out.fbx"),
        (("stylize", "IN", "--style", "old", "--root", "keep", "-o", "OUT"), "out.glb"),
        (("stylize", "IN", "--style", "old", "--root", "keep", "-o", "OUT"), f"{NO_TEXT}2.bvh"),
        (("convert", "IN", "OUT"), f"{NO_TEXT}.glb"),
        (("render", "IN", "-o", "OUT"), "page.html"),
        (("inspect", "IN"), ""),
        (("inspect", "IN", "--json"), ""),
    ],
)
def test_a_name_that_is_no_utf_8(clip_file: Path, command: tuple[str, ...], out: str) -> None:
    name = f"{NO_TEXT}.bvh"
    clip_file.rename(name)
    words = [{"IN": name, "OUT": out}.get(word, word) for word in command]
    program = f"import sys; sys.argv[1:] = {words!r}; {PROGRAM}"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, b"")
    if out:
        assert finished.stdout == os.fsencode(out) + b"\n"
        assert Path(out).stat().st_size > 0


def test_a_name_of_two_lines_is_said_on_one(clip_file: Path) -> None:
    clip_file.rename("a\nb.bvh")
    assert done("inspect", "a\nb.bvh").stdout.startswith("a b: 151 frames")
    assert "c d.bvh was not found" in sentence("inspect", "c\nd.bvh")


# ---------------------------------------------------------------- memory, files, disks


def test_too_little_memory(
    clip_file: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> Any:
        raise MemoryError("Unable to allocate 5.00 GiB")

    monkeypatch.setattr(Stylizer, "analyse", exhausted)
    options = ("--style", "proud", "--bundle", tiny_bundle, "-o", "out.bvh")
    assert "there is not enough memory for this" in sentence("stylize", "walk.bvh", *options)


@pytest.mark.parametrize("megabytes", [300, 250, 200])
def test_little_address_space(clip_file: Path, megabytes: int) -> None:
    pytest.importorskip("resource")
    options = ("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh")
    finished = limited("RLIMIT_AS", megabytes * 2**20, *options)
    assert "Traceback" not in finished.stderr
    if finished.returncode:
        assert "memory" in finished.stderr
    else:
        assert read_motion("out.bvh").frame_count == 151


def test_too_few_open_files(clip_file: Path) -> None:
    pytest.importorskip("resource")
    pytest.importorskip("ufbx")
    done("convert", "walk.bvh", "walk.fbx")
    finished = limited("RLIMIT_NOFILE", 7, "convert", "walk.fbx", "out.bvh")
    assert finished.returncode == 1
    assert "Too many open files" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not Path("out.bvh").exists()


@pytest.mark.parametrize("out", ["out.bvh", "out.glb", "rig.json", "out.mp4"])
def test_a_disk_that_gets_full(clip_file: Path, out: str) -> None:
    pytest.importorskip("resource")
    if out.endswith(".mp4"):
        pytest.importorskip("av")
    command = {".json": ("map", "walk.bvh", "-o"), ".mp4": ("render", "walk.bvh", "-o")}
    words = command.get(Path(out).suffix, ("convert", "walk.bvh"))
    finished = limited("RLIMIT_FSIZE", 1000, *words, out)
    assert finished.returncode == 1
    assert "File too large" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["walk.bvh"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["styles", "--help", "inspect walk.bvh", "inspect --help"])
def test_output_that_cannot_be_written(clip_file: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "kinestyle", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 1
    assert finished.stderr == (
        "kinestyle: the system refused to read or write: No space left on device\n"
    )


def test_a_reader_that_has_enough_is_no_failure(clip_file: Path) -> None:
    shell = f"{sys.executable} -m kinestyle inspect --json walk.bvh | head -1"
    finished = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("{\n", "")


# ---------------------------------------------------------------- Ctrl-C


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize(
    "module", ["click", "kinestyle.cli", "kinestyle.cli.restyling", "numpy", "kinestyle.bundle"]
)
def test_ctrl_c_while_modules_are_imported(clip_file: Path, module: str) -> None:
    interrupting = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    command = ("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh")
    finished = run(*command, program=f"{interrupting}{PROGRAM}")
    assert (finished.returncode, finished.stderr) in (
        (-signal.SIGINT, ""),
        (1, "kinestyle: stopped; nothing half-written is left\n"),
    )
    assert [path.name for path in Path().iterdir()] == ["walk.bvh"]


# ---------------------------------------------------------------- mistakes of ours


def test_a_mistake_of_ours_is_not_hidden(
    clip_file: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(Stylizer, "analyse", mistaken)
    options = ("--style", "proud", "--bundle", tiny_bundle, "-o", "out.bvh")
    with pytest.raises(ZeroDivisionError):
        kinestyle("stylize", "walk.bvh", *options)


# ---------------------------------------------------------------- frame times


def test_a_file_that_counts_milliseconds(clip_file: Path) -> None:
    text = clip_file.read_text()
    Path("ms.bvh").write_text(text.replace("Frame Time: 0.0333", "Frame Time: 33.3"))
    Path("doubtful.bvh").write_text(text.replace("Frame Time: 0.0333", "Frame Time: 8.3"))
    for name in ("ms.bvh", "doubtful.bvh"):
        for command in (
            ("stylize", name, "--style", "old", "-o", "out.bvh"),
            ("stylize", "walk.bvh", "--like", name, "-o", "out.bvh"),
            ("convert", name, "out.glb"),
            ("inspect", name),
            ("map", name, "-o", "rig.json"),
            ("retarget", name, "--to", "walk.bvh", "-o", "out.bvh"),
            ("retarget", "walk.bvh", "--to", name, "-o", "out.bvh"),
            ("render", name, "-o", "out.html"),
        ):
            assert "rate as fps" in sentence(*command)


def test_the_rate_of_a_file_is_stated(clip_file: Path, tiny_bundle: Path) -> None:
    text = clip_file.read_text()
    Path("ms.bvh").write_text(text.replace("Frame Time: 0.0333", "Frame Time: 33.3"))
    style = ("--style", "proud", "--bundle", tiny_bundle)
    like = ("--like", "ms.bvh", "--bundle", tiny_bundle)
    for command in (
        ("stylize", "ms.bvh", *style, "--fps", "30", "-o", "out.bvh"),
        ("stylize", "walk.bvh", *like, "--like-fps", "30", "-o", "out.bvh"),
        ("convert", "ms.bvh", "out.glb", "--fps", "30"),
        ("inspect", "ms.bvh", "--fps", "30"),
        ("map", "ms.bvh", "-o", "rig.json", "--fps", "30"),
        ("retarget", "ms.bvh", "--to", "walk.bvh", "-o", "out.bvh", "--fps", "30"),
        ("retarget", "walk.bvh", "--to", "ms.bvh", "-o", "out.bvh", "--to-fps", "30"),
        ("render", "ms.bvh", "-o", "out.html", "--clip-fps", "30"),
    ):
        assert kinestyle(*command).exit_code == 0, command
    done("stylize", "ms.bvh", *style, "--fps", "30", "-o", "stated.bvh")
    done("stylize", "walk.bvh", *style, "-o", "right.bvh")
    assert Path("stated.bvh").read_bytes() == Path("right.bvh").read_bytes()
    assert "fps is nan" in sentence("inspect", "ms.bvh", "--fps", "nan")
