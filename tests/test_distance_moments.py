"""The third judge: what it sees, what it does not, and what it learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.evaluate.judge import Judge  # noqa: E402
from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.export import judge_file, judge_graph  # noqa: E402
from kinestyle.learn.stages.classifiers import Labels  # noqa: E402
from kinestyle.learn.stages.distance_moments import (  # noqa: E402
    DistanceMomentConfig,
    DistanceMoments,
    fit_distance_moments,
    third_split,
    validate_distance_moments,
)
from kinestyle.learn.stages.random_kernels import second_split  # noqa: E402
from kinestyle.retarget.features import LAYOUT, mirror_features  # noqa: E402
from small_presets import example_corpus  # noqa: E402


@pytest.fixture(scope="module")
def corpus(walk_file: Path) -> Corpus:
    return example_corpus(walk_file)


def test_it_reads_positions_alone_and_no_direction(corpus: Corpus) -> None:
    moments = DistanceMoments()
    features = torch.from_numpy(np.array(corpus.features[:60]))[None]
    found = moments(features)
    assert found.shape == (1, moments.size)
    other = features.clone()
    unread = np.setdiff1d(np.arange(LAYOUT.size), LAYOUT.only("joint_position"))
    other[..., unread] += 1.0
    torch.testing.assert_close(moments(other), found)
    # turned about the vertical it is the same body
    position = features[..., LAYOUT["joint_position"]].unflatten(-1, (-1, 3)).clone()
    turned = features.clone()
    position[..., [0, 2]] = torch.stack([position[..., 2], -position[..., 0]], dim=-1)
    turned[..., LAYOUT["joint_position"]] = position.flatten(-2)
    torch.testing.assert_close(moments(turned), found, atol=1e-4, rtol=1e-4)
    mirrored = torch.from_numpy(mirror_features(features[0].numpy()))[None]
    channels = moments.inputs(features).std(dim=1).sort().values
    torch.testing.assert_close(
        moments.inputs(mirrored).std(dim=1).sort().values, channels, atol=1e-5, rtol=1e-4
    )


def test_it_learns_from_what_the_second_judge_is_validated_on(corpus: Corpus) -> None:
    entries = tuple(
        replace(entry, stem=f"{entry.stem}_{k}") for entry in corpus.entries for k in range(3)
    )
    more = replace(corpus, entries=entries)
    learned, validation = third_split(more)
    second, apart = second_split(more)
    assert set(apart) <= set(learned)
    assert set(validation) <= set(second)
    assert not set(learned) & set(validation)
    assert validation
    assert all(entry.split != "test" for entry in (*learned, *validation))


@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export")
@pytest.mark.filterwarnings("ignore:Constant folding")
def test_as_a_file_it_says_the_same_of_clips_of_any_length(corpus: Corpus, tmp_path: Path) -> None:
    labels = Labels.of(corpus)
    network = fit_distance_moments(corpus, labels, DistanceMomentConfig())
    example = torch.from_numpy(corpus.features[:40].copy())[None]
    path = tmp_path / "judge_3.onnx"
    path.write_bytes(judge_file(judge_graph(network, example), labels, name="third"))
    judge = Judge(path)
    for frames in (20, 40, 90):
        features = corpus.features[:frames]
        with torch.no_grad():
            expected = network(torch.from_numpy(features)[None])[0][0].numpy()
        np.testing.assert_allclose(judge.predict(features).style_logits, expected, atol=5e-3)


def test_it_learns_styles_that_differ(corpus: Corpus) -> None:
    features = corpus.features.copy()
    hand = LAYOUT["joint_position"]
    entries = corpus.entries
    # clips of a style overlap in the example, so two are made that do not
    first, second = entries[0], replace(entries[0], stem="other", style="bandai2/z")
    start = len(features)
    raised = features[first.start : first.stop].copy()
    raised[:, hand] *= 1.2
    second = replace(second, start=start, stop=start + len(raised))
    made = replace(corpus, features=np.concatenate([features, raised]), entries=(first, second))
    labels = Labels.of(made)
    network = fit_distance_moments(made, labels, DistanceMomentConfig())
    with torch.no_grad():
        for entry in (first, second):
            rows = torch.from_numpy(made.features[entry.start : entry.stop])[None]
            style = network(rows)[0]
            assert labels.styles[int(style.argmax())] == entry.style
    assert all(np.isnan(validate_distance_moments(network, made, labels)))
