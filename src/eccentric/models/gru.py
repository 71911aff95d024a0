"""A recurrent autoencoder for sequences of different lengths: one GRU reads the steps, another generates them from the
latent.

Sequences are stored in one tensor that is padded with NaN, see `eccentric.padding`. The latent of a sequence depends
only on its real steps. Each reconstructed step depends on the latent and on its index, so a longer reconstruction
begins with the same values and can be cut to any length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from eccentric.models.width import scaled
from eccentric.padding import filled, lengths_of

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["GRUDecoder", "GRUEncoder", "gru_pair"]

HIDDEN = 128  # number of units of each GRU


class GRUEncoder(nn.Module):
    """The state of a GRU after the last real step, followed by a linear map.

    Args:
        features: number of features of a step.
        outputs: number of outputs for a sequence.
        hidden: units of the GRU.
    """

    def __init__(self, features: int, outputs: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Float[Tensor, "n t features"]) -> Float[Tensor, "n outputs"]:
        lengths, x = lengths_of(x), filled(x)
        if packs_on(x.device):
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            state = self.gru(packed)[1][-1]
        else:
            # States depend only on earlier steps, so the state at the last real step equals that of the packed
            # sequence.
            states = self.gru(x)[0]
            state = states[torch.arange(x.shape[0], device=x.device), lengths - 1]
        latent: Tensor = self.last(state)
        return latent


def packs_on(device: torch.device) -> bool:
    """Whether sequences are packed, which avoids computations for the padding.

    Packing needs the lengths on the host, and a step that waits for them can be neither recorded as a CUDA graph nor
    exported.
    """
    return device.type == "cpu" and not torch.compiler.is_compiling()


class GRUDecoder(nn.Module):
    """A GRU with an initial state computed from the latent, which is also the input of every step, followed by a linear
    map.

    Args:
        dim: number of latent dimensions.
        steps: number of generated steps.
        features: number of features of a step.
        hidden: units of the GRU.
    """

    def __init__(self, dim: int, steps: int, features: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.steps = steps
        self.first = nn.Linear(dim, hidden)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.last = nn.Linear(hidden, features)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n steps features"]:
        state = self.first(z).tanh()[None]
        states = self.gru(z[:, None].expand(-1, self.steps, -1).contiguous(), state)[0]
        sequences: Tensor = self.last(states)
        return sequences


def gru_pair(
    shape: tuple[int, int], dim: int, *, latent_width: int | None = None, width: float = 1.0
) -> tuple[GRUEncoder, GRUDecoder]:
    """Encoder (n, t, features) -> (n, latent_width), for any t, and decoder (n, dim) -> (n, steps, features).

    Args:
        shape: shape (steps, features) of the longest sequence.
        dim, latent_width, width: as for `conv_pair`.
    """
    steps, features = shape
    hidden = scaled(HIDDEN, width)
    return GRUEncoder(features, latent_width or dim, hidden), GRUDecoder(dim, steps, features, hidden)
