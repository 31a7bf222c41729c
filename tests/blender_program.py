"""Blender for the tests of its extension: the one that KINESTYLE_BPY names, either an interpreter
that has bpy or Blender's own program, and the zip that fits it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BPY = os.environ.get("KINESTYLE_BPY")
BUILDER = ROOT / "integrations/blender/build_extension.py"
sys.path.append(str(BUILDER.parent))
builder = importlib.import_module(BUILDER.stem)

_SAID = "versions of this Blender: "


def is_program(path: str) -> bool:
    """Whether it is Blender itself, which is no Python interpreter."""
    return Path(path).name.lower().startswith("blender")


def command(blender: str, script: Path, *words: Path | str, window: bool = False) -> list[str]:
    """What runs a script of Python in Blender."""
    if not is_program(blender):
        return [blender, str(script), *map(str, words)]
    options = ["--factory-startup", "--python-exit-code", "1"]
    options += ["--enable-event-simulate"] if window else ["--background"]
    return [blender, *options, "--python", str(script), "--", *map(str, words)]


def environment(user: Path) -> dict[str, str]:
    """Without this checkout, and with settings of its own, which are in the folder `user`."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return kept | {"BLENDER_USER_RESOURCES": str(user)}


def versions(blender: str, folder: Path) -> tuple[str, list[int]]:
    """Of its Python, as 3.N, and of Blender."""
    script = folder / "versions.py"
    script.write_text(
        "import bpy, json, sys\n"
        f"print({_SAID!r} + json.dumps([sys.version_info[:2], bpy.app.version]))\n"
    )
    done = subprocess.run(
        command(blender, script),
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    (said,) = [line for line in done.stdout.splitlines() if line.startswith(_SAID)]
    python, version = json.loads(said.removeprefix(_SAID))
    return ".".join(map(str, python)), version


def zip_for(blender: str, folder: Path) -> Path:
    """The extension for this Blender, of this checkout; KINESTYLE_BLENDER_ZIP names another."""
    if named := os.environ.get("KINESTYLE_BLENDER_ZIP"):
        return Path(named).resolve()
    python, version = versions(blender, folder)

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(".")]

    own = [
        one
        for one in builder.GENERATIONS
        if one.python == python
        and numbers(one.first) <= version
        and (one.before is None or version < numbers(one.before))
    ]
    words = [] if own else ["--python", python]
    script = [sys.executable, str(BUILDER), str(folder), "linux-x64", *words]
    subprocess.run(script, check=True, capture_output=True)
    (generation,) = own or builder.generations(python)
    (path,) = folder.glob(f"*-{generation.words}.zip")
    return path
