"""Half precision is used where it is faster, which only the machine itself can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from kinestyle.learn.loop import precision
from kinestyle.learn.loop.precision import half_is_faster


@pytest.fixture(autouse=True)
def forgotten():
    half_is_faster.cache_clear()
    yield
    half_is_faster.cache_clear()


@pytest.mark.parametrize(("half", "whole", "faster"), [(1.0, 2.0, True), (2.0, 1.0, False)])
def test_the_measured_time_decides(monkeypatch, half, whole, faster):
    monkeypatch.setattr(precision, "_seconds", lambda dtype: half if dtype.itemsize == 2 else whole)
    assert half_is_faster("cpu") is faster


def test_it_agrees_with_what_the_processor_says_of_itself():
    """A processor without any vector unit for bfloat16 only imitates it."""
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("the processor's flags are not to be read here")
    words = set(flags.read_text(encoding="utf-8").split())
    if not words & {"avx512f", "amx_bf16", "avx512_bf16", "asimd"}:
        assert not half_is_faster("cpu")
    elif words & {"amx_bf16", "avx512_bf16"}:
        assert half_is_faster("cpu")
