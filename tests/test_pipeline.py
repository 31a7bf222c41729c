"""The whole way from motion files to a bundle, in miniature."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from kinestyle.errors import DataError  # noqa: E402
from kinestyle.evaluate.judge import judges  # noqa: E402
from kinestyle.evaluate.unseen_styles import LEFT_OUT_STYLES  # noqa: E402
from kinestyle.formats.table import read_motion  # noqa: E402
from kinestyle.learn.data.bandai import BandaiName, read_splits  # noqa: E402
from kinestyle.learn.data.made_clips import MadeConfig  # noqa: E402
from kinestyle.learn.loop.training import LoopConfig  # noqa: E402
from kinestyle.learn.pipeline import Recipe, Run, shortened  # noqa: E402
from kinestyle.learn.presets import RECIPES, RELEASED, with_made_styles  # noqa: E402
from kinestyle.runtime.stylizer import Stylizer  # noqa: E402
from own_clip_files import put  # noqa: E402
from small_training import SIZES  # noqa: E402


def silent(_: str) -> None: ...


def small(recipe: Recipe) -> Recipe:
    """The recipe with small networks and batches, every stage and loss still in it."""

    def light(loop_config: LoopConfig) -> LoopConfig:
        return replace(loop_config, batch=4)

    return replace(
        recipe,
        sizes=SIZES,
        autoencoder=replace(recipe.autoencoder, loop=light(recipe.autoencoder.loop)),
        global_motion=replace(recipe.global_motion, loop=light(recipe.global_motion.loop)),
        auxiliary=tuple(
            replace(config, width=16, loop=light(config.loop)) for config in recipe.auxiliary
        ),
        stylizer=replace(recipe.stylizer, loop=light(recipe.stylizer.loop)),
        judge=replace(recipe.judge, width=16, loop=light(recipe.judge.loop)),
    )


def chosen_stems() -> list[str]:
    """For every style two clips to train on, and for those of set 2 one to validate with, all of
    contents that are common.
    """
    wanted: list[str] = []
    taken: dict[tuple[str, str, str], int] = defaultdict(int)
    for stem, split in sorted(read_splits().items()):
        label = BandaiName.parse(stem)
        if label.content not in ("walk", "dash", "walk-back") or (
            label.set_name,
            label.content,
        ) == ("bandai2", "walk-back"):
            continue
        key = (label.set_name, label.style, split)
        if taken[key] < {"train": 2, "validation": 1, "test": 0}[split]:
            taken[key] += 1
            wanted.append(stem)
    return wanted


def real_data(folder: Path, data: Path) -> None:
    found = {path.stem: path for path in (data / "bandai").glob("*/data/*.bvh")}
    for stem in chosen_stems():
        target = folder / "bandai" / found[stem].parents[1].name / "data"
        target.mkdir(parents=True, exist_ok=True)
        (target / found[stem].name).symlink_to(found[stem])


def made_data(folder: Path) -> None:
    for number, stem in enumerate(chosen_stems()):
        put(
            folder,
            f"bandai/made/data/{stem}.bvh",
            0.8 + 0.1 * (number % 4),
            0.3 * number,
        )
    for number in range(6):
        put(folder, f"unlabelled/cmu/{number}.bvh", 1.0, 0.5 * number)


def assert_trained(run: Run, messages: list[str], walk_file: Path) -> None:
    """Everything is there, the bundle restyles, and a second call trains nothing again."""
    stylizer = Stylizer.load(run.folder / "bandai.kinestyle")
    assert len(stylizer.styles) == 22
    assert stylizer.bundle.manifest.training["recipe"] == json.loads(json.dumps(asdict(run.recipe)))
    assert set(stylizer.bundle.manifest.training["validation"]) == {
        "autoencoder",
        "global_motion",
        "stylizer",
        "refined",
    }
    clip = read_motion(walk_file)
    result = stylizer.stylize(clip, "old", strength=0.5)
    assert result.frame_count == clip.frame_count
    assert np.isfinite(result.local_rotation).all()
    first, second = judges(run.judge())
    assert (first.name, second.name) == ("network", "random kernels")
    assert first.styles == second.styles == tuple(style.name for style in stylizer.styles)
    stamp = second.path.stat().st_mtime_ns
    run.judge()
    assert second.path.stat().st_mtime_ns == stamp
    assert not [line for line in messages if line.startswith("left out")]
    stamps = {path: path.stat().st_mtime_ns for path in run.folder.rglob("trained.pt")}
    assert len(stamps) == 9
    before = (run.folder / "bandai.kinestyle").read_bytes()
    run.stages()["bundle"]()
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("trained.pt")} == stamps
    assert (run.folder / "bandai.kinestyle").read_bytes() == before


def trained(data: Path, folder: Path) -> tuple[Run, list[str]]:
    messages: list[str] = []
    run = Run(small(shortened(RELEASED, 2)), data, folder, messages.append)
    for stage in run.stages().values():
        stage()
    return run, messages


def test_from_motion_files_to_a_bundle(tmp_path: Path, walk_file: Path) -> None:
    made_data(tmp_path / "data")
    run, messages = trained(tmp_path / "data", tmp_path / "run")
    assert any(line.startswith(f"{len(chosen_stems()) + 6} clips, ") for line in messages)
    assert_trained(run, messages, walk_file)
    changed = Run(small(shortened(RELEASED, 3)), run.data, run.folder, silent)
    with pytest.raises(
        DataError, match=r"trained.pt was made with another configuration; name another folder"
    ):
        changed.autoencoder()


def test_from_real_motion_files_to_a_bundle(
    data_dir: Path, tmp_path: Path, walk_file: Path
) -> None:
    real_data(tmp_path / "data", data_dir)
    run, messages = trained(tmp_path / "data", tmp_path / "run")
    assert_trained(run, messages, walk_file)


def test_a_stage_trained_with_other_weights_of_losses_is_refused(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    recipe = small(shortened(RELEASED, 1))
    Run(recipe, tmp_path / "data", tmp_path / "run", silent).autoencoder()
    changed = replace(recipe, autoencoder=replace(recipe.autoencoder, kinematics=7.0))
    with pytest.raises(DataError):
        Run(changed, tmp_path / "data", tmp_path / "run", silent).autoencoder()


def test_made_styles_are_learned_with_and_have_no_name(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    for number in range(3):
        put(tmp_path / "data", f"unlabelled/cmu/long_{number}.bvh", 2.0, 0.5 * number)
    recipe = small(shortened(with_made_styles(RELEASED, 4), 1))
    recipe = replace(recipe, made=MadeConfig(styles=4, clips=2, group=2))
    messages: list[str] = []
    run = Run(recipe, tmp_path / "data", tmp_path / "run", messages.append)
    run.train()
    assert "made styles: 2 of 2 groups, 4 clips" in messages
    stylizer = Stylizer.load(run.folder / "bandai.kinestyle")
    names = tuple(style.name for style in stylizer.styles)
    assert len(names) == 22
    assert all(judge.styles == names for judge in judges(run.judge()))
    assert stylizer.bundle.manifest.training["recipe"]["made"]["styles"] == 4
    assert len(run.stylizer().prior.mean) == 26
    # codes are those of their names, whatever is learned beside them
    labels = sorted({*names, *(entry.style for entry in run.corpus().entries if entry.style)})
    with torch.no_grad():
        codes = run.stylizer().prior(torch.arange(26)).mean.numpy()
    for style in stylizer.styles:
        np.testing.assert_allclose(style.mean, codes[labels.index(style.name)], atol=1e-4)
    # a run that learned with others is another run
    fewer = replace(recipe, made=MadeConfig(styles=2, clips=2, group=2))
    with pytest.raises(DataError, match="was made with another configuration"):
        Run(fewer, run.data, run.folder, silent).autoencoder()


def test_a_style_may_be_left_out_of_all_but_the_judges(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    recipe = replace(RELEASED, left_out=RECIPES["unseen-styles"].left_out)
    run = Run(recipe, tmp_path / "data", tmp_path / "run", silent)
    styles, everything = (
        {entry.style for entry in corpus.entries if entry.style}
        for corpus in (run.corpus(), run.everything())
    )
    assert len(everything) == 22
    assert everything - styles == set(LEFT_OUT_STYLES)


def test_made_styles_are_not_for_a_stage_without_pairs() -> None:
    with pytest.raises(DataError, match="the preset paper learns from none"):
        with_made_styles(RECIPES["paper"], 4)
    assert RECIPES["made-styles"].made == MadeConfig()
    assert RELEASED.made is None
    assert RELEASED.stylizer.made_share == 0.0


def test_a_shortened_recipe_differs_in_its_steps_only() -> None:
    short = shortened(RELEASED, 3)
    assert short.sizes == RELEASED.sizes
    for stage in ("autoencoder", "global_motion", "stylizer", "judge"):
        whole, cut = getattr(RELEASED, stage), getattr(short, stage)
        assert (cut.loop.steps, cut.loop.validate_every, cut.loop.warmup_steps) == (3, 3, 3)
        assert replace(cut, loop=whole.loop) == whole
    assert len(short.auxiliary) == len(RELEASED.auxiliary) == 3
