"""A judge: a classifier of style and content that saw only real motion of the training split.

It is one ONNX graph, features (1, T, 260) to logits, with its labels in the graph's metadata. It reads joint positions and
the root; the stylizer was guided by another network on other inputs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from kinestyle.errors import BundleError
from kinestyle.runtime.graphs import open_session


@dataclass(frozen=True)
class Verdict:
    """Which style, and which content among those of one set, a judge sees in a clip."""

    style: str
    content: str


class Judge:
    """Judges clips by their features; `styles` and `contents` are the classes, named "set/label"."""

    def __init__(self, path: Path | None = None):
        self.path = path or Path(str(resources.files("kinestyle.evaluate") / "judge.onnx"))
        try:
            graph = self.path.read_bytes()
        except OSError as error:
            raise BundleError(
                f"the judge {self.path} cannot be read ({error}); train one with `kinestyle train --stage judge`"
            ) from None
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._session = open_session(graph, str(self.path))
        about = self._session.get_modelmeta().custom_metadata_map
        if not {"styles", "contents"} <= about.keys():
            raise BundleError(
                f"{self.path} is not a judge: it names no styles and contents; train one with `kinestyle train --stage judge`"
            )
        self.styles: tuple[str, ...] = tuple(json.loads(about["styles"]))
        self.contents: tuple[str, ...] = tuple(json.loads(about["contents"]))

    def __call__(self, features: np.ndarray, set_name: str) -> Verdict:
        """features: (T, 260); the set whose contents are possible."""
        style, content = self._session.run(None, {"features": np.ascontiguousarray(features[None], dtype=np.float32)})
        possible = np.array([name.startswith(f"{set_name}/") for name in self.contents])
        return Verdict(self.styles[int(style[0].argmax())], self.contents[int(np.where(possible, content[0], -np.inf).argmax())])

    def style_in(self, features: np.ndarray, set_name: str) -> str:
        """The style among those of one set only."""
        style = self._session.run(None, {"features": np.ascontiguousarray(features[None], dtype=np.float32)})[0][0]
        possible = np.array([name.startswith(f"{set_name}/") for name in self.styles])
        return self.styles[int(np.where(possible, style, -np.inf).argmax())]
