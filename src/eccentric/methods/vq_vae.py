"""VQ-VAE (van den Oord, Vinyals & Kavukcuoglu 2017): latents from a finite codebook.

The encoder gives `tokens` vectors h of d numbers for an item. Each is replaced by the nearest of K codes, e(h), and the
decoder gets all of them, tokens x d numbers. The gradient of the decoder's input goes to h as it is (straight-through),
and the commitment term, a mean over items and numbers,

    mean (h - e(h))^2,    weight 0.25,

keeps the encoder near its codes. Codes follow the vectors that chose them by moving averages over steps (the paper's
appendix A.1): with n_k vectors of the batch at code k and s_k their sum,

    N_k <- decay N_k + (1 - decay) n_k,    m_k <- decay m_k + (1 - decay) s_k,    e_k = m_k / N_k.

On several ranks n_k and s_k are those of all ranks together.

What differs from published code: items give a row of tokens and not a grid, since the networks here end in a vector. A
code with N_k < 0.1 is put onto a random vector of the batch, with N_k = 1, so that no code is lost and the codebook
starts on the data (all N_k are zero at first); the published smoothing of N_k is then not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.nn.functional import one_hot

from eccentric.collectives import sum_over_ranks
from eccentric.errors import UsageError
from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_count, check_factor
from eccentric.methods.precision import at_least_float32
from eccentric.settings import setting

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor, nn

__all__ = ["VQVAE", "VQVAESettings"]

LEAST_COUNT = 0.1  # vectors per step, in the moving average, below which a code is moved


@dataclass(frozen=True)
class VQVAESettings:
    """Settings of the VQ-VAE."""

    weight: float = setting(0.25, "Factor of the commitment term.")
    codes: int = setting(128, "Number of codes in the codebook; each has dim numbers.")
    tokens: int = setting(8, "Number of codes that represent one item.")
    decay: float = setting(0.99, "Decay of the codebook's moving averages in a step.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)
        check_count("codes", self.codes, least=2)
        check_count("tokens", self.tokens)
        if not 0 <= self.decay < 1:
            raise UsageError(f"decay must be 0 or more and below 1, not {self.decay}")


class VQVAE(Method):
    """Replaces the vectors of the encoder with the nearest codes of a codebook, which is updated by moving averages."""

    name: ClassVar[str] = "vq-vae"
    title: ClassVar[str] = "VQ-VAE"
    Settings: ClassVar[type[Any]] = VQVAESettings
    term_titles: ClassVar[dict[str, str]] = {"commitment": "commitment to the codes"}
    own_samplings: ClassVar[dict[str, str]] = {
        "categorical": "The code of each token is drawn according to its frequency among the training items, "
        "independently of the other tokens: there is no prior over whole items."
    }
    traits: ClassVar[Traits] = Traits(has_spectrum=False, starts_from_pca=False, samplings=("categorical",))

    codebook: Tensor
    counts: Tensor
    sums: Tensor
    batch_sums: Tensor
    batch_counts: Tensor
    candidates: Tensor

    def __init__(self, settings: VQVAESettings, dim: int) -> None:
        super().__init__(settings, dim)
        shape = settings.codes, dim
        self.register_buffer("codebook", torch.randn(shape))
        self.register_buffer("counts", torch.zeros(settings.codes))
        self.register_buffer("sums", torch.zeros(shape))
        # What `terms` leaves for `after_step`.
        self.register_buffer("batch_counts", torch.zeros(settings.codes), persistent=False)
        self.register_buffer("batch_sums", torch.zeros(shape), persistent=False)
        self.register_buffer("candidates", torch.zeros(shape), persistent=False)

    @property
    def encoder_width(self) -> int:
        return int(self.settings.tokens * self.dim)

    @property
    def decoder_width(self) -> int:
        return self.encoder_width

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        h = at_least_float32(encoder(x))
        codes = self.nearest(h)
        z = self.codebook[codes].flatten(1)
        return Outputs(z, decoder(h + (z - h).detach()), {"h": h, "codes": codes})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        h = outputs.extra["h"]
        self._count(h.detach().view(-1, self.dim), outputs.extra["codes"].flatten())
        return {"commitment": Term((h - outputs.z).square().mean(), self.settings.weight)}

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n w"]:
        """The concatenated codes of each item."""
        return self.codebook[self.nearest(h)].flatten(1)

    def nearest(self, h: Float[Tensor, "n w"]) -> Int[Tensor, "n tokens"]:
        """Indices of the codes nearest to the vectors of the encoder."""
        vectors = h.unflatten(1, (-1, self.dim))
        with torch.autocast(h.device.type, enabled=False):
            # Squared distances less the vectors' own squares, which all codes share.
            away = self.codebook.square().sum(1) - 2 * vectors.to(self.codebook.dtype) @ self.codebook.T
        return away.argmin(2)

    @torch.no_grad()
    def _count(self, vectors: Tensor, codes: Tensor) -> None:
        # A product with a matrix of zeros and ones: sums by index are not reproducible on a GPU.
        chosen = one_hot(codes, self.settings.codes).to(vectors.dtype)
        self.batch_counts.copy_(chosen.sum(0))
        self.batch_sums.copy_(chosen.T @ vectors)
        picked = torch.randint(len(vectors), (self.settings.codes,), device=vectors.device)
        self.candidates.copy_(vectors[picked])

    @torch.no_grad()
    def after_step(self) -> None:
        batch = torch.cat([self.batch_counts[:, None], self.batch_sums], 1)
        if self.sync:
            batch = sum_over_ranks(batch)
        self.counts.lerp_(batch[:, 0], 1 - self.settings.decay)
        self.sums.lerp_(batch[:, 1:], 1 - self.settings.decay)
        lost = self.counts < LEAST_COUNT
        self.counts.masked_fill_(lost, 1)
        self.sums.copy_(torch.where(lost[:, None], self.shared(self.candidates), self.sums))
        self.codebook.copy_(self.sums / self.counts[:, None])

    def sample(
        self, sampling: str, n: int, z: Float[Tensor, "m w"], generator: torch.Generator
    ) -> Float[Tensor, "n w"]:
        codes, codebook = self.nearest(z.to(self.codebook)), self.codebook.cpu()
        frequencies = one_hot(codes.cpu(), self.settings.codes).sum(0).double()  # (tokens, codes)
        drawn = torch.multinomial(frequencies, n, replacement=True, generator=generator)  # (tokens, n)
        return codebook[drawn.T].flatten(1).float()
