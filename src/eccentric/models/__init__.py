"""Encoders and decoders: the paper's two pairs, a convolutional pair for any image, an MLP for tables, linear maps."""

from eccentric.models.architectures import (
    ARCHITECTURES,
    STARTS,
    Architecture,
    build_networks,
    choose_architecture,
    choose_start,
)
from eccentric.models.autoencoder import Autoencoder
from eccentric.models.building import build_model, start_model
from eccentric.models.general import conv_pair, linear_pair, mlp_pair
from eccentric.models.paper import celeba_pair, mnist_pair
from eccentric.models.skip import LinearSkip
from eccentric.models.start import start_from_pca
from eccentric.models.units import Units, rare_columns, units_of

__all__ = [
    "ARCHITECTURES",
    "STARTS",
    "Architecture",
    "Autoencoder",
    "LinearSkip",
    "Units",
    "build_model",
    "build_networks",
    "celeba_pair",
    "choose_architecture",
    "choose_start",
    "conv_pair",
    "linear_pair",
    "mlp_pair",
    "mnist_pair",
    "rare_columns",
    "start_from_pca",
    "start_model",
    "units_of",
]
