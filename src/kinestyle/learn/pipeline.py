"""From unpacked motion to a released bundle, stage by stage, each in its own folder of a run.

    RUN/corpus           features of all clips         RUN/stylizer   content, style, generator
    RUN/made             the same, with made styles
    RUN/autoencoder      encoder and decoder           RUN/refined    its second part
    RUN/global_motion    root velocity                 RUN/judge      what results are measured with
    RUN/auxiliary_1 ...  classifiers in stage 2's loss  RUN/judge.onnx, RUN/judge_2.onnx
    RUN/pairs            one content in two styles     RUN/bandai.kinestyle

A stage that is done is not done again; one that was cut goes on from its checkpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from kinestyle.bundle import PRIOR, Manifest, Style, Tempo, write_bundle
from kinestyle.errors import DataError
from kinestyle.evaluate.judge import SHIPPED, THIRD
from kinestyle.evaluate.provenance import commit
from kinestyle.learn.data.corpus import TABLE, Corpus
from kinestyle.learn.data.made_clips import (
    MadeConfig,
    exact_pairs,
    is_drawn,
    is_made,
    named_style,
    plan,
    with_made_clips,
)
from kinestyle.learn.data.own_clips import OwnClips
from kinestyle.learn.data.pairs import PAIRED_SPLITS, Pairs, find_pairs
from kinestyle.learn.export import (
    classifier_graph,
    judge_file,
    judge_graph,
    label_free,
    read_judge_file,
    to_graphs,
)
from kinestyle.learn.loop.checkpoint import load_checkpoint, require_configuration
from kinestyle.learn.loop.process_group import ProcessGroup
from kinestyle.learn.loop.training import TRAINED_KEYS, Network, Stage, train
from kinestyle.learn.nets.networks import GlobalMotionPredictor, NetworkSizes
from kinestyle.learn.run_folder import alone_in, read_clips, stage_folder
from kinestyle.learn.stages.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    AutoencoderStage,
    set_latent_scale,
)
from kinestyle.learn.stages.classifiers import (
    AUXILIARY_CLASSIFIERS,
    JUDGE,
    ClassifierConfig,
    ClassifierStage,
    Labels,
    StyleContentClassifier,
)
from kinestyle.learn.stages.distance_moments import (
    DistanceMomentConfig,
    fit_distance_moments,
    validate_distance_moments,
)
from kinestyle.learn.stages.global_motion import GlobalMotionConfig, GlobalMotionStage
from kinestyle.learn.stages.paper import PaperConfig, PaperNetwork, PaperStage
from kinestyle.learn.stages.random_kernels import (
    RandomKernelConfig,
    fit_random_kernels,
    validate_random_kernels,
)
from kinestyle.learn.stages.stylizer import (
    RefinementConfig,
    StylizerConfig,
    StylizerNetwork,
    StylizerStage,
)
from kinestyle.learn.tempo import fit_tempo
from kinestyle.learn.terms import terms_of
from kinestyle.retarget.features import LAYOUT, pad_last
from kinestyle.runtime.residual import STYLE_RESIDUAL_GATE
from kinestyle.runtime.sequences import padded_count
from kinestyle.storage import replace_bytes

StageConfig = (
    AutoencoderConfig | GlobalMotionConfig | ClassifierConfig | StylizerConfig | PaperConfig
)
Config = TypeVar("Config", bound=StageConfig)

_ALL_SIZES = tuple(field.name for field in fields(NetworkSizes))
SIZES_OF = {
    "autoencoder": ("latent", "encoder", "decoder", "frames_at_once", "dropout"),
    "global_motion": ("global_motion", "global_motion_width", "frames_at_once"),
    "stylizer": _ALL_SIZES,
    "refined": _ALL_SIZES,
}
"""What each stage's networks read of `NetworkSizes`: two runs that differ elsewhere can share the
stage.
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of a run, besides the data. `presets` has those with a
    name.
    """

    name: str = "bandai"
    """Of the bundle, and of its file."""
    sizes: NetworkSizes = field(default_factory=NetworkSizes)
    left_out: tuple[str, ...] = ()
    """Sets of clips, and styles, that nothing but the judges learns from."""
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    global_motion: GlobalMotionConfig = field(default_factory=GlobalMotionConfig)
    auxiliary: tuple[ClassifierConfig, ...] = AUXILIARY_CLASSIFIERS
    """The auxiliary classifiers of a `StylizerConfig`."""
    stylizer: StylizerConfig | PaperConfig = field(default_factory=StylizerConfig)
    refinement: RefinementConfig | None = field(default_factory=RefinementConfig)
    """Of a `StylizerConfig`'s stage."""
    made: MadeConfig | None = None
    """Made styles that join the clips; None: none. What the judges and the auxiliary classifiers
    learn from is real.
    """
    judge: ClassifierConfig = JUDGE
    second_judge: RandomKernelConfig = field(default_factory=RandomKernelConfig)
    third_judge: DistanceMomentConfig = field(default_factory=DistanceMomentConfig)

    @property
    def supervised(self) -> bool:
        """Whether it learns from styles with a name, of clips or made ones."""
        return isinstance(self.stylizer, StylizerConfig) or self.stylizer.supervised

    @property
    def drawn_from_prior(self) -> bool:
        """Whether style codes are kept near N(0, I), so that they can be drawn without a cue."""
        stylizer = self.stylizer
        return isinstance(stylizer, PaperConfig) and (
            stylizer.probabilistic and not stylizer.supervised
        )

    @property
    def needs_labels(self) -> bool:
        """Whether clips have to have styles: of made ones alone a stylizer can learn, too."""
        return self.supervised and not (self.made and not self.auxiliary)


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """The same recipe with `steps` steps in every stage: to see that everything runs."""

    def short(config: Config) -> Config:
        warmup = min(config.loop.warmup_steps, steps)
        return replace(
            config,
            loop=replace(config.loop, steps=steps, validate_every=steps, warmup_steps=warmup),
        )

    refinement = recipe.refinement
    return replace(
        recipe,
        autoencoder=short(recipe.autoencoder),
        global_motion=short(recipe.global_motion),
        auxiliary=tuple(map(short, recipe.auxiliary)),
        stylizer=short(recipe.stylizer),
        refinement=refinement
        and RefinementConfig(short(refinement.classifier), short(refinement.stylizer)),
        judge=short(recipe.judge),
        second_judge=replace(recipe.second_judge, kernels=min(recipe.second_judge.kernels, steps)),
    )


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: a recipe, the data it learns from, and the folder of what came out."""

    recipe: Recipe
    data: Path
    folder: Path
    report: Callable[[str], None]
    shared: Path | None = None
    """Another run. A stage that it finished, with the same configuration on the same data, is taken
    from there.
    """
    own: OwnClips = field(default_factory=OwnClips)
    """What the user says of clips that are not the Bandai-Namco sets."""
    group: ProcessGroup = field(default_factory=ProcessGroup)
    """The processes that train together, and the device of this one."""
    deadline: float | None = None
    """Of `time.monotonic`: when stages stop learning, done or not. OutOfTimeError says which."""

    def train(self, stage: str | None = None, wait: bool = False) -> None:
        """Do a stage and what it needs, or all, with the folder locked for other runs. Raises
        DataError for a stage that is not there, and where another run is in the folder, unless
        that is to be waited for.
        """
        stages = self.stages()
        if stage is not None and stage not in stages:
            raise DataError(f"no stage is called {stage!r}; the stages are {', '.join(stages)}")
        rank_zero = self.group.is_rank_zero
        with alone_in(self.folder, self.report, wait) if rank_zero else nullcontext():
            for name in stages if stage is None else [stage]:
                stages[name]()

    def stages(self) -> dict[str, Callable[[], Any]]:
        """Every stage by name, in order."""
        return {
            "corpus": self.corpus,
            "autoencoder": self.autoencoder,
            "global_motion": self.global_motion,
            "auxiliary": self.auxiliary,
            "pairs": self.pairs,
            "stylizer": self.stylizer,
            "judge": self.judge,
            "bundle": self.bundle,
        }

    @cache  # noqa: B019  # a run lives as long as its command
    def corpus(self) -> Corpus:
        """What the recipe learns from: `real`, with made clips where it wants them."""
        if self.recipe.made is None:
            return self.real()
        with self.group.rank_zero_first():
            folder = self._found("made", TABLE)
            return with_made_clips(self.real(), self.recipe.made, folder, self.report)

    @cache  # noqa: B019
    def real(self) -> Corpus:
        """`everything` without the sets and styles that the recipe leaves out."""
        everything, left_out = self.everything(), set(self.recipe.left_out)
        entries = tuple(
            entry for entry in everything.entries if not left_out & {entry.set_name, entry.style}
        )
        return replace(everything, entries=entries)

    @cache  # noqa: B019
    def everything(self) -> Corpus:
        """Read all motion files once. Files that cannot be used are named and left out."""
        with self.group.rank_zero_first():
            if not self.group.is_rank_zero:
                return Corpus.load(self._found("corpus", TABLE))
            return read_clips(
                self.data,
                self.folder,
                self.own,
                self.report,
                shared=self.shared,
                needs_labels=self.recipe.needs_labels,
            )

    @cache  # noqa: B019
    def autoencoder(self) -> Autoencoder:
        corpus, config = self.corpus(), self.recipe.autoencoder
        stage = AutoencoderStage(corpus, self.recipe.sizes, config)
        if config.latent == "poses" or self._end_to_end:
            return stage.network  # nothing to learn, or nothing to learn yet
        self._train("autoencoder", stage, config)
        set_latent_scale(stage.network, corpus)
        return stage.network

    def _terms(self) -> dict[str, str]:
        return terms_of(self.everything(), self.own, self.recipe.name)

    @property
    def _end_to_end(self) -> bool:
        return isinstance(self.recipe.stylizer, PaperConfig) and self.recipe.stylizer.end_to_end

    def global_motion(self) -> GlobalMotionPredictor:
        stage = GlobalMotionStage(self.corpus(), self.recipe.sizes, self.recipe.global_motion)
        self._train("global_motion", stage, self.recipe.global_motion)
        return stage.network

    def auxiliary(self) -> list[StyleContentClassifier]:
        if isinstance(self.recipe.stylizer, PaperConfig):
            return []
        configs = enumerate(self.recipe.auxiliary, start=1)
        return [self._classifier(f"auxiliary_{i}", config, self.real()) for i, config in configs]

    @cache  # noqa: B019
    def stylizer(self) -> StylizerNetwork | PaperNetwork:
        corpus, sizes, config = self.corpus(), self.recipe.sizes, self.recipe.stylizer
        if isinstance(config, StylizerConfig):
            auxiliary = self.auxiliary()
            network = self._train("stylizer", self._stylizer_stage(config, auxiliary), config)
            return (
                network
                if self.recipe.refinement is None
                else self._refined(network, auxiliary[:1], self.recipe.refinement)
            )
        stage = PaperStage(corpus, sizes, config, self.autoencoder())
        self._train("stylizer", stage, config)
        stage.learn_labels()
        return stage.network

    def _stylizer_stage(
        self, config: StylizerConfig, auxiliary: Sequence[StyleContentClassifier]
    ) -> StylizerStage:
        return StylizerStage(
            self.corpus(), self.recipe.sizes, config, self.autoencoder(), auxiliary, self.pairs()
        )

    def _refined(
        self,
        network: StylizerNetwork,
        auxiliary: Sequence[StyleContentClassifier],
        config: RefinementConfig,
    ) -> StylizerNetwork:
        of_angles = self._classifier("auxiliary_angles", config.classifier, self.real())
        stage = self._stylizer_stage(config.stylizer, [*auxiliary, of_angles])
        stage.network.load_state_dict(network.state_dict())
        return self._train("refined", stage, config.stylizer)

    def pairs(self) -> Pairs:
        """For the labelled clips of training and validation, the nearest ones of their split in
        other styles; found once.
        """
        config = self.recipe.stylizer
        if isinstance(config, PaperConfig):
            return Pairs({})
        fingerprint = {
            "corpus_sha256": self.everything().sha256,
            "left_out": list(self.recipe.left_out),
            "splits": list(PAIRED_SPLITS),
            **asdict(config.pairs),
        }
        path = self._found("pairs", "pairs.npz") / "pairs.npz"
        with self.group.rank_zero_first():
            found = Pairs.load(path, fingerprint)
            if found is None:
                path = self.folder / "pairs" / "pairs.npz"
                path.parent.mkdir(parents=True, exist_ok=True)
                found = find_pairs(self.real(), config.pairs, self.report)
                found.save(path, fingerprint)
        if self.recipe.made is None:
            return found
        exact = exact_pairs(plan(self.real(), self.recipe.made))
        return Pairs({**found.frames, **exact.frames})

    def judge(self) -> tuple[Path, ...]:
        """Train the judges and write each as one graph. Returns the paths of those that ship, none
        where there is nothing to tell apart.
        """
        everything = self.everything()
        labels = Labels.of(everything)
        if len(labels.styles) < 2:
            self.report("judge: none, because there are no two styles to tell apart")
            return ()
        paths = self.folder / SHIPPED[0], self.folder / SHIPPED[1]
        licence = self._terms()["licence"]
        network = self._classifier("judge", self.recipe.judge, everything)
        if not self.group.is_rank_zero:
            return paths
        graph = classifier_graph(network)
        replace_bytes(paths[0], judge_file(graph, labels, name="network", licence=licence))
        fingerprint = json.dumps(
            {"corpus_sha256": everything.sha256, **asdict(self.recipe.second_judge)}
        )
        if read_judge_file(paths[1]).get("fingerprint") != fingerprint:
            second = fit_random_kernels(everything, labels, self.recipe.second_judge)
            style, content = validate_random_kernels(second, everything, labels)
            self.report(f"judge_2  validation/style {style:.4g}  validation/content {content:.4g}")
            graph = judge_graph(second, torch.randn(1, 96, LAYOUT.size))
            about = {"name": "random kernels", "licence": licence, "fingerprint": fingerprint}
            replace_bytes(paths[1], judge_file(graph, labels, **about))
        self._third_judge(everything, labels, licence)
        for path in (*paths, self.folder / THIRD):
            self.report(f"judge: {path}, {path.stat().st_size / 1e6:.1f} MB")
        return paths

    def _third_judge(self, corpus: Corpus, labels: Labels, licence: str) -> None:
        """The one that is kept for the end: it lies in the folder, and nothing reads it."""
        config = self.recipe.third_judge
        fingerprint = json.dumps({"corpus_sha256": corpus.sha256, **asdict(config)})
        path = self.folder / THIRD
        if read_judge_file(path).get("fingerprint") == fingerprint:
            return
        network = fit_distance_moments(corpus, labels, config)
        style, content = validate_distance_moments(network, corpus, labels)
        self.report(f"judge_3  validation/style {style:.4g}  validation/content {content:.4g}")
        entry = corpus.select("train", labelled=True)[0]
        rows = np.array(corpus.features[entry.start : entry.stop])
        graph = judge_graph(network, torch.from_numpy(rows)[None])
        about = {"name": "distance moments", "licence": licence, "fingerprint": fingerprint}
        replace_bytes(path, judge_file(graph, labels, **about))

    def bundle(self) -> Path:
        """Export the trained networks. Returns the bundle's path. Raises BundleError where a graph
        and its network differ.
        """
        corpus, stylizer = self.corpus(), self.stylizer()
        trained_end_to_end = stylizer.autoencoder if isinstance(stylizer, PaperNetwork) else None
        networks = trained_end_to_end or self.autoencoder(), stylizer, self.global_motion()
        about = self._terms()
        path = self.folder / f"{about['name']}.kinestyle"
        if not self.group.is_rank_zero:
            return path
        graphs = to_graphs(*networks)
        manifest = Manifest(
            name=about["name"],
            licence=about["licence"],
            attribution=about["attribution"],
            styles=_styles(corpus, stylizer) if self.recipe.supervised else (),
            prior=PRIOR if self.recipe.drawn_from_prior else None,
            residual_gate=self._residual_gate(),
            label_numbers=stylizer.style_encoder.labels,
            tempo=self._tempo(networks[0], stylizer),
            training={
                "recipe": asdict(self.recipe),
                "commit": commit(),
                "corpus_sha256": self.everything().sha256,
                **self._released_figures(),
            },
        )
        write_bundle(path, manifest, graphs)
        self.report(f"bundle: {path}, {path.stat().st_size / 1e6:.1f} MB")
        return path

    def _released_figures(self) -> dict[str, dict[str, Any]]:
        """`validation`, the figures of each stage, and `budget`, what it has cost."""
        found = {}
        for stage in ("autoencoder", "global_motion", "stylizer", "refined"):
            path = self._found(stage, "trained.pt") / "trained.pt"
            if path.exists():
                found[stage] = load_checkpoint(path, *TRAINED_KEYS)
        figures = {stage: trained["validation"] for stage, trained in found.items()}
        return {
            "validation": {stage: _finite(values) for stage, values in figures.items()},
            "budget": {
                stage: trained["budget"] for stage, trained in found.items() if "budget" in trained
            },
        }

    def _residual_gate(self) -> tuple[float, float] | None:
        """What the bundle has to state, because it is not the runtime's own."""
        config = self.recipe.stylizer
        if isinstance(config, PaperConfig) or config.residual_gate == STYLE_RESIDUAL_GATE:
            return None
        return config.residual_gate

    def _tempo(
        self, autoencoder: Autoencoder, stylizer: StylizerNetwork | PaperNetwork
    ) -> Tempo | None:
        """What a style code says of tempo, found in real clips."""
        style_encoder = label_free(stylizer.style_encoder).eval()

        def code_of(features: np.ndarray) -> np.ndarray:
            frames = pad_last(features, padded_count(len(features)))
            with torch.no_grad():
                latent = autoencoder.encoder(torch.from_numpy(frames)[None].float())
                return np.asarray(style_encoder(latent)[0][0])

        # without labels of style, labels of content are not looked at either
        labelled = any(entry.style for entry in self.real().entries)
        by_content = self.recipe.supervised and labelled
        return fit_tempo(self.real(), code_of, by_content)

    def _classifier(
        self, name: str, config: ClassifierConfig, corpus: Corpus
    ) -> StyleContentClassifier:
        return self._train(name, ClassifierStage(corpus, config), config)

    def _train(self, name: str, stage: Stage[Network], config: StageConfig) -> Network:
        """The stage's network: taken from where it was trained to its end, or trained now."""
        fingerprint = self._fingerprint(name, stage, config)
        own = self.folder / name / "trained.pt"
        trained: dict[str, Any] | None
        if own.exists():
            trained = load_checkpoint(own, *TRAINED_KEYS)
            require_configuration(own, trained, fingerprint)
        else:
            trained = self._taken(name, fingerprint)
        if trained is None:
            folder = self.folder / name
            return train(
                stage, config.loop, folder, self.report, fingerprint, self.group, self.deadline
            )
        stage.network.load_state_dict(trained["network"])
        stage.network.eval()
        return stage.network

    def _fingerprint(self, name: str, stage: Stage[Any], config: StageConfig) -> dict[str, Any]:
        """Everything that decides what a stage learns. A setting that is None is left out, so that
        stages from before there was such a setting still fit.
        """
        sizes = asdict(self.recipe.sizes)
        everything = self.everything()
        left_out = [] if stage.sampler.corpus is everything else list(self.recipe.left_out)
        made = any(map(is_made, stage.sampler.corpus.entries)) and self.recipe.made
        return {
            **({"made": asdict(made)} if made else {}),
            "sizes": {key: sizes[key] for key in SIZES_OF.get(name, ())},
            "left_out": left_out,
            "corpus_sha256": everything.sha256,
            **asdict(config, dict_factory=_stated),
        }

    def _taken(self, name: str, fingerprint: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the shared run trained, if it was with the same configuration."""
        path = self.shared and self.shared / name / "trained.pt"
        if path is None or not path.exists():
            return None
        trained = load_checkpoint(path, *TRAINED_KEYS)
        if trained["config"] != fingerprint:
            return None
        self.report(f"{name}: taken from {path}")
        return trained

    def _found(self, stage: str, proof: str) -> Path:
        return stage_folder(self.folder, self.shared, stage, proof)


def _styles(corpus: Corpus, stylizer: StylizerNetwork | PaperNetwork) -> tuple[Style, ...]:
    """What a bundle says of the styles with a name: how much motion each was learned from, and its
    Gaussian in style space. Made styles that were drawn are learned with, and go without names.

    corpus: what the stylizer learned from
    """
    labels = Labels.of(corpus)
    with torch.no_grad():
        codes = stylizer.prior(torch.arange(len(labels.styles)))
    entries = corpus.select("train", labelled=True)
    return tuple(
        Style(
            name,
            round(sum(e.frame_count for e in entries if e.style == name) / 30.0, 1),
            codes.mean[i].numpy().round(5),
            codes.log_std[i].exp().numpy().round(5),
            named_style(name),
        )
        for i, name in enumerate(labels.styles)
        if not is_drawn(name)
    )


def _stated(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in items if value is not None}


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Without those that the data do not give, such as a distance to pairs where there are none."""
    return {name: round(value, 4) for name, value in figures.items() if math.isfinite(value)}
