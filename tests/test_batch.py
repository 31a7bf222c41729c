"""Many clips in many styles: what a folder of results holds, however a run ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import kinestyle as kinestyle_package
from command_line import PROGRAM, contents, kinestyle, refused
from kinestyle.batch.clips import find_clips
from kinestyle.batch.making import became_of
from kinestyle.batch.manifest import Outcome, open_manifest, read_manifest
from kinestyle.batch.order import Order, cues_of, plan, shard_of, tags_of
from kinestyle.batch.places import open_results
from kinestyle.batch.run import Tally, stylize_all
from kinestyle.errors import KinestyleError, MissingExtraError, MotionFileError, StyleError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk

pytestmark = pytest.mark.usefixtures("here")

BROKEN = "HIERARCHY\n"


def make_clips(folder: Path, count: int, seconds: float = 1.0) -> list[Path]:
    """Walks of one rig, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clip_{i:02}.bvh" for i in range(count)]
    for i, path in enumerate(paths):
        write_motion(as_rig(walk(seconds + 0.02 * i, start_heading=0.1 * i).clip), path)
    return paths


def words(tiny_bundle: Path, *more: Any) -> list[str]:
    return [
        *("stylize", "clips", "--style", "proud", "--style", "one/calm"),
        *("--bundle", str(tiny_bundle), "-o", "out/", *map(str, more)),
    ]


def started(line: list[str]) -> subprocess.Popen[bytes]:
    package = str(Path(kinestyle_package.__file__).absolute().parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *line],
        env=os.environ | {"PYTHONPATH": package},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def lines(path: str = "out/manifest.jsonl") -> list[dict[str, Any]]:
    """Of a manifest, those that are whole."""
    found = []
    for line in Path(path).read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def results(folder: str = "out") -> dict[str, bytes]:
    return {
        name.removeprefix(f"{folder}/"): data
        for name, data in contents().items()
        if name.startswith(f"{folder}/") and name.endswith(".bvh")
    }


# ---------------------------------------------------------------- what is made


def test_every_clip_is_made_in_every_style_as_one_clip_alone_would_be(tiny_bundle: Path) -> None:
    first, *_ = make_clips(Path("clips"), 2)
    make_clips(Path("clips/deeper"), 1)
    said = kinestyle(*words(tiny_bundle, "--jobs", 2, "--strength", 0.5, "--samples", 2))
    assert (said.exit_code, said.stdout) == (0, "out/manifest.jsonl\n")
    assert said.stderr.startswith("kinestyle: 12 made, in ")
    assert set(results()) == {
        f"{clip}_{style}_s0.5_v{seed}.bvh"
        for clip in ("clip_00", "clip_01", "deeper/clip_00")
        for style in ("proud", "one-calm")
        for seed in (0, 1)
    }
    alone = ("--style", "one/calm", "--strength", "0.5", "--seed", "1", "-o", "alone.bvh")
    assert kinestyle("stylize", first, *alone, "--bundle", tiny_bundle).exit_code == 0
    assert Path("alone.bvh").read_bytes() == results()["clip_00_one-calm_s0.5_v1.bvh"]
    for line in lines():
        assert line["state"] == "made"
        assert line["files"] == [line["out"]]
        assert line["size"] == len(results()[line["out"]])
        assert (line["strength"], line["frames"] > 25) == (0.5, True)
        assert line["out"].endswith(f"_{line['style']}_s0.5_v{line['variation']}.bvh")


def test_with_shares_the_styles_are_mixed_and_in_one_file_always(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 1)
    assert kinestyle(*words(tiny_bundle, "--mix", "3,1")).exit_code == 0
    assert set(results()) == {"clip_00_proud3+one-calm1_s1_v0.bvh"}
    mixed = ("--style", "proud", "--style", "one/calm", "--mix", "3,1", "--bundle", tiny_bundle)
    assert kinestyle("stylize", "clips/clip_00.bvh", *mixed, "-o", "alone.bvh").exit_code == 0
    assert Path("alone.bvh").read_bytes() == results()["clip_00_proud3+one-calm1_s1_v0.bvh"]


def test_a_reference_gives_results_of_its_own(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 1)
    make_clips(Path("refs"), 1, 2.0)[0].rename("refs/zombie.bvh")
    assert kinestyle(*words(tiny_bundle, "--like", "refs/zombie.bvh")).exit_code == 0
    names = {"proud", "one-calm", "like-zombie"}
    assert set(results()) == {f"clip_00_{name}_s1_v0.bvh" for name in names}


def test_files_folders_and_patterns_are_found(clip_file: Path) -> None:
    for name in ("a/one.bvh", "a/b/two.bvh", "a/b/note.txt", "out/done.bvh"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(BROKEN)
    names = lambda *places: [clip.name for clip in find_clips(places, "out")[0]]  # noqa: E731
    assert names("a") == ["b/two.bvh", "one.bvh"]
    assert names("a/**/*") == ["b/two.bvh", "one.bvh"]
    assert names(str(Path("a/*.bvh").absolute())) == ["one.bvh"]
    assert names("a/one.bvh", "a/b/two.bvh", "a/one.bvh") == ["b/two.bvh", "one.bvh"]
    assert find_clips(["."], "out")[1] == 1
    with pytest.raises(MotionFileError, match="all motion files in out lie in out"):
        names("out")
    with pytest.raises(MotionFileError, match=r"there is no motion file in a/\*\.fbx"):
        names("a/*.fbx")


def test_no_two_results_have_one_place(clip_file: Path) -> None:
    for name in ("walk.bvh", "walk.glb", "walk.amc"):
        Path("clips").mkdir(exist_ok=True)
        Path("clips", name).write_text(BROKEN)
    order = Order(cues_of(["old", "own/old", "a/old.style"]))
    assert tags_of(order) == ("old", "own-old", "old-2")
    clips, _ = find_clips(["clips"], "out")
    for one in (order, Order(order.cues, suffix=".fbx")):
        places = [result.out for work in plan(one, clips, ["", "", ""]) for result in work.results]
        assert len(set(places)) == len(places) == 9
    assert "walk-amc_old_s1_v0.fbx" in places


# ---------------------------------------------------------------- what is not made


def test_a_bad_clip_stops_nothing_and_the_exit_code_tells(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 2)
    Path("clips/broken.bvh").write_text(BROKEN)
    said = kinestyle(*words(tiny_bundle, "--jobs", 1))
    assert said.exit_code == 3
    first, last = said.stderr.splitlines()
    assert first.startswith("kinestyle: broken.bvh: broken.bvh, line 2")
    assert last.startswith("kinestyle: 4 made, 2 refused, in ")
    assert len(results()) == 4
    bad = [line for line in lines() if line["state"] == "refused"]
    assert {line["clip"] for line in bad} == {"broken.bvh"}
    assert all("line 2" in line["why"] for line in bad)
    # it would be refused again
    again = kinestyle(*words(tiny_bundle))
    assert again.exit_code == 3
    assert again.stderr.startswith("kinestyle: 0 made, 4 there already, 2 refused, in ")
    # until it is another clip
    write_motion(as_rig(walk(1.5).clip), "clips/broken.bvh")
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 2 made, 4 there already")
    assert len(results()) == 6


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("clips --style furious -o out/", 1, "no style is called 'furious'"),
        ("clips --style proud -o out.bvh", 1, "is a folder, expected a motion file"),
        ("nowhere/ --style proud -o out/ --shard 3/2", 1, "shard is '3/2', expected the part"),
        ("clips/*.fbx --style proud -o out/", 1, "there is no motion file in clips/*.fbx"),
        ("clips/clip_00.bvh --style proud -o x.bvh --jobs 2", 2, "--jobs is for folders"),
        ("clips --style proud -o out/ --overwrite --no-clobber", 2, "choose one"),
        ("clips --style proud -o out/ --format .amc", 1, "which is read but not written"),
        ("clips -o out/", 1, "neither style nor like nor random is given"),
    ],
)
def test_what_concerns_all_clips_is_refused_at_once(
    tiny_bundle: Path, line: str, code: int, sentence: str
) -> None:
    make_clips(Path("clips"), 1)
    before = contents()
    said = kinestyle("stylize", *line.split(), "--bundle", tiny_bundle)
    assert (said.exit_code, contents()) == (code, before)
    assert sentence in said.stderr


def test_results_that_are_there_are_left_or_made_again(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 1)
    Path("out").mkdir()
    Path("out/clip_00_proud_s1_v0.bvh").write_text("mine")
    said = kinestyle(*words(tiny_bundle, "--no-clobber"))
    assert (said.exit_code, said.stderr.split(", in ")[0]) == (
        0,
        "kinestyle: 1 made, 1 left as they were",
    )
    assert Path("out/clip_00_proud_s1_v0.bvh").read_text() == "mine"
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 1 made, 1 there already")
    assert Path("out/clip_00_proud_s1_v0.bvh").read_text() != "mine"
    assert kinestyle(*words(tiny_bundle, "--overwrite")).stderr.startswith("kinestyle: 2 made, in")


def test_only_what_differs_is_made_again(tiny_bundle: Path) -> None:
    clips = make_clips(Path("clips"), 2)
    assert kinestyle(*words(tiny_bundle)).exit_code == 0
    before = results()
    Path("out/clip_00_proud_s1_v0.bvh").write_text("cut off")
    Path("out/clip_01_proud_s1_v0.bvh").unlink()
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 2 made, 2 there already")
    assert results() == before
    write_motion(as_rig(walk(2.0).clip), clips[0])
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 2 made, 2 there already")
    assert kinestyle(*words(tiny_bundle, "--root", "keep")).stderr.startswith("kinestyle: 4 made")
    assert len(results()) == 4


# ---------------------------------------------------------------- parts of a run


def test_parts_make_all_together_and_a_whole_run_goes_on_after_them(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 3)
    for part in (1, 2):
        assert kinestyle(*words(tiny_bundle, "--shard", f"{part}/2")).exit_code == 0
    assert len(results()) == 6
    made = [*lines("out/manifest.1-of-2.jsonl"), *lines("out/manifest.2-of-2.jsonl")]
    assert sorted(line["out"] for line in made) == sorted(results())
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 0 made, 6 there already")


def test_a_shard_is_a_part_of_how_many() -> None:
    assert shard_of(" 2/8 ") == (2, 8)
    for wrong in ("0/2", "3/2", "2", "1/0", "a/b", ""):
        with pytest.raises(StyleError, match="expected the part and how many there are"):
            shard_of(wrong)


def test_one_process_at_a_time_writes_into_a_folder(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 1)
    with open_manifest(open_results("out")):
        assert "another process is writing results into out" in refused(*words(tiny_bundle))
    assert kinestyle(*words(tiny_bundle)).exit_code == 0


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    outcome = Outcome("a.bvh", "old", 1.0, 0, "a.bvh", "key", "made", notes=("é",), size=3)
    with open_manifest(open_results(str(tmp_path))) as manifest:
        manifest.add(outcome)
    path = tmp_path / "manifest.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    with open_manifest(open_results(str(tmp_path))) as manifest:
        assert manifest.lines == {"a.bvh": outcome}
        manifest.add(outcome)
    assert read_manifest(path) == {"a.bvh": outcome}
    assert path.read_bytes() == whole + whole[:40] + b"\n" + whole


# ---------------------------------------------------------------- killed


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals as POSIX has them")
def test_a_run_that_is_killed_five_times_makes_every_result_once(tiny_bundle: Path) -> None:
    """Whenever it is killed, at most the clips that were at work are made again."""
    jobs, clips = 2, 24
    make_clips(Path("clips/a"), clips // 2)
    make_clips(Path("clips/b"), clips // 2)
    chance, total = random.Random(5), 2 * clips
    for kill in range(5):
        running = started(words(tiny_bundle, "--jobs", jobs))
        wanted = (kill + 1) * total // 7
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and running.poll() is None:
            if Path("out/manifest.jsonl").exists() and len(lines()) >= wanted:
                break
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.05))
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        for name in {line["out"] for line in lines()}:
            assert read_motion(Path("out") / name).frame_count > 25
    before = {line["out"] for line in lines()}
    assert len(before) >= 5 * total // 7 - 2 * jobs
    last = kinestyle(*words(tiny_bundle, "--jobs", jobs))
    assert last.exit_code == 0
    made = [line["out"] for line in lines()]
    assert len(made) == len(set(made)) == total
    assert set(made) == set(results())
    assert not [name for name in contents() if name.endswith(".tmp")]
    once = stylize_all(
        ["clips"],
        Order(cues_of(["proud", "one/calm"]), bundle=str(tiny_bundle)),
        Path("once"),
    )
    assert once.made == total
    assert results("once") == results()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find a process")
def test_a_process_that_is_killed_costs_nothing(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 8)
    running = started(words(tiny_bundle, "--jobs", 2))
    killed: set[str] = set()
    begun: set[str] = set()
    while running.poll() is None and len(killed) < 2:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        every = Path(f"/proc/{running.pid}/task").glob("*/children")
        found = {
            pid for path in (children, *every) if path.exists() for pid in path.read_text().split()
        }
        made = [line["clip"] for line in lines()] if Path("out/manifest.jsonl").exists() else []
        done = {clip for clip in made if made.count(clip) == 2}
        # the second once what the first may have been making is there: a clip that ends two is bad
        if found - killed and made and begun <= done:
            pid = (found - killed).pop()
            os.kill(int(pid), signal.SIGKILL)
            killed.add(pid)
            begun = {f"clip_{i:02}.bvh" for i in range(len(done) + 3)}
        time.sleep(0.01)
    output, errors = running.communicate()
    assert killed
    assert (running.returncode, output) == (0, b"out/manifest.jsonl\n"), errors
    assert len(results()) == 16
    assert len({line["out"] for line in lines()}) == len(lines()) == 16


def test_a_clip_that_ends_its_process_is_given_up_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, tmp_path: Path
) -> None:
    make_clips(Path("clips"), 2)
    # what every process imports first: a clip of this name crashes it
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text(
        "import os, sys\n"
        "def seen(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('clips/clip_00.bvh'):\n"
        "        if any('batch' in str(word) for word in sys.orig_argv): os._exit(7)\n"
        "sys.addaudithook(seen)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(Path("site").absolute()))
    tally = stylize_all(
        ["clips"],
        Order(cues_of(["proud"]), bundle=str(tiny_bundle)),
        Path("out"),
        jobs=1,
    )
    assert (tally.made, tally.failed, tally.missing) == (1, 1, 1)
    (failed,) = [line for line in lines() if line["state"] == "failed"]
    assert failed["why"] == "the process that made it ended (exit code 7), 2 times"
    monkeypatch.delenv("PYTHONPATH")
    # what failed is tried again
    assert kinestyle(*words(tiny_bundle)).stderr.startswith("kinestyle: 3 made, 1 there already")


def test_ctrl_c_ends_the_processes_and_the_same_command_goes_on(tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 12)
    running = started(words(tiny_bundle, "--jobs", 2))
    while running.poll() is None:
        if Path("out/manifest.jsonl").exists() and len(lines()) >= 2:
            break
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 1
    assert errors.decode().endswith("kinestyle: stopped; nothing half-written is left\n")
    assert 2 <= len(lines()) < 24
    assert kinestyle(*words(tiny_bundle)).exit_code == 0
    assert len(results()) == len(lines()) == 24


def test_all_that_can_be_said_reaches_the_processes(walk_clip: Clip, tiny_bundle: Path) -> None:
    """A rig, a curve, a style file in a relative folder, parts, and a format that is read only."""
    Path("clips").mkdir()
    write_motion(walk_clip, "clips/walk.bvh")
    learned = ("learn", "clips/walk.bvh", "-o", "mine.style", "--bundle", tiny_bundle)
    assert kinestyle(*learned).exit_code == 0
    assert kinestyle("map", "clips/walk.bvh", "-o", "rig.json").exit_code == 0
    said = ["--rig", "rig.json", "--strength", "0:0,1:1", "--parts", "upper"]
    said += ["--style", "mine.style@arms", "--format", "glb", "--jobs", "1"]
    assert kinestyle(*words(tiny_bundle, *said)).exit_code == 0
    names = sorted(path.name for path in Path("out").glob("*.glb"))
    assert [name.split("_")[1] for name in names] == ["mine@arms", "one-calm", "proud"]
    alone = ("--style", "mine.style@arms", "--bundle", tiny_bundle, "-o", "alone.glb", *said[:6])
    assert kinestyle("stylize", "clips/walk.bvh", *alone).exit_code == 0
    # the file's own name may stand in it
    assert len(Path("alone.glb").read_bytes()) == len(Path("out", names[0]).read_bytes())


# ---------------------------------------------------------------- how far it is


def test_the_time_that_is_left_follows_from_what_was_done() -> None:
    tally = Tally(wanted=100, before=40)
    assert tally.seconds_left is None
    tally.refused = 10  # known from another run
    tally.begin()
    assert tally.seconds_left is None
    tally.began -= 30.0
    tally.made = 20
    assert tally.seconds_left == pytest.approx(45.0, rel=0.01)
    assert (tally.done, tally.missing) == (70, 40)


def test_python_takes_what_the_command_line_takes(tiny: Stylizer, tiny_bundle: Path) -> None:
    make_clips(Path("clips"), 1)
    order = Order(cues_of(["proud"]), Settings(strength=0.4), bundle=str(tiny_bundle))
    seen: list[str] = []
    tally = stylize_all(
        ["clips/clip_00.bvh"],
        order,
        Path("out"),
        jobs=1,
        report=lambda tally, outcome: seen.append("" if outcome is None else outcome.state),
    )
    assert (tally.made, seen) == (1, ["", "made"])
    clip = read_motion("clips/clip_00.bvh")
    write_motion(tiny.stylize(clip, "proud", strength=0.4), "expected.bvh")
    (made,) = results().values()
    assert made == Path("expected.bvh").read_bytes()
    with pytest.raises(KinestyleError, match="name a folder, such as out"):
        stylize_all(["clips"], order, Path("out.bvh"))


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (MotionFileError("it is no motion"), "refused"),
        (StyleError("there is no such part"), "refused"),
        (MissingExtraError("reading FBX needs ufbx"), "failed"),
        (MemoryError(), "failed"),
        (OSError(28, "No space left on device"), "failed"),
        (ValueError("oops"), "failed"),
    ],
)
def test_what_another_try_may_make_has_failed_and_the_rest_is_refused(
    error: Exception, state: str
) -> None:
    found, why = became_of(error)
    assert found == state
    assert why
    assert "\n" not in why
