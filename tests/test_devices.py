"""What a process computes with, and whether half precision is faster there, which only the machine
itself can tell.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from kinestyle.errors import DataError  # noqa: E402
from kinestyle.learn.loop import devices  # noqa: E402
from kinestyle.learn.loop.devices import CPU, bfloat16_is_faster, find_device  # noqa: E402


@pytest.fixture(autouse=True)
def forgotten():
    bfloat16_is_faster.cache_clear()
    yield
    bfloat16_is_faster.cache_clear()


@pytest.mark.parametrize(("half", "whole", "faster"), [(1.0, 2.0, True), (2.0, 1.0, False)])
def test_the_measured_time_decides(monkeypatch, half, whole, faster):
    monkeypatch.setattr(devices, "_seconds", lambda dtype: half if dtype.itemsize == 2 else whole)
    assert bfloat16_is_faster(CPU) is faster


def test_it_agrees_with_what_the_processor_says_of_itself():
    """A processor without any vector unit for bfloat16 only imitates it."""
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("the processor's flags are not to be read here")
    words = set(flags.read_text(encoding="utf-8").split())
    if not words & {"avx512f", "amx_bf16", "avx512_bf16", "asimd"}:
        assert not bfloat16_is_faster(CPU)
    elif words & {"amx_bf16", "avx512_bf16"}:
        assert bfloat16_is_faster(CPU)


@pytest.mark.parametrize(("has_it", "faster"), [(True, True), (False, False)])
def test_a_gpu_is_asked_whether_it_has_bfloat16(monkeypatch, has_it, faster):
    """Those before 2020 imitate it, like processors without vector units for it."""
    asked = []

    def is_bf16_supported(including_emulation):
        asked.append(including_emulation)
        return has_it

    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert bfloat16_is_faster(torch.device("cuda", 0)) is faster
    assert asked == [False]


@pytest.mark.parametrize("macos_14", [True, False])
def test_an_apple_gpu_has_bfloat16_from_a_version_on(monkeypatch, macos_14):
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *at_least: macos_14)
    assert bfloat16_is_faster(torch.device("mps")) is macos_14


@pytest.fixture
def machine(monkeypatch):
    """Says how many GPUs there are, and which process of how many this is."""

    def have(gpus=0, rank=0, processes=1, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))

    return have


@pytest.mark.parametrize(
    ("kind", "has", "device"),
    [
        (None, {}, "cpu"),
        (None, {"gpus": 1}, "cuda:0"),
        (None, {"mps": True}, "cpu"),
        (None, {"gpus": 2, "rank": 1, "processes": 2}, "cuda:1"),
        (None, {"gpus": 1, "rank": 0, "processes": 2}, "cpu"),
        ("cpu", {"gpus": 1}, "cpu"),
        ("cuda", {"gpus": 2}, "cuda:0"),
        ("mps", {"mps": True}, "mps"),
    ],
)
def test_the_device_of_a_process(machine, kind, has, device):
    machine(**has)
    assert str(find_device(kind)) == device


@pytest.mark.parametrize(
    ("kind", "has", "sentence"),
    [
        ("cuda", {}, r"--device cuda: torch \S+ finds 0 GPUs here for 1 processes"),
        ("cuda", {"gpus": 1, "processes": 2}, "finds 1 GPUs here for 2 processes"),
        ("mps", {"gpus": 1}, r"--device mps: torch \S+ finds no Apple GPU here"),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, kind, has, sentence):
    machine(**has)
    with pytest.raises(DataError, match=sentence):
        find_device(kind)
