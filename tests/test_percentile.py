"""Percentiles are numpy's; no command imports masked arrays for them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinestyle.motion.percentile import median, percentile


@pytest.mark.parametrize("count", [1, 2, 7, 96])
def test_percentiles_are_numpys(count: int) -> None:
    values = np.random.default_rng(count).standard_normal((count, 3, 2))
    for percent in (0.0, 5.0, 50.0, 90.0, 100.0):
        np.testing.assert_allclose(
            percentile(values, percent), np.percentile(values, percent, axis=0), atol=1e-14
        )
        np.testing.assert_allclose(
            percentile(values, percent, axis=1), np.percentile(values, percent, axis=1), atol=1e-14
        )
    np.testing.assert_allclose(median(values), np.median(values, axis=0), atol=1e-14)


def test_a_command_imports_what_it_needs(tmp_path: Path) -> None:
    """Each of these costs a hundredth of a second, which other commands do not wait for."""
    code = (
        "import sys; from importlib import resources; from kinestyle.cli import main\n"
        "clip = resources.files('kinestyle') / 'examples/walk.bvh'\n"
        "out = sys.argv[1]\n"
        "main(['stylize', str(clip), '--style', 'old', '-o', out], standalone_mode=False)\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out.bvh")],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = done.stdout.split()
    assert "kinestyle.cli.restyling" in imported
    unneeded = {"numpy.ma", "secrets", "logging", "kinestyle.cli.serving", "kinestyle.cli.learning"}
    assert not unneeded & set(imported)
