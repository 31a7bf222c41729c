"""REUSE.toml says of every file under which terms it is: the same that bundles, texts and package
metadata say.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kinestyle.bundle import Bundle

ROOT = Path(__file__).resolve().parents[1]
ANNOTATIONS = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))["annotations"]
LICENCE = "SPDX-License-Identifier"
PACKAGE = ROOT / "src" / "kinestyle"


def patterns(annotation: dict[str, object]) -> list[str]:
    path = annotation["path"]
    return [path] if isinstance(path, str) else list(path)


def matches(pattern: str, path: str) -> bool:
    """As the REUSE specification has it: `*` stops at a slash, `**` does not."""
    parts = {"**": ".*", "*": "[^/]*"}
    regex = "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", pattern))
    return re.fullmatch(regex, path) is not None


def licence_of(path: Path) -> str:
    """That of the last entry that covers a file."""
    relative = path.relative_to(ROOT).as_posix()
    found = [a for a in ANNOTATIONS if any(matches(p, relative) for p in patterns(a))]
    assert found, f"REUSE.toml does not cover {relative}"
    return str(found[-1][LICENCE])


def package_files() -> list[Path]:
    return [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def test_every_file_is_covered_and_says_who_holds_it() -> None:
    assert patterns(ANNOTATIONS[0]) == ["**"], "the first entry is for all that no other one names"
    assert all(a["SPDX-FileCopyrightText"] for a in ANNOTATIONS)


def test_every_licence_has_its_text_and_every_text_is_named() -> None:
    named = {str(a[LICENCE]) for a in ANNOTATIONS}
    assert named == {path.stem for path in (ROOT / "LICENSES").glob("*.txt")}
    assert (ROOT / "LICENSES" / "MIT.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", ["bandai", "open", "unsupervised"])
def test_weights_are_under_the_terms_that_their_bundle_states(name: str) -> None:
    stated = Bundle.open(name).manifest.licence.replace(" ", "-").upper()
    licence = licence_of(PACKAGE / "released" / f"{name}.kinestyle")
    assert re.match(rf"{licence.replace('-', '[- ]')}(\W|$)", stated), (licence, stated)


def test_what_learned_from_data_is_not_under_the_code_s_terms() -> None:
    """Weights and judges, wherever one is added."""
    learned = [p for p in package_files() if p.suffix in {".kinestyle", ".onnx"}]
    assert len(learned) >= 5
    assert all(licence_of(path) != "MIT" for path in learned)


def test_what_others_wrote_has_an_entry_of_its_own() -> None:
    """A folder in the package that holds a licence is somebody else's."""
    theirs = [path.parent for path in package_files() if path.name.startswith("LICENSE")]
    assert theirs
    for folder in theirs:
        relative = f"{folder.relative_to(ROOT).as_posix()}/**"
        assert any(relative in patterns(a) for a in ANNOTATIONS), f"{relative} has no entry"


def test_the_package_states_the_licences_of_its_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["license"].split(" AND ")) == {licence_of(p) for p in package_files()}
