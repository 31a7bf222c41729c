"""`kinestyle stylize`: what it writes and says, what it refuses, and what a failure leaves."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import PROGRAM, contents, done, done_noisily, kinestyle, refused, run, values
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Root
from kinestyle.runtime.stylizer import Stylizer
from long_motion import EXAMPLES
from made_rigs import as_rig, walk

pytestmark = pytest.mark.usefixtures("here")


def test_stylize_as_people_type_it(clip_file: Path) -> None:
    result = done_noisily("stylize", "walk.bvh", "--style", "old", "-o", "out.bvh")
    assert result.stdout == "out.bvh\n"
    expected = Stylizer.load().stylize(read_motion(clip_file), "old")
    (note,) = expected.warnings
    assert result.stderr == f"kinestyle: note: {note}\n"
    assert "from the clip's end" in note
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
    made = "stylize", "walk.bvh", "--like", "ref.bvh", "-o", "out.bvh"
    done_noisily(*made, "--bundle", tiny.bundle.path)
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
        done_noisily("stylize", "walk.bvh", *cues, *options, "-o", "out.bvh")
        cue = Cue.of("one/calm", like=reference, weights=weights)
        write_motion(tiny.stylize(clip, cue, seed=4), "expected.bvh")
        assert Path("out.bvh").read_bytes() == Path("expected.bvh").read_bytes(), options


def test_several_references_are_mixed(clip_file: Path, tiny: Stylizer) -> None:
    write_motion(as_rig(walk(2.0).clip), "ref.bvh")
    done_noisily(
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


@pytest.mark.parametrize("root", ["auto", "planted", "predicted", "copied", "keep"])
def test_the_root_mode_reaches_the_stylizer(clip_file: Path, tiny: Stylizer, root: Root) -> None:
    done_noisily(
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


def seeds_of_takes(stderr: str) -> list[int]:
    """The seeds that `--samples` says it took."""
    said = re.search(r"the takes have the seeds ([\d, ]+);", stderr)
    assert said is not None, stderr
    return [int(seed) for seed in said[1].split(",")]


def test_random_draws_a_style_from_the_unsupervised_bundle(
    clip_file: Path, unsupervised: Stylizer
) -> None:
    result = done_noisily("stylize", "walk.bvh", "--random", "--samples", "8", "-o", "out.bvh")
    names = [f"out_{i}.bvh" for i in range(1, 9)]
    assert result.stdout.splitlines() == names
    found = contents()
    assert len(set(found.values())) == 1 + 8
    clip = read_motion(clip_file)
    seeds = seeds_of_takes(result.stderr)
    for number in (1, 8):
        write_motion(
            unsupervised.stylize(clip, random=True, seed=seeds[number - 1]),
            "expected.bvh",
        )
        assert found[f"out_{number}.bvh"] == Path("expected.bvh").read_bytes()
    done(
        "stylize",
        "walk.bvh",
        "--random",
        "--seed",
        str(seeds[3]),
        "--bundle",
        "unsupervised",
        "-o",
        "again.bvh",
    )
    assert Path("again.bvh").read_bytes() == found["out_4.bvh"]


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


def test_samples_are_variations_that_differ(clip_file: Path, tiny: Stylizer) -> None:
    options = ("--style", "proud", "--bundle", tiny.bundle.path)
    result = kinestyle(
        "stylize", "walk.bvh", *options, "--samples", "3", "--seed", "4", "-o", "some.bvh"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["some_1.bvh", "some_2.bvh", "some_3.bvh"]
    assert set(contents()) == {"walk.bvh", "some_1.bvh", "some_2.bvh", "some_3.bvh"}
    assert len({content for name, content in contents().items()}) == 4
    seeds = seeds_of_takes(result.stderr)
    assert seeds[0] == 4
    for number, seed in enumerate(seeds, 1):
        done("stylize", "walk.bvh", *options, "--seed", str(seed), "-o", "alone.bvh")
        assert Path("alone.bvh").read_bytes() == Path(f"some_{number}.bvh").read_bytes()


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


def test_a_failing_variation_leaves_the_whole_ones(
    monkeypatch: pytest.MonkeyPatch, clip_file: Path, tiny_bundle: Path
) -> None:
    apply, calls = Stylizer.apply, []

    def interrupted(*arguments: Any, **more: Any) -> Any:
        if arguments[1].clip.frame_count == 151:  # takes are chosen by some seconds of it
            calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return apply(*arguments, **more)

    monkeypatch.setattr(Stylizer, "apply", interrupted)
    options = ("--style", "proud", "--samples", "4", "--bundle", tiny_bundle)
    result = kinestyle("stylize", "walk.bvh", *options, "-o", "some.bvh")
    assert result.exit_code == 1
    assert "kinestyle: stopped; nothing half-written is left" in result.stderr
    assert set(contents()) == {"walk.bvh", "some_1.bvh", "some_2.bvh"}
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


@pytest.mark.usefixtures("here")
def test_it_is_told_how_many_frames_a_style_takes() -> None:
    wave = EXAMPLES / "wave.bvh"
    before = len(values(wave))
    words = ("stylize", wave, "--style", "elderly")
    result = done_noisily(*words, "--timing", "style", "-o", "out.bvh")
    after = len(values("out.bvh"))
    assert after > 1.2 * before
    assert f"kinestyle: note: wave has {after} frames instead of {before}" in result.stderr
    fit = done_noisily(*words, "--timing", "fit", "-o", "fit.bvh")
    assert len(values("fit.bvh")) == before
    assert f"it still has {before} frames" in fit.stderr
    done_noisily(*words, "-o", "plain.bvh")
    done_noisily(*words, "--timing", "keep", "-o", "kept.bvh")
    assert Path("plain.bvh").read_bytes() == Path("kept.bvh").read_bytes()
    assert "timing is 'soon', expected one of keep, style, fit" in refused(
        *words, "--timing", "soon", "-o", "no.bvh"
    )
