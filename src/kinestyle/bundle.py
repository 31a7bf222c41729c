"""A released model: one zip file of ONNX graphs and a manifest, the only bridge between training
and the runtime.

`manifest.json` says what the graphs are for (skeleton, feature layout, frame rate, styles), how
they were made (training configuration, data, commit), under which licence they may be used, and the
SHA-256 of every graph. All graphs take and give physical units: normalisation is inside them.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.errors import BundleError, StyleError
from kinestyle.label import Label
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import FRAME_RATE, LAYOUT
from kinestyle.storage import replace_bytes

FORMAT = 1
GRAPHS = (
    "motion_encoder",
    "content_encoder",
    "style_encoder",
    "generator",
    "motion_decoder",
    "global_motion",
)
PRIOR = "standard normal"
"""What a manifest says under `prior` where style codes were kept near N(0, I), so that they can be
drawn from it.
"""

DEFAULT = "bandai.kinestyle"
UNSUPERVISED = "unsupervised"
"""The name of the bundle that ships beside it: learned without labels, its styles are a standard
normal.
"""

_RELEASED = Path(str(resources.files("kinestyle"))) / "released"

_DAMAGE = (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile and json raise on files that were changed, cut off or never were a bundle."""


@dataclass(frozen=True)
class Style:
    """A style that a bundle knows, or reads from a clip: a Gaussian in style space.

    name: "set/label", or the clip's; seconds: how much motion it was learned or read from; mean,
        deviation: (K,)
    """

    name: str
    seconds: float
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def label(self) -> str:
        return Label.parse(self.name).name

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """(K,) one way in which the style may be shown."""
        return (self.mean + self.deviation * random.standard_normal(len(self.mean))).astype(
            np.float32
        )

    def variation(self, seed: int) -> np.ndarray:
        """(K,) the middle of the style (seed 0) or a draw from it, the same for the same seed."""
        assert seed >= 0, "Settings checks the seed"
        return self.mean if seed == 0 else self.draw(np.random.default_rng(seed))


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle. `graphs` are ONNX files as bytes, checked against the manifest's hashes
    when they are read.
    """

    path: Path
    manifest: Mapping[str, Any]
    sha256: str

    @classmethod
    def open(cls, path: Path | str | None = None) -> Bundle:
        """Open a bundle by its path or, of one that ships with Kinestyle, its name; None means the
        first. Raises BundleError.
        """
        path = released_path() if path is None else shipped().get(str(path), Path(path))
        try:
            content = path.read_bytes()
            with zipfile.ZipFile(path) as archive:
                manifest = json.loads(archive.read("manifest.json"))
        except FileNotFoundError:
            names = " or ".join(shipped())
            raise BundleError(
                f"there is no bundle at {path}; name a .kinestyle file, or one that ships: {names}"
            ) from None
        except _DAMAGE as error:
            raise BundleError(
                f"{path} is not a whole Kinestyle bundle ({error}); copy or export it again"
            ) from None
        if not isinstance(manifest, dict):
            raise BundleError(
                f"the manifest of {path} is not an object; copy or export the bundle again"
            )
        bundle = cls(path, manifest, hashlib.sha256(content).hexdigest())
        bundle._check()
        return bundle

    def _check(self) -> None:
        found = self.manifest.get("format")
        if found != FORMAT:
            raise BundleError(
                f"{self.path} has bundle format {found!r}, this version reads {FORMAT}; install "
                f"the version that made it"
            )
        expected = {
            "joints": list(CANONICAL.names),
            "layout": [list(group) for group in LAYOUT.sizes],
            "frame_rate": FRAME_RATE,
        }
        for key, value in expected.items():
            if self.manifest.get(key) != value:
                found = self.manifest.get(key)
                raise BundleError(
                    f"{self.path} was made for another {key} ({found}), this version has {value}; "
                    f"export it again"
                )

    def graph(self, name: str) -> bytes:
        """One ONNX graph. Raises BundleError if it is missing or its hash is not the manifest's."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                content = archive.read(f"{name}.onnx")
        except _DAMAGE as error:
            raise BundleError(
                f"{self.path} lacks its graph {name} ({error}); copy or export it again"
            ) from None
        if hashlib.sha256(content).hexdigest() != self.manifest["sha256"][name]:
            raise BundleError(
                f"the graph {name} in {self.path} is damaged (its hash is not the manifest's); "
                f"copy it again"
            )
        return content

    @cached_property
    def styles(self) -> tuple[Style, ...]:
        return tuple(
            Style(
                row["name"],
                row["seconds"],
                np.array(row["mean"], dtype=np.float32),
                np.array(row["deviation"], dtype=np.float32),
            )
            for row in self.manifest["styles"]
        )

    def style(self, name: str) -> Style:
        """A style by its whole name or its label; of several with one label, the one learned from
        most motion.

        Raises StyleError with the known names.
        """
        wanted = name.strip().lower()
        matches = [
            style for style in self.styles if wanted in (style.name.lower(), style.label.lower())
        ]
        if not self.styles:
            raise StyleError(
                f"no style is called {name!r}; the bundle {self.path.name} has no named styles, "
                f"only those of clips"
            )
        if not matches:
            known = ", ".join(sorted({style.label for style in self.styles}))
            raise StyleError(
                f"no style is called {name!r}; the bundle {self.path.name} knows {known}"
            )
        return max(matches, key=lambda style: style.seconds)

    @property
    def label_numbers(self) -> int:
        """How many numbers at the end of a style code say which label is meant; 0 where the
        networks read no labels.
        """
        return int(self.manifest.get("label_numbers", 0))

    @property
    def reference_error_cm(self) -> float | None:
        """Mean joint error of the autoencoder on motion like what it learned from; None where the
        manifest does not say.
        """
        return (
            self.manifest.get("training", {})
            .get("validation", {})
            .get("autoencoder", {})
            .get("score")
        )


def released_path() -> Path:
    """Where the bundle is that ships with the package and is taken if no other is named."""
    return _RELEASED / DEFAULT


def shipped() -> dict[str, Path]:
    """The bundles that ship with the package, by name."""
    return {path.stem: path for path in sorted(_RELEASED.glob("*.kinestyle"))}


def write_bundle(path: Path, manifest: Mapping[str, Any], graphs: Mapping[str, bytes]) -> None:
    """Write a bundle, whole or not at all. `manifest` lacks what is known here: format, skeleton,
    layout, rate, hashes.
    """
    assert set(graphs) == set(GRAPHS), f"a bundle has the graphs {GRAPHS}, got {sorted(graphs)}"
    whole = {
        "format": FORMAT,
        "joints": list(CANONICAL.names),
        "parents": CANONICAL.parents.tolist(),
        "offsets_m": CANONICAL.offsets.round(6).tolist(),
        "layout": [list(group) for group in LAYOUT.sizes],
        "frame_rate": FRAME_RATE,
        **manifest,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in graphs.items()},
    }
    content_of_file = io.BytesIO()
    with zipfile.ZipFile(content_of_file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in [
            ("manifest.json", json.dumps(whole, indent=1).encode()),
            *((f"{n}.onnx", c) for n, c in graphs.items()),
        ]:
            # a fixed date, so that equal models are equal files
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
            )
    replace_bytes(path, content_of_file.getvalue())
