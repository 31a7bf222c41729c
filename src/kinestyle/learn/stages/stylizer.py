"""Stage 2: content encoder, style encoder, generator and style prior, on the latents of the frozen
autoencoder.

The paper's stage separates content from style by two crops of one sequence. Here a sequence holds
one action, so that two crops share content as well as style; what separates them instead is
rebuilding a clip with the style code of *another clip of the same style*, which mostly does
something else. The steps from the paper's losses to these are in lab/LOG.md.

The weights that are kept are those whose results come nearest to real clips of the validation split
(`StylizerStage.validate`). The networks that the stage learns from are not asked: it learns to
please them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from kinestyle.label import Label
from kinestyle.learn.data.corpus import Corpus, CropSampler, Entry
from kinestyle.learn.data.made_clips import without_made
from kinestyle.learn.data.pairs import PairConfig, Pairs
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.gaussian import Gaussian
from kinestyle.learn.nets.networks import (
    ContentEncoder,
    Generator,
    NetworkSizes,
    StyleEncoder,
    StylePrior,
    take,
)
from kinestyle.learn.nets.residual_stylization import (
    orthonormality_error,
    restyled_features,
    style_residual,
)
from kinestyle.learn.stages.adversaries import (
    Critic,
    StyleAdversary,
    adversarial_confusion,
    adversary_loss,
    critic_loss,
    generator_adversarial_loss,
)
from kinestyle.learn.stages.autoencoder import Autoencoder
from kinestyle.learn.stages.classifiers import (
    ANGLE_CLASSIFIER,
    UNKNOWN,
    ClassifierConfig,
    Labels,
    StyleContentClassifier,
    known_cross_entropy,
)
from kinestyle.learn.stages.exact_pairs import action_error, contrast
from kinestyle.learn.stages.stylizer_batches import Batch, Sample, StylizerBatches
from kinestyle.retarget.features import LAYOUT
from kinestyle.runtime.residual import STYLE_RESIDUAL_GATE


@dataclass(frozen=True)
class StylizerWeights:
    """The weight of each term of the loss. A, B: two clips of one style; P: a clip of another
    style, the target. Every term is a mean over the batch and over numbers. A *result* is the input
    with the change that the networks make, as the user gets it.
    """

    self_reconstruction: float = 1.0
    """A rebuilt with the style of another crop of A."""
    same_style: float = 2.0
    """A rebuilt with the style of B: the step that separates content from style."""
    same_style_motion: float = 1.0
    """The same, decoded to motion."""
    content_consistency: float = 1.0
    """The content code of A in another style is that of A."""
    content_cycle: float = 1.0
    """A in another style, given its own style back, is A."""
    style_cycle: float = 0.1
    """KL from the style code of P to that of A in the style of P."""
    style_kl: float = 0.2
    """KL of style codes to the Gaussian of their label."""
    prior_kl: float = 0.02
    """KL of the labels' Gaussians to N(0, I)."""
    homo_style_alignment: float = 0.3
    """KL between the style codes of A and B, and of two crops of A."""
    prior_cross_entropy: float = 0.4
    """Cross-entropy of a clip's label among the labels' Gaussians, given its style code."""
    content_l2: float = 1e-2
    """Mean square of content codes."""
    adversarial_confusion: float = 0.3
    """The style adversary cannot tell the style of content codes."""
    generator_adversarial: float = 0.1
    """The critic takes results for real clips of their target style."""
    auxiliary_style: float = 0.2
    """Cross-entropy of the auxiliary classifiers on results, target style."""
    auxiliary_content: float = 0.5
    """The same, the input's content."""
    orthonormality: float = 0.1
    """How far the two decoded columns of a rotation are from orthonormal; nearly parallel or
    vanishing ones make a joint flip.
    """
    pair: float = 20.0
    """How far the joints of a result are from those of the clip's pair in the target style, where
    there is one (see `pairs`).
    """
    made_pair: float = 0.0
    """The same for exact pairs, in made styles, alone."""
    pair_latent: float = 0.0
    """How far the generator's latents are from those of the exact pair."""
    pair_content: float = 0.0
    """How far the content code of an exact pair is from that of A, which does the same."""
    contrast: float = 0.0
    """Style codes of the target and of the exact pair are nearer to each other than to those of
    other styles, and than to that of A (`contrast`).
    """
    action: float = 0.0
    """Hands and feet of results come to the extremes of A, where it has no label (`action_error`).
    """


EXACT_PAIR_TERMS = ("made_pair", "pair_latent", "pair_content", "contrast", "action")
"""Those of the losses that only made styles, and clips without a label, have."""


@dataclass(frozen=True)
class StylizerConfig:
    """Stage 2."""

    loop: LoopConfig = LoopConfig(
        steps=3600, batch=24, learning_rate=4e-4, validate_every=900, gradient_clip=0.5
    )
    crop_frames: int = 64
    set_2_share: float = 0.6
    """Share of crops from Bandai-Namco set 2, which has most of the motion and half as many styles.
    """
    unlabelled_share: float = 0.15
    """Share of clips A without a label, where there are any: more contents to restyle. Their B is
    another crop of A.
    """
    made_share: float = 0.0
    """Share of samples drawn by their exact pair in a made style, where the corpus has any."""
    residual_gate: tuple[float, float] = STYLE_RESIDUAL_GATE
    """How much of what the generator misses counts as style, see `kinestyle.runtime.residual`."""
    style_noise: float = 0.25
    """Standard deviation of the noise on latents that the style encoder reads while it learns;
    latents have a root mean square of 1.
    """
    result_noise: float = 0.3
    """Standard deviation of the noise on normalised results that auxiliary classifiers and critic
    see: the more, the further a result must go.
    """
    weights: StylizerWeights = field(default_factory=StylizerWeights)
    pairs: PairConfig = PairConfig()
    """How pairs are found."""


REFINED = replace(
    StylizerConfig(),
    loop=LoopConfig(
        steps=450,
        batch=24,
        learning_rate=1.5e-4,
        warmup_steps=20,
        validate_every=450,
        gradient_clip=0.5,
        ema_decay=0.99,
        select_checkpoint="last",
    ),
)


@dataclass(frozen=True)
class RefinementConfig:
    """A short second part of stage 2, at a lower rate, with the first auxiliary classifier and one
    that reads other inputs.
    """

    classifier: ClassifierConfig = ANGLE_CLASSIFIER
    stylizer: StylizerConfig = REFINED


PAIRED = (LAYOUT["root_height"], LAYOUT["joint_position"], LAYOUT["joint_rotation"])
"""Of the features, what a result should share with a clip's pair: where the joints are, not how
fast they get there.
"""


class StylizerNetwork(nn.Module):
    """All that stage 2 trains. Adversary and critic serve training only."""

    def __init__(self, sizes: NetworkSizes, styles: int):
        super().__init__()
        self.content_encoder = ContentEncoder(sizes)
        self.style_encoder = StyleEncoder(sizes)
        self.generator = Generator(sizes)
        self.prior = StylePrior(styles, sizes)
        self.adversary = StyleAdversary(sizes, styles)
        self.critic = Critic(styles)


@dataclass
class Codes:
    """What the encoders read from a batch. z: latent of A, (B, Z, T/4); content: of A, (B, C, T/8);
    own, again, other, target: style codes of A, another crop of A, B and P, (B, K); prior: of A's
    label, (B, K).
    """

    z: Tensor
    content: Tensor
    own: Gaussian
    again: Gaussian
    other: Gaussian
    target: Gaussian
    prior: Gaussian


@dataclass
class Generated:
    """Latents (B, Z, T/4) of A with the style of another crop of A (`again`), of B (`other`), its
    own (`unchanged`), that of the target label (`by_label`) and of P (`by_reference`).
    """

    again: Tensor
    other: Tensor
    unchanged: Tensor
    by_label: Tensor
    by_reference: Tensor


@dataclass
class Decoded:
    """Normalised motion (B, T, 260) of A: true, decoded with the style of B (`other`), decoded with
    its own (`unchanged`), and restyled by label and by reference, (2, B, T, 260).
    """

    true: Tensor
    other: Tensor
    unchanged: Tensor
    restyled: Tensor


class StylizerStage(Stage[StylizerNetwork]):
    """See `loop.Stage`."""

    def __init__(
        self,
        corpus: Corpus,
        sizes: NetworkSizes,
        config: StylizerConfig,
        autoencoder: Autoencoder,
        auxiliary: Sequence[StyleContentClassifier],
        pairs: Pairs | None = None,
    ):
        self.corpus, self.config, self.labels = corpus, config, Labels.of(corpus)
        self.pairs = pairs or Pairs({})
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.auxiliary = [classifier.train().requires_grad_(False) for classifier in auxiliary]
        torch.manual_seed(config.loop.seed)
        network = StylizerNetwork(sizes, len(self.labels.styles))
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))
        self.batches = StylizerBatches(
            corpus,
            self.sampler,
            self.pairs,
            config.unlabelled_share,
            config.set_2_share,
            config.made_share,
        )
        # auxiliary classifiers know real styles and contents only
        known = Labels.of(without_made(corpus))
        self.known_style = positions(self.labels.styles, known.styles)
        self.known_content = positions(self.labels.contents, known.contents)
        self.is_made = self.known_style.numpy() == UNKNOWN
        sets = [Label.parse(name).set for name in known.contents]
        self.same_set = torch.tensor([[a == b for b in sets] for a in sets])

    def draw(self) -> list[Sample]:
        return self.batches.draw(self.config.loop.batch)

    def opponents(self) -> Mapping[str, nn.Module]:
        return {"adversary": self.network.adversary, "critic": self.network.critic}

    def frozen(self) -> Sequence[nn.Module]:
        return self.autoencoder, *self.auxiliary

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.known_style, self.known_content, self.same_set = (
            table.to(device) for table in (self.known_style, self.known_content, self.same_set)
        )

    def losses_of(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        batch = self.batches.cut(samples, self.features)
        codes = self._encode(batch)
        generated = self._generate(batch, codes)
        decoded = self._decode(batch, codes, generated)
        results = self._results(batch, decoded)
        terms = {
            **self._reconstruction_losses(codes, generated, decoded),
            **self._style_losses(batch, codes, generated),
            **self._result_losses(batch, results),
            **self._exact_pair_losses(batch, codes, generated, results),
            "content_l2": codes.content.float().square().mean(),
            "adversarial_confusion": adversarial_confusion(self.network.adversary, codes.content),
        }
        opponents = self._opponent_losses(batch, codes, decoded, results)
        weights = vars(self.config.weights)
        weighted = [weight * terms[name] for name, weight in weights.items() if name in terms]
        total = torch.stack([*weighted, *opponents.values()]).sum()
        return {"total": total, **terms, **opponents}

    def _encode(self, batch: Batch) -> Codes:
        net = self.network
        with torch.no_grad():
            motion = torch.cat([batch.a, batch.a_again, batch.b, batch.p])
            latents = self.autoencoder.encoder(motion)
            z = latents[: len(batch.a)].float()
        noisy = latents + self.config.style_noise * torch.randn_like(latents)
        own, again, other, target = net.style_encoder(noisy).float().split(len(batch.a))
        prior = net.prior(batch.style.clamp(min=0))
        return Codes(z, net.content_encoder(z), own, again, other, target, prior)

    def _generate(self, batch: Batch, codes: Codes) -> Generated:
        """In one pass. The content encoder learns nothing from results by reference."""
        styles = [
            codes.again.sample(),
            codes.other.sample(),
            codes.own.mean,
            self.network.prior(batch.target_style).sample(),
            codes.target.sample(),
        ]
        contents = [*4 * [codes.content], codes.content.detach()]
        latents = self.network.generator(torch.cat(contents), torch.cat(styles)).float()
        return Generated(*latents.split(len(batch.a)))

    def _decode(self, batch: Batch, codes: Codes, generated: Generated) -> Decoded:
        size, own = len(batch.a), generated.unchanged
        shown = own + style_residual(codes.z - own, self.config.residual_gate)
        latents = [generated.other, shown, generated.by_label, generated.by_reference]
        decoded = self.autoencoder.decoder.normalized(torch.cat(latents)).float()
        other, unchanged, *restyled = decoded.split(size)
        true = self.autoencoder.normalize(batch.a)
        return Decoded(true, other, unchanged, torch.stack(restyled))

    def _results(self, batch: Batch, decoded: Decoded) -> Tensor:
        """(2 B, T, 260) normalised: A with the change that the networks make, by label and by
        reference.
        """
        physical = self.autoencoder.decoder.physical
        unchanged, restyled = physical(decoded.unchanged), physical(decoded.restyled)
        results = restyled_features(batch.a, unchanged, restyled)
        return self.autoencoder.normalize(results.flatten(0, 1))

    def _reconstruction_losses(
        self, codes: Codes, generated: Generated, decoded: Decoded
    ) -> dict[str, Tensor]:
        """That a clip is rebuilt with its own style and with the style of B, and from its restyling
        as well.
        """
        net, z = self.network, codes.z
        contact = LAYOUT["foot_contact"].start
        content = net.content_encoder(generated.by_label)
        cycled = net.generator(content, codes.other.detach().sample()).float()
        motion = torch.cat([decoded.unchanged[None], decoded.restyled])
        return {
            "self_reconstruction": smooth_l1_loss(generated.again, z)
            + 0.5 * smooth_l1_loss(generated.unchanged, z),
            "same_style": smooth_l1_loss(generated.other, z),
            "same_style_motion": smooth_l1_loss(
                decoded.other[..., :contact], decoded.true[..., :contact]
            ),
            "content_consistency": smooth_l1_loss(content, codes.content.detach()),
            "content_cycle": smooth_l1_loss(cycled, z),
            "orthonormality": orthonormality_error(self.autoencoder.decoder.physical(motion)),
        }

    def _style_losses(self, batch: Batch, codes: Codes, generated: Generated) -> dict[str, Tensor]:
        """That style codes are those of their label, and of nothing else."""
        own, other = codes.own, codes.other
        known = batch.style != UNKNOWN
        restyled = self.network.style_encoder(generated.by_reference).float()
        likelihood = self._label_log_likelihood(torch.cat([own.mean, other.mean]))
        return {
            "style_kl": (other.kl(codes.prior) * known).mean(),
            "prior_kl": codes.prior.kl().mean(),
            "homo_style_alignment": (own.kl(other) + own.kl(codes.again)).mean(),
            "prior_cross_entropy": known_cross_entropy(likelihood, batch.style.repeat(2)),
            "style_cycle": codes.target.detach().kl(restyled).mean(),
        }

    def _label_log_likelihood(self, code: Tensor) -> Tensor:
        """code: (B, K) -> (B, S) log likelihoods under every label's Gaussian, softened by the root
        of K: K numbers do not err independently.
        """
        mean, log_std = self.network.prior(torch.arange(len(self.labels.styles)))
        surprise = 0.5 * ((code[:, None] - mean) / log_std.exp()).square() + log_std
        return -surprise.sum(dim=-1) / code.shape[-1] ** 0.5

    def _result_losses(self, batch: Batch, results: Tensor) -> dict[str, Tensor]:
        """That results look like real clips of their style, to classifiers, critic and pairs."""
        target = batch.target_style.repeat(len(results) // len(batch.style))
        noise = self.config.result_noise
        return {
            **self._auxiliary_losses(batch, results, target),
            "generator_adversarial": generator_adversarial_loss(
                self.network.critic, results, target, noise
            ),
            "pair": self._pair_error(batch, results),
        }

    def _auxiliary_losses(self, batch: Batch, results: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Cross-entropies of the auxiliary classifiers, their dropout on; content among those of
        its own set.
        """
        if not self.auxiliary:
            none = results.new_zeros(())
            return {"auxiliary_style": none, "auxiliary_content": none}
        times = len(results) // len(batch.content)
        target = self.known_style[target]
        content = self.known_content[batch.content].repeat(times)
        impossible = ~self.same_set[content]
        styles, contents = [], []
        for classifier in self.auxiliary:
            noisy = results + self.config.result_noise * torch.randn_like(results)
            styles.append(known_cross_entropy(classifier.style.normalized(noisy).float(), target))
            logits = classifier.content.normalized(noisy).float().masked_fill(impossible, -1e4)
            contents.append(known_cross_entropy(logits, content))
        return {
            "auxiliary_style": torch.stack(styles).mean(),
            "auxiliary_content": torch.stack(contents).mean(),
        }

    def _pair_error(self, batch: Batch, results: Tensor, some: np.ndarray | None = None) -> Tensor:
        """Smooth-L1 between results and pairs, of what a body looks like; samples without a pair
        count as without error.

        some: (B,) bool, the samples that count, if not all
        """
        times = len(results) // len(batch.pair)
        true = take(self.autoencoder.normalize(batch.pair), PAIRED).repeat(times, 1, 1)
        error = smooth_l1_loss(take(results, PAIRED), true, reduction="none")
        counts = batch.paired
        if some is not None:
            counts = counts * self.features.send(some)[:, None]
        return (error.mean(dim=-1) * counts.repeat(times, 1)).mean()

    def _exact_pair_losses(
        self, batch: Batch, codes: Codes, generated: Generated, results: Tensor
    ) -> dict[str, Tensor]:
        """What only clips in made styles, and clips without a label, can teach: no terms where
        there are none, or nothing weighs them.
        """
        weights, terms = self.config.weights, dict[str, Tensor]()
        if not any(getattr(weights, name) for name in EXACT_PAIR_TERMS):
            return terms
        made = self.is_made[batch.target_styles]
        unlabelled = np.flatnonzero(made | (batch.styles == UNKNOWN))
        if weights.action and len(unlabelled):
            rows = self.features.send(unlabelled)
            restyled = self.autoencoder.decoder.physical(results).unflatten(0, (2, -1))
            terms["action"] = action_error(batch.a[rows], restyled[:, rows])
        wholly = made & batch.wholly_paired
        if not wholly.any():
            return terms
        if weights.made_pair:
            terms["made_pair"] = self._pair_error(batch, results, wholly)
        exact = self.features.send(np.flatnonzero(wholly))
        if weights.pair_latent or weights.pair_content or weights.contrast:
            with torch.no_grad():
                latent = self.autoencoder.encoder(batch.pair[exact]).float()
            content = self.network.content_encoder(latent)
            style = self.network.style_encoder(latent).float()
            terms["pair_latent"] = smooth_l1_loss(generated.by_reference[exact], latent)
            terms["pair_latent"] += 0.5 * smooth_l1_loss(generated.by_label[exact], latent)
            terms["pair_content"] = smooth_l1_loss(content, codes.content[exact])
            terms["contrast"] = contrast(
                codes.target.mean[exact],
                style.mean,
                codes.own.mean[exact],
                batch.target_style[exact],
            )
        return terms

    def _opponent_losses(
        self, batch: Batch, codes: Codes, decoded: Decoded, results: Tensor
    ) -> dict[str, Tensor]:
        """What adversary and critic learn from; the other networks get no gradient of it."""
        net = self.network
        target = batch.target_style.repeat(len(results) // len(batch.style))
        return {
            "adversary": adversary_loss(net.adversary, codes.content, batch.style),
            "critic": critic_loss(
                net.critic, decoded.true, batch.style, results, target, self.config.result_noise
            ),
        }

    def validate(self) -> dict[str, float]:
        """How far the joints of restyled validation clips are from those of their pairs, in
        centimetres on average: `label/cm` and `reference/cm` by where the style comes from,
        `input/cm` of clips as they are. `score`, by which weights are kept, is the mean of the
        first two. Not a number where no validation clip has a pair: then the last weights are kept.
        """
        cases = self._validation_cases()
        by_reference = self._style_codes([reference for _, _, reference in cases])
        errors = []
        for at, features in self.features.clips([entry for entry, _, _ in cases], 8):
            count, named = features.shape[1], [cases[i][:2] for i in at]
            frames = [self.pairs.frames[entry.stem, style][:count] for entry, style in named]
            pair = self.features.between(np.stack(frames))
            label = self.features.send([self.labels.styles.index(style) for _, style in named])
            latent = self.autoencoder.encoder(features)
            codes = self.network.prior(label).mean, by_reference[self.features.send(at)]
            motions = [features, *(self._restyle(features, latent, code) for code in codes)]
            errors.append(torch.stack([joint_distance_cm(m, pair) for m in motions], dim=-1))
        if not errors:
            return {"score": float("nan")}
        unchanged, label_cm, reference_cm = torch.cat(errors).mean(dim=0).tolist()
        return {
            "score": (label_cm + reference_cm) / 2.0,
            "label/cm": label_cm,
            "reference/cm": reference_cm,
            "input/cm": unchanged,
        }

    def _validation_cases(self) -> list[tuple[Entry, str, Entry]]:
        """Validation clips, each with one style that it has a pair in, all styles about equally
        often, and a validation clip of that style as the reference.
        """
        entries = self.corpus.known_validation()
        seen = {entry.style for entry in entries}
        paired: dict[str, list[str]] = {}
        for stem, style in sorted(self.pairs.frames):
            if style in seen:
                paired.setdefault(stem, []).append(style)
        cases = []
        for i, entry in enumerate(entries):
            styles = paired.get(entry.stem)
            if styles:
                style = styles[i % len(styles)]
                others = (*entries[i:], *entries[:i])
                cases.append((entry, style, next(e for e in others if e.style == style)))
        return cases

    def _style_codes(self, entries: Sequence[Entry]) -> Tensor:
        """(n, K) of whole clips, cut to whole steps of the content code."""
        codes = torch.zeros(len(entries), self.network.prior.mean.shape[1], device=self.device)
        for at, features in self.features.clips(entries, 8):
            latent = self.autoencoder.encoder(features)
            codes[self.features.send(at)] = self.network.style_encoder(latent).mean
        return codes

    def _restyle(self, features: Tensor, latent: Tensor, code: Tensor) -> Tensor:
        """features: (B, T, 260) physical, latent: (B, Z, T/4), code: (B, K) -> (B, T, 260)
        physical, each clip with the change to a style code.
        """
        net, decoder = self.network, self.autoencoder.decoder
        content, own = net.content_encoder(latent), net.style_encoder(latent).mean
        unchanged = net.generator(content, own)
        unchanged = unchanged + style_residual(latent - unchanged, self.config.residual_gate)
        before, after = (
            decoder.physical(decoder.normalized(z))
            for z in (unchanged, net.generator(content, code))
        )
        return restyled_features(features, before, after)


def positions(names: Sequence[str], known: Sequence[str]) -> Tensor:
    """(N + 1,) for every name, its position among those that are known, or `UNKNOWN`; the last is
    that of `UNKNOWN` itself.
    """
    found = [known.index(name) if name in known else UNKNOWN for name in names]
    return torch.tensor([*found, UNKNOWN])


def joint_distance_cm(a: Tensor, b: Tensor) -> Tensor:
    """a, b: (B, T, 260) physical features -> (B,) the mean distance of a joint in the heading
    frame, centimetres.
    """
    first, second = (x[..., LAYOUT["joint_position"]].unflatten(-1, (-1, 3)) for x in (a, b))
    return 100.0 * (first - second).norm(dim=-1).mean(dim=(1, 2))
