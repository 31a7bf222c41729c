"""Stage 1: the autoencoder, on all training motion, labelled or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry, group_statistics
from kinestyle.learn.data.made_clips import is_made, without_made
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.kinematics import (
    geodesic,
    joint_position,
    rotations,
    sixd_to_matrix,
)
from kinestyle.learn.nets.networks import (
    POSE_CHANNELS,
    MotionDecoder,
    MotionEncoder,
    NetworkSizes,
    PoseDecoder,
    PoseEncoder,
)
from kinestyle.retarget.features import LAYOUT

CONTACT_WEIGHT = 0.05
"""Of the cross-entropy of contacts beside the smooth-L1 of motion."""

VALIDATION_CLIPS = 200
"""Clips of a set that are validated on, at most."""


@dataclass(frozen=True)
class AutoencoderConfig:
    """Stage 1. Weights of the losses, all on normalised features unless said otherwise."""

    loop: LoopConfig = LoopConfig(steps=10_000, validate_every=1000)
    latent: Literal["deterministic", "variational", "poses"] = "deterministic"
    """Autoencoder, VAE, or no latent at all: poses themselves, four to a step, with nothing to
    learn.
    """
    crop_frames: int = 64
    latent_l1: float = 1e-3
    """Weight of mean |z|."""
    latent_smoothness: float = 1e-3
    """Weight of smooth-L1 between neighbouring latents."""
    kl: float = 1e-3
    """Weight of the KL to N(0, I), for the variational latent."""
    kinematics: float = 1.0
    """Weight of the smooth-L1 of joint positions computed from the decoded rotations, in
    decimetres, and of their steps from frame to frame, so that decoded motion does not tremble."""
    unlabelled_share: float = 0.15
    """Share of crops from clips without a label, where there are any."""
    made_share: float = 0.35
    """Share of the other crops from clips in made styles, where there are any."""


class Autoencoder(nn.Module):
    """`encoder`: features (B, T, 260) -> latent (B, Z, T/4), the mean of a variational one;
    `decoder`: its inverse.
    """

    def __init__(
        self, sizes: NetworkSizes, config: AutoencoderConfig, mean: np.ndarray, std: np.ndarray
    ):
        super().__init__()
        statistics = torch.from_numpy(mean), torch.from_numpy(std)
        self.encoder: MotionEncoder | PoseEncoder
        self.decoder: MotionDecoder | PoseDecoder
        if config.latent == "poses":
            assert sizes.latent == POSE_CHANNELS, (
                f"poses as a latent have {POSE_CHANNELS} channels, not {sizes.latent}"
            )
            self.encoder, self.decoder = PoseEncoder(*statistics), PoseDecoder(*statistics)
        else:
            self.encoder = MotionEncoder(
                sizes, *statistics, variational=config.latent == "variational"
            )
            self.decoder = MotionDecoder(sizes, *statistics)

    def normalize(self, features: Tensor) -> Tensor:
        return self.encoder.normalize(features)


class AutoencoderStage(Stage[Autoencoder]):
    """See `loop.Stage`."""

    def __init__(self, corpus: Corpus, sizes: NetworkSizes, config: AutoencoderConfig):
        self.config, self.corpus = config, corpus
        self.unlabelled = corpus.select("train", labelled=False)
        self.made = tuple(entry for entry in corpus.select("train") if is_made(entry))
        labelled = without_made(corpus).select("train", labelled=True)
        self.labelled = labelled or self.unlabelled
        rows = np.concatenate([np.arange(entry.start, entry.stop) for entry in self.labelled])
        torch.manual_seed(config.loop.seed)
        network = Autoencoder(sizes, config, *group_statistics(corpus.features[rows]))
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))

    def draw(self) -> list[Crop]:
        crops = []
        for _ in range(self.config.loop.batch):
            entry = self.sampler.choose(self._source())
            crops.append(self.sampler.choose_crop(entry, mirror=self.sampler.coin()))
        return crops

    def _source(self) -> Sequence[Entry]:
        """The clips that the next crop comes from."""
        if self.unlabelled and self.sampler.coin(self.config.unlabelled_share):
            return self.unlabelled
        made = self.made and self.sampler.coin(self.config.made_share)
        return self.made if made else self.labelled

    def losses_of(self, samples: Sequence[Crop]) -> dict[str, Tensor]:
        c, network, features = self.config, self.network, self.cut(samples)
        kl = torch.zeros(())
        if c.latent == "variational":
            assert isinstance(network.encoder, MotionEncoder), "poses have no distribution"
            distribution = network.encoder.distribution(features).float()
            latent, kl = distribution.sample(), distribution.kl().mean()
        else:
            latent = network.encoder(features).float()
        decoded = network.decoder.normalized(latent).float()
        reconstruction = reconstruction_loss(decoded, network.normalize(features))
        kinematics = kinematics_loss(network, decoded, features)
        total = (
            reconstruction
            + c.kinematics * kinematics
            + c.latent_l1 * latent.abs().mean()
            + c.latent_smoothness * smooth_l1_loss(latent[..., 1:], latent[..., :-1])
            + c.kl * kl
        )
        return {"total": total, "reconstruction": reconstruction, "kinematics": kinematics}

    def validate(self) -> dict[str, float]:
        """Mean joint error in centimetres, from decoded rotations, and degrees between them, by
        set; `score` is the joint error of set 2, or, without it, the mean over sets.
        """
        figures: dict[str, float] = {}
        for set_name in sorted({entry.set_name for entry in self.corpus.entries}):
            entries = self.corpus.select("validation", set_name=set_name)[:VALIDATION_CLIPS]
            errors = [
                reconstruction_error(self.network, clips)
                for _, clips in self.features.clips(entries, 4)
            ]
            if errors:
                position, degrees = torch.cat(errors).mean(dim=0).tolist()
                figures |= {f"{set_name}/cm": position, f"{set_name}/degrees": degrees}
        of_sets = [value for name, value in figures.items() if name.endswith("/cm")]
        mean = float(np.mean(of_sets)) if of_sets else float("nan")
        return {"score": figures.get("bandai2/cm", mean), **figures}


def reconstruction_loss(decoded: Tensor, normalized: Tensor) -> Tensor:
    """decoded, normalized: (B, T, 260), the former with contact logits -> smooth-L1, and
    cross-entropy for contacts.
    """
    contact = LAYOUT["foot_contact"]
    motion = smooth_l1_loss(decoded[..., : contact.start], normalized[..., : contact.start])
    return motion + CONTACT_WEIGHT * binary_cross_entropy_with_logits(
        decoded[..., contact], normalized[..., contact]
    )


def kinematics_loss(network: Autoencoder, decoded: Tensor, features: Tensor) -> Tensor:
    """decoded: (B, T, 260) normalised; features: (B, T, 260) physical -> smooth-L1 of joint
    positions from decoded rotations, and of their steps, in decimetres: errors add up along a limb,
    as the user sees them.
    """
    span = LAYOUT["joint_rotation"]
    sixd = decoded[..., span] * network.decoder.std[span] + network.decoder.mean[span]
    pred = 10.0 * joint_position(sixd_to_matrix(sixd.unflatten(-1, (-1, 6))))
    true = 10.0 * position_from_hips(features)
    return smooth_l1_loss(pred, true) + smooth_l1_loss(pred.diff(dim=1), true.diff(dim=1))


def position_from_hips(features: Tensor) -> Tensor:
    """features: (..., 260) physical -> (..., 21, 3) metres, as `joint_position` gives it for their
    rotations.
    """
    position = features[..., LAYOUT["joint_position"]].unflatten(-1, (-1, 3))
    across, up, along = position.unbind(dim=-1)
    return torch.stack([across, up - features[..., LAYOUT["root_height"]], along], dim=-1)


def reconstruction_error(network: Autoencoder, features: Tensor) -> Tensor:
    """features: (B, T, 260) physical -> (B, 2): mean joint error in centimetres and mean rotation
    error in degrees of the autoencoder on each clip.
    """
    true = rotations(features)
    pred = rotations(network.decoder(network.encoder(features)))
    position_error_m = (joint_position(pred) - joint_position(true)).norm(dim=-1)
    degrees = torch.rad2deg(geodesic(pred, true))
    return torch.stack(
        [100.0 * position_error_m.mean(dim=(1, 2)), degrees.mean(dim=(1, 2))], dim=-1
    )


@torch.no_grad()
def set_latent_scale(autoencoder: Autoencoder, corpus: Corpus, crops: int = 256) -> None:
    """Scale the latent to a root mean square of 1, undone by the decoder, so that loss weights mean
    the same in every run.

    Poses are left as they are: they are normalised already.
    """
    encoder, decoder = autoencoder.encoder, autoencoder.decoder
    if not isinstance(encoder, MotionEncoder) or not isinstance(decoder, MotionDecoder):
        return
    sampler = CropSampler(corpus, 64, seed=0)
    entries = corpus.select("train", labelled=True) or corpus.select("train")
    drawn = np.stack([sampler.crop(sampler.choose(entries)) for _ in range(crops)])
    scale = encoder(torch.from_numpy(drawn)).square().mean().sqrt()
    last, first = encoder.latent, decoder.first
    assert last.bias is not None, "the encoder's last convolution has a bias"
    last.weight /= scale
    last.bias /= scale
    first.weight *= scale
