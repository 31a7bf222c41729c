"""A released model: one zip file of ONNX graphs and a manifest, the only bridge between training
and the runtime.
"""

from kinestyle.bundle.file import (
    DEFAULT,
    UNSUPERVISED,
    Bundle,
    named_bundles,
    released_path,
    shipped,
    write_bundle,
)
from kinestyle.bundle.manifest import FORMAT, PRIOR, Manifest, Tempo
from kinestyle.bundle.signatures import GRAPHS, Signature
from kinestyle.bundle.style import Style

__all__ = [
    "DEFAULT",
    "FORMAT",
    "GRAPHS",
    "PRIOR",
    "UNSUPERVISED",
    "Bundle",
    "Manifest",
    "Signature",
    "Style",
    "Tempo",
    "named_bundles",
    "released_path",
    "shipped",
    "write_bundle",
]
