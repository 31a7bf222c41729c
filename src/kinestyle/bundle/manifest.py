"""`manifest.json` of a bundle: what its graphs are for, how they were made and under which licence
they may be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from kinestyle.bundle.made_style import as_json, parse_made_style
from kinestyle.bundle.signatures import GRAPHS
from kinestyle.bundle.style import Style
from kinestyle.errors import BundleError
from kinestyle.json_object import JsonObject
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import FRAME_RATE, LAYOUT

FORMAT = 1
PRIOR = "standard normal"
"""What stands under `prior` where style codes were kept near N(0, I) and can be drawn from it."""

MAX_CODE = 1e6
"""Of any number of a style code."""
MAX_SECONDS, MAX_ERROR_CM = 1e9, 1e6
MAX_TEMPO = 1e6
"""Of the log of tempo that a number of a style code adds."""
_SHA256 = re.compile("[0-9a-f]{64}")


class Tempo(NamedTuple):
    """For each number of a style code, K, the log of tempo that it adds: of two codes only the
    difference says something. Of bodies that stand, and of those that walk or run, whose cadence
    styles change less.
    """

    standing: tuple[float, ...]
    walking: tuple[float, ...]


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    name: the bundle's; licence, attribution: a line each, empty where nothing is said
    styles: those it knows by name, all of one code size
    prior: `PRIOR`, or None where codes cannot be drawn without a style
    label_numbers: how many numbers at the end of a style code say which label is meant; 0 where the
        networks read no labels
    residual_gate: what of a clip the generator misses counts as style, see
        `kinestyle.runtime.residual`; None: as there
    tempo: what style codes say of tempo, see `Tempo`; None where nobody measured it
    training: how the graphs were made, as JSON: recipe, commit, validation
    sha256: graph -> its hash in hexadecimal digits
    """

    name: str = ""
    licence: str = ""
    attribution: str = ""
    styles: tuple[Style, ...] = ()
    prior: str | None = None
    label_numbers: int = 0
    residual_gate: tuple[float, float] | None = None
    tempo: Tempo | None = None
    training: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sha256: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, content: bytes, file: str) -> Manifest:
        """The content of a `manifest.json`; file: what messages call it. Raises BundleError with a
        sentence for the first field that is not what it should be.
        """
        root = JsonObject.parse(content, file, BundleError, "the manifest of a bundle")
        _check_version(root)
        try:
            return cls._parse(root)
        except BundleError as error:
            raise BundleError(f"{error}; copy or export the bundle again") from None

    @classmethod
    def _parse(cls, root: JsonObject) -> Manifest:
        styles = _styles(root)
        size = len(styles[0].mean) if styles else 2**20
        training = root.part("training")
        training.line("commit", "")
        training.part("recipe").lines("left_out")
        autoencoder = training.part("validation").part("autoencoder")
        if "score" in autoencoder.fields:
            autoencoder.number("score", 0.0, MAX_ERROR_CM)
        prior = root.fields.get("prior")
        if prior not in (None, PRIOR):
            root.refuse("prior", f"{json.dumps(PRIOR)} or null")
        return cls(
            name=root.line("name", ""),
            licence=root.line("licence", ""),
            attribution=root.line("attribution", ""),
            styles=styles,
            prior=prior,
            label_numbers=root.integer("label_numbers", 0, size, "how many numbers are labels", 0),
            residual_gate=_residual_gate(root),
            tempo=_tempo(root, len(styles[0].mean) if styles else None),
            training=training.fields,
            sha256=_hashes(root.part("sha256")),
        )

    @property
    def code_size(self) -> int | None:
        """How many numbers K a style code has; None where no style says so."""
        return len(self.styles[0].mean) if self.styles else None

    @property
    def left_out(self) -> tuple[str, ...]:
        """The sets, and the styles, whose clips no network saw."""
        return tuple(self.training.get("recipe", {}).get("left_out", ()))

    @property
    def commit(self) -> str:
        """Of the code that trained the graphs; empty where the manifest does not say."""
        return str(self.training.get("commit", ""))

    @property
    def reference_error_cm(self) -> float | None:
        """Mean joint error of the autoencoder on motion like what it learned from; None where the
        manifest does not say.
        """
        validation = self.training.get("validation", {})
        return validation.get("autoencoder", {}).get("score")

    def to_json(self) -> bytes:
        """The inverse of `parse`."""
        found = {
            "format": FORMAT,
            "joints": list(CANONICAL.names),
            "parents": CANONICAL.parents.tolist(),
            "offsets_m": CANONICAL.offsets.round(6).tolist(),
            "layout": [list(group) for group in LAYOUT.sizes],
            "frame_rate": FRAME_RATE,
            "name": self.name,
            "licence": self.licence,
            "attribution": self.attribution,
            "styles": [
                {
                    "name": style.name,
                    "seconds": style.seconds,
                    "mean": style.mean.tolist(),
                    "deviation": style.std.tolist(),
                    **({} if style.made is None else {"made": as_json(style.made)}),
                }
                for style in self.styles
            ],
            "prior": self.prior,
            "label_numbers": self.label_numbers,
            **({"residual_gate": list(self.residual_gate)} if self.residual_gate else {}),
            **({} if self.tempo is None else {"tempo": self.tempo._asdict()}),
            "training": dict(self.training),
            "sha256": dict(self.sha256),
        }
        return json.dumps(found, indent=1).encode()


def _check_version(root: JsonObject) -> None:
    found = root.fields.get("format")
    if found != FORMAT or isinstance(found, bool):
        root.refuse("format", f"{FORMAT}; install the version of Kinestyle that made the bundle")
    for key, value in (
        ("joints", list(CANONICAL.names)),
        ("layout", [list(group) for group in LAYOUT.sizes]),
        ("frame_rate", FRAME_RATE),
    ):
        if root.fields.get(key) != value:
            root.refuse(
                key, f"{json.dumps(value)}, which is what this version has; export it again"
            )


def _styles(root: JsonObject) -> tuple[Style, ...]:
    if "styles" not in root.fields:
        root.refuse("styles", "a list of styles, which may be empty")
    styles: list[Style] = []
    names: set[str] = set()
    for row in root.parts("styles"):
        name = row.line("name")
        if not name or name in names:
            row.refuse("name", "a name that no other style has")
        names.add(name)
        mean = row.numbers("mean", "numbers", -MAX_CODE, MAX_CODE)
        size = len(styles[0].mean) if styles else len(mean)
        if not mean or len(mean) != size:
            row.refuse("mean", f"as many numbers as other styles have, {size or 'some'}")
        wanted = f"as many numbers as mean has, {size},"
        std = row.numbers("deviation", wanted, 0.0, MAX_CODE)
        if len(std) != size:
            row.refuse("deviation", wanted.rstrip(","))
        styles.append(
            Style(
                name,
                row.number("seconds", 0.0, MAX_SECONDS),
                np.array(mean, dtype=np.float32),
                np.array(std, dtype=np.float32),
                None if row.fields.get("made") is None else parse_made_style(row.part("made")),
            )
        )
    return tuple(styles)


def _residual_gate(root: JsonObject) -> tuple[float, float] | None:
    if "residual_gate" not in root.fields:
        return None
    wanted = "two numbers, the first one smaller"
    gate = root.numbers("residual_gate", wanted, 0.0, MAX_CODE)
    if len(gate) != 2 or gate[0] >= gate[1]:
        root.refuse("residual_gate", wanted)
    return gate[0], gate[1]


def _tempo(root: JsonObject, code_size: int | None) -> Tempo | None:
    """What a bundle may leave out."""
    if root.fields.get("tempo") is None:
        return None
    found = root.part("tempo")
    rows: list[tuple[float, ...]] = []
    for name in Tempo._fields:
        size = code_size or (len(rows[0]) if rows else None)
        wanted = f"as many numbers as a style code has, {size or 'some'},"
        row = found.numbers(name, wanted, -MAX_TEMPO, MAX_TEMPO)
        if not row or len(row) != (size or len(row)):
            found.refuse(name, wanted.rstrip(","))
        rows.append(tuple(map(float, row)))
    return Tempo(*rows)


def _hashes(found: JsonObject) -> dict[str, str]:
    for name in GRAPHS:
        value = found.fields.get(name)
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            found.refuse(name, "the SHA-256 of this graph, 64 hexadecimal digits")
    return {name: found.fields[name] for name in GRAPHS}
