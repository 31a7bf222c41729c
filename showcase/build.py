"""Builds a page that needs no server: the studio's own, over recorded answers.

Run `scripts/site`, or `python showcase/build.py FOLDER`. The folder is made from
nothing, with the same bytes each time on one machine. See docs/SITE.md.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import importlib
import json
import shlex
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from bundle import joined
from recording import FINE, STEP, UNIT_STEP, Recorder, Take, take_pack

from kinestyle import __version__
from kinestyle.bundle import Bundle
from kinestyle.cores import usable_cores
from kinestyle.label import Label
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer, bundle_for
from kinestyle.studio.choices import setting_rows, style_rows
from kinestyle.studio.schemas import StyleRow

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "src" / "kinestyle" / "studio" / "page"
OWN_PAGE = Path(__file__).resolve().parent / "page"

CLIPS = {
    # the first is what one sees first, and what the cards show
    "walk": "Walk",
    "wave": "Wave",
    "punch": "Punches",
    "pick_up": "Pick up",
    "jump": "Jump",
}
PARTS = {
    "all": "all of the body",
    "upper": "above the hips",
    "lower": "hips and legs",
    "arms": "arms",
}
SEEDS = range(3)
"""Of each style, and of styles without any cue."""

KEPT_SETTINGS = ("strength", "parts", "seed", "start", "stop")

TRIED = ((0.3, 0.45, 0.8, 1.2), 7)
"""At which strengths between the recorded ones the error is measured, and of every how many-th
style."""


def examples() -> ModuleType:
    """examples/make_actions.py, which is no part of a package."""
    folder = str(ROOT / "examples")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("make_actions")


def make_clips(folder: Path) -> None:
    """Write all clips of the site into a folder."""
    for name in ("walk", "wave"):
        shutil.copyfile(
            ROOT / "src" / "kinestyle" / "examples" / f"{name}.bvh", folder / f"{name}.bvh"
        )
    examples().write_actions(folder)


@cache
def recorder(path: Path, bundle: str | None) -> Recorder:
    """Kept in the process that records."""
    for_random = bundle_for(Take(None).cue, bundle)
    return Recorder(path, stylizer(bundle), stylizer(for_random and str(for_random)))


@cache
def stylizer(bundle: str | None) -> Stylizer:
    return Stylizer.load(bundle)


def command(take: Take, clip: str, bundle: str | None) -> str:
    """The command line that makes a take in strength 1."""
    label = "random" if take.style is None else Label.parse(take.style).name
    words = ["kinestyle", "stylize", f"{clip}.bvh", *take.cue.as_options(str)]
    words += take.settings().as_options()
    words += [] if bundle is None else ["--bundle", bundle]
    return shlex.join([*words, "-o", f"{clip}_{label}.bvh"])


def record(path: Path, bundle: str | None, title: str | None, is_tried: bool) -> dict[str, Any]:
    """One clip in one style, as the page asks for it: `first`, what is looked at first, and `more`,
    parts of the body and variations. title: None is a style without any cue
    """
    one = recorder(path, bundle)
    more: list[Take] = []
    if title is None:
        first = [Take(None, seed=seed) for seed in SEEDS]
    else:
        first = [Take(title, strengths=FINE)]
        more = [Take(title, parts=parts, strengths=FINE) for parts in PARTS if parts != "all"]
        more += [Take(title, seed=seed) for seed in SEEDS if seed]
    packs = {
        name: take_pack(one, [(take, command(take, path.stem, bundle)) for take in takes])
        for name, takes in (("first", first), ("more", more))
        if takes
    }
    errors: dict[str, list[Any]] = {}
    if is_tried:
        for what, take in (("", first[0]), (" of parts", more[0])):
            recorded = one.record(take)
            for where, strengths in (("recorded", (1.0,)), ("other", TRIED[0])):
                errors[f"{where} strengths{what}"] = [
                    one.interpolation_error(take, recorded, at).ravel() for at in strengths
                ]
    return {"packs": packs, "errors": errors}


@dataclass(frozen=True)
class Plan:
    """What is recorded.

    bundle: as the command line has it; clips: names among `CLIPS`, the first of which is looked at
    first; styles: rows of the bundle's styles
    """

    bundle: str | None
    clips: tuple[str, ...]
    styles: tuple[StyleRow, ...]

    @classmethod
    def of(cls, bundle: str | None, clips: Sequence[str], styles: Sequence[str]) -> Plan:
        """All clips where none is named, all styles where none is."""
        rows = style_rows(Bundle.open(bundle)).styles
        wanted = tuple(row for row in rows if not styles or title_of(row) in styles)
        return cls(bundle, tuple(name for name in CLIPS if not clips or name in clips), wanted)


def title_of(row: StyleRow) -> str:
    """What a style is asked for as."""
    return row.label if row.default else row.name


def record_all(clips: Path, plan: Plan, out: Path) -> dict[str, Any]:
    """Write the recordings -> how far they are off, in metres, by what was measured."""
    errors: dict[str, list[Any]] = {}
    titles = [title_of(row) for row in plan.styles]
    with ProcessPoolExecutor(usable_cores()) as pool:
        jobs = {}
        for name in plan.clips:
            path = clips / f"{name}.bvh"
            (out / name).mkdir(parents=True)
            shutil.copyfile(path, out / f"{name}.bvh")
            for number, title in enumerate([*titles, None]):
                tried = title is not None and number % TRIED[1] == 0
                stem = "random" if title is None else f"{number:02}"
                jobs[name, stem] = pool.submit(record, path, plan.bundle, title, tried)
        for name in plan.clips:
            data = recorder(clips / f"{name}.bvh", plan.bundle).clip_pack()
            (out / name / "clip.pack").write_bytes(data)
        for (name, stem), job in jobs.items():
            found = job.result()
            for which, data in found["packs"].items():
                (out / name / f"{stem}.{which}.pack").write_bytes(data)
            for what, measured in found["errors"].items():
                errors.setdefault(f"{name}, {what}", []).extend(measured)
    return errors


def settings() -> list[dict[str, Any]]:
    """Those that are recorded, with the values that are."""
    rows = {row.name: row.model_dump() for row in setting_rows() if row.name in KEPT_SETTINGS}
    rows["strength"] |= {"over_time": False, "least": 0.0, "most": FINE[-1]}
    rows["parts"] |= {"kind": "choice", "choices": PARTS, "parts": {}}
    rows["parts"]["help"] = "the parts of the body that take the style"
    rows["seed"]["most"] = max(SEEDS)
    return [rows[name] for name in KEPT_SETTINGS]


def option_names() -> dict[str, str]:
    """How the command line calls what the page adds to a command."""
    values = {"strength": 0.5, "start": 1.0, "stop": 2.0}
    return {name: Settings(**{name: value}).as_options()[0] for name, value in values.items()}  # type: ignore[arg-type]


def write_page(out: Path, plan: Plan) -> None:
    """The studio's page with another backend, and what it asks for at first."""
    shutil.copytree(PAGE, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("http_service.js"))
    for file in sorted(OWN_PAGE.iterdir()):
        shutil.copyfile(file, out / file.name)
    opened = Bundle.open(plan.bundle)
    answers = {
        "version": __version__,
        "bundle": opened.path.name,
        "licence": opened.manifest.licence,
        "most_strength": FINE[-1],
        "step": STEP,
        "unit_step": UNIT_STEP,
        "options": option_names(),
        "styles": [row.model_dump() for row in plan.styles],
        "settings": settings(),
        "examples": [{"example": name, "title": CLIPS[name]} for name in plan.clips],
    }
    text = json.dumps(answers, ensure_ascii=False, indent=1)
    (out / "recording.json").write_text(text + "\n", encoding="utf-8")
    join_modules(out, plan)
    page = (out / "LICENCES.html").read_text(encoding="utf-8")
    for mark, words in (
        ("BUNDLE", opened.path.name),
        ("LICENCE", opened.manifest.licence),
        ("ATTRIBUTION", opened.manifest.attribution),
    ):
        page = page.replace(f"<!-- {mark} -->", html.escape(words))
    (out / "LICENCES.html").write_text(page, encoding="utf-8")
    (out / "licences").mkdir()
    shutil.copyfile(ROOT / "LICENSE", out / "licences" / "MIT.txt")
    for file in sorted((ROOT / "LICENSES").iterdir()):
        shutil.copyfile(file, out / "licences" / file.name)


def join_modules(out: Path, plan: Plan) -> None:
    """One file of the page's modules in place of all; what the first sight takes is asked for with
    the page itself, and not when something else has named it.
    """
    page = joined(out, "studio.js")
    for file in out.glob("*.js"):
        if file.name != "worker.js":
            file.unlink()
    (out / "studio.js").write_text(page, encoding="utf-8")
    links = [
        f'<link rel="modulepreload" href="{name}">' for name in ("three/three.js", "studio.js")
    ]
    links += [
        f'<link rel="preload" as="fetch" crossorigin href="{name}">'
        for name in ("recording.json", *first_recordings(plan))
    ]
    index = (out / "index.html").read_text(encoding="utf-8")
    text = "".join(f"  {link}\n" for link in links)
    (out / "index.html").write_text(index.replace("</head>", f"{text}</head>"), encoding="utf-8")


def first_recordings(plan: Plan) -> list[str]:
    """What the page shows first: its first clip, in the first style that is well learned."""
    number = next((i for i, row in enumerate(plan.styles) if row.well_learned), 0)
    return [f"clips/{plan.clips[0]}/{name}.pack" for name in ("clip", f"{number:02}.first")]


def write_worker(out: Path, plan: Plan) -> None:
    """Say to the service worker which files there are; those of the first sight come first."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "worker.js"]
    names = [path.relative_to(out).as_posix() for path in files]
    digest = hashlib.sha256()
    for name, path in zip(names, files, strict=True):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    first = first_recordings(plan)
    core = [name for name in names if not name.startswith("clips/") or name in first]
    rest = [name for name in names if name not in core]
    worker = out / "worker.js"
    text = worker.read_text(encoding="utf-8")
    for mark, value in (("VERSION", digest.hexdigest()[:16]), ("CORE", core), ("REST", rest)):
        text = text.replace(f"/* {mark} */ null", json.dumps(value))
    worker.write_text(text, encoding="utf-8")


def sizes(out: Path) -> Iterator[str]:
    """Lines on how large it is: as it lies there, and as a server that compresses sends it."""
    groups: dict[str, list[int]] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            name = path.relative_to(out).as_posix()
            group = "clips as BVH" if name.endswith(".bvh") else "recordings"
            group = group if name.startswith("clips/") else "page"
            sums = groups.setdefault(group, [0, 0, 0])
            data = path.read_bytes()
            for i, more in enumerate((1, len(data), len(zlib.compress(data, 9)))):
                sums[i] += more
    groups["together"] = [sum(each) for each in zip(*groups.values(), strict=True)]
    for group, (count, plain, small) in groups.items():
        yield f"{group}: {count} files, {plain / 1e6:.2f} MB, compressed {small / 1e6:.2f} MB"


def build(
    out: Path, bundle: str | None = None, clips: Sequence[str] = (), styles: Sequence[str] = ()
) -> None:
    """Make the folder from nothing. clips, styles: only those, all where none is named"""
    plan = Plan.of(bundle, clips, styles)
    began = time.monotonic()
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        make_clips(Path(folder))
        errors = record_all(Path(folder), plan, out / "clips")
    write_page(out, plan)
    write_worker(out, plan)
    for line in sizes(out):
        sys.stdout.write(f"{line}\n")
    for what, measured in sorted(errors.items()):
        mm = 1000.0 * np.concatenate(measured)
        sys.stdout.write(
            f"{what}: joints are off by {mm.mean():.2f} mm in the mean, "
            f"{np.percentile(mm, 99):.2f} mm at the 99th percentile, {mm.max():.2f} mm at most\n"
        )
    sys.stdout.write(f"built in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bundle", help="instead of the first that ships: open, say")
    parser.add_argument("--clip", action="append", default=[], choices=CLIPS, help="only this one")
    parser.add_argument("--style", action="append", default=[], help="only this one")
    given = parser.parse_args()
    build(given.out, given.bundle, given.clip, given.style)
