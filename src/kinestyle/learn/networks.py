"""The networks of Guo et al. (ICLR 2024), in the form that measured best here. All are fully convolutional in time.

Features enter and leave as (B, T, 260) in physical units: mean and deviation are buffers of the autoencoder and the global
motion predictor, and nowhere else. Latents are (B, Z, T/4), content codes (B, C, T/8), style codes (B, K).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinestyle.motion.features import LAYOUT

SLOPE = 0.2


@dataclass(frozen=True)
class NetworkSizes:
    """Channels of every network. The defaults are the released model; the paper's are about three times as many parameters."""

    latent: int = 256
    """Channels Z of the autoencoder's latent."""
    encoder: tuple[int, int] = (320, 384)
    """Channels of the motion encoder's two strided convolutions."""
    decoder: tuple[int, int, int] = (512, 384, 320)
    """Channels of the motion decoder: before, between and after its two upsamplings."""
    content: int = 384
    """Channels inside the content encoder."""
    content_code: int = 128
    """Channels C of the content code."""
    style: int = 384
    """Channels inside the style encoder."""
    style_code: int = 64
    """Numbers K in a style code."""
    generator: tuple[int, int, int] = (384, 512, 384)
    """Channels of the generator's three modulated convolutions."""
    global_motion: tuple[int, int, int] = (192, 128, 64)
    """Channels of the global motion predictor."""


def conv(inputs: int, outputs: int, width: int = 3, stride: int = 1) -> nn.Conv1d:
    """A convolution over time that keeps T (or halves it), with the ends held instead of padded by zeros."""
    return nn.Conv1d(inputs, outputs, width, stride, padding=width // 2, padding_mode="replicate" if width > 1 else "zeros")


class PhysicalUnits(nn.Module):
    """A network that takes or gives features in physical units: mean and deviation (260,) are part of it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def normalize(self, features: Tensor) -> Tensor:
        """(..., 260) physical -> normalised."""
        return (features - self.mean) / self.deviation

    def physical(self, normalized: Tensor) -> Tensor:
        """(..., 260) normalised -> physical."""
        return normalized * self.deviation + self.mean


class MotionEncoder(PhysicalUnits):
    """E: features (B, T, 260) -> latent (B, Z, T/4). Contacts are not read."""

    def __init__(self, sizes: NetworkSizes, mean: Tensor, deviation: Tensor):
        super().__init__(mean, deviation)
        self.inputs = LAYOUT["foot_contact"].start
        first, second = sizes.encoder
        self.layers = nn.Sequential(
            conv(self.inputs, first, 3),
            nn.LeakyReLU(SLOPE),
            nn.AvgPool1d(2),
            conv(first, second, 3, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(second, sizes.latent, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(self.normalize(features)[..., : self.inputs].transpose(1, 2))


class MotionDecoder(PhysicalUnits):
    """D: latent (B, Z, T/4) -> features (B, T, 260); contacts as probabilities."""

    def __init__(self, sizes: NetworkSizes, mean: Tensor, deviation: Tensor):
        super().__init__(mean, deviation)
        self.contact_start = LAYOUT["foot_contact"].start
        first, second, third = sizes.decoder
        self.layers = nn.Sequential(
            conv(sizes.latent, first),
            nn.LeakyReLU(SLOPE),
            nn.Upsample(scale_factor=2, mode="nearest"),
            conv(first, second),
            nn.LeakyReLU(SLOPE),
            nn.Upsample(scale_factor=2, mode="nearest"),
            conv(second, third),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(third, LAYOUT.size, 1),
        )

    def normalized(self, latent: Tensor) -> Tensor:
        """latent: (B, Z, T/4) -> (B, T, 260) normalised features with contact logits, as the losses take them."""
        return self.layers(latent).transpose(1, 2)

    def forward(self, latent: Tensor) -> Tensor:
        normalized = self.normalized(latent)
        contact = torch.sigmoid(normalized[..., self.contact_start :])
        motion = self.physical(normalized)[..., : self.contact_start]
        return torch.cat([motion, contact], dim=-1)


class ContentEncoder(nn.Module):
    """Ec: latent (B, Z, T/4) -> content code (B, C, T/8).

    Without instance norm: a held pose lives in the mean over time, which that norm erases.
    """

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.layers = nn.Sequential(
            conv(sizes.latent, sizes.content, 3, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(sizes.content, sizes.content, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(sizes.content, sizes.content_code, 1),
        )

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(latent)


class StyleEncoder(nn.Module):
    """Es: latent (B, Z, T/4) -> mean and log deviation (B, K) each of the clip's style code. It needs no label."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.layers = nn.Sequential(
            conv(sizes.latent, sizes.style, 3, stride=2),
            nn.LeakyReLU(SLOPE),
            conv(sizes.style, sizes.style, 3, stride=2),
            nn.LeakyReLU(SLOPE),
        )
        self.head = nn.Linear(sizes.style, 2 * sizes.style_code)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.head(self.layers(latent).mean(dim=-1)).chunk(2, dim=-1)
        return mean, log_deviation.clamp(-5.0, 2.0)


class Modulated(nn.Module):
    """Convolution, norm over channels frame by frame, then scale and shift from the style code.

    The norm is not AdaIN's: one over time would take a held pose away from the content.
    """

    def __init__(self, inputs: int, outputs: int, style_code: int):
        super().__init__()
        self.convolution = conv(inputs, outputs)
        self.modulation = nn.Linear(style_code, 2 * outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.convolution(x), SLOPE)
        x = nn.functional.layer_norm(x.transpose(1, 2), (self.convolution.out_channels,)).transpose(1, 2)
        scale, shift = self.modulation(style).unsqueeze(-1).chunk(2, dim=1)
        return x * (1.0 + scale) + shift


class Generator(nn.Module):
    """G: content code (B, C, T/8), style code (B, K) -> latent (B, Z, T/4)."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        first, second, third = sizes.generator
        self.blocks = nn.ModuleList(
            [
                Modulated(sizes.content_code, first, sizes.style_code),
                Modulated(first, second, sizes.style_code),
                Modulated(second, third, sizes.style_code),
            ]
        )
        self.out = nn.Conv1d(third, sizes.latent, 1)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        x = self.blocks[0](content, style)
        x = self.blocks[1](x, style)
        x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.out(self.blocks[2](x, style))


class StylePrior(nn.Module):
    """What the styles of the training data look like in style space: one Gaussian a label, learned with the rest."""

    def __init__(self, styles: int, sizes: NetworkSizes):
        super().__init__()
        self.mean = nn.Parameter(0.5 * torch.randn(styles, sizes.style_code))
        self.log_deviation = nn.Parameter(torch.full((styles, sizes.style_code), -1.0))

    def forward(self, label: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean[label], self.log_deviation[label].clamp(-3.0, 1.0)


class GlobalMotionPredictor(PhysicalUnits):
    """GMP: features (B, T, 260) -> root velocity on the ground (B, T, 2), metres a frame. Reads neither it nor contacts."""

    reads: Tensor

    def __init__(self, sizes: NetworkSizes, mean: Tensor, deviation: Tensor):
        super().__init__(mean, deviation)
        self.register_buffer("reads", torch.from_numpy(LAYOUT.without("root_xz_velocity", "foot_contact")))
        self.velocity = LAYOUT["root_xz_velocity"]
        first, second, third = sizes.global_motion
        self.layers = nn.Sequential(
            conv(len(self.reads), first, 5),
            nn.LeakyReLU(SLOPE),
            conv(first, second, 5),
            nn.LeakyReLU(SLOPE),
            conv(second, third, 5),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(third, 2, 1),
        )

    def normalized(self, normalized_features: Tensor) -> Tensor:
        """(B, T, 260) normalised -> (B, T, 2) normalised velocity."""
        return self.layers(normalized_features[..., self.reads].transpose(1, 2)).transpose(1, 2)

    def forward(self, features: Tensor) -> Tensor:
        predicted = self.normalized(self.normalize(features))
        return predicted * self.deviation[self.velocity] + self.mean[self.velocity]


class Classifier(PhysicalUnits):
    """Features (B, T, 260) -> logits (B, classes). Serves as the guide of the stylizer and, on other inputs, as a judge."""

    reads: Tensor

    def __init__(self, classes: int, mean: Tensor, deviation: Tensor, reads: Tensor, width: int = 192):
        super().__init__(mean, deviation)
        self.register_buffer("reads", reads)
        self.layers = nn.Sequential(
            conv(len(reads), width, 5, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(0.2),
            conv(width, width, 5, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(0.2),
            conv(width, width, 5, stride=2),
            nn.LeakyReLU(SLOPE),
        )
        self.head = nn.Linear(2 * width, classes)

    def normalized(self, normalized_features: Tensor) -> Tensor:
        """(B, T, 260) normalised -> (B, classes)."""
        return self.head(self.embed(normalized_features))

    def embed(self, normalized_features: Tensor) -> Tensor:
        """(B, T, 260) normalised -> (B, 2 * width): mean and maximum over time, the features that FID compares."""
        x = self.layers(normalized_features[..., self.reads].transpose(1, 2))
        return torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        return self.normalized(self.normalize(features))


def reparameterize(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """A draw from N(mean, exp(log_deviation)^2), differentiable in both."""
    return mean + log_deviation.exp() * torch.randn_like(mean)


def gaussian_kl(mean: Tensor, log_deviation: Tensor, other_mean: Tensor, other_log_deviation: Tensor) -> Tensor:
    """KL(N(mean) || N(other)) of diagonal Gaussians, averaged over the batch and over the K numbers."""
    ratio = torch.exp(2.0 * (log_deviation - other_log_deviation))
    distance = ((mean - other_mean) / other_log_deviation.exp()) ** 2
    return (0.5 * (ratio + distance - 1.0) + other_log_deviation - log_deviation).mean()
