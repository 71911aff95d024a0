"""The architectures: which items each takes, and how its encoder and decoder are built."""

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
        name: by which the command line and config.json know it.
        takes: the items it takes, for errors, such as "1x28x28 images".
        fits: whether it takes items of a specification.
        build: (spec, dim, latent_width=, width=) -> encoder (n, *spec.shape) -> (n, latent_width) and decoder
            (n, dim) -> (n, *spec.shape), with random weights.
    """

    name: str
    takes: str
    fits: Callable[[ItemSpec], bool]
    build: Callable[..., tuple[nn.Module, nn.Module]]


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
    return linear_pair(spec.shape, dim, latent_width=latent_width)  # without hidden layers, which a width could scale


# "auto" takes the first that fits.
ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("mnist", "1x28x28 images", lambda spec: spec.is_image and spec.shape == (1, 28, 28), _mnist),
        Architecture("celeba", "3x64x64 images", lambda spec: spec.is_image and spec.shape == (3, 64, 64), _celeba),
        Architecture("conv", "images", lambda spec: spec.is_image, _conv),
        Architecture("mlp", "tables", lambda spec: spec.is_table, _mlp),
        Architecture("gru", "sequences", lambda spec: spec.is_sequence, _gru),
        Architecture("linear", "images and tables", lambda spec: spec.is_image or spec.is_table, _linear),
    )
}


def choose_architecture(name: str, spec: ItemSpec, method: type[Method] | Method | None = None) -> str:
    """The name of an architecture that takes such items; "auto" stands for the first that does.

    Args:
        name: of the architecture.
        spec: the items.
        method: what is trained for; it may work with one architecture only, which "auto" then stands for.

    Raises:
        UsageError: there is no such architecture, it does not take such items, or the method needs another.
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
    """Whether training starts from "pca" or at "random"; "auto" stands for "pca" for tables, "random" for the rest.

    Args:
        start: one of `STARTS`.
        spec: the items.
        architecture: the chosen one, or "custom".

    Raises:
        UsageError: the start is unknown, or such an architecture cannot start from PCA.
    """
    if start not in STARTS:
        raise UsageError(f"unknown start {start!r}; choose one of {', '.join(STARTS)}")
    able = architecture not in ("gru", "linear", "custom")
    if start == "auto":
        return "pca" if spec.is_table and able else "random"
    if start == "pca" and architecture == "gru":
        raise UsageError("architecture 'gru' cannot start from PCA, whose items have one length; leave start to 'auto'")
    if start == "pca" and architecture == "linear":
        raise UsageError("architecture 'linear' cannot start from PCA, which it learns itself; leave start to 'auto'")
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
    """Encoder and decoder with random weights, in float32 whatever PyTorch's default is.

    Args:
        spec: the items.
        architecture: a key of `ARCHITECTURES`, or "auto".
        dim: numbers that the decoder takes for an item.
        latent_width: numbers that the encoder gives for an item; `dim` by default.
        width: factor on the channels of every hidden layer.
        method: what is trained for, as for `choose_architecture`.
        start: one of `STARTS`. With "pca", image networks get a linear map beside them, see `LinearSkip`.

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
