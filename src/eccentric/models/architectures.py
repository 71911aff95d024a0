"""Architectures: the items that each supports, and how its encoder and decoder are built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError
from eccentric.models.general import conv_pair, linear_pair, mlp_pair
from eccentric.models.gru import gru_pair
from eccentric.models.paper import celeba_pair, mnist_pair
from eccentric.models.skip import LinearSkip

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from eccentric.data.items import ItemSpec
    from eccentric.methods import Method

__all__ = ["ARCHITECTURES", "STARTS", "Architecture", "build_networks", "choose_architecture", "choose_start"]

STARTS = ("auto", "pca", "random")


@dataclass(frozen=True)
class Architecture:
    """One pair of networks.

    Attributes:
        name: name on the command line and in config.json.
        takes: description of the supported items for error messages, such as "1x28x28 images".
        fits: function that decides whether items of a specification are supported.
        build: (spec, dim, latent_width=, width=) -> encoder (n, *spec.shape) -> (n, latent_width) and decoder
            (n, dim) -> (n, *spec.shape), with random weights.
        without_pca: why the networks cannot start from PCA, as the end of an error message; empty if they can.
    """

    name: str
    takes: str
    fits: Callable[[ItemSpec], bool]
    build: Callable[..., tuple[nn.Module, nn.Module]]
    without_pca: str = ""


def _mnist(spec: ItemSpec, dim: int, **widths: Any) -> tuple[nn.Module, nn.Module]:
    return mnist_pair(dim, **widths)


def _celeba(spec: ItemSpec, dim: int, **widths: Any) -> tuple[nn.Module, nn.Module]:
    return celeba_pair(dim, **widths)


def _conv(spec: ItemSpec, dim: int, **widths: Any) -> tuple[nn.Module, nn.Module]:
    channels, height, width = spec.shape
    return conv_pair((channels, height, width), dim, **widths)


def _mlp(spec: ItemSpec, dim: int, **widths: Any) -> tuple[nn.Module, nn.Module]:
    return mlp_pair(spec.size, dim, **widths)


def _gru(spec: ItemSpec, dim: int, **widths: Any) -> tuple[nn.Module, nn.Module]:
    steps, features = spec.shape
    return gru_pair((steps, features), dim, **widths)


def _linear(spec: ItemSpec, dim: int, *, latent_width: int | None, width: float) -> tuple[nn.Module, nn.Module]:
    return linear_pair(spec.shape, dim, latent_width=latent_width)  # no hidden layers, so width has no effect


# "auto" selects the first one that fits.
ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("mnist", "1x28x28 images", lambda spec: spec.is_image and spec.shape == (1, 28, 28), _mnist),
        Architecture("celeba", "3x64x64 images", lambda spec: spec.is_image and spec.shape == (3, 64, 64), _celeba),
        Architecture("conv", "images", lambda spec: spec.is_image, _conv),
        Architecture("mlp", "tables", lambda spec: spec.is_table, _mlp),
        Architecture("gru", "sequences", lambda spec: spec.is_sequence, _gru, "which needs items of one length"),
        Architecture(
            "linear",
            "images and tables",
            lambda spec: spec.is_image or spec.is_table,
            _linear,
            "which it learns itself",
        ),
    )
}


def choose_architecture(name: str, spec: ItemSpec, method: type[Method] | Method | None = None) -> str:
    """The name of an architecture for the given items; "auto" selects the first that supports them.

    Args:
        name: name of the architecture.
        spec: the items.
        method: training method; if it supports one architecture only, "auto" selects this one.

    Raises:
        UsageError: the architecture is unknown, does not support the items, or does not suit the method.
    """
    needed = method.traits.architecture if method is not None else None
    if method is not None and needed is not None and name not in ("auto", needed):
        raise UsageError(f"method {method.name!r} needs architecture {needed!r}, not {name!r}; leave it to 'auto'")
    name = needed or name
    if name != "auto" and name not in ARCHITECTURES:
        raise UsageError(f"unknown architecture {name!r}; choose one of auto, {', '.join(ARCHITECTURES)}")
    fitting = [architecture.name for architecture in ARCHITECTURES.values() if architecture.fits(spec)]
    if name == "auto":
        return fitting[0]
    if name not in fitting:
        takes = ARCHITECTURES[name].takes
        raise UsageError(f"architecture {name!r} takes {takes}, the data are {spec}; leave it to 'auto'")
    return name


def choose_start(start: str, spec: ItemSpec, architecture: str) -> str:
    """Initialisation of a training, "pca" or "random"; "auto" is "pca" for tables and "random" for other items.

    Args:
        start: one of `STARTS`.
        spec: the items.
        architecture: chosen architecture, or "custom".

    Raises:
        UsageError: the start is unknown, or the architecture cannot start from PCA.
    """
    if start not in STARTS:
        raise UsageError(f"unknown start {start!r}; choose one of {', '.join(STARTS)}")
    known = ARCHITECTURES.get(architecture)  # None for custom modules
    if start == "auto":
        return "pca" if spec.is_table and known is not None and not known.without_pca else "random"
    if start == "pca" and known is not None and known.without_pca:
        raise UsageError(
            f"architecture {architecture!r} cannot start from PCA, {known.without_pca}; leave start to 'auto'"
        )
    return start


def build_networks(
    spec: ItemSpec,
    architecture: str,
    dim: int,
    *,
    latent_width: int | None = None,
    width: float = 1.0,
    method: type[Method] | Method | None = None,
    start: str = "auto",
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder with random weights, in float32 regardless of PyTorch's default.

    Args:
        spec: the items.
        architecture: a key of `ARCHITECTURES`, or "auto".
        dim: number of inputs of the decoder.
        latent_width: number of outputs of the encoder; `dim` by default.
        width: factor on the channels of every hidden layer.
        method: training method, as for `choose_architecture`.
        start: one of `STARTS`. With "pca", a linear map is added in parallel to image networks, see `LinearSkip`.

    Raises:
        UsageError: as for `choose_architecture` and `choose_start`.
    """
    chosen = ARCHITECTURES[choose_architecture(architecture, spec, method)]
    encoder, decoder = chosen.build(spec, dim, latent_width=latent_width, width=width)
    if spec.is_image and choose_start(start, spec, chosen.name) == "pca":
        if method is not None and not method.traits.starts_from_pca:
            raise UsageError(f"method {method.name!r} cannot start from PCA; leave start to 'auto'")
        encoder = LinearSkip(encoder, spec.size, latent_width or dim)
        decoder = LinearSkip(decoder, dim, spec.shape)
    return encoder.float(), decoder.float()
