"""What ARCHITECTURE.md promises about the code as a whole: the direction of imports, the size of
files, what stays out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import_linter = pytest.importorskip("importlinter.api")

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
LINES_AT_MOST = 600


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts in `checkout`/pyproject.toml against the package in `checkout`/src."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as main; main()",
            "--no-cache",
        ],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_contracts_hold():
    result = lint_imports(ROOT)
    assert result.returncode == 0, f"\n{result.stdout}{result.stderr}"


def test_import_contracts_are_there():
    contracts = import_linter.read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    kinds = [contract["type"] for contract in contracts]
    assert kinds.count("layers") == 1
    protected = {
        module for contract in contracts for module in contract.get("protected_modules", [])
    }
    assert protected >= {
        "torch",
        "onnxruntime",
        "PIL",
        "av",
        "matplotlib",
        "click",
        "fastapi",
        "starlette",
        "uvicorn",
    }


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("motion/skeleton.py", "import kinestyle.bundle", "layers"),
        ("runtime/__init__.py", "import kinestyle.learn", "layers"),
        ("motion/rotation.py", "import kinestyle.motion.clip", "no cycles inside a package"),
        ("evaluate/__init__.py", "import torch", "torch and the exporter only in learn"),
        (
            "learn/export.py",
            "import onnxruntime",
            "onnxruntime only in runtime.sessions, with its telemetry off",
        ),
        ("cli/__init__.py", "import PIL.Image", "PIL only in picture"),
        ("picture/film.py", "import av", "av only in picture.video"),
        ("motion/display.py", "import IPython", "IPython only in picture.notebook"),
        ("motion/display.py", "import kinestyle.picture", "layers"),
        ("evaluate/page.py", "import matplotlib.figure", "matplotlib only in evaluate.figures"),
        ("motion/clip.py", "import click", "click only in cli"),
        ("cli/__init__.py", "import fastapi", "HTTP only in studio"),
        ("studio/clip_store.py", "import kinestyle.learn", "layers"),
        ("studio/app.py", "import kinestyle.learn.refining", "layers"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path, module, line, contract):
    shutil.copytree(
        SOURCE, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "released")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    offender = tmp_path / "src" / "kinestyle" / module
    offender.write_text(offender.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    result = lint_imports(tmp_path)
    assert result.returncode != 0, f"{line!r} in {module} went unnoticed"
    assert f"{contract} BROKEN" in " ".join(result.stdout.split()), (
        f"\n{result.stdout}{result.stderr}"
    )


def test_no_file_is_too_long():
    """Neither of the package, its pages included, nor of the tests."""
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for folder in (SOURCE, ROOT / "tests")
        for path in folder.rglob("*")
        if path.suffix in {".py", ".js", ".css", ".html"} and "three" not in path.parts
    }
    assert len(lengths) > 200, "files of the package or of the tests were not found"
    too_long = {str(path): lines for path, lines in lengths.items() if lines > LINES_AT_MOST}
    assert not too_long, f"split these, which have more than {LINES_AT_MOST} lines: {too_long}"


@pytest.mark.parametrize(
    "module", ["kinestyle", "kinestyle.cli", "kinestyle.studio.app", "kinestyle.studio.worker"]
)
def test_starting_up_does_not_import_torch(module):
    script = (
        f"import sys, {module}; print(*sorted({{'torch', 'onnx', 'onnxscript'}} & "
        f"sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [], f"`import {module}` also imports {result.stdout.strip()}"


def test_motion_data_is_not_in_the_repository():
    """Only motion that the project made itself is tracked: the examples and the tests' files."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("this copy of the source is not a git checkout, so nothing is tracked")
    motion = (".bvh", ".amc", ".asf", ".c3d", ".fbx", ".glb", ".gltf")
    tracked = [Path(name) for name in listing.stdout.split("\0") if name.lower().endswith(motion)]
    strays = [
        str(path)
        for path in tracked
        if path.parts[:3] != ("src", "kinestyle", "examples")
        and path.parts[:2] != ("tests", "files")
    ]
    assert not strays, f"motion files outside src/kinestyle/examples/ and tests/files/: {strays}"
