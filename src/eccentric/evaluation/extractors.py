"""Feature extractors, which compute the features for fidelity (Table 1)."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from eccentric.devices import find_device
from eccentric.errors import EccentricError, UsageError
from eccentric.inference import in_batches

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

__all__ = ["Extractor", "inception"]

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # the name ends with the SHA-256 of the file


@dataclass(frozen=True)
class Extractor:
    """A network that computes features of images, with a description to be quoted with every result.

    Attributes:
        name: short, for the head of a table.
        protocol: one sentence on the features, the network, its training and accuracy, and the preprocessing.
        network: uint8 images (n, c, h, w) to features (n, f).
        batch: number of images per batch, which limits memory.
    """

    name: str
    protocol: str
    network: nn.Module
    batch: int = 500

    def __call__(self, x: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        """Features of images, float32, on the CPU.

        Raises:
            UsageError: x does not contain uint8 images.
        """
        if x.ndim != 4 or x.dtype != torch.uint8:
            raise UsageError(f"fidelity is measured on uint8 images (n, c, h, w), not on {x.dtype} {tuple(x.shape)}")
        return in_batches(self.network, x, self.network, self.batch)


def inception(weights: str | Path | None = None) -> Extractor:
    """The 2048 pooled features of the Inception network with which the Fréchet inception distance was defined.

    Heusel et al. 2017; the network is torch-fidelity's port of TensorFlow's graph, resizing included.

    Args:
        weights: the file `weights-inception-2015-12-05-6726825d.pth` of torch-fidelity's releases. With None,
            torch-fidelity downloads it once. Name and checksum of another file are part of the protocol.

    Raises:
        UsageError: torch-fidelity or the torchvision that it needs is missing or does not work.
        EccentricError: the weights cannot be read or downloaded.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:  # an incompatible torchvision fails in either way
        raise UsageError(
            f"Inception needs torch-fidelity and a torchvision that fits this torch ({_first_line(error)}); "
            "install them, or use the extractor that is trained on the data"
        ) from None
    told = WEIGHTS if weights is None else _checked(Path(weights))
    try:
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], None if weights is None else str(weights)
        )
    except (OSError, RuntimeError) as error:
        what = "fetched" if weights is None else f"read from {weights}"
        raise EccentricError(
            f"Inception's weights cannot be {what} ({_first_line(error)}); "
            f"give torch-fidelity's {WEIGHTS} as --fid-weights"
        ) from None
    return Extractor(
        "Inception",
        f"the 2048 pooled features of Inception v3 (torch-fidelity's port, {told}), images resized to 299x299 as "
        "TensorFlow 1 does, grey ones repeated in three channels",
        _Inception(network).to(find_device()),
        batch=50,
    )


class _Inception(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Any:
        return self.network(x.expand(-1, 3, -1, -1))[0]


def _checked(path: Path) -> str:
    """Name and checksum, after a check that the file contains only tensors, because torch-fidelity would execute its
    content.
    """
    try:
        torch.load(path, map_location="meta", weights_only=True)
        with path.open("rb") as file:
            return f"{path.name} with SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise EccentricError(f"cannot read {path} as a file of weights ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
