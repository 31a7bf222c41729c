"""From unpacked motion to a released bundle, stage by stage, each in its own folder of a run.

    RUN/corpus           features of all clips            RUN/stylizer        content, style, generator, prior
    RUN/autoencoder      encoder and decoder              RUN/judge           what results are measured with
    RUN/global_motion    root velocity                    RUN/judge.onnx
    RUN/guide_1 ...      what the stylizer listens to     RUN/bandai.kinestyle

A stage that is done is not done again; one that was cut goes on from its checkpoint.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import torch

from kinestyle.bundle import DEFAULT, write_bundle
from kinestyle.errors import DataError
from kinestyle.learn import corpus as corpora
from kinestyle.learn.autoencoder import Autoencoder, AutoencoderConfig, AutoencoderStage, set_latent_scale
from kinestyle.learn.classifiers import GUIDES, JUDGE, ClassifierConfig, ClassifierStage, Labels, StyleContentClassifier
from kinestyle.learn.corpus import Corpus
from kinestyle.learn.export import classifier_graph, to_graphs
from kinestyle.learn.global_motion import GlobalMotionConfig, GlobalMotionStage
from kinestyle.learn.loop import LoopConfig, Network, Stage, train
from kinestyle.learn.networks import GlobalMotionPredictor, NetworkSizes
from kinestyle.learn.stylizer import StylizerConfig, StylizerNetwork, StylizerStage

StageConfig = AutoencoderConfig | GlobalMotionConfig | ClassifierConfig | StylizerConfig

LICENCE = "CC BY-NC 4.0 (weights trained on the Bandai-Namco Research Motion Dataset)"
ATTRIBUTION = (
    "Trained on Bandai-Namco-Research-Motiondataset 1 and 2, (c) Bandai Namco Research Inc., CC BY-NC 4.0; "
    "the autoencoder also on motion from mocap.cs.cmu.edu, created with funding from NSF EIA-0196217."
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of a run, besides the data."""

    sizes: NetworkSizes = field(default_factory=NetworkSizes)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    global_motion: GlobalMotionConfig = field(default_factory=GlobalMotionConfig)
    guides: tuple[ClassifierConfig, ...] = GUIDES
    stylizer: StylizerConfig = field(default_factory=StylizerConfig)
    judge: ClassifierConfig = JUDGE


RELEASED = Recipe()
"""What the bundle that ships was trained with."""


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """The same recipe with `steps` steps in every stage: to see that everything runs."""

    def short(loop: LoopConfig) -> LoopConfig:
        return replace(loop, steps=steps, validate_every=steps, warmup_steps=min(loop.warmup_steps, steps))

    return replace(
        recipe,
        autoencoder=replace(recipe.autoencoder, loop=short(recipe.autoencoder.loop)),
        global_motion=replace(recipe.global_motion, loop=short(recipe.global_motion.loop)),
        guides=tuple(replace(guide, loop=short(guide.loop)) for guide in recipe.guides),
        stylizer=replace(recipe.stylizer, loop=short(recipe.stylizer.loop)),
        judge=replace(recipe.judge, loop=short(recipe.judge.loop)),
    )


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: a recipe, the data it learns from and the folder that holds what came out."""

    recipe: Recipe
    data: Path
    folder: Path
    report: Callable[[str], None]

    def stages(self) -> dict[str, Callable[[], Any]]:
        """Every stage by name, in order."""
        return {
            "corpus": self.corpus,
            "autoencoder": self.autoencoder,
            "global_motion": self.global_motion,
            "guides": self.guides,
            "stylizer": self.stylizer,
            "judge": self.judge,
            "bundle": self.bundle,
        }

    @cache  # noqa: B019  # a run lives as long as its command
    def corpus(self) -> Corpus:
        """Read all motion files once. Files that cannot be used are named and left out."""
        folder = self.folder / "corpus"
        if not (folder / "corpus.json").exists():
            self.report(f"reading motion under {self.data}")
            built, refused = corpora.build(corpora.motion_files(self.data))
            for reason in refused:
                self.report(f"left out: {reason}")
            built.save(folder)
        loaded = Corpus.load(folder)
        self.report(f"{len(loaded.entries)} clips, {len(loaded.features) / 30 / 60:.0f} minutes")
        return loaded

    def autoencoder(self) -> Autoencoder:
        corpus = self.corpus()
        stage = AutoencoderStage(corpus, self.recipe.sizes, self.recipe.autoencoder)
        self._train("autoencoder", stage, self.recipe.autoencoder)
        set_latent_scale(stage.network, corpus)
        return stage.network

    def global_motion(self) -> GlobalMotionPredictor:
        stage = GlobalMotionStage(self.corpus(), self.recipe.sizes, self.recipe.global_motion)
        self._train("global_motion", stage, self.recipe.global_motion)
        return stage.network

    def guides(self) -> list[StyleContentClassifier]:
        return [self._classifier(f"guide_{i}", config) for i, config in enumerate(self.recipe.guides, start=1)]

    def stylizer(self) -> StylizerNetwork:
        corpus, config = self.corpus(), self.recipe.stylizer
        stage = StylizerStage(corpus, self.recipe.sizes, config, self.autoencoder(), self.guides())
        self._train("stylizer", stage, config)
        return stage.network

    def judge(self) -> Path:
        """Train the judge and write it as one graph. Returns its path."""
        network = self._classifier("judge", self.recipe.judge)
        graph = onnx.load_from_string(classifier_graph(network))
        labels = Labels.of(self.corpus())
        onnx.helper.set_model_props(
            graph, {"styles": json.dumps(labels.styles), "contents": json.dumps(labels.contents), "licence": LICENCE}
        )
        path = self.folder / "judge.onnx"
        path.write_bytes(graph.SerializeToString())
        self.report(f"judge: {path}, {path.stat().st_size / 1e6:.1f} MB")
        return path

    def bundle(self) -> Path:
        """Export the trained networks. Returns the bundle's path. Raises BundleError where a graph and its network differ."""
        corpus, stylizer = self.corpus(), self.stylizer()
        graphs = to_graphs(self.autoencoder(), stylizer, self.global_motion())
        labels = Labels.of(corpus)
        with torch.no_grad():
            mean, log_deviation = stylizer.prior(torch.arange(len(labels.styles)))
        train_entries = corpus.select("train", labelled=True)
        styles = [
            {
                "name": name,
                "seconds": round(sum(e.frame_count for e in train_entries if e.style == name) / 30.0, 1),
                "mean": mean[i].numpy().round(5).tolist(),
                "deviation": log_deviation[i].exp().numpy().round(5).tolist(),
            }
            for i, name in enumerate(labels.styles)
        ]
        manifest = {
            "name": "bandai",
            "licence": LICENCE,
            "attribution": ATTRIBUTION,
            "styles": styles,
            "training": {
                "recipe": asdict(self.recipe),
                "commit": commit(),
                "corpus_sha256": json.loads((self.folder / "corpus" / "corpus.json").read_text())["sha256"],
                "validation": {
                    stage: last_figures(self.folder / stage) for stage in ("autoencoder", "global_motion", "stylizer")
                },
            },
        }
        path = self.folder / DEFAULT
        write_bundle(path, manifest, graphs)
        self.report(f"bundle: {path}, {path.stat().st_size / 1e6:.1f} MB")
        return path

    def _classifier(self, name: str, config: ClassifierConfig) -> StyleContentClassifier:
        stage = ClassifierStage(self.corpus(), config)
        self._train(name, stage, config)
        return stage.network

    def _train(self, name: str, stage: Stage[Network], config: StageConfig) -> Network:
        made_with = {"sizes": asdict(self.recipe.sizes), **asdict(config)}
        done = self.folder / name / "trained.pt"
        if not done.exists():
            return train(stage, config.loop, self.folder / name, self.report, made_with)
        saved = torch.load(done)
        if saved["config"] != made_with:
            raise DataError(f"{done} was made with another configuration; name another folder, or delete it to train again")
        stage.network.load_state_dict(saved["network"])
        stage.network.eval()
        return stage.network


def last_figures(folder: Path) -> dict[str, float]:
    """The validation figures of a stage's last step."""
    rows = (folder / "log.jsonl").read_text().splitlines()
    last = json.loads(rows[-1])
    return {name.removeprefix("validation/"): round(value, 4) for name, value in last.items() if name.startswith("validation/")}


def commit() -> str:
    """The checkout's commit, with "+changes" where it is not clean; "unknown" outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (
            "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
