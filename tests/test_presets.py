"""The paper's networks and losses, its switches, and the recipes with a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.bundle import Bundle  # noqa: E402
from kinestyle.formats.table import read_motion  # noqa: E402
from kinestyle.learn.data.corpus import Corpus, Entry  # noqa: E402
from kinestyle.learn.nets.networks import (  # noqa: E402
    PAPER_SIZES,
    POSE_CHANNELS,
    ContentEncoder,
    Generator,
    GlobalMotionPredictor,
    MotionDecoder,
    MotionEncoder,
    NetworkSizes,
    StyleEncoder,
)
from kinestyle.learn.pipeline import Recipe, Run, shortened  # noqa: E402
from kinestyle.learn.preset_names import PRESET_NAMES  # noqa: E402
from kinestyle.learn.presets import RECIPES  # noqa: E402
from kinestyle.learn.stages.autoencoder import Autoencoder, AutoencoderConfig, AutoencoderStage  # noqa: E402
from kinestyle.learn.stages.paper import CERTAIN, PaperConfig, PaperStage  # noqa: E402
from kinestyle.retarget.correspondence import correspond, to_canonical  # noqa: E402
from kinestyle.retarget.features import LAYOUT, clip_to_features  # noqa: E402
from kinestyle.runtime.stylizer import Stylizer  # noqa: E402

TINY = {
    "latent": 12,
    "encoder": (12, 12),
    "decoder": (16, 12, 12),
    "content": 12,
    "content_code": 8,
    "style": (12, 12),
    "style_code": 6,
    "generator": (12, 16, 12),
    "global_motion": (8, 8, 8),
}


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
    """The example clip, cut into clips of four styles."""
    clip = read_motion(walk_file)
    features = clip_to_features(to_canonical(clip, correspond(clip))).astype(np.float32)
    entries = tuple(
        Entry(
            f"clip_{i}",
            "bandai2",
            f"bandai2/{'abcd'[i % 4]}",
            "walk",
            "validation" if i > 7 else "train",
            start,
            start + 40,
        )
        for i, start in enumerate(range(0, len(features) - 40, 10))
    )
    return Corpus(features[: entries[-1].stop], entries, "made")


def tiny(recipe: Recipe) -> Recipe:
    """The recipe with tiny networks, its own form kept."""
    latent = POSE_CHANNELS if recipe.autoencoder.latent == "poses" else TINY["latent"]
    return replace(recipe, sizes=replace(recipe.sizes, **{**TINY, "latent": latent}))


def stage_of(name: str, corpus: Corpus, **changes: object) -> PaperStage:
    recipe = tiny(RECIPES[name])
    assert isinstance(recipe.stylizer, PaperConfig)
    config = replace(
        recipe.stylizer, loop=replace(recipe.stylizer.loop, batch=4), crop_frames=32, **changes
    )  # type: ignore[arg-type]
    autoencoder = AutoencoderStage(corpus, recipe.sizes, recipe.autoencoder).network
    return PaperStage(corpus, recipe.sizes, config, autoencoder)


PAPER_PRESETS = sorted(
    name for name, recipe in RECIPES.items() if isinstance(recipe.stylizer, PaperConfig)
)


@pytest.mark.parametrize("name", PAPER_PRESETS)
def test_every_network_of_a_preset_learns_from_its_losses(name: str, corpus: Corpus) -> None:
    stage = stage_of(name, corpus)
    losses = stage.losses()
    assert all(torch.isfinite(value) for value in losses.values())
    losses["total"].backward()
    for part, network in stage.network.named_children():
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        assert gradients, f"{part} gets no gradient"
        assert any(bool(gradient.abs().sum() > 0) for gradient in gradients), part
    learned = [p for p in stage.autoencoder.parameters() if p.grad is not None]
    assert bool(learned) == (name == "end-to-end")


def test_a_switch_changes_the_loss_it_names(corpus: Corpus) -> None:
    def total_minus_terms(name: str, **weights: float) -> float:
        losses = {key: value.detach() for key, value in stage_of(name, corpus).losses().items()}
        return float(losses["total"]) - sum(
            weight * float(losses[key]) for key, weight in weights.items()
        )

    whole = {"autoencoding": 1.0, "cycle": 0.1, "divergence": 0.1, "align": 1.0}
    assert total_minus_terms("paper-small", **whole) == pytest.approx(0.0, abs=1e-5)
    assert total_minus_terms("no-alignment", **{**whole, "align": 0.0}) == pytest.approx(
        0.0, abs=1e-5
    )
    assert total_minus_terms("no-cycle", **{**whole, "cycle": 0.0}) == pytest.approx(0.0, abs=1e-5)
    assert total_minus_terms("no-autoencoding", **{**whole, "autoencoding": 0.0}) == pytest.approx(
        0.0, abs=1e-5
    )
    assert total_minus_terms("deterministic", **{**whole, "divergence": 0.0}) == pytest.approx(
        0.0, abs=1e-5
    )
    unsupervised = {"autoencoding": 1.0, "cycle": 1.0, "divergence": 0.01, "align": 0.1}
    assert total_minus_terms("unsupervised", **unsupervised) == pytest.approx(0.0, abs=1e-5)


def test_without_labels_nothing_asks_for_one(corpus: Corpus) -> None:
    unlabelled = replace(
        corpus, entries=tuple(replace(entry, style="", content="") for entry in corpus.entries)
    )
    stage = stage_of("unsupervised", unlabelled)
    assert torch.isfinite(stage.losses()["total"])
    assert stage.network.style_encoder.labels == 0
    with torch.no_grad():
        assert np.isfinite(stage.validate()["score"])


def test_alignment_by_style_takes_another_clip_of_the_style(corpus: Corpus) -> None:
    for name, same in (("paper-small", True), ("style-alignment", False)):
        stage = stage_of(name, corpus)
        overlapping = []
        for _ in range(8):
            sequences = stage._sequences(stage.draw())
            for a, b in zip(sequences.first, sequences.second, strict=True):
                # crops of one 40-frame clip share most of their frames, those of two clips of a
                # style start 40 frames apart
                shared = (a[:, None] - b[None]).abs().amax(dim=-1).amin(dim=1) < 1e-6
                overlapping.append(bool(shared.float().mean() > 0.5))
        assert all(overlapping) == same


def test_a_frozen_autoencoder_neither_learns_nor_drops_out(corpus: Corpus) -> None:
    stage = stage_of("paper", corpus)
    stage.network.train()
    stage.losses()
    assert not stage.autoencoder.training
    assert not any(p.requires_grad for p in stage.autoencoder.parameters())
    assert "autoencoder" not in dict(stage.network.named_children())


def test_a_label_is_drawn_around_or_is_certain(corpus: Corpus) -> None:
    stage = stage_of("paper-small", corpus)
    stage.learn_labels()
    mean, log_std = stage.network.prior(torch.tensor([2]))
    assert mean.tolist() == [[0.0] * 6 + [0.0, 0.0, 1.0, 0.0]]
    assert log_std.tolist() == [[0.0] * 6 + [CERTAIN] * 4]
    certain = stage_of("deterministic", corpus)
    certain.learn_labels()
    mean, log_std = certain.network.prior(torch.tensor([2]))
    assert mean[0, :6].abs().sum() > 0
    assert (log_std == CERTAIN).all()


def test_poses_as_a_latent_come_back_as_they_were(corpus: Corpus) -> None:
    sizes, config = replace(NetworkSizes(), latent=POSE_CHANNELS), AutoencoderConfig(latent="poses")
    network = Autoencoder(
        sizes, config, np.full(LAYOUT.size, 0.3, np.float32), np.full(LAYOUT.size, 2.0, np.float32)
    )
    features = torch.from_numpy(np.array(corpus.features[:32]))[None]
    latent = network.encoder(features)
    assert latent.shape == (1, POSE_CHANNELS, 8)
    torch.testing.assert_close(network.decoder(latent), features)


def test_a_variational_latent_spreads_and_is_held_together(corpus: Corpus) -> None:
    recipe = tiny(RECIPES["vae"])
    stage = AutoencoderStage(corpus, recipe.sizes, replace(recipe.autoencoder, crop_frames=32))
    features = stage.cut(stage.draw())
    mean, log_std = stage.network.encoder.distribution(features)
    assert mean.shape == log_std.shape
    torch.testing.assert_close(stage.network.encoder(features), mean)
    stage.losses()["total"].backward()
    assert stage.network.encoder.spread.weight.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["paper-small", "unsupervised", "poses", "end-to-end", "released"])
def test_a_preset_becomes_a_bundle_that_restyles(
    name: str, corpus: Corpus, tmp_path: Path, walk_file: Path
) -> None:
    recipe = shortened(tiny(RECIPES[name]), 1)
    recipe = replace(recipe, guides=tuple(replace(guide, width=8) for guide in recipe.guides[:1]))
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
    told: list[str] = []
    recipe = shortened(tiny(RECIPES["paper-small"]), 1)
    first, second = tmp_path / "first", tmp_path / "second"
    corpus.save(first / "corpus")
    Run(recipe, tmp_path / "away", first, told.append).autoencoder()
    assert (first / "autoencoder" / "trained.pt").exists()
    other = replace(recipe, name="other", sizes=replace(recipe.sizes, style_code=7))
    Run(other, tmp_path / "away", second, told.append, first).autoencoder()
    assert told[-1].startswith("autoencoder: taken from")
    assert not (second / "autoencoder").exists()
    wider = replace(recipe, sizes=replace(recipe.sizes, encoder=(12, 16)))
    Run(wider, tmp_path / "away", second, told.append, first).autoencoder()
    assert (second / "autoencoder" / "trained.pt").exists()


def test_every_recipe_is_named_and_every_name_has_its_recipe() -> None:
    assert list(PRESET_NAMES) == list(RECIPES)
    for name, recipe in RECIPES.items():
        assert PRESET_NAMES[name].supervised == recipe.supervised, name
