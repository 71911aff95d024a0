"""Regularised linear autoencoder (Kunin et al. 2019; Bao et al. 2020): one linear map each way, with L2 on its weights.

With the weights w_k of the encoder's unit k and v_k of the decoder's input k, the term is

    sum_k c_k (|w_k|^2 + |v_k|^2),   c_k = 1 (uniform), or k / d for k = 1 ... d (uneven).

Where data have the covariance sum_k s_k u_k u_k^T with s descending, in D numbers, the minimum of MSE + weight * term
has w_k and v_k along u_k, both of squared length 1 - D weight c_k / s_k, and latents of variance s_k - D weight c_k:
the principal components, up to a rotation of the latents if the penalty is uniform, and one by one if it is uneven. A
weight above s_k / D empties the latent k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Linear", "LinearSettings"]


@dataclass(frozen=True)
class LinearSettings:
    """Settings of the regularised linear autoencoder."""

    weight: float = setting(0.0001, "Factor of the squared weights.")
    uneven: bool = setting(True, "Whether the penalty grows from the first latent to the last, which orders them.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class Linear(Method):
    """Learns linear principal components by gradient descent, with a penalty on the squared weights."""

    name: ClassVar[str] = "linear"
    title: ClassVar[str] = "regularised linear autoencoder"
    Settings: ClassVar[type[Any]] = LinearSettings
    term_titles: ClassVar[dict[str, str]] = {"weights": "squared weights"}
    traits: ClassVar[Traits] = Traits(architecture="linear", kinds=("image", "table"))

    factors: Tensor

    def __init__(self, settings: LinearSettings, dim: int) -> None:
        super().__init__(settings, dim)
        factors = torch.arange(1, dim + 1) / dim if settings.uneven else torch.ones(dim)
        self.register_buffer("factors", factors, persistent=False)

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        for network in (encoder, decoder):
            _the_layer(network)
        return encoder, decoder

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        squares = _the_layer(encoder).weight.square().sum(1) + _the_layer(decoder).weight.square().sum(0)
        return {"weights": Term((self.factors * squares).sum(), self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: LinearSettings) -> str:
        return "A linear autoencoder finds the principal components of the data, with variances reduced by the penalty."


def _the_layer(network: nn.Module) -> nn.Linear:
    """The one layer with weights of a network."""
    with_weights = [module for module in network.modules() if any(True for _ in module.parameters(recurse=False))]
    if len(with_weights) != 1 or not isinstance(with_weights[0], nn.Linear):
        raise UsageError("method 'linear' needs networks of one linear layer; use the architecture 'linear', or 'auto'")
    return with_weights[0]
