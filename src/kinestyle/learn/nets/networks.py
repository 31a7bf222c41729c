"""The networks of Guo et al. (ICLR 2024), in the paper's form and in the one that measured best
here.

All are fully convolutional in time. Features enter and leave as (B, T, 260) in physical units: mean
and standard deviation are buffers of the networks that read or write features, and nowhere else.
Latents are (B, Z, T/4), content codes (B, C, T/8), style codes (B, K); where labels are an input of
the networks, as in the paper, a style code is (B, K + S), the label's one-hot last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from kinestyle.learn.nets.convolution import TimeConvolution, Upsample2x, upsample_2x
from kinestyle.learn.nets.gaussian import Gaussian
from kinestyle.retarget.features import LAYOUT

SLOPE = 0.2


@dataclass(frozen=True)
class NetworkSizes:
    """Channels and forms of every network. The defaults are the released model."""

    latent: int = 256
    """Channels Z of the autoencoder's latent."""
    encoder: tuple[int, int] = (256, 384)
    """Channels of the motion encoder's two strided convolutions."""
    decoder: tuple[int, int, int] = (256, 256, 256)
    """Channels of the motion decoder's three convolutions."""
    frames_at_once: int = 2
    """Frames that the last layers of decoder and global motion predictor write in one step. 2
    halves their work; the paper: 1.
    """
    dropout: float = 0.0
    """In the motion encoder. The paper: 0.2."""
    content: int = 384
    """Channels inside the content encoder."""
    content_code: int = 128
    """Channels C of the content code."""
    content_norm: bool = False
    """Instance norm in the content encoder, as in the paper. It removes the mean over time, and
    with it a constant pose.
    """
    style: tuple[int, ...] = (320, 320)
    """Channels of the style encoder's convolutions, the first two strided."""
    style_moments: int = 0
    """Channels of the layer that reads, of the style encoder's channels and of the latent itself,
    mean and standard deviation over time; 0, the paper: means of its channels, and no such layer.
    """
    style_code: int = 64
    """Numbers K in a style code."""
    generator: tuple[int, int, int] = (352, 480, 352)
    """Channels of the generator's three modulated convolutions."""
    norm_over_time: bool = False
    """AdaIN as in the paper: the norm of the generator runs over time, not over the channels of a
    frame.
    """
    label_input: bool = False
    """Style labels are an input of style encoder and generator, as in the paper, instead of a
    Gaussian each in style space.
    """
    global_motion: tuple[int, int, int] = (128, 64, 32)
    """Channels of the global motion predictor."""
    global_motion_width: int = 5
    """Frames that each of its convolutions reads."""


PAPER_SIZES = NetworkSizes(
    latent=512,
    encoder=(384, 512),
    decoder=(512, 512, 384),
    frames_at_once=1,
    dropout=0.2,
    content=768,
    content_code=512,
    content_norm=True,
    style=(768, 768, 512),
    style_code=512,
    generator=(768, 1024, 768),
    norm_over_time=True,
    label_input=True,
    global_motion=(512, 256, 128),
    global_motion_width=3,
)
"""The paper's networks: 19.8 million parameters with the 16 styles of its data."""


def conv(inputs: int, outputs: int, width: int = 3, stride: int = 1) -> nn.Conv1d:
    """A convolution over time that keeps T (or halves it); the ends are replicated, not padded with
    zeros.
    """
    return TimeConvolution(inputs, outputs, width, stride)


def contiguous_slices(indices: Tensor) -> tuple[slice, ...]:
    """Indices as slices of neighbours: a few slices are many times faster than single indices."""
    first_of_next = torch.nonzero(indices.diff() != 1).flatten() + 1
    parts = torch.tensor_split(indices, first_of_next)
    return tuple(slice(int(part[0]), int(part[-1]) + 1) for part in parts)


def take(features: Tensor, slices: Sequence[slice]) -> Tensor:
    """features: (..., 260) -> (..., n) those of some slices, one after the other."""
    return torch.cat([features[..., part] for part in slices], dim=-1)


class PhysicalUnits(nn.Module):
    """A network that reads or writes features in physical units: their mean and standard deviation,
    (260,) each, are its buffers.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def normalize(self, features: Tensor) -> Tensor:
        """(..., 260) physical -> normalised."""
        return (features - self.mean) / self.std

    def physical(self, normalized: Tensor) -> Tensor:
        """(..., 260) normalised -> physical."""
        return normalized * self.std + self.mean


class MotionEncoder(PhysicalUnits):
    """E: features (B, T, 260) -> latent (B, Z, T/4). Contacts are not read."""

    def __init__(self, sizes: NetworkSizes, mean: Tensor, std: Tensor, variational: bool = False):
        super().__init__(mean, std)
        self.inputs = LAYOUT["foot_contact"].start
        first, second = sizes.encoder
        self.layers = nn.Sequential(
            conv(self.inputs, first, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(sizes.dropout),
            conv(first, second, stride=2),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(sizes.dropout),
        )
        self.latent = conv(second, sizes.latent, 1)
        self.log_std = conv(second, sizes.latent, 1) if variational else None

    def distribution(self, features: Tensor) -> Gaussian:
        """features: (B, T, 260) -> (B, Z, T/4); only of a variational encoder."""
        assert self.log_std is not None, "only a variational encoder has a distribution"
        x = self._layers(features)
        return Gaussian(self.latent(x), self.log_std(x).clamp(-8.0, 4.0))

    def forward(self, features: Tensor) -> Tensor:
        return self.latent(self._layers(features))

    def _layers(self, features: Tensor) -> Tensor:
        return self.layers(self.normalize(features)[..., : self.inputs].transpose(1, 2))


class MotionDecoder(PhysicalUnits):
    """D: latent (B, Z, T/4) -> features (B, T, 260); contacts as probabilities."""

    def __init__(self, sizes: NetworkSizes, mean: Tensor, std: Tensor):
        super().__init__(mean, std)
        self.contact_start = LAYOUT["foot_contact"].start
        self.frames_at_once = sizes.frames_at_once
        first, second, third = sizes.decoder
        self.first = conv(sizes.latent, first)
        last_step = [Upsample2x()] if sizes.frames_at_once == 1 else []
        self.layers = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            Upsample2x(),
            conv(first, second),
            nn.LeakyReLU(SLOPE),
            *last_step,
            conv(second, third),
            nn.LeakyReLU(SLOPE),
            conv(third, sizes.frames_at_once * LAYOUT.size, 1),
        )

    def normalized(self, latent: Tensor) -> Tensor:
        """latent: (B, Z, T/4) -> (B, T, 260) normalised, contacts as logits, for losses."""
        return unfold_frames(self.layers(self.first(latent)), self.frames_at_once)

    def forward(self, latent: Tensor) -> Tensor:
        normalized = self.normalized(latent)
        contact = torch.sigmoid(normalized[..., self.contact_start :])
        motion = self.physical(normalized)[..., : self.contact_start]
        return torch.cat([motion, contact], dim=-1)


def unfold_frames(x: Tensor, frames_at_once: int) -> Tensor:
    """(B, frames_at_once * D, T / frames_at_once) -> (B, T, D): channels that hold several frames
    become frames.
    """
    x = x.transpose(1, 2)
    return x.reshape(x.shape[0], -1, x.shape[2] // frames_at_once)


class PoseEncoder(PhysicalUnits):
    """Instead of a latent: normalised poses themselves, four frames to a step, (B, T, 260) -> (B,
    1040, T/4).
    """

    def forward(self, features: Tensor) -> Tensor:
        x = self.normalize(features)
        return x.reshape(x.shape[0], -1, POSES_AT_ONCE * LAYOUT.size).transpose(1, 2)


class PoseDecoder(PhysicalUnits):
    """The inverse of `PoseEncoder`: (B, 1040, T/4) -> (B, T, 260). It learns nothing; contacts are
    as generated.
    """

    def normalized(self, latent: Tensor) -> Tensor:
        return unfold_frames(latent, POSES_AT_ONCE)

    def forward(self, latent: Tensor) -> Tensor:
        return self.physical(self.normalized(latent))


POSES_AT_ONCE = 4
POSE_CHANNELS = POSES_AT_ONCE * LAYOUT.size


class ContentEncoder(nn.Module):
    """Ec: latent (B, Z, T/4) -> content code (B, C, T/8)."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.norm = sizes.content_norm
        self.first = conv(sizes.latent, sizes.content, stride=2)
        self.layers = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            conv(sizes.content, sizes.content_code if sizes.content_norm else sizes.content, 1),
            nn.LeakyReLU(SLOPE),
            conv(
                sizes.content_code if sizes.content_norm else sizes.content, sizes.content_code, 1
            ),
        )

    def forward(self, latent: Tensor) -> Tensor:
        x = self.first(latent)
        return self.layers(norm_over_time(x) if self.norm else x)


def norm_over_time(x: Tensor) -> Tensor:
    """Instance norm: (B, C, T) to mean 0 and standard deviation 1 over time; T may be 1."""
    x = x - x.mean(dim=-1, keepdim=True)
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-5)


class StyleEncoder(nn.Module):
    """Es: latent (B, Z, T/4) -> the distribution of the clip's style code, (B, K).

    Where labels are an input, a known label is read as channels beside the latent.
    """

    def __init__(self, sizes: NetworkSizes, labels: int = 0):
        super().__init__()
        self.labels, self.moments = labels, sizes.style_moments > 0
        widths = (sizes.latent + labels, *sizes.style)
        self.layers = nn.Sequential()
        for i, (inputs, outputs) in enumerate(pairwise(widths)):
            self.layers.append(conv(inputs, outputs, stride=2 if i < 2 else 1))
            self.layers.append(nn.LeakyReLU(SLOPE))
        if self.moments:
            self.head: nn.Module = nn.Sequential(
                nn.Linear(2 * (sizes.style[-1] + widths[0]), sizes.style_moments),
                nn.LeakyReLU(SLOPE),
                nn.Linear(sizes.style_moments, 2 * sizes.style_code),
            )
        else:
            self.head = nn.Linear(sizes.style[-1], 2 * sizes.style_code)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Gaussian:
        """label: (B, S) one-hot, zeros where it is not known; None: known nowhere."""
        if self.labels:
            known = latent.new_zeros(latent.shape[0], self.labels) if label is None else label
            latent = torch.cat(
                [latent, known.unsqueeze(-1).expand(-1, -1, latent.shape[-1]).to(latent.dtype)],
                dim=1,
            )
        x = self.layers(latent)
        pooled = (
            torch.cat([*moments(x), *moments(latent)], dim=-1) if self.moments else x.mean(dim=-1)
        )
        mean, log_std = self.head(pooled).chunk(2, dim=-1)
        return Gaussian(mean, log_std.clamp(-5.0, 2.0))


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """x: (B, C, T) -> mean and standard deviation over time, (B, C)."""
    x = x.float()
    mean = x.mean(dim=-1)
    return mean, ((x - mean[..., None]).square().mean(dim=-1) + 1e-4).sqrt()


class ModulatedConv(nn.Module):
    """Convolution, norm, then scale and shift from the style code: x (B, I, T), style (B, K) ->
    (B, O, T).

    over_time: the norm runs over time, which makes it AdaIN and removes a constant pose from the
    content; otherwise over channels, frame by frame.
    """

    def __init__(self, inputs: int, outputs: int, style_code: int, over_time: bool):
        super().__init__()
        self.over_time = over_time
        self.convolution = conv(inputs, outputs)
        self.modulation = nn.Linear(style_code, 2 * outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.convolution(x), SLOPE)
        if self.over_time:
            x = norm_over_time(x)
        else:
            x = nn.functional.layer_norm(
                x.transpose(1, 2), (self.convolution.out_channels,)
            ).transpose(1, 2)
        scale, shift = self.modulation(style).unsqueeze(-1).chunk(2, dim=1)
        return x * (1.0 + scale) + shift


class Generator(nn.Module):
    """G: content code (B, C, T/8), style code (B, K), with the label's one-hot behind it where
    labels are an input
    -> latent (B, Z, T/4)."""

    def __init__(self, sizes: NetworkSizes, labels: int = 0):
        super().__init__()
        code = sizes.style_code + labels
        widths = (sizes.content_code, *sizes.generator)
        self.blocks = nn.ModuleList(
            ModulatedConv(inputs, outputs, code, sizes.norm_over_time)
            for inputs, outputs in pairwise(widths)
        )
        self.out = conv(sizes.generator[-1], sizes.latent, 1)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        x = self.blocks[0](content, style)
        x = self.blocks[1](x, style)
        x = upsample_2x(x)
        return self.out(self.blocks[2](x, style))


class StylePrior(nn.Module):
    """Label (B,) -> the distribution of its style codes, (B, K): one Gaussian a label, learned with
    the rest.
    """

    def __init__(self, styles: int, sizes: NetworkSizes):
        super().__init__()
        self.mean = nn.Parameter(0.5 * torch.randn(styles, sizes.style_code))
        self.log_std = nn.Parameter(torch.full((styles, sizes.style_code), -1.0))

    def forward(self, label: Tensor) -> Gaussian:
        return Gaussian(self.mean[label], self.log_std[label].clamp(-3.0, 1.0))


class GlobalMotionPredictor(PhysicalUnits):
    """GMP: features (B, T, 260) -> root velocity on the ground (B, T, 2), metres a frame. Reads
    neither it nor contacts.
    """

    reads: Tensor

    def __init__(self, sizes: NetworkSizes, mean: Tensor, std: Tensor):
        super().__init__(mean, std)
        self.register_buffer(
            "reads", torch.from_numpy(LAYOUT.without("root_xz_velocity", "foot_contact"))
        )
        self.slices = contiguous_slices(self.reads)
        self.velocity = LAYOUT["root_xz_velocity"]
        self.frames_at_once = sizes.frames_at_once
        (first, second, third), width = sizes.global_motion, sizes.global_motion_width
        self.layers = nn.Sequential(
            conv(len(self.reads), first, width, stride=sizes.frames_at_once),
            nn.LeakyReLU(SLOPE),
            conv(first, second, width),
            nn.LeakyReLU(SLOPE),
            conv(second, third, width),
            nn.LeakyReLU(SLOPE),
            conv(third, 2 * sizes.frames_at_once, 1),
        )

    def normalized(self, normalized_features: Tensor) -> Tensor:
        """(B, T, 260) normalised -> (B, T, 2) normalised velocity."""
        velocity = unfold_frames(
            self.layers(take(normalized_features, self.slices).transpose(1, 2)), self.frames_at_once
        )
        return velocity[:, : normalized_features.shape[1]]

    def forward(self, features: Tensor) -> Tensor:
        predicted = self.normalized(self.normalize(features))
        return predicted * self.std[self.velocity] + self.mean[self.velocity]


class Classifier(PhysicalUnits):
    """Features (B, T, 260) -> logits (B, classes). An auxiliary classifier of the stylizer, or,
    with other inputs, a judge.
    """

    reads: Tensor

    def __init__(self, classes: int, mean: Tensor, std: Tensor, reads: Tensor, width: int = 192):
        super().__init__(mean, std)
        self.register_buffer("reads", reads)
        self.slices = contiguous_slices(reads)
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
        """(B, T, 260) normalised -> (B, 2 * width): mean and maximum over time, the features that
        FID compares.
        """
        x = self.layers(self.channels(normalized_features).transpose(1, 2))
        return torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=-1)

    def channels(self, normalized_features: Tensor) -> Tensor:
        """(B, T, 260) normalised -> (B, T, channels) that it reads."""
        return take(normalized_features, self.slices)

    def forward(self, features: Tensor) -> Tensor:
        return self.normalized(self.normalize(features))
