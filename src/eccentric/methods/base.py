"""The contract of a method: what is trained for, beside the reconstruction of the data.

Every objective is

    mean squared error  +  sum_k weight_k * term_k

with the mean over items and over the numbers of an item, in the units that the networks see. A method names the terms
and says how the networks are called. Training, metrics, checkpoints, reports, the command line and the estimator read
all they need from here, so that a new method is one file and one line in `registry.METHODS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from torch import nn

from eccentric.collectives import from_first_rank, union

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Method", "NoSettings", "Outputs", "Term", "Traits"]


class Term(NamedTuple):
    """One term of the objective."""

    value: Tensor
    """A scalar in float32, before its weight."""
    weight: float | Tensor
    """Its factor in the objective."""
    over: Literal["items", "union"] = "items"
    """On several ranks: "items" is a mean over the items of one rank, to be averaged over the ranks by their numbers of
    items; "union" is computed from the batches of all ranks together (see `Method.union`) or from weights alone."""


class Outputs(NamedTuple):
    """What the networks made of a batch."""

    z: Float[Tensor, "b d"]
    """The deterministic latents, as `Method.encode` gives them: the metrics and most terms are computed from these."""
    reconstruction: Float[Tensor, "b ..."]
    """In standardised units."""
    extra: dict[str, Tensor]
    """Whatever else `Method.terms` needs."""


@dataclass(frozen=True)
class Traits:
    """What the rest of the library must know about a method."""

    capturable: bool = True
    """Whether a step can be recorded as a CUDA graph: no shapes or branches that depend on the values of tensors."""
    compilable: bool = True
    """Whether `forward` works under torch.compile; second derivatives do not."""
    has_spectrum: bool = True
    """Whether the latents are continuous, so that they have a covariance and principal components."""
    starts_from_pca: bool = True
    """Whether the first `dim` outputs of the encoder are the latents, so that a table's network can start from PCA."""
    samplings: tuple[str, ...] = ("matched", "standard", "mixture")
    """Ways of sampling latents that suit the method, the most natural first; see `Method.own_samplings` for others."""
    kinds: tuple[str, ...] = ("image", "table", "sequence")
    """The kinds of items it works on. Sequences have different lengths, and x is NaN beyond their ends."""
    axes: Literal["principal", "own"] = "principal"
    """What the components are: the principal axes of the latents, or the latent coordinates themselves, in their own
    order, where training orders them."""
    scheduled: bool = False
    """Whether the objective changes with the share of the training that is done, which then cannot be prolonged."""
    architecture: str | None = None
    """The only architecture it works with, which "auto" then stands for; None where any will do."""


@dataclass(frozen=True)
class NoSettings:
    """Settings of a method that has none."""


class Method(nn.Module):
    """A training objective for an encoder and a decoder.

    A method is a module: parameters that it trains besides the networks, and buffers such as running averages, are part
    of the model. The optimizer, checkpoints and `model.safetensors` hold them without further code.

    Args:
        settings: an instance of `Settings`.
        dim: number of latent dimensions, d.

    Attributes:
        name: by which the registry, the command line and config.json know it.
        title: for readers.
        Settings: frozen dataclass whose fields are made by `eccentric.settings.setting`. It raises `UsageError` for
            values out of range.
        term_titles: the keys of `terms`, in their order, each with its name for readers.
        own_samplings: the ways of sampling that `sample` implements, each with a sentence for readers.
        traits: see `Traits`.
        sync: whether the batch is shared out over several ranks; set by the training step.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Any]] = NoSettings
    term_titles: ClassVar[dict[str, str]] = {}
    own_samplings: ClassVar[dict[str, str]] = {}
    traits: ClassVar[Traits] = Traits()

    def __init__(self, settings: Any, dim: int) -> None:
        super().__init__()
        self.settings, self.dim = settings, dim
        self.sync = False

    @classmethod
    def check(cls, settings: Any, dim: int) -> None:
        """Raise `UsageError` where settings that are right by themselves do not fit the number of dimensions."""

    @property
    def encoder_width(self) -> int:
        """Numbers that the encoder gives for an item; 2 * dim for a Gaussian posterior."""
        return self.dim

    @property
    def decoder_width(self) -> int:
        """Numbers that the decoder takes for an item, which are the latents."""
        return self.dim

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        """The networks as the method needs them, such as with spectral normalisation.

        Called once for a new model, and once when a saved model is opened, before its weights are loaded.
        """
        return encoder, decoder

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        """Call the networks on a batch of standardised data.

        This is what Fabric wraps: autocast, torch.compile and the exchange of gradients work on the calls of networks
        in here and nowhere else. Under autocast the encoder's output may be bfloat16; `terms` gets float32.
        """
        z = self.encode(encoder(x))
        return Outputs(z, decoder(z), {})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        """The terms of the objective besides the mean squared error, by the names in `term_titles`, in float32.

        Args:
            outputs: of `forward`, in float32.
            x: the standardised batch.
            encoder, decoder: for terms of their weights; they must not be called here.
        """
        return {}

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n d"]:
        """The one deterministic latent of each item, from the encoder's output; the decoder takes it as it is."""
        return h

    def sample(
        self, sampling: str, n: int, z: Float[Tensor, "m d"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Random latents by one of `own_samplings`, for the decoder; float32, on the CPU.

        Use `eccentric.evaluation.random_latents.random_latents`, which also knows the ways that all methods share.

        Args:
            sampling: a key of `own_samplings`.
            n: number of latents.
            z: latents of the training items, on the CPU, for what must be fitted.
            generator: the only source of random numbers, on the CPU.
        """
        raise NotImplementedError(f"{self.name} has no sampling of its own")

    def before_step(self, progress: float) -> None:
        """Called before each step with the share of the training that is done, from 0 to 1."""

    def after_step(self) -> None:
        """Called after each step of the optimizer, for moving averages and the like."""

    @classmethod
    def estimator_settings(cls, given: dict[str, Any], dim: int) -> dict[str, Any]:
        """Settings for `EccentricAutoencoder`: those given, and defaults that suit its standardised data."""
        return given

    @classmethod
    def objective(cls, settings: Any) -> str:
        """The objective in one line, for the report."""
        terms = [f"{title} (weight {getattr(settings, 'weight', 1):g})" for title in cls.term_titles.values()]
        return " + ".join(["mean squared error", *terms])

    @classmethod
    def about_spectrum(cls, settings: Any) -> str:
        """What the method aims at in the spectrum, as a sentence for the report; empty if there is nothing to say."""
        return ""

    def union(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "B ..."]:
        """The rows of all ranks together, for terms with `over="union"`; on one rank, z itself.

        A function of the union that every rank computes alike then has the gradient that one process with the whole
        batch would have, after the ranks' gradients are averaged.
        """
        return union(z) if self.sync else z

    def shared(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The first rank's tensor on every rank, for random numbers in a term of the union batch."""
        return from_first_rank(x) if self.sync else x
