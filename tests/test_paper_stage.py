"""The paper's stage: its losses as published, its switches, and who learns from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402
from torch.distributions import Normal, kl_divergence  # noqa: E402
from torch.nn.functional import smooth_l1_loss  # noqa: E402

from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.presets import RECIPES  # noqa: E402
from kinestyle.learn.stages.autoencoder import AutoencoderStage  # noqa: E402
from kinestyle.learn.stages.paper import CERTAIN, PaperConfig, PaperStage  # noqa: E402
from small_presets import example_corpus, tiny  # noqa: E402
from small_training import overfit  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture(scope="module")
def corpus(walk_file: Path) -> Corpus:
    return example_corpus(walk_file)


def stage_of(name: str, corpus: Corpus, **changes: object) -> PaperStage:
    recipe = tiny(RECIPES[name])
    assert isinstance(recipe.stylizer, PaperConfig)
    config = replace(
        recipe.stylizer, loop=replace(recipe.stylizer.loop, batch=4), crop_frames=32, **changes
    )  # type: ignore[arg-type]
    autoencoder = AutoencoderStage(corpus, recipe.sizes, recipe.autoencoder).network
    return PaperStage(corpus, recipe.sizes, config, autoencoder)


WEIGHTS = {
    # preset: of autoencoding, cycle, KL to N(0, I) and homo-style alignment
    "paper": (1.0, 0.1, 0.1, 1.0),
    "paper-small": (1.0, 0.1, 0.1, 1.0),
    "unsupervised": (1.0, 1.0, 0.01, 0.1),
    "style-alignment": (1.0, 0.1, 0.1, 1.0),
    "no-autoencoding": (0.0, 0.1, 0.1, 1.0),
    "no-cycle": (1.0, 0.0, 0.1, 1.0),
    "no-alignment": (1.0, 0.1, 0.1, 0.0),
    "deterministic": (1.0, 0.1, 0.0, 1.0),
    "paper-unsupervised": (1.0, 1.0, 0.01, 0.1),
    "unsupervised-no-autoencoding": (0.0, 1.0, 0.01, 0.1),
    "unsupervised-no-cycle": (1.0, 0.0, 0.01, 0.1),
    "unsupervised-no-alignment": (1.0, 1.0, 0.01, 0.0),
    "unsupervised-deterministic": (1.0, 1.0, 0.0, 0.1),
}
DRAW = 0.5
"""What stands for each standard normal draw."""


def published_loss(
    stage: PaperStage,
    samples: Sequence[Any],
    weights: tuple[float, float, float, float],
    probabilistic: bool,
) -> Tensor:
    """L of Guo et al., term by term, with the networks of a stage:

    L = l_auto [SL1(z1, R1) + SL1(z2, R2) + SL1(M1, D R1) + SL1(M2, D R2)]
      + l_cyc [SL1(z2, Q2) + SL1(z3, Q3) + SL1(M2, D Q2) + SL1(M3, D Q3)]
      + l_kl [KL(N1 | N(0, I)) + KL(N2 | N(0, I)) + KL(N4 | N(0, I))] + l_hsa KL(N1 | N2)
    """
    l_auto, l_cyc, l_kl, l_hsa = weights
    net, coder = stage.network, stage.autoencoder
    batch = stage._sequences(samples)
    y1, y3 = batch.label, batch.third_label

    def style(latent: Tensor, label: Tensor) -> Normal:
        mean, log_std = net.style_encoder(latent, label)
        return Normal(mean, torch.exp(log_std) if probabilistic else torch.ones_like(mean))

    def generate(content: Tensor, n: Normal, label: Tensor) -> Tensor:
        code = n.loc + DRAW * n.scale if probabilistic else n.loc
        return net.generator(content, torch.cat([code, label], dim=1))

    def motion(latent: Tensor) -> Tensor:
        return coder.decoder.normalized(latent)[..., :256]

    def truth(features: Tensor) -> Tensor:
        return ((features - coder.encoder.mean) / coder.encoder.std)[..., :256]

    z1, z2, z3 = (coder.encoder(m) for m in (batch.first, batch.second, batch.third))
    m1, m2, m3 = (truth(m) for m in (batch.first, batch.second, batch.third))
    c1, c2, c3 = (net.content_encoder(z) for z in (z1, z2, z3))
    n1, n2, n3 = style(z1, y1), style(z2, y1), style(z3, y3)
    standard = Normal(torch.zeros_like(n1.loc), torch.ones_like(n1.loc))
    r1, r2, r3 = generate(c1, n1, y1), generate(c2, n2, y1), generate(c2, n3, y3)
    c4, n4 = net.content_encoder(r3), style(r3, y3)
    q2, q3 = generate(c4, n2, y1), generate(c3, n4, y3)
    loss = l_auto * (smooth_l1_loss(z1, r1) + smooth_l1_loss(z2, r2))
    loss = loss + l_auto * (smooth_l1_loss(m1, motion(r1)) + smooth_l1_loss(m2, motion(r2)))
    loss = loss + l_cyc * (smooth_l1_loss(z2, q2) + smooth_l1_loss(z3, q3))
    loss = loss + l_cyc * (smooth_l1_loss(m2, motion(q2)) + smooth_l1_loss(m3, motion(q3)))
    for n in (n1, n2, n4):
        loss = loss + l_kl * kl_divergence(n, standard).mean()
    return loss + l_hsa * kl_divergence(n1, n2).mean()


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_loss_is_the_published_one(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "randn_like", lambda x: torch.full_like(x, DRAW))
    stage = stage_of(name, corpus)
    with torch.no_grad():  # away from N(0, I), so that every KL counts
        stage.network.style_encoder.head.weight *= 30.0
        stage.autoencoder.decoder.layers[-1].weight *= 4.0
    stage.autoencoder.eval()
    samples = stage.draw()
    with torch.no_grad():
        expected = published_loss(stage, samples, WEIGHTS[name], "deterministic" not in name)
        losses = stage.losses_of(samples)
    torch.testing.assert_close(losses["total"], expected, rtol=1e-5, atol=1e-6)
    assert float(losses["kl"]) > 0.1
    assert float(losses["homo_style_alignment"]) > 0.01


def test_one_batch_is_learned(corpus: Corpus) -> None:
    losses = overfit(stage_of("paper-small", corpus, label_dropout=0.0), 60, 1e-2)
    for name in ("autoencoding", "cycle"):
        assert losses[name][-1] < 0.7 * losses[name][0], name


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
    assert bool(learned) == name.endswith("end-to-end")


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
