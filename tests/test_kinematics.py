"""The operations that losses need, in torch, against the same in numpy."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from kinestyle.learn.nets import kinematics
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.skeleton import forward_kinematics, world_to_local_rotation
from made_rigs import any_rotations

DTYPES = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float64, 1e-12)]
)


def as_tensor(array: rotation.Array, dtype: torch.dtype) -> torch.Tensor:
    return torch.as_tensor(array).to(dtype)


@DTYPES
def test_sixd_to_matrix(dtype: torch.dtype, tolerance: float) -> None:
    exact = rotation.to_sixd(any_rotations(0, 3, 5, 21))
    loose = exact * 1.7 + 0.1 * np.random.default_rng(1).standard_normal(
        exact.shape
    )  # as a network gives it
    for sixd in (exact, loose):
        found = kinematics.sixd_to_matrix(as_tensor(sixd, dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found.numpy(), rotation.to_matrix(rotation.from_sixd(sixd)), atol=tolerance, rtol=0.0
        )


@DTYPES
def test_joint_position(dtype: torch.dtype, tolerance: float) -> None:
    world = any_rotations(2, 4, 6, 21)
    local_position = CANONICAL.offsets * (np.arange(21) > 0)[:, None]
    position, _ = forward_kinematics(
        CANONICAL, local_position, world_to_local_rotation(CANONICAL, world)
    )
    found = kinematics.joint_position(as_tensor(rotation.to_matrix(world), dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), position, atol=tolerance, rtol=0.0)


@DTYPES
def test_geodesic(dtype: torch.dtype, tolerance: float) -> None:
    a, b = any_rotations(3, 100), any_rotations(4, 100)
    angle = rotation.angle(rotation.multiply(rotation.inverse(a), b))
    inside = (angle > 0.1) & (angle < 3.0)
    found = kinematics.geodesic(*(as_tensor(rotation.to_matrix(q), dtype) for q in (a, b))).numpy()
    np.testing.assert_allclose(found[inside], angle[inside], atol=20 * tolerance, rtol=0.0)
    # held off 0 and pi by so little that no loss sees it
    np.testing.assert_allclose(found, angle, atol=2e-3)


@DTYPES
@pytest.mark.parametrize("angle", [0.0, 1e-6, 1.0, np.pi])
def test_geodesic_has_a_gradient_everywhere(
    dtype: torch.dtype, tolerance: float, angle: float
) -> None:
    a = as_tensor(rotation.to_matrix(any_rotations(5, 10)), dtype).requires_grad_()
    b = as_tensor(
        rotation.to_matrix(
            rotation.multiply(any_rotations(5, 10), rotation.exp(np.array([0.0, angle, 0.0])))
        ),
        dtype,
    )
    found = kinematics.geodesic(a, b)
    found.sum().backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()
    np.testing.assert_allclose(found.detach().numpy(), angle, atol=2e-3 + 20 * tolerance)


@DTYPES
def test_gradients_through_sixd_to_positions(dtype: torch.dtype, tolerance: float) -> None:
    sixd = as_tensor(rotation.to_sixd(any_rotations(6, 2, 21)), dtype).requires_grad_()
    kinematics.joint_position(kinematics.sixd_to_matrix(sixd))[
        ..., CANONICAL.index("left_hand"), :
    ].sum().backward()
    assert sixd.grad is not None
    assert torch.isfinite(sixd.grad).all()
    # the hand hangs from the hips by the joints of its own arm and the trunk; it does not turn with
    # itself
    chain = [*CANONICAL.ancestors(CANONICAL.index("left_hand"))]
    moves = sixd.grad.abs().sum(dim=(0, 2)) > tolerance
    assert set(torch.nonzero(moves)[:, 0].tolist()) == set(chain)
