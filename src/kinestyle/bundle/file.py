"""The file of a bundle: opening, reading its graphs, writing.

`manifest.json` says what the graphs are for (skeleton, feature layout, frame rate, styles), how
they were made (training configuration, data, commit), under which licence they may be used, and the
SHA-256 of every graph. All graphs take and give physical units: normalisation is inside them.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

from kinestyle.bundle.manifest import Manifest
from kinestyle.bundle.signatures import GRAPHS
from kinestyle.bundle.style import Style
from kinestyle.errors import BundleError, MotionFileError, StyleError
from kinestyle.storage import read_bytes, replace_bytes

DEFAULT = "bandai.kinestyle"
UNSUPERVISED = "unsupervised"
"""The name of the bundle that ships beside it: learned without labels, its styles are a standard
normal.
"""

FOLDERS = "KINESTYLE_BUNDLES"
"""The environment variable that names folders of bundles, apart as in PATH."""

MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES, MAX_GRAPH_BYTES = 2**29, 2**23, 2**27
"""Of the whole file, and of its members unpacked: a few megabytes of zip may claim to be many
gigabytes.
"""

_RELEASED = Path(str(resources.files("kinestyle"))) / "released"

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others may ask for any amount of memory before they give a byte."""

_DAMAGE = (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile raises on files that were changed, cut off or never were a bundle."""


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """An opened bundle. Its graphs are unpacked, and checked against the manifest's hashes, when
    they are asked for.

    content: the file
    own: styles that are not the bundle's, known by name beside its own
    """

    path: Path
    manifest: Manifest
    content: bytes
    own: tuple[Style, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """The hash of the file. A restyling does not need it, and it takes as long as one."""
        return hashlib.sha256(self.content).hexdigest()

    @classmethod
    def open(cls, path: Path | str | None = None) -> Bundle:
        """Open a bundle by its path or, of one that `named_bundles` finds, its name; None means the
        first that ships. Raises BundleError.
        """
        path = released_path() if path is None else named_bundles().get(str(path), Path(path))
        content = _content(path)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                manifest = _member(archive, "manifest.json", MAX_MANIFEST_BYTES)
        except _DAMAGE as error:
            raise BundleError(
                f"{path} is not a whole Kinestyle bundle ({error}); copy or export it again"
            ) from None
        return cls(path, Manifest.parse(manifest, f"the manifest of {path}"), content)

    def graph(self, name: str) -> bytes:
        """One ONNX graph. Raises BundleError if it is missing or its hash is not the manifest's."""
        try:
            with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
                graph = _member(archive, f"{name}.onnx", MAX_GRAPH_BYTES)
        except _DAMAGE as error:
            raise BundleError(
                f"{self.path} lacks its graph {name} ({error}); copy or export it again"
            ) from None
        if hashlib.sha256(graph).hexdigest() != self.manifest.sha256[name]:
            raise BundleError(
                f"the graph {name} in {self.path} is damaged (its hash is not the manifest's); "
                f"copy it again"
            )
        return graph

    @property
    def styles(self) -> tuple[Style, ...]:
        """All that have a name."""
        return (*self.manifest.styles, *self.own)

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
            known = sorted({style.label for style in self.styles})
            raise StyleError(
                f"no style is called {name!r}; the bundle {self.path.name} knows "
                f"{', '.join(known)}{_did_you_mean(wanted, known)}"
            )
        return max(matches, key=lambda style: style.seconds)

    def __repr__(self) -> str:
        return f"Bundle({str(self.path)!r}, {len(self.styles)} styles)"


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    """The end of a sentence that names what is spelled nearly so, if anything is."""
    from difflib import get_close_matches  # only where something is refused

    plain = {label.lower(): label for label in reversed(known)}
    near = [plain[word] for word in get_close_matches(name.rpartition("/")[2], list(plain), 3)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def released_path() -> Path:
    """Where the bundle is that ships with the package and is taken if no other is named."""
    return _RELEASED / DEFAULT


def shipped() -> dict[str, Path]:
    """The bundles that ship with the package, by name."""
    return _bundles_in(_RELEASED)


def named_bundles() -> dict[str, Path]:
    """The bundles that have a name: those in the folders of KINESTYLE_BUNDLES, the first folder
    first, and those that ship, whose names no folder takes away. Nothing is looked for elsewhere.
    """
    folders = [Path(folder) for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder]
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        found.update(_bundles_in(folder))
    return {**found, **shipped()}


def _bundles_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.kinestyle"))}


def write_bundle(path: Path, manifest: Manifest, graphs: Mapping[str, bytes]) -> None:
    """Write a bundle, whole or not at all. The hashes of the graphs are put into the manifest here.
    Raises BundleError for a manifest that could not be read again, and MotionFileError.
    """
    assert set(graphs) == set(GRAPHS), (
        f"a bundle has the graphs {', '.join(GRAPHS)}, got {sorted(graphs)}"
    )
    hashes = {name: hashlib.sha256(graph).hexdigest() for name, graph in graphs.items()}
    text = replace(manifest, sha256=hashes).to_json()
    Manifest.parse(text, f"the manifest for {path}")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, member in [
            ("manifest.json", text),
            *((f"{name}.onnx", graph) for name, graph in graphs.items()),
        ]:
            # a fixed date, so that equal models are equal files
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), member, zipfile.ZIP_DEFLATED
            )
    replace_bytes(path, content.getvalue())


def _content(path: Path) -> bytes:
    """The whole file. Raises BundleError."""
    try:
        return read_bytes(path, MAX_BUNDLE_BYTES)
    except MotionFileError as error:
        names = " or ".join(named_bundles())
        raise BundleError(
            f"{error}; name a .kinestyle file, or a bundle that ships or is in {FOLDERS}: {names}"
        ) from None


def _member(archive: zipfile.ZipFile, name: str, limit_bytes: int) -> bytes:
    """One file of the archive. Raises one of `_DAMAGE`."""
    member = archive.getinfo(name)
    if member.compress_type not in _PACKINGS:
        raise ValueError(f"{name} is packed in a way that is not read here")
    if member.file_size > limit_bytes:
        raise ValueError(
            f"{name} has {member.file_size} bytes, more than the limit of {limit_bytes}"
        )
    with archive.open(member) as file:
        # a size, because without it all that a packed block holds is unpacked before it is cut
        return file.read(member.file_size + 1)
