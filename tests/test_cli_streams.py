"""Standard input and output for files, files that are there, the first command, and slow work."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinestyle as kinestyle_package
from command_line import PROGRAM, contents, done_noisily, kinestyle, refused, run
from kinestyle.cli import options
from kinestyle.errors import MotionFileError
from kinestyle.formats.sniff import suffix_of
from kinestyle.formats.table import FORMATS, read_motion, write_motion
from kinestyle.motion.clip import Clip

pytestmark = pytest.mark.usefixtures("here")


def piped(data: bytes, *arguments: Any) -> subprocess.CompletedProcess[bytes]:
    """A command with something on its standard input."""
    package = str(Path(kinestyle_package.__file__).absolute().parents[1])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)],
        input=data,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": package},
        timeout=120,
    )


def test_a_clip_goes_through_as_bytes(clip_file: Path, tiny_bundle: Path) -> None:
    words = ("--style", "proud", "--bundle", tiny_bundle)
    assert kinestyle("stylize", "walk.bvh", *words, "-o", "out.bvh").exit_code == 0
    before = contents()
    through = piped(clip_file.read_bytes(), "stylize", "-", *words, "-o", "-")
    assert (through.returncode, through.stdout) == (0, Path("out.bvh").read_bytes())
    assert contents() == before
    other = piped(clip_file.read_bytes(), "stylize", "-", *words, "-o", "-", "--format", "glb")
    assert other.stdout[:4] == b"glTF"
    again = piped(other.stdout, "convert", "-", "back.bvh")
    assert (again.returncode, again.stdout) == (0, b"back.bvh\n")
    assert read_motion("back.bvh").frame_count == 151


def test_what_is_in_a_stream(clip_file: Path) -> None:
    said = piped(clip_file.read_bytes(), "inspect", "-")
    named = run("inspect", "walk.bvh")
    assert said.stdout.decode() == named.stdout.replace("walk", "stdin")


def test_every_format_that_is_written_is_known_by_its_beginning(walk_clip: Clip) -> None:
    np.save("a.npy", walk_clip.world_position)
    np.savez("a.npz", joints=walk_clip.world_position)
    for suffix in (".bvh", ".glb", ".gltf", ".fbx"):
        write_motion(walk_clip, f"a{suffix}")
    for path in Path().glob("a.*"):
        assert suffix_of(path.read_bytes(), "it") == path.suffix
    of_glb, read_only = {".vrm", ".vrma"}, {".amc"}
    assert {path.suffix for path in Path().glob("a.*")} == set(FORMATS) - of_glb - read_only
    with pytest.raises(MotionFileError, match="it begins with b'hello', which is no motion format"):
        suffix_of(b"hello", "it")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("stylize - --style proud -o out.bvh", 1, "standard input begins with b'no motion'"),
        ("stylize walk.bvh --style proud --samples 2 -o -", 2, "standard output takes one result"),
        ("convert walk.bvh - --animation all", 2, "standard output takes one result"),
        ("convert walk.bvh - --format .amc", 1, "which is read but not written"),
        ("stylize walk.bvh --style proud -o out.bvh --format .glb", 2, "--format is for folders"),
    ],
)
def test_streams_are_refused_with_a_sentence(
    clip_file: Path, tiny_bundle: Path, line: str, code: int, sentence: str
) -> None:
    before = contents()
    command, *words = line.split()
    bundle = ("--bundle", tiny_bundle) if command == "stylize" else ()
    failed = piped(b"no motion", command, *words, *bundle)
    assert (failed.returncode, failed.stdout, contents()) == (code, b"", before)
    assert sentence in failed.stderr.decode()


def test_a_file_that_is_there_is_replaced_unless_that_is_not_wanted(
    clip_file: Path, tiny_bundle: Path
) -> None:
    Path("out_2.bvh").write_text("mine")
    words = ("stylize", "walk.bvh", "--style", "proud", "--bundle", tiny_bundle, "--samples", 2)
    sentence = "out_2.bvh is there already; leave out --no-clobber to replace it, or name another"
    assert sentence in refused(*words, "-o", "out.bvh", "--no-clobber")
    assert kinestyle(*words, "-o", "out.bvh", "--overwrite").exit_code == 0
    assert Path("out_2.bvh").read_text() != "mine"
    for line in (
        "convert walk.bvh out_1.bvh",
        "retarget walk.bvh --to walk.bvh -o out_1.bvh",
        "map walk.bvh -o rig.json",
        "render walk.bvh -o page.html",
        "learn walk.bvh -o mine.style",
    ):
        name = line.split()[-1]
        Path(name).touch()
        assert f"{name} is there already" in refused(*line.split(), "--no-clobber")


def test_shares_that_nothing_comes_of_are_refused(clip_file: Path, tiny_bundle: Path) -> None:
    words = ("stylize", "walk.bvh", "--style", "proud", "--bundle", tiny_bundle, "-o", "out.bvh")
    assert "there is one style only to take; name several" in refused(*words, "--mix", "0.3")


# ---------------------------------------------------------------- the first command


def test_the_first_command_works_as_it_is_typed() -> None:
    said = done_noisily("demo")
    assert said.stdout.split() == ["walk.bvh", "walk_old.bvh", "walk_proud.bvh", "walk.html"]
    assert set(contents()) == set(said.stdout.split())
    # and what it names next
    command = next(line for line in said.stderr.splitlines() if "kinestyle stylize" in line)
    done_noisily(*command.split()[1:])
    assert read_motion("walk_tired.bvh").frame_count == 151
    before = contents()
    done_noisily("demo")  # its own files may be made again
    assert contents() == before
    Path("walk.bvh").write_text("mine")
    assert "walk.bvh is there already; name another folder" in refused("demo")
    done_noisily("demo", "-o", "elsewhere/deeper")
    assert Path("elsewhere/deeper/walk.html").is_file()


def test_the_readme_begins_with_it() -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    (first, *_) = [line for line in readme.splitlines() if line.startswith("kinestyle ")]
    assert first.split("#")[0].split() == ["kinestyle", "demo"]


# ---------------------------------------------------------------- slow work


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_slow_work_shows_on_a_terminal_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with options.at_work("drawing"):
        deadline = time.monotonic() + 5.0
        while not terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert terminal.getvalue() == "\rdrawing, 0 s\r\x1b[K"
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 60.0)
    with options.at_work("drawing"):
        pass
    assert terminal.getvalue() == "\rdrawing, 0 s\r\x1b[K"


def test_what_a_training_would_read_is_said_without_torch(two_styles: Path) -> None:
    without = f"import sys; sys.modules['torch'] = sys.modules['onnx'] = None; {PROGRAM}"
    listed = run("train", "--preset", "list", program=without)
    assert (listed.returncode, "released" in listed.stdout) == (0, True)
    words = ("train", "--data", two_styles, "--run", "run", "--dry-run")
    understood = run(*words, program=without)
    assert understood.returncode == 0, understood.stderr
    assert "proud" in understood.stderr
