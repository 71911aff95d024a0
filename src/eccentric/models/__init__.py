"""Encoders and decoders: the paper's two pairs, a convolutional pair for any image, an MLP pair for tables."""

from eccentric.models.autoencoder import ARCHITECTURES, Autoencoder, build_pair, choose_architecture
from eccentric.models.general import conv_pair, mlp_pair
from eccentric.models.paper import celeba_pair, mnist_pair
from eccentric.models.start import start_from_pca

__all__ = [
    "ARCHITECTURES",
    "Autoencoder",
    "build_pair",
    "celeba_pair",
    "choose_architecture",
    "conv_pair",
    "mlp_pair",
    "mnist_pair",
    "start_from_pca",
]
