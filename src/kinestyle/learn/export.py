"""From trained networks to a released bundle: ONNX graphs with half-precision weights, checked
against torch.

Weights are stored as float16 and cast to float32 when a graph is loaded, which halves the file and
costs nothing in speed; `verify` measures what it costs in precision.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from kinestyle.bundle import GRAPHS
from kinestyle.errors import BundleError
from kinestyle.evaluate.judge import OUTPUTS
from kinestyle.learn.nets.networks import GlobalMotionPredictor, StyleEncoder
from kinestyle.learn.stages.autoencoder import Autoencoder
from kinestyle.learn.stages.classifiers import Labels, StyleContentClassifier
from kinestyle.learn.stages.paper import CERTAIN, PaperNetwork
from kinestyle.learn.stages.stylizer import StylizerNetwork
from kinestyle.retarget.features import LAYOUT
from kinestyle.runtime.sessions import open_session

TOLERANCE = 2e-2
"""Largest error of a graph's output against torch's, as a share of the output's own root mean
square.
"""


@dataclass(frozen=True)
class Signature:
    """How a graph is called: an example batch, and the names of inputs and outputs."""

    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def signatures(
    autoencoder: Autoencoder, stylizer: StylizerNetwork | PaperNetwork
) -> dict[str, Signature]:
    """Example calls of every graph of a bundle."""
    features = autoencoder.encoder.physical(torch.randn(1, 64, LAYOUT.size))
    with torch.no_grad():
        latent = autoencoder.encoder(features)
        content = stylizer.content_encoder(latent)
        style, _ = label_free(stylizer.style_encoder)(latent)
    tensors = {"features": features, "latent": latent, "content": content, "style": style}
    return {
        name: Signature(
            tuple(tensors[key] for key in graph.inputs), tuple(graph.inputs), tuple(graph.outputs)
        )
        for name, graph in GRAPHS.items()
    }


def label_free(style_encoder: StyleEncoder) -> nn.Module:
    """The style encoder as a bundle has it: latent -> style code, without a label."""
    return _LabelUnknown(style_encoder) if style_encoder.labels else style_encoder


class _LabelUnknown(nn.Module):
    """A style encoder that reads labels, asked about clips without one: the label's part of a code
    is zeros, and certain.
    """

    def __init__(self, style_encoder: StyleEncoder):
        super().__init__()
        self.style_encoder = style_encoder

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.style_encoder(latent)
        labels = (0, self.style_encoder.labels)
        return nn.functional.pad(mean, labels), nn.functional.pad(log_std, labels, value=CERTAIN)


def to_graphs(
    autoencoder: Autoencoder,
    stylizer: StylizerNetwork | PaperNetwork,
    predictor: GlobalMotionPredictor,
) -> dict[str, bytes]:
    """The trained networks as ONNX files, verified. Raises BundleError where a graph does not do
    what its network does.
    """
    networks: Mapping[str, nn.Module] = {
        "motion_encoder": autoencoder.encoder,
        "content_encoder": stylizer.content_encoder,
        "style_encoder": label_free(stylizer.style_encoder),
        "generator": stylizer.generator,
        "motion_decoder": autoencoder.decoder,
        "global_motion": predictor,
    }
    graphs = {}
    for name, signature in signatures(autoencoder, stylizer).items():
        network = networks[name].eval()
        graphs[name] = to_graph(network, signature)
        verify(name, graphs[name], network, signature)
    return graphs


class _Judging(nn.Module):
    """A classifier that also gives the vectors its logits come from, in the order of
    `judge.OUTPUTS`.
    """

    def __init__(self, classifier: StyleContentClassifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        heads = self.classifier.style, self.classifier.content
        vectors = [head.embed(head.normalize(features)) for head in heads]
        return *(head.head(vector) for head, vector in zip(heads, vectors, strict=True)), *vectors


def classifier_graph(network: StyleContentClassifier) -> bytes:
    """A classifier as a judge's graph: features -> `judge.OUTPUTS`. Raises BundleError where graph
    and network differ.
    """
    return judge_graph(_Judging(network), network.style.physical(torch.randn(1, 96, LAYOUT.size)))


def judge_graph(network: nn.Module, features: Tensor) -> bytes:
    """A network that maps features (B, T, 260) to `judge.OUTPUTS` as an ONNX file; `features` is an
    example.
    """
    signature = Signature((features,), ("features",), OUTPUTS)
    graph = to_graph(network.eval(), signature)
    verify("judge", graph, network, signature)
    return graph


def judge_file(graph: bytes, labels: Labels, **about: str) -> bytes:
    """A judge's graph with its labels and whatever else is to be known of it in its metadata."""
    model = onnx.load_from_string(graph)
    named = {"styles": json.dumps(labels.styles), "contents": json.dumps(labels.contents)}
    helper.set_model_props(model, {**named, **about})
    return model.SerializeToString()


def read_judge_file(path: Path) -> dict[str, str]:
    """What a judge's file says of itself; nothing where it is not there or damaged."""
    try:
        return {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    except (OSError, DecodeError):
        return {}


def to_graph(network: nn.Module, signature: Signature) -> bytes:
    """One network as an ONNX file whose time axis is free."""
    named = [*zip(signature.inputs, signature.example, strict=True)]
    dynamic = {
        name: {1 if name == "features" else 2: "time"} for name, value in named if value.ndim == 3
    }
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
    """The same graph with large constants stored as float16, each behind a cast that is folded when
    the graph is loaded.
    """
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
    """Run a graph beside its network, at another length than it was exported with; returns the
    largest relative error.
    """
    session = open_session(graph, name)
    longer = tuple(
        value if key == "style" else torch.cat([value, value], dim=1 if key == "features" else 2)
        for key, value in zip(signature.inputs, signature.example, strict=True)
    )
    with torch.no_grad():
        expected = network(*longer)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = session.run(
        None, {key: value.numpy() for key, value in zip(signature.inputs, longer, strict=True)}
    )
    errors = []
    for wanted, got in zip(expected, found, strict=True):
        if tuple(wanted.shape) != got.shape:
            raise BundleError(
                f"the exported graph {name} gives shape {got.shape}, its network "
                f"{tuple(wanted.shape)}"
            )
        errors.append(float(np.abs(wanted.numpy() - got).max() / wanted.square().mean().sqrt()))
    worst = float(np.max(errors))  # not a number if one of them is not
    if not worst <= TOLERANCE:
        raise BundleError(
            f"the exported graph {name} differs from its network by {worst:.2g} of its output's "
            f"size, more than {TOLERANCE}"
        )
    return worst
