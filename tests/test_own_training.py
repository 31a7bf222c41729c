"""From a user's own clips to a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.bundle import Bundle
from kinestyle.errors import DataError
from kinestyle.formats.table import read_motion
from kinestyle.learn.data.own_clips import OwnClips
from kinestyle.learn.data.splits import read_list, write_list
from kinestyle.rig.presets import preset
from own_clip_files import filled, names_in, put, without_toes

if TYPE_CHECKING:
    from conftest import TinyNetworks
    from kinestyle.learn.pipeline import Run


pytestmark = pytest.mark.usefixtures("one_reader")


@pytest.mark.parametrize("name", ["a/b", "", "../x", "two words"])
def test_a_name_that_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot name a file"):
        OwnClips(name=name)


def test_a_dry_run_says_what_was_understood_and_trains_nothing(
    own_data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from kinestyle.cli import main

    (own_data / "old" / "notes.txt").touch()
    arguments = ["train", "--data", str(own_data), "--run", str(tmp_path / "run"), "--dry-run"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    assert "own clips: 12 clips" in done.stderr
    assert "left out: old/notes.txt: is no motion file" in done.stderr
    assert names_in(tmp_path / "run") == ["corpus", "splits.csv"]
    refused = CliRunner().invoke(main, [*arguments, "--labels", "{take}{style}"])
    assert (
        refused.exit_code,
        "kinestyle: the pattern '{take}{style}' has {take}" in refused.stderr,
    ) == (1, True)


Start = Callable[..., "Run"]


@pytest.fixture
def start(tmp_path: Path, messages: list[str], tiny_networks: TinyNetworks) -> Start:
    """Begins, or goes on with, a run of small networks that learn for one step."""
    from kinestyle.learn.pipeline import Run, shortened
    from kinestyle.learn.presets import RECIPES

    def started(own_data: Path, own: OwnClips | None = None, preset: str = "released") -> Run:
        recipe = shortened(RECIPES[preset], 1)
        recipe = replace(
            recipe,
            sizes=replace(tiny_networks.sizes, label_input=recipe.sizes.label_input),
            auxiliary=tuple(replace(config, width=16) for config in recipe.auxiliary),
        )
        return Run(recipe, own_data, tmp_path / "run", messages.append, own=own or OwnClips())

    return started


def exporter(test: Callable[..., None]) -> Callable[..., None]:
    for text in ("You are using the legacy TorchScript-based ONNX export", "Constant folding"):
        test = pytest.mark.filterwarnings(f"ignore:{text}")(test)
    return test


def assert_bundle(path: Path, walk_file: Path, styles: set[str], about: dict[str, str]) -> None:
    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(path)
    assert {style.name for style in stylizer.styles} == styles
    manifest = stylizer.bundle.manifest
    assert {"name": manifest.name, "licence": manifest.licence} == about
    assert "Bandai" not in manifest.to_json().decode()
    clip = read_motion(walk_file)
    for style in stylizer.styles:
        assert np.isfinite(stylizer.stylize(clip, style=style.label).local_rotation).all()


@exporter
def test_from_own_clips_to_a_bundle(
    own_data: Path, tmp_path: Path, messages: list[str], walk_file: Path, start: Start
) -> None:
    put(own_data, "sad/the_only.bvh", 1.3)
    run = start(own_data, OwnClips(name="club", licence="CC0"))
    for stage in run.stages().values():
        stage()
    assert (
        "  sad: 1 clip, 1 s - one clip to learn from: what it does will be taken for its style"
        in messages
    )
    styles = {"own/old", "own/proud", "own/sad"}
    assert_bundle(
        tmp_path / "run" / "club.kinestyle", walk_file, styles, {"name": "club", "licence": "CC0"}
    )
    shutil.copy(own_data / "sad" / "the_only.bvh", own_data / "sad" / "copy.bvh")
    start(own_data).corpus()  # a copy adds nothing but a refusal ...
    (own_data / "sad" / "copy.bvh").unlink()
    put(own_data, "sad/another.bvh", 1.4)
    with pytest.raises(DataError, match="made with another configuration"):  # ... a clip does
        start(own_data).autoencoder()
    (own_data / "sad" / "another.bvh").unlink()
    start(
        own_data, OwnClips(rig=preset("cmu"))
    ).autoencoder()  # a rig that states what was found changes nothing ...
    with pytest.raises(DataError, match="made with another configuration"):  # ... another one does
        start(own_data, OwnClips(rig=without_toes(preset("cmu")))).autoencoder()


@exporter
def test_from_own_clips_without_labels_to_a_bundle(
    own_data: Path, tmp_path: Path, messages: list[str], walk_file: Path, start: Start
) -> None:
    run = start(own_data, OwnClips(labels="none"), preset="unsupervised")
    for stage in run.stages().values():
        stage()
    assert "judge: none, because there are no two styles to tell apart" in messages
    assert_bundle(
        tmp_path / "run" / "own.kinestyle",
        walk_file,
        set(),
        {"name": "own", "licence": "licence not stated"},
    )
    with pytest.raises(DataError, match="there is no clip with a style"):
        start(own_data, OwnClips(labels="none")).corpus()


@exporter
@pytest.mark.parametrize("preset", ["released", "paper-small"])
def test_validation_skips_what_training_never_saw(
    tmp_path: Path, messages: list[str], start: Start, preset: str
) -> None:
    data = filled(
        tmp_path / "data", "old_walk_{}", "proud_walk_{}", "old_run_{}", "proud_run_{}", count=3
    )
    put(data, "sad_walk_1.bvh", 1.5)
    put(data, "old_jump_1.bvh", 1.6)
    put(data, "proud_jump_1.bvh", 1.7)
    start(data).corpus()
    listed = read_list(tmp_path / "run" / "splits.csv")
    unseen = ["sad_walk_1.bvh", "old_jump_1.bvh", "proud_jump_1.bvh"]
    known = ["old_walk_1.bvh", "proud_run_1.bvh"]
    edited = dict.fromkeys(listed, "train") | dict.fromkeys([*unseen, *known], "validation")
    write_list(edited, tmp_path / "run" / "splits.csv")
    run = start(data, preset=preset)
    assert {entry.stem for entry in run.corpus().known_validation()} == set(known)
    said = [line for line in messages if line.startswith("validation skips")]
    assert said == [
        "validation skips 3 clips, 5 s, whose style or content no training clip has: "
        "old_jump_1.bvh, proud_jump_1.bvh, sad_walk_1.bvh"
    ]
    run.stylizer()
    run.judge()


def test_the_terms_of_bandai_are_not_the_user_s_to_change(tmp_path: Path, start: Start) -> None:
    put(tmp_path / "data", "bandai/set/data/dataset-1_walk_old_001.bvh")
    put(tmp_path / "data", "bandai/set/data/dataset-1_walk_sad_001.bvh", 1.1)
    with pytest.raises(
        DataError, match="what is trained on the Bandai-Namco sets keeps their terms"
    ):
        start(tmp_path / "data", OwnClips(licence="CC0")).corpus()


@exporter
def test_from_real_clips_of_three_rigs_to_a_bundle(
    data_dir: Path, tmp_path: Path, walk_file: Path, start: Start
) -> None:
    found = {path.stem: path for path in (data_dir / "bandai").glob("*/data/*.bvh")}
    wanted = {
        f"{style}/{content}_{i}.bvh": found[f"dataset-2_{content}_{style}_{i:03}"]
        for style in ("elderly", "youthful")
        for content in ("walk", "run")
        for i in range(1, 6)
    }
    wanted |= {
        f"zombie/{name}.bvh": data_dir / "wild" / f"{name}.bvh"
        for name in ("zombie", "jumping_jacks")
    }
    wanted |= {"zombie/licences.txt": data_dir / "wild" / "LICENCES.txt"}
    for name, source in wanted.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).symlink_to(source)
    run = start(tmp_path / "data")
    for stage in run.stages().values():
        stage()
    assert {entry.style for entry in run.corpus().select("train")} == {
        "own/elderly",
        "own/youthful",
        "own/zombie",
    }
    assert len(run.corpus().entries) == len(wanted) - 1
    styles = {"own/elderly", "own/youthful", "own/zombie"}
    assert_bundle(
        tmp_path / "run" / "own.kinestyle",
        walk_file,
        styles,
        {"name": "own", "licence": "licence not stated"},
    )


@exporter
def test_from_own_clips_without_labels_to_a_bundle_of_made_styles(
    own_data: Path, tmp_path: Path, messages: list[str], walk_file: Path, start: Start
) -> None:
    from kinestyle.learn.data.made_clips import MadeConfig
    from kinestyle.learn.data.named_styles import NAMED_STYLES

    for k in range(3):
        put(own_data, f"old/longer_{k}.bvh", 2.0 + 0.1 * k)
    attribution = "Of somebody, CC BY 3.0."
    own = OwnClips(labels="none", licence="CC BY 3.0", attribution=attribution)
    run = start(own_data, own, preset="open")
    run = replace(run, recipe=replace(run.recipe, made=MadeConfig(4, 1, 4, 1)))
    for stage in run.stages().values():
        stage()
    path = tmp_path / "run" / "own.kinestyle"
    styles = {f"made/{name}" for name in NAMED_STYLES}
    assert_bundle(path, walk_file, styles, {"name": "own", "licence": "CC BY 3.0"})
    manifest = Bundle.open(path).manifest
    assert manifest.attribution == attribution
    assert manifest.residual_gate == run.recipe.stylizer.residual_gate  # type: ignore[union-attr]
    assert all(style.seconds > 0.0 for style in manifest.styles)
