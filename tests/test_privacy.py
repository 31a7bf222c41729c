"""Nothing leaves the machine, and nothing is kept on it that nobody asked for: onnxruntime's
telemetry is off in every process that runs networks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kinestyle

SOURCE = Path(kinestyle.__file__).absolute().parents[1]

RESTYLE = (
    "from kinestyle.cli import main; "
    "main(['stylize', {clip!r}, '--style', 'old', '--root', 'keep', '-o', 'out.bvh'], "
    "standalone_mode=False)"
)
JUDGE = "from kinestyle.evaluate.judge import Judge; Judge()"
ONNXRUNTIME_AFTER_US = "import kinestyle, onnxruntime; onnxruntime.SessionOptions()"


def run(program: str, home: Path, **variables: str) -> str:
    """What a program prints in a process that has hardly any environment."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)}
    finished = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env=environment | variables,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("program", [RESTYLE, JUDGE, ONNXRUNTIME_AFTER_US])
def test_a_home_folder_stays_empty(home: Path, walk_file: Path, program: str) -> None:
    run(program.format(clip=str(walk_file)), home)
    assert list(home.rglob("*")) == []


def test_the_home_folder_of_a_studio_stays_empty(
    monkeypatch: pytest.MonkeyPatch, home: Path, walk_file: Path
) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from kinestyle.studio.app import make_app
    from kinestyle.studio.config import StudioConfig

    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # workers must not need the server to have it
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    app = make_app(StudioConfig(workers=1))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        clip = client.post("/api/clips?name=a.bvh", content=walk_file.read_bytes()).json()["id"]
        done = client.post(f"/api/clips/{clip}/stylize", json={"style": "old"})
        assert done.status_code == 200
    assert list(home.rglob("*")) == []


def test_telemetry_is_off_unless_it_was_asked_for(home: Path) -> None:
    program = "import kinestyle, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(program, home) == "1\n"
    assert run(program, home, ORT_DISABLE_TELEMETRY="") == "1\n"
    assert run(program, home, ORT_DISABLE_TELEMETRY="0") == "0\n"
