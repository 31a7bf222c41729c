"""Refined styles: networks back in torch, what a style adds to the generator, and whether that is
kept.
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import kinestyle, refused
from kinestyle import Stylizer, write_motion, write_style
from kinestyle.bundle import Bundle
from kinestyle.errors import BundleError, StyleError
from kinestyle.motion.clip import Clip
from kinestyle.runtime.code_change import mix_codes
from kinestyle.runtime.graphs import MOST_MODULATED, Graphs
from kinestyle.runtime.modulation import ModulatedCode, modulation_biases
from kinestyle.runtime.own_styles import OwnStyle
from kinestyle.runtime.style_files import read_style
from made_rigs import walk
from test_reference import CHEST, degrees_off, held

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from kinestyle.learn import refining  # noqa: E402
from kinestyle.learn.bundle_networks import networks_of  # noqa: E402
from kinestyle.learn.refining import RefiningConfig, refine_style  # noqa: E402

FAST = RefiningConfig(steps=12, batch=3, crop_frames=32, known_styles=1)


@pytest.fixture(scope="module")
def bent() -> list[Clip]:
    return [held(walk(seconds=4.0).clip, bend) for bend in (28.0, 30.0, 32.0)]


def style_with(modulation: np.ndarray | None, size: int, at: float = 0.0) -> OwnStyle:
    mean = np.full(size, at, np.float32)
    return OwnStyle("own/x", 9.0, mean, np.ones(size, np.float32), modulation=modulation)


def count_of(bundle: Bundle) -> int:
    return sum(map(len, modulation_biases(bundle.graph("generator"), "generator").values()))


@pytest.mark.parametrize("name", ["bandai", "open", "unsupervised"])
def test_a_modulation_does_in_the_graph_what_it_does_in_torch(name: str) -> None:
    bundle = Bundle.open(name)
    networks, graphs = networks_of(bundle), Graphs(bundle)
    random = np.random.default_rng(0)
    content = random.standard_normal((graphs.content_size, 8)).astype(np.float32)
    modulation = 0.3 * random.standard_normal(count_of(bundle))
    code = random.standard_normal(graphs.code_size).astype(np.float32)
    generator = copy.deepcopy(networks.generator)
    at = 0
    for block in generator.blocks:
        bias = block.modulation.bias
        with torch.no_grad():
            bias += torch.from_numpy(modulation[at : at + len(bias)])
        at += len(bias)
    with torch.no_grad():
        wanted = generator(torch.from_numpy(content)[None], torch.from_numpy(code)[None])[0]
    plain = graphs.generate(content, code)
    given = code.view(ModulatedCode)
    np.testing.assert_array_equal(graphs.generate(content, given), plain)
    given.modulation = modulation
    np.testing.assert_allclose(graphs.generate(content, given), wanted.numpy(), atol=2e-3)
    assert np.abs(wanted.numpy() - plain).max() > 0.1
    np.testing.assert_array_equal(graphs.generate(content, code), plain)


def test_a_bundle_whose_graphs_are_others_cannot_be_learned_on(released: Stylizer) -> None:
    manifest = released.bundle.manifest
    nameless = replace(released.bundle, manifest=replace(manifest, training={}))
    with pytest.raises(BundleError, match="it does not say of which sizes its networks are"):
        networks_of(nameless)
    recipe = {"recipe": {"sizes": {"latent": 128}}}
    other = replace(released.bundle, manifest=replace(manifest, training=recipe))
    with pytest.raises(BundleError, match="has other weights than its sizes say"):
        networks_of(other)


def test_modulations_are_mixed_as_codes_are() -> None:
    first, second = style_with(np.array([1.0, 0.0]), 3), style_with(np.array([0.0, 4.0]), 3)
    both = mix_codes([first, second], [3.0, 1.0], 0)
    assert both.modulation is not None
    np.testing.assert_allclose(both.modulation, [0.75, 1.0])
    with_plain = mix_codes([first, style_with(None, 3)], [1.0, 1.0], 0)
    assert with_plain.modulation is not None
    np.testing.assert_allclose(with_plain.modulation, [0.5, 0.0])
    assert mix_codes([style_with(None, 3)], [1.0], 0).modulation is None
    assert (both + 0).modulation is None


def test_many_refined_styles_keep_few_generators(released: Stylizer) -> None:
    graphs = Graphs(released.bundle)
    content = np.zeros((graphs.content_size, 4), np.float32)
    for i in range(MOST_MODULATED + 3):
        code = np.zeros(graphs.code_size, np.float32).view(ModulatedCode)
        code.modulation = np.full(count_of(released.bundle), 0.01 * (i + 1))
        graphs.generate(content, code)
    assert len(graphs._modulated) == MOST_MODULATED


def test_a_modulation_of_another_generator_is_refused(released: Stylizer) -> None:
    style = style_with(np.ones(7), released.graphs.code_size)
    clip = walk(seconds=2.0).clip
    code = mix_codes([style], [1.0], 0)
    with pytest.raises(StyleError, match="changes 7 numbers of the generator's modulation"):
        released.apply(released.analyse(clip), code)


def test_a_style_file_keeps_the_modulation_for_its_bundle(
    released: Stylizer, tmp_path: Path
) -> None:
    modulation = np.linspace(-0.5, 0.5, count_of(released.bundle)).round(6)
    path = tmp_path / "goblin.style"
    style = style_with(modulation, released.graphs.code_size, 0.1)
    write_style(style, released.bundle, path)
    assert path.stat().st_size < 2**17
    again = read_style(path, released.bundle)
    assert again.modulation is not None
    np.testing.assert_array_equal(again.modulation, modulation)
    content = json.loads(path.read_text())
    for wrong in ([], ["x"], 2**17 * [0.0]):
        path.write_text(json.dumps({**content, "modulation": wrong}))
        with pytest.raises(StyleError, match=r"goblin.style, .*modulation"):
            read_style(path, released.bundle)


def test_refining_learns_from_clips_and_says_so_the_same_each_time(
    released: Stylizer, bent: list[Clip], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(refining, "BETTER", 1e9)  # whatever comes of so few steps
    shares: list[float] = []
    done = refine_style(released, "own/bent", bent, config=FAST, progress=shares.append)
    assert done.is_better
    assert done.held_out == 1
    assert str(done).startswith("refined: 1 held-out clips")
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    again = refine_style(released, "own/bent", bent, config=FAST)
    np.testing.assert_array_equal(again.style.modulation, done.style.modulation)
    np.testing.assert_array_equal(again.style.mean, done.style.mean)
    path = tmp_path / "bent.style"
    write_style(done.style, released.bundle, path)
    plain = walk(seconds=4.0).clip
    result = released.stylize(plain, str(path), reference="code")
    heard = released.stylize(plain, str(path), reference="code", strength=0.0)
    np.testing.assert_array_equal(heard.local_rotation, plain.local_rotation)
    assert degrees_off(result, bent[1], CHEST) < degrees_off(plain, bent[1], CHEST)


def test_what_refining_does_not_better_stays_as_it_was_heard(
    released: Stylizer, bent: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refining, "BETTER", 0.0)
    done = refine_style(released, "own/bent", bent, config=FAST)
    assert not done.is_better
    assert str(done).startswith("not refined, for it hardly helps")
    assert done.style.unfamiliar > 0.0
    short = refine_style(released, "own/bent", [bent[0].window(0, 60)], config=FAST)
    assert str(short).startswith("not refined: clips are too short")


def test_losses_fall(released: Stylizer, bent: list[Clip]) -> None:
    config = replace(FAST, steps=40)
    clip = refining._style_clip(released, bent[0], None, None, None)
    refiner = refining.Refiner(released, networks_of(released.bundle), [clip], config)
    style = style_with(None, released.graphs.code_size)
    losses: list[float] = []
    measured = refiner._loss

    def kept(*given: object) -> torch.Tensor:
        loss = measured(*given)  # type: ignore[arg-type]
        losses.append(float(loss.detach()))
        return loss

    refiner._loss = kept  # type: ignore[method-assign]
    refiner.refine(replace(style, posture=clip.heard.posture))
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:8])


def test_what_is_made_of_few_clips_is_held_out_at_their_ends(
    released: Stylizer, bent: list[Clip]
) -> None:
    clips = [refining._style_clip(released, clip, None, None, None) for clip in bent[:2]]
    longer = [replace(clip, features=np.tile(clip.features, (2, 1))) for clip in clips]
    kept, ends = refining._held_out(released, longer, 0)
    assert [len(a.features) + len(b.features) for a, b in zip(kept, ends, strict=True)] == [
        len(clip.features) for clip in longer
    ]
    assert 2 * len(ends[0].features) < len(kept[0].features)


def test_the_command_line_refines_and_says_what_is_missing(
    here: Path, bent: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    for i, clip in enumerate(bent):
        write_motion(clip, f"take_{i}.bvh")
    monkeypatch.setattr(refining, "BETTER", 1e9)
    monkeypatch.setattr(refining, "RefiningConfig", lambda: FAST)
    done = kinestyle("learn", here, "--refine", "-o", "bent.style")
    assert done.exit_code == 0, done.output
    assert "refined: 1 held-out clips" in done.stdout
    assert json.loads(Path("bent.style").read_text())["modulation"]
    monkeypatch.delitem(sys.modules, "kinestyle.learn.refining")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "train" in refused("learn", here, "--refine", "-o", "other.style")
