"""What a run does with what is there already: takes it, goes on, or refuses it in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from kinestyle.cli import main  # noqa: E402
from kinestyle.errors import DataError  # noqa: E402
from kinestyle.learn.data import bandai  # noqa: E402
from kinestyle.learn.pipeline import Run, shortened  # noqa: E402
from kinestyle.learn.presets import RELEASED  # noqa: E402
from own_clip_files import put  # noqa: E402

if TYPE_CHECKING:
    from conftest import TinyNetworks

pytestmark = pytest.mark.usefixtures("one_reader")
Start = Callable[[Path, Path], Run]


@pytest.fixture(scope="module")
def trained(
    two_styles: Path, tiny_networks: TinyNetworks, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run whose autoencoder is trained."""
    folder = tmp_path_factory.mktemp("trained")
    run_of(two_styles, folder, tiny_networks).train("autoencoder")
    return folder


def run_of(data: Path, folder: Path, networks: TinyNetworks, shared: Path | None = None) -> Run:
    recipe = replace(shortened(RELEASED, 1), sizes=networks.sizes)
    return Run(recipe, data, folder, lambda _: None, shared)


def test_a_network_that_was_trained_on_a_gpu_is_taken_on_a_machine_without(
    two_styles: Path,
    tiny_networks: TinyNetworks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tensors of the file say that they are a GPU's, as those that a GPU wrote would."""
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        run_of(two_styles, tmp_path / "run", tiny_networks).train("autoencoder")
    weights = []
    for folder, shared in (("run", None), ("another", tmp_path / "run")):
        run = run_of(two_styles, tmp_path / folder, tiny_networks, shared)
        weights.append(run.autoencoder().state_dict())
        assert all(value.device.type == "cpu" for value in weights[-1].values())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert not (tmp_path / "another" / "autoencoder").exists()


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "junk": lambda path: path.write_bytes(b"\x80\x02junk" * 100),
    "one bit": flipped,
}


FILES = ["autoencoder/trained.pt", "autoencoder/checkpoint.pt", "corpus/corpus.json"]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *((file, damage) for file in FILES for damage in DAMAGES),
        # one bit of features is not looked for: a gigabyte is not read through at every start
        *(("corpus/features.npy", damage) for damage in ("empty", "truncated", "junk")),
    ],
)
def test_a_damaged_file_is_one_sentence(
    trained: Path, two_styles: Path, tmp_path: Path, file: str, damage: str
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    if file.endswith("checkpoint.pt"):
        (run / "autoencoder" / "trained.pt").unlink()
    DAMAGES[damage](run / file)
    arguments = ["train", "--data", str(two_styles), "--run", str(run), "--stage", "autoencoder"]
    done = CliRunner().invoke(main, [*arguments, "--steps", "1"])
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"kinestyle: {run / file} is damaged"), done.stderr
    assert "delete" in last


def test_what_was_trained_on_other_splits_is_refused(
    tiny_networks: TinyNetworks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else clips of the test would have been trained on."""
    names = [f"dataset-2_walk_{style}_{i:03d}" for style in ("old", "proud") for i in (1, 2, 3)]
    for number, name in enumerate(names):
        put(tmp_path / "data", f"bandai/set/data/{name}.bvh", 0.8 + 0.1 * number)
    splits = dict.fromkeys(names, "train")
    monkeypatch.setattr(bandai, "read_splits", lambda: splits)
    run_of(tmp_path / "data", tmp_path / "run", tiny_networks).train("autoencoder")
    run_of(tmp_path / "data", tmp_path / "run", tiny_networks).train("autoencoder")
    splits[names[0]] = "test"
    with pytest.raises(DataError, match=r"trained\.pt was made with another configuration"):
        run_of(tmp_path / "data", tmp_path / "run", tiny_networks).train("autoencoder")


def test_another_run_s_clips_are_taken_and_never_written(
    trained: Path, two_styles: Path, tiny_networks: TinyNetworks, tmp_path: Path
) -> None:
    shared = Path(shutil.copytree(trained, tmp_path / "shared"))
    data = Path(shutil.copytree(two_styles, tmp_path / "data"))
    run = run_of(data, tmp_path / "run", tiny_networks, shared)
    run.train("autoencoder")
    assert [path.name for path in (tmp_path / "run").iterdir()] == []
    features = np.array(run.corpus().features)
    put(data, "old/another.bvh", 1.9)
    with pytest.raises(DataError, match="run the command that made it again, or leave --from out"):
        run_of(data, tmp_path / "run", tiny_networks, shared).train("autoencoder")
    np.testing.assert_array_equal(run.corpus().features, features)


def test_a_stage_that_is_not_there_is_refused(
    two_styles: Path, tiny_networks: TinyNetworks, tmp_path: Path
) -> None:
    with pytest.raises(
        DataError, match=r"no stage is called 'encoder'; the stages are corpus, auto"
    ):
        run_of(two_styles, tmp_path / "run", tiny_networks).train("encoder")
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_one_sentence(
    two_styles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    arguments = ["train", "--data", str(two_styles), "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(main, [*arguments, "--device", "mps"])
    assert done.exit_code == 1
    assert done.stderr.startswith("kinestyle: --device mps: torch ")
    assert not (tmp_path / "run").exists()
