"""Stage 2 as Guo et al. (ICLR 2024) train it: their losses on the latents of a frozen autoencoder,
and a switch for each of their ablations.

Two crops M1, M2 of one sequence and a crop M3 of another; z the latent, c the content code, N the
distribution of the style code, s drawn from it, sg without gradient, SL1 the smooth L1 distance:

    R1 = G(c1, s1)   R2 = G(c2, s2)              autoencoding
    R3 = G(sg c2, s3)                            the content of M2 in the style of M3
    Q2 = G(c4, s ~ sg N2)   Q3 = G(sg c3, s ~ N4)    cycle, with c4 and N4 read from R3

    L = autoencoding · [SL1(z1, R1) + SL1(z2, R2) + SL1(M1, D R1) + SL1(M2, D R2)]
      + cycle · [SL1(z2, Q2) + SL1(z3, Q3) + SL1(M2, D Q2) + SL1(M3, D Q3)]
      + kl · [KL(N1 ‖ N(0, I)) + KL(N2 ‖ N(0, I)) + KL(N4 ‖ N(0, I))]
      + homo_style_alignment · KL(N1 ‖ N2)

Each SL1 and KL is a mean over the batch and over numbers; motion is normalised, without contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, smooth_l1_loss

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry, by_cell
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.gaussian import Gaussian
from kinestyle.learn.nets.networks import ContentEncoder, Generator, NetworkSizes, StyleEncoder
from kinestyle.learn.stages.autoencoder import Autoencoder, kinematics_loss, reconstruction_loss
from kinestyle.learn.stages.classifiers import UNKNOWN, Labels
from kinestyle.retarget.features import LAYOUT

CERTAIN = -20.0
"""The log of the standard deviation of numbers that are known and not drawn."""


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
    """Weight of rebuilding M2 and M3 from R3."""
    kl: float = 0.1
    """Weight of the KL of style codes to N(0, I)."""
    homo_style_alignment: float = 1.0
    """Weight of the KL between the style codes of M1 and M2."""
    label_dropout: float = 0.1
    """Share of sequences whose label is withheld, so that clips of unknown style can be read. Not
    in the paper.
    """


UNSUPERVISED = PaperConfig(supervised=False, cycle=1.0, kl=0.01, homo_style_alignment=0.1)
"""The paper's weights without labels."""


class PaperNetwork(nn.Module):
    """All that the stage trains. `autoencoder` is there only where it is trained end to end."""

    label_mean: Tensor
    label_log_std: Tensor

    def __init__(self, sizes: NetworkSizes, styles: int, autoencoder: Autoencoder | None):
        super().__init__()
        labels = styles if sizes.label_input else 0
        self.content_encoder = ContentEncoder(sizes)
        self.style_encoder = StyleEncoder(sizes, labels)
        self.generator = Generator(sizes, labels)
        self.autoencoder = autoencoder
        codes = torch.zeros(styles, sizes.style_code)
        self.register_buffer("label_mean", codes)
        self.register_buffer("label_log_std", torch.full_like(codes, CERTAIN))

    def prior(self, label: Tensor) -> Gaussian:
        """label: (B,) -> (B, K + S), the style codes of a label: N(0, I) and the label itself, or,
        without label input, what the training clips of that label gave.
        """
        code = Gaussian(self.label_mean[label], self.label_log_std[label])
        if not self.style_encoder.labels:
            return code
        known = one_hot(label, self.style_encoder.labels).to(code.mean.dtype)
        return Gaussian(
            torch.cat([code.mean, known], dim=-1),
            torch.cat([code.log_std, torch.full_like(known, CERTAIN)], dim=-1),
        )


@dataclass(frozen=True)
class Sample:
    """Crops M1, M2, M3, and the styles of M1 and M3, `UNKNOWN` where they are withheld."""

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
            m1, m2, m3 = (sampler.choose_crop(entry, mirrored) for entry, mirrored in sides)
            style, third_style = (self._label(sampler, entry) for entry in (first, third))
            samples.append(Sample(m1, m2, m3, style, third_style))
        return samples

    def _label(self, sampler: CropSampler, entry: Entry) -> int:
        known = self.config.supervised and not sampler.coin(self.config.label_dropout)
        return self.labels.styles.index(entry.style) if known else UNKNOWN

    def _sequences(self, samples: Sequence[Sample]) -> Sequences:
        motion = [
            self.cut([getattr(sample, name) for sample in samples])
            for name in ("first", "second", "third")
        ]
        labels = [
            self.features.send([getattr(sample, name) for sample in samples])
            for name in ("style", "third_style")
        ]
        return Sequences(*motion, *map(self._one_hot, labels))

    def _one_hot(self, label: Tensor) -> Tensor:
        """label: (B,), `UNKNOWN` where it is not known -> (B, S), S = 0 without labels."""
        styles = torch.arange(self.network.style_encoder.labels, device=label.device)
        return (label[:, None] == styles).float()

    def losses_of(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        size, batch = len(samples), self._sequences(samples)
        y1, y3 = batch.label, batch.third_label
        motion = torch.cat([batch.first, batch.second, batch.third])
        z = self._latent(motion)
        z1, z2, z3 = z.split(size)
        content = self.network.content_encoder(z)
        c1, c2, c3 = content.split(size)
        label = torch.cat([y1, y1, y3])
        style = self._style(z, label)
        n1, n2, _ = style.split(size)

        r1, r2, r3 = self._generate(torch.cat([c1, c2, c2.detach()]), style, label).split(size)
        c4, n4 = self.network.content_encoder(r3), self._style(r3, y3)
        q2, q3 = self._generate(
            torch.cat([c4, c3.detach()]), Gaussian.cat([n2.detach(), n4]), torch.cat([y1, y3])
        ).split(size)
        m1, m2, m3 = _without_contacts(self.autoencoder.normalize(motion)).split(size)
        decoded = self.autoencoder.decoder.normalized(torch.cat([r1, r2, q2, q3])).float()
        dr1, dr2, dq2, dq3 = _without_contacts(decoded).split(size)

        terms = {
            "autoencoding": _smooth_l1([(z1, r1), (z2, r2), (m1, dr1), (m2, dr2)]),
            "cycle": _smooth_l1([(z2, q2), (z3, q3), (m2, dq2), (m3, dq3)]),
            "kl": torch.stack([n.kl().mean() for n in (n1, n2, n4)]).sum(),
            "homo_style_alignment": n1.kl(n2).mean(),
        }
        total = torch.stack([self._weight(name) * value for name, value in terms.items()]).sum()
        if self.config.end_to_end:
            total = total + self._autoencoder_loss(z, motion)
        return {"total": total, **terms}

    def _weight(self, term: str) -> float:
        """Of a term of the loss, 0 where a switch takes it out."""
        c = self.config
        off = {"kl": not c.probabilistic, "homo_style_alignment": c.alignment == "off"}
        return 0.0 if off.get(term) else float(getattr(c, term))

    def _latent(self, motion: Tensor) -> Tensor:
        """motion: (B, T, 260) -> (B, Z, T/4), with a gradient only end to end."""
        trained = self.config.end_to_end
        if not trained:
            self.autoencoder.eval()  # its dropout belongs to its own stage
        with torch.set_grad_enabled(trained and torch.is_grad_enabled()):
            return self.autoencoder.encoder(motion).float()

    def _autoencoder_loss(self, latent: Tensor, motion: Tensor) -> Tensor:
        """What stage 1 learns from, for training end to end."""
        decoded = self.autoencoder.decoder.normalized(latent).float()
        reconstruction = reconstruction_loss(decoded, self.autoencoder.normalize(motion))
        return reconstruction + kinematics_loss(self.autoencoder, decoded, motion)

    def _style(self, latent: Tensor, label: Tensor) -> Gaussian:
        """latent: (B, Z, T/4), label: (B, S) -> (B, K); log_std is 0 where codes are not
        probabilistic.
        """
        style = self.network.style_encoder(latent, label).float()
        if self.config.probabilistic:
            return style
        return Gaussian(style.mean, torch.zeros_like(style.mean))

    def _generate(self, content: Tensor, style: Gaussian, label: Tensor) -> Tensor:
        """content: (B, C, T/8), style: (B, K), label: (B, S) -> (B, Z, T/4) for a code drawn."""
        code = style.sample() if self.config.probabilistic else style.mean
        rebuilt: Tensor = self.network.generator(content, torch.cat([code, label], dim=-1))
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
        names = list(batches[0])
        losses = torch.stack([torch.stack([batch[name] for name in names]) for batch in batches])
        figures = dict(zip(names, losses.cpu().double().mean(dim=0).tolist(), strict=True))
        return {"score": figures["total"], **figures}

    @torch.no_grad()
    def learn_labels(self) -> None:
        """Set what label mode draws from. Probabilistic with labels: N(0, I); otherwise the codes
        of the training clips.
        """
        net, c = self.network, self.config
        if not c.supervised:
            return
        net.label_log_std.fill_(0.0 if c.probabilistic else CERTAIN)
        if c.probabilistic:
            return
        for i, style in enumerate(self.labels.styles):
            crops = [
                self.sampler.crop(self.sampler.choose(self.sampler.choose(self.cells[style])))
                for _ in range(32)
            ]
            latent = self.autoencoder.encoder(torch.from_numpy(np.stack(crops)))
            label = self._one_hot(torch.full((32,), i))
            net.label_mean[i] = net.style_encoder(latent, label).mean.mean(dim=0)


def _without_contacts(normalized: Tensor) -> Tensor:
    """(B, T, 260) -> (B, T, 256)."""
    return normalized[..., : LAYOUT["foot_contact"].start]


def _smooth_l1(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum of the smooth L1 distances of pairs (true, pred) of one shape."""
    return torch.stack([smooth_l1_loss(pred, true) for true, pred in pairs]).sum()
