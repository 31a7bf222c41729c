"""From trained networks to a released bundle: ONNX graphs with half-precision weights, checked against torch.

Weights are stored as float16 and cast to float32 when a graph is loaded, which halves the file and costs nothing in speed;
`verify` measures what it costs in precision.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from kinestyle.bundle import GRAPHS
from kinestyle.errors import BundleError
from kinestyle.learn.autoencoder import Autoencoder
from kinestyle.learn.classifiers import StyleContentClassifier
from kinestyle.learn.networks import GlobalMotionPredictor
from kinestyle.learn.stylizer import StylizerNetwork
from kinestyle.motion.features import LAYOUT

TOLERANCE = 2e-2
"""Largest error of a graph's output against torch's, as a share of the output's own root mean square."""


@dataclass(frozen=True)
class Signature:
    """How a graph is called: an example batch, and the names of inputs and outputs."""

    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def signatures(autoencoder: Autoencoder, stylizer: StylizerNetwork) -> dict[str, Signature]:
    """Example calls of every graph of a bundle."""
    features = autoencoder.encoder.physical(torch.randn(1, 64, LAYOUT.size))
    with torch.no_grad():
        latent = autoencoder.encoder(features)
        content = stylizer.content_encoder(latent)
        style, _ = stylizer.style_encoder(latent)
    return {
        "motion_encoder": Signature((features,), ("features",), ("latent",)),
        "content_encoder": Signature((latent,), ("latent",), ("content",)),
        "style_encoder": Signature((latent,), ("latent",), ("mean", "log_deviation")),
        "generator": Signature((content, style), ("content", "style"), ("latent",)),
        "motion_decoder": Signature((latent,), ("latent",), ("features",)),
        "global_motion": Signature((features,), ("features",), ("velocity",)),
    }


def to_graphs(autoencoder: Autoencoder, stylizer: StylizerNetwork, predictor: GlobalMotionPredictor) -> dict[str, bytes]:
    """The trained networks as ONNX files, verified. Raises BundleError where a graph does not do what its network does."""
    networks: Mapping[str, nn.Module] = {
        "motion_encoder": autoencoder.encoder,
        "content_encoder": stylizer.content_encoder,
        "style_encoder": stylizer.style_encoder,
        "generator": stylizer.generator,
        "motion_decoder": autoencoder.decoder,
        "global_motion": predictor,
    }
    graphs = {}
    for name, signature in signatures(autoencoder, stylizer).items():
        network = networks[name].eval()
        graphs[name] = to_graph(network, signature)
        verify(name, graphs[name], network, signature)
    assert tuple(graphs) == GRAPHS, f"graphs are {tuple(graphs)}, a bundle has {GRAPHS}"
    return graphs


def classifier_graph(network: StyleContentClassifier) -> bytes:
    """A classifier as an ONNX file: features -> style, content. Raises BundleError where graph and network differ."""
    features = network.style.physical(torch.randn(1, 96, LAYOUT.size))
    signature = Signature((features,), ("features",), ("style", "content"))
    graph = to_graph(network.eval(), signature)
    verify("judge", graph, network, signature)
    return graph


def to_graph(network: nn.Module, signature: Signature) -> bytes:
    """One network as an ONNX file whose time axis is free."""
    named = [*zip(signature.inputs, signature.example, strict=True)]
    dynamic = {name: {1 if name == "features" else 2: "time"} for name, value in named if value.ndim == 3}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # the exporter that is meant to follow needs another package and gives larger graphs
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            signature.example,
            buffer,  # type: ignore[arg-type]  # a file object is taken as well
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            dynamic_axes=dynamic,
            opset_version=17,
            dynamo=False,
        )
    return half_precision_weights(onnx.load_from_string(buffer.getvalue())).SerializeToString()


def half_precision_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with large constants stored as float16, each behind a cast that is folded when the graph is loaded."""
    casts = []
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if constant.data_type != TensorProto.FLOAT or values.size < 1024:
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def verify(name: str, graph: bytes, network: nn.Module, signature: Signature) -> float:
    """Run a graph beside its network, at another length than it was exported with; returns the largest relative error."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    longer = tuple(
        value if key == "style" else torch.cat([value, value], dim=1 if key == "features" else 2)
        for key, value in zip(signature.inputs, signature.example, strict=True)
    )
    with torch.no_grad():
        expected = network(*longer)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = session.run(None, {key: value.numpy() for key, value in zip(signature.inputs, longer, strict=True)})
    errors = []
    for wanted, got in zip(expected, found, strict=True):
        if tuple(wanted.shape) != got.shape:
            raise BundleError(f"the exported graph {name} gives shape {got.shape}, its network {tuple(wanted.shape)}")
        errors.append(float(np.abs(wanted.numpy() - got).max() / wanted.square().mean().sqrt()))
    worst = float(np.max(errors))  # not a number if one of them is not
    if not worst <= TOLERANCE:
        raise BundleError(
            f"the exported graph {name} differs from its network by {worst:.2g} of its output's size, more than {TOLERANCE}"
        )
    return worst
