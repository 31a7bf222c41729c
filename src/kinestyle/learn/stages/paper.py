"""Stage 2 as Guo et al. (ICLR 2024) train it: their losses on the latents of a frozen autoencoder,
and a switch for each of their ablations.

Two crops M1, M2 of one sequence and a crop M3 of another; c the content code, N the distribution of
the style code, s drawn from it. R1, R2 are M1, M2 rebuilt, R3 is the content of M2 in the style of
M3, Q2 and Q3 are M2 and M3 won back from R3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, smooth_l1_loss

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry, by_cell
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.networks import (
    ContentEncoder,
    Generator,
    NetworkSizes,
    StyleEncoder,
    gaussian_kl,
    reparameterize,
)
from kinestyle.learn.stages.autoencoder import Autoencoder, kinematics_loss, reconstruction_loss
from kinestyle.learn.stages.classifiers import Labels
from kinestyle.retarget.features import LAYOUT

CERTAIN = -20.0
"""The log deviation of numbers that are not drawn but known."""


@dataclass(frozen=True)
class PaperConfig:
    """Stage 2 in the paper's form. The defaults are its supervised setting; `UNSUPERVISED` is the
    other.
    """

    loop: LoopConfig = LoopConfig(
        steps=4000,
        batch=16,
        learning_rate=1e-4,
        weight_decay=0.0,
        gradient_clip=0.5,
        validate_every=250,
    )
    crop_frames: int = 160
    supervised: bool = True
    """Labels into style encoder and generator. Without: no label anywhere, and all motion is
    learned from.
    """
    probabilistic: bool = True
    """A distribution of style codes for each clip, kept near N(0, I); otherwise one code."""
    end_to_end: bool = False
    """The autoencoder is trained with the rest, from its first weights, instead of before it."""
    alignment: Literal["off", "sequence", "style"] = "sequence"
    """What homo-style alignment takes for M1 and M2: two crops of one sequence, as in the paper, or
    of two clips of one style, which is what works where a sequence holds one action. Off: two crops
    of one sequence, not aligned."""
    autoencoding: float = 1.0
    """Weight of rebuilding M1 and M2."""
    cycle: float = 0.1
    """Weight of winning M2 and M3 back."""
    divergence: float = 0.1
    """Weight of the KL of style codes to N(0, I)."""
    align: float = 1.0
    """Weight of the KL between the style codes of M1 and M2."""
    label_dropout: float = 0.1
    """Share of sequences whose label is withheld, so that clips of unknown style can be read. Not
    in the paper.
    """


UNSUPERVISED = PaperConfig(supervised=False, cycle=1.0, divergence=0.01, align=0.1)
"""The paper's weights without labels."""


class PaperNetwork(nn.Module):
    """All that the stage trains. `autoencoder` is there only where it is trained end to end."""

    label_mean: Tensor
    label_log_deviation: Tensor

    def __init__(self, sizes: NetworkSizes, styles: int, autoencoder: Autoencoder | None):
        super().__init__()
        labels = styles if sizes.label_input else 0
        self.content_encoder = ContentEncoder(sizes)
        self.style_encoder = StyleEncoder(sizes, labels)
        self.generator = Generator(sizes, labels)
        self.autoencoder = autoencoder
        codes = torch.zeros(styles, sizes.style_code)
        self.register_buffer("label_mean", codes)
        self.register_buffer("label_log_deviation", torch.full_like(codes, CERTAIN))

    def prior(self, label: Tensor) -> tuple[Tensor, Tensor]:
        """label: (B,) -> mean and log deviation (B, K + S) of the style codes of a label: N(0, I)
        and the label itself, or, without label input, what the training clips of that label gave.
        """
        mean, log_std = self.label_mean[label], self.label_log_deviation[label]
        if not self.style_encoder.labels:
            return mean, log_std
        told = one_hot(label, self.style_encoder.labels).to(mean.dtype)
        return torch.cat([mean, told], dim=-1), torch.cat(
            [log_std, torch.full_like(told, CERTAIN)], dim=-1
        )


@dataclass(frozen=True)
class Sample:
    """Crops M1, M2, M3, and the styles of M1 and M3, -1 where they are withheld."""

    first: Crop
    second: Crop
    third: Crop
    style: int
    third_style: int


@dataclass
class Sequences:
    """first, second, third: features of M1, M2, M3 (B, T, 260); label, third_label: (B, S) one-hot
    or zeros.
    """

    first: Tensor
    second: Tensor
    third: Tensor
    label: Tensor
    third_label: Tensor


class PaperStage(Stage[PaperNetwork]):
    """See `loop.Stage`."""

    def __init__(
        self, corpus: Corpus, sizes: NetworkSizes, config: PaperConfig, autoencoder: Autoencoder
    ):
        assert config.supervised == sizes.label_input, (
            "labels are an input of the networks exactly where they are learned from"
        )
        self.corpus, self.config, self.labels = corpus, config, Labels.of(corpus)
        self.autoencoder = autoencoder.requires_grad_(config.end_to_end)
        torch.manual_seed(config.loop.seed)
        trained = autoencoder if config.end_to_end else None
        network = PaperNetwork(sizes, len(self.labels.styles) if config.supervised else 0, trained)
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))
        labelled = config.supervised or config.alignment == "style"
        self.entries = corpus.select("train", labelled=True if labelled else None)
        self.cells = by_cell(corpus.select("train", labelled=True))

    def frozen(self) -> Sequence[nn.Module]:
        return (self.autoencoder,)

    def draw(self) -> list[Sample]:
        return self._samples(self.sampler, self.entries)

    def _samples(self, sampler: CropSampler, entries: tuple[Entry, ...]) -> list[Sample]:
        samples = []
        for _ in range(self.config.loop.batch):
            first, third = sampler.choose(entries), sampler.choose(entries)
            second = (
                sampler.choose(sampler.choose(self.cells[first.style]))
                if self.config.alignment == "style"
                else first
            )
            mirror, mirror_third = sampler.coin(), sampler.coin()
            sides = (first, mirror), (second, mirror), (third, mirror_third)
            m1, m2, m3 = (sampler.place(entry, mirrored) for entry, mirrored in sides)
            style, third_style = (self._label(sampler, entry) for entry in (first, third))
            samples.append(Sample(m1, m2, m3, style, third_style))
        return samples

    def _label(self, sampler: CropSampler, entry: Entry) -> int:
        known = self.config.supervised and not sampler.coin(self.config.label_dropout)
        return self.labels.styles.index(entry.style) if known else -1

    def _sequences(self, samples: Sequence[Sample]) -> Sequences:
        motion = [
            self.cut([getattr(sample, name) for sample in samples])
            for name in ("first", "second", "third")
        ]
        labels = [
            torch.tensor([getattr(sample, name) for sample in samples])
            for name in ("style", "third_style")
        ]
        return Sequences(*motion, *map(self._one_hot, labels))

    def _one_hot(self, label: Tensor) -> Tensor:
        """label: (B,), -1 where not known -> (B, S), S = 0 without labels."""
        styles = self.network.style_encoder.labels
        return (
            one_hot(label + 1, styles + 1)[:, 1:].float() if styles else torch.zeros(len(label), 0)
        )

    def losses_of(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        c, net, size, batch = self.config, self.network, len(samples), self._sequences(samples)
        motion = torch.cat([batch.first, batch.second, batch.third])
        if not c.end_to_end:
            self.autoencoder.eval()  # its dropout belongs to its own stage
        with torch.set_grad_enabled(c.end_to_end and torch.is_grad_enabled()):
            z = self.autoencoder.encoder(motion).float()
        label = torch.cat([batch.label, batch.label, batch.third_label])
        content = net.content_encoder(z)
        mean, log_std = self._style(z, label)
        (_, z2, z3), (c1, c2, c3) = z.split(size), content.split(size)
        means, log_deviations = mean.split(size), log_std.split(size)
        s1, s2, s3 = (self._draw(*pair) for pair in zip(means, log_deviations, strict=True))
        _, y2, y3 = label.split(size)
        rebuilt = self._generate(torch.cat([c1, c2, c2.detach()]), torch.cat([s1, s2, s3]), label)
        restyled = rebuilt[2 * size :]
        c4 = net.content_encoder(restyled)
        mean4, log_deviation4 = self._style(restyled, y3)
        back = self._generate(
            torch.cat([c4, c3.detach()]),
            torch.cat(
                [
                    self._draw(means[1].detach(), log_deviations[1].detach()),
                    self._draw(mean4, log_deviation4),
                ]
            ),
            torch.cat([y2, y3]),
        )
        decoded = self.autoencoder.decoder.normalized(
            torch.cat([rebuilt[: 2 * size], back])
        ).float()
        normalized = self.autoencoder.normalize(
            torch.cat([batch.first, batch.second, batch.second, batch.third])
        )
        contacts = LAYOUT["foot_contact"].start
        autoencoding = smooth_l1_loss(rebuilt[: 2 * size], z[: 2 * size])
        autoencoding = autoencoding + smooth_l1_loss(
            decoded[: 2 * size, :, :contacts], normalized[: 2 * size, :, :contacts]
        )
        cycle = smooth_l1_loss(back, torch.cat([z2, z3]))
        cycle = cycle + smooth_l1_loss(
            decoded[2 * size :, :, :contacts], normalized[2 * size :, :, :contacts]
        )
        zero = torch.zeros_like(mean)
        divergence = gaussian_kl(
            mean[: 2 * size], log_std[: 2 * size], zero[: 2 * size], zero[: 2 * size]
        )
        divergence = divergence + gaussian_kl(mean4, log_deviation4, zero[:size], zero[:size])
        align = gaussian_kl(means[0], log_deviations[0], means[1], log_deviations[1])
        terms = {
            "autoencoding": autoencoding,
            "cycle": cycle,
            "divergence": divergence,
            "align": align,
        }
        weights = {
            "autoencoding": c.autoencoding,
            "cycle": c.cycle,
            "divergence": c.divergence if c.probabilistic else 0.0,
            "align": 0.0 if c.alignment == "off" else c.align,
        }
        total = sum((weights[name] * value for name, value in terms.items()), torch.zeros(()))
        if c.end_to_end:
            own = self.autoencoder.decoder.normalized(z).float()
            total = total + reconstruction_loss(own, self.autoencoder.normalize(motion))
            total = total + kinematics_loss(self.autoencoder, own, motion)
        return {"total": total, **terms}

    def _style(self, latent: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """latent: (B, Z, T/4), label: (B, S) -> mean and log deviation (B, K); 0 where codes are
        not probabilistic.
        """
        mean, log_std = self.network.style_encoder(latent, label)
        return (
            mean.float(),
            log_std.float() if self.config.probabilistic else torch.zeros_like(mean.float()),
        )

    def _draw(self, mean: Tensor, log_std: Tensor) -> Tensor:
        return reparameterize(mean, log_std) if self.config.probabilistic else mean

    def _generate(self, content: Tensor, style: Tensor, label: Tensor) -> Tensor:
        rebuilt: Tensor = self.network.generator(content, torch.cat([style, label], dim=-1))
        return rebuilt.float()

    def validate(self) -> dict[str, float]:
        """The losses on crops of the validation split, the same crops every time."""
        entries = (
            self.corpus.known_validation()
            if self.config.supervised
            else self.corpus.select("validation")
        )
        if not entries:
            return {"score": float("nan")}
        sampler = CropSampler(self.corpus, self.config.crop_frames, seed=1)
        torch.manual_seed(1)
        batches = [self.losses_of(self._samples(sampler, entries)) for _ in range(8)]
        figures = {
            name: float(np.mean([float(batch[name]) for batch in batches])) for name in batches[0]
        }
        return {"score": figures["total"], **figures}

    def learn_labels(self) -> None:
        """Set what label mode draws from. Probabilistic with labels: N(0, I); otherwise the codes
        of the training clips.
        """
        net, c = self.network, self.config
        if not c.supervised:
            return
        net.label_log_deviation.fill_(0.0 if c.probabilistic else CERTAIN)
        if c.probabilistic:
            return
        with torch.no_grad():
            for i, style in enumerate(self.labels.styles):
                crops = [
                    self.sampler.crop(self.sampler.choose(self.sampler.choose(self.cells[style])))
                    for _ in range(32)
                ]
                latent = self.autoencoder.encoder(torch.from_numpy(np.stack(crops)))
                net.label_mean[i] = net.style_encoder(latent, self._one_hot(torch.full((32,), i)))[
                    0
                ].mean(dim=0)
