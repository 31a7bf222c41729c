"""The Blender extension in a window: KINESTYLE_BPY names Blender's own program, Xvfb the screen.

The pictures stay in build/blender, where scripts/blender_pictures takes them from.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blender_program import BPY, ROOT, command, environment, is_program, zip_for

NEEDED = ("xvfb-run", "import")
SCREEN = (1400, 1240)

pytestmark = [
    pytest.mark.skipif(
        not BPY or not is_program(BPY), reason="KINESTYLE_BPY names no Blender with a window"
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)), reason=f"{' and '.join(NEEDED)} are not there"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """The folder of the pictures, what was found, and all that Blender said."""
    place = tmp_path_factory.mktemp("window")
    clip = ROOT / "src/kinestyle/examples/walk.bvh"
    script = ROOT / "tests/blender_window.py"
    blender = str(BPY)
    words = command(blender, script, zip_for(blender, place), clip, place, window=True)
    size = [str(number) for number in (0, 0, *SCREEN)]
    words[1:1] = ["--window-geometry", *size]
    screen = ["xvfb-run", "-a", "-s", f"-screen 0 {SCREEN[0]}x{SCREEN[1]}x24"]
    done = subprocess.run(
        [*screen, *words],
        env=environment(place / "user"),
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (place / "found.json").is_file(), said[-6000:]
    kept = ROOT / "build" / "blender"
    kept.mkdir(parents=True, exist_ok=True)
    for file in place.glob("*.png"):
        shutil.copy(file, kept)
    return place, json.loads((place / "found.json").read_text(encoding="utf-8")), said


def test_the_panels_are_drawn_without_a_fault(
    shown: tuple[Path, dict[str, Any], str],
) -> None:
    place, found, said = shown
    assert "Traceback" not in said, said[-6000:]
    for name in ("panel", "all"):
        with Image.open(place / f"{name}.png") as picture:
            assert picture.size == SCREEN
            # a style's still is light, and Blender's window is dark
            colours = picture.convert("L").histogram()
        assert sum(colours[250:]) > 4000, f"{name}.png shows no still of a style"
    assert found["joints"] == 21


def test_the_work_is_done_beside_the_window_and_esc_stops_it(
    shown: tuple[Path, dict[str, Any], str],
) -> None:
    _, found, _ = shown
    assert found["started"] == ["RUNNING_MODAL"]
    assert found["running"], "the window waited for the result"
    assert found["stopped"] == ["Walk"]


def test_one_undo_takes_the_result_back(shown: tuple[Path, dict[str, Any], str]) -> None:
    _, found, _ = shown
    assert found["made"] == ["Walk old", "Walk", "Walk old"]
