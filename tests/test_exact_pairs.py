"""Losses of exact pairs, and the made styles that have a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.formats.table import read_motion  # noqa: E402
from kinestyle.learn.data.named_styles import NAMED_STYLES  # noqa: E402
from kinestyle.learn.stages.exact_pairs import FREE_SHARE, action_error, contrast  # noqa: E402
from kinestyle.motion.canonical import CANONICAL  # noqa: E402
from kinestyle.retarget.correspondence import correspond, to_canonical  # noqa: E402
from kinestyle.retarget.features import LAYOUT, at_feature_rate, clip_to_features  # noqa: E402
from kinestyle.runtime.made_styles import apply_style  # noqa: E402


def codes(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)


def test_codes_are_right_where_target_and_pair_agree_and_the_input_does_not() -> None:
    styles = torch.tensor([0, 1])
    target = codes([1.0, 0.0], [0.0, 1.0])
    elsewhere = codes([-1.0, 0.0], [0.0, -1.0])
    right = contrast(target, target, elsewhere, styles)
    assert right < 0.01
    assert contrast(target, target.flip(0), elsewhere, styles) > 5.0
    # a code that says what the clip does, and not its style, is that of the input as well
    assert contrast(target, target, target, styles) > 0.3
    # two clips of one style are no rivals of each other
    same = torch.tensor([0, 0])
    assert contrast(target[[0, 0]], target[[0, 0]], elsewhere[[0, 0]], same) < 0.01


def test_hands_have_to_come_to_their_extremes_and_are_free_elsewhere() -> None:
    frames = 60
    features = torch.zeros(1, frames, LAYOUT.size)
    hand = LAYOUT["joint_position"].start + 3 * CANONICAL.index("left_hand") + 1
    course = torch.sin(torch.linspace(0.0, np.pi, frames)) * 0.8
    features[..., hand] = course
    assert action_error(features, features[None]) == 0.0
    lower = features.clone()
    lower[..., hand] = course.clamp(max=0.8 * (1.0 - 2.5 * FREE_SHARE))
    late = features.clone()
    # halfway between the extremes it may be elsewhere
    late[..., hand] += 0.3 * torch.exp(-(((course / 0.8 - 0.5) / 0.05) ** 2))
    assert action_error(features, lower[None]) > 0.02
    assert action_error(features, late[None]) < 0.1 * action_error(features, lower[None])
    assert action_error(features[:0], lower[None, :0]) == 0.0


@pytest.mark.parametrize("name", NAMED_STYLES)
def test_a_style_with_a_name_changes_a_walk_and_keeps_it_whole(name: str, walk_file: Path) -> None:
    motion = read_motion(walk_file)
    clip = at_feature_rate(to_canonical(motion, correspond(motion)))
    styled = apply_style(clip, NAMED_STYLES[name])
    features = clip_to_features(styled)
    assert np.isfinite(features).all()
    height = styled.world_position[:, CANONICAL.index("head"), 1]
    assert 0.7 < height.mean() / clip.world_position[:, CANONICAL.index("head"), 1].mean() < 1.06
    # all of one size: seen, and no contortion
    steps = min(len(styled.local_rotation), len(clip.local_rotation))
    moved = styled.world_position[:steps] - styled.world_position[:steps, :1]
    moved -= clip.world_position[:steps] - clip.world_position[:steps, :1]
    assert 0.02 < np.linalg.norm(moved, axis=-1).mean() < 0.45


def test_styles_with_a_name_are_of_both_sides_alike() -> None:
    for name, style in NAMED_STYLES.items():
        assert name == "limping" or style.limp == 0.0
        assert style.elbow_flexion[0] == style.elbow_flexion[1]
