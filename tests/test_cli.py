"""The command line: what is written and said, and that a refusal is one sentence, an exit code and
no file.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import kinestyle as kinestyle_package
from kinestyle import __version__
from kinestyle.bundle import Bundle, Manifest, write_bundle
from kinestyle.cli import main
from kinestyle.formats.table import FORMATS, read_motion, write_motion
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Root
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk

PROGRAM = "from kinestyle.cli import main; main(prog_name='kinestyle')"


@pytest.fixture
def clip_file(tmp_path: Path, walk_file: Path) -> Path:
    """A copy of the example in the folder that the command runs in."""
    path = tmp_path / "walk.bvh"
    path.write_bytes(walk_file.read_bytes())
    return path


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kinestyle(*arguments: Any) -> Result:
    """Run a command; an exception that is no exit is an error of ours and is raised here."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: Any) -> Result:
    result = kinestyle(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result


def done_noisily(*arguments: Any) -> Result:
    """As `done`, for commands that say on stderr how far they are."""
    result = kinestyle(*arguments)
    assert result.exit_code == 0
    return result


def refused(*arguments: Any) -> str:
    """The one sentence on stderr with which a command is refused; no file was written or changed."""
    before = contents()
    result = kinestyle(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert contents() == before
    (line,) = result.stderr.splitlines()
    assert line.startswith("kinestyle: ")
    assert "Error" not in line
    return line.removeprefix("kinestyle: ")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def values(path: Path | str) -> np.ndarray:
    return read_motion(path).source.values


def run(*arguments: Any, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, in which a warning is an error."""
    # wherever this process has the package from, also by a relative path
    environment = os.environ | {
        "PYTHONPATH": str(Path(kinestyle_package.__file__).absolute().parents[1])
    }
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


# ---------------------------------------------------------------- stylize


def test_stylize_as_people_type_it(clip_file: Path) -> None:
    result = done("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh")
    assert result.stdout == "out.bvh\n"
    expected = Stylizer.load().stylize(read_motion(clip_file), "old")
    write_motion(expected, "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()
    assert set(contents()) == {"walk.bvh", "out.bvh", "expected.bvh"}


@pytest.mark.parametrize(
    "line",
    [
        "--style proud walk.bvh -o out.bvh",
        "-o out.bvh --style=proud walk.bvh --strength 1",
        "walk.bvh --out out.bvh --seed 0 --style one/PROUD",
    ],
)
def test_the_order_of_options_does_not_matter(clip_file: Path, tiny: Stylizer, line: str) -> None:
    done("stylize", *line.split(), "--bundle", tiny.bundle.path)
    write_motion(tiny.stylize(read_motion(clip_file), "proud"), "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()


def test_strength_and_seed_reach_the_stylizer(clip_file: Path, tiny: Stylizer) -> None:
    options = ("--style", "proud", "--strength", "0.4", "--seed", "5", "--bundle", tiny.bundle.path)
    done("stylize", "walk.bvh", *options, "-o", "out.bvh")
    write_motion(
        tiny.stylize(read_motion(clip_file), "proud", strength=0.4, seed=5), "expected.bvh"
    )
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()


def test_strength_0_gives_the_clip_back(clip_file: Path) -> None:
    done("stylize", "walk.bvh", "--style", "old", "--strength", "0", "-o", "same.bvh")
    assert Path("same.bvh").read_bytes() == clip_file.read_bytes()


def test_like_takes_the_style_of_another_clip(clip_file: Path, tiny: Stylizer) -> None:
    write_motion(as_rig(walk(2.0).clip, metres_per_unit=0.01, up="Z"), "ref.bvh")
    done("stylize", "walk.bvh", "--like", "ref.bvh", "-o", "out.bvh", "--bundle", tiny.bundle.path)
    write_motion(tiny.stylize(read_motion(clip_file), like=read_motion("ref.bvh")), "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()
    assert not np.array_equal(values("out.bvh"), values("walk.bvh"))


def test_several_cues_are_mixed_in_equal_shares_or_in_those_that_are_named(
    clip_file: Path, tiny: Stylizer
) -> None:
    write_motion(as_rig(walk(2.0).clip), "ref.bvh")
    clip, reference = read_motion(clip_file), read_motion("ref.bvh")
    cues = ("--like", "ref.bvh", "--style", "one/calm", "--seed", "4", "--bundle", tiny.bundle.path)
    for options, weights in (
        ((), None),
        (("--mix", "3,1"), [3, 1]),
        (("--mix", "1,0"), [1, 0]),
        (("--mix=0, .5",), [0, 1]),
    ):
        done("stylize", "walk.bvh", *cues, *options, "-o", "out.bvh")
        cue = Cue.of("one/calm", like=reference, weights=weights)
        write_motion(tiny.stylize(clip, cue, seed=4), "expected.bvh")
        assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes(), options


def test_several_references_are_mixed(clip_file: Path, tiny: Stylizer) -> None:
    write_motion(as_rig(walk(2.0).clip), "ref.bvh")
    done(
        "stylize",
        "walk.bvh",
        "--like",
        "ref.bvh",
        "--like",
        "walk.bvh",
        "-o",
        "out.bvh",
        "--bundle",
        tiny.bundle.path,
    )
    clip = read_motion(clip_file)
    write_motion(tiny.stylize(clip, like=[read_motion("ref.bvh"), clip]), "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()


@pytest.mark.parametrize("root", ["planted", "predicted", "copied", "keep"])
def test_the_root_mode_reaches_the_stylizer(clip_file: Path, tiny: Stylizer, root: Root) -> None:
    done(
        "stylize",
        "walk.bvh",
        "--style",
        "one/calm",
        "--root",
        root,
        "-o",
        "out.bvh",
        "--bundle",
        tiny.bundle.path,
    )
    write_motion(tiny.stylize(read_motion(clip_file), "one/calm", root=root), "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()


@pytest.fixture
def unsupervised(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_manifest: Manifest,
    tiny_graphs: dict[str, bytes],
) -> Stylizer:
    """Takes the place of what ships: one bundle, without named styles."""
    folder = tmp_path_factory.mktemp("released")
    write_bundle(
        folder / "unsupervised.kinestyle",
        replace(tiny_manifest, styles=(), prior="standard normal"),
        tiny_graphs,
    )
    monkeypatch.setattr("kinestyle.bundle.file._RELEASED", folder)
    return Stylizer.load("unsupervised")


def test_random_draws_a_style_from_the_unsupervised_bundle(
    clip_file: Path, unsupervised: Stylizer
) -> None:
    result = done_noisily("stylize", "walk.bvh", "--random", "--samples", "8", "-o", "out.bvh")
    names = [f"out_{i}.bvh" for i in range(1, 9)]
    assert result.stdout.splitlines() == names
    takes = contents()
    assert len(set(takes.values())) == 1 + 8
    clip = read_motion(clip_file)
    for seed in (0, 7):
        write_motion(
            unsupervised.stylize(clip, random=True, seed=seed),
            "expected.bvh",
        )
        assert takes[f"out_{seed + 1}.bvh"] == Path("expected.bvh").read_bytes()
    done(
        "stylize",
        "walk.bvh",
        "--random",
        "--seed",
        "3",
        "--bundle",
        "unsupervised",
        "-o",
        "again.bvh",
    )
    assert Path("again.bvh").read_bytes() == takes["out_4.bvh"]


def test_random_draws_from_the_styles_of_a_bundle_that_has_some(
    clip_file: Path, tiny: Stylizer
) -> None:
    done(
        "stylize",
        "walk.bvh",
        "--random",
        "--seed",
        "2",
        "--bundle",
        tiny.bundle.path,
        "-o",
        "out.bvh",
    )
    write_motion(tiny.stylize(read_motion(clip_file), random=True, seed=2), "expected.bvh")
    assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes()


def test_a_clip_unlike_all_that_was_learned_is_noted(
    monkeypatch: pytest.MonkeyPatch, clip_file: Path
) -> None:
    monkeypatch.setattr("kinestyle.runtime.out_of_domain.FAR", 0.1)
    result = kinestyle("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh")
    assert (result.exit_code, result.stdout) == (0, "out.bvh\n")
    assert result.stderr.startswith("kinestyle: note: walk is unlike what the model learned from")


def test_samples_are_takes_that_differ(clip_file: Path, tiny: Stylizer) -> None:
    options = ("--style", "proud", "--bundle", tiny.bundle.path)
    result = kinestyle(
        "stylize", "walk.bvh", *options, "--samples", "3", "--seed", "4", "-o", "take.bvh"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["take_1.bvh", "take_2.bvh", "take_3.bvh"]
    assert set(contents()) == {"walk.bvh", "take_1.bvh", "take_2.bvh", "take_3.bvh"}
    assert len({content for name, content in contents().items()}) == 4
    for number, seed in ((1, 4), (3, 6)):
        done("stylize", "walk.bvh", *options, "--seed", str(seed), "-o", "alone.bvh")
        assert Path("alone.bvh").read_bytes() == Path(f"take_{number}.bvh").read_bytes()


def test_an_existing_result_is_replaced(clip_file: Path, tiny_bundle: Path) -> None:
    Path("out.bvh").write_text("what was here before")
    done("stylize", "walk.bvh", "--style", "proud", "-o", "out.bvh", "--bundle", tiny_bundle)
    assert read_motion("out.bvh").frame_count == 151


def test_what_is_odd_about_a_clip_is_noted_on_stderr(clip_file: Path, tiny_bundle: Path) -> None:
    clip = read_motion(clip_file)
    write_motion(clip.with_motion(clip.local_position[:9], clip.local_rotation[:9]), "short.bvh")
    result = kinestyle(
        "stylize", "short.bvh", "--style", "proud", "-o", "out.bvh", "--bundle", tiny_bundle
    )
    assert (result.exit_code, result.stdout) == (0, "out.bvh\n")
    assert result.stderr.startswith(
        "kinestyle: note: short lasts 9 frames at 30 frames/s, too short"
    )


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "walk.bvh -o out.bvh",
            "neither style nor like nor random is given; name a style, a reference clip",
        ),
        (
            "walk.bvh --random --style old -o out.bvh",
            "random draws a style without any cue; leave out style, like",
        ),
        ("walk.bvh --random --like walk.bvh -o out.bvh", "random draws a style without any cue"),
        ("walk.bvh --random --mix 1 -o out.bvh", "random draws a style without any cue"),
        (
            "walk.bvh --style calm --style proud --mix much -o out.bvh",
            "--mix is 'much', expected a number for each --style",
        ),
        (
            "walk.bvh --style calm --style proud --mix 1,, -o out.bvh",
            "--mix is '1,,', expected a number",
        ),
        (
            "walk.bvh --style calm --style proud --mix 1 -o out.bvh",
            "1 weights given for 2 styles to mix",
        ),
        (
            "walk.bvh --style calm --like ref.bvh --mix 0,0 -o out.bvh",
            "the weights to mix by are 0, 0; they must be 0 or",
        ),
        ("walk.bvh --style calm --style furious -o out.bvh", "no style is called 'furious'"),
        ("walk.bvh --like walk.bvh --like ref.bvh -o ref.bvh", "ref.bvh is also an input"),
        ("walk.bvh --random --seed -1 -o out.bvh", "seed is -1, expected a whole number from 0"),
        (
            "walk.bvh --style furious -o out.bvh",
            "no style is called 'furious'; the bundle tiny.kinestyle knows Not-Tired, calm",
        ),
        (
            "walk.bvh --style proud --strength -1 -o out.bvh",
            "strength is -1.0, expected a number from 0",
        ),
        ("walk.bvh --style proud --root floating -o out.bvh", "root is 'floating', expected one"),
        ("walk.bvh --style proud --strength nan -o out.bvh", "strength is nan, expected a number"),
        (
            "walk.bvh --style proud -o out.usd",
            "out.usd has the suffix '.usd', expected a known motion format: .bvh",
        ),
        ("walk.bvh --style proud -o out", "out has the suffix '', expected"),
        ("nowhere.bvh --style proud -o out.bvh", "nowhere.bvh was not found"),
        ("walk.bvh --like nowhere.bvh -o out.bvh", "nowhere.bvh was not found"),
        (". --style proud -o out.bvh", "is a folder, expected a motion file"),
        ("text.txt --style proud -o out.bvh", "text.txt has the suffix '.txt'"),
        ("broken.bvh --style proud -o out.bvh", "broken.bvh, line 1"),
        (
            "walk.bvh --style proud -o nowhere/out.bvh",
            "the folder nowhere does not exist; create it first",
        ),
        (
            "walk.bvh --style proud -o folder.bvh",
            "folder.bvh cannot be written because it is a folder",
        ),
        ("walk.bvh --style proud -o walk.bvh", "walk.bvh is also an input; name another file"),
        ("walk.bvh --style proud -o ./folder.bvh/../walk.bvh", "is also an input"),
        ("walk.bvh --style proud -o linked.bvh", "linked.bvh is also an input"),
        ("walk.bvh --like ref.bvh -o ref.bvh", "ref.bvh is also an input"),
        ("prop.bvh --style proud -o out.bvh", "prop"),
    ],
)
def test_stylize_is_refused_with_a_sentence(
    clip_file: Path, tiny_bundle: Path, line: str, sentence: str
) -> None:
    Path("text.txt").write_text("not motion")
    Path("broken.bvh").write_text("HIERARHCY\n")
    Path("ref.bvh").write_bytes(clip_file.read_bytes())
    Path("linked.bvh").hardlink_to(clip_file)
    Path("folder.bvh").mkdir()
    Path("prop.bvh").write_text(
        "HIERARCHY\nROOT Box\n{\nOFFSET 0 0 0\nCHANNELS 3 Xrotation Yrotation Zrotation\nEnd "
        "Site\n{\nOFFSET 0 1 0\n}\n}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.1\n0 0 0\n1 1 1\n"
    )
    assert sentence in refused("stylize", *line.split(), "--bundle", tiny_bundle)


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


def test_a_bundle_that_is_none_is_refused(clip_file: Path) -> None:
    for command in (("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh"), ("styles",)):
        assert "nowhere.kinestyle was not found" in refused(
            *command, "--bundle", "nowhere.kinestyle"
        )
        assert "walk.bvh is not a whole Kinestyle bundle" in refused(
            *command, "--bundle", "walk.bvh"
        )


def test_samples_do_not_overwrite_an_input(clip_file: Path, tiny_bundle: Path) -> None:
    clip_file.rename("walk_2.bvh")
    options = ("--samples", "3", "--bundle", tiny_bundle)
    assert "walk_2.bvh is also an input" in refused(
        "stylize", "walk_2.bvh", "--style", "proud", "-o", "walk.bvh", *options
    )


def test_a_negative_seed_is_no_traceback(clip_file: Path, tiny_bundle: Path) -> None:
    result = kinestyle(
        "stylize",
        "walk.bvh",
        "--style",
        "proud",
        "--seed",
        "-1",
        "-o",
        "out.bvh",
        "--bundle",
        tiny_bundle,
    )
    assert result.exit_code in (0, 1, 2)


# ---------------------------------------------------------------- failing midway


def test_a_full_disk_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, clip_file: Path, tiny_bundle: Path
) -> None:
    Path("out.bvh").write_text("what was here before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    sentence = refused(
        "stylize", "walk.bvh", "--style", "proud", "-o", "out.bvh", "--bundle", tiny_bundle
    )
    assert sentence == "out.bvh cannot be written: No space left on device"


def test_a_failing_take_leaves_the_whole_ones(
    monkeypatch: pytest.MonkeyPatch, clip_file: Path, tiny_bundle: Path
) -> None:
    apply, calls = Stylizer.apply, []

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return apply(*arguments)

    monkeypatch.setattr(Stylizer, "apply", interrupted)
    options = ("--style", "proud", "--samples", "4", "--bundle", tiny_bundle)
    result = kinestyle("stylize", "walk.bvh", *options, "-o", "take.bvh")
    assert result.exit_code == 1
    assert "kinestyle: stopped; nothing half-written is left" in result.stderr
    assert set(contents()) == {"walk.bvh", "take_1.bvh", "take_2.bvh"}
    assert all(read_motion(name).frame_count == 151 for name in contents())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_while_it_writes_leaves_what_was_there(
    clip_file: Path, tiny_bundle: Path, number: signal.Signals
) -> None:
    Path("out.bvh").write_text("what was here before")
    # the worst moment: all is written, but not yet under its name
    program = (
        "import os, pathlib, time\n"
        f"def replace(*_): os.kill(os.getpid(), {int(number)}); time.sleep(5)\n"
        f"pathlib.Path.replace = replace\n{PROGRAM}"
    )
    killed = run(
        "stylize",
        "walk.bvh",
        "--style",
        "proud",
        "-o",
        "out.bvh",
        "--bundle",
        tiny_bundle,
        program=program,
    )
    assert Path("out.bvh").read_text() == "what was here before"
    assert {path.suffix for path in Path().iterdir()} <= {".bvh", ".tmp"}
    if number == signal.SIGINT:
        assert (killed.returncode, killed.stderr) == (
            1,
            "kinestyle: stopped; nothing half-written is left\n",
        )
        assert set(contents()) == {"walk.bvh", "out.bvh"}
    else:
        assert killed.returncode == -number


# ---------------------------------------------------------------- styles, inspect, render, train


def test_styles_are_listed_for_people(tiny_bundle: Path) -> None:
    lines = done("styles", "--bundle", tiny_bundle).stdout.splitlines()
    assert [line.split() for line in lines[1:-2]] == [
        ["Not-Tired", "5", "s"],
        ["calm", "90", "s"],
        ["one/calm", "30", "s"],
        ["proud", "3", "min"],
    ]
    assert lines[-1] == "tiny.kinestyle, free to use"


def test_a_bundle_without_named_styles_is_said_to_have_none(unsupervised: Stylizer) -> None:
    lines = done("styles", "--bundle", "unsupervised").stdout.splitlines()
    assert (
        lines[0]
        == "unsupervised has no named styles; it takes the style of a clip (--like) or draws one "
        "(--random)"
    )
    assert lines[-1] == "unsupervised.kinestyle, free to use"
    assert json.loads(done("styles", "--bundle", "unsupervised", "--json").stdout)["styles"] == []


def test_each_listed_name_is_a_style_of_its_own(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    names = [
        line.split()[0]
        for line in done("styles", "--bundle", tiny_bundle).stdout.splitlines()[1:-2]
    ]
    assert {bundle.style(name).name for name in names} == {style.name for style in bundle.styles}


def test_styles_are_listed_for_programs() -> None:
    found = json.loads(done("styles", "--json").stdout)
    bundle = Bundle.open()
    assert found["sha256"] == bundle.sha256
    assert [row["name"] for row in found["styles"]] == [style.name for style in bundle.styles]
    assert {row["name"] for row in found["styles"] if row["default"]} == {
        bundle.style(s.label).name for s in bundle.styles
    }
    assert all(set(row) == {"name", "label", "seconds", "default"} for row in found["styles"])


def test_inspect_for_people(clip_file: Path) -> None:
    lines = done("inspect", "walk.bvh").stdout.splitlines()
    assert lines[0] == "walk: 151 frames at 30 frames/s, 5.00 s"
    assert "53 joints" in lines[1]
    assert any(line.split()[:2] == ["left_upper_arm", "LeftArm"] for line in lines)
    assert any(line.startswith("without a role: ") and "Lantern" in line for line in lines)


def test_inspect_for_programs(clip_file: Path) -> None:
    found = json.loads(done("inspect", "--json", "walk.bvh").stdout)
    assert (found["frame_count"], found["joint_count"]) == (151, 53)
    assert found["frame_time_seconds"] == pytest.approx(1 / 30)
    assert found["joints"]["right_shin"]["joint"] == "RightLeg"
    assert found["metres_per_unit"] == pytest.approx(0.01, rel=0.1)
    assert found["missing"] == []
    assert "Lantern" in found["unmapped"]


def test_inspect_is_refused_with_a_sentence(clip_file: Path) -> None:
    assert "nowhere.bvh was not found" in refused("inspect", "nowhere.bvh")
    assert "has the suffix '.kinestyle'" in refused("inspect", Bundle.open().path)


def test_render_draws_a_picture(clip_file: Path, pillow: Any) -> None:
    assert (
        done(
            "render", "walk.bvh", "walk.bvh", "-o", "sheet.png", "--columns", "3", "--width", "400"
        ).stdout
        == "sheet.png\n"
    )
    with pillow.open("sheet.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 400


@pytest.mark.usefixtures("pillow")
def test_render_is_refused_with_a_sentence(clip_file: Path) -> None:
    assert "nowhere.bvh was not found" in refused(
        "render", "walk.bvh", "nowhere.bvh", "-o", "sheet.png"
    )
    small = ("--columns", "1", "--width", "200")
    assert "the folder nowhere does not exist" in refused(
        "render", "walk.bvh", "-o", "nowhere/sheet.png", *small
    )


@pytest.mark.usefixtures("pillow")
def test_render_does_not_overwrite_its_input(clip_file: Path) -> None:
    assert "walk.bvh" in refused(
        "render", "walk.bvh", "-o", "walk.bvh", "--columns", "1", "--width", "200"
    )


def test_render_makes_a_film(clip_file: Path, pillow: Any) -> None:
    options = (
        "--size",
        "120x96",
        "--fps",
        "5",
        "--from",
        "1",
        "--seconds",
        "2",
        "--labels",
        "one, two",
        "--overlay",
    )
    assert (
        done("render", "walk.bvh", "walk.bvh", "-o", "film.webp", *options).stdout == "film.webp\n"
    )
    with pillow.open("film.webp") as film:
        assert (film.format, film.size, film.n_frames) == ("WEBP", (120, 96), 11)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "-o film.avi",
            "film.avi has the suffix '.avi', expected .png for a contact sheet, .mp4, .gif, .webp "
            "for a film",
        ),
        ("-o film.webp --labels a,b", "--labels has 2 names for 1 clips, expected one for each"),
        ("-o film.webp --size 20x20", "20 pixels in width"),
        ("-o film.webp --from 9", "start at 9 s, expected a time within the clips, 0 to 5.00 s"),
        ("-o film.webp --fps 100 --size 3000x3000", "film.webp would have 501 pictures"),
        ("-o nowhere/film.webp --size 120x96", "the folder nowhere does not exist"),
    ],
)
@pytest.mark.usefixtures("pillow")
def test_a_film_is_refused_with_a_sentence(clip_file: Path, line: str, sentence: str) -> None:
    assert sentence in refused("render", "walk.bvh", *line.split())


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("-o film.webp --width 400", "--width mean nothing for a film, .webp."),
        ("-o sheet.png --fps 12 --overlay", "--fps and --overlay mean nothing for a contact sheet"),
        ("-o page.html --columns 2", "--columns mean nothing for a page, .html."),
        ("-o film.webp --size large", "'large' is no size in pixels"),
        ("-o film.webp --to 2 --seconds 1", "--seconds and --to both say where the film ends"),
    ],
)
@pytest.mark.usefixtures("pillow")
def test_options_that_cannot_be_meant_are_usage_errors(
    clip_file: Path, line: str, sentence: str
) -> None:
    result = kinestyle("render", "walk.bvh", *line.split())
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.usefixtures("pillow")
def test_what_is_no_body_is_drawn_as_bones_with_a_note() -> None:
    Path("stick.bvh").write_text(
        "HIERARCHY\nROOT base\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd "
        "Site\n{\nOFFSET 0 5 0\n}\n}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.1\n0 0 0\n90 0 0\n"
    )
    result = kinestyle("render", "stick.bvh", "-o", "film.webp", "--size", "120x96")
    assert (result.exit_code, result.stdout) == (0, "film.webp\n")
    assert "stick is drawn as plain bones: " in result.stderr


def test_train_without_data_is_refused_with_a_sentence() -> None:
    pytest.importorskip("torch")
    Path("data").mkdir()
    result = kinestyle("train", "--data", "data", "--run", "run", "--steps", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "reading motion under data",
        f"kinestyle: data holds no motion file; expected files of these kinds, in any folders: "
        f"{', '.join(FORMATS)}",
    ]
    assert contents() == {}
    sentence = refused("train", "--data", "data", "--run", "run", "--stage", "dreaming")
    assert sentence.startswith(
        "no stage is called 'dreaming'; the stages are corpus, autoencoder, "
    )


def test_columns_without_room_are_no_traceback(clip_file: Path) -> None:
    before = contents()
    assert kinestyle(
        "render", "walk.bvh", "-o", "sheet.png", "--columns", "64", "--width", "200"
    ).exit_code in (1, 2)
    assert contents() == before


def test_evaluate_without_data_is_refused_with_a_sentence() -> None:
    Path("data").mkdir()
    sentence = (
        "no clip of the test split is under data/bandai; unpack the Bandai-Namco archives there"
    )
    assert refused("evaluate", "--data", "data") == sentence


def _choose(data_dir: Path, *names: str) -> None:
    """Lay the last clip of each name into the folder `data`."""
    for name in names:
        found = max((data_dir / "bandai").glob(f"*/data/{name}*.bvh"))
        place = Path("data") / "bandai" / name.split("_")[0] / "data"
        place.mkdir(parents=True, exist_ok=True)
        (place / found.name).symlink_to(found)


def test_evaluate_examines_real_test_clips(data_dir: Path) -> None:
    pytest.importorskip("matplotlib", reason="the page's figures need the train extra")
    _choose(
        data_dir,
        "dataset-1_walk_old_002",
        "dataset-1_walk_giant_002",
        "dataset-2_walk_elderly_",
        "dataset-2_walk_active_",
    )
    (Path("data") / "wild").mkdir()
    (Path("data") / "wild" / "zombie.bvh").symlink_to(data_dir / "wild" / "zombie.bvh")
    options = ["--quick", "--part", "p1", "--part", "p2", "--part", "p4", "--processes", "1"]
    result = done_noisily(
        "evaluate", "--data", "data", *options, "--json", "figures.json", "--results", "page.md"
    )
    figures = json.loads(Path("figures.json").read_text())
    assert [
        {name: real["clips"] for name, real in judge["real"].items()} for judge in figures["judges"]
    ] == 2 * [{"bandai1": 2, "bandai2": 2}]
    assert [(found["contents"], found["styles"]) for found in figures["protocols"]] == [
        ("bandai2", "bandai2"),
        ("bandai2", "bandai1"),
        ("bandai1", "bandai1"),
    ]
    assert all(row["outputs"] == 2 for found in figures["protocols"] for row in found["rows"])
    assert figures["about"]["bundle"]["sha256"] == Bundle.open().sha256
    page = Path("page.md").read_text()
    assert (
        "`kinestyle evaluate --data DATA --json figures.json --results page.md --part p1 --part "
        "p2 --part p4 --quick" in page
    )
    assert result.stdout.strip() in page


def test_evaluate_compares_bundles_on_the_same_clips(data_dir: Path) -> None:
    _choose(data_dir, "dataset-2_walk_elderly_", "dataset-2_walk_active_")
    shutil.copy(Bundle.open().path, "other.kinestyle")
    table = done_noisily(
        "evaluate", "--data", "data", "--against", "other.kinestyle", "--processes", "1"
    ).stdout.splitlines()
    assert [line.split(" | ")[:3] for line in table[2:6]] == [
        [f"| {bundle}", mode, "2"]
        for bundle in ("the one that ships", "other")
        for mode in ("label", "reference")
    ]
    assert [line.split(" | ")[3:] for line in table[2:4]] == [
        line.split(" | ")[3:] for line in table[4:6]
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--part", "p3"), "p3 needs a bundle that never saw set 1; name it with --zero-shot"),
        (
            ("--json", "nowhere/out.json"),
            "out.json cannot be written: there is no folder nowhere; create it first",
        ),
        (
            ("--against", "x", "--results", "x.md"),
            "a comparison (--against) makes no page of results; leave out --results",
        ),
    ],
)
def test_evaluate_refuses_what_cannot_be(
    data_dir: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert refused("evaluate", "--data", data_dir, *options) == sentence


def test_train_without_torch_says_what_to_install() -> None:
    without = f"import sys; sys.modules['torch'] = None; {PROGRAM}"
    failed = run("train", "--data", "data", "--run", "run", program=without)
    assert failed.returncode == 1
    assert failed.stderr.startswith("kinestyle: training needs ")
    assert failed.stderr.endswith(" which is not installed; pip install 'kinestyle[train]'\n")


# ---------------------------------------------------------------- as a program


def test_the_program_restyles(clip_file: Path) -> None:
    finished = run("stylize", "walk.bvh", "--style", "elderly", "-o", "out.bvh")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "out.bvh\n", "")
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
    assert "0 changes nothing, 1 is the style, more exaggerates." in " ".join(
        done("stylize", "-h").stdout.split()
    )
