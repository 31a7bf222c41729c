"""Sizes of the published and the released networks, and the recipes with a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.bundle import Bundle  # noqa: E402
from kinestyle.formats.table import read_motion  # noqa: E402
from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.nets.networks import (  # noqa: E402
    PAPER_SIZES,
    ContentEncoder,
    Generator,
    GlobalMotionPredictor,
    MotionDecoder,
    MotionEncoder,
    NetworkSizes,
    StyleEncoder,
)
from kinestyle.learn.pipeline import Run, shortened  # noqa: E402
from kinestyle.learn.preset_names import PRESET_NAMES  # noqa: E402
from kinestyle.learn.presets import RECIPES  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from kinestyle.runtime.stylizer import Stylizer  # noqa: E402
from small_presets import example_corpus, tiny  # noqa: E402


def parameters(*networks: torch.nn.Module) -> float:
    return sum(p.numel() for network in networks for p in network.parameters()) / 1e6


@pytest.mark.parametrize(
    ("sizes", "labels", "published"), [(PAPER_SIZES, 16, (1.15, 2.26, 1.84, 4.7, 9.0, 0.88))]
)
def test_the_paper_s_networks_have_the_published_sizes(
    sizes: NetworkSizes, labels: int, published: tuple[float, ...]
) -> None:
    statistics = torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size)
    networks = (
        MotionEncoder(sizes, *statistics),
        MotionDecoder(sizes, *statistics),
        ContentEncoder(sizes),
        StyleEncoder(sizes, labels),
        Generator(sizes, labels),
        GlobalMotionPredictor(sizes, *statistics),
    )
    assert [round(parameters(network), 2) for network in networks] == pytest.approx(
        published, abs=0.011
    )
    assert 19.7 <= parameters(*networks) <= 19.85


def test_the_released_networks_are_at_most_five_million() -> None:
    sizes, statistics = (
        RECIPES["released"].sizes,
        (torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size)),
    )
    coders = (
        MotionEncoder(sizes, *statistics),
        MotionDecoder(sizes, *statistics),
        GlobalMotionPredictor(sizes, *statistics),
    )
    assert parameters(*coders, ContentEncoder(sizes), StyleEncoder(sizes), Generator(sizes)) <= 5.0


@pytest.fixture(scope="module")
def corpus(walk_file: Path) -> Corpus:
    return example_corpus(walk_file)


@pytest.mark.parametrize("name", ["paper-small", "unsupervised", "poses", "end-to-end", "released"])
def test_a_preset_becomes_a_bundle_that_restyles(
    name: str, corpus: Corpus, tmp_path: Path, walk_file: Path
) -> None:
    recipe = shortened(tiny(RECIPES[name]), 1)
    recipe = replace(
        recipe, auxiliary=tuple(replace(config, width=8) for config in recipe.auxiliary[:1])
    )
    corpus.save(tmp_path / "corpus")
    path = Run(recipe, tmp_path / "away", tmp_path, lambda line: None).bundle()
    bundle = Bundle.open(path)
    assert path.name == f"{recipe.name}.kinestyle"
    assert len(bundle.styles) == (0 if name == "unsupervised" else 4)
    stylizer, clip = Stylizer.load(path), read_motion(walk_file)
    analysis = stylizer.analyse(clip)
    code = bundle.styles[1].mean if bundle.styles else np.ones_like(analysis.style.mean)
    assert stylizer.apply(analysis, code).frame_count == clip.frame_count


def test_a_stage_made_the_same_way_is_taken_from_another_run(
    corpus: Corpus, tmp_path: Path
) -> None:
    messages: list[str] = []
    recipe = shortened(tiny(RECIPES["paper-small"]), 1)
    first, second = tmp_path / "first", tmp_path / "second"
    corpus.save(first / "corpus")
    Run(recipe, tmp_path / "away", first, messages.append).autoencoder()
    assert (first / "autoencoder" / "trained.pt").exists()
    other = replace(recipe, name="other", sizes=replace(recipe.sizes, style_code=7))
    Run(other, tmp_path / "away", second, messages.append, first).autoencoder()
    assert messages[-1].startswith("autoencoder: taken from")
    assert not (second / "autoencoder").exists()
    wider = replace(recipe, sizes=replace(recipe.sizes, encoder=(12, 16)))
    Run(wider, tmp_path / "away", second, messages.append, first).autoencoder()
    assert (second / "autoencoder" / "trained.pt").exists()


def test_every_recipe_is_named_and_every_name_has_its_recipe() -> None:
    assert list(PRESET_NAMES) == list(RECIPES)
    for name, recipe in RECIPES.items():
        assert PRESET_NAMES[name].needs_labels == recipe.needs_labels, name
