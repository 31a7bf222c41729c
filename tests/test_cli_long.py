"""Long clips on the command line: their progress on a terminal, and how Ctrl-C ends them."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from pathlib import Path

import pytest

from command_line import PROGRAM, contents, kinestyle, run
from kinestyle import Clip, Stylizer, open_motion, write_motion
from kinestyle.cli import main, options
from kinestyle.formats.bvh import open_bvh, write_bvh
from kinestyle.formats.bvh.streaming import StreamedBvh
from long_motion import long_clip

SECONDS = 130.0
"""Just so long that the clip is streamed and restyled in windows."""

pytestmark = pytest.mark.usefixtures("time_limit")


@pytest.fixture
def command(here: Path, tiny_bundle: Path) -> list[str]:
    """What restyles a long clip, into out.bvh."""
    write_bvh(long_clip(SECONDS), "long.bvh")
    assert isinstance(open_bvh("long.bvh"), StreamedBvh)
    bundle = ["--bundle", str(tiny_bundle)]
    return ["stylize", "long.bvh", "--style", "proud", *bundle, "-o", "out.bvh"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(*arguments: str) -> str:
    """What a command shows on stderr, which is a terminal."""
    with contextlib.redirect_stderr(Terminal()) as terminal:
        main(list(arguments), standalone_mode=False)
    return terminal.getvalue()


def test_a_terminal_shows_how_much_is_done(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 0.0)
    shown = on_a_terminal(*command, "--like", "long.bvh", "--samples", "2")
    for label in ("reading the style", "analysing", "restyling"):
        shares = [int(share) for share in re.findall(rf"{label} .*?(\d+)%", shown)]
        assert shares == sorted(shares)
        assert shares[-1] == 100
        steps = [b - a for a, b in itertools.pairwise([0, *shares])]
        assert max(steps) < 40, f"{label} goes from one share to one far beyond: {shares}"


def test_a_terminal_shows_nothing_of_short_work(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 60.0)
    assert on_a_terminal(*command) == ""


def test_what_is_no_terminal_gets_no_bar(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 0.0)
    result = kinestyle(*command)
    assert (result.stdout, result.stderr) == ("out.bvh\n", "")


def test_python_gives_what_the_command_line_gives(command: list[str], tiny: Stylizer) -> None:
    kinestyle(*command)
    result = tiny.stylize(open_motion("long.bvh"), style="proud")
    assert not isinstance(result, Clip), "the result was computed as a whole"
    write_motion(result, "python.bvh")
    assert Path("python.bvh").read_bytes() == Path("out.bvh").read_bytes()


@pytest.mark.parametrize(
    ("out", "moment"),
    [
        ("out.bvh", "formats.bvh.streaming.StreamedBvh.window"),
        ("out.bvh", "formats.bvh.writer.check_writable"),
        ("out.glb", "motion.paged.put"),
        ("out.glb", "formats.gltf.new_file.Packer.add"),
        ("out.fbx", "formats.fbx.scene.curve_record"),
    ],
)
def test_ctrl_c_in_the_middle_of_a_long_clip_leaves_what_was_there(
    command: list[str], out: str, moment: str
) -> None:
    command[-1] = out
    Path(out).write_text("what was here before")
    before = contents()
    module, _, name = f"kinestyle.{moment}".rpartition(".")
    # in the third window of the analysis, or piece of the file that is written
    program = (
        "import itertools, os, pkgutil, signal\n"
        f"place = pkgutil.resolve_name({module!r})\n"
        f"call, calls = place.{name}, itertools.count()\n"
        "def interrupted(*given, **named):\n"
        "    if next(calls) == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return call(*given, **named)\n"
        f"place.{name} = interrupted\n{PROGRAM}"
    )
    killed = run(*command, program=program)
    said = "kinestyle: stopped; nothing half-written is left\n"
    assert (killed.returncode, killed.stderr) == (1, said)
    assert contents() == before
