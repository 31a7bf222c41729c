"""Bundles that are damaged or made to do harm: each is refused with one sentence, in no time and
with little memory, and nothing outside of the file is read.
"""

from __future__ import annotations

import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hostile_bundles import ARCHIVES, GRAPHS, MANIFESTS, Members, message, packed, with_graphs
from kinestyle.bundle import Bundle, Manifest, write_bundle
from kinestyle.cli import main
from kinestyle.errors import BundleError
from kinestyle.motion.clip import Clip
from kinestyle.runtime.external_data import MESSAGES, refuse_external_data
from kinestyle.runtime.stylizer import Stylizer

pytestmark = pytest.mark.usefixtures("time_limit")


@pytest.fixture(scope="module")
def members(tiny_bundle: Path) -> Members:
    with zipfile.ZipFile(tiny_bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return tmp_path / "bad.kinestyle"


def sentence_of(command: str, *arguments: str | Path) -> str:
    """The one line with which a command is refused."""
    result = CliRunner().invoke(main, [command, *map(str, arguments)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("kinestyle: ")
    assert line.isprintable()
    assert len(line) < 700
    return line


def restyled(bundle: Path, walk_file: Path, out: Path) -> str:
    options = ("--style", "proud", "--bundle", bundle, "-o", out)
    sentence = sentence_of("stylize", walk_file, *options)
    assert not out.exists()
    return sentence


@pytest.mark.parametrize("case", [*MANIFESTS, *ARCHIVES])
def test_a_bundle_is_refused_when_it_is_opened(members: Members, bad: Path, case: str) -> None:
    bad.write_bytes((MANIFESTS | ARCHIVES)[case](members))
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match=r"bad\.kinestyle") as caught:
            Bundle.open(bad)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()
    assert sentence_of("styles", "--bundle", bad) == f"kinestyle: {caught.value}"


@pytest.mark.parametrize("case", GRAPHS)
def test_a_graph_is_refused_when_it_is_needed(
    members: Members, bad: Path, walk_file: Path, tmp_path: Path, case: str
) -> None:
    bad.write_bytes(GRAPHS[case](members))
    assert "bad.kinestyle" in restyled(bad, walk_file, tmp_path / "out.bvh")


def test_what_is_wrong_is_said(members: Members, bad: Path) -> None:
    for case, sentence in {
        "hashes missing": "sha256.motion_encoder: found nothing, expected the SHA-256 of this",
        "two styles of one name": 'styles[1].name: found "one/proud", expected a name that no',
        "mean short": "styles[0].deviation: found [0.5, 0.5, ",
        "deviation short": "styles[0].deviation: found [0.5], expected as many numbers as mean has",
        "score as text": 'training.validation.autoencoder.score: found "x", expected a number',
        "training null": "training: found null, expected an object",
        "manifest of 256 megabytes": "manifest.json has 268435456 bytes, more than the limit of",
        "manifest packed with lzma": "manifest.json is packed in a way that is not read here",
    }.items():
        bad.write_bytes((MANIFESTS | ARCHIVES)[case](members))
        with pytest.raises(BundleError, match=re.escape(sentence)):
            Bundle.open(bad)


# ---------------------------------------------------------------- what is no file


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "it.kinestyle"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    expected = "is a folder" if kind == "folder" else "is not a regular file"
    assert expected in sentence_of("styles", "--bundle", path)
    with pytest.raises(BundleError, match=expected):
        Stylizer.load(path)


# ---------------------------------------------------------------- weights elsewhere


def test_no_file_is_read_as_a_weight(
    members: Members, bad: Path, walk_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A weight that lies in the working folder, in a graph that is sound but for that."""
    onnx = pytest.importorskip("onnx")

    def outsourced(members: Members) -> Members:
        model = onnx.load_from_string(members["generator.onnx"])
        weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        (tmp_path / "weights.bin").write_bytes(weight.raw_data)
        onnx.external_data_helper.set_external_data(weight, "weights.bin")
        weight.ClearField("raw_data")
        return {"generator.onnx": model.SerializeToString()}

    bad.write_bytes(with_graphs(outsourced)(members))
    monkeypatch.chdir(tmp_path)
    sentence = restyled(bad, walk_file, tmp_path / "out.bvh")
    assert "generator of" in sentence
    assert "takes weights from another file, which is never read" in sentence


def test_every_way_from_a_model_to_a_tensor_is_looked_through() -> None:
    """The table has every field of ONNX's own definition through which a tensor can be reached."""
    onnx = pytest.importorskip("onnx")

    def leads_to_tensor(descriptor: object, seen: tuple[str, ...] = ()) -> bool:
        name = descriptor.name  # type: ignore[attr-defined]
        return name == "TensorProto" or any(
            field.message_type is not None
            and field.message_type.name not in seen
            and leads_to_tensor(field.message_type, (*seen, name))
            for field in descriptor.fields  # type: ignore[attr-defined]
        )

    found: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        descriptor = waiting.pop()
        inner = {
            field.number: field.message_type
            for field in descriptor.fields
            if field.message_type is not None and leads_to_tensor(field.message_type)
        }
        found[descriptor.name] = {number: message.name for number, message in inner.items()}
        waiting += [message for message in inner.values() if message.name not in found]
    assert found == MESSAGES


@pytest.mark.parametrize(
    "graph",
    [
        b"\x3a",  # a field without its length
        b"\x3a\x05\x00",  # longer than the file
        b"\xff" * 11,  # a number without an end
        message(7, b"\x2b\x2c"),  # a group, which nobody writes
        message(2**29 + 7, b""),  # the number of a field that some readers take for 7
        message(7, b"\x00\x00"),  # a field without a number
        b"\x08\x01" * (2**17 + 1),  # more fields than any graph of ours
    ],
)
def test_what_is_no_protobuf_is_refused(graph: bytes) -> None:
    with pytest.raises(BundleError, match="the graph it is no sound ONNX file"):
        refuse_external_data(graph, "it")


def test_sound_graphs_are_not_refused(members: Members) -> None:
    for name, graph in members.items():
        if name.endswith(".onnx"):
            refuse_external_data(graph, name)
    # the field that says where data is, saying that it is here
    refuse_external_data(message(7, message(5, b"\x70\x00")), "it")


# ---------------------------------------------------------------- shapes


def test_outputs_of_another_shape_than_they_should_have_are_refused(
    tmp_path: Path, tiny_manifest: Manifest, tiny_graphs: dict[str, bytes], walk_clip: Clip
) -> None:
    """A graph may leave open how large its output is."""
    onnx = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    taken = helper.make_tensor_value_info("features", real, [1, "time", 260])
    given = helper.make_tensor_value_info("velocity", real, ["a", "b", "c"])
    constants = [
        onnx.numpy_helper.from_array(np.array(value), name)
        for name, value in (("start", [0, 3]), ("stop", [5, 5]), ("axes", [1, 2]))
    ]
    node = helper.make_node("Slice", ["features", "start", "stop", "axes"], ["velocity"])
    graph = helper.make_graph([node], "g", [taken], [given], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "short.kinestyle"
    write_bundle(path, tiny_manifest, tiny_graphs | {"global_motion": model.SerializeToString()})
    sentence = r"gives velocity of shape \[1, 5, 2\] for \d+ frames, expected \[1, 'T', 2\]"
    with pytest.raises(BundleError, match=sentence):
        Stylizer.load(path).stylize(walk_clip, "proud")


def test_sizes_have_to_agree_between_graphs_and_styles(
    members: Members, bad: Path, walk_file: Path, tmp_path: Path
) -> None:
    bad.write_bytes(GRAPHS["styles of another size than the graphs"](members))
    sentence = restyled(bad, walk_file, tmp_path / "out.bvh")
    assert re.search(
        r"\[1, 6\], expected tensor\(float\) \[1, 5\]; export the bundle again", sentence
    )


def test_the_members_of_a_bundle_packed_again_are_a_bundle(members: Members, bad: Path) -> None:
    """So that the cases above are refused for what was changed in them."""
    bad.write_bytes(with_graphs(lambda members: {})(members))
    assert Bundle.open(bad).manifest == Bundle.open(bad).manifest
    bad.write_bytes(packed(members, zipfile.ZIP_STORED))
    assert len(Bundle.open(bad).styles) == 4
