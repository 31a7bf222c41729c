"""The command line as a whole: usage, help, and as a program."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from command_line import contents, done, kinestyle, run
from kinestyle import __version__
from kinestyle.cli import main
from kinestyle.formats.table import read_motion

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "stylize",
        "stylize walk.bvh --style old",
        "stylize walk.bvh --style -o",
        "stylize walk.bvh other.bvh --style old -o out.bvh",
        "stylize walk.bvh --style old -o out.bvh --strength much",
        "stylize walk.bvh --style old -o out.bvh --samples 0",
        "stylize walk.bvh --style old -o out.bvh --loudness 3",
        "render -o out.png",
        "render walk.bvh -o out.png --columns 0",
        "train --run run",
        "restyle walk.bvh",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(clip_file: Path, line: str) -> None:
    before = contents()
    result = kinestyle(*line.split())
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert contents() == before


# ---------------------------------------------------------------- as a program


def test_the_program_restyles(clip_file: Path) -> None:
    finished = run("stylize", "walk.bvh", "--style", "elderly", "-o", "out.bvh")
    assert (finished.returncode, finished.stdout) == (0, "out.bvh\n")
    assert finished.stderr.startswith("kinestyle: note: the result ends ")
    assert finished.stderr.count("\n") == 1
    assert read_motion("out.bvh").frame_count == 151


def test_the_program_refuses(clip_file: Path) -> None:
    failed = run("stylize", "walk.bvh", "--style", "furious", "-o", "out.bvh")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("kinestyle: no style is called 'furious'")
    assert failed.stderr.count("\n") == 1
    assert not Path("out.bvh").exists()
    assert run("stylize", "walk.bvh").returncode == 2


def test_help_and_version() -> None:
    assert done("--version").stdout == f"kinestyle, version {__version__}\n"
    overview = done("-h").stdout
    context = click.Context(main)
    for name in main.list_commands(context):
        assert name in overview
        assert done(name, "--help").stdout.startswith("Usage:")
    assert "0 changes nothing, 1 is the style, more exaggerates; " in " ".join(
        done("stylize", "-h").stdout.split()
    )
