"""Running commands as people do, in the folder that the test is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

import kinestyle as kinestyle_package
from kinestyle.cli import main
from kinestyle.formats.table import read_motion

PROGRAM = "from kinestyle.__main__ import run; run()"


def kinestyle(*arguments: Any) -> Result:
    """Run a command; an exception that is no exit is an error of ours and is raised here."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: Any) -> Result:
    result = kinestyle(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result


def done_noisily(*arguments: Any) -> Result:
    """As `done`, for commands that say on stderr how far they are."""
    result = kinestyle(*arguments)
    assert result.exit_code == 0
    return result


def refused(*arguments: Any) -> str:
    """The one sentence on stderr of a command that is refused; no file was written or changed."""
    before = contents()
    result = kinestyle(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert contents() == before
    (line,) = result.stderr.splitlines()
    assert line.startswith("kinestyle: ")
    assert "Error" not in line
    return line.removeprefix("kinestyle: ")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def values(path: Path | str) -> np.ndarray:
    return read_motion(path).source.values


def run(*arguments: Any, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, in which a warning is an error."""
    # wherever this process has the package from, also by a relative path
    environment = os.environ | {
        "PYTHONPATH": str(Path(kinestyle_package.__file__).absolute().parents[1])
    }
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
