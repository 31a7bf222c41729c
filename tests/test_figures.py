"""Figures: that they draw what they are given, the same file every time, and that their numbers are
right.
"""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import KinestyleError
from kinestyle.evaluate.figures import draw_strength_curve, draw_style_space, main_axes, neighbours
from kinestyle.evaluate.protocol import TestClip

STYLES, CONTENTS = ("one/calm", "one/proud", "one/sad"), ("one/walk", "one/run", "one/wave")


def made_clips(path: Path, takes: int = 1) -> list[TestClip]:
    return [
        TestClip(path, "one", style, content)
        for style in STYLES
        for content in CONTENTS
        for _ in range(takes)
    ]


def made_curve() -> list[dict]:
    def estimates(value: float) -> dict:
        return {
            "network": {"value": value, "interval": 0.02},
            "random kernels": {"value": value - 0.1, "interval": None},
        }

    return [
        {
            "mode": mode,
            "strength": s,
            "style": estimates(min(1.0, s)),
            "content": estimates(1.0 - 0.1 * s),
            "outputs": 9,
        }
        for mode in ("label", "reference")
        for s in (0.0, 0.25, 0.5, 1.0, 1.5)
    ]


def test_neighbours_of_codes_that_hold_style_alone_or_content_alone() -> None:
    clips = made_clips(Path("made.bvh"), takes=4)
    random = np.random.default_rng(0)
    jitter = 0.01 * random.normal(size=(len(clips), 3))
    one_hot = {
        what: np.eye(3)[[labels.index(getattr(clip, what)) for clip in clips]]
        for what, labels in (("style", STYLES), ("content", CONTENTS))
    }
    by_style = neighbours("b", one_hot["style"] + jitter, clips)
    assert by_style.style == 1.0
    assert 0.1 < by_style.content < 0.6
    assert by_style.style_chance == by_style.content_chance == pytest.approx(1 / 3)
    by_content = neighbours("b", one_hot["content"] + jitter, clips)
    assert by_content.content == 1.0
    assert 0.1 < by_content.style < 0.6
    # takes of one cell lie together in any code; they do not count
    cells = random.normal(size=(9, 8))
    assert neighbours("b", np.repeat(cells, 4, axis=0), clips) != by_style
    assert neighbours("b", np.repeat(cells, 4, axis=0), clips).style < 1.0


def test_the_main_axes_are_those_of_most_variance() -> None:
    random = np.random.default_rng(1)
    basis, _ = np.linalg.qr(random.normal(size=(6, 6)))
    points = random.normal(size=(200, 6)) * [5.0, 2.0, 0.1, 0.1, 0.1, 0.1]
    found = main_axes(points @ basis + 7.0)
    np.testing.assert_allclose(found.std(axis=0), points[:, :2].std(axis=0), rtol=0.05)
    np.testing.assert_allclose(
        main_axes(-(points @ basis)), found, atol=1e-6
    )  # whichever way the axes were found


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_strength_curve_is_a_small_file_and_the_same_every_time(
    tmp_path: Path, suffix: str
) -> None:
    pytest.importorskip("matplotlib")
    paths = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in paths:
        draw_strength_curve(made_curve(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert 1000 < paths[0].stat().st_size < 200_000
    if suffix == ".svg":
        text = paths[0].read_text()
        assert all(
            name in text
            for name in ("judge: network", "judge: random kernels", "label", "reference", ">1.5<")
        )


def test_the_style_space_of_two_bundles(tmp_path: Path, tiny_bundle: Path, walk_file: Path) -> None:
    pytest.importorskip("matplotlib")
    clips = made_clips(walk_file)
    found = draw_style_space([tiny_bundle, tiny_bundle], clips, tmp_path / "space.svg")
    assert [one.bundle for one in found] == ["tiny", "tiny"]
    assert found[0] == found[1]
    assert found[0].clips == 9
    text = (tmp_path / "space.svg").read_text()
    assert all(label.split("/")[1] in text for label in (*STYLES, *CONTENTS))
    assert "one/calm" not in text  # there is one set only


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = builtins.__import__

    def missing(name: str, *arguments, **named):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return there(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        KinestyleError,
        match=r"figures needs matplotlib, which is not installed; pip install 'kinestyle\[train\]'",
    ):
        draw_strength_curve(made_curve(), tmp_path / "curve.svg")
