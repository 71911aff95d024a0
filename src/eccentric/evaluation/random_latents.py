"""Random latents by all ways of sampling, those shared by all methods and those of single methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eccentric.errors import UsageError
from eccentric.evaluation.mixtures import Mixture
from eccentric.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.methods import Method

__all__ = ["SAMPLINGS", "check_sampling", "describe_sampling", "random_latents"]

SAMPLINGS = {
    "standard": "Latents are drawn from a standard normal distribution.",
    "matched": "Latents are drawn from a Gaussian with the mean and the covariance of the training latents.",
    "mixture": "Latents are drawn from a mixture of Gaussians that was fitted to the training latents.",
}


def check_sampling(method: type[Method] | Method, sampling: str) -> None:
    """Raise `UsageError` unless the method supports the way of sampling."""
    known = method.traits.samplings
    if sampling not in known:
        hint = nearest(sampling, known)
        raise UsageError(f"method {method.name!r} has no sampling {sampling!r}{hint}; choose one of {', '.join(known)}")


def describe_sampling(method: type[Method] | Method, sampling: str) -> str:
    """Description of a way of sampling, as a sentence for readers."""
    return {**SAMPLINGS, **method.own_samplings}[sampling]


def random_latents(
    method: Method,
    components: DeepComponents | None,
    training_latents: Callable[[], Float[Tensor, "m d"]],
    n: int,
    sampling: str,
    seed: int | None = None,
) -> Float[Tensor, "n d"]:
    """Random latents of a trained model, float32, on the CPU.

    Args:
        method: trained method.
        components: fitted to the latents of the training items; used by "standard" and "matched". None for a method
            without principal components.
        training_latents: called if a distribution must be fitted to the latents of the training items.
        n: number of latents.
        sampling: one of `method.traits.samplings`.
        seed: seed; None uses a random seed of the operating system.

    Raises:
        UsageError: the method does not support this way of sampling.
    """
    check_sampling(method, sampling)
    if sampling in method.own_samplings:
        generator = torch.Generator()
        generator.seed() if seed is None else generator.manual_seed(seed)
        return method.sample(sampling, n, training_latents().detach().cpu().float(), generator)
    if sampling == "mixture":
        seed = torch.Generator().seed() % 2**32 if seed is None else seed
        return Mixture().fit(training_latents()).sample(n, seed)
    if components is None:
        raise UsageError(
            f"sampling {sampling!r} needs principal components, which a run of method {method.name!r} does not have"
        )
    return components.sample(n, "standard" if sampling == "standard" else "matched", seed)
