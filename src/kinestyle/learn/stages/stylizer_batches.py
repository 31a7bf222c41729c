"""What one step of stage 2 sees: two clips of one style, a clip of another style, and a real clip
of what the first does in the style of the third.

Where the corpus has made styles, a share of the samples are drawn by their pair: a clip, a made
style that it is known in frame by frame, and a clip of that style.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry, by_cell
from kinestyle.learn.data.device_corpus import DeviceCorpus
from kinestyle.learn.data.made_clips import is_made
from kinestyle.learn.data.pairs import Pairs
from kinestyle.learn.stages.classifiers import UNKNOWN, Labels, content_name


@dataclass(frozen=True)
class StyledCrops:
    """Two crops of a clip A (`entry`) and one of a clip B of its style; the classes of A, `UNKNOWN`
    where it has no label.
    """

    entry: Entry
    a: Crop
    a_again: Crop
    b: Crop
    style: int
    content: int


@dataclass(frozen=True)
class Sample:
    """Crops to restyle, and crops of another style, whose B is P: the target of A."""

    source: StyledCrops
    target: StyledCrops


@dataclass
class Batch:
    """Samples as tensors: features (B, T, 260) and classes (B,).

    pair: A in the target style where a real clip shows it, (B, T, 260), zeros elsewhere; paired:
    (B, T), 1 or 0; wholly_paired: (B,) bool, where all of A has a pair; styles, target_styles:
    `style` and `target_style` once more. The last three are on the host, so that what a batch holds
    is known without waiting for the device.
    """

    a: Tensor
    a_again: Tensor
    b: Tensor
    p: Tensor
    pair: Tensor
    paired: Tensor
    style: Tensor
    content: Tensor
    target_style: Tensor
    wholly_paired: np.ndarray
    styles: np.ndarray
    target_styles: np.ndarray


class StylizerBatches:
    """Draws the samples of stage 2 from the training split and cuts them out of the corpus.

    unlabelled_share: of clips A without a label, where there are any; their B is another crop of A.
    set_2_share: of crops from Bandai-Namco set 2, where the corpus has both sets.
    made_share: of samples whose target is a made style, where the corpus has any
    """

    def __init__(
        self,
        corpus: Corpus,
        sampler: CropSampler,
        pairs: Pairs,
        unlabelled_share: float,
        set_2_share: float,
        made_share: float = 0.0,
    ):
        self.corpus, self.sampler, self.pairs = corpus, sampler, pairs
        self.unlabelled_share, self.set_2_share = unlabelled_share, set_2_share
        self.made_share = made_share
        self.labels = Labels.of(corpus)
        self.cells = by_cell(corpus.select("train", labelled=True))
        self.unlabelled = corpus.select("train", labelled=False)
        made = [entry for entry in corpus.select("train") if is_made(entry)]
        self.made = {entry.stem: entry for entry in made}
        self.real_styles = sorted(set(self.labels.styles) - {entry.style for entry in made})
        self.made_pairs = _MadePairs.of(corpus, pairs, {entry.style for entry in made})

    def draw(self, count: int) -> list[Sample]:
        """`count` samples, those of a style each with a target of another one, if there is one."""
        made = round(self.made_share * count) if self.made_pairs.of_base else 0
        if self.real_styles:
            return [*self._real(count - made), *(self._made() for _ in range(made))]
        # where no real clip has a label, all targets are made styles
        samples = [self._made() for _ in range(made)]
        for _ in range(count - made):
            target = self.sampler.choose(samples[:made]).target
            samples.append(Sample(self._unlabelled(), target))
        return samples

    def _real(self, count: int) -> list[Sample]:
        sources: list[StyledCrops] = []
        for i in range(count):
            # the first two are labelled, so that there always is a target
            unlabelled = i > 1 and self.unlabelled and self.sampler.coin(self.unlabelled_share)
            sources.append(self._unlabelled() if unlabelled else self._labelled())
        styles = np.array([source.style for source in sources])
        targets = other_style(styles, self.sampler.random)
        return [
            Sample(source, sources[target]) for source, target in zip(sources, targets, strict=True)
        ]

    def _made(self) -> Sample:
        """A clip, as it was recorded or in a made style, and a made style in which it is known."""
        sampler, pairs = self.sampler, self.made_pairs
        from_base = not pairs.of_made or sampler.coin()
        entry, style = sampler.choose(pairs.of_base if from_base else pairs.of_made)
        known = np.flatnonzero(np.isfinite(self.pairs.frames[entry.stem, style]))
        first, stop = int(known[0]), int(known[-1]) + 1
        piece = replace(entry, start=entry.start + first, stop=entry.start + stop)
        a, a_again = (sampler.choose_crop(piece) for _ in range(2))
        of_style = self.cells.get(entry.style, [[entry]])
        b = sampler.choose_crop(sampler.choose(sampler.choose(of_style)))
        content = content_name(entry) if entry.style and not is_made(entry) else None
        source = StyledCrops(
            entry,
            a,
            a_again,
            b,
            self.labels.styles.index(entry.style) if entry.style else UNKNOWN,
            UNKNOWN if content is None else self.labels.contents.index(content),
        )
        shown = sampler.choose(sampler.choose(self.cells[style]))
        p, p_again, other = (sampler.choose_crop(shown) for _ in range(3))
        target = StyledCrops(shown, p_again, other, p, self.labels.styles.index(style), UNKNOWN)
        return Sample(source, target)

    def _unlabelled(self) -> StyledCrops:
        entry, mirror = self.sampler.choose(self.unlabelled), self.sampler.coin()
        a, a_again, b = (self.sampler.choose_crop(entry, mirror) for _ in range(3))
        return StyledCrops(entry, a, a_again, b, UNKNOWN, UNKNOWN)

    def _labelled(self) -> StyledCrops:
        sampler, labels = self.sampler, self.labels
        cells = self.cells[sampler.choose(self._styles())]
        first, second = (sampler.choose(sampler.choose(cells)) for _ in range(2))
        mirror = sampler.coin() and content_name(first, mirrored=True) in labels.contents
        return StyledCrops(
            entry=first,
            a=sampler.choose_crop(first, mirror),
            a_again=sampler.choose_crop(first, mirror),
            b=sampler.choose_crop(second, sampler.coin()),
            style=labels.styles.index(first.style),
            content=labels.contents.index(content_name(first, mirror)),
        )

    def _styles(self) -> Sequence[str]:
        """The styles to draw from: those of set 2 in `set_2_share` of all cases."""
        styles = self.real_styles
        set_2 = [style for style in styles if style.startswith("bandai2/")]
        if not set_2 or len(set_2) == len(styles):
            return styles
        if self.sampler.coin(self.set_2_share):
            return set_2
        return [style for style in styles if style not in set_2]

    def cut(self, samples: Sequence[Sample], features: DeviceCorpus) -> Batch:
        """Samples as tensors, features on the device of `features`."""
        sources = [sample.source for sample in samples]
        styles = np.array([source.style for source in sources])
        target_styles = np.array([sample.target.style for sample in samples])
        frames = self._paired_frames(samples)
        pair = features.mirrored(features.between(frames), [s.a.mirror for s in sources])

        def cut(crops: Iterable[Crop]) -> Tensor:
            return features.cut(list(crops), self.sampler.frames)

        return Batch(
            a=cut(source.a for source in sources),
            a_again=cut(source.a_again for source in sources),
            b=cut(source.b for source in sources),
            p=cut(sample.target.b for sample in samples),
            pair=pair,
            paired=features.send(np.isfinite(frames).astype(np.float32)),
            style=features.send(styles),
            content=features.send([source.content for source in sources]),
            target_style=features.send(target_styles),
            wholly_paired=np.isfinite(frames).all(axis=1),
            styles=styles,
            target_styles=target_styles,
        )

    def _paired_frames(self, samples: Sequence[Sample]) -> np.ndarray:
        """(B, T) the frames of the corpus that show the pair of each sample's A, not a number where
        it has none.
        """
        frames = np.full((len(samples), self.sampler.frames), np.nan)
        for row, sample in zip(frames, samples, strict=True):
            entry, crop = sample.source.entry, sample.source.a
            style = self.labels.styles[sample.target.style]
            whole = self.pairs.frames.get((entry.stem, style))
            if whole is not None:
                part = whole[crop.start - entry.start : crop.stop - entry.start]
                row[:] = np.pad(part, (0, len(row) - len(part)), mode="edge")  # as crops are padded
        return frames


@dataclass(frozen=True)
class _MadePairs:
    """Training clips with each made style that they are known in: real clips, and made ones."""

    of_base: list[tuple[Entry, str]]
    of_made: list[tuple[Entry, str]]

    @classmethod
    def of(cls, corpus: Corpus, pairs: Pairs, made_styles: Collection[str]) -> _MadePairs:
        entries = {entry.stem: entry for entry in corpus.select("train")}
        known = [
            (entries[stem], style)
            for stem, style in pairs.frames
            if style in made_styles and stem in entries
        ]
        return cls(
            [pair for pair in known if not is_made(pair[0])],
            [pair for pair in known if is_made(pair[0])],
        )


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
