"""The networks that compete with stage 2: each side learns, and from its own loss only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from kinestyle.learn.stages.adversaries import (  # noqa: E402
    Critic,
    StyleAdversary,
    adversarial_confusion,
    adversary_loss,
    critic_loss,
    generator_adversarial_loss,
)
from kinestyle.learn.stages.classifiers import UNKNOWN  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from small_training import SIZES  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")

STYLE = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def descend(
    parameters: list[Tensor], loss_of: Callable[[], Tensor], steps: int = 40
) -> tuple[float, float]:
    """The loss before and after steps towards its minimum."""
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[-1]


def styled_content() -> Tensor:
    """(8, C, 4) content codes that show the style."""
    code = 0.3 * torch.randn(3, SIZES.content_code, 1)
    return code[STYLE] + 0.05 * torch.randn(len(STYLE), SIZES.content_code, 4)


def test_the_adversary_learns_a_style_that_content_codes_show_until_they_hide_it() -> None:
    adversary, content = StyleAdversary(SIZES, 3), styled_content().requires_grad_()
    parameters = list(adversary.parameters())
    before, after = descend(parameters, lambda: adversary_loss(adversary, content, STYLE))
    assert after < 0.2 * before
    assert content.grad is None
    adversary.zero_grad()
    confused = torch.log(torch.tensor(3.0)).item()
    before, after = descend([content], lambda: adversarial_confusion(adversary, content), steps=150)
    assert before > 1.5 * confused
    assert after == pytest.approx(confused, abs=0.05)
    assert all(parameter.grad is None for parameter in parameters)


def test_the_critic_tells_results_from_real_clips_until_they_look_real() -> None:
    critic = Critic(3, width=16)
    real, result = torch.randn(8, 16, LAYOUT.size), torch.randn(8, 16, LAYOUT.size) + 0.5
    result.requires_grad_()
    target = STYLE.roll(1)
    parameters = list(critic.parameters())
    before, after = descend(
        parameters, lambda: critic_loss(critic, real, STYLE, result, target, noise=0.1)
    )
    assert before == pytest.approx(2.0, abs=0.3)
    assert after < 0.2 * before
    assert result.grad is None
    critic.zero_grad()
    before, after = descend(
        [result], lambda: generator_adversarial_loss(critic, result, target, noise=0.1)
    )
    assert before > 0.5
    assert after < before - 1.0
    assert all(parameter.grad is None for parameter in parameters)


@torch.no_grad()
def test_a_clip_without_a_style_teaches_neither() -> None:
    critic, adversary = Critic(3, width=16), StyleAdversary(SIZES, 3)
    nothing = torch.full_like(STYLE, UNKNOWN)
    content, motion = styled_content(), torch.randn(8, 16, LAYOUT.size)
    assert float(adversary_loss(adversary, content, nothing)) == 0.0
    torch.manual_seed(1)
    without = critic_loss(critic, motion, nothing, motion, STYLE, noise=0.1)
    torch.manual_seed(1)
    other = critic_loss(critic, 5.0 * motion, nothing, motion, STYLE, noise=0.1)
    assert float(without) == float(other)
