"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real motion data, of which none is in the repository; tests that ask for it are skipped without it."""
    named = os.environ.get("KINESTYLE_DATA")
    if not named:
        pytest.skip("needs real motion data: set KINESTYLE_DATA to the folder that holds bandai, unlabelled and wild")
    folder = Path(named)
    if not folder.is_dir():
        pytest.skip(f"needs real motion data: KINESTYLE_DATA names {named}, which is no folder")
    return folder
