"""The notebook of the examples runs from its first cell to its last, as a reader runs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "first_steps.ipynb"


def test_it_is_kept_without_outputs():
    """Which would be motion in the repository, and out of date with the next model."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert "pip install" in "".join(cells[0]["source"])


def test_it_runs_and_leaves_a_mixed_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nbclient = pytest.importorskip(
        "nbclient", reason="notebooks are run with nbclient, which the dev extra brings"
    )
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    monkeypatch.chdir(tmp_path)
    # the kernel has another working directory, and maybe a relative path to the package
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    root = NOTEBOOK.parents[1]
    absolute = [str((root / path).resolve()) for path in paths if path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(absolute))
    try:
        nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    except nbclient.exceptions.CellExecutionError as error:
        pytest.fail(str(error))
    shown = [
        output
        for cell in book["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
        if "text/html" in output.get("data", {})
    ]
    assert len(shown) == 5
    assert all(one["data"]["text/html"].startswith("<iframe srcdoc=") for one in shown)
    for name in ("walk_mixed.bvh", "walk_mixed.glb"):
        assert (tmp_path / name).stat().st_size > 10_000
