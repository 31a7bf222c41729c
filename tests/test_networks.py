"""The networks: shapes, units, what they read, and the Gaussians that they give."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import TinyNetworks  # noqa: E402
from kinestyle.learn.nets.gaussian import Gaussian  # noqa: E402
from kinestyle.learn.nets.networks import (  # noqa: E402
    Classifier,
    GlobalMotionPredictor,
    ModulatedConv,
    MotionDecoder,
    MotionEncoder,
    StylePrior,
    conv,
)
from kinestyle.learn.nets.residual_stylization import style_residual  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from kinestyle.runtime import residual  # noqa: E402
from small_training import SIZES  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize("frames", [16, 24, 64, 136])
def test_shapes_at_any_length(tiny_networks: TinyNetworks, frames: int) -> None:
    autoencoder, stylizer, predictor = (
        tiny_networks.autoencoder,
        tiny_networks.stylizer,
        tiny_networks.predictor,
    )
    sizes = tiny_networks.sizes
    features = torch.randn(3, frames, LAYOUT.size)
    with torch.no_grad():
        latent = autoencoder.encoder(features)
        content, (mean, log_std) = (
            stylizer.content_encoder(latent),
            stylizer.style_encoder(latent),
        )
        assert latent.shape == (3, sizes.latent, frames // 4)
        assert content.shape == (3, sizes.content_code, frames // 8)
        assert mean.shape == log_std.shape == (3, sizes.style_code)
        assert stylizer.generator(content, mean).shape == latent.shape
        assert autoencoder.decoder(latent).shape == features.shape
        assert predictor(features).shape == (3, frames, 2)
        assert stylizer.adversary(content).shape == (3, 4)
        assert stylizer.critic(features, torch.tensor([0, 3, 1])).shape == (3, frames // 8)


def test_a_longer_clip_has_the_same_latent_where_it_is_the_same(
    tiny_networks: TinyNetworks,
) -> None:
    long = torch.randn(1, 96, LAYOUT.size)
    with torch.no_grad():
        whole = tiny_networks.autoencoder.encoder(long)
        beginning = tiny_networks.autoencoder.encoder(long[:, :48])
    # sums of floats in another order, which differs from processor to processor
    torch.testing.assert_close(whole[..., :10], beginning[..., :10], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("width", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
def test_a_convolution_keeps_or_halves_time_and_holds_the_ends(width: int, stride: int) -> None:
    layer = conv(4, 6, width, stride)
    for frames in (8, 10, 32):
        assert layer(torch.randn(2, 4, frames)).shape == (2, 6, frames // stride)
    # with zeros beyond its ends a constant would not stay constant
    held = layer(torch.full((1, 4, 16), 0.7))
    torch.testing.assert_close(held, held[..., :1].expand_as(held))


def test_encoder_and_decoder_take_and_give_physical_units() -> None:
    mean, std = torch.randn(LAYOUT.size), torch.rand(LAYOUT.size) + 0.5
    zero, one = torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size)
    features, latent = (
        torch.randn(2, 32, LAYOUT.size) * std + mean,
        torch.randn(2, SIZES.latent, 8),
    )
    encoder, bare_encoder = MotionEncoder(SIZES, mean, std), MotionEncoder(SIZES, zero, one)
    decoder, bare_decoder = MotionDecoder(SIZES, mean, std), MotionDecoder(SIZES, zero, one)
    predictor, bare_predictor = (
        GlobalMotionPredictor(SIZES, mean, std),
        GlobalMotionPredictor(SIZES, zero, one),
    )
    for a, b in ((encoder, bare_encoder), (decoder, bare_decoder), (predictor, bare_predictor)):
        b.load_state_dict(
            {key: value for key, value in a.state_dict().items() if key not in ("mean", "std")},
            strict=False,
        )
        assert {"mean", "std"} <= set(a.state_dict())
    normalized = (features - mean) / std
    torch.testing.assert_close(encoder(features), bare_encoder(normalized))
    contact = LAYOUT["foot_contact"]
    decoded, bare = decoder(latent), bare_decoder(latent)
    torch.testing.assert_close(
        decoded[..., : contact.start], (bare * std + mean)[..., : contact.start]
    )
    torch.testing.assert_close(decoded[..., contact], bare[..., contact])
    assert ((decoded[..., contact] > 0) & (decoded[..., contact] < 1)).all()
    velocity = LAYOUT["root_xz_velocity"]
    torch.testing.assert_close(
        predictor(features), bare_predictor(normalized) * std[velocity] + mean[velocity]
    )


@pytest.mark.parametrize(
    ("network", "unread"),
    [("encoder", ("foot_contact",)), ("predictor", ("foot_contact", "root_xz_velocity"))],
)
def test_what_a_network_must_not_read_does_not_reach_it(
    tiny_networks: TinyNetworks, network: str, unread: tuple[str, ...]
) -> None:
    module = {"encoder": tiny_networks.autoencoder.encoder, "predictor": tiny_networks.predictor}[
        network
    ]
    features = torch.randn(1, 32, LAYOUT.size)
    for group, _ in LAYOUT.sizes:
        changed = features.clone()
        changed[..., LAYOUT[group]] += 1.0
        with torch.no_grad():
            same = torch.equal(module(features), module(changed))
        assert same == (group in unread), group


def test_a_classifier_reads_its_groups_only() -> None:
    reads = torch.from_numpy(LAYOUT.only("joint_position"))
    classifier = Classifier(
        5, torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size), reads, width=8
    ).eval()
    features = torch.randn(2, 40, LAYOUT.size)
    changed = torch.randn(2, 40, LAYOUT.size)
    changed[..., LAYOUT["joint_position"]] = features[..., LAYOUT["joint_position"]]
    assert classifier(features).shape == (2, 5)
    torch.testing.assert_close(classifier(features), classifier(changed))


def test_without_modulation_only_the_norm_is_left() -> None:
    block = ModulatedConv(4, 6, 3, over_time=False)
    with torch.no_grad():
        block.modulation.weight.zero_()
        block.modulation.bias.zero_()
    normed = block(torch.randn(2, 4, 16), torch.randn(2, 3))
    torch.testing.assert_close(normed.mean(dim=1), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        normed.var(dim=1, unbiased=False), torch.ones(2, 16), atol=1e-2, rtol=0
    )


def test_the_kl_of_gaussians_is_that_of_torch_s_distributions() -> None:
    a, b = (Gaussian(torch.randn(5, 7), torch.randn(5, 7).mul(0.5)) for _ in range(2))
    zero, one = torch.zeros(5, 7), torch.ones(5, 7)
    normal, other, standard = (
        torch.distributions.Normal(mean, std)
        for mean, std in ((a.mean, a.log_std.exp()), (b.mean, b.log_std.exp()), (zero, one))
    )
    kl_divergence = torch.distributions.kl_divergence
    torch.testing.assert_close(a.kl(b), kl_divergence(normal, other).mean(dim=1))
    torch.testing.assert_close(a.kl(), kl_divergence(normal, standard).mean(dim=1))


def test_draws_are_of_the_gaussian_they_are_drawn_from() -> None:
    mean, log_std = torch.tensor([[1.0, -2.0]]), torch.tensor([[-1.0, 0.5]])
    draws = Gaussian(mean.expand(20_000, 2), log_std.expand(20_000, 2)).sample()
    torch.testing.assert_close(draws.mean(dim=0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(draws.std(dim=0), log_std[0].exp(), atol=0.03, rtol=0)


def test_a_gaussian_is_split_and_put_together_again() -> None:
    whole = Gaussian(torch.randn(6, 3), torch.randn(6, 3))
    for part, mean in zip(whole.split(2), whole.mean.split(2), strict=True):
        assert torch.equal(part.mean, mean)
    for joined, values in zip(Gaussian.cat(whole.split(2)), whole, strict=True):
        assert torch.equal(joined, values)


def test_a_style_prior_has_one_gaussian_for_each_label() -> None:
    prior = StylePrior(3, SIZES)
    mean, log_std = prior(torch.tensor([2, 0, 2]))
    torch.testing.assert_close(mean, prior.mean[[2, 0, 2]])
    assert log_std.shape == (3, SIZES.style_code)


def test_the_style_residual_is_the_same_in_training_as_at_use() -> None:
    missed = (
        np.random.default_rng(0).standard_normal((3, 16, 40)).astype(np.float32).cumsum(axis=-1)
    )
    missed *= np.array([0.02, 0.22, 2.0], np.float32)[
        :, None, None
    ]  # all of it, a part of it, none of it counts
    wanted = np.stack([residual.style_residual(one) for one in missed])
    np.testing.assert_allclose(style_residual(torch.from_numpy(missed)), wanted, atol=1e-5)
    shares = np.abs(wanted).max(axis=(1, 2)) / np.abs(missed).max(axis=(1, 2))
    assert shares[0] > 0.8 > shares[1] > 0.0 == shares[2]
    # a bundle may state that none of it is style
    none = style_residual(torch.from_numpy(missed), (0.0, 1e-6))
    np.testing.assert_array_equal(none, np.zeros_like(missed))
    assert residual.style_share(1e-4, (0.0, 1e-6)) == 0.0
