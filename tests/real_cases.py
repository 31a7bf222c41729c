"""Real files that once failed, and what is right for each: rows of (file, promise, check).

The files stay where they are: they belong to others, and nothing of them is in the repository.
`scripts/cases FOLDER` prints the table, `test_real_cases.py` runs it where KINESTYLE_CASES names
the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kinestyle.errors import KinestyleError


class Case(NamedTuple):
    """What is right for one file.

    file: its path below the folder of cases
    promise: what is right, in a few words
    check: takes the path; raises AssertionError or KinestyleError where the promise is broken
    """

    file: str
    promise: str
    check: Callable[[Path], None]


class Outcome(NamedTuple):
    """How a case went. fault: what was found instead of the promise, "" where it is kept."""

    case: Case
    fault: str


def run_cases(cases: Iterable[Case], folder: Path) -> Iterator[Outcome]:
    """Try each case on its file below a folder, in the order of the rows."""
    for case in cases:
        yield Outcome(case, fault_of(case, folder))


def fault_of(case: Case, folder: Path) -> str:
    """What breaks a case's promise, "" where nothing does."""
    path = folder / case.file
    if not path.is_file():
        return "the file is not there"
    try:
        case.check(path)
    except (AssertionError, KinestyleError) as fault:
        return " ".join(str(fault).split()) or type(fault).__name__
    except Exception as fault:  # the table goes on, whatever one file does
        return f"{type(fault).__name__}: {fault}"
    return ""
