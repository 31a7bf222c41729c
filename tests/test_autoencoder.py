"""Stage 1: it learns, its latent has a scale, and a latent may be variational or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.learn.data.corpus import Corpus, group_statistics  # noqa: E402
from kinestyle.learn.loop.training import LoopConfig  # noqa: E402
from kinestyle.learn.nets.networks import POSE_CHANNELS, NetworkSizes  # noqa: E402
from kinestyle.learn.stages.autoencoder import (  # noqa: E402
    Autoencoder,
    AutoencoderConfig,
    AutoencoderStage,
    set_latent_scale,
)
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from small_training import LOOP, SIZES, overfit  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize("latent", ["deterministic", "variational"])
def test_one_batch_is_learned(latent: Any, corpus: Corpus) -> None:
    config = AutoencoderConfig(loop=replace(LOOP, batch=4), crop_frames=32, latent=latent)
    losses = overfit(AutoencoderStage(corpus, SIZES, config), 60, 1e-2)
    for name in ("reconstruction", "kinematics"):
        assert losses[name][-1] < 0.3 * losses[name][0], name


def test_each_weight_counts(corpus: Corpus) -> None:
    """The total is linear in the weights; each of them is of a loss that is there."""
    base = AutoencoderConfig(loop=replace(LOOP, batch=4), crop_frames=32, latent="variational")

    def total(config: AutoencoderConfig) -> float:
        stage = AutoencoderStage(corpus, SIZES, config)
        torch.manual_seed(1)
        return float(stage.losses()["total"].detach())

    for weight in ("kinematics", "latent_l1", "latent_smoothness", "kl"):
        none, one, three = (total(replace(base, **{weight: value})) for value in (0.0, 1.0, 3.0))
        assert one > none + 1e-4, weight
        assert three - none == pytest.approx(3.0 * (one - none), rel=1e-2), weight


def test_a_stage_begins_with_the_same_weights_whatever_ran_before(corpus: Corpus) -> None:
    config = AutoencoderConfig(loop=LoopConfig(steps=1))
    first = AutoencoderStage(corpus, SIZES, config).network.state_dict()
    torch.randn(1)
    second = AutoencoderStage(corpus, SIZES, config).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_latent_scale_changes_nothing_in_the_reconstruction(corpus: Corpus) -> None:
    autoencoder = Autoencoder(SIZES, AutoencoderConfig(), *group_statistics(corpus.features)).eval()
    features = torch.from_numpy(corpus.features[:64])[None]
    with torch.no_grad():
        before, latent = (
            autoencoder.decoder(autoencoder.encoder(features)),
            autoencoder.encoder(features),
        )
        set_latent_scale(autoencoder, corpus)
        after, scaled = (
            autoencoder.decoder(autoencoder.encoder(features)),
            autoencoder.encoder(features),
        )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(scaled, latent, rtol=0.2)
    assert float(scaled.square().mean().sqrt()) == pytest.approx(1.0, rel=0.3)
    again = [parameter.detach().clone() for parameter in autoencoder.parameters()]
    set_latent_scale(autoencoder, corpus)
    for a, b in zip(again, autoencoder.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_poses_as_a_latent_come_back_as_they_were(corpus: Corpus) -> None:
    sizes, config = replace(NetworkSizes(), latent=POSE_CHANNELS), AutoencoderConfig(latent="poses")
    network = Autoencoder(
        sizes, config, np.full(LAYOUT.size, 0.3, np.float32), np.full(LAYOUT.size, 2.0, np.float32)
    )
    features = torch.from_numpy(np.array(corpus.features[:32]))[None]
    latent = network.encoder(features)
    assert latent.shape == (1, POSE_CHANNELS, 8)
    torch.testing.assert_close(network.decoder(latent), features)


def test_a_variational_latent_is_its_mean_in_use_and_its_std_is_learned(corpus: Corpus) -> None:
    config = AutoencoderConfig(latent="variational", crop_frames=32)
    stage = AutoencoderStage(corpus, SIZES, config)
    features = stage.cut(stage.draw())
    mean, log_std = stage.network.encoder.distribution(features)
    assert mean.shape == log_std.shape
    torch.testing.assert_close(stage.network.encoder(features), mean)
    stage.losses()["total"].backward()
    assert stage.network.encoder.log_std.weight.grad.abs().sum() > 0
