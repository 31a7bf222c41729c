"""The networks of a bundle as functions of arrays, each loaded when it is first called."""

from __future__ import annotations

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.runtime.sessions import InferenceSession, open_session

STRIDE = 8
"""Frames to one step of the content code: clips are held at their end to a whole number of them."""


class Graphs:
    """Calls the graphs of a bundle. One clip at a time; T is a multiple of `STRIDE`."""

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self._sessions: dict[str, InferenceSession] = {}

    def encode(self, features: np.ndarray) -> np.ndarray:
        """features: (T, 260) -> latent (Z, T/4)."""
        return self._run("motion_encoder", features=features[None])[0][0]

    def content(self, latent: np.ndarray) -> np.ndarray:
        """latent: (Z, T/4) -> content code (C, T/8)."""
        return self._run("content_encoder", latent=latent[None])[0][0]

    def style(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """latent: (Z, T/4) -> mean and deviation (K,) of the clip's style code."""
        mean, log_std = self._run("style_encoder", latent=latent[None])
        return mean[0], np.exp(log_std[0])

    def generate(self, content: np.ndarray, style: np.ndarray) -> np.ndarray:
        """content: (C, T/8), style: (K,) -> latent (Z, T/4)."""
        return self._run("generator", content=content[None], style=style[None])[0][0]

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """latent: (Z, T/4) -> features (T, 260), contacts as probabilities."""
        return self._run("motion_decoder", latent=latent[None])[0][0]

    def root_velocity(self, features: np.ndarray) -> np.ndarray:
        """features: (T, 260) -> (T, 2) metres a frame on the ground, in the heading's frame."""
        return self._run("global_motion", features=features[None])[0][0]

    @property
    def code_size(self) -> int:
        """How many numbers K a style code has."""
        (size,) = (
            entry.shape[1]
            for entry in self.session("generator").get_inputs()
            if entry.name == "style"
        )
        return int(size)

    def session(self, name: str) -> InferenceSession:
        """One graph, loaded. Raises BundleError."""
        if name not in self._sessions:
            self._sessions[name] = open_session(
                self.bundle.graph(name), f"{name} of {self.bundle.path}"
            )
        return self._sessions[name]

    def _run(self, name: str, **inputs: np.ndarray) -> list[np.ndarray]:
        return self.session(name).run(
            None,
            {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in inputs.items()},
        )
