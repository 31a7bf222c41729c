"""Build the Blender extension: one zip for each platform and generation of Blender, with all that
it needs inside.

    build_extension.py OUT [--python 3.N] [PLATFORM ...]

OUT/kinestyle_blender-VERSION-PLATFORM-blenderFIRST.zip holds the add-on, a still of each style, and
wheels of Kinestyle and of onnxruntime for the Python of one generation of Blender. pip is asked for
wheels here, and never in Blender. A platform whose wheels pip does not get is named and left out;
then the exit code is 1. Run it by scripts/blender_extension, whose environment has what it takes.
"""

from __future__ import annotations

import argparse
import email
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from kinestyle import Clip, Stylizer, read_motion
from kinestyle.picture.figure import figure_of
from kinestyle.picture.scene import SIDE_COLOUR, Actor, draw_scene, to_bytes
from kinestyle.picture.sheet import Cell

ROOT = Path(__file__).resolve().parents[2]
ADDON = Path(__file__).resolve().parent / "kinestyle_blender"

PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64"),
    "windows-x64": ("win_amd64",),
    "windows-arm64": ("win_arm64",),
    "macos-arm64": ("macosx_13_0_arm64",),
    "macos-x64": ("macosx_13_0_x86_64",),
}
"""Blender's names, and what pip calls what runs there: the oldest systems that have a wheel."""


class Generation(NamedTuple):
    """Versions of Blender with one Python. before: the first version that has another one"""

    first: str
    before: str | None
    python: str

    @property
    def words(self) -> str:
        """What the name of its zip says."""
        own = self in GENERATIONS
        return f"blender{self.first.removesuffix('.0')}" + ("" if own else f"-python{self.python}")


GENERATIONS = (Generation("4.2.0", "5.1.0", "3.11"), Generation("5.1.0", None, "3.13"))
"""Each has its own zip: of several wheels of one library, Blender 4.2 installs any one, whatever
its Python.
"""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Of every file in a zip, so that the same files give the same zip."""

_STILL_FRAME = 0.42
_STILL = Cell(width=96, height=96, floor=88, pixels_per_metre=48.0, radius_px=44.0)


def build_kinestyle(out: Path) -> Path:
    """The wheel of this checkout, made from a copy: setuptools leaves files where it reads."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / "src", checkout / "src", ignore=ignored)
        shutil.copytree(ROOT / "LICENSES", checkout / "LICENSES")
        for name in ("pyproject.toml", "README.md", "LICENSE", "MODEL_CARD.md", "DATA_CARD.md"):
            shutil.copy(ROOT / name, checkout)
        script = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"
        run = [sys.executable, "-c", script, str(out)]
        subprocess.run(run, cwd=checkout, check=True, capture_output=True)
    (wheel,) = out.glob("kinestyle-*.whl")
    return wheel


def onnxruntime_wheel(platform: str, python: str, out: Path) -> Path:
    """The newest that is not newer than the one that is tested here. Raises CalledProcessError
    where pip gets none.
    """
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    newest = next(line for line in lines if line.startswith("onnxruntime==")).partition("==")[2]
    place = out / platform / python
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    command += [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
    command += ["--dest", str(place), f"onnxruntime>=1.20,<={newest}"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(place.glob("onnxruntime-*.whl"))


def draw_stills(out: Path) -> None:
    """OUT/BUNDLE/STYLE.png, the example walk in each style, at one moment of the clip."""
    clip = read_motion(ROOT / "src/kinestyle/examples/walk.bvh").seconds(1.0, 3.5)
    for bundle in ("bandai", "open"):
        stylizer = Stylizer.load(bundle)
        analysis = stylizer.analyse(clip)
        (out / bundle).mkdir(parents=True)
        for label in sorted({style.label for style in stylizer.styles}):
            result = stylizer.apply(analysis, stylizer.style_of(label))
            _draw(result, out / bundle / f"{label.replace('/', '_')}.png")


def _draw(clip: Clip, path: Path) -> None:
    figure = figure_of(clip)
    frame = round(_STILL_FRAME * (figure.frame_count - 1))
    target = figure.root[frame] * np.array([1.0, 0.0, 1.0])
    picture = to_bytes(draw_scene([Actor(figure, frame, SIDE_COLOUR)], _STILL.view(), target))
    Image.fromarray(picture).quantize(64).save(path, optimize=True)


def licences_of(wheel: Path) -> str:
    """What a wheel says of its licence, and where in it the texts are."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        about = next(name for name in names if name.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(archive.read(about))
        texts = [name for name in names if _is_licence(name)]
    stated = said["License-Expression"] or said["License"] or "see its texts"
    files = "".join(f"    {name}\n" for name in texts)
    return f"{wheel.name}\n  {said['Name']} {said['Version']}: {stated}\n{files}"


def _is_licence(name: str) -> bool:
    stem = Path(name).name.lower()
    return stem.startswith(("license", "licence", "thirdparty", "cc-by", "model_card", "data_card"))


def manifest_of(platform: str, blender: Generation, wheels: list[Path]) -> str:
    """The manifest with what belongs to one zip. Raises AssertionError for another version."""
    text = (ADDON / "blender_manifest.toml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert tomllib.loads(text)["version"] == project["version"], (
        "the manifest has another version than pyproject.toml"
    )
    added = f'blender_version_min = "{blender.first}"\n'
    added += f'blender_version_max = "{blender.before}"\n' if blender.before else ""
    listed = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    added += f'platforms = ["{platform}"]\nwheels = [\n{listed}]\n'
    stated = 'blender_version_min = "4.2.0"\n'
    assert text.count(stated) == 1, f"the manifest has to have the line {stated}"
    return text.replace(stated, added)


def write_zip(
    path: Path, platform: str, blender: Generation, wheels: list[Path], stills: Path
) -> None:
    listed = "\n".join(map(licences_of, wheels))
    texts = {
        "blender_manifest.toml": manifest_of(platform, blender, wheels),
        "LICENSES.txt": (
            "What is in this extension, and under which terms\n\n"
            "the extension itself (*.py, icons/*.png)\n  GPL-3.0-or-later: LICENSE.txt\n\n"
            "in wheels/, apart from it and each under its own terms:\n\n"
            f"{listed}\nThe models are data beside the code: bandai and unsupervised are CC BY-NC "
            "4.0 (not for\ncommercial use), open is CC BY 3.0 (for commercial use, with its "
            "attribution).\n"
        ),
        "LICENSE.txt": (ROOT / "LICENSES/GPL-3.0-or-later.txt").read_text(encoding="utf-8"),
    }
    files = {source.name: source for source in sorted(ADDON.glob("*.py"))}
    files |= {f"icons/{p.relative_to(stills).as_posix()}": p for p in sorted(stills.rglob("*.png"))}
    files |= {f"wheels/{wheel.name}": wheel for wheel in wheels}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(_member(name, zipfile.ZIP_DEFLATED), text)
        for name, source in files.items():
            # wheels are zips already
            packing = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(_member(name, packing), source.read_bytes())


def _member(name: str, packing: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = packing
    member.external_attr = 0o644 << 16
    return member


def generations(python: str | None) -> tuple[Generation, ...]:
    """For blender.org's, or for any Blender that was built with another Python, as the packages of
    Linux distributions are.
    """
    return GENERATIONS if python is None else (Generation(GENERATIONS[0].first, None, python),)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Blender extension.")
    parser.add_argument("out", type=Path)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=", ".join(PLATFORMS))
    parser.add_argument("--python", help="of a Blender that is not blender.org's: 3.13, say")
    asked = parser.parse_args()
    out, platforms = asked.out, asked.platforms or list(PLATFORMS)
    if unknown := sorted(set(platforms) - set(PLATFORMS)):
        sys.exit(f"{', '.join(unknown)} is no platform, expected some of {', '.join(PLATFORMS)}")
    out.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        own = build_kinestyle(work)
        draw_stills(work / "icons")
        version = own.name.split("-")[1]
        for platform, blender in product(platforms, generations(asked.python)):
            try:
                wheels = [own, onnxruntime_wheel(platform, blender.python, work)]
            except subprocess.CalledProcessError as error:
                why = (error.stderr or "").strip().splitlines()
                print(f"{platform}: LEFT OUT, pip gets no wheel: {why[-1] if why else error}")
                failed = True
                continue
            path = out / f"kinestyle_blender-{version}-{platform}-{blender.words}.zip"
            write_zip(path, platform, blender, wheels, work / "icons")
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
            for wheel in wheels:
                print(f"    {wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
