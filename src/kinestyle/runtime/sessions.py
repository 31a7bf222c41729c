"""ONNX graphs as onnxruntime sessions. Only this module imports onnxruntime; `import kinestyle`,
which comes before it, has switched its telemetry off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import onnxruntime
from onnxruntime import InferenceSession, OrtValue

from kinestyle.errors import BundleError
from kinestyle.runtime.external_data import refuse_external_data

__all__ = ["InferenceSession", "open_session", "run_session"]

_LARGE_BYTES = 2**22
"""Of inputs, for which the memory of a run is given back."""


def open_session(
    graph: bytes, name: str, values: Mapping[str, np.ndarray] | None = None
) -> onnxruntime.InferenceSession:
    """An onnxruntime session for one graph on the CPU. Raises BundleError, in which `name` says
    whose graph it is.

    values: constants that are taken instead of the graph's own, by their names
    """
    refuse_external_data(graph, name)
    options = onnxruntime.SessionOptions()
    # not the format of onnxruntime's own, which was not looked through for external data
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 3
    # Spinning threads make a short call no faster, and everything beside it much slower.
    options.intra_op_num_threads = _threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    taken = {key: OrtValue.ortvalue_from_numpy(value) for key, value in (values or {}).items()}
    for key, value in taken.items():
        options.add_initializer(key, value)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        session.constants = taken  # which have to live as long as it does
        return session
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise _refusal(error, f"the graph {name} cannot be loaded by onnxruntime") from None


def run_session(
    session: InferenceSession, inputs: Mapping[str, np.ndarray], name: str
) -> list[np.ndarray]:
    """All outputs for inputs by their names; `name` as in `open_session`. Raises BundleError where
    the graph fails on them, and MemoryError.
    """
    options = onnxruntime.RunOptions()
    if sum(value.nbytes for value in inputs.values()) > _LARGE_BYTES:
        # a session keeps what a run took, which the next long clip may never ask for
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    try:
        return session.run(None, dict(inputs), options)
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise _refusal(error, f"the graph {name} cannot be run") from None


def _refusal(error: Exception, found: str) -> Exception:
    """What onnxruntime says, as one of the exceptions that callers know."""
    said = str(error).partition("\n")[0][:200]
    if isinstance(error, MemoryError) or "allocate memory" in said or "bad_alloc" in said:
        return MemoryError(said)
    return BundleError(f"{found} ({said}); copy or export it again")


def _threads() -> int:
    """As many as OMP_NUM_THREADS says, which numpy goes by as well; else one a core, up to four."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) > 0 else min(4, os.cpu_count() or 1)
