"""What needs an extra's library says so in a sentence; everything else works without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kinestyle.errors import MissingExtraError
from kinestyle.extras import needs_extra
from kinestyle.formats.fbx import format_fbx
from kinestyle.motion.clip import Clip

OPTIONAL = ("PIL", "av", "fastapi", "matplotlib", "onnx", "torch", "ufbx", "uvicorn")


def bare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where no extra is installed."""
    absent = f"sys.modules.update(dict.fromkeys({OPTIONAL}))"
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; {absent}; from kinestyle.cli import main; main()",
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, walk_file: Path) -> Path:
    (tmp_path / "walk.bvh").write_bytes(walk_file.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "stylize walk.bvh --style old --root keep -o out.bvh",
        "stylize walk.bvh --style old --root keep -o out.glb",
        "convert walk.bvh out.fbx",
        "render walk.bvh -o out.html",
    ],
)
def test_no_extra_is_needed_to(folder: Path, line: str) -> None:
    done = bare(folder, *line.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / line.split()[-1]).stat().st_size > 0


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "stylize walk.fbx --style old -o out.bvh",
            "reading FBX needs ufbx, which is not installed; pip install 'kinestyle[fbx]'",
        ),
        (
            "render walk.bvh -o out.png",
            "drawing pictures needs PIL, which is not installed; pip install 'kinestyle[pictures]'",
        ),
        (
            "render walk.bvh -o out.webp",
            "drawing pictures needs PIL, which is not installed; pip install 'kinestyle[pictures]'",
        ),
        (
            "studio",
            "the studio needs uvicorn, which is not installed; pip install 'kinestyle[studio]'",
        ),
        (
            "train --data . --run out",
            "training needs torch, which is not installed; pip install 'kinestyle[train]'",
        ),
    ],
)
def test_what_an_extra_is_missing_for_is_said(
    folder: Path, walk_clip: Clip, line: str, sentence: str
) -> None:
    (folder / "walk.fbx").write_bytes(format_fbx(walk_clip, "walk.fbx")[0])
    before = sorted(folder.iterdir())
    done = bare(folder, *line.split())
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"kinestyle: {sentence}\n")
    assert sorted(folder.iterdir()) == before


def test_a_fault_of_our_own_is_not_taken_for_a_missing_library() -> None:
    with pytest.raises(ModuleNotFoundError), needs_extra("train", "training"):
        import kinestyle.nothing  # noqa: F401
    with (
        pytest.raises(MissingExtraError, match="training needs nothing_like_it, which is not"),
        needs_extra("train", "training"),
    ):
        import nothing_like_it  # noqa: F401
