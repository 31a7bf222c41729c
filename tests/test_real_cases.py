"""Real files that once failed are right, where KINESTYLE_CASES names the folder that holds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kinestyle.errors import MotionFileError
from real_cases import Case, fault_of
from real_characters import CHARACTERS
from real_cycles import CYCLES
from real_recordings import RECORDINGS

FOLDER = os.environ.get("KINESTYLE_CASES", "")


@pytest.mark.skipif(not FOLDER, reason="KINESTYLE_CASES names no folder of cases")
@pytest.mark.parametrize(
    "case", [*CHARACTERS, *CYCLES, *RECORDINGS], ids=lambda case: f"{case.file}: {case.promise}"
)
def test_a_real_file_is_right(case: Case) -> None:
    assert not fault_of(case, Path(FOLDER))


def test_a_broken_promise_is_told(tmp_path: Path) -> None:
    def kept(path: Path) -> None:
        pass

    def broken(path: Path) -> None:
        assert path.read_bytes() == b"b", "found a"

    def refused(path: Path) -> None:
        raise MotionFileError("no motion")

    (tmp_path / "a").write_bytes(b"a")
    assert fault_of(Case("a", "", kept), tmp_path) == ""
    assert fault_of(Case("a", "", broken), tmp_path).startswith("found a")
    assert fault_of(Case("a", "", refused), tmp_path) == "no motion"
    assert fault_of(Case("b", "", kept), tmp_path) == "the file is not there"
