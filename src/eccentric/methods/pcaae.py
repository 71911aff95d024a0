"""PCA autoencoder, PCAAE (Pham, Ladjal & Newson 2022): one latent after the other, each with an encoder of its own.

Training has d stages of equal length. In stage k a new encoder learns latent k together with the decoder, which takes
latents 1 ... k and zeros in place of the later ones; the encoders of earlier latents are finished and no longer change.
The term keeps the new latent uncorrelated with the earlier ones:

    1 / (k - 1) * sum_{j < k} corr(z_j, z_k)^2.

The latents themselves, in the order in which they were learnt, are the components.

What differs from the paper: it normalises the latents by batch normalisation without scale and shift and penalises
covariances; squared correlations are the same penalty without that layer. The decoder of a stage starts from the
previous stage's weights. Each encoder is the whole network of the architecture, of which one output is used.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from eccentric.methods.base import Method, Outputs, Term, Traits
from eccentric.methods.checks import check_factor
from eccentric.settings import setting

if TYPE_CHECKING:
    from typing import Self

    from jaxtyping import Float
    from torch import Tensor

__all__ = ["PCAAE", "OneByOne", "PCAAESettings", "correlation_with_earlier"]


def correlation_with_earlier(z: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
    """Mean squared correlation of the last column with each of the others; zero for a single column."""
    if z.shape[1] == 1:
        return z.sum() * 0
    centred = z - z.mean(0)
    earlier, last = centred[:, :-1].detach(), centred[:, -1:]
    squared = (earlier * last).sum(0).square()
    return (squared / (earlier.square().sum(0) * last.square().sum()).clamp(min=1e-12)).mean()


class OneByOne(nn.Module):
    """One encoder for each latent, of which one is trained at a time.

    Args:
        encoder: (b, ...) -> (b, dim); trained first. The others are copies with random weights of their own.
        dim: number of latents.
    """

    stage: Tensor

    def __init__(self, encoder: nn.Module, dim: int) -> None:
        super().__init__()
        self.current = encoder
        # Latents before the stage: their finished encoders. After it: the weights that theirs will start from.
        self.others = nn.ModuleList([_with_new_weights(encoder) for _ in range(dim)]).requires_grad_(False)
        self.register_buffer("stage", torch.tensor(0))
        self._stage: int | None = None

    @property
    def stage_number(self) -> int:
        """The number of finished latents, read from the device only once."""
        if self._stage is None:
            self._stage = int(self.stage)
        return self._stage

    def advance(self, stage: int) -> None:
        """Finish latents up to a stage; each next encoder begins with its own first weights."""
        while self.stage_number < stage:
            done = self.stage_number
            self.others[done].load_state_dict(self.current.state_dict())
            self.current.load_state_dict(self.others[done + 1].state_dict())
            self.stage.fill_(done + 1)
            self._stage = done + 1

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b d"]:
        stage = self.stage_number
        with torch.no_grad():
            columns = [encoder(x)[:, k] for k, encoder in enumerate(list(self.others)[:stage])]
        columns.append(self.current(x)[:, stage])
        z = torch.stack(columns, 1)
        return nn.functional.pad(z, (0, len(self.others) - len(columns)))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.others.eval()  # batch normalisation of a finished encoder uses its running averages
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._stage = None


def _with_new_weights(module: nn.Module) -> nn.Module:
    module = copy.deepcopy(module)
    for layer in module.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()  # type: ignore[operator]
    return module


@dataclass(frozen=True)
class PCAAESettings:
    """Settings of PCAAE."""

    weight: float = setting(0.01, "Factor of the mean squared correlation with the earlier latents.")

    def __post_init__(self) -> None:
        check_factor("weight", self.weight)


class PCAAE(Method):
    """Learns one latent after the other, each with its own encoder and uncorrelated with the earlier ones."""

    name: ClassVar[str] = "pcaae"
    title: ClassVar[str] = "PCA autoencoder"
    Settings: ClassVar[type[Any]] = PCAAESettings
    term_titles: ClassVar[dict[str, str]] = {"correlation": "squared correlation with earlier latents"}
    traits: ClassVar[Traits] = Traits(
        scheduled=True,
        capturable=False,
        compilable=False,
        starts_from_pca=False,
        axes="own",
        samplings=("matched", "mixture"),
    )

    def __init__(self, settings: PCAAESettings, dim: int) -> None:
        super().__init__(settings, dim)
        self._stage = 0

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        return OneByOne(encoder, self.dim), decoder

    def before_step(self, progress: float) -> None:
        self._stage = min(int(progress * self.dim + 1e-9), self.dim - 1)

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        assert isinstance(encoder, OneByOne)
        encoder.advance(self._stage)
        return super().forward(encoder, decoder, x)

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        learnt = self.union(outputs.z)[:, : self._stage + 1]
        return {"correlation": Term(correlation_with_earlier(learnt), self.settings.weight, over="union")}

    @classmethod
    def about_spectrum(cls, settings: PCAAESettings) -> str:
        return (
            "PCAAE learns one latent after the other; these are the components, in the order in which they were learnt."
        )
