"""The networks of a bundle as functions of arrays, each loaded when it is first called."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from kinestyle.bundle import GRAPHS, Bundle
from kinestyle.bundle.signatures import FRAMES, Axis
from kinestyle.errors import BundleError
from kinestyle.runtime.modulation import ModulatedCode, modulated, modulation_biases
from kinestyle.runtime.sessions import InferenceSession, open_session, run_session

LATENT_STRIDE, STRIDE = 4, 8
"""Frames to one step of the latent, and of the content code. Clips are padded at their end to a
whole number of strides."""


MOST_MODULATED = 4
"""Generators that are kept for refined styles, or mixes of them, beside the bundle's own."""


class Graphs:
    """Calls the graphs of a bundle. One clip at a time; T is a multiple of `STRIDE`."""

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.reach: dict[str, float] = {}
        """How far a graph sees, where that was measured, see `kinestyle.runtime.sequences`."""
        self._sessions: dict[str, InferenceSession] = {}
        self._modulated: OrderedDict[bytes, InferenceSession] = OrderedDict()
        size = bundle.manifest.code_size
        self._sizes = {} if size is None else {"K": size}

    def encode(self, features: np.ndarray) -> np.ndarray:
        """features: (T, 260) -> latent (Z, T/4)."""
        return self._run("motion_encoder", features=features[None])[0][0]

    def content(self, latent: np.ndarray) -> np.ndarray:
        """latent: (Z, T/4) -> content code (C, T/8)."""
        return self._run("content_encoder", latent=latent[None])[0][0]

    def style(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """latent: (Z, T/4) -> mean and std (K,) of the clip's style code."""
        mean, log_std = self._run("style_encoder", latent=latent[None])
        return mean[0], np.exp(log_std[0])

    def generate(self, content: np.ndarray, style: np.ndarray) -> np.ndarray:
        """content: (C, T/8), style: (K,) -> latent (Z, T/4). Raises StyleError for a modulation
        that is of another generator.
        """
        session = None
        if isinstance(style, ModulatedCode) and style.modulation is not None:
            session = self._generator(style.modulation)
        given = {"content": content[None], "style": np.asarray(style)[None]}
        return self._run("generator", session, **given)[0][0]

    def _generator(self, modulation: np.ndarray) -> InferenceSession:
        """The generator with (M,) added to its modulation; the last few are kept."""
        key = modulation.tobytes()
        if key not in self._modulated:
            values = modulated(self._biases, modulation)
            name = f"generator of {self.bundle.path}"
            self._modulated[key] = open_session(self.bundle.graph("generator"), name, values)
            while len(self._modulated) > MOST_MODULATED:
                self._modulated.popitem(last=False)
        self._modulated.move_to_end(key)
        return self._modulated[key]

    @cached_property
    def _biases(self) -> dict[str, np.ndarray]:
        return modulation_biases(self.bundle.graph("generator"), f"generator of {self.bundle.path}")

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """latent: (Z, T/4) -> features (T, 260), contacts as probabilities."""
        return self._run("motion_decoder", latent=latent[None])[0][0]

    def root_velocity(self, features: np.ndarray) -> np.ndarray:
        """features: (T, 260) -> (T, 2) metres a frame on the ground, in the heading's frame."""
        return self._run("global_motion", features=features[None])[0][0]

    @property
    def code_size(self) -> int:
        """How many numbers K a style code has. Raises BundleError."""
        return self._size("K", "generator")

    @property
    def latent_size(self) -> int:
        """How many channels Z a latent has. Raises BundleError."""
        return self._size("Z", "motion_decoder")

    @property
    def content_size(self) -> int:
        """How many channels C a content code has. Raises BundleError."""
        return self._size("C", "generator")

    def _size(self, axis: str, graph: str) -> int:
        self.session(graph)
        return self._sizes[axis]

    def session(self, name: str) -> InferenceSession:
        """One graph, loaded and checked against its signature. Raises BundleError."""
        if name not in self._sessions:
            session = open_session(self.bundle.graph(name), f"{name} of {self.bundle.path}")
            self._check(name, session)
            self._sessions[name] = session
        return self._sessions[name]

    def _check(self, name: str, session: InferenceSession) -> None:
        """Refuse a graph that takes or gives something else than its signature, or than the other
        graphs and the styles, as far as it declares that. Raises BundleError.
        """
        signature = GRAPHS[name]
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if {entry.name for entry in inputs} != set(signature.inputs):
            raise self._misfit(name, f"takes {_listed(inputs)}", ", ".join(signature.inputs))
        if len(outputs) != len(signature.outputs):
            raise self._misfit(name, f"gives {_listed(outputs)}", ", ".join(signature.outputs))
        entries = [(entry, signature.inputs[entry.name], "takes") for entry in inputs]
        entries += [
            (entry, axes, "gives")
            for entry, axes in zip(outputs, signature.outputs.values(), strict=True)
        ]
        for entry, axes, verb in entries:
            if entry.type != "tensor(float)" or not self._fits(entry.shape, axes):
                raise self._misfit(
                    name,
                    f"{verb} {_quoted(entry.name)} as {entry.type} {str(entry.shape)[:80]}",
                    f"tensor(float) {self._shape(axes)}",
                )

    def _fits(
        self, shape: Sequence[int | str | None], axes: tuple[Axis, ...], frames: int | None = None
    ) -> bool:
        """Whether a shape, in which all but numbers is free, has these axes behind that of the
        batch. A size that it is the first to fix holds for all graphs; frames: how many the clip
        has, None where any number has to fit.
        """
        if len(shape) != 1 + len(axes) or (isinstance(shape[0], int) and shape[0] != 1):
            return False
        for size, axis in zip(shape[1:], axes, strict=True):
            if not isinstance(size, int):
                continue
            if axis in FRAMES:
                wanted = None if frames is None else frames // FRAMES[str(axis)]
            else:
                wanted = axis if isinstance(axis, int) else self._sizes.setdefault(axis, size)
            if size != wanted:
                return False
        return True

    def _misfit(self, name: str, found: str, expected: str) -> BundleError:
        return BundleError(
            f"the graph {name} of {self.bundle.path} {found}, expected {expected}; export the "
            f"bundle again"
        )

    def _shape(self, axes: tuple[Axis, ...]) -> str:
        """Axes for a message, behind that of the batch."""
        return str([1, *(self._sizes.get(str(axis), axis) for axis in axes)])

    def _run(
        self, name: str, session: InferenceSession | None = None, **inputs: np.ndarray
    ) -> list[np.ndarray]:
        """session: instead of the one that the bundle's graph has"""
        checked, signature = self.session(name), GRAPHS[name]
        session = session or checked
        given = {key: np.ascontiguousarray(value, np.float32) for key, value in inputs.items()}
        outputs = run_session(session, given, f"{name} of {self.bundle.path}")
        frames = next(
            given[key].shape[1 + axes.index(axis)] * step
            for key, axes in signature.inputs.items()
            for axis, step in FRAMES.items()
            if axis in axes
        )
        for found, (output, axes) in zip(outputs, signature.outputs.items(), strict=True):
            if not self._fits(found.shape, axes, frames):
                raise self._misfit(
                    name,
                    f"gives {output} of shape {list(found.shape)} for {frames} frames",
                    self._shape(axes),
                )
        return outputs


def _listed(entries: Sequence[Any]) -> str:
    return ", ".join(_quoted(entry.name) for entry in entries[:8]) or "nothing"


def _quoted(name: str) -> str:
    """A name in a graph for a message: on one line, not longer than that can bear."""
    return repr(name if len(name) <= 40 else name[:37] + "...")
