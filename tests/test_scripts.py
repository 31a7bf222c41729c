"""The scripts that set everything up: they never touch an environment that they did not make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts need bash")

INTERPRETER = f"""#!/bin/sh
# venv and pip without a network; everything else is Python
case "$1 $2" in
"-m venv")
  for folder; do :; done
  case "$*" in *--clear*) rm -rf "$folder" ;; esac
  mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" ;;
"-m pip") echo "$*" >>"$INSTALLED" ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


class Checkout:
    """What `scripts/environment` needs, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installed = folder.parent / "installed"
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        self.interpreter = folder.parent / "python"
        self.interpreter.write_text(INTERPRETER)
        self.interpreter.chmod(0o755)

    def prepare(self, kind: str = "runtime", **settings: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if "KINESTYLE" not in name}
        return subprocess.run(
            ["bash", "-euc", f'source scripts/environment {kind}; echo "$python"'],
            cwd=self.folder,
            env={
                **kept,
                "PYTHON": str(self.interpreter),
                "INSTALLED": str(self.installed),
                **settings,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        """Each call of pip since the last question."""
        lines = self.installed.read_text().splitlines() if self.installed.exists() else []
        self.installed.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def of_a_user(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("#!/bin/sh\nexit 0\n")
    (folder / "bin" / "python").chmod(0o755)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_environment_is_made_once_in_a_folder_of_its_own(checkout: Checkout) -> None:
    made = checkout.prepare()
    assert made.returncode == 0, made.stderr
    python = checkout.folder / "build" / "environment" / "bin" / "python"
    assert made.stdout.splitlines()[-1] == str(python)
    assert [line.rsplit(" ", 1)[1] for line in checkout.installs()] == [".[pictures]"]
    assert checkout.prepare().stdout == f"{python}\n"
    assert checkout.installs() == []
    assert checkout.prepare("all").returncode == 0
    assert [line.rsplit(" ", 1)[1] for line in checkout.installs()] == [".[dev]"]
    assert checkout.prepare().stdout == f"{python}\n"  # which has all that the runtime needs


def test_a_users_environment_is_left_alone(checkout: Checkout) -> None:
    theirs = of_a_user(checkout.folder / ".venv")
    before = content(theirs)
    assert checkout.prepare().returncode == 0
    assert content(theirs) == before


@pytest.mark.parametrize("kind", ["runtime", "all"])
def test_a_folder_that_somebody_else_made_is_refused(checkout: Checkout, kind: str) -> None:
    theirs = of_a_user(checkout.folder / "mine")
    before = content(theirs)
    refused = checkout.prepare(kind, KINESTYLE_ENVIRONMENT="mine")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"[kinestyle] {theirs} was not made by this script and is left alone; name another folder "
        "with KINESTYLE_ENVIRONMENT=/path/to/folder.\n"
    )
    assert content(theirs) == before
    assert checkout.installs() == []


def test_an_empty_folder_may_become_an_environment(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    made = checkout.prepare(KINESTYLE_ENVIRONMENT=str(tmp_path / "empty"))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "empty" / "bin" / "python").exists()


def test_what_was_cut_short_is_made_again(checkout: Checkout) -> None:
    half = checkout.folder / "build" / "environment"
    half.mkdir(parents=True)
    (half / "kinestyle-place").write_text("unfinished\n")
    (half / "litter").write_text("")
    assert checkout.prepare().returncode == 0
    assert not (half / "litter").exists()


def test_a_copied_checkout_gets_an_environment_of_its_own(
    checkout: Checkout, tmp_path: Path
) -> None:
    assert checkout.prepare().returncode == 0
    checkout.installs()
    shutil.copytree(checkout.folder, tmp_path / "copy")
    checkout.folder = tmp_path / "copy"
    assert checkout.prepare().returncode == 0
    assert len(checkout.installs()) == 1
