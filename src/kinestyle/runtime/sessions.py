"""ONNX graphs as onnxruntime sessions. Only this module imports onnxruntime: `import kinestyle`, which
comes before it, has switched its telemetry off.
"""

from __future__ import annotations

import os

import onnxruntime
from onnxruntime import InferenceSession

from kinestyle.errors import BundleError

__all__ = ["InferenceSession", "open_session"]


def open_session(graph: bytes, name: str) -> onnxruntime.InferenceSession:
    """An onnxruntime session for one graph on the CPU. Raises BundleError, in which `name` says
    whose graph it is.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Spinning threads make a short call no faster, and everything beside it much slower.
    options.intra_op_num_threads = _threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise BundleError(f"the graph {name} cannot be loaded by onnxruntime ({error})") from None


def _threads() -> int:
    """As many as OMP_NUM_THREADS says, which numpy goes by as well; else one a core, up to four."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) > 0 else min(4, os.cpu_count() or 1)
