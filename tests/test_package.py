"""What is installed and shipped: the versions that pyproject.toml allows, and what is in the wheel
and in the sdist.
"""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"dev", "test", "docs", "fuzz"}
"""Extras for work on this repository, which users do not install."""
APART = {"ray"}
"""Extras that are not among `all`: few users need them, and they are large."""


def declared(*, for_users: bool) -> dict[str, Requirement]:
    """By name, what pyproject.toml asks for; without the extras that name other extras."""
    lines = list(PROJECT["dependencies"])
    for extra, required in PROJECT["optional-dependencies"].items():
        if not (for_users and extra in OURS):
            lines += required
    found = map(Requirement, lines)
    return {one.name: one for one in found if one.name != "kinestyle"}


def pinned(name: str) -> dict[str, Version]:
    """By name, the versions of a constraints file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {package: Version(version) for package, version in pins}


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = {
        name: Version(bound.version)
        for name, requirement in declared(for_users=True).items()
        for bound in requirement.specifier
        if bound.operator == ">="
    }
    assert bounds == pinned("constraints-oldest.txt")


def test_the_pinned_versions_are_allowed() -> None:
    pins = pinned("constraints.txt")
    for name, requirement in declared(for_users=False).items():
        assert name in pins, f"constraints.txt has no version of {name}"
        assert pins[name] in requirement.specifier, f"{requirement} does not allow {pins[name]}"


def test_nothing_is_pinned_to_one_version() -> None:
    """Or nobody could install a security fix."""
    pins = [
        str(one)
        for one in declared(for_users=False).values()
        if any(bound.operator in ("==", "===") for bound in one.specifier)
    ]
    assert pins == []


def test_all_is_every_extra_for_users() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - OURS - APART - {"all"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel and an sdist, built from a copy so that the checkout stays as it is."""
    pytest.importorskip("setuptools", minversion="77.0.3")
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copytree(
        ROOT / "src",
        checkout / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
    )
    shutil.copytree(ROOT / "LICENSES", checkout / "LICENSES")
    for name in ("pyproject.toml", "README.md", "LICENSE", "MODEL_CARD.md", "DATA_CARD.md"):
        shutil.copy(ROOT / name, checkout)
    out = tmp_path_factory.mktemp("dist")
    script = (
        "import sys; from setuptools import build_meta; out = sys.argv[1]; "
        "build_meta.build_sdist(out); build_meta.build_wheel(out)"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(out)], cwd=checkout, capture_output=True, check=True
    )
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def files(built: tuple[Path, Path]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What is in the wheel and in the sdist, by path; without the sdist's own folder."""
    with zipfile.ZipFile(built[0]) as wheel:
        in_wheel = {name: wheel.read(name) for name in wheel.namelist()}
    in_sdist = {}
    with tarfile.open(built[1]) as sdist:
        for member in sdist.getmembers():
            if (content := sdist.extractfile(member)) is not None:
                in_sdist[member.name.partition("/")[2]] = content.read()
    return in_wheel, in_sdist


def test_all_licences_and_both_cards_are_in_wheel_and_sdist(
    files: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    in_wheel, in_sdist = files
    info = f"kinestyle-{PROJECT['version']}.dist-info"
    weights = "LICENSES/CC-BY-NC-4.0.txt", "LICENSES/CC-BY-3.0.txt"
    for name in ("LICENSE", *weights, "MODEL_CARD.md", "DATA_CARD.md"):
        text = (ROOT / name).read_bytes()
        assert in_wheel[f"{info}/licenses/{name}"] == text
        assert in_sdist[name] == text
    metadata = email.message_from_bytes(in_wheel[f"{info}/METADATA"])
    assert metadata["License-Expression"] == "MIT AND CC-BY-NC-4.0 AND CC-BY-3.0"
    assert len(metadata.get_all("License-File")) == 5


def test_the_licence_texts_are_whole() -> None:
    mit = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Permission is hereby granted, free of charge" in mit
    weights = (ROOT / "LICENSES/CC-BY-NC-4.0.txt").read_text(encoding="utf-8")
    for section in range(1, 9):
        assert f"\nSection {section} – " in weights
    of_open = (ROOT / "LICENSES/CC-BY-3.0.txt").read_text(encoding="utf-8")
    for section in range(1, 9):
        assert f"\n{section}. " in of_open


def test_every_file_of_the_package_is_in_wheel_and_sdist(
    files: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    """Modules, weights, judges, splits, the studio's page and the examples."""
    in_wheel, in_sdist = files
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "kinestyle").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected == {name for name in in_wheel if name.startswith("kinestyle/")}
    assert expected == {
        name.removeprefix("src/") for name in in_sdist if name.startswith("src/kinestyle/")
    }
    assert {name for name in expected if name.endswith((".kinestyle", ".onnx"))}, "no weights"
