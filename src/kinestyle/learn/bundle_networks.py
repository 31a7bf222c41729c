"""The networks of a released bundle, back in torch: a bundle is all that is needed to learn on.

Graphs name their weights as the networks do, and half of them in half precision; what comes out is
compared with the graphs themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from kinestyle.bundle import Bundle
from kinestyle.errors import BundleError
from kinestyle.learn.nets.networks import (
    POSE_CHANNELS,
    ContentEncoder,
    Generator,
    MotionDecoder,
    MotionEncoder,
    NetworkSizes,
    StyleEncoder,
)
from kinestyle.retarget.features import LAYOUT
from kinestyle.runtime.graphs import Graphs

TOLERANCE = 1e-2
"""Largest difference of a latent from what the graphs give, as a share of its root mean square."""

_OTHER_NAMES = {"deviation": "std"}
"""What weights were called in earlier bundles -> what they are now."""


@dataclass(frozen=True)
class BundleNetworks:
    """Frozen, without dropout."""

    motion_encoder: MotionEncoder
    motion_decoder: MotionDecoder
    content_encoder: ContentEncoder
    style_encoder: StyleEncoder
    generator: Generator


def networks_of(bundle: Bundle) -> BundleNetworks:
    """Raises BundleError where graphs are none of this package's networks."""
    sizes, labels = _sizes(bundle), bundle.manifest.label_numbers

    def statistics() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size)

    networks = BundleNetworks(
        MotionEncoder(sizes, *statistics()),
        MotionDecoder(sizes, *statistics()),
        ContentEncoder(sizes),
        StyleEncoder(sizes, labels),
        Generator(sizes, labels),
    )
    for field in fields(networks):
        _fill(getattr(networks, field.name), bundle, field.name)
    _compare(networks, bundle)
    return networks


def _sizes(bundle: Bundle) -> NetworkSizes:
    recipe: Any = bundle.manifest.training.get("recipe", {})
    found = recipe.get("sizes") if isinstance(recipe, dict) else None
    known = {field.name for field in fields(NetworkSizes)}
    if not isinstance(found, dict) or not set(found) <= known:
        raise _unfit(bundle, "it does not say of which sizes its networks are")
    stated: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
    }
    sizes = NetworkSizes(**stated)
    if sizes.latent == POSE_CHANNELS:
        raise _unfit(bundle, "its latents are poses")
    return sizes


def _fill(network: nn.Module, bundle: Bundle, name: str) -> None:
    weights = {}
    for constant in onnx.load_from_string(bundle.graph(name)).graph.initializer:
        called = constant.name.removesuffix("_half").removeprefix("style_encoder.")
        values = numpy_helper.to_array(constant).astype(np.float32)
        weights[_OTHER_NAMES.get(called, called)] = torch.from_numpy(values)
    own = network.state_dict()
    if any(key not in weights or weights[key].shape != value.shape for key, value in own.items()):
        raise _unfit(bundle, f"its {name} has other weights than its sizes say")
    network.load_state_dict({key: weights[key] for key in own})
    network.eval().requires_grad_(False)


def _compare(networks: BundleNetworks, bundle: Bundle) -> None:
    graphs = Graphs(bundle)
    noise = torch.randn(1, 64, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = networks.motion_encoder.physical(noise)
        latent = networks.motion_encoder(features)
        style, _ = networks.style_encoder(latent)
        code = nn.functional.pad(style, (0, bundle.manifest.label_numbers))
        made = networks.generator(networks.content_encoder(latent), code)[0].numpy()
    content = graphs.content(graphs.encode(features[0].numpy()))
    expected = graphs.generate(content, code[0].numpy())
    off = float(np.abs(made - expected).max() / np.sqrt(np.mean(expected**2)))
    if not off <= TOLERANCE:
        raise _unfit(bundle, "its graphs compute something else than its networks")


def _unfit(bundle: Bundle, why: str) -> BundleError:
    return BundleError(f"nothing can be learned on {bundle.path.name}: {why}; take another bundle")
