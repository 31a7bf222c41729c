"""Stage 2: content encoder, style encoder, generator and style prior, on the latents of the frozen
autoencoder.

The paper's stage separates content from style by two crops of one sequence. Here a sequence holds
one action, so that two crops share content as well as style; what separates them instead is
rebuilding a clip with the style code of *another clip of the same style*, which mostly does
something else. The steps from the paper's losses to these are in lab/LOG.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from kinestyle.label import Label
from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry, by_cell
from kinestyle.learn.data.pairs import PairConfig, Pairs, cut_pairs
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.networks import (
    ContentEncoder,
    Generator,
    NetworkSizes,
    StyleEncoder,
    StylePrior,
    gaussian_kl,
    reparameterize,
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
    ANGLE_GUIDE,
    UNKNOWN,
    ClassifierConfig,
    Labels,
    StyleContentClassifier,
    content_name,
    known_cross_entropy,
)
from kinestyle.retarget.features import LAYOUT, mirror_features


@dataclass(frozen=True)
class StylizerConfig:
    """Stage 2. A, B: two clips of one style; P: a clip of another style, the target; all weights
    multiply losses per number.
    """

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
    own_clip: float = 1.0
    """A rebuilt with the style of another crop of A."""
    same_style: float = 2.0
    """A rebuilt with the style of B: the step that separates content from style."""
    same_style_motion: float = 1.0
    """The same, decoded to motion."""
    consistency: float = 1.0
    """The content code of A in another style is that of A."""
    cycle: float = 1.0
    """A in another style, given its own style back, is A."""
    prior: float = 0.2
    """KL of style codes to the Gaussian of their label."""
    prior_spread: float = 0.02
    """KL of the labels' Gaussians to N(0, I)."""
    align: float = 0.3
    """KL between the style codes of A and B, and of two crops of A (homo-style alignment)."""
    tell: float = 0.4
    """Cross-entropy of a clip's label among the labels' Gaussians, given its style code."""
    style_noise: float = 0.25
    """Deviation of the noise on latents that the style encoder reads while it learns; latents have
    a root mean square of 1.
    """
    style_back: float = 0.1
    """KL from the style code of a result to that of its style clip."""
    adversary: float = 0.3
    """What the content encoder pays for content codes that tell the style."""
    content_size: float = 1e-2
    guide_style: float = 0.2
    """Cross-entropy of the guide on the final result (the input plus the change), target style."""
    guide_content: float = 0.5
    """The same, the input's content."""
    guide_noise: float = 0.3
    """Deviation of the noise on normalised results that guides and critic see: the more, the
    further a result must go.
    """
    frame: float = 0.1
    """How far the two decoded columns of a rotation are from a frame; nearly parallel or vanishing
    ones make a joint flip.
    """
    critic: float = 0.1
    """A critic, one a style, that learns to tell results from real clips."""
    pair: float = 20.0
    """How far the joints of a result are from those of the clip's pair in the target style, where
    there is one (see `pairs`).
    """
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
    """A short second part of stage 2, at a lower rate, listening to the first guide and to one that
    sees other things.
    """

    guide: ClassifierConfig = ANGLE_GUIDE
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


@dataclass(frozen=True)
class Sample:
    """A (two crops of `entry`) and B of one style, P of another; the classes of A, -1 where it has
    none, and the style of P, which is A's target."""

    entry: Entry
    a: Crop
    a_again: Crop
    b: Crop
    p: Crop
    style: int
    content: int
    target_style: int


@dataclass
class Batch:
    """Samples as tensors: features (B, T, 260) and classes (B,). pair: A in the target style, where
    that is known: (B, T, 260), zeros elsewhere; paired: (B, T), 1 or 0."""

    a: Tensor
    a_again: Tensor
    b: Tensor
    p: Tensor
    pair: Tensor
    paired: Tensor
    style: Tensor
    content: Tensor
    target_style: Tensor


class StylizerStage(Stage[StylizerNetwork]):
    """See `loop.Stage`."""

    def __init__(
        self,
        corpus: Corpus,
        sizes: NetworkSizes,
        config: StylizerConfig,
        autoencoder: Autoencoder,
        guides: Sequence[StyleContentClassifier],
        pairs: Pairs | None = None,
    ):
        self.pairs = pairs or Pairs({})
        self.corpus, self.config, self.labels = corpus, config, Labels.of(corpus)
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.guides = [guide.train().requires_grad_(False) for guide in guides]
        torch.manual_seed(config.loop.seed)
        network = StylizerNetwork(sizes, len(self.labels.styles))
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))
        self.cells = by_cell(corpus.select("train", labelled=True))
        self.unlabelled = corpus.select("train", labelled=False)
        sets = [Label.parse(name).set for name in self.labels.contents]
        self.same_set = torch.tensor([[a == b for b in sets] for a in sets])

    def _pair(self) -> tuple[Entry, Entry]:
        """A and B: two clips of one style, B mostly of another content."""
        styles: Sequence[str] = self.labels.styles
        large = self._of_set_2(styles)
        if large and len(large) < len(styles):
            in_large = self.sampler.coin(self.config.set_2_share)
            styles = [style for style in styles if (style in large) == in_large]
        cells = self.cells[self.sampler.choose(styles)]
        return self.sampler.choose(self.sampler.choose(cells)), self.sampler.choose(
            self.sampler.choose(cells)
        )

    @staticmethod
    def _of_set_2(styles: Iterable[str]) -> list[str]:
        return [style for style in styles if Label.parse(style).set == "bandai2"]

    def draw(self) -> list[Sample]:
        sampler, labels = self.sampler, self.labels
        drawn: list[tuple[Entry, tuple[Crop, Crop, Crop], int, int]] = []
        for i in range(self.config.loop.batch):
            # the first two are labelled, so that there always is a target
            if i > 1 and self.unlabelled and sampler.coin(self.config.unlabelled_share):
                first, mirror = sampler.choose(self.unlabelled), sampler.coin()
                a, a_again, b = (sampler.place(first, mirror) for _ in range(3))
                drawn.append((first, (a, a_again, b), UNKNOWN, UNKNOWN))
                continue
            first, second = self._pair()
            mirror = sampler.coin() and content_name(first, mirrored=True) in labels.contents
            crops = (
                sampler.place(first, mirror),
                sampler.place(first, mirror),
                sampler.place(second, sampler.coin()),
            )
            drawn.append(
                (
                    first,
                    crops,
                    labels.styles.index(first.style),
                    labels.contents.index(content_name(first, mirror)),
                )
            )
        targets = [
            drawn[i]
            for i in other_style(np.array([style for *_, style, _ in drawn]), sampler.random)
        ]
        return [
            Sample(entry, *crops, target_crops[2], style, content, target_style)
            for (entry, crops, style, content), (_, target_crops, target_style, _) in zip(
                drawn, targets, strict=True
            )
        ]

    def _batch(self, samples: Sequence[Sample]) -> Batch:
        a, a_again, b, p = (
            self.cut([getattr(sample, name) for sample in samples])
            for name in ("a", "a_again", "b", "p")
        )
        classes = (
            torch.tensor([getattr(sample, name) for sample in samples])
            for name in ("style", "content", "target_style")
        )
        return Batch(a, a_again, b, p, *self._paired(samples), *classes)

    def _paired(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        """`Batch.pair` and `Batch.paired`."""
        places = np.full((len(samples), self.config.crop_frames), np.nan)
        for place, sample in zip(places, samples, strict=True):
            whole = self.pairs.places.get(
                (sample.entry.stem, self.labels.styles[sample.target_style])
            )
            if whole is not None:
                crop = slice(
                    sample.a.start - sample.entry.start, sample.a.stop - sample.entry.start
                )
                seen = whole[crop]
                place[: len(seen)], place[len(seen) :] = (
                    seen,
                    seen[-1],
                )  # short clips are held at their last frame
        features = cut_pairs(self.corpus, places)
        for row, sample in zip(features, samples, strict=True):
            if sample.a.mirror:
                row[:] = mirror_features(row)
        known = np.isfinite(places).astype(np.float32)
        return torch.from_numpy(features).to(self.device), torch.from_numpy(known).to(self.device)

    def opponents(self) -> Mapping[str, nn.Module]:
        return {"adversary": self.network.adversary, "critic": self.network.critic}

    def frozen(self) -> Sequence[nn.Module]:
        return self.autoencoder, *self.guides

    def losses_of(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        c, net, batch = self.config, self.network, self._batch(samples)
        size = len(batch.style)
        with torch.no_grad():
            latents = self.autoencoder.encoder(
                torch.cat([batch.a, batch.a_again, batch.b, batch.p])
            )
            z = latents[:size].float()
        content = net.content_encoder(z)
        mean, log_std = net.style_encoder(latents + c.style_noise * torch.randn_like(latents))
        mean, log_std = mean.float(), log_std.float()
        own, again, other, target = zip(mean.split(size), log_std.split(size), strict=True)
        prior = net.prior(batch.style.clamp(min=0))

        # one pass of the generator for all five: own clip, same style, unchanged, by label, by
        #     reference
        styles = [
            reparameterize(*again),
            reparameterize(*other),
            own[0],
            reparameterize(*net.prior(batch.target_style)),
            reparameterize(*target),
        ]
        contents = [content, content, content, content, content.detach()]
        rebuilt = net.generator(torch.cat(contents), torch.cat(styles)).float()
        of_own, of_other, unchanged, by_label, by_reference = rebuilt.split(size)
        shown = unchanged + style_residual(z - unchanged)
        decoded = (
            self.autoencoder.decoder.normalized(
                torch.cat([of_other, shown, by_label, by_reference])
            )
            .float()
            .split(size)
        )
        normalized = self.autoencoder.normalize(batch.a)

        content_back = net.content_encoder(by_label)
        cycled = net.generator(content_back, reparameterize(other[0].detach(), other[1].detach()))
        style_back = net.style_encoder(by_reference)
        motion = LAYOUT["foot_contact"].start
        results = self._results(batch.a, decoded[1], decoded[2:])
        target_style = batch.target_style.repeat(2)

        terms = {
            "own_clip": smooth_l1_loss(of_own, z) + 0.5 * smooth_l1_loss(unchanged, z),
            "same_style": smooth_l1_loss(of_other, z),
            "same_style_motion": smooth_l1_loss(decoded[0][..., :motion], normalized[..., :motion]),
            "consistency": smooth_l1_loss(content_back, content.detach()),
            "cycle": smooth_l1_loss(cycled.float(), z),
            "prior": (
                gaussian_kl(other[0], other[1], prior[0], prior[1], of="clip")
                * (batch.style != UNKNOWN)
            ).mean(),
            "prior_spread": gaussian_kl(
                prior[0], prior[1], torch.zeros_like(prior[0]), torch.zeros_like(prior[1])
            ),
            "align": gaussian_kl(*own, *other) + gaussian_kl(*own, *again),
            "tell": known_cross_entropy(
                self._likelihood(torch.cat([own[0], other[0]])), batch.style.repeat(2)
            ),
            "style_back": gaussian_kl(
                target[0].detach(), target[1].detach(), style_back[0].float(), style_back[1].float()
            ),
            "adversary": adversarial_confusion(net.adversary, content),
            "content_size": content.float().square().mean(),
            "frame": orthonormality_error(
                torch.cat([self.autoencoder.decoder.physical(value) for value in decoded[1:]])
            ),
            "critic": generator_adversarial_loss(net.critic, results, target_style, c.guide_noise),
            "pair": self._pair_error(batch, results),
            **self._guide(batch, results),
        }
        total = sum(getattr(c, name) * value for name, value in terms.items())
        learned = {
            "adversary_learns": adversary_loss(net.adversary, content, batch.style),
            "critic_learns": critic_loss(
                net.critic, normalized, batch.style, results, target_style, c.guide_noise
            ),
        }
        return {"total": total + sum(learned.values()), **terms, **learned}

    def _likelihood(self, code: Tensor) -> Tensor:
        """code: (B, K) -> (B, S) log likelihoods under every label's Gaussian, softened: K numbers
        do not err independently.
        """
        mean, log_std = self.network.prior(torch.arange(len(self.labels.styles)))
        apart = 0.5 * ((code[:, None] - mean) / log_std.exp()).square() + log_std
        return -apart.sum(dim=-1) / code.shape[-1] ** 0.5

    def _results(self, features: Tensor, unchanged: Tensor, restyled: Sequence[Tensor]) -> Tensor:
        """features: (B, T, 260); unchanged and R restyled: (B, T, 260) decoded, normalised -> (R *
        B, T, 260) normalised, see `restyled_features`.
        """
        physical = self.autoencoder.decoder.physical
        results = [
            restyled_features(features, physical(unchanged), physical(value)) for value in restyled
        ]
        return self.autoencoder.normalize(torch.cat(results))

    def _guide(self, batch: Batch, results: Tensor) -> dict[str, Tensor]:
        """Cross-entropies of the guides on results as the user gets them. Content within its own
        set. Dropout stays on.
        """
        times = len(results) // len(batch.style)
        target, content = batch.target_style.repeat(times), batch.content.repeat(times)
        impossible = ~self.same_set.to(content.device)[content]
        styles, contents = [], []
        for guide in self.guides:
            noisy = results + self.config.guide_noise * torch.randn_like(results)
            styles.append(cross_entropy(guide.style.normalized(noisy).float(), target))
            told = guide.content.normalized(noisy).float().masked_fill(impossible, -1e4)
            contents.append(known_cross_entropy(told, content))
        return {
            "guide_style": torch.stack(styles).mean(),
            "guide_content": torch.stack(contents).mean(),
        }

    def _pair_error(self, batch: Batch, results: Tensor) -> Tensor:
        """Smooth-L1 between results and pairs, of what a body looks like; samples without a pair
        count as without error.
        """
        wanted = take(self.autoencoder.normalize(batch.pair), PAIRED)
        error = smooth_l1_loss(
            take(results, PAIRED),
            wanted.repeat(len(results) // len(wanted), 1, 1),
            reduction="none",
        )
        return (error.mean(dim=-1) * batch.paired.repeat(len(results) // len(wanted), 1)).mean()

    def validate(self) -> dict[str, float]:
        """By the first guide, on whole validation clips, each in one other style: accuracies by
        reference and by label.
        """
        entries = self.corpus.known_validation()
        seen = sorted({entry.style for entry in entries})
        styles = self._of_set_2(seen) or seen
        if len(styles) < 2:
            return {"score": float("nan")}
        hits = []
        for guide in self.guides:
            guide.eval()
        for i, entry in enumerate(entries):
            others = [s for s in styles if s != entry.style]
            style = others[i % len(others)]
            reference = next(e for e in entries[i:] + entries[:i] if e.style == style)
            for code in (
                self.style_of(reference)[0],
                self.network.prior.mean[[self.labels.styles.index(style)]],
            ):
                told_style, told_content = (
                    self.guides[0].style.normalized(r := self.result(entry, code)),
                    self.guides[0].content.normalized(r),
                )
                possible = self.same_set[self.labels.contents.index(content_name(entry))]
                told_content = told_content.masked_fill(~possible, -1e4)
                hits.append(
                    (
                        self.labels.styles[int(told_style.argmax())] == style,
                        self.labels.contents[int(told_content.argmax())] == content_name(entry),
                    )
                )
        for guide in self.guides:
            guide.train()
        rates = np.array(hits, dtype=float).reshape(-1, 2, 2).mean(axis=0)
        figures = {
            "reference/style": rates[0, 0],
            "reference/content": rates[0, 1],
            "label/style": rates[1, 0],
            "label/content": rates[1, 1],
        }
        return {
            "score": -float(rates.mean()),
            **{name: float(value) for name, value in figures.items()},
        }

    def _latent(self, entry: Entry) -> tuple[Tensor, Tensor]:
        frames = entry.frame_count // 8 * 8
        features = torch.from_numpy(
            np.array(self.corpus.features[entry.start : entry.start + frames])
        )[None]
        return features, self.autoencoder.encoder(features)

    def style_of(self, entry: Entry) -> tuple[Tensor, Tensor]:
        """Mean and log deviation (1, K) of the style code of one clip."""
        return self.network.style_encoder(self._latent(entry)[1])

    def result(self, entry: Entry, style: Tensor) -> Tensor:
        """(1, T, 260) normalised: one clip plus its change to a style code (1, K)."""
        features, latent = self._latent(entry)
        content = self.network.content_encoder(latent)
        own, _ = self.network.style_encoder(latent)
        decode = self.autoencoder.decoder.normalized
        unchanged, restyled = (
            decode(self.network.generator(content, code)) for code in (own, style)
        )
        return self._results(features, unchanged, [restyled])


def other_style(style: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """style: (B,), some perhaps `UNKNOWN` -> (B,) indices of known ones, each of another style
    where the batch has one.
    """
    known = np.flatnonzero(style != UNKNOWN)
    target = known[random.permutation(len(style)) % len(known)]
    for i in np.flatnonzero(style[target] == style):
        different = known[style[known] != style[i]]
        if len(different):
            target[i] = random.choice(different)
    return target
