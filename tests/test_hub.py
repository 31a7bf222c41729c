"""Folders for a model hub: what is in them, under which terms, and that they load by name."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinestyle import Stylizer, read_motion
from kinestyle.bundle import GRAPHS, Bundle

ROOT = Path(__file__).resolve().parents[1]
WALK = ROOT / "src" / "kinestyle" / "examples" / "walk.bvh"
LICENCES = {"bandai": "cc-by-nc-4.0", "open": "cc-by-3.0", "unsupervised": "cc-by-nc-4.0"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hub")
    command = [sys.executable, str(ROOT / "scripts" / "hub"), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_there_is_a_folder_for_each_bundle_that_ships(hub: Path) -> None:
    assert {path.name for path in hub.iterdir()} == set(LICENCES)


@pytest.mark.parametrize("name", LICENCES)
def test_a_folder_holds_graphs_and_words_alone_and_their_sums(hub: Path, name: str) -> None:
    folder = hub / name
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    graphs = {f"onnx/{graph}.onnx" for graph in GRAPHS}
    words = {"README.md", "LICENSE", "manifest.json", "SHA256SUMS"}
    assert files == graphs | words | {f"{name}.kinestyle"}
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {path: digest for digest, path in (line.split("  ") for line in lines)}
    assert set(sums) == files - {"SHA256SUMS"}
    for path, digest in sums.items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", LICENCES)
def test_the_card_states_licence_and_attribution(hub: Path, name: str) -> None:
    card = (hub / name / "README.md").read_text(encoding="utf-8")
    _, header, text = card.split("---\n", 2)
    stated = dict(line.split(": ", 1) for line in header.splitlines())
    assert stated["license"] == LICENCES[name]
    assert stated["library_name"] == "kinestyle"
    assert stated["pipeline_tag"]
    manifest = Bundle.open(name).manifest
    assert manifest.attribution in text
    assert f'Stylizer.load("{name}")' in text
    assert "](docs" not in text, "a link that leads into the repository"
    assert len(text) > 1200, "what MODEL_CARD.md says of it"
    licence = (hub / name / "LICENSE").read_bytes()
    assert licence in [path.read_bytes() for path in (ROOT / "LICENSES").glob("CC-*.txt")]


def test_a_downloaded_folder_loads_by_its_name(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of bundles that ship are the package's, so this one has a new name."""
    folder = tmp_path / "downloads" / "mine"
    shutil.copytree(hub / "open", folder)
    (folder / "open.kinestyle").rename(folder / "mine.kinestyle")
    monkeypatch.setenv("KINESTYLE_BUNDLES", str(folder))
    clip = read_motion(WALK)
    found = Stylizer.load("mine").stylize(clip, "stooped")
    expected = Stylizer.load("open").stylize(clip, "stooped")
    np.testing.assert_array_equal(found.local_rotation, expected.local_rotation)
