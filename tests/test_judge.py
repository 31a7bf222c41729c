"""The judges that ship, what each of them reads, how the second is made, and what a judge's file
must hold.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import BundleError
from kinestyle.evaluate.judge import OUTPUTS, Judge, judges
from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import (
    LAYOUT,
    clip_to_features,
    heading_free_rotation,
    mirror_features,
)
from made_rigs import walk

SMALLEST_SHARE = {"style": 0.97, "content": 0.95}


@pytest.fixture(scope="module")
def shipped() -> tuple[Judge, ...]:
    return judges()


def features_of(clip: Clip) -> np.ndarray:
    return clip_to_features(to_canonical(clip, correspond(clip)))


# ---------------------------------------------------------------- the judges that ship


def test_two_judges_ship_that_name_the_same_classes(shipped: tuple[Judge, ...]) -> None:
    first, second = shipped
    assert first.name != second.name
    assert first.sha256 != second.sha256
    assert (first.styles, first.contents) == (second.styles, second.contents)
    assert len(first.styles) == 22
    assert sum(judge.path.stat().st_size for judge in shipped) <= 6e6
    assert Judge().sha256 == first.sha256


@pytest.mark.slow
def test_both_judges_know_real_clips(shipped: tuple[Judge, ...], data_dir: Path) -> None:
    splits = pytest.importorskip(
        "kinestyle.learn.data.bandai"
    )  # learn: to know which clips are for the test
    clips = [clip for clip in splits.labelled_test_clips(data_dir) if clip.set_name == "bandai2"]
    assert len(clips) > 100
    right = {judge.name: {"style": 0, "content": 0} for judge in shipped}
    for clip in clips:
        features = features_of(read_motion(clip.path))
        for judge in shipped:
            found = judge.predict(features)
            right[judge.name]["style"] += found.style == clip.style
            right[judge.name]["content"] += found.content_in[clip.set_name] == clip.content
    for judge, counts in right.items():
        for what, count in counts.items():
            assert count / len(clips) >= SMALLEST_SHARE[what], (
                f"{judge}: {what} {count} of {len(clips)}"
            )


def test_the_judges_read_nothing_in_common(shipped: tuple[Judge, ...], walk_clip: Clip) -> None:
    features = features_of(walk_clip)
    random = np.random.default_rng(0)

    def answers_differ(judge: Judge, *groups: str) -> bool:
        changed = features.copy()
        columns = LAYOUT.only(*groups)
        changed[:, columns] += random.normal(0.0, 0.1, (len(features), len(columns)))
        before, after = judge.predict(features), judge.predict(changed)
        same = (
            np.allclose(getattr(before, logits), getattr(after, logits), atol=1e-4)
            for logits in ("style_logits", "content_logits")
        )
        return not all(same)

    first, second = shipped
    moves = (
        "root_yaw_velocity",
        "root_xz_velocity",
        "root_height",
        "joint_position",
        "joint_velocity",
    )
    assert answers_differ(first, "joint_position")
    assert not answers_differ(first, "joint_rotation", "foot_contact")
    assert answers_differ(second, "joint_rotation")
    assert answers_differ(second, "foot_contact")
    assert not answers_differ(second, *moves)


# ---------------------------------------------------------------- files that are given


def test_judges_of_given_files(shipped: tuple[Judge, ...]) -> None:
    (only,) = judges([shipped[1].path])
    assert only.name == shipped[1].name
    with pytest.raises(BundleError, match="cannot be read"):
        judges([shipped[0].path, Path("nowhere.onnx")])


def test_a_judge_without_vectors_is_of_another_version(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(judges()[1].path)
    del model.graph.output[2:]
    onnx.save(model, tmp_path / "old.onnx")
    with pytest.raises(
        BundleError,
        match="another version: it gives style, content, expected style, content, style_vector",
    ):
        Judge(tmp_path / "old.onnx")


# ---------------------------------------------------------------- how the second is made


torch = pytest.importorskip("torch")
from kinestyle.learn.data.bandai import BandaiName, read_splits  # noqa: E402
from kinestyle.learn.data.corpus import Corpus, Entry, group_statistics  # noqa: E402
from kinestyle.learn.export import classifier_graph, judge_file, judge_graph, read_judge_file  # noqa: E402
from kinestyle.learn.stages.classifiers import ClassifierConfig, Labels, StyleContentClassifier  # noqa: E402
from kinestyle.learn.stages.random_kernels import (  # noqa: E402
    BoneAngles,
    RandomKernelConfig,
    RandomKernels,
    fit_random_kernels,
    regress,
    second_split,
    validate_random_kernels,
)

CONFIG = RandomKernelConfig(kernels=80)
BENT = {"calm": 0.0, "proud": 0.5}
"""Radians by which the made styles bend the spine."""


def made_features(style: str, start_heading: float, swing: float = 1.0) -> np.ndarray:
    """A made walk with a bent back; swing: of the arms, which the contents differ in."""
    clip = walk(2.0, start_heading=start_heading).clip
    local = clip.local_rotation.copy()
    spine = CANONICAL.index("spine")
    local[:, spine] = rotation.multiply(
        rotation.exp(np.array([BENT[style], 0.0, 0.0])), local[:, spine]
    )
    for side in ("left", "right"):
        arm = CANONICAL.index(f"{side}_forearm")
        local[:, arm] = rotation.power(local[:, arm], np.asarray(swing))
    return clip_to_features(clip.with_motion(clip.local_position, local)).astype(np.float32)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    arrays, entries, start = [], [], 0
    for style in BENT:
        for content, swing in (("walk", 1.0), ("wave", 2.5)):
            for take in range(8):
                split = "test" if take == 7 else "validation" if take == 6 else "train"
                features = made_features(style, 0.7 * take, swing)
                stem = f"made_{content}_{style}_{take}"
                entries.append(
                    Entry(
                        stem, "made", f"made/{style}", content, split, start, start + len(features)
                    )
                )
                arrays.append(features)
                start += len(features)
    return Corpus(np.concatenate(arrays), tuple(entries))


def test_cosines_are_those_of_the_bones() -> None:
    features = clip_to_features(walk().clip)
    inputs = BoneAngles()
    found = inputs(torch.from_numpy(features.astype(np.float32))[None])[0].numpy()
    assert found.shape == (len(features), inputs.size)
    world = heading_free_rotation(features)
    upper, lower = CANONICAL.index("left_upper_arm"), CANONICAL.index("left_forearm")
    directions = []
    for joint, child in ((upper, lower), (lower, CANONICAL.index("left_hand"))):
        rest = CANONICAL.offsets[child] / np.linalg.norm(CANONICAL.offsets[child])
        directions.append(rotation.rotate(world[:, joint], rest))
    elbow = (directions[0] * directions[1]).sum(axis=-1)
    bones = len(inputs.joint)
    column = inputs.pairs.tolist().index(upper * bones + lower)
    np.testing.assert_allclose(found[:, column], elbow, atol=1e-5)
    np.testing.assert_allclose(
        found[:, len(inputs.pairs) + lower], directions[1][:, 1], atol=1e-5
    )  # with the vertical


def test_a_twist_along_the_bone_is_not_seen() -> None:
    clip = walk().clip
    local = clip.local_rotation.copy()
    hand = CANONICAL.index("left_hand")
    local[:, hand] = rotation.multiply(local[:, hand], rotation.exp(np.array([0.8, 0.0, 0.0])))
    twisted = clip.with_motion(clip.local_position, local)
    before, after = (
        torch.from_numpy(clip_to_features(c).astype(np.float32))[None] for c in (clip, twisted)
    )
    inputs = BoneAngles()
    assert not torch.allclose(before, after, atol=1e-2)
    torch.testing.assert_close(inputs(before), inputs(after), atol=1e-5, rtol=0.0)


def test_kernels_are_the_same_for_the_same_seed_and_bounded() -> None:
    channels = torch.from_numpy(
        np.random.default_rng(1).normal(size=(2, 40, 12)).astype(np.float32)
    )
    kernels, again, other = (
        RandomKernels(12, RandomKernelConfig(kernels=30, seed=seed)) for seed in (1, 1, 2)
    )
    for one in (kernels, again, other):
        one.set_thresholds([channels[:1], channels[1:]], seed=4)
    shares, maxima = kernels(channels).split(30, dim=1)
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
    assert torch.equal(kernels(channels), again(channels))
    assert not torch.allclose(kernels(channels), other(channels))
    # thresholds are quantiles between .1 and .9 of these very answers
    assert ((shares.mean(dim=0) > 0.05) & (shares.mean(dim=0) < 0.95)).all()
    assert (maxima.amax(dim=0) > 0.0).all()
    # taps without mean do not see what never changes
    centred = kernels.taps.sum(dim=1).abs() < 1e-2
    assert 0 < int(centred.sum()) < 30
    still = torch.ones(1, 40, 12)
    assert float(kernels.responses(still)[0, centred].abs().max()) < 0.05
    # the ends are repeated, so that a clip of one pose answers the same at every frame and length
    torch.testing.assert_close(
        kernels.responses(still)[..., 0],
        kernels.responses(still[:, :3])[..., -1],
        atol=1e-4,
        rtol=1e-4,
    )


def test_the_second_judge_learns_from_other_clips() -> None:
    chosen = read_splits()
    entries = []
    for stem, split in chosen.items():
        label = BandaiName.parse(stem)
        entries.append(
            Entry(
                stem, label.set_name, f"{label.set_name}/{label.style}", label.content, split, 0, 16
            )
        )
    learned, left_out = second_split(Corpus(np.zeros((16, LAYOUT.size)), tuple(entries)))
    splits = [[chosen[entry.stem] for entry in part] for part in (learned, left_out)]
    assert "test" not in splits[0] + splits[1]
    assert set(splits[1]) == {"train"}
    assert not {entry.stem for entry in learned} & {entry.stem for entry in left_out}
    assert sum(split == "validation" for split in splits[0]) == sum(
        split == "validation" for split in chosen.values()
    )
    # nothing of set 1 is left out, and about half of the training clips of set 2
    train = [stem for stem, split in chosen.items() if split == "train"]
    assert {entry.set_name for entry in left_out} == {"bandai2"}
    assert 0.4 < len(left_out) / len(train) < 0.5
    # by the names alone, whatever order they come in
    assert second_split(Corpus(np.zeros((16, LAYOUT.size)), tuple(entries[::-1])))[1] == left_out


def test_it_tells_made_styles_apart_that_it_never_saw(corpus: Corpus) -> None:
    labels = Labels.of(corpus)
    network = fit_random_kernels(corpus, labels, CONFIG)
    assert validate_random_kernels(network, corpus, labels) == (1.0, 1.0)
    for entry in corpus.select("test"):
        features = np.array(corpus.features[entry.start : entry.stop])
        for each in (features, mirror_features(features)):
            style, content, style_vector, content_vector = network(torch.from_numpy(each)[None])
            assert labels.styles[int(style.argmax())] == entry.style
            assert labels.contents[int(content.argmax())] == f"made/{entry.content}"
            assert torch.equal(style, style_vector)
            assert torch.equal(content, content_vector)
    again = fit_random_kernels(corpus, labels, CONFIG)
    assert all(
        torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items()
    )


@torch.no_grad()
def test_regression_weighs_classes_alike_and_leaves_out_the_unknown() -> None:
    random = np.random.default_rng(3)
    answers = random.normal(size=(40, 5))
    classes = np.repeat([0, 1, 2, -1], 10)
    once, twice = torch.nn.Linear(5, 3), torch.nn.Linear(5, 3)
    regress(once, answers, classes, 1.0, 0.1)
    more = np.concatenate(
        [answers[:10], answers[:10], answers[:10], answers[10:30], answers[10:20]]
    )
    regress(twice, more, np.repeat([0, 1, 2, 1], [30, 10, 10, 10]), 1.0, 0.1)
    torch.testing.assert_close(once.weight, twice.weight, atol=1e-5, rtol=1e-4)
    # without a penalty it is least squares
    regress(once, answers, classes, 0.0, 0.0)
    known = np.concatenate([answers[:30], np.ones((30, 1))], axis=1)
    aim = np.where(np.arange(3) == classes[:30, None], 1.0, -1.0)
    solved = np.linalg.lstsq(known, aim, rcond=None)[0]
    np.testing.assert_allclose(once.weight.numpy(), solved[:5].T, atol=1e-5)
    np.testing.assert_allclose(once.bias.numpy(), solved[5], atol=1e-5)


# ---------------------------------------------------------------- files


def test_the_second_judge_as_a_file_says_what_its_network_says(
    corpus: Corpus, tmp_path: Path
) -> None:
    labels = Labels.of(corpus)
    network = fit_random_kernels(corpus, labels, CONFIG)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # the exporter's own
        graph = judge_graph(network, torch.randn(1, 96, LAYOUT.size))
    path = tmp_path / "judge_2.onnx"
    path.write_bytes(judge_file(graph, labels, name="made", licence="free to use"))
    assert read_judge_file(path)["licence"] == "free to use"
    for damaged in (path.read_bytes()[:1000], b"junk"):
        (tmp_path / "damaged.onnx").write_bytes(damaged)
        assert read_judge_file(tmp_path / "damaged.onnx") == {}
    assert read_judge_file(tmp_path / "gone.onnx") == {}
    judge = Judge(path)
    assert (judge.name, judge.styles, judge.contents) == ("made", labels.styles, labels.contents)
    for entry in corpus.entries[::5]:
        features = np.array(corpus.features[entry.start : entry.stop])
        with torch.no_grad():
            expected = network(torch.from_numpy(features)[None])
        found = judge.predict(features)
        outputs = (
            found.style_logits,
            found.content_logits,
            found.style_vector,
            found.content_vector,
        )
        for name, output, value in zip(OUTPUTS, outputs, expected, strict=True):
            np.testing.assert_allclose(output, value[0].numpy(), atol=5e-3, err_msg=name)
        # shorter than the widest kernel
        assert judge.predict(features[:16]).style_logits.shape == (2,)


def test_the_vectors_of_the_first_judge_are_what_its_logits_come_from(
    corpus: Corpus, tmp_path: Path
) -> None:
    labels = Labels.of(corpus)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.manual_seed(2)
        network = StyleContentClassifier(
            labels, ClassifierConfig(width=8), *group_statistics(corpus.features)
        ).eval()
        path = tmp_path / "judge.onnx"
        path.write_bytes(judge_file(classifier_graph(network), labels))
    found = Judge(path).predict(corpus.features[:50])
    for logits, vector, half in (
        (found.style_logits, found.style_vector, network.style),
        (found.content_logits, found.content_vector, network.content),
    ):
        assert vector.shape == (16,)
        with torch.no_grad():
            np.testing.assert_allclose(
                half.head(torch.from_numpy(vector)).numpy(), logits, atol=1e-3
            )
    assert Judge(path).name == "judge"  # a file that gives itself no name goes by its own
