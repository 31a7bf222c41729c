"""Judges: classifiers of style and content that saw only real motion, and never a clip of the test
split.

Two ship, of families that share neither inputs, nor architecture, nor the clips they learned from:
what only one of them believes is its own weakness. Each is one ONNX graph, features (1, T, 260) to
logits and to the vectors that FID compares, with its name and its labels in the graph's metadata.
How they learn is in `kinestyle.learn.stages.classifiers` and `kinestyle.learn.stages.random_kernels`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
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

OUTPUTS = ("style", "content", "style_vector", "content_vector")
"""What a judge's graph gives, in order."""


@dataclass(frozen=True)
class Verdict:
    """Which style, and which content among those of one set, a judge sees in a clip."""

    style: str
    content: str


@dataclass(frozen=True, eq=False)
class Examination:
    """All that a judge's graph says of one clip: style (S,) and content (contents,) logits, and the
    vectors (V,) behind them.
    """

    style: np.ndarray
    content: np.ndarray
    style_vector: np.ndarray
    content_vector: np.ndarray


class Judge:
    """Judges clips by their features; `styles` and `contents` are the classes, named "set/label"."""

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
        self._last: tuple[np.ndarray, Examination] | None = None

    def examine(self, features: np.ndarray) -> Examination:
        """features: (T, 260). The last clip's examination is kept, so that asking several things of
        it costs one run.
        """
        asked = np.array(
            features, dtype=np.float32
        )  # a copy: the caller may go on to change the array
        if self._last is None or not np.array_equal(self._last[0], asked):
            self._last = (
                asked,
                Examination(
                    *(
                        output[0]
                        for output in run_session(
                            self._session, {"features": asked[None]}, str(self.path)
                        )
                    )
                ),
            )
        return self._last[1]

    def __call__(self, features: np.ndarray, set_name: str) -> Verdict:
        """features: (T, 260); the set whose contents are possible."""
        found = self.examine(features)
        return Verdict(
            self.styles[int(found.style.argmax())],
            _likeliest(found.content, self.contents, set_name),
        )

    def style_in(self, features: np.ndarray, set_name: str) -> str:
        """The style among those of one set only."""
        return _likeliest(self.examine(features).style, self.styles, set_name)

    def embed(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """features: (T, 260) -> (V,) style vector and (V',) content vector: what FID compares."""
        found = self.examine(features)
        return found.style_vector, found.content_vector


def judges(paths: Sequence[Path] | None = None) -> tuple[Judge, ...]:
    """The judges in some files; None: the two that ship. Raises BundleError for a file that is no
    judge.
    """
    return tuple(Judge(path) for path in (_shipped() if paths is None else paths))


def _shipped() -> tuple[Path, ...]:
    return tuple(Path(str(resources.files("kinestyle.evaluate") / name)) for name in SHIPPED)


def _likeliest(logits: np.ndarray, labels: Sequence[str], set_name: str) -> str:
    """The label of one set with the highest logit."""
    possible = np.array([Label.parse(label).set == set_name for label in labels])
    assert possible.any(), f"no label of set {set_name!r} is among {', '.join(labels)}"
    return labels[int(np.where(possible, logits, -np.inf).argmax())]
