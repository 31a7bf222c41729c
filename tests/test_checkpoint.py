"""Checkpoints: whole or refused, and on the CPU wherever they were made."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.errors import DataError  # noqa: E402
from kinestyle.learn.loop.checkpoint import (  # noqa: E402
    load_checkpoint,
    require_configuration,
    save_checkpoint,
)

CONTENT = {
    "config": {"loop": {"steps": 3, "betas": (0.9, 0.99)}, "left_out": [], "rig": None},
    "network": {"weight": torch.arange(12.0).reshape(3, 4), "count": torch.tensor(7)},
    "sampler": {"state": {"state": 2**127 + 1, "inc": 3}, "has_uint32": 0},
    "validation": {"score": float("-inf")},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "trained.pt", CONTENT)
    return tmp_path / "trained.pt"


def test_it_is_loaded_as_it_was_saved(path: Path) -> None:
    loaded = load_checkpoint(path)
    networks = loaded.pop("network"), CONTENT["network"]
    assert loaded == {key: value for key, value in CONTENT.items() if key != "network"}
    assert all(torch.equal(networks[0][name], value) for name, value in networks[1].items())
    assert torch.equal(torch.load(path)["network"]["weight"], networks[1]["weight"]), (
        "torch is to read it too"
    )


def test_no_flipped_bit_goes_unnoticed(path: Path) -> None:
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    places = {
        0,
        1,
        len(whole) - 1,
        len(whole) - 64,
        len(whole) - 65,
        *random.integers(len(whole), size=300),
    }
    for place in map(int, places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"trained\.pt is damaged"):
            load_checkpoint(path)


class Malicious:
    def __reduce__(self) -> Any:
        return print, ("this must not be run",)


def plain(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "file",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: whole + b"\0",
        lambda whole: b"junk" * 1000,
        lambda whole: pickle.dumps(Malicious()),
        lambda whole: plain(Malicious()),
        lambda whole: plain(CONTENT),
    ],
    ids=["empty", "half", "one byte less", "one more", "junk", "pickle", "torch pickle", "plain"],
)
def test_what_is_no_whole_checkpoint_is_one_sentence(
    path: Path, capsys: pytest.CaptureFixture[str], file: Callable[[bytes], bytes]
) -> None:
    path.write_bytes(file(path.read_bytes()))
    with pytest.raises(DataError) as refused:
        load_checkpoint(path)
    assert str(refused.value) == (
        f"{path} is damaged, or not what this version of Kinestyle writes (its checksum is not "
        f"that of its content); delete it to start that stage over, or copy it again"
    )
    assert capsys.readouterr().out == ""


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "trained.pt", {"config": Malicious()})
    with pytest.raises(DataError, match=r"trained\.pt is damaged.*Weights only load failed"):
        load_checkpoint(tmp_path / "trained.pt")
    assert capsys.readouterr().out == ""


def test_a_checkpoint_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "trained.pt").mkdir()
    with pytest.raises(DataError, match=r"trained\.pt cannot be read: Is a directory"):
        load_checkpoint(tmp_path / "trained.pt")


def test_a_checkpoint_of_another_kind_is_refused(path: Path) -> None:
    """As where checkpoint.pt was copied to trained.pt."""
    assert "network" in load_checkpoint(path, "network")
    with pytest.raises(DataError, match=r"expected config, network, optimizer in it"):
        load_checkpoint(path, "network", "optimizer")
    save_checkpoint(path, [1, 2])
    with pytest.raises(DataError, match="expected config in it"):
        load_checkpoint(path)


def test_another_configuration_is_refused(path: Path) -> None:
    loaded = load_checkpoint(path)
    require_configuration(path, loaded, CONTENT["config"])
    with pytest.raises(DataError, match=r"trained\.pt was made with another configuration"):
        require_configuration(path, loaded, {**CONTENT["config"], "left_out": ["bandai1"]})


class OnGpu(torch.Tensor):
    """A tensor that is on a GPU as far as anyone can tell, on a machine without one."""

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> OnGpu:
        made = torch.Tensor._make_wrapper_subclass(
            cls, real.shape, dtype=real.dtype, device="cuda:0"
        )
        made.real_one = real
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.detach.default:
            return OnGpu(args[0].real_one)
        assert func is torch.ops.aten._to_copy.default, f"{func} of a tensor on a GPU"
        assert kwargs["device"] == torch.device("cpu")
        return args[0].real_one.clone()


def test_tensors_of_a_gpu_are_saved_on_the_cpu(tmp_path: Path) -> None:
    real = torch.randn(3, 4)
    on_gpu = OnGpu(real)
    assert on_gpu.device.type == "cuda"
    content = {"network": {"weight": on_gpu}, "optimizer": {"groups": [{"sums": (on_gpu, 1.0)}]}}
    save_checkpoint(tmp_path / "trained.pt", content)
    loaded = torch.load(tmp_path / "trained.pt", weights_only=True)  # wherever its tensors say
    for tensor in (loaded["network"]["weight"], loaded["optimizer"]["groups"][0]["sums"][0]):
        assert tensor.device.type == "cpu"
        assert torch.equal(tensor, real)


def test_what_says_it_is_of_a_gpu_is_loaded_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        save_checkpoint(tmp_path / "trained.pt", CONTENT)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
            torch.load(tmp_path / "trained.pt", weights_only=True)
    assert load_checkpoint(tmp_path / "trained.pt")["network"]["weight"].device.type == "cpu"
