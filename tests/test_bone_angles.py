"""Angles between bones, and the classifier that reads them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.learn.data.corpus import group_statistics  # noqa: E402
from kinestyle.learn.nets.bone_angles import BoneAngles  # noqa: E402
from kinestyle.learn.stages.classifiers import (  # noqa: E402
    ANGLE_CLASSIFIER,
    ClassifierConfig,
    Labels,
    StyleContentClassifier,
)
from kinestyle.motion import rotation  # noqa: E402
from kinestyle.retarget.features import LAYOUT, clip_to_features, mirror_features  # noqa: E402
from made_rigs import walk  # noqa: E402

LABELS = Labels(("bandai2/normal", "bandai2/old"), ("bandai2/walk", "bandai2/run", "bandai2/bow"))


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return clip_to_features(walk().clip).astype(np.float32)


def angles_of(features: np.ndarray) -> np.ndarray:
    return BoneAngles()(torch.from_numpy(features)[None])[0].numpy()


def test_they_are_cosines(features: np.ndarray) -> None:
    cosines = angles_of(features)[:, :-4]
    assert np.abs(cosines).max() <= 1.0 + 1e-5
    assert cosines.std(axis=0).max() > 0.1


def test_a_bone_s_twist_about_itself_is_not_seen(features: np.ndarray) -> None:
    """The forearm lies along its own x axis in the T-pose, so that turning it about x moves nothing
    but its twist.
    """
    twisted = features.copy()
    span = LAYOUT["joint_rotation"]
    columns = twisted[:, span].reshape(len(twisted), -1, 2, 3)
    joint = 15  # the left forearm
    x, y = columns[:, joint, 0], columns[:, joint, 1]
    columns[:, joint, 1] = rotation.rotate(rotation.exp(x * 0.8), y)
    twisted[:, span] = columns.reshape(len(twisted), -1)
    assert np.abs(twisted - features).max() > 0.1
    np.testing.assert_allclose(angles_of(twisted), angles_of(features), atol=1e-4)


def test_a_mirror_shows_other_angles(features: np.ndarray) -> None:
    assert np.abs(angles_of(mirror_features(features)) - angles_of(features)).max() > 0.1


def test_a_classifier_of_angles_sees_angles_alone(features: np.ndarray) -> None:
    statistics = group_statistics(features)
    torch.manual_seed(0)
    classifier = StyleContentClassifier(
        LABELS, ClassifierConfig(width=8, angles=True), *statistics
    ).eval()
    seen = torch.from_numpy(features)[None]
    style, content = classifier(seen)
    assert style.shape == (1, 2)
    assert content.shape == (1, 3)
    elsewhere = seen.clone()
    elsewhere[..., LAYOUT["joint_position"]] += 1.0
    elsewhere[..., LAYOUT["root_xz_velocity"]] *= 3.0
    torch.testing.assert_close(classifier(elsewhere)[0], style)
    elsewhere[..., LAYOUT["joint_rotation"]] = elsewhere[..., LAYOUT["joint_rotation"]].roll(
        6, dims=-1
    )
    assert not torch.allclose(classifier(elsewhere)[0], style)


def test_the_auxiliary_classifier_of_the_refinement_reads_them() -> None:
    assert ANGLE_CLASSIFIER.angles
