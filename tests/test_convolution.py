"""The convolution that training uses, against torch's own."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from kinestyle.learn.nets.convolution import TimeConvolution, conv_as_matmul, convolve  # noqa: E402

SHAPES = pytest.mark.parametrize(("width", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
FRAMES = pytest.mark.parametrize("frames", [1, 2, 7, 16])


def pair(width: int, stride: int) -> tuple[TimeConvolution, nn.Conv1d]:
    torch.manual_seed(0)
    ours = TimeConvolution(6, 4, width, stride)
    torch.manual_seed(0)
    padding_mode = "replicate" if width > 1 else "zeros"
    return ours, nn.Conv1d(6, 4, width, stride, padding=width // 2, padding_mode=padding_mode)


@SHAPES
@FRAMES
def test_the_product_is_the_convolution(width: int, stride: int, frames: int) -> None:
    _, torchs = pair(width, stride)
    torchs = torchs.double()
    x = torch.randn(3, 6, frames, dtype=torch.float64, requires_grad=True)
    expected = torchs(x)
    found = convolve(x.transpose(1, 2).contiguous(), torchs.weight, torchs.bias, stride).transpose(
        1, 2
    )
    torch.testing.assert_close(found, expected)
    towards = torch.randn_like(expected)
    inputs = (x, torchs.weight, torchs.bias)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, towards), torch.autograd.grad(expected, inputs, towards)
    )


@SHAPES
def test_under_autocast_it_is_the_convolution_in_half_precision(width: int, stride: int) -> None:
    ours, torchs = pair(width, stride)
    x = torch.randn(3, 6, 16)
    with torch.autocast("cpu", torch.bfloat16), conv_as_matmul():
        found = ours(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), torchs(x), rtol=0.02, atol=0.02)
    found.float().square().sum().backward()
    torchs(x).square().sum().backward()
    for mine, theirs in zip(ours.parameters(), torchs.parameters(), strict=True):
        assert mine.grad.dtype == torch.float32
        torch.testing.assert_close(
            mine.grad, theirs.grad, rtol=0.05, atol=0.05 * float(theirs.grad.abs().max())
        )


@SHAPES
def test_by_products_it_is_the_convolution_in_the_same_precision(width: int, stride: int) -> None:
    ours, torchs = pair(width, stride)
    x = torch.randn(3, 6, 16)
    with conv_as_matmul():
        found = ours(x)
    assert found.dtype == torch.float32
    assert found.stride()[1] == 1, "channels lie side by side in memory, so it was a product"
    torch.testing.assert_close(found, torchs(x))
    found.square().sum().backward()
    torchs(x).square().sum().backward()
    for mine, theirs in zip(ours.parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


@SHAPES
def test_it_is_a_convolution_of_torch_in_everything_else(width: int, stride: int) -> None:
    ours, torchs = pair(width, stride)
    x = torch.randn(3, 6, 16)
    torch.testing.assert_close(
        ours(x), torchs(x)
    )  # the layout of weights may choose another kernel
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    assert all(
        torch.equal(ours.state_dict()[name], value) for name, value in torchs.state_dict().items()
    )


def test_what_needs_no_gradient_gets_none() -> None:
    ours, _ = pair(3, 1)
    ours.requires_grad_(False)
    x = torch.randn(3, 6, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16), conv_as_matmul():
        ours(x).float().sum().backward()
    assert x.grad is not None
    assert ours.weight.grad is None


def test_the_optimiser_treats_its_weights_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, torchs = pair(3, 1)
    assert not ours.weight.is_contiguous()
    for network in (ours, torchs):
        optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, fused=True)
        for step in range(3):
            torch.manual_seed(step)
            network(torch.randn(3, 6, 16)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, torchs.weight)
