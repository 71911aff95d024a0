from __future__ import annotations

from functools import partial

import pytest
import torch

from eccentric import EccentricLoss, eccentric_loss
from eccentric.kernels.autograd import value_and_gradient


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(dtype, requires_grad):
    z = torch.randn(33, 5).to(dtype).requires_grad_(requires_grad)
    torch.library.opcheck(value_and_gradient, (z, 1.0, "number", 11.0))
    torch.library.opcheck(value_and_gradient, (z, 1.0, "exact", 0.0))


@pytest.mark.parametrize("shifts", [None, torch.tensor([3, 5])])
def test_opcheck_of_other_strides(shifts):
    """A compiler that is told of other strides than come back reads the gradient in the wrong order."""
    z = torch.randn(8, 500).T.requires_grad_()
    torch.library.opcheck(value_and_gradient, (z, 1.0, "number", 11.0, "auto", shifts))


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_without_a_break(dynamic):
    loss = EccentricLoss(1.5, "exact")
    # The backend that traces all of it, but needs no C++ compiler on the machine.
    compiled = torch.compile(lambda z: 0.001 * loss(z.tanh()), fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for b in (10, 600):
        z = torch.randn(b, 8, requires_grad=True)
        compiled(z).backward()
        gradient, z.grad = z.grad, None
        (0.001 * loss(z.tanh())).backward()
        torch.testing.assert_close(gradient, z.grad)
        torch.testing.assert_close(compiled(z), 0.001 * loss(z.tanh()))


def test_exports():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.loss = torch.nn.Linear(8, 4), EccentricLoss()

        def forward(self, x):
            return self.loss(self.linear(x))

    model, x = Model(), torch.randn(20, 8)
    exported = torch.export.export(model, (x,))
    torch.testing.assert_close(exported.module()(x), model(x))


class TestTorchFunc:
    ensemble = torch.randn(4, 30, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def alone(self, derivative):
        return torch.stack([derivative(z) for z in self.ensemble])

    def test_vmap(self):
        torch.testing.assert_close(torch.vmap(eccentric_loss)(self.ensemble), self.alone(eccentric_loss))

    @pytest.mark.parametrize("randomness", ["same", "different"])
    def test_vmap_of_the_estimate(self, randomness):
        every = torch.vmap(partial(eccentric_loss, pairs=29), randomness=randomness)  # in another order each time
        torch.testing.assert_close(every(self.ensemble), self.alone(eccentric_loss))
        few = torch.vmap(partial(eccentric_loss, pairs=3), randomness=randomness)
        torch.manual_seed(0)
        found = few(self.ensemble[:1].expand(4, -1, -1))
        assert (found == found[0]).all() == (randomness == "same")

    def test_vmap_of_another_dimension(self):
        moved = self.ensemble.movedim(0, 2)
        torch.testing.assert_close(torch.vmap(eccentric_loss, in_dims=2)(moved), self.alone(eccentric_loss))

    def test_gradients_of_an_ensemble(self):
        gradient = torch.func.grad(eccentric_loss)
        torch.testing.assert_close(torch.vmap(gradient)(self.ensemble), self.alone(gradient))

    def test_gradient_through_an_ensemble(self):
        z = self.ensemble.clone().requires_grad_()
        torch.vmap(eccentric_loss)(z).sum().backward()
        torch.testing.assert_close(z.grad, self.alone(torch.func.grad(eccentric_loss)))

    def test_hessian(self):
        def reference(z):
            return eccentric_loss(z, impl="reference")

        z = self.ensemble[0, :6]
        hessian = torch.func.jacrev(torch.func.grad(eccentric_loss))(z)
        truth = torch.func.jacrev(torch.func.grad(reference))(z)
        torch.testing.assert_close(hessian, truth)
