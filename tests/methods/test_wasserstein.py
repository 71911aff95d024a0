"""Wasserstein autoencoders."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from eccentric.methods import Outputs, make_method
from eccentric.methods.wae import SCALES, unbiased_mmd
from tests.methods.checking import NOTHING, objective, pair, trained


def mmd_by_hand(a: torch.Tensor, b: torch.Tensor) -> float:
    d = a.shape[1]

    def k(p: torch.Tensor, q: torch.Tensor) -> float:
        return sum(2 * d * s / (2 * d * s + (p - q).square().sum().item()) for s in SCALES)

    def within(points: torch.Tensor) -> float:
        n = len(points)
        return sum(k(points[i], points[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    return within(a) + within(b) - 2 * sum(k(p, q) for p in a for q in b) / (len(a) * len(b))


def test_mmd_by_hand():
    a, b = torch.randn(7, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64) + 1
    assert unbiased_mmd(a, b).item() == pytest.approx(mmd_by_hand(a, b), rel=1e-10)
    single = unbiased_mmd(a.float(), b.float()).item()
    assert single == pytest.approx(mmd_by_hand(a, b), abs=1e-5)
    assert torch.autograd.gradcheck(lambda a: unbiased_mmd(a, b), a.requires_grad_())


def test_mmd_does_not_depend_on_the_order_of_items():
    a, b = torch.randn(2, 9, 3, dtype=torch.float64)
    torch.testing.assert_close(unbiased_mmd(a.flip(0), b[torch.randperm(9)]), unbiased_mmd(a, b))


def test_mmd_is_unbiased():
    """Zero on average for two batches of one distribution, within four standard errors."""
    torch.manual_seed(0)
    found = torch.stack([unbiased_mmd(*torch.randn(2, 8, 2)) for _ in range(3000)])
    assert found.mean().abs() < 4 * found.std() / 3000**0.5
    biased = found.mean() + 2 * len(SCALES) / 8  # with the diagonals of both, roughly
    assert biased > 100 * found.mean().abs()


def test_mmd_tells_distributions_apart():
    torch.manual_seed(0)
    normal = torch.randn(500, 2)
    shifted, narrow = torch.randn(500, 2) + 1, 0.3 * torch.randn(500, 2)
    alike = unbiased_mmd(torch.randn(500, 2), normal)
    assert unbiased_mmd(shifted, normal) > 0.1 > 10 * alike
    assert unbiased_mmd(narrow, normal) > 10 * alike.abs()
    assert unbiased_mmd(normal[:1], normal[1:2]).isfinite()


@pytest.mark.parametrize(("name", "settings"), [("wae-mmd", {"weight": 1.0}), ("wae-gan", {"weight": 0.3})])
def test_latents_come_near_the_standard_normal(name, settings):
    torch.manual_seed(0)
    x = torch.rand(600, 2) @ torch.randn(2, 12) + 1
    distances = []
    for weight in (0.0, settings["weight"]):
        method = make_method(name, {"weight": weight}, 2)
        encoder, _, _ = trained(method, pair(dim=2), x, steps=300, rate=3e-3)
        with torch.no_grad():
            distances.append(unbiased_mmd(encoder(x), torch.randn(600, 2)).item())
    assert distances[1] < 0.2 * distances[0]


def test_each_network_of_the_gan_has_the_gradient_of_its_own_loss():
    method = make_method("wae-gan", {"weight": 0.5, "hidden": 16}, 3)
    z = torch.randn(20, 3, requires_grad=True)
    torch.manual_seed(1)
    found = method.terms(Outputs(z, NOTHING, {}), NOTHING, nn.Identity(), nn.Identity())
    assert list(found) == list(method.term_titles)
    found["adversarial"].value.backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in method.parameters())
    assert z.grad is not None
    discriminator = method.get_submodule("discriminator")
    expected = -torch.nn.functional.logsigmoid(discriminator(z)).mean()
    torch.testing.assert_close(found["adversarial"].value, expected)
    torch.testing.assert_close(z.grad, torch.autograd.grad(expected, z)[0])
    z.grad = None
    found["discriminator"].value.backward()
    assert z.grad is None
    assert all(parameter.grad is not None for parameter in method.parameters())
    torch.manual_seed(1)
    logits = torch.cat([discriminator(torch.randn_like(z)), discriminator(z)])
    answers = torch.cat([torch.ones(20, 1), torch.zeros(20, 1)])
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, answers)
    torch.testing.assert_close(found["discriminator"].value, 2 * cross_entropy)


def test_the_discriminator_is_saved_with_the_model():
    method = make_method("wae-gan", {"hidden": 8}, 3)
    other = make_method("wae-gan", {"hidden": 8}, 3)
    other.load_state_dict(method.state_dict())
    x = torch.randn(10, 12)
    losses = []
    for one in (method, other):
        torch.manual_seed(0)
        losses.append(objective(one, *pair(dim=3), x))
    assert torch.equal(*losses)
