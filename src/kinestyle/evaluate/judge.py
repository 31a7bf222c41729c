"""Judges: classifiers of style and content that saw only real motion, and never a clip of the test
split.

Two ship, of families that share neither inputs, nor architecture, nor the clips they learned from:
what only one of them believes is its own weakness. Each is one ONNX graph, features (1, T, 260) to
logits and to the vectors that FID compares, with its name and its labels in the graph's metadata.
They are trained by `kinestyle.learn.stages.classifiers` and `.random_kernels`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from kinestyle.errors import BundleError
from kinestyle.label import Label
from kinestyle.runtime.sessions import open_session, run_session

SHIPPED = ("judge.onnx", "judge_2.onnx")
"""The judges in this package: a network on positions and velocities, random kernels on angles
between bones.
"""

THIRD = "judge_3.onnx"
"""The one that no decision looks at, in the folder of a run: it is named (`--judge`) for the tables
of what is released, and for nothing before.
"""

OUTPUTS = ("style", "content", "style_vector", "content_vector")
"""What a judge's graph gives, in order."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a judge says of one clip.

    style_logits, content_logits: (S,), (C,) of all its classes
    style_vector, content_vector: (V,), (V',) what FID compares
    style: the likeliest of all styles
    style_in, content_in: the likeliest of each set, by the set's name
    """

    style_logits: np.ndarray
    content_logits: np.ndarray
    style_vector: np.ndarray
    content_vector: np.ndarray
    style: str
    style_in: Mapping[str, str]
    content_in: Mapping[str, str]


class Judge:
    """Classifies clips by their features. styles, contents: its classes, named "set/label"."""

    def __init__(self, path: Path | None = None):
        """path: the judge's file; None: the first that ships. Raises BundleError for a file that is
        no judge.
        """
        self.path = path or _shipped()[0]
        try:
            graph = self.path.read_bytes()
        except OSError as error:
            raise BundleError(
                f"the judge {self.path} cannot be read ({error}); train one with `kinestyle train "
                f"--stage judge`"
            ) from None
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._session = open_session(graph, str(self.path))
        about = self._session.get_modelmeta().custom_metadata_map
        if not {"styles", "contents"} <= about.keys():
            raise BundleError(
                f"{self.path} is not a judge: it names no styles and contents; train one with "
                f"`kinestyle train --stage judge`"
            )
        outputs = tuple(output.name for output in self._session.get_outputs())
        if outputs != OUTPUTS:
            raise BundleError(
                f"{self.path} is a judge of another version: it gives {', '.join(outputs)}, "
                f"expected {', '.join(OUTPUTS)}; "
                "train one with `kinestyle train --stage judge`"
            )
        self.name: str = about.get("name", self.path.stem)
        self.styles: tuple[str, ...] = tuple(json.loads(about["styles"]))
        self.contents: tuple[str, ...] = tuple(json.loads(about["contents"]))

    def predict(self, features: np.ndarray) -> Prediction:
        """features: (T, 260)."""
        clip = np.asarray(features, dtype=np.float32)[None]
        style, content, style_vector, content_vector = (
            output[0] for output in run_session(self._session, {"features": clip}, str(self.path))
        )
        return Prediction(
            style,
            content,
            style_vector,
            content_vector,
            self.styles[int(style.argmax())],
            _likeliest(style, self.styles),
            _likeliest(content, self.contents),
        )


def judges(paths: Sequence[Path] | None = None) -> tuple[Judge, ...]:
    """The judges in some files; None: the two that ship. Raises BundleError for a file that is no
    judge.
    """
    return tuple(Judge(path) for path in (_shipped() if paths is None else paths))


def _shipped() -> tuple[Path, ...]:
    return tuple(Path(str(resources.files("kinestyle.evaluate") / name)) for name in SHIPPED)


def _likeliest(logits: np.ndarray, labels: Sequence[str]) -> dict[str, str]:
    """logits: one for each label -> the label with the highest one in each set."""
    found: dict[str, str] = {}
    for index in np.argsort(-logits, kind="stable").tolist():
        found.setdefault(Label.parse(labels[index]).set, labels[index])
    return found
