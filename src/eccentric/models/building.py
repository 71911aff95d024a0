"""Creation of models: networks by name, shift and scale of the data, and initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from eccentric.errors import UsageError
from eccentric.methods.base import NoSettings
from eccentric.methods.plain import Plain
from eccentric.models.architectures import build_networks, choose_architecture, choose_start
from eccentric.models.autoencoder import Autoencoder
from eccentric.models.skip import LinearSkip
from eccentric.models.start import start_from_pca
from eccentric.models.units import units_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Shaped
    from torch import Tensor, nn

    from eccentric.data.items import ItemSpec
    from eccentric.methods import Method

__all__ = ["build_model", "start_model"]


def build_model(
    spec: ItemSpec,
    architecture: str,
    dim: int,
    *,
    method: Callable[[], Method] | None = None,
    width: float = 1.0,
    seed: int = 0,
    start: str = "auto",
    networks: tuple[nn.Module, nn.Module] | None = None,
    units: tuple[Tensor | float, Tensor | float] | None = None,
) -> Autoencoder:
    """Build a model with random weights, which depend only on the seed. PyTorch's random state is preserved.

    Args:
        spec: the items.
        architecture: a key of `ARCHITECTURES`, or "auto".
        dim: latent dimensions.
        method: function that creates the method, which determines the numbers of encoder outputs and decoder inputs; a
            plain autoencoder by default.
        width: factor on the channels of every hidden layer.
        seed: of the weights.
        start: as for `build_networks`; it determines the modules but not their weights.
        networks: custom encoder and decoder, used instead of an architecture.
        units: shift and scale of the data, see `units_of`; by default 0 and 255 for uint8 images, else 0 and 1.

    Raises:
        UsageError: the architecture is unknown, or architecture or method do not support the items.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the caller's GPUs as well
        own = method() if method is not None else Plain(NoSettings(), dim)
        check_kind(own, spec)
        if networks is None:
            torch.default_generator.manual_seed(seed)  # initial networks do not depend on random numbers of the method
            networks = build_networks(
                spec,
                architecture,
                own.decoder_width,
                latent_width=own.encoder_width,
                width=width,
                method=own,
                start=start,
            )
        networks = own.prepare(*networks)
    shift, scale = units or (0.0, 255.0 if spec.dtype == "uint8" else 1.0)
    return Autoencoder(*networks, shift, scale, own, padded=spec.is_sequence)


def start_model(
    x: Shaped[Tensor, "n ..."],
    spec: ItemSpec,
    architecture: str,
    dim: int,
    *,
    method: Callable[[], Method] | None = None,
    width: float = 1.0,
    seed: int = 0,
    networks: tuple[nn.Module, nn.Module] | None = None,
    standardize: bool = True,
    start: str = "auto",
) -> tuple[Autoencoder, list[int]]:
    """Build the initial model of a training, and find the constant columns of a table.

    Shift and scale are those of the training rows.

    Args:
        x: training rows, raw.
        spec, architecture, dim, method, width, seed, networks: as for `build_model`.
        standardize: whether each column of a table is scaled separately; see `units_of`.
        start: "pca" sets the linear maps of the networks to the PCA of the rows, see `start_from_pca`; "random" keeps
            all random weights; "auto" is "pca" for tables and "random" for other items. Custom networks can start from
            PCA if both are wrapped in `LinearSkip`.

    Raises:
        UsageError: the architecture is unknown or does not support the items, custom networks do not fit the data, or
            the networks cannot start from PCA.
    """
    shift, scale, constant = units_of(x, spec, standardize)
    model = build_model(
        spec,
        architecture,
        dim,
        method=method,
        width=width,
        seed=seed,
        start=start,
        networks=networks,
        units=(shift, scale),
    )
    if networks is not None:
        check_shapes(model, x)
        if start == "pca" and not all(isinstance(network, LinearSkip) for network in (model.encoder, model.decoder)):
            raise UsageError(
                "custom modules can start from PCA only if both are wrapped in eccentric.models.LinearSkip; wrap "
                "them, or leave start to 'auto'"
            )
    chosen = "custom" if networks is not None else choose_architecture(architecture, spec, model.method)
    if choose_start(start, spec, chosen) == "pca":
        start_from_pca(model, x)
    return model, constant


def check_kind(method: Method, spec: ItemSpec) -> None:
    """Raise `UsageError` unless the method supports the items."""
    if spec.kind not in method.traits.kinds:
        known = " or ".join(method.traits.kinds)
        raise UsageError(f"method {method.name!r} supports items of kind {known}, but the data are {spec.noun}")


@torch.no_grad()
def check_shapes(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> None:
    """Raise `UsageError` unless the encoder output fits the method and the decoder output has the shape of x.

    The model is set to evaluation mode.
    """
    model.eval()
    target, wanted = model.standardize(x[:1]), model.method.encoder_width
    h = model.encoder(target)
    if tuple(h.shape) != (1, wanted):
        raise UsageError(
            f"the encoder returns latents of shape {tuple(h.shape[1:])}, but method {model.method.name} with dim "
            f"{model.method.dim} needs ({wanted},)"
        )
    reconstruction = model.decoder(model.method.encode(h))
    if reconstruction.shape != target.shape:
        made, given = tuple(reconstruction.shape[1:]), tuple(target.shape[1:])
        raise UsageError(f"the decoder returns items of shape {made}, but the data have {given}")
