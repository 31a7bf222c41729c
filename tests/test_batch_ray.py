"""Many clips on a Ray cluster of two workers, one of which dies, and at URLs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from command_line import PROGRAM, contents, kinestyle, run
from kinestyle.batch.manifest import Outcome
from kinestyle.batch.order import Order, cues_of
from kinestyle.batch.places import open_results
from kinestyle.batch.run import Tally, stylize_all
from kinestyle.errors import MotionFileError
from kinestyle.formats.table import write_motion
from made_rigs import as_rig, walk

pytestmark = pytest.mark.usefixtures("here")

ORDER = Order(cues_of(["proud", "old"]))


def make_clips(count: int) -> None:
    Path("clips").mkdir()
    for i in range(count):
        write_motion(as_rig(walk(1.0 + 0.1 * i).clip), f"clips/clip_{i:02}.bvh")


def results(folder: str) -> dict[str, bytes]:
    return {
        name.removeprefix(f"{folder}/"): data
        for name, data in contents().items()
        if name.startswith(f"{folder}/") and name.endswith(".bvh")
    }


def ray_workers(folder: Path) -> list[int]:
    """The processes of Ray that are at work for who works in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at_work = (process / "cmdline").read_bytes().startswith(b"ray::_make")
            if at_work and (process / "cwd").resolve() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc to find a process")
def test_on_two_workers_of_which_one_is_killed_every_result_is_made_once(here: Path) -> None:
    pytest.importorskip("ray", reason="a cluster needs the ray extra")
    make_clips(8)
    killed: list[int] = []

    def kill_one(tally: Tally, outcome: Outcome | None) -> None:
        if outcome is not None and not killed:
            killed.extend(ray_workers(here.resolve())[:1])
            for process in killed:
                os.kill(process, signal.SIGKILL)

    tally = stylize_all(["clips"], ORDER, "out", ray="local", jobs=2, report=kill_one)
    assert killed
    assert (tally.made, tally.missing) == (16, 0)
    lines = Path("out/manifest.jsonl").read_text().splitlines()
    assert len(lines) == len(results("out")) == 16
    assert stylize_all(["clips"], ORDER, "once").made == 16
    assert results("once") == results("out")
    # and goes on as any run does
    assert stylize_all(["clips"], ORDER, "out", ray="local").before == 16


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said() -> None:
    pytest.importorskip("ray", reason="a cluster needs the ray extra")
    make_clips(1)
    words = ("stylize", "clips", "--style", "old", "-o", "out/", "--ray", "auto")
    said = kinestyle(*words)
    assert said.exit_code == 1
    assert "there is no Ray cluster at auto" in said.stderr


def test_the_extra_is_named_where_it_is_missing() -> None:
    make_clips(1)
    without = f"import sys; sys.modules['ray'] = sys.modules['fsspec'] = None; {PROGRAM}"
    words = ("stylize", "clips", "--style", "old", "-o")
    for more, what in (
        (("out/", "--ray", "auto"), "a Ray cluster needs ray"),
        (("file:///nowhere",), "a URL needs fsspec"),
    ):
        said = run(*words, *more, program=without)
        assert said.returncode == 1
        assert f"{what}, which is not installed; pip install 'kinestyle[ray]'" in said.stderr


# ---------------------------------------------------------------- URLs


def test_clips_and_results_at_urls(here: Path) -> None:
    pytest.importorskip("fsspec", reason="URLs need the ray extra")
    make_clips(2)
    Path("clips/broken.bvh").write_text("HIERARCHY\n")
    words = ("stylize", f"file://{here}/clips", "--style", "old", "-o", f"file://{here}/out")
    said = kinestyle(*words)
    assert (said.exit_code, said.stdout) == (3, f"file://{here}/out/manifest.jsonl\n")
    assert stylize_all(["clips"], Order(cues_of(["old"])), "local").made == 2
    assert results("out") == results("local")
    lines = Path("out/manifest.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert not [name for name in contents() if ".kinestyle-" in name]
    # it goes on without the manifest that is written at the end, as after a kill
    Path("out/manifest.jsonl").unlink()
    Path("out/clip_00_old_s1_v0.bvh").unlink()
    again = kinestyle(*words)
    assert again.stderr.startswith("kinestyle: 1 made, 1 there already, 1 refused")
    assert results("out") == results("local")
    kept = kinestyle(*words, "--no-clobber", "--strength", "1.0", "--overwrite")
    assert kept.exit_code == 2


def test_patterns_and_what_has_files_beside_it(here: Path) -> None:
    pytest.importorskip("fsspec", reason="URLs need the ray extra")
    make_clips(2)
    Path("clips/one.gltf").write_text("{}")
    tally = stylize_all([f"file://{here}/clips/*_01.bvh"], ORDER, "out")
    assert tally.made == 2
    tally = stylize_all([f"file://{here}/clips/*.gltf"], ORDER, "out")
    assert tally.refused == 2
    assert "may need files beside it" in Path("out/manifest.jsonl").read_text()
    with pytest.raises(MotionFileError, match="there is no motion file in file://"):
        stylize_all([f"file://{here}/clips/*.fbx"], ORDER, "out")
    with pytest.raises(MotionFileError, match="cannot be reached"):
        stylize_all(["nosuch://clips"], ORDER, "out")


def test_what_fails_half_way_leaves_nothing_at_a_url(here: Path) -> None:
    pytest.importorskip("fsspec", reason="URLs need the ray extra")
    place = open_results(f"file://{here}/out")

    def stopped() -> None:
        with place.writing("a/b.bvh") as target:
            target.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert contents() == {}
    with place.writing("a/b.bvh") as target:
        target.write_text("all")
    assert contents() == {"out/a/b.bvh": b"all"}
    assert (place.size(["a/b.bvh"]), place.size(["a/c.bvh"])) == (3, -1)
    assert (place.exists("a/b.bvh"), place.exists("a/c.bvh")) == (True, False)
