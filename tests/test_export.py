"""From torch to ONNX: graphs do what their networks do, or are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from conftest import TinyNetworks  # noqa: E402
from kinestyle.errors import BundleError  # noqa: E402
from kinestyle.learn import export  # noqa: E402
from kinestyle.learn.data.corpus import Corpus, group_statistics  # noqa: E402
from kinestyle.learn.nets.networks import MotionEncoder  # noqa: E402
from kinestyle.learn.stages.classifiers import (  # noqa: E402
    ClassifierConfig,
    Labels,
    StyleContentClassifier,
)
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from kinestyle.runtime.stylizer import Stylizer  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")


def test_exported_graphs_do_what_their_networks_do(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    autoencoder, stylizer, predictor = (
        tiny_networks.autoencoder,
        tiny_networks.stylizer,
        tiny_networks.predictor,
    )
    networks = {
        "motion_encoder": autoencoder.encoder,
        "content_encoder": stylizer.content_encoder,
        "style_encoder": stylizer.style_encoder,
        "generator": stylizer.generator,
        "motion_decoder": autoencoder.decoder,
        "global_motion": predictor,
    }
    signatures = export.signatures(autoencoder, stylizer)
    assert set(signatures) == set(tiny_graphs) == set(networks)
    for name, signature in signatures.items():
        assert (
            export.verify(name, tiny_graphs[name], networks[name], signature)
            < 0.5 * export.TOLERANCE
        )


@pytest.mark.parametrize("off", [0.05, -1.0, float("nan")])
def test_a_graph_that_differs_from_its_network_is_refused(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes], off: float
) -> None:
    encoder = tiny_networks.autoencoder.encoder
    signature = export.signatures(tiny_networks.autoencoder, tiny_networks.stylizer)[
        "motion_encoder"
    ]
    other = MotionEncoder(tiny_networks.sizes, encoder.mean, encoder.std)
    other.load_state_dict(encoder.state_dict())
    export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)
    with torch.no_grad():
        other.latent.weight.mul_(1.0 + off)
    with pytest.raises(
        BundleError, match=r"exported graph motion_encoder differs from its network by"
    ):
        export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)


def test_a_graph_of_another_shape_is_refused(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    encoder = tiny_networks.autoencoder.encoder
    signature = export.signatures(tiny_networks.autoencoder, tiny_networks.stylizer)[
        "motion_encoder"
    ]
    other = MotionEncoder(
        replace(tiny_networks.sizes, latent=tiny_networks.sizes.latent + 2),
        encoder.mean,
        encoder.std,
    )
    with pytest.raises(
        BundleError, match=r"exported graph motion_encoder gives shape .*, its network"
    ):
        export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)


def test_large_weights_are_stored_in_half_precision(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    model = onnx.load_from_string(tiny_graphs["motion_encoder"])
    onnx.checker.check_model(model)
    arrays = [onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer]
    large = [array for array in arrays if array.dtype.kind == "f" and array.size >= 1024]
    assert large
    assert all(array.dtype == np.float16 for array in large)
    weight = tiny_networks.autoencoder.encoder.layers[0].weight.detach().numpy()
    stored = next(array for array in large if array.shape == weight.shape)
    np.testing.assert_allclose(stored, weight, rtol=1e-3, atol=1e-6)
    # mean and std are too small to be worth it
    assert any(array.dtype == np.float32 and array.size == LAYOUT.size for array in arrays)


def test_a_graph_runs_at_lengths_it_was_not_exported_with(
    tiny: Stylizer, tiny_networks: TinyNetworks
) -> None:
    for frames in (16, 40, 200):
        features = (
            np.random.default_rng(frames).normal(size=(frames, LAYOUT.size)).astype(np.float32)
        )
        with torch.no_grad():
            wanted = tiny_networks.autoencoder.encoder(torch.from_numpy(features)[None])[0].numpy()
        np.testing.assert_allclose(
            tiny.graphs.encode(features), wanted, atol=0.02 * np.sqrt((wanted**2).mean()) + 1e-6
        )


def test_a_classifier_is_exported_with_two_heads(corpus: Corpus) -> None:
    labels = Labels.of(corpus)
    assert labels.styles == ("bandai1/calm", "bandai1/proud", "bandai2/calm", "bandai2/proud")
    assert labels.contents == (
        "bandai1/turn-left",
        "bandai1/walk",
        "bandai2/turn-left",
        "bandai2/walk",
    )
    graph = onnx.load_from_string(
        export.classifier_graph(
            StyleContentClassifier(
                labels, ClassifierConfig(width=8), *group_statistics(corpus.features)
            )
        )
    )
    assert [output.name for output in graph.graph.output] == [
        "style",
        "content",
        "style_vector",
        "content_vector",
    ]
