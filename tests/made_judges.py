"""Judges that were never trained, of any styles and contents."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from kinestyle.retarget.features import clip_to_features
from made_rigs import walk


def write_judge(
    path: Path,
    styles: tuple[str, ...],
    contents: tuple[str, ...],
    name: str = "made",
    seed: int = 1,
) -> Path:
    """Write a judge with random weights. Skips the test where torch is not installed."""
    torch, _ = pytest.importorskip("torch"), pytest.importorskip("onnx")
    from kinestyle.learn.data.corpus import group_statistics
    from kinestyle.learn.export import classifier_graph, judge_file
    from kinestyle.learn.stages.classifiers import ClassifierConfig, Labels, StyleContentClassifier

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.manual_seed(seed)
        statistics = group_statistics(clip_to_features(walk().clip).astype(np.float32))
        labels = Labels(styles, contents)
        graph = classifier_graph(
            StyleContentClassifier(labels, ClassifierConfig(width=8), *statistics)
        )
    path.write_bytes(judge_file(graph, labels, name=name))
    return path
