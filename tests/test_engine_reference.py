"""What docs/ENGINES.md promises: graphs that engines import, and a page of numpy around them that
does what the runtime does.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kinestyle import Settings, Stylizer, read_motion
from kinestyle.bundle import GRAPHS, Bundle
from kinestyle.bundle.signatures import FRAMES
from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.smoothing import limit_angular_velocity, suppress_flips
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.runtime.change import ANGULAR_VELOCITY_LIMIT, FLIP_LIMIT
from kinestyle.runtime.sessions import open_session

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "src" / "kinestyle" / "examples"
PLAIN = Settings(action="free", root="predicted", feet="free", out_of_domain="ignore", cycle="no")
"""What the networks say, and nothing beside it: what an engine does with the graphs alone."""
OPERATORS = {
    *("Add", "Clip", "Concat", "Conv", "Div", "Gather", "Gemm", "LayerNormalization", "LeakyRelu"),
    *("Mul", "Pad", "ReduceMean", "Reshape", "Resize", "Shape", "Sigmoid", "Slice", "Sqrt", "Sub"),
    *("Transpose", "Unsqueeze"),
}
"""Those that docs/ENGINES.md names."""


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    path = ROOT / "examples" / "engine_reference.py"
    spec = importlib.util.spec_from_file_location("engine_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize(
    ("bundle", "style", "example"),
    [
        ("bandai", "bandai1/old", "walk"),
        ("bandai", "bandai1/proud", "wave"),  # a hand so fast that the change is smoothed
        ("open", "made/stooped", "walk"),
    ],
)
def test_the_reference_makes_what_the_runtime_makes(reference, bundle, style, example, strength):
    stylizer = Stylizer.load(bundle)
    clip = read_motion(EXAMPLES / f"{example}.bvh")
    c = correspond(clip)
    before = to_canonical(clip, c)
    # the code alone, without what a named style knows beside it
    code = stylizer.style_of(style).view(np.ndarray)
    made = stylizer.apply(stylizer.analyse(clip, c, cycle="no"), code, PLAIN, strength=strength)
    after = to_canonical(made, c)
    with zipfile.ZipFile(stylizer.bundle.path) as archive:
        manifest = json.loads(archive.read("manifest.json"))

    def run(name: str, **inputs: np.ndarray) -> list[np.ndarray]:
        return stylizer.graphs.session(name).run(None, inputs)

    hips, world = reference.restyle(
        run, manifest, before.world_position[:, HIPS], before.world_rotation, style, strength
    )
    apart = rotation.angle(rotation.multiply(rotation.inverse(after.world_rotation), world))
    moved = rotation.angle(rotation.multiply(rotation.inverse(before.world_rotation), world))
    assert apart.max() < 1e-5 < 0.2 < moved.max()
    np.testing.assert_allclose(hips, after.world_position[:, HIPS], atol=1e-5)


def test_the_reference_treats_failures_of_the_decoder_as_the_runtime_does(reference):
    """Steps that are smoothed, and flips that fade out."""
    random = np.random.default_rng(3)
    vector = np.cumsum(0.06 * random.standard_normal((90, 4, 3)), axis=0)
    vector[40:, 1] += [0.0, 0.4, 0.0]
    vector[40:, 2] += [2.6, 0.0, 0.0]
    q = rotation.exp(vector)
    expected = suppress_flips(limit_angular_velocity(q, *ANGULAR_VELOCITY_LIMIT), *FLIP_LIMIT)
    assert rotation.angle(rotation.multiply(rotation.inverse(q), expected)).max() > 1.0
    found = reference.tidy(q)
    apart = rotation.angle(rotation.multiply(rotation.inverse(expected), found))
    assert apart.max() < 1e-6


@pytest.mark.parametrize("engine", ["Godot", "Unity", "Unreal"])
def test_motion_in_an_engine_s_axes_is_the_same_motion(reference, engine):
    """What is rotated there is where what was rotated here goes."""
    random = np.random.default_rng(1)
    v = random.standard_normal((20, 3))
    q = rotation.normalize(random.standard_normal((20, 4)))
    there, turned = reference.for_engine(engine, v, q)
    expected, _ = reference.for_engine(engine, rotation.rotate(q, v), q)
    np.testing.assert_allclose(rotation.rotate(turned, there), expected, atol=1e-9)
    up = reference.for_engine(engine, np.array([0.0, 1.0, 0.0]), q[0])[0]
    assert up.argmax() == (2 if engine == "Unreal" else 1)


def test_the_reference_needs_numpy_alone():
    text = (ROOT / "examples" / "engine_reference.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    assert set(imported) <= {"__future__", "itertools", "numpy"}


@pytest.fixture(scope="module", params=[None, 120], ids=["any_length", "120_frames"])
def exported(request, tmp_path_factory) -> tuple[Path, int | None]:
    pytest.importorskip("onnx")
    out = tmp_path_factory.mktemp("graphs")
    options = [] if request.param is None else ["--frames", str(request.param)]
    script = ROOT / "scripts" / "engine_graphs"
    subprocess.run([sys.executable, str(script), str(out), *options], check=True)
    return out, request.param


def test_graphs_for_engines_are_of_the_standard_and_of_its_version_17(exported):
    onnx = pytest.importorskip("onnx")
    folder, frames = exported
    assert {path.stem for path in folder.glob("*.onnx")} == set(GRAPHS)
    for path in folder.glob("*.onnx"):
        model = onnx.load(path)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
        assert {node.op_type for node in model.graph.node} <= OPERATORS
        assert {i.data_type for i in model.graph.initializer} <= {1, 7}, "float32 and int64 alone"
        if frames is not None:
            values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
            sizes = [d for v in values for d in v.type.tensor_type.shape.dim]
            assert all(size.dim_value > 0 for size in sizes), f"{path.stem} has a free size"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["styles"]) == len(Bundle.open(None).manifest.styles)


def test_graphs_for_engines_give_what_the_bundle_s_do(exported):
    folder, frames = exported
    bundle, random = Bundle.open(None), np.random.default_rng(0)
    sizes = {"K": 64, "Z": 256, "C": 128}
    for name, signature in GRAPHS.items():
        shapes = {
            key: [
                1,
                *((frames or 96) // FRAMES[a] if a in FRAMES else sizes.get(a, a) for a in axes),
            ]
            for key, axes in signature.inputs.items()
        }
        given = {k: random.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
        expected = open_session(bundle.graph(name), name).run(None, given)
        found = open_session((folder / f"{name}.onnx").read_bytes(), name).run(None, given)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)
